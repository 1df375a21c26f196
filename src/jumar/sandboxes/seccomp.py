"""The system-call filter that every strong sandbox loads, assembled here as classic BPF.

A deny list: what a program that computes never needs and what has led out of sandboxes before
(namespaces, mounts, keys, tracing, bpf, io_uring, user faults …) answers EPERM. `clone3` answers
ENOSYS, because its flags lie in memory where a filter cannot look, and the C libraries then fall
back to `clone`, whose flags are checked. Watching files (inotify, fanotify, leases) and looking
into the page cache, or emptying it, is not there: two runs see the same system files, and could talk
by them. File locks, shared futexes and the time that a read takes remain: honest programs need them,
and a filter does not see which file is meant.
Another architecture's calls kill the process. Sockets
are limited to families: vsock, for one, ignores network namespaces.

The aarch64 numbers are those of the kernel's generic table; only x86_64 was run.
"""

from __future__ import annotations

import errno
import functools
import os
import struct

from jumar.errors import SandboxUnavailable

#: name → (x86_64, aarch64); None where the architecture has no such call
DENIED: dict[str, tuple[int | None, int | None]] = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "reboot": (169, 142),
    "syslog": (103, 116),
    "vhangup": (153, 58),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "uselib": (134, None),
    "memfd_secret": (447, 447),
}

#: these tell what others do to files that both may read, and answer as if this kernel had none of them
ABSENT: dict[str, tuple[int | None, int | None]] = {
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "cachestat": (451, 451),
}

#: these answer "done" and do nothing where Landlock confines: it does not look at them
HOLLOW: dict[str, tuple[int | None, int | None]] = {
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
}

#: these make what outlives its maker and belongs to the whole machine, where no namespace holds it
LASTING: dict[str, tuple[int | None, int | None]] = {
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
}

#: answers "done" and does nothing where a run has cores of its own: the others are its neighbours'
PINNING: dict[str, tuple[int | None, int | None]] = {"sched_setaffinity": (203, 122)}

#: calls that send signals, or lead to it; their first argument says to whom
_SIGNALLING: dict[str, tuple[int, int]] = {
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_open": (434, 434),
}
LAUNCHER = 0x3FEDCAFE  #: stands for the launcher's process id, which replaces it when it is known
_EVERYONE = 0xFFFFFFFF  # kill(-1)

_CALLS = {"clone": (56, 220), "clone3": (435, 435), "socket": (41, 198), "fcntl": (72, 25)}
_CACHE_CALLS = {"fadvise64": (221, 223), "preadv2": (327, 286)}
_DONTNEED, _NOWAIT = 4, 8  # would empty the cache that all share, and tell what is in it
_WATCHING = (1024, 1025, 1026)  # fcntl's F_SETLEASE, F_GETLEASE, F_NOTIFY: who else opens or changes a file
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_NEW_NAMESPACES = 0x7E020080  # every CLONE_NEW* flag
_X32 = 0x40000000

AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16
FAMILIES = (AF_UNIX, AF_INET, AF_INET6, AF_NETLINK)  #: for a network namespace of one's own

_ALLOW, _KILL, _DONE = 0x7FFF0000, 0x80000000, 0x50000
_EPERM, _ENOSYS, _EINVAL, _EAFNOSUPPORT, _EOPNOTSUPP = (
    0x50000 | e for e in (errno.EPERM, errno.ENOSYS, errno.EINVAL, errno.EAFNOSUPPORT, errno.EOPNOTSUPP)
)
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _FIRST_ARGUMENT, _SECOND_ARGUMENT, _FOURTH_ARGUMENT, _SIXTH_ARGUMENT = 0, 4, 16, 24, 40, 56


_Code = list[tuple[int, int, int, int]]


@functools.cache
def program(
    families: tuple[int, ...], *, launched: bool = False, pinned: bool = False, machine: str = ""
) -> bytes:
    """The filter for this machine; `families` are the socket families that may be created.

    `launched` adds what namespaces would do: files keep their modes, nothing that lasts is shared
    through the kernel, and the process called LAUNCHER cannot be signalled. With `pinned`, whoever
    asks for other cores keeps those that it has. Raises SandboxUnavailable on an architecture without
    a table.
    """
    machine = machine or os.uname().machine
    if machine not in _ARCHITECTURES:
        raise SandboxUnavailable(
            f"there is no table of system calls for {machine}", fix="use an x86_64 or aarch64 machine"
        )
    column, audit = _ARCHITECTURES[machine]
    code = [(_LOAD, 0, 0, _ARCH), (_EQUAL, 1, 0, audit), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, _NUMBER)]
    if machine == "x86_64":
        code += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _ENOSYS)]
    code += _answer(DENIED, column, _EPERM) + _answer(ABSENT, column, _ENOSYS)
    if pinned:
        code += _answer(PINNING, column, _DONE)
    if launched:
        code += _answer(HOLLOW, column, _DONE) + _answer(LASTING, column, _EPERM)
        for numbers in _SIGNALLING.values():
            code += _unless(numbers[column], (LAUNCHER, -LAUNCHER & _EVERYONE, _EVERYONE), _ALLOW, _EPERM)
    code += [(_EQUAL, 0, 1, _CALLS["clone3"][column]), (_RETURN, 0, 0, _ENOSYS)]
    code += [
        (_EQUAL, 0, 4, _CALLS["clone"][column]),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_ANY_BIT, 0, 1, _NEW_NAMESPACES),
        (_RETURN, 0, 0, _EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
    code += _unless(_CALLS["fcntl"][column], _WATCHING, _ALLOW, _EINVAL, argument=_SECOND_ARGUMENT)
    code += _unless(_CACHE_CALLS["fadvise64"][column], (_DONTNEED,), _ALLOW, _DONE, argument=_FOURTH_ARGUMENT)
    code += [
        (_EQUAL, 0, 4, _CACHE_CALLS["preadv2"][column]),
        (_LOAD, 0, 0, _SIXTH_ARGUMENT),
        (_ANY_BIT, 0, 1, _NOWAIT),
        (_RETURN, 0, 0, _EOPNOTSUPP),
        (_RETURN, 0, 0, _ALLOW),
    ]
    code += _unless(_CALLS["socket"][column], families, _EAFNOSUPPORT, _ALLOW)
    code += [(_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _answer(calls: dict[str, tuple[int | None, int | None]], column: int, answer: int) -> _Code:
    """Give `answer` to each of `calls`."""
    code: _Code = []
    for numbers in calls.values():
        if (number := numbers[column]) is not None:
            code += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, answer)]
    return code


def _unless(
    number: int, values: tuple[int, ...], answer: int, listed: int, *, argument: int = _FIRST_ARGUMENT
) -> _Code:
    """Call `number` gets `answer`, but `listed` where its `argument` is one of `values`."""
    code: _Code = [(_EQUAL, 0, len(values) + 3, number), (_LOAD, 0, 0, argument)]
    code += [(_EQUAL, len(values) - at, 0, value) for at, value in enumerate(values)]
    return [*code, (_RETURN, 0, 0, answer), (_RETURN, 0, 0, listed)]
