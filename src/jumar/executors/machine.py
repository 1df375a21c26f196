"""What this machine is, and whether runs at the same time would slow each other."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from jumar.core.machine import Machine
from jumar.executors.gpus import gpus, names
from jumar.executors.seats import Ground
from jumar.executors.topology import nodes

_BURN_S = 0.4


def this_machine() -> Machine:
    """This machine, as this process may use it."""
    return Machine(
        host=platform.node(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=_memory_bytes(),
        gpus=names(),
    )


def ground() -> Ground:
    """What of it there is to share out among workers."""
    return Ground(cpu=_cpu(), nodes=nodes(), memory_bytes=_memory_bytes(), gpus=gpus())


def free_disk_bytes(folder: Path) -> int:
    """What an ordinary user may still write where `folder` is or will be."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def load() -> float:
    """Processes that wanted to run in the last minute, per core that we may use."""
    return os.getloadavg()[0] / len(os.sched_getaffinity(0))


def slowdown() -> float:
    """How much longer the same work takes with every core busy: 1.0 is not at all. About a second.

    In CPU seconds, so it shows what cores share (cache, memory, clock rate) and not who waits.
    """
    cores = len(os.sched_getaffinity(0))
    return _work_per_cpu_s(1) / _work_per_cpu_s(cores)


def _work_per_cpu_s(processes: int) -> float:
    """The slowest of `processes` side by side. A fresh interpreter each: a fork would share ours."""
    command = [sys.executable, "-I", "-S", "-c", _BURN]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    return min(float(run.communicate()[0]) for run in runs)


_BURN = f"""
import time
block, rounds, start = bytes(1 << 20), 0, time.process_time()
while time.process_time() - start < {_BURN_S}:
    sum(memoryview(block)[::64]); rounds += 1
print(rounds / (time.process_time() - start))
"""


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() in ("model name", "Model"):
                return value.strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory_bytes() -> int:
    """RAM of the machine, or of the container where that is less."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            whole = min(whole, int(Path(path).read_text()))
        except (OSError, ValueError):
            continue
    return whole
