"""The system-call filter, run by a small interpreter of classic BPF: what the kernel will answer."""

from __future__ import annotations

import errno
import struct

import pytest

from jumar.errors import SandboxUnavailable
from jumar.sandboxes import seccomp

ALLOWED, KILLED = "allowed", "killed"
ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
MACHINES = list(ARCHITECTURE)
LAUNCHER = seccomp.LAUNCHER


def answer(program: bytes, number: int, *arguments: int, architecture: int) -> str:
    """What `program` says to a call, as an errno's name or `allowed` or `killed`."""
    six = [argument & (2**64 - 1) for argument in (*arguments, 0, 0, 0, 0, 0, 0)[:6]]
    call = struct.pack("=iIQ6Q", number, architecture, 0, *six)
    code = list(struct.iter_unpack("=HBBI", program))
    at, accumulator = 0, 0
    while True:
        operation, when_true, when_false, k = code[at]
        at += 1
        if operation == 0x20:
            accumulator = int.from_bytes(call[k : k + 4], "little")
        elif operation == 0x06:
            what, detail = k & 0xFFFF0000, k & 0xFFFF
            if what == 0x50000:
                return errno.errorcode.get(detail, "done")
            return ALLOWED if what == 0x7FFF0000 else KILLED
        else:
            tests = {0x15: accumulator == k, 0x35: accumulator >= k, 0x45: bool(accumulator & k)}
            at += when_true if tests[operation] else when_false


class Filter:
    """One filter for one machine, asked by the names of calls."""

    calls = (
        seccomp.DENIED
        | seccomp.ABSENT
        | seccomp.HOLLOW
        | seccomp.LASTING
        | seccomp.PINNING
        | {
            "clone": (56, 220),
            "clone3": (435, 435),
            "socket": (41, 198),
            "read": (0, 63),
            "execve": (59, 221),
            "kill": (62, 129),
            "tgkill": (234, 131),
            "fcntl": (72, 25),
            "fadvise64": (221, 223),
            "preadv2": (327, 286),
        }
    )

    def __init__(self, machine: str, families: tuple[int, ...] = seccomp.FAMILIES, **more: bool):
        self.program = seccomp.program(families, machine=machine, **more)
        self.column, self.architecture = MACHINES.index(machine), ARCHITECTURE[machine]

    def __call__(self, name: str, *arguments: int) -> str:
        number = self.calls[name][self.column]
        assert number is not None
        return answer(self.program, number, *arguments, architecture=self.architecture)


@pytest.mark.parametrize("machine", MACHINES)
def test_ordinary_calls_are_allowed(machine: str) -> None:
    asked = Filter(machine)
    assert {asked(name) for name in ("read", "execve", "kill")} == {ALLOWED}


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("launched", [False, True])
def test_each_call_of_the_deny_list_is_not_permitted(machine: str, launched: bool) -> None:
    asked = Filter(machine, launched=launched)
    known = [name for name, numbers in seccomp.DENIED.items() if numbers[asked.column] is not None]
    assert {name: asked(name) for name in known} == dict.fromkeys(known, "EPERM")


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("launched", [False, True])
def test_files_cannot_be_watched_and_locks_work(machine: str, launched: bool) -> None:
    asked = Filter(machine, launched=launched)
    known = [name for name, numbers in seccomp.ABSENT.items() if numbers[asked.column] is not None]
    assert {"inotify_init1", "inotify_add_watch", "fanotify_init"} <= set(known)
    assert {name: asked(name) for name in known} == dict.fromkeys(known, "ENOSYS")
    for watching in (1024, 1025, 1026):  # F_SETLEASE, F_GETLEASE, F_NOTIFY
        assert asked("fcntl", 3, watching) == "EINVAL"
    for ordinary in (1, 2, 3, 5, 6, 7, 36, 37, 38, 1030, 1031, 1033):
        assert asked("fcntl", 1024, ordinary) == ALLOWED


@pytest.mark.parametrize("machine", MACHINES)
def test_what_all_have_in_the_cache_is_neither_dropped_nor_told(machine: str) -> None:
    asked = Filter(machine)
    assert [asked("fadvise64", 3, 0, 0, advice) for advice in range(6)] == [*[ALLOWED] * 4, "done", ALLOWED]
    assert [asked("preadv2", 3, 0, 1, 0, 0, flags) for flags in (0, 1, 8, 9)] == [
        *[ALLOWED] * 2,
        *[errno.errorcode[errno.EOPNOTSUPP]] * 2,
    ]


@pytest.mark.parametrize("machine", MACHINES)
def test_new_namespaces_are_refused_and_threads_are_not(machine: str) -> None:
    asked = Filter(machine)
    assert asked("clone", 0x01200011) == ALLOWED  # fork
    assert asked("clone", 0x003D0F00) == ALLOWED  # a thread
    for flag in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert asked("clone", flag | 17) == "EPERM"
    assert asked("clone3") == "ENOSYS"


@pytest.mark.parametrize("machine", MACHINES)
def test_sockets_are_limited_to_the_families_given(machine: str) -> None:
    vsock, alg = 40, 38
    asked = Filter(machine)
    assert [asked("socket", family) for family in seccomp.FAMILIES] == [ALLOWED] * 4
    assert [asked("socket", family) for family in (vsock, alg)] == ["EAFNOSUPPORT"] * 2
    none = Filter(machine, families=())
    assert {none("socket", family) for family in (*seccomp.FAMILIES, vsock)} == {"EAFNOSUPPORT"}


@pytest.mark.parametrize("machine", MACHINES)
def test_who_has_cores_of_its_own_keeps_them(machine: str) -> None:
    assert Filter(machine)("sched_setaffinity") == ALLOWED
    assert Filter(machine, pinned=True)("sched_setaffinity") == "done"


@pytest.mark.parametrize("machine", MACHINES)
def test_another_architecture_is_killed(machine: str) -> None:
    other = next(value for name, value in ARCHITECTURE.items() if name != machine)
    assert answer(Filter(machine).program, 0, architecture=other) == KILLED


def test_the_third_interface_of_x86_is_not_there() -> None:
    asked = Filter("x86_64")
    assert answer(asked.program, 0x40000000 | 59, architecture=asked.architecture) == "ENOSYS"


@pytest.mark.parametrize("machine", MACHINES)
def test_a_launched_run_can_signal_anybody_but_its_launcher(machine: str) -> None:
    asked = Filter(machine, launched=True)
    for target in (LAUNCHER, -LAUNCHER, -1):
        assert asked("kill", target) == "EPERM"
    assert asked("kill", 4711) == ALLOWED
    assert asked("tgkill", LAUNCHER) == "EPERM"
    assert asked("tgkill", 4711) == ALLOWED


@pytest.mark.parametrize("machine", MACHINES)
def test_changes_of_modes_are_answered_as_done_where_landlock_does_not_look(machine: str) -> None:
    hollow = Filter(machine, launched=True)
    known = [name for name, numbers in seccomp.HOLLOW.items() if numbers[hollow.column] is not None]
    assert {hollow(name) for name in known} == {"done"}
    assert {Filter(machine)(name) for name in known} == {ALLOWED}


@pytest.mark.parametrize("machine", MACHINES)
def test_what_lasts_in_the_kernel_is_refused_where_no_namespace_holds_it(machine: str) -> None:
    launched = Filter(machine, launched=True)
    assert {launched(name) for name in seccomp.LASTING} == {"EPERM"}
    assert {Filter(machine)(name) for name in seccomp.LASTING} == {ALLOWED}


def test_a_machine_without_a_table_is_refused() -> None:
    with pytest.raises(SandboxUnavailable, match="riscv64"):
        seccomp.program((), machine="riscv64")


def test_the_tables_name_each_number_once() -> None:
    for column in (0, 1):
        calls = seccomp.DENIED | seccomp.HOLLOW | seccomp.LASTING
        numbers = [pair[column] for pair in calls.values() if pair[column] is not None]
        assert len(set(numbers)) == len(numbers)
