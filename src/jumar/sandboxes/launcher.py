"""Starts one command, outlives it, and ends and reaps all that it left behind.

For the sandboxes without namespaces. A spare of the warden plays this part (see `warden.py`): it is
the reaper of its descendants, however often they fork and whatever session they are in. It reports
the command's wait status, and the CPU seconds and peak memory of everything that it reaped.
"""

from __future__ import annotations

import ctypes
import marshal
import os
import resource
import sys
from signal import SIG_DFL, SIGKILL, SIGPIPE, SIGTERM, signal
from typing import Any

from jumar.sandboxes.metering import below

_SET_PDEATHSIG, _SET_SECCOMP, _SET_NO_NEW_PRIVS, _SET_CHILD_SUBREAPER = 1, 22, 38, 36
_CAPBSET_DROP, _CAP_AMBIENT, _CAP_AMBIENT_RAISE = 24, 47, 2
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_CAPSET = {"x86_64": 126, "aarch64": 91}
_PATH_BENEATH = 1

_libc = ctypes.CDLL(None, use_errno=True)


def launch(order: dict[str, Any], warden: int) -> None:
    """Start the command of `order` as its `confine` says, report, and end when all of it has ended."""
    report_fd = order["confine"]["report"]
    os.set_inheritable(report_fd, False)
    _prctl(_SET_CHILD_SUBREAPER, 1)
    signal(SIGTERM, lambda _number, _frame: _kill_below())
    _prctl(_SET_PDEATHSIG, SIGTERM)
    complaint, trouble = os.pipe()
    try:
        command = os.fork()
    except OSError as error:
        why = f"prepare: no process can be made: {error.strerror}"
        os.write(report_fd, marshal.dumps((0, 0.0, 0, why)))
        return
    if command == 0:
        _become(order, trouble)
    os.close(trouble)
    with os.fdopen(complaint, "rb") as file:
        why = file.read().decode("utf-8", "replace")
    if os.getppid() != warden:
        _kill_below()
    pid, status = 0, 0
    while pid != command:  # reaping every orphan, too
        pid, status, _ = os.wait4(-1, 0)
    end_all_below()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = (status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, why)
    os.write(report_fd, marshal.dumps(report))


def end_all_below() -> None:
    """Kill every descendant; those of the killed become our own children, until there are none."""
    while True:
        _kill_below()
        try:
            os.wait4(-1, 0)
        except ChildProcessError:
            return


def _kill_below() -> None:
    for pid in below(os.getpid()):
        try:
            os.kill(pid, SIGKILL)
        except OSError:
            continue


def _become(order: dict[str, Any], trouble: int) -> None:
    """In the child: take on every limit, then the command. What goes wrong is told on `trouble`."""
    step, spec = "prepare", order["confine"]
    try:
        os.setsid()
        signal(SIGTERM, SIG_DFL)
        signal(SIGPIPE, SIG_DFL)
        os.chdir(spec["folder"])
        if ruleset := spec["landlock"]:
            _landlock(*ruleset)
        if spec["uid"] is not None:
            _drop(spec["uid"], spec["capabilities"])
        for name, value in spec["rlimits"].items():
            resource.setrlimit(getattr(resource, f"RLIMIT_{name.upper()}"), (value, value))
        _prctl(_SET_NO_NEW_PRIVS, 1)
        if spec["seccomp"]:
            _seccomp(_protecting_the_launcher(spec["seccomp"]))
        step = "start"
        os.execve(order["command"][0], order["command"], order["env"])
    except (OSError, ValueError) as error:
        os.write(trouble, f"{step}: {error}".encode())
    finally:
        os._exit(127)


def _landlock(attributes: bytes, rules: list[tuple[str, int]], scoped: bool) -> None:
    """Allow what `rules` say below their paths, and nothing else."""
    ruleset = _call(_CREATE_RULESET, attributes, len(attributes), 0)
    for path, allowed in rules:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = allowed.to_bytes(8, sys.byteorder) + fd.to_bytes(4, sys.byteorder)
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
        os.close(fd)
    _prctl(_SET_NO_NEW_PRIVS, 1)
    _call(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _drop(uid: int, keep: list[int]) -> None:
    """Become `uid`, with no capability but those in `keep`, which hold across the exec."""
    for capability in range(64):
        if capability not in keep:
            _libc.prctl(_CAPBSET_DROP, capability, 0, 0, 0)  # those past the kernel's last one fail
    _prctl(8, 1)  # PR_SET_KEEPCAPS
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    mask = sum(1 << capability for capability in keep)
    header = (0x20080522).to_bytes(4, sys.byteorder) + bytes(4)
    words = [mask & 0xFFFFFFFF] * 3 + [mask >> 32] * 3
    _call(_CAPSET[os.uname().machine], header, b"".join(w.to_bytes(4, sys.byteorder) for w in words))
    for capability in keep:
        _prctl(_CAP_AMBIENT, _CAP_AMBIENT_RAISE, capability)


def _protecting_the_launcher(program: bytes) -> bytes:
    """Put our parent's process id where the filter has the number that stands for it."""
    launcher, stand_in = os.getppid(), 0x3FEDCAFE
    for sign in (1, -1):
        program = program.replace(_word(sign * stand_in), _word(sign * launcher))
    return program


def _word(number: int) -> bytes:
    return (number & 0xFFFFFFFF).to_bytes(4, sys.byteorder)


def _seccomp(program: bytes) -> None:
    code = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = (("count", ctypes.c_ushort), ("code", ctypes.c_void_p))

    filter = Program(len(program) // 8, ctypes.addressof(code))
    if _libc.prctl(_SET_SECCOMP, 2, ctypes.byref(filter), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


def _prctl(option: int, *arguments: int) -> None:
    padded = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    if _libc.prctl(option, *padded) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def _call(number: int, *arguments: int | bytes) -> int:
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = int(_libc.syscall(ctypes.c_long(number), *wide))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{os.strerror(ctypes.get_errno())} (system call {number})")
    return result
