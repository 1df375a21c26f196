"""What a command needs to be visible, found in real folders."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from jumar.sandboxes.programs import Missing, find


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tree").mkdir()
    return tmp_path / "tree"


def program(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def venv(folder: Path, base: Path) -> Path:
    program(base / "bin" / "python3")
    (base / "lib" / "python3.12").mkdir(parents=True)
    (base / "lib" / "python3.12" / "os.py").touch()
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(base / "bin" / "python3")
    (folder / "pyvenv.cfg").write_text(f"home = {base}/bin\nversion = 3.12.1\n")
    return folder


def test_a_program_of_the_system_needs_nothing(tree: Path) -> None:
    found = find(("sh", "-c", "true"), "/usr/bin:/bin", tree)
    assert found.needs == ()
    assert found.command == ("/usr/bin/sh", "-c", "true")
    assert found.search == "/usr/bin:/bin"


def test_a_virtual_environment_brings_its_base_along(tree: Path, tmp_path: Path) -> None:
    own = venv(tmp_path / "venv", tmp_path / "cpython")
    for command in (("python",), (str(own / "bin" / "python"),)):
        found = find(command, f"{own}/bin:/usr/bin", tree)
        assert set(found.needs) == {own, tmp_path / "cpython"}
        assert found.search == f"{own}/bin:/usr/bin"


def test_a_script_of_an_environment_brings_its_interpreter(tree: Path, tmp_path: Path) -> None:
    own = venv(tmp_path / "venv", tmp_path / "cpython")
    program(tmp_path / "tools" / "check", f"#!{own}/bin/python\n")
    found = find(("check",), f"{tmp_path}/tools:/usr/bin", tree)
    assert set(found.needs) == {own, tmp_path / "cpython", tmp_path / "tools" / "check"}


def test_an_environment_on_the_path_is_there_for_what_the_command_calls(tree: Path, tmp_path: Path) -> None:
    own = venv(tmp_path / "venv", tmp_path / "cpython")
    assert own in find(("sh",), f"{own}/bin:/usr/bin", tree).needs


def test_a_lone_program_shows_one_file_and_never_its_folder(tree: Path, tmp_path: Path) -> None:
    tool = program(tmp_path / "home" / "bin" / "tool")
    found = find(("tool",), f"{tool.parent}:/usr/bin", tree)
    assert found.needs == (tool,)
    assert found.search == f"{tool.parent}:/usr/bin"  # where that one file is all there is


def test_what_a_link_leads_to_is_shown(tree: Path, tmp_path: Path) -> None:
    real = program(tmp_path / "opt" / "thing-1.2" / "run")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "thing").symlink_to(real)
    assert set(find(("thing",), f"{tmp_path}/bin", tree).needs) == {real, tmp_path / "bin" / "thing"}


def test_env_in_a_first_line_is_followed(tree: Path, tmp_path: Path) -> None:
    own = venv(tmp_path / "venv", tmp_path / "cpython")
    program(tree / "go", "#!/usr/bin/env python\n")
    found = find(("./go",), f"{own}/bin:/usr/bin", tree)
    assert found.command == ("./go",)
    assert own in found.needs


def test_a_program_of_npm_brings_its_packages_and_its_interpreter(tree: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "node"
    node = program(prefix / "bin" / "node")
    real = program(prefix / "lib" / "node_modules" / "@a" / "tool" / "tool.js", "#!/usr/bin/env node\n")
    (prefix / "bin" / "tool").symlink_to(real)
    found = find(("tool",), f"{prefix}/bin:/usr/bin", tree)
    assert found.command == (str(real),)
    assert set(found.needs) == {prefix / "lib" / "node_modules", node}
    assert found.search == f"{prefix}/bin:/usr/bin"


def test_our_own_python_is_found_with_its_library(tree: Path) -> None:
    found = find((sys.executable,), os.defpath, tree)
    library = Path(os.__file__)
    assert library.is_relative_to("/usr") or any(library.is_relative_to(need) for need in found.needs)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ((), "empty"),
        (("nothing-like-it",), "nothing-like-it does not exist in any folder of PATH"),
        (("./nothing",), "./nothing does not exist"),
        (("./data",), "./data may not be executed"),
        (("./words",), "neither a program nor a script"),
        (("./orphan",), "/no/such/shell does not exist"),
        (("./round",), "does not exist"),
        (("../outside",), "../outside lies outside the tree"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_started_is_told(tree: Path, command: tuple[str, ...], why: str) -> None:
    (tree / "data").write_text("x")
    program(tree / "words", "just words\n")
    program(tree / "orphan", "#!/no/such/shell\n")
    program(tree.parent / "outside")
    (tree / "round").symlink_to(tree / "round")
    with pytest.raises(Missing, match=why):
        find(command, "/usr/bin", tree)


@pytest.mark.skipif(os.geteuid() != 0, reason="users are changed by root alone")
def test_an_environment_whose_base_this_user_may_not_enter_is_told(tree: Path) -> None:
    place = Path(tempfile.mkdtemp(prefix="jumar-closed-", dir="/tmp"))
    own = venv(place / "venv", place / "home" / "cpython")
    (place / "home").chmod(0o700)
    place.chmod(0o755)
    os.seteuid(61_234)
    try:
        with pytest.raises(Missing, match="python may not be executed"):
            find(("python",), f"{own}/bin", tree)
        assert find(("sh",), f"{own}/bin:/usr/bin", tree).command == ("/usr/bin/sh",)
    finally:
        os.seteuid(0)
        shutil.rmtree(place)
