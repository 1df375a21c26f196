from __future__ import annotations

import pytest

from jumar.core.curve import Point, read_curve


@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b'{"progress": 0.1}',
        b'{"progress": -0.1, "loss": 1}',
        b'{"progress": 7, "loss": 1}',
        b'{"progress": 0.5, "loss": 1.7e308}',
        b'{"progress": 0.5, "loss": "1"}',
        b'{"progress": 0.1, "loss": 1, "x": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"progress": 0.1, "loss": 1, "x": ' + b"[" * 450 + b"]" * 450 + b"}",
        b"\xff\xfe",
    ],
)
def test_a_line_that_is_no_point_is_passed_over(line: bytes) -> None:
    good = b'{"progress": 0.2, "loss": 2.5, "step": 8}\n'
    read = read_curve(good + line + b"\n" + good)
    assert read.count(Point(0.2, 2.5, 8)) == 2
    assert all(abs(point.loss) < 1e100 for point in read)
