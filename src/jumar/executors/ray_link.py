"""The way to a Ray cluster: joining one or starting our own, and what Ray says in words of ours."""

from __future__ import annotations

import os
from pathlib import Path

import ray
from ray.exceptions import (
    NodeDiedError,
    ObjectLostError,
    RayActorError,
    RayError,
)

import jumar
from jumar.errors import EnvironmentUnfit, JumarError, Usage
from jumar.executors.ray_cluster import answers
from jumar.executors.ray_shares import Machine

_SAYS_NO_MORE = {"log_to_driver": False, "logging_level": "ERROR"}


def connect(address: str | None, folder: Path) -> None:
    """Join the cluster at `address`, or start a Ray on this machine alone, which writes to `folder`.

    Raises Usage or EnvironmentUnfit.
    """
    if address is None:
        _start_own(folder)
        return
    _refuse_dead(address)
    try:
        ray.init(address=address, **_SAYS_NO_MORE)
    except (RayError, RuntimeError, ConnectionError, ValueError, OSError) as error:
        raise _in_our_words(address, str(error)) from error


def _start_own(folder: Path) -> None:
    try:
        ray.init(
            num_cpus=len(os.sched_getaffinity(0)),
            include_dashboard=False,
            _temp_dir=str(folder),
            _node_ip_address="127.0.0.1",
            **_SAYS_NO_MORE,
        )
    except Exception as error:  # Ray raises nothing more precise when one of its processes is late
        raise EnvironmentUnfit(
            f"Ray could not be started on this machine: {str(error).partition(chr(10))[0][:300]}",
            fix="see whether the machine is very busy or short of memory, and start again",
        ) from error


def _refuse_dead(address: str) -> None:
    if address == "auto":
        return
    _, colon, port = address.rpartition(":")
    if "://" in address or not colon or not port.isdigit():
        raise Usage(
            f"--address {address} is not where a Ray cluster can be joined",
            fix="give HOST:PORT of its head (6379, as a rule), or `auto` on one of its machines",
        )
    if not answers(address):
        raise EnvironmentUnfit(
            f"no Ray cluster answers at {address}",
            fix="see that its head runs (`ray status` there) and that this machine reaches it",
        )


def _in_our_words(address: str, said: str) -> EnvironmentUnfit:
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["without a word"]
    if "Version mismatch" in said:
        words = " ".join(lines)
        return EnvironmentUnfit(
            f"the Ray cluster at {address}: {words}", fix="install the same here as there"
        )
    if "Failed to connect" in said:  # it answers, as we know by now: so does a wrong token look
        return EnvironmentUnfit(
            f"what answers at {address} does not let us in as a part of a Ray cluster",
            fix="see that it is one, and that it has our token (RAY_AUTH_TOKEN, or ~/.ray/auth_token) "
            f"and Ray {ray.__version__}",
        )
    if "Could not find any running Ray" in said:
        return EnvironmentUnfit(
            "no Ray cluster runs on this machine, so --address auto finds none",
            fix="`ray start --head` starts one; without --address Jumar starts its own",
        )
    return EnvironmentUnfit(
        f"the Ray cluster at {address} could not be joined: {lines[0][:300]}",
        fix=f"make this machine a part of it: `ray start --address={address} --num-cpus=0`",
    )


def machines_of_the_cluster() -> tuple[Machine, ...]:
    """Those that are alive as far as the head knows."""
    return tuple(
        Machine(node=each["NodeID"], host=each["NodeManagerHostname"], resources=each["Resources"])
        for each in ray.nodes()
        if each["Alive"]
    )


def why_lost(machine: Machine, error: Exception) -> str:
    """Why a job was lost, in a few words."""
    said = str(error)
    if getattr(error, "preempted", False):
        return f"the machine {machine.host} was preempted"
    if "node has died" in said or "node is dead" in said or isinstance(error, NodeDiedError):
        return f"the machine {machine.host} died, or left the cluster"
    if "low on memory" in said:
        return f"the machine {machine.host} ran out of memory, and Ray killed the worker"
    if isinstance(error, ObjectLostError):
        return f"what the run was shown was lost on its way to {machine.host}"
    if isinstance(error, RayActorError):
        return f"its worker on {machine.host} was killed, or that machine died"
    return f"its worker on {machine.host} failed: {said.strip().splitlines()[-1][:300]}"


def why_unfit(machine: Machine, error: Exception) -> JumarError:
    """Why no seat could be made on a machine."""
    lines = [line.strip() for line in str(error).strip().splitlines()]
    lacking = next((line for line in lines if "No module named" in line), "")
    if lacking:
        return EnvironmentUnfit(
            f"{machine.host}: {lacking.removeprefix('ModuleNotFoundError: ')}",
            fix=f"install jumar {jumar.__version__} where `ray start` is called there",
        )
    return EnvironmentUnfit(
        f"{machine.host}: a worker could not be started: {(lines or [type(error).__name__])[-1][:300]}",
        fix="see its logs there (/tmp/ray/session_latest/logs)",
    )
