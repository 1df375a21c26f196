from __future__ import annotations

import pytest
from click.testing import CliRunner

from jumar.cli import doctor as module
from jumar.cli.exits import Exit
from jumar.inspection import Finding


@pytest.mark.parametrize(
    ("passes", "code", "mark"), [(True, Exit.DONE, "note"), (False, Exit.ENVIRONMENT, "mend")]
)
def test_what_passes_by_itself_is_a_note_and_no_fault(
    passes: bool, code: Exit, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = (Finding(name="load", value="0.9 per core", ok=False, fix="wait", passes=passes),)
    monkeypatch.setattr(module, "inspect_machine", lambda _: found)
    done = CliRunner().invoke(module.doctor, [], standalone_mode=False)
    assert done.return_value == code
    assert done.stdout.startswith(mark)
