"""People are told: each hook, to a real receiving end, without a study that waits for it or fails of it."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from jumar.app import open_study
from jumar.core.event import Noticed, Rested
from jumar.core.verdict import Decision
from jumar.errors import Usage
from jumar.home import Options
from jumar.hooks import calling
from jumar.hooks.program import MOST_SAID_BYTES, run_program
from jumar.hooks.settings import Moment, hooks_file, read_hooks
from jumar.testing.events import judged, proposed, started
from jumar.testing.memory_ledger import MemoryLedger
from jumar.testing.tiny import CONTRACT, EXACT, Cli

PATCH = """\
a lower rate
--- a/work.py
+++ b/work.py
@@ -4,2 +4,2 @@
-RATE = 3.0  # 0.1 .. 10
+RATE = 2.0  # 0.1 .. 10
 WIDTH = 4  # one of: 4, 8, 16
"""


class Receiver(BaseHTTPRequestHandler):
    """Takes what is posted."""

    got: list[dict[str, Any]]

    def do_POST(self) -> None:
        self.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204 if self.path.startswith("/fine") else 500)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    Receiver.got = []
    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", Receiver.got
        server.shutdown()
        thread.join()


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PATH on which sendmail and notify-send write down what they are given."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sendmail", "notify-send"):
        (folder / name).write_text(f'#!/bin/sh\n(echo "$*"; cat) >> {tmp_path}/{name}.got\n')
        (folder / name).chmod(0o755)
    path = (str(folder), str(Path(sys.executable).parent), os.environ["PATH"])
    monkeypatch.setenv("PATH", os.pathsep.join(path))


@pytest.fixture
def with_hooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], object]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    (tmp_path / "settings/jumar").mkdir(parents=True)
    return (tmp_path / "settings/jumar/hooks.toml").write_text


def test_each_moment_reaches_a_person_and_what_fails_is_noted_once(
    repository: Callable[[Mapping[str, str]], Path],
    receiver: tuple[str, list[dict[str, Any]]],
    programs: None,
    with_hooks: Callable[[str], object],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(calling, "LIMIT_S", 120.0)  # of a machine that is busy
    url, got = receiver
    contract = CONTRACT.replace("experiments = 8", "plateau = 1")
    patches = {
        "patches/1.patch": PATCH,
        "patches/2.patch": PATCH.replace("3.0", "2.0").replace("+RATE = 2", "+RATE = 9"),
    }
    target = repository({"work.py": EXACT, "jumar.toml": contract, **patches})
    with_hooks(
        f'on_keep = ["jumar notify webhook {url}/fine?secret", "jumar notify webhook {url}/no?secret"]\n'
        'on_plateau = "jumar notify desktop"\n'
        'on_end = ["jumar notify mail me@example.org", "no-such-program"]\n'
        'on_error = "false"\n',
    )
    study = open_study(target, options=Options(agent=f"replay:{target}/patches", workers=1))
    study.run()
    kept = [each for each in got if each["experiment"] == 1]
    assert len(kept) == 2 == len(got)
    assert kept[0]["hook"] == "on_keep" and kept[0]["hypothesis"] == "a lower rate" and kept[0]["gain"] > 0
    assert "tiny #1 kept: a lower rate" in kept[0]["text"] and kept[0]["approved"]
    shown = (tmp_path / "notify-send.got").read_text()
    assert "Jumar: tiny" in shown and "kept nothing (limit 1)" in shown
    mail = (tmp_path / "sendmail.got").read_text()
    assert (
        mail.startswith("-oi -t\nTo: me@example.org\nSubject: Jumar: tiny ended:")
        and "finished: True" in mail
    )
    noticed = [each.event.words for each in study.entries() if isinstance(each.event, Noticed)]
    failed = [words for words in noticed if words.startswith("the hook")]
    assert len(failed) == 2, failed
    assert "on_keep failed" in failed[0] and "jumar ended with 3" in failed[0]
    assert "on_end failed" in failed[1] and "no-such-program cannot be started" in failed[1]
    log = (target / ".jumar/studies/tiny/hooks.log").read_text()
    assert "127.0.0.1 answered 500" in log and "secret" not in log

    with_hooks("on_kept = 'true'")
    with pytest.raises(Usage, match="there is no hook `on_kept`"):
        study.run()


def test_what_tells_people_can_be_tried_by_hand(programs: None, jumar: Cli, tmp_path: Path) -> None:
    jumar(tmp_path, "notify", "desktop")
    assert "Jumar can reach you" in (tmp_path / "notify-send.got").read_text()
    for no_address in (
        "ftp://x",
        "http://x:y/",
        "http://h/a b",
        "https://me:pw-4711@h/x",
        "@/nowhere/at-all",
    ):
        said = jumar(tmp_path, "notify", "webhook", no_address, expect=2).stderr
        assert ("webhook" in said) and "pw-4711" not in said and "Traceback" not in said


def test_the_address_of_a_webhook_can_lie_in_a_file(
    receiver: tuple[str, list[dict[str, Any]]], jumar: Cli, tmp_path: Path
) -> None:
    url, got = receiver
    (tmp_path / "address").write_text(f"{url}/fine\n")
    jumar(tmp_path, "notify", "webhook", f"@{tmp_path}/address")
    assert got[0]["hook"] == "test"


def test_what_does_not_speak_http_is_told_without_the_secret(jumar: Cli, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:

        def answer() -> None:
            with mute.accept()[0] as caller:
                caller.sendall(b"what?\r\n\r\n")

        Thread(target=answer, daemon=True).start()
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/secret"
        said = jumar(tmp_path, "notify", "webhook", url, expect=3).stderr
    assert "127.0.0.1" in said and "secret" not in said and "Traceback" not in said


def test_the_end_of_a_sitting_is_told_although_others_hang(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(calling, "LIMIT_S", 0.6)
    ledger = MemoryLedger()
    ledger.append("tiny", started(), proposed(0), judged(0), proposed(1))
    hooks = {Moment.KEEP: (("sleep", "4711"),) * 4, Moment.END: (("sh", "-c", "cat > told"),)}
    with calling.calling(hooks, ("tiny", tmp_path, tmp_path), ledger, os.environ) as caller:
        both = caller.beside(lambda _: None)
        for entry in ledger.append("tiny", judged(1, Decision.KEPT), Rested(reason="done", finished=True)):
            both(entry)
    assert json.loads((tmp_path / "told").read_text())["reason"] == "done"
    noticed = [each.event.words for each in ledger.entries("tiny") if isinstance(each.event, Noticed)]
    assert len(noticed) == 1 and "on_keep failed" in noticed[0]


def test_of_what_a_program_prints_the_beginning_is_kept(tmp_path: Path) -> None:
    where = (tmp_path, tmp_path / "log")
    why = run_program(("yes",), b"", where, os.environ, lambda took: took > 0.5)
    assert "yes took more than" in why
    assert (tmp_path / "log").stat().st_size == MOST_SAID_BYTES
    # What it leaves behind holds its output open, and nobody waits for that.
    behind = ("sh", "-c", "echo one; setsid sleep 5 & exit 3")
    assert run_program(behind, b"", where, os.environ, lambda took: took > 4) == "sh ended with 3"


def test_a_file_of_hooks_that_is_named_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(Usage, match="no such file"):
        hooks_file({"JUMAR_HOOKS": str(tmp_path / "none.toml")})
    assert read_hooks(hooks_file({"JUMAR_HOOKS": os.devnull})) == {}


def test_an_error_is_told_and_a_hook_that_hangs_holds_nobody_up(
    repository: Callable[[Mapping[str, str]], Path],
    with_hooks: Callable[[str], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calling, "LIMIT_S", 0.5)
    target = repository({"work.py": "raise SystemExit(3)\n", "jumar.toml": CONTRACT})
    with_hooks(f'on_error = "sh -c \'cat > {target}/got\'"\non_end = "sleep 4711"\n')
    study = open_study(target, options=Options(agent="nop"))
    begun = time.monotonic()
    with pytest.raises(Exception, match="unchanged target"):
        study.run()
    assert time.monotonic() - begun < 10
    told = json.loads((target / "got").read_text())
    assert told["hook"] == "on_error" and "unchanged target" in told["reason"] and told["fix"]
    noticed = [each.event.words for each in study.entries() if isinstance(each.event, Noticed)]
    assert any("on_end failed" in words and "sleep took more than" in words for words in noticed), noticed
