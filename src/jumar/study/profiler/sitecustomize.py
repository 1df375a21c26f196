"""Runs within a profiled run, before its own code: cProfile from the first line to the last.

Python imports a module of this name when it starts. It uses the standard library alone, and leaves a
`profile-PID.json` in the run's output folder. A process that ends without a word (os._exit, a signal)
leaves none; threads beside the main one are not seen.
"""

import atexit
import cProfile
import json
import os
import sys
import time

_begun = time.perf_counter()
_profile = cProfile.Profile()


def _started_s() -> float:
    """How long this process had lived before it came here."""
    try:
        with open("/proc/self/stat", encoding="ascii", errors="replace") as file:
            ticks = int(file.read().rpartition(")")[2].split()[19])
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError):
        return 0.0


def _tell() -> None:
    _profile.disable()
    found = []
    for entry in _profile.getstats():
        code = entry.code
        if isinstance(code, str):
            file, line, name = "", 0, code
        else:
            file, line, name = (
                code.co_filename,
                code.co_firstlineno,
                getattr(code, "co_qualname", code.co_name),
            )
        found.append((file, line, name, entry.callcount, entry.inlinetime, entry.totaltime))
    hot = sorted(found, key=lambda one: -one[4])[:60]
    modules = sorted((one for one in found if one[2] == "<module>"), key=lambda one: -one[5])[:40]
    told = {
        "startup_s": _startup_s,
        "wall_s": time.perf_counter() - _begun,
        "own_s": sum(one[4] for one in found),
        "command": " ".join(getattr(sys, "orig_argv", sys.argv))[:200],
        "folder": os.getcwd(),
        "hot": hot,
        "modules": modules,
    }
    try:
        path = os.path.join(os.environ["JUMAR_OUT"], f"profile-{os.getpid()}.json")
        with open(path, "w", encoding="ascii") as out:
            json.dump(told, out)
    except (OSError, KeyError):
        pass


_startup_s = _started_s()
atexit.register(_tell)
_profile.enable()
