import pytest

from jumar import errors
from jumar.cli.exits import Exit, exit_of


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.Usage, 2),
        (errors.ContractInvalid, 2),
        (errors.EnvironmentUnfit, 3),
        (errors.TargetUnfit, 3),
        (errors.SandboxUnavailable, 3),
        (errors.StudyHeld, 3),
        (errors.NotMeasurable, 4),
        (errors.LedgerUnfit, 5),
        (errors.LedgerConflict, 5),
        (errors.AgentFailed, 6),
    ],
)
def test_an_error_ends_with_the_code_that_the_tree_of_errors_shows(
    kind: type[errors.JumarError], code: int
) -> None:
    assert exit_of(kind("problem", fix="fix")) == code
    if kind is not errors.ContractInvalid and kind.__bases__ == (errors.JumarError,):
        assert f"{kind.__name__} " in (errors.__doc__ or "")


def test_every_error_has_a_code_that_is_not_the_one_of_our_own_mistakes() -> None:
    kinds = [each for each in vars(errors).values() if isinstance(each, type)]
    for kind in kinds:
        if issubclass(kind, errors.JumarError) and kind not in (errors.JumarError, errors.Breach):
            assert exit_of(kind("problem", fix="fix")) is not Exit.BUG
    assert exit_of(errors.Breach("problem", fix="fix", code="outside-scope")) is Exit.USAGE
