from __future__ import annotations

import unicodedata

import pytest

from jumar.core.proposal import REGULAR, Edit
from jumar.core.workspace import EXECUTABLE, LINK, SUBMODULE, TreeFile
from jumar.errors import Breach
from jumar.rules.scope import MOST_BYTES, MOST_EDITS, check_scope, matches

BLOB = "0" * 40
TREE = {
    path: TreeFile(mode=mode, blob=BLOB)
    for path, mode in {
        "train.py": REGULAR,
        "score.py": REGULAR,
        "run.sh": EXECUTABLE,
        "src/model.py": REGULAR,
        "src/deep/layer.py": REGULAR,
        "latest": LINK,
        "vendor": SUBMODULE,
        "Caf\u00e9.py": REGULAR,
        "Makefile": REGULAR,
        "makefile": REGULAR,
    }.items()
}


def code_of(*edits: Edit, editable: tuple[str, ...] = ("**",), protected: tuple[str, ...] = ()) -> str:
    """The breach's code, or nothing where the edits are in scope."""
    try:
        check_scope(edits, TREE, editable, protected)
    except Breach as breach:
        assert breach.problem and breach.fix
        return breach.code
    return ""


def edit(path: str, content: bytes | None = b"x = 1\n", mode: int = REGULAR) -> Edit:
    return Edit(path=path, content=content, mode=mode)


@pytest.mark.parametrize(
    ("glob", "inside", "outside"),
    [
        ("train.py", ["train.py"], ["src/train.py", "train.pyc", "Train.py"]),
        ("/train.py", ["train.py"], ["src/train.py"]),
        ("./train.py", ["train.py"], ["x/train.py"]),
        ("*.py", ["train.py", ".py"], ["src/train.py", "train.py/x"]),
        ("*", ["train.py", "src"], ["src/model.py"]),
        ("src", ["src", "src/model.py", "src/deep/layer.py"], ["srcs/model.py", "x/src/model.py"]),
        ("src/", ["src/model.py", "src/deep/layer.py"], ["src", "srcs/x"]),
        ("src/*", ["src/model.py"], ["src/deep/layer.py", "src"]),
        ("src/**", ["src/model.py", "src/deep/layer.py"], ["train.py", "srcs/x"]),
        ("**/*.py", ["train.py", "src/model.py", "src/deep/layer.py"], ["Makefile", "x.py/y"]),
        ("src/**/layer.py", ["src/layer.py", "src/deep/layer.py", "src/a/b/layer.py"], ["layer.py"]),
        ("**", ["train.py", "src/deep/layer.py"], []),
        (".", ["train.py", "src/deep/layer.py"], []),
        ("f?.py", ["f1.py"], ["f.py", "f/.py", "f12.py"]),
        ("f[0-3].py", ["f2.py"], ["f4.py"]),
        ("f[!0-3].py", ["f4.py"], ["f2.py"]),
        ("../x", [], ["x", "src/x"]),
    ],
)
def test_a_glob_covers_what_its_rules_say(glob: str, inside: list[str], outside: list[str]) -> None:
    assert [path for path in inside if not matches(path, [glob])] == []
    assert [path for path in outside if matches(path, [glob])] == []


def test_the_last_glob_that_covers_a_path_decides() -> None:
    globs = ["src", "!src/deep", "src/deep/layer.py"]
    assert [matches(path, globs) for path in ("src/a.py", "src/deep/b.py", "src/deep/layer.py")] == [
        True,
        False,
        True,
    ]
    assert not matches("train.py", ["!train.py"])
    assert not matches("train.py", [])


def test_edits_of_editable_files_are_in_scope() -> None:
    edits = [edit("train.py"), edit("src/new.py"), edit("src/model.py", None), edit("src/a/b/c.py")]
    assert code_of(*edits) == ""
    assert code_of() == ""


@pytest.mark.parametrize("path", ["score.py", "other/score.py", "train.pyc"])
def test_a_path_outside_the_globs_is_refused(path: str) -> None:
    assert code_of(edit(path), editable=("train.py", "src")) == "outside-scope"


def test_a_protected_path_is_refused_though_it_is_editable() -> None:
    assert code_of(edit("score.py"), protected=("score.py",)) == "protected-file"
    assert code_of(edit("src/deep/layer.py", None), protected=("src/deep",)) == "protected-file"


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        "src/.git",
        ".GIT/hooks/post-commit",
        ".gitmodules",
        ".gitattributes",
        "src/.gitignore",
        ".github/workflows/ci.yml",
        ".g\u200cit/config",
        "\ufeff.git/config",
        ".\u202egit",
        "\uff0egit/config",
        "\u2024git/config",
        ".\uff47\uff49\uff54/config",
        "GIT~1/config",
        "git~2",
        "GITMOD~1",
        "gi7eba~1",
        ".git /config",
        ".git./config",
        ".git::$INDEX_ALLOCATION/config",
    ],
)
def test_git_s_own_files_are_refused_in_every_disguise(path: str) -> None:
    assert code_of(edit(path)) == "git-internals"


@pytest.mark.parametrize("path", ["git.py", "src/git/refs.py", "digit~1.py", "my.git.py", "gist~.py"])
def test_a_name_that_only_mentions_git_is_allowed(path: str) -> None:
    assert code_of(edit(path)) == ""


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../train.py",
        "src/../../train.py",
        "src/./model.py",
        "src//model.py",
        "src/",
        "..\\train.py",
        "C:\\train.py",
        "train\0.py",
        "train\n.py",
        "train\x1b[2J.py",
        "train\x7f.py",
        "tra\u200bin.py",
        "tra\u202ein.py",
        "tra\u00adin.py",
        "train\u2028.py",
        "train\udcff.py",
        "train.py.",
        "train.py ",
        "src /model.py",
        "x" * 256 + ".py",
        "x/" * 600 + "y.py",
        "x/" * 70 + "y.py",
    ],
)
def test_a_path_that_is_not_plain_is_refused(path: str) -> None:
    assert code_of(edit(path)) == "path-escape"


@pytest.mark.parametrize("path", ["modèle.py", "模型/train.py", "a b.py", "c++/x-1_2.py", "…/x.py"])
def test_a_plain_name_in_any_script_is_allowed(path: str) -> None:
    assert code_of(edit(path)) == ""


@pytest.mark.parametrize(
    "changed", [edit("new", mode=LINK), edit("latest"), edit("latest", None), edit("latest/x.py")]
)
def test_links_are_neither_made_nor_changed_nor_passed_through(changed: Edit) -> None:
    assert code_of(changed) == "symbolic-link"


@pytest.mark.parametrize(
    "changed", [edit("new", mode=SUBMODULE), edit("vendor", None), edit("vendor"), edit("vendor/x.py")]
)
def test_submodules_are_left_alone(changed: Edit) -> None:
    assert code_of(changed) == "submodule"


@pytest.mark.parametrize(
    "changed",
    [
        edit("new.sh", mode=EXECUTABLE),
        edit("train.py", mode=EXECUTABLE),
        edit("new", mode=0o040000),
        edit("n", mode=0),
    ],
)
def test_a_mode_is_not_changed(changed: Edit) -> None:
    assert code_of(changed) == "mode-change"


def test_the_mode_of_a_file_that_exists_may_be_said_or_left_unsaid() -> None:
    assert code_of(edit("run.sh", mode=EXECUTABLE)) == ""
    assert code_of(edit("run.sh")) == ""
    assert code_of(edit("run.sh", None)) == ""


@pytest.mark.parametrize(
    "edits",
    [
        [edit("src")],
        [edit("src/deep", None)],
        [edit("train.py/x.py")],
        [edit("gone.py", None)],
        [edit("new"), edit("new/x.py")],
        [edit("new/x.py"), edit("new")],
    ],
)
def test_an_edit_writes_a_file_where_a_file_can_be(edits: list[Edit]) -> None:
    assert code_of(*edits) == "not-a-file"


@pytest.mark.parametrize(
    "edits",
    [
        [edit("Train.py")],
        [edit("SRC/other.py")],
        [edit("src/MODEL.py")],
        [edit(unicodedata.normalize("NFD", "Café.py"))],
        [edit("caf\u00e9.py")],
        [edit("\uff54rain.py")],
        [edit("a.py"), edit("A.py")],
        [edit("x/a.py"), edit("X/b.py")],
        [edit("train.py"), edit("train.py")],
        [edit("stra\u00dfe.py"), edit("strasse.py")],
    ],
)
def test_two_names_that_some_system_takes_for_one_are_refused(edits: list[Edit]) -> None:
    assert code_of(*edits) == "name-collision"


def test_names_that_collide_in_the_parent_already_can_be_edited() -> None:
    assert code_of(edit("Makefile"), edit("makefile", None)) == ""


def test_a_proposal_has_a_size() -> None:
    assert code_of(edit("train.py", bytes(MOST_BYTES))) == ""
    assert code_of(edit("train.py", bytes(MOST_BYTES)), edit("src/model.py", b"x")) == "too-large"
    assert code_of(*(edit(f"f{number}.py") for number in range(MOST_EDITS + 1))) == "too-large"


def test_a_breach_says_what_it_is_about() -> None:
    with pytest.raises(Breach, match=r"score\.py is not editable .*train\.py, src") as caught:
        check_scope([edit("score.py")], TREE, ["train.py", "src"], [])
    assert caught.value.code == "outside-scope"


def test_a_hostile_path_is_shown_without_its_control_characters() -> None:
    with pytest.raises(Breach) as caught:
        check_scope([edit("a\x1b[2J\u202e.py")], TREE, ["**"], [])
    assert caught.value.problem.isascii() and caught.value.problem.isprintable()
