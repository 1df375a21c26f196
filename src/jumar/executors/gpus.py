"""Which NVIDIA GPUs this process may use, whole or in instances (MIG), as their own tool tells."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import msgspec

VISIBLE = "CUDA_VISIBLE_DEVICES"  #: in a run's environment: which it may use
_GPU = re.compile(r"GPU (\d+): (.*) \(UUID: (GPU-\S+)\)")
_INSTANCE = re.compile(r"\s+MIG .*\(UUID: (MIG-\S+)\)")


class Gpu(msgspec.Struct, frozen=True, kw_only=True):
    """One GPU. `instances` are the parts that it is divided into, if it is."""

    index: int
    name: str
    uuid: str
    instances: tuple[str, ...] = ()


def gpus() -> tuple[Gpu, ...]:
    """Those that our own CUDA_VISIBLE_DEVICES leaves to us; none where there is no such tool."""
    found: list[Gpu] = []
    for line in _told("-L").splitlines():
        if gpu := _GPU.match(line):
            found.append(Gpu(index=int(gpu[1]), name=gpu[2], uuid=gpu[3]))
        elif found and (instance := _INSTANCE.match(line)):
            last = found[-1]
            found[-1] = msgspec.structs.replace(last, instances=(*last.instances, instance[1]))
    visible = os.environ.get(VISIBLE)
    return tuple(found) if visible is None else _chosen(found, visible.split(","))


def names() -> tuple[str, ...]:
    """What kind each is, with its memory."""
    said = _told("--query-gpu=name,memory.total", "--format=csv,noheader")
    return tuple(line.strip() for line in said.splitlines() if line.strip())


def _told(*words: str) -> str:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ""
    try:
        return subprocess.run([tool, *words], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def _chosen(found: list[Gpu], visible: list[str]) -> tuple[Gpu, ...]:
    """Those that are named, by number or by the beginning of what identifies them."""
    chosen = []
    for name in filter(None, map(str.strip, visible)):
        for gpu in found:
            instances = tuple(each for each in gpu.instances if each.startswith(name))
            if name == str(gpu.index) or gpu.uuid.startswith(name):
                chosen.append(gpu)
            elif instances:
                chosen.append(msgspec.structs.replace(gpu, instances=instances))
    return tuple(chosen)
