"""Runs a command as an ordinary child: the explicit last resort, and not a boundary.

Stops: running on after the end (also as a daemon, unless it attacks its launcher or asks another
service to start something), too much CPU, memory, output and disk, inheriting our environment.
Does not stop: reading and writing every file of this user, hidden data and other runs included; the
network; looking at and signalling other processes of this user, our own environment included.
"""

from __future__ import annotations

import os

from jumar.core.job import Job
from jumar.core.sandbox import Confined, Promise
from jumar.sandboxes.confined import Startable, Streams, environment, launch, make_out, not_started
from jumar.sandboxes.launching import link_inputs, make_scratch, start
from jumar.sandboxes.limits import rlimits
from jumar.sandboxes.metering import tasks_of_this_user
from jumar.sandboxes.programs import Missing, find

_PROMISES = {Promise.METERS_CPU, Promise.CAPS_MEMORY, Promise.CAPS_DISK}


class Process:
    """Nothing but limits, a session of its own and a clean environment."""

    name = "process"

    def __init__(self) -> None:
        # The kernel does not count root's processes.
        capped = set() if os.geteuid() == 0 else {Promise.CAPS_PROCESSES}
        self.promises = frozenset(_PROMISES | capped)

    def launch(self, job: Job) -> Confined:
        """Start `job`. It ends with this process, however that ends: see `warden.py`."""
        return launch(job, self._start)

    def _start(self, job: Job, streams: Streams) -> Startable:
        make_out(job.out)
        search = job.env.get("PATH", os.environ.get("PATH", os.defpath))
        try:
            program = find(job.command, search, job.tree)
        except Missing as missing:
            return not_started(job, str(missing))
        link_inputs(job)
        home = job.out.resolve() / job.home if job.home else os.path.expanduser("~")
        places = {"home": str(home), "out": str(job.out.resolve())}
        env = environment(job, streams, search=search, **places, scratch=str(make_scratch(job)))
        confine: dict[str, object] = {
            "rlimits": rlimits(job.caps, tasks_of_this_user()),
            "landlock": None,
            "seccomp": b"",
            "uid": None,
            "capabilities": [],
        }
        return start(job, streams, program.command, env, confine)
