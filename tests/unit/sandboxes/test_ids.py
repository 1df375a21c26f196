from __future__ import annotations

from itertools import pairwise

from jumar.sandboxes.ids import unused_uid


def test_user_ids_are_distinct_and_tell_no_order() -> None:
    drawn = [unused_uid() for _ in range(200)]
    assert len(set(drawn)) == len(drawn)
    assert all(uid >= 20_000 for uid in drawn)
    assert 40 < sum(later > earlier for earlier, later in pairwise(drawn)) < 160
