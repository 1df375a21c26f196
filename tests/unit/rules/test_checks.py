from __future__ import annotations

import shlex

import pytest

from jumar.rules.checks import deciders, script, unproven
from jumar.rules.scope import matches


def protects(command: str, path: str) -> bool:
    return matches(path, tuple(deciders(shlex.split(command))))


@pytest.mark.parametrize(
    ("command", "path"),
    [
        ("python3 check.py", "check.py"),
        ("python -X dev ./tools/check.py --fast", "tools/check.py"),
        ("bash check.sh", "check.sh"),
        ("./check.sh train.py", "check.sh"),
        ("python -m tools.check", "tools/check.py"),
        ("python -m tools.check", "tools/check/__main__.py"),
        ("python3 -m unittest -q test_sorter", "test_sorter.py"),
        ("python3 -m unittest -q test_sorter", "unittest.py"),
        ("python3 -m unittest sorting.exam.Cases.test_one", "sorting/exam.py"),
        ("python -m unittest discover -s src -p 'check_*.py'", "src/check_one.py"),
        ("pytest -q", "test_sorter.py"),
        ("pytest -q", "src/sorter_test.py"),
        ("pytest -q", "src/conftest.py"),
        ("pytest -q", "tests/helpers.py"),
        ("uv run pytest exam/sorting.py::test_one", "exam/sorting.py"),
        ("pytest -q", "pytest.ini"),
        ("pytest -q", ".pytest.ini"),
        ("python -m pytest src", "src/pytest.ini"),
        ("py.test", "tox.ini"),
        ("uv run pytest", "pyproject.toml"),
        ("pytest", "setup.cfg"),
        ("tox -e py311", "tox.ini"),
        ("tox", "tests/test_one.py"),
        ("nox", "noxfile.py"),
        ("mypy train.py", "mypy.ini"),
        ("ruff check .", "ruff.toml"),
        ("npx jest", "jest.config.ts"),
        ("npm test", "package.json"),
        ("yarn test", "src/sort.test.ts"),
        ("cargo test --quiet", "Cargo.toml"),
        ("make check", "Makefile"),
    ],
)
def test_what_decides_in_a_check_is_protected_whether_it_is_there_or_not(command: str, path: str) -> None:
    assert protects(command, path)


@pytest.mark.parametrize(
    "command",
    ["mypy train.py", "ruff check .", "python -m mypy train.py", "pytest .", "pytest src", "python -c train"],
)
def test_what_is_checked_may_change(command: str) -> None:
    for path in ("train.py", "src/train.py", "latest.py"):
        assert not protects(command, path)


def test_what_a_build_follows_may_be_tuned() -> None:
    assert not protects("cargo build --release", "Cargo.toml")
    assert not protects("python check.py", "pytest.ini")


def test_only_a_file_of_the_targets_own_is_its_script() -> None:
    assert [script(shlex.split(command)) for command in ("/bin/check.sh", "sh ~/check.sh", "true")] == [
        ""
    ] * 3


PASSED = b"...\n----\nRan 3 tests in 0.001s\n\nOK\n"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("python -m unittest -q", PASSED),
        ("pytest -q", b"...  [100%]\n3 passed in 0.01s\n"),
        ("pytest --color=yes", b"\x1b[32m===== \x1b[32m\x1b[1m12 passed\x1b[0m, 1 skipped in 0.01s"),
        ("pytest -qq", b"...                                     [100%]\n"),
        ("python check.py", b""),
    ],
)
def test_a_runner_that_ran_tests_says_so_and_other_checks_need_not(command: str, said: bytes) -> None:
    assert unproven(shlex.split(command), said) == ""


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("python -m unittest -q", b""),
        ("python -m unittest -q", b"Ran 0 tests in 0.000s\n\nOK\n"),
        ("pytest -q", b""),
        ("pytest", b"===== test session starts =====\ncollected 3 items\n"),
        ("pytest", b"===== 0 passed, 3 skipped ====="),
    ],
)
def test_an_exit_code_alone_is_no_proof_that_tests_ran(command: str, said: bytes) -> None:
    assert "does not say that a test was run" in unproven(shlex.split(command), said)
