"""A folder of files becomes edits."""

from __future__ import annotations

import os
from pathlib import Path

from jumar.agents.patches import read_files
from jumar.rules.scope import MOST_BYTES


def test_of_a_checkpoint_in_a_work_tree_no_more_is_read_than_shows_that_it_is_too_large(
    tmp_path: Path,
) -> None:
    for name in ("data.bin", "checkpoint.bin"):
        with (tmp_path / name).open("wb") as file:
            os.truncate(file.fileno(), MOST_BYTES + 9)
    checkpoint, data = read_files(tmp_path, {"data.bin"})
    assert (checkpoint.path, len(checkpoint.content or b"")) == ("checkpoint.bin", MOST_BYTES + 1)
    assert (data.path, len(data.content or b"")) == ("data.bin", MOST_BYTES + 9)
