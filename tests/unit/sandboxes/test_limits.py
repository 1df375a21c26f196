"""What caps become as limits of the kernel."""

from __future__ import annotations

from jumar.core.job import Caps
from jumar.sandboxes.limits import rlimits, scratch_bytes


def test_the_limit_on_a_file_lies_just_above_the_caps_so_that_passing_them_shows() -> None:
    fsize = rlimits(Caps(wall_s=1, disk_bytes=1000, output_bytes=500))["fsize"]
    assert 1000 < fsize < 100_000


def test_processes_of_the_same_user_are_added_where_the_kernel_counts_them_along() -> None:
    assert rlimits(Caps(wall_s=1, processes=10), others=5)["nproc"] == 15


def test_cpu_is_left_to_the_watcher_so_that_a_program_can_still_read_its_own() -> None:
    assert "cpu" not in rlimits(Caps(wall_s=1, cpu_s=2.5))


def test_scratch_is_half_the_memory() -> None:
    assert scratch_bytes(Caps(wall_s=1, memory_bytes=1 << 30)) == 1 << 29
    assert scratch_bytes(Caps(wall_s=1)) > 0
