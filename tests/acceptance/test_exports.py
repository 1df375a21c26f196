"""One small study leaves in every form, and each is opened by its own library."""

from __future__ import annotations

import gzip
import io
import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import jumar as api
from jumar.core.experiment import ExperimentRecord
from jumar.errors import Usage
from jumar.exports.formats import as_text, export
from jumar.exports.outgoing import Outgoing
from jumar.testing.repository import Repository
from jumar.testing.tiny import PYTHON, Cli, contract

pytestmark = pytest.mark.filterwarnings("default")  # what these libraries warn of is not ours to mend

SECRET = "hush-7f3a9c"
WORK = """\
import json
import os

RATE = 3.0  # 0.1 .. 10
WIDTH = 4  # one of: 4, 8, 16

print("logged in with", os.environ.get("MY_TOKEN"))
loss = 1 + (RATE - 1.0) ** 2 / 10 + abs(WIDTH - 16) / 40
with open(os.path.join(os.environ["JUMAR_OUT"], "curve.jsonl"), "w") as file:
    for step in range(1, 21):
        file.write(json.dumps({"progress": step / 20, "loss": loss + 2 / step, "step": 10 * step}) + "\\n")
print(f"loss: {loss:.6f}")
"""
ENVIRONMENT = {"MY_TOKEN": SECRET, "TRACKIO_SPACE_ID": "somebody/else"}


class Exported:
    """A study, and whatever was exported of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out = folder, folder / "out"
        self.said: dict[str, str] = {}
        self.first = 0  #: how many experiments there were when it was exported first

    def export(self, form: str, place: str = "", *more: str) -> str:
        return Cli()(self.folder, "export", form, *([place] if place else []), *more).stdout

    @property
    def outgoing(self) -> Outgoing:
        return api.open_study(self.folder).outgoing()

    @property
    def experiments(self) -> tuple[ExperimentRecord, ...]:
        return api.open_study(self.folder).experiments()

    @property
    def turned(self) -> ExperimentRecord:
        """One with knobs, curves and a verdict."""
        return next(one for one in self.experiments if one.number and one.experiment.details["changed"])


@pytest.fixture(scope="module", autouse=True)
def environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def study(environment: None, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A study of three experiments that is exported, and of five that is exported again."""
    user = Repository(tmp_path_factory.mktemp("exported"))
    text = contract(experiments=3, run='env = ["MY_TOKEN"]')
    user.commit(**{"work.py": WORK, "jumar.toml": text})
    exported = Exported(user.folder)
    Cli()(user.folder, "run")
    exported.out.mkdir()
    exported.first = len(exported.experiments)
    export(exported.outgoing, "mlflow", str(exported.out / "mlflow.db"))
    export(exported.outgoing, "tensorboard", str(exported.out / "tb"))
    user.commit(**{"jumar.toml": text.replace("experiments = 3", "experiments = 5")})
    Cli()(user.folder, "run")
    places = {"mlflow": "out/mlflow.db", "tensorboard": "out/tb", "wandb": "out/wb", "trackio": "out/trackio"}
    exported.said = {form: exported.export(form, place) for form, place in places.items()}
    return exported


def test_tables_say_the_same_in_every_form(study: Exported) -> None:
    printed = pd.read_csv(io.StringIO(study.export("csv")), parse_dates=["judged_at"])
    export(study.outgoing, "csv", str(study.out / "tables/t.csv"))
    export(study.outgoing, "parquet", str(study.out / "t.parquet"))
    export(study.outgoing, "parquet", str(study.out / "runs.parquet"), runs=True)
    written, typed = pd.read_csv(study.out / "tables/t.csv"), pd.read_parquet(study.out / "t.parquet")
    runs = pd.read_parquet(study.out / "runs.parquet")
    assert list(printed.columns) == list(written.columns) == list(typed.columns)
    assert list(typed["number"]) == list(range(6))
    assert printed["value"].tolist() == pytest.approx(typed["value"].tolist())
    assert abs(typed["judged_at"].dt.tz_convert("UTC")[3] - printed["judged_at"][3]) < pd.Timedelta("1s")
    assert len(runs) == sum(len(one.runs) for one in study.experiments)
    assert runs["value"].notna().all() and set(runs["purpose"]) >= {"baseline", "screen"}


def test_mlflow_opens_a_run_for_each_experiment_under_the_study(study: Exported) -> None:
    from mlflow.tracking import MlflowClient  # noqa: PLC0415  (an extra, and slow)

    client = MlflowClient(f"sqlite:///{study.out / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("tiny")
    assert experiment is not None
    runs = {
        int(run.data.tags["jumar.experiment"]): run for run in client.search_runs([experiment.experiment_id])
    }
    assert sorted(runs) == [-1, 0, 1, 2, 3, 4, 5]
    assert {run.data.tags.get("mlflow.parentRunId") for number, run in runs.items() if number >= 0} == {
        runs[-1].info.run_id
    }
    one, run = study.turned, runs[study.turned.number]
    changed = one.experiment.details["changed"]
    assert run.data.params == {name: str(new) for name, (_, new) in changed.items()}
    assert one.verdict is not None
    assert run.data.tags["jumar.decision"] == one.verdict.decision.value
    assert run.data.tags["jumar.commit"] == one.experiment.commit
    curve = client.get_metric_history(run.info.run_id, "curve/loss")
    assert [point.step for point in curve] == list(range(10, 210, 10))
    assert {found.path for found in client.list_artifacts(run.info.run_id)} == {"change.diff", "log.txt"}
    # The staircase, once, though the study was exported twice.
    staircase = client.get_metric_history(runs[-1].info.run_id, "champion")
    assert sorted(point.step for point in staircase) == list(range(6))
    assert "self-reported" in runs[-1].data.tags["jumar.result"]


def test_what_is_there_already_is_not_written_again(study: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    for form in ("mlflow", "tensorboard"):
        written = int(study.said[form].split()[0])
        # What is new, and whose level the runs beside it moved.
        assert len(study.experiments) - study.first <= written < len(study.experiments)
    assert "6 experiments written" in study.said["wandb"]
    assert "6 experiments written" in study.said["trackio"]
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "0")
    for form, place in (("wandb", "wb"), ("tensorboard", "tb"), ("trackio", "trackio")):
        assert export(study.outgoing, form, str(study.out / place)).written == 0


def test_tensorboard_opens_curves_figures_and_knobs(study: Exported) -> None:
    from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer  # noqa: PLC0415
    from tensorboard.plugins.hparams.metadata import parse_session_start_info_plugin_data  # noqa: PLC0415

    found = EventMultiplexer().AddRunsFromDirectory(str(study.out / "tb")).Reload()
    names = {Path(name).name: name for name in found.Runs()}
    assert sorted(names) == ["0000", "0001", "0002", "0003", "0004", "0005", "study"]
    run = names[f"{study.turned.number:04}"]
    assert [event.step for event in found.Scalars(run, "curve/loss")] == list(range(10, 210, 10))
    assert [event.step for event in found.Scalars(names["study"], "champion")] == list(range(6))
    metadata = found.SummaryMetadata(run, "_hparams_/session_start_info")
    session = parse_session_start_info_plugin_data(metadata.plugin_data.content)
    assert set(study.turned.experiment.details["changed"]) <= set(session.hparams)
    (words,) = found.Tensors(run, "hypothesis")
    assert words.tensor_proto.string_val[0].startswith(b"    ")  # a block of code: nothing in it is markup


def test_wandb_sends_the_offline_runs_to_a_server(study: Exported) -> None:
    with stand_in() as (address, heard):
        key = f"-{study.turned.number}"
        (run,) = (study.out / "wb" / "wandb").glob(f"offline-run-*{key}")
        env = {**os.environ, "WANDB_BASE_URL": address, "WANDB_API_KEY": "a" * 40}
        env["WANDB_ERROR_REPORTING"] = "false"
        command = [str(PYTHON.with_name("wandb")), "sync", str(run)]
        done = subprocess.run(
            command, cwd=study.out, env=env, capture_output=True, text=True, timeout=200, check=True
        )
    assert "Finished syncing" in done.stdout + done.stderr
    said = "\n".join(heard)
    for path in ("change.diff", "log.txt"):
        assert f"PUT /{path}" in said
    assert '\\"decision\\"' in said and '\\"curve/loss\\"' in said
    assert str(study.turned.experiment.commit) in said
    for private in (SECRET, str(study.folder)):  # where it is sent from, `wandb sync` tells by itself
        assert private not in said, private


def test_trackio_opens_its_runs(study: Exported) -> None:
    program = (
        "import json, trackio; found = [run.config for run in trackio.Api().runs('tiny')]; "
        "print(json.dumps(found, default=str))"
    )
    env = {**os.environ, "TRACKIO_DIR": str(study.out / "trackio")}
    command = [str(PYTHON), "-W", "ignore", "-c", program]
    told = subprocess.run(command, env=env, capture_output=True, text=True, timeout=200, check=True).stdout
    configs = json.loads(told.splitlines()[-1])
    assert sorted(config["jumar_experiment"] for config in configs) == [-1, 0, 1, 2, 3, 4, 5]
    name, (_, value) = next(iter(study.turned.experiment.details["changed"].items()))
    (config,) = [one for one in configs if one["jumar_experiment"] == study.turned.number]
    assert config[f"knobs/{name}"] == value


def test_nothing_leaves_while_a_secret_of_the_runs_is_not_known(
    study: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MY_TOKEN")
    with pytest.raises(Usage, match="MY_TOKEN"):
        as_text(study.outgoing, "csv")
    assert as_text(study.outgoing, "tsv").startswith("commit")
    monkeypatch.setenv("MY_TOKEN", "")
    assert as_text(study.outgoing, "csv").startswith("number")


def test_no_secret_and_no_place_of_this_machine_leaves(study: Exported) -> None:
    written = [path for path in study.out.rglob("*") if path.is_file() and path.suffix != ".log"]
    everything = {path: path.read_bytes() for path in written}
    assert any(b"[MY_TOKEN]" in content for content in everything.values())  # it was there to be hidden
    record = api.open_study(study.folder).record()
    assert record is not None
    for path, content in everything.items():
        for private in (SECRET, record.terms.secret):
            assert private.encode() not in content, path
        assert socket.gethostname() not in path.name
        if path.name != "mlflow.db":  # a store on this machine says where its files are
            assert str(study.folder).encode() not in content, path


@contextmanager
def stand_in() -> Iterator[tuple[str, list[str]]]:
    """A server that answers `wandb sync` as W&B's would, as far as that asks; and what it was told."""
    heard: list[str] = []

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.body()
            heard.append(f"{self.path} {body}")
            asked = json.loads(body or "{}")
            self.answer(self.reply(str(asked.get("query", "")), asked.get("variables") or {}))

        def do_PUT(self) -> None:
            heard.append(f"PUT {self.path} {self.body()}")
            self.answer({})

        def reply(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
            if "upsertBucket" in query:
                project = {"id": "p", "name": "tiny", "entity": {"id": "e", "name": "me"}}
                run = {"id": "r", "name": "r", "displayName": "r", "config": "{}", "project": project}
                return {"upsertBucket": {"bucket": {**run, "historyLineCount": 0}, "inserted": True}}
            if "createRunFiles" in query:
                host = f"http://127.0.0.1:{server.server_port}"
                files = [{"name": name, "uploadUrl": f"{host}/{name}"} for name in variables["files"]]
                return {"createRunFiles": {"runID": "r", "uploadHeaders": [], "files": files}}
            return {}

        def body(self) -> str:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode()

        def answer(self, data: dict[str, Any]) -> None:
            content = json.dumps({"data": data} if data else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", heard
        finally:
            server.shutdown()
