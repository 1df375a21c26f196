"""Two clones exchange experiments through a bare repository; what is forged or hostile is refused by name."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pygit2
import pytest
from pygit2.enums import FileMode, ObjectType

from jumar.app import Study, open_study
from jumar.core.contract import Direction
from jumar.core.event import Heard
from jumar.core.hearsay import FOREIGN, Hearsay
from jumar.core.verdict import Decision
from jumar.errors import JumarError, Usage
from jumar.exchange import Exchange
from jumar.home import Home, Options
from jumar.rules.hearsay import write_record
from jumar.testing.repository import HOOKS, Repository
from jumar.testing.tiny import CONTRACT, EXACT, Cli
from jumar.workspaces import remote
from jumar.workspaces.received import tag_of

THEIRS = "0123456789ab"
PLACE = "refs/jumar/tiny/by"
PATCH = """\
a lower rate
--- a/work.py
+++ b/work.py
@@ -4,2 +4,2 @@
-RATE = 3.0  # 0.1 .. 10
+RATE = 2.0  # 0.1 .. 10
 WIDTH = 4  # one of: 4, 8, 16
"""


@pytest.fixture
def target(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "one")
    contract = CONTRACT.replace("experiments = 8", "experiments = 40")
    patches = {"patches/1.patch": PATCH.replace("2.0", "9.0"), "patches/2.patch": PATCH}
    made.commit(**{"work.py": EXACT, "jumar.toml": contract, **patches})
    made.git("init", "-q", "--bare", "-b", "main", "../bare.git")
    made.git("remote", "add", "origin", "../bare.git")
    return made


def exchange_of(folder: Path) -> Exchange:
    study = open_study(folder)
    record = study.record()
    assert record
    return Exchange(Home(folder=study.folder, study=study.name), record, study.contract)


def worked(folder: Path, agent: str, experiments: int) -> Study:
    study = open_study(folder, options=Options(agent=agent, workers=1))
    study.run(experiments=experiments)
    return study


def set_traps(hooks: Path, mark: Path) -> None:
    """Every hook that git could run here or there; each would leave a line in `mark`."""
    for name in (*HOOKS, "pre-push", "pre-receive", "post-receive", "proc-receive"):
        (hooks / name).write_text(f"#!/bin/sh\necho {name} >> '{mark}'\n")
        (hooks / name).chmod(0o755)


def test_two_clones_exchange_what_they_found(target: Repository, tmp_path: Path, jumar: Cli) -> None:
    mark, bare = tmp_path / "mark", tmp_path / "bare.git"
    for hooks in (target.folder / ".git/hooks", bare / "hooks"):
        set_traps(hooks, mark)
    one = worked(target.folder, f"replay:{target.folder}/patches", 2)
    assert [each.verdict.decision for each in one.experiments()[1:] if each.verdict] == [
        Decision.DISCARDED,
        Decision.KEPT,
    ]

    # Experiments are told, and nothing of one's own history.
    said = jumar(target.folder, "sync", "origin", expect=2).stderr
    assert "which the study began with" in said and "git push origin" in said
    target.git("--git-dir=../bare.git", "-c", "core.hooksPath=/dev/null", "fetch", "-q", ".", "main:main")
    mark.unlink(missing_ok=True)
    assert "2 told, 0 heard of" in jumar(target.folder, "sync", "origin").stdout
    again = exchange_of(target.folder).sync("origin", start=Path("/"))
    assert (again.sent, again.fetched, again.refused) == (0, 0, ())

    tmp_path.joinpath("clones").mkdir()
    target.git("clone", "-q", str(bare), str(tmp_path / "clones/two"))
    two = worked(tmp_path / "clones/two", "nop", 1)
    listed = json.loads(jumar(two.folder, "sync", "origin", "--json").stdout)
    assert (listed["sent"], listed["fetched"], listed["refused"]) == (0, 2, [])  # nop changed nothing
    first = listed["heard"][0]
    assert first["claim"]["decision"] == "kept" and first["claim"]["hypothesis"] == "a lower rate"
    assert first["claim"]["gain"] > 0.1 and first["same_terms"] and not first["adopted"]
    record = two.record()
    assert record and record.champion == 0, "a claim is no result"
    assert "«a lower rate»: kept there, +" in two.reading().text
    assert [each.event.hearsay.stands for each in two.entries() if isinstance(each.event, Heard)] == [True]

    # It is adopted by being run here; there it is seen that somebody ran it again.
    assert "is tried here" in jumar(two.folder, "adopt", first["name"]).stdout
    with pytest.raises(Usage, match="adopted already"):
        exchange_of(two.folder).adopt(first["name"])
    two.run(experiments=1)
    adopted = two.experiments()[-1]
    assert "«a lower rate»: kept there" not in two.reading().text
    assert adopted.is_kept and adopted.experiment.agent == FOREIGN, adopted.verdict
    assert adopted.experiment.details[FOREIGN]["name"] == first["name"]
    assert "+RATE = 2.0" in two.diff(adopted.number)
    assert exchange_of(two.folder).sync("bare.git", start=tmp_path).sent == 1
    back = json.loads(jumar(target.folder, "sync", "origin", "--adopt", "5", "--json").stdout)
    assert back["fetched"] == 1 and back["adopted"] == []
    assert back["heard"][0]["claim"]["of"] == first["name"]

    assert not mark.exists(), mark.read_text()
    written = ["git", "-C", str(bare), "cat-file", "--batch-all-objects", "--batch"]
    told = subprocess.run(written, capture_output=True, check=True).stdout
    for study in (one, two):
        assert (record := study.record()) and record.terms.secret.encode() not in told


class Forger:
    """Somebody who writes into the bare repository with whatever tool they like."""

    def __init__(self, folder: Path, base: str) -> None:
        self.repo = pygit2.Repository(str(folder))
        self.base, self.count = self.repo[base].peel(pygit2.Commit), 0
        self.why: dict[int, str] = {}  # number → a word of the reason that is expected

    def tree(self, name: str, kind: FileMode, content: bytes = b"RATE = 1.0\n") -> pygit2.Oid:
        builder = self.repo.TreeBuilder(self.base.tree)
        target = self.base.id if kind == FileMode.COMMIT else self.repo.create_blob(content)
        builder.insert(name, target, kind)
        return builder.write()

    def commit(self, tree: pygit2.Oid, *more: pygit2.Oid) -> str:
        who = pygit2.Signature("Jumar", "jumar@localhost", 0, 0)
        return str(self.repo.create_commit(None, who, who, "forged", tree, [self.base.id, *more]))

    def tell(self, why: str, on: str, **changed: Any) -> None:
        """Publish a record on a commit, with what is `changed` in it, that is refused for `why`."""
        self.count += 1
        record = changed.pop("record", None)
        hearsay = Hearsay(
            ledger=THEIRS,
            study="tiny",
            number=self.count,
            commit=on,
            parent=str(self.base.id),
            metric="loss",
            direction=Direction.MINIMIZE,
            terms="0" * 64,
            self_reported=True,
            hypothesis="trust me",
            agent="tuner",
            decision=Decision.KEPT,
            gain=0.9,
            at=1e9,
        )
        written = write_record(msgspec.structs.replace(hearsay, **changed))
        self.put(why, tag_of(on, "x", 0, record or written)[1])

    def put(self, why: str, tag: bytes) -> None:
        sha = self.repo.odb.write(ObjectType.TAG, tag)
        self.repo.references.create(f"{PLACE}/{THEIRS}/{self.count}", sha)
        self.why[self.count] = why

    def raw_tree(self, *entries: tuple[str, str, pygit2.Oid]) -> pygit2.Oid:
        """A tree that git's own tools would not make."""
        rows = (f"{mode} {name}\0".encode() + bytes.fromhex(str(sha)) for mode, name, sha in entries)
        return self.repo.odb.write(ObjectType.TREE, b"".join(rows))

    def nested(self, depth: int, width: int) -> pygit2.Oid:
        tree = self.raw_tree(("100644", "f", self.repo.create_blob(b"x")))
        for _ in range(depth):
            tree = self.raw_tree(*(("40000", f"d{each:03}", tree) for each in range(width)))
        return tree


@pytest.fixture
def forger(target: Repository, tmp_path: Path) -> Forger:
    target.git("push", "-q", "origin", "main")
    worked(target.folder, "nop", 1)
    return Forger(tmp_path / "bare.git", target.git("rev-parse", "main"))


def hostile(forger: Forger, fine: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Why it is refused, the commit that the record stands on, and what the record says otherwise."""
    tree, commit, raw, blob = forger.tree, forger.commit, forger.raw_tree, forger.repo.create_blob(b"x")
    inside = raw(("100644", "x", blob))
    rest = [(f"{each.filemode:o}", each.name or "", each.id) for each in forger.base.tree]
    records: list[tuple[str, dict[str, Any]]] = [
        ("", {}),
        ("is about commit", {"commit": "0" * 40}),
        ("made on", {"parent": "0" * 40}),
        ("says that it is", {"number": 4711}),
        ("says that it is", {"ledger": "ba9876543210"}),
        ("control characters", {"hypothesis": "clear\x1b[2J"}),
        ("cannot be read", {"record": b'{"form": 1}'}),
        ("cannot be read", {"record": b"[" * 5_000}),
        ("is not a tag of at most", {"hypothesis": "x" * 20_000}),
        ("more than 8,192 bytes", {"hypothesis": "x" * 9_000}),
        ("no effect", {"gain": 1e300}),
        ("no effect", {"interval": (0.2, 0.1)}),
        ("4611686018427387904 pairs", {"pairs": 2**62}),
        ("loss fell by all there was", {"gain": 9e5, "interval": (8e5, 9.5e5)}),
    ]
    trees = [
        ("is not editable", tree("other.py", FileMode.BLOB)),
        ("is protected", tree("jumar.toml", FileMode.BLOB)),
        ("symbolic link", tree("work.py", FileMode.LINK, b"/etc/passwd")),
        ("submodule", tree("work.py", FileMode.COMMIT)),
        ("mode", tree("work.py", FileMode.BLOB_EXECUTABLE)),
        ("changes nothing", forger.base.tree.id),
        ("more than 4,194,304 bytes", tree("work.py", FileMode.BLOB, b"#" * (5 << 20))),
        ("not a plain path", raw(("40000", "..", inside), *rest)),
        ("file of git", raw(("40000", ".git", inside), *rest)),
        ("twice", raw(("100644", "work.py", blob), ("100644", "work.py", blob))),
        ("deeper", forger.nested(400, 1)),
        ("more than 500 files", forger.nested(30, 20)),
    ]
    yield from ((why, fine, changed) for why, changed in records)
    yield from ((why, commit(made), {}) for why, made in trees)
    yield "parents", commit(forger.base.tree.id, forger.base.id), {}


def test_what_is_forged_or_hostile_is_refused_by_name_and_the_others_go_on(
    forger: Forger, target: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "MOST_MEMORY_BYTES", 64 << 20)
    fine = forger.commit(forger.tree("work.py", FileMode.BLOB, EXACT.replace("3.0", "2.0").encode()))
    for why, commit, changed in hostile(forger, fine):
        forger.tell(why, commit, **changed)
    blob = forger.repo.create_blob(b"x")
    forger.count += 1
    forger.put("stands on no commit", b"object " + str(blob).encode() + b"\ntype blob\ntag x\n\n{}")
    forger.count += 1
    forger.repo.references.create(f"{PLACE}/{THEIRS}/{forger.count}", fine)
    forger.why[forger.count] = "is not a tag"
    forger.repo.references.create(f"{PLACE}/EVIL/1", fine)
    broken = "fedcba987654"  # what cannot even be fetched holds nobody else up
    (Path(forger.repo.path) / f"{PLACE}/{broken}").mkdir()
    missing = forger.repo.odb.write(ObjectType.TAG, tag_of("1" * 40, "x", 0, b"{}")[1])
    (Path(forger.repo.path) / f"{PLACE}/{broken}/1").write_text(f"{missing}\n")

    forger.count += 1  # a small object that takes all memory of whoever looks into it
    head = b"object " + fine.encode() + b"\ntype commit\ntag x\n\n"
    forger.put("Out of memory", head + b" " * remote.MOST_MEMORY_BYTES)

    exchange, came = exchange_of(target.folder), f"refs/jumar/tiny/unchecked/{THEIRS}/1"
    target.git("update-ref", came, str(forger.base.id))  # of a sync that was broken off
    synced = exchange.sync("origin", start=Path("/"))

    reasons = {each.name: each.why for each in synced.refused}
    assert synced.fetched == 1 and [each.number for each in exchange.heard()] == [1]
    assert reasons.pop(f"theirs, {broken}/1").startswith("../bare.git: ")
    assert reasons.pop("theirs, EVIL/1") == "that is no name of a record"
    for number, why in forger.why.items():
        if why:
            assert why in reasons.pop(f"theirs, {THEIRS}/{number}"), number
    assert reasons == {}
    kept = target.git("for-each-ref", "--format=%(refname)", "refs/jumar/tiny").splitlines()
    assert [ref for ref in kept if "/from/" in ref or "/unchecked/" in ref] == [
        f"refs/jumar/tiny/from/{THEIRS}/1"
    ]

    # What was refused is not fetched again, and what lies there otherwise is nothing that was heard.
    fetched = list[str]()
    monkeypatch.setattr(remote.Remote, "fetch", lambda _, wanted: fetched.extend(wanted))
    again = exchange_of(target.folder).sync("origin", start=Path("/"), push=False)
    assert fetched == [f"refs/jumar/tiny/unchecked/{broken}/1"]
    assert {each.name for each in again.refused} >= {f"theirs, {THEIRS}/{forger.count}"}
    target.git("update-ref", f"refs/jumar/tiny/from/{THEIRS}/77", str(forger.base.id))
    assert [each.number for each in exchange.heard()] == [1]
    assert exchange.adopt(f"{THEIRS[:6]}/1").gain == 0.9  # believed by nobody: it is run


def test_a_copy_of_the_ledger_cannot_write_over_what_was_told(forger: Forger, target: Repository) -> None:
    other = forger.commit(forger.tree("work.py", FileMode.BLOB))
    study = open_study(target.folder, options=Options(agent=f"replay:{target.folder}/patches", new=True))
    study.run(experiments=1)
    mine = exchange_of(target.folder)
    ledger = mine.sync("origin", start=Path("/"), push=False).ledger
    sha = forger.repo.odb.write(ObjectType.TAG, tag_of(other, "x", 0, b"{}")[1])
    ref = f"refs/jumar/{study.name}/by/{ledger}/1"
    forger.repo.references.create(ref, sha)
    synced = mine.sync("origin", start=Path("/"))
    assert synced.sent == 0 and "another commit is there under our name" in synced.refused[0].why
    assert str(forger.repo.references[ref].target) == str(sha)


def test_what_is_told_otherwise_by_now_replaces_what_was_told(forger: Forger, target: Repository) -> None:
    exchange = exchange_of(target.folder)
    fine = forger.commit(forger.tree("work.py", FileMode.BLOB, EXACT.replace("3.0", "2.0").encode()))
    forger.tell("", fine)
    assert exchange.sync("origin", start=Path("/")).fetched == 1
    forger.repo.references.delete(f"{PLACE}/{THEIRS}/1")
    forger.count = 0
    forger.tell("", fine, taken_back=True)
    assert exchange.sync("origin", start=Path("/")).fetched == 1
    heard = [
        each.event.hearsay for each in open_study(target.folder).entries() if isinstance(each.event, Heard)
    ]
    assert [each.stands for each in heard] == [True, False]
    assert exchange.adopt_best(1) == ((), ())

    # So it is with ours: moved from what is there, if it stands on our commit.
    study = open_study(target.folder, options=Options(agent=f"replay:{target.folder}/patches", new=True))
    study.run(experiments=1)
    mine = exchange_of(target.folder)
    assert mine.sync("origin", start=Path("/")).sent == 1
    ref = f"refs/jumar/{study.name}/by/{mine.sync('origin', start=Path('/')).ledger}/1"
    right = forger.repo.references[ref].target
    ours = study.experiment(1).experiment.commit
    stale = forger.repo.odb.write(ObjectType.TAG, tag_of(ours, "x", 0, b"{}")[1])
    forger.repo.references[ref].set_target(stale)
    assert mine.sync("origin", start=Path("/")).sent == 1
    assert forger.repo.references[ref].target == right


def test_a_remote_that_is_none_is_one_clear_line(target: Repository, jumar: Cli) -> None:
    worked(target.folder, "nop", 1)
    exchange = exchange_of(target.folder)
    for name, said in (
        ("nobody", "is no remote of this repository"),
        ("--upload-pack=touch ran;", "is no remote of this repository"),
        ("/nowhere/at:all", "does not appear to be a git repository"),
        ("ext::sh -c 'touch ran'", "not allowed"),
    ):
        with pytest.raises(JumarError, match=said):
            exchange.sync(name, start=target.folder)
    for meeting in ("tiny/by", "-x", "a b", "../../heads", "a..b"):
        with pytest.raises(Usage, match="no study is called"):
            exchange.sync("origin", start=target.folder, meeting=meeting)
    assert not list(target.folder.glob("ran*"))
    done = jumar(target.folder, "sync", "https://me:secret@127.0.0.1:1/x.git", expect=3).stderr
    assert done.startswith("problem: https://127.0.0.1:1/x.git: ") and "\nfix: " in done
    assert "secret" not in done and len(done.splitlines()) == 2
