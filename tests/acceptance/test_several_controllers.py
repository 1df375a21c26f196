"""Two hosts on one study, whose record is on a PostgreSQL server: one leads, and is killed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from jumar.ledgers.place import read_address
from jumar.ledgers.sql import SqlLedger, open_ledger
from jumar.testing.postgres import PASSWORD, LocalServer
from jumar.testing.tiny import NOISY, Cli, contract

from .test_crash import wait_until

Start = Callable[..., "subprocess.Popen[str]"]
Tiny = Callable[..., Path]

#: It tells everything that it knows of its surroundings.
CURIOUS = NOISY + "\nimport time\nprint(dict(os.environ))\ntime.sleep(0.2)\n"
CONTRACT = contract(experiments=500, run='env = ["PGPASSWORD", "HOME"]')


def refs(folder: Path) -> dict[str, str]:
    """The commits of a clone's experiments."""
    asked = ["git", "for-each-ref", "--format=%(refname:lstrip=3) %(objectname)", "refs/jumar/tiny/"]
    lines = subprocess.run(asked, cwd=folder, capture_output=True, text=True, check=True).stdout.splitlines()
    found = (line.split() for line in lines)
    return {number: sha for number, sha in found if number.isdecimal()}


def test_a_study_whose_leader_is_killed_goes_on_with_whoever_stands_by(
    tiny: Tiny, jumar: Cli, started: Start, postgres: LocalServer, tmp_path: Path
) -> None:
    here, there, url = tiny(work=CURIOUS, contract=CONTRACT), tmp_path / "there", postgres.fresh()
    subprocess.run(["git", "clone", "-q", here, there], check=True)
    key, address = {"PGPASSWORD": PASSWORD}, url.replace(url[len("postgresql://") : url.index("@")], "ann")

    leader = started(
        here, "run", "--ledger", address, "--agent", "tuner=0.5", "--agent", "external=0.5", extra=key
    )
    server = read_address(url, whence="a test")
    wait_until((here / ".jumar" / "server").exists, "the address is remembered")
    with_key = {"JUMAR_LEDGER": url}
    wait_until(
        lambda: "kept" in jumar(here, "status", expect=None, extra=with_key).stdout, "the target is measured"
    )

    joined = started(there, "join", "tiny", "--agent", "tuner", extra=with_key)
    ledger = open_ledger(server, read_only=True)
    wait_until(
        lambda: any("by" in one.experiment.details for one in ledger.experiments("tiny")),
        "the other proposed",
    )
    assert joined.poll() is None
    leader.kill()
    leader.wait()
    place = address.rpartition("%3D")[2]
    postgres.does(f"UPDATE {place}.lease SET expires = now()", db="jumar")  # what 15 seconds do
    before = len(ledger.experiments("tiny"))
    wait_until(lambda: len(ledger.experiments("tiny")) > before + 3, "the other one leads")
    jumar(here, "stop", extra=with_key)
    told, _ = joined.communicate(timeout=240)

    assert joined.returncode == 0, told
    assert "taken up by process" in told and "resting: stopped by request" in told
    record, experiments = ledger.study("tiny"), ledger.experiments("tiny")
    assert record is not None and ledger.verify() is None
    assert [one.number for one in experiments] == list(range(len(experiments)))
    runs = [run for one in experiments for run in one.runs]
    assert not any(run.is_open for run in runs) and len({run.run.key for run in runs}) == len(runs)
    first, second = refs(here), refs(there)
    made = {
        str(one.number): one.experiment.commit
        for one in experiments
        if one.experiment.commit != one.experiment.parent
    }
    assert made.items() <= second.items()  # what did not merge has a ref as well
    assert len(first.items() & second.items()) > 1, "both have the very commits that the leader made"
    branch = ["git", "rev-parse", "jumar/tiny"]
    assert subprocess.check_output(branch, cwd=there, text=True).strip() == record.champion_commit
    assert "the repository agrees" in jumar(there, "doctor", "--ledger", extra=with_key).stdout
    newest = max(int(number) for number in made)
    assert "work.py" in jumar(here, "diff", str(newest), extra=with_key).stdout, "of a commit made there"

    folders, key_in_url = (here, there), url[len("postgresql://ann:") : url.index("@")]
    told_to = [*everything_that_is_kept(ledger, folders), told.encode()]
    assert any(b"HOME" in content for content in told_to)
    assert not [content for content in told_to for key in (PASSWORD, key_in_url) if key.encode() in content]


def everything_that_is_kept(ledger: SqlLedger, folders: Sequence[Path]) -> list[bytes]:
    """What runs printed, what the record says, and what lies on the disks of the hosts."""
    kept = ledger.artefacts()
    runs = [run for one in ledger.experiments("tiny") for run in one.runs]
    logs = [kept.get(digest) for run in runs for digest in run.artefacts.values()]
    paths = [path for folder in folders for path in (folder / ".jumar").rglob("*") if path.is_file()]
    entries = [str(entry).encode() for entry in ledger.entries("tiny")]
    return [*logs, *entries, *(path.read_bytes() for path in paths)]


def test_what_is_wrong_with_a_ledger_on_a_server_is_one_line(
    tiny: Tiny, jumar: Cli, postgres: LocalServer
) -> None:
    folder = tiny()
    url = postgres.fresh()
    for words, extra, code, told in (
        (("run", "--ledger", url), {}, 2, "--ledger has a password in it"),
        (("run", "--ledger", "mysql://h/d"), {}, 2, "is no address of a PostgreSQL database"),
        (("run", "--ledger", "postgresql://ann@127.0.0.1:9/d"), {}, 5, "no server listens there"),
        (("status",), {"JUMAR_LEDGER": postgres.url(password="wrong")}, 5, "refuses the password of ann"),
        (("join", "tiny"), {}, 2, "only a study whose record is on a server"),
        (("join", "tiny"), {"JUMAR_LEDGER": url}, 2, "there is no study tiny"),
        (("backup", "copy"), {"JUMAR_LEDGER": url}, 2, "pg_dump --format=custom"),
    ):
        said = jumar(folder, *words, expect=code, extra=extra).stderr
        assert told in said and PASSWORD not in said, said
