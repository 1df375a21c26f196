"""What passes between us and a program at its workbench: questions and answers, and settings that it renews.

Both are folders that the program may do anything to, so they are opened before it starts, and nothing
in them is followed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

QUESTIONS, ANSWERS, SCRIPT = "questions", "answers", "ask.sh"
MOST_QUESTION_BYTES = 16 << 10
MOST_SETTING_BYTES = 256 << 10
_MOST_QUESTIONS = 1000  # of one errand: whoever asks more is in a loop
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

# It waits for as long as it takes: an answer comes within a fraction of a second, or the errand ends.
_ASK = b"""#!/bin/sh
# Asks the study's record: sh .jumar/ask.sh TOOL '{"argument": "value"}'
cd "$(dirname "$0")" || exit 1
name=$(mktemp questions/draft.XXXXXXXX) || exit 1
printf '%s\\n' "$@" >"$name"
mv "$name" "questions/${name##*.}"
while [ ! -e "answers/${name##*.}" ]; do sleep 0.1; done
cat "answers/${name##*.}"
"""


class Counter:
    """Answers the questions that lie in a folder of papers."""

    def __init__(self, papers: Path, answer: Callable[[bytes], bytes]) -> None:
        self._answer = answer
        self._seen: set[str] = set()
        (papers / SCRIPT).write_bytes(_ASK)
        (papers / SCRIPT).chmod(0o755)
        for name, mode in ((QUESTIONS, 0o777), (ANSWERS, 0o755)):
            (papers / name).mkdir()
            (papers / name).chmod(mode)
        self._questions = os.open(papers / QUESTIONS, _FOLDER)
        self._answers = os.open(papers / ANSWERS, _FOLDER)

    def __enter__(self) -> Counter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._questions)
        os.close(self._answers)

    def serve(self) -> None:
        """Answer what was asked since the last time."""
        with os.scandir(self._questions) as entries:
            asked = [entry.name for entry in entries if not entry.name.startswith("draft.")]
        fresh = [name for name in asked if name not in self._seen]
        for name in fresh[: _MOST_QUESTIONS - len(self._seen)]:
            self._seen.add(name)
            question = _read(self._questions, (name,), MOST_QUESTION_BYTES)
            if question is not None:
                self._put(name, self._answer(question))

    def _put(self, name: str, answer: bytes) -> None:
        draft = f"draft.{len(self._seen)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with suppress(OSError):  # it took the folder away, or filled it: then it goes without
            with os.fdopen(os.open(draft, flags, 0o644, dir_fd=self._answers), "wb") as file:
                file.write(answer)
            os.chmod(draft, 0o644, dir_fd=self._answers)
            os.rename(draft, name, src_dir_fd=self._answers, dst_dir_fd=self._answers)


class Settings:
    """Notices which files of a home are different from what was put there."""

    def __init__(self, home: Path, settings: Mapping[str, bytes]) -> None:
        self._known = dict(settings)
        self._home = os.open(home, _FOLDER)

    def __enter__(self) -> Settings:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._home)

    def tell(self, renewed: Callable[[str, bytes], None]) -> None:
        """Tell of each file that is different from when it was last told of."""
        for name, known in tuple(self._known.items()):
            content = _read(self._home, tuple(name.split("/")), MOST_SETTING_BYTES)
            if content is not None and content != known:
                self._known[name] = content
                renewed(name, content)


def _read(folder: int, names: tuple[str, ...], most: int) -> bytes | None:
    """An ordinary file below an open folder, reached without a link; None where there is none."""
    held = [os.dup(folder)]
    try:
        for name in names[:-1]:
            held.append(os.open(name, _FOLDER, dir_fd=held[-1]))
        held.append(os.open(names[-1], _FILE, dir_fd=held[-1]))
        if not stat.S_ISREG(os.fstat(held[-1]).st_mode):
            return None
        with os.fdopen(held[-1], "rb", closefd=False) as file:
            content = file.read(most + 1)
        return content if len(content) <= most else None
    except OSError:
        return None
    finally:
        for fd in held:
            os.close(fd)
