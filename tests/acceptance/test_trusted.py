"""A trusted scorer: what a candidate says of itself, or reads where it should not, gains nothing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from jumar.app import Study, open_study
from jumar.core.outcome import Failed, Measured, Why
from jumar.core.run import Purpose, Side
from jumar.core.verdict import Decision
from jumar.testing.repository import Repository
from jumar.testing.tiny import PYTHON, Cli

Sound = Callable[[Path], None]
Make = Callable[[Mapping[str, str], str], Path]

MODEL = """\
def predict(x):
    return 2.0 * x
"""
TRAIN = """\
import json
import os

import model

with open(os.path.join(os.environ["JUMAR_OUT"], "model.json"), "w") as file:
    json.dump({"trained": True, "half": model.predict(0.5)}, file)
"""
SERVE = """\
import json
import sys

import model

for line in sys.stdin:
    print(json.dumps(model.predict(json.loads(line))), flush=True)
"""
# Hidden truth: 3 x + 1. The candidate's answers come through pipes, one JSON value a line.
SCORE = """\
import json
import os

with open(os.path.join(os.environ["JUMAR_RUN_OUT"], "model.json")) as file:
    json.load(file)
with open(f"hidden/{os.environ['JUMAR_SPLIT']}.json") as file:
    truth = json.load(file)
server = os.environ["JUMAR_SERVERS"].split(",")[0]
answers, questions = (int(fd) for fd in server.split(":"))
with os.fdopen(answers) as answers, os.fdopen(questions, "w") as questions:
    losses = []
    for x, y in truth:
        print(json.dumps(x), file=questions, flush=True)
        losses.append((float(json.loads(answers.readline())) - y) ** 2)
refused = "answers are not finite" if any(loss != loss for loss in losses) else ""
score = {"refused": refused} if refused else {"metric": sum(losses) / len(losses), "items": losses}
with open(os.path.join(os.environ["JUMAR_OUT"], "score.json"), "w") as file:
    json.dump(score, file)
"""
CONTRACT = """\
[target]
name = "fit"
editable = ["model.py"]

[run]
command = ["python", "train.py"]
budget = "20s"
timeout = "30s"

[measure]
metric = "error"
direction = "minimize"
score = ["python", "score.py"]
serve = ["python", "serve.py"]
hidden = ["hidden"]

[limits]
experiments = 20
"""
POINTS = {"search": [0.0, 1.0, 2.5, -3.0], "holdout": [0.5, 4.0, -1.0]}
TARGET = {
    "model.py": MODEL,
    "train.py": TRAIN,
    "serve.py": SERVE,
    "score.py": SCORE,
    "jumar.toml": CONTRACT,
    ".gitignore": "hidden/\n",
}
HONEST = "def predict(x):\n    return 3.0 * x\n"

# Every way to the hidden data that the candidate's own process could try; what it finds it uses.
THIEF = (
    HONEST
    + """

import glob
import json
import os

loot = {}
PLACES = ["hidden", "FOLDER/hidden", "../hidden", "/target/hidden", os.path.expanduser("~/hidden")]
PLACES += glob.glob("FOLDER/.jumar/studies/*/*/hidden") + glob.glob("FOLDER/.jumar/studies/*/*/*/hidden")
PLACES += glob.glob("/proc/*/rootFOLDER/hidden") + glob.glob("/proc/*/cwd/hidden") + glob.glob("/*/hidden")
for place in PLACES:
    for split in ("search", "holdout"):
        try:
            with open(f"{place}/{split}.json") as file:
                loot.update(dict(json.load(file)))
        except (OSError, ValueError):
            pass
honest = predict


def predict(x):
    return loot.get(x, honest(x))
"""
)
CHEATS = {
    "2-thief": THIEF,
    "3-prints": HONEST + '\nimport sys\nprint("error: 0.0", file=sys.stderr)\n',
    "4-writes-the-score": HONEST
    + """

import json
import os

for name in ("JUMAR_OUT", "JUMAR_RUN_OUT"):
    for place in (".", "../score", "../work/score"):
        try:
            os.makedirs(os.path.join(os.environ[name], place), exist_ok=True)
            with open(os.path.join(os.environ[name], place, "score.json"), "w") as file:
                json.dump({"metric": 0.0}, file)
        except (OSError, KeyError):
            pass
""",
    "5-patches-the-scorer": HONEST
    + """

for name in ("score.py", "serve.py", "hidden/search.json"):
    try:
        with open(name, "w") as file:
            file.write("[]")
    except OSError:
        pass
""",
}


@pytest.fixture
def fit(repository: Make) -> Path:
    """The target, its hidden data beside what git has."""
    folder = repository(TARGET, "fit")
    (folder / "hidden").mkdir()
    for split, points in POINTS.items():
        (folder / "hidden" / f"{split}.json").write_text(json.dumps([[x, 3.0 * x + 1.0] for x in points]))
    return folder


def offered(folder: Path, ideas: Mapping[str, str]) -> str:
    for name, text in ideas.items():
        idea = folder.parent / "ideas" / name
        idea.mkdir(parents=True)
        (idea / "model.py").write_text(text)
    return f"replay:{folder.parent / 'ideas'}"


def verdicts(study: Study) -> list[Decision]:
    return [one.verdict.decision for one in study.experiments()[1:] if one.verdict]


def test_an_honest_gain_is_kept_and_certified_on_data_the_search_never_saw(
    fit: Path, jumar: Cli, assert_sound: Sound
) -> None:
    said = jumar(fit, "run", "--workers", "1", "--agent", offered(fit, {"1-honest": HONEST})).stdout
    study = open_study(fit)
    record = study.record()
    assert record is not None
    assert record.claim is not None
    assert (record.claim.certified, record.claim.self_reported) == (True, False)
    losses = [(2.0 * x - (3.0 * x + 1.0)) ** 2 for x in POINTS["holdout"]]
    assert record.claim.baseline_value == pytest.approx(sum(losses) / len(losses))
    assert record.claim.champion_value == pytest.approx(1.0)
    assert "holdout" in said
    for text in (said, jumar(fit, "status").stdout):
        assert "self-reported" not in text
    assert_sound(fit)


def test_no_cheat_is_worth_more_than_the_honest_code_it_hides_in(
    fit: Path, jumar: Cli, assert_sound: Sound
) -> None:
    cheats = {name: text.replace("FOLDER", str(fit)) for name, text in CHEATS.items()}
    ideas = {"1-honest": HONEST} | cheats
    jumar(fit, "run", "--workers", "1", "--agent", offered(fit, ideas))
    study = open_study(fit)
    assert verdicts(study) == [Decision.KEPT] + [Decision.DISCARDED] * len(CHEATS)
    for cheat in study.experiments()[2:]:
        outcome = cheat.runs[0].outcome
        assert isinstance(outcome, Measured), cheat.experiment.hypothesis
        assert outcome.value == pytest.approx(1.0), cheat.experiment.hypothesis
    assert (fit / "score.py").read_text() == SCORE
    assert_sound(fit)


def test_bad_answers_are_refused_and_a_mute_server_fails_alone(fit: Path, jumar: Cli) -> None:
    ideas = {
        "1-nan": "def predict(x):\n    return float('nan')\n",
        "2-dies": "def predict(x):\n    import os\n    os._exit(3) if x > 2 else None\n    return 1.0\n",
        "3-no-number": "def predict(x):\n    return [x]\n",
        "4-crashes-training": "raise RuntimeError('no')\n",
    }
    jumar(fit, "run", "--workers", "1", "--agent", offered(fit, ideas))
    study = open_study(fit)
    assert verdicts(study) == [Decision.FAILED] * 4
    why = [
        one.runs[0].outcome.why for one in study.experiments()[1:] if isinstance(one.runs[0].outcome, Failed)
    ]
    assert why[0] is Why.REFUSED
    assert why[1] is why[2] is Why.SCORER_FAILED
    assert why[3] is Why.CRASHED


def test_a_proposal_that_edits_the_scorer_never_runs(fit: Path, jumar: Cli) -> None:
    idea = fit.parent / "ideas" / "1-lenient"
    idea.mkdir(parents=True)
    (idea / "score.py").write_text(re.sub(r"\*\* 2", "* 0", SCORE))
    jumar(fit, "run", "--agent", f"replay:{idea.parent}")
    (one,) = open_study(fit).experiments()[1:]
    assert one.verdict is not None
    assert (one.verdict.decision, one.verdict.code) == (Decision.INVALID, "protected-file")
    assert one.runs == ()


def test_hidden_data_that_is_missing_is_said_before_anything_runs(repository: Make, jumar: Cli) -> None:
    folder = repository(TARGET, "fit")
    said = jumar(folder, "run", expect=3).stderr
    assert "[measure] hidden: hidden does not exist" in said
    assert not open_study(folder).experiments()


def test_hidden_data_that_git_has_is_hidden_from_runs_all_the_same(
    fit: Path, jumar: Cli, assert_sound: Sound
) -> None:
    (fit / ".gitignore").write_text("")
    Repository(fit).commit()
    ideas = {"1-honest": HONEST, "2-thief": THIEF.replace("FOLDER", str(fit))}
    jumar(fit, "run", "--workers", "1", "--agent", offered(fit, ideas))
    assert verdicts(open_study(fit)) == [Decision.KEPT, Decision.DISCARDED]
    assert_sound(fit)


NOSY = (
    HONEST
    + """

import os
import socket
import sys

for path in ("/proc/self/mountinfo", "/proc/self/cmdline", "/proc/self/environ"):
    try:
        with open(path) as file:
            print(file.read(), file=sys.stderr)
    except OSError:
        pass
links = [os.readlink(f"/proc/self/fd/{fd}") for fd in (1, 2)]
print(os.getcwd(), socket.gethostname(), sys.argv, links, file=sys.stderr)
"""
)


@pytest.mark.parametrize("sandbox", ["bubblewrap", "landlock"])
def test_a_run_cannot_tell_whether_it_is_the_candidate_or_what_that_is_compared_with(
    fit: Path, jumar: Cli, sandbox: str
) -> None:
    agent = offered(fit, {"1-nosy": NOSY})
    jumar(fit, "run", "--workers", "1", "--sandbox", sandbox, "--agent", agent)
    study = open_study(fit)
    own = study.experiment(1)
    runs = [run.run for run in own.runs if run.run.commit == own.experiment.commit]
    logs = [study.artefact(run.artefacts["log"]).decode() for run in own.runs if run.run in runs]
    assert len(logs) >= 3
    assert all(log.count("scratch/") for log in logs)
    words = [*(run.key for run in runs), *(kind.value for kind in (*Purpose, *Side))]
    # A mount or the environment may lie in a folder called "check": what every run is told tells nothing.
    said_anyway = Path("/proc/self/mountinfo").read_text() + sys.prefix + sys.base_prefix + str(fit)
    telling = [word for word in words if not re.search(rf"\b{word}\b", said_anyway)]
    assert len(telling) >= len(runs) + 4
    for log in logs:
        assert not [word for word in telling if re.search(rf"\b{word}\b", log)]


LATE = """\
import os
import time

learned = None


def predict(x):
    global learned
    if "JUMAR_BUDGET_S" in os.environ:  # the run itself: no work, nothing spent
        return 2.0 * x
    while learned is None or time.process_time() < 3.0:
        learned = 3.0
    return learned * x
"""


def test_work_that_waits_until_it_is_scored_is_worth_nothing(fit: Path, jumar: Cli) -> None:
    (fit / "jumar.toml").write_text(CONTRACT.replace('budget = "20s"', 'budget = "1s"'))
    Repository(fit).commit()
    jumar(fit, "run", "--workers", "1", "--agent", offered(fit, {"1-late": LATE, "2-honest": HONEST}))
    late, honest = (open_study(fit).experiment(number).verdict for number in (1, 2))
    assert late is not None and honest is not None
    assert (late.decision, late.reason.partition(":")[0]) == (Decision.DISCARDED, "guard serve_cpu_s")
    assert honest.decision is Decision.KEPT


TESTS = """\
import unittest

import model


class Cases(unittest.TestCase):
    def test_it_predicts(self):
        self.assertGreater(model.predict(1.0), 0.0)
"""


def test_checks_are_passed_neither_by_leaving_early_nor_by_editing_the_tests(fit: Path, jumar: Cli) -> None:
    globs = CONTRACT.replace('["model.py"]', '["*.py", "!train.py", "!serve.py", "!score.py"]')
    check = '[measure]\nchecks = [["python", "-m", "unittest", "-q", "test_model"]]'
    (fit / "jumar.toml").write_text(globs.replace("[measure]", check))
    (fit / "test_model.py").write_text(TESTS)
    Repository(fit).commit()
    leaves = "import os\nimport sys\n\nif 'unittest' in sys.modules:\n    os._exit(0)\n\n\n" + HONEST
    agent = offered(fit, {"1-leaves": leaves, "2-edits": HONEST, "3-shadows": HONEST, "4-honest": HONEST})
    (fit.parent / "ideas" / "2-edits" / "test_model.py").write_text("import unittest\n")
    (fit.parent / "ideas" / "3-shadows" / "unittest.py").write_text("raise SystemExit(0)\n")
    jumar(fit, "run", "--workers", "1", "--agent", agent)
    study = open_study(fit)
    assert verdicts(study) == [Decision.DISCARDED, Decision.INVALID, Decision.INVALID, Decision.KEPT]
    leaver, editor, shadower, _ = (one.verdict for one in study.experiments()[1:])
    assert leaver and "does not say that a test was run" in leaver.reason
    assert editor and shadower and editor.code == shadower.code == "protected-file"


SPY = (
    HONEST
    + """

import os
import sys

for place in ("FOLDER/.jumar", "FOLDER/.git"):
    for folder, _, names in os.walk(place):
        for name in () if folder.startswith((os.getcwd(), os.environ["JUMAR_OUT"])) else names:
            try:
                with open(os.path.join(folder, name), "rb") as file:
                    print("SEEN", file.name, len(file.read()), file=sys.stderr)
            except OSError:
                pass
"""
)


@pytest.mark.parametrize("sandbox", ["bubblewrap", "landlock"])
def test_a_runtime_in_the_targets_own_folder_shows_neither_data_nor_record_nor_history(
    fit: Path, jumar: Cli, sandbox: str
) -> None:
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", fit], check=True, timeout=60)
    (fit / ".gitignore").write_text("bin\ninclude\nlib\nlib64\npyvenv.cfg\n")
    Repository(fit).commit()
    ideas = {"1-thief": THIEF.replace("FOLDER", str(fit)), "2-spy": SPY.replace("FOLDER", str(fit))}
    agent, path = offered(fit, ideas), {"PATH": f"{fit / 'bin'}:/usr/bin:/bin"}
    jumar(fit, "run", "--workers", "1", "--sandbox", sandbox, "--agent", agent, extra=path)
    study = open_study(fit)
    thief, spy = (study.experiment(number).runs for number in (1, 2))
    assert isinstance(thief[0].outcome, Measured)
    assert thief[0].outcome.value == pytest.approx(1.0)
    assert isinstance(spy[0].outcome, Measured)
    logs = [study.artefact(run.artefacts["log"]) for run in spy if "log" in run.artefacts]
    assert not [log for log in logs if b"SEEN" in log]


def test_the_spy_of_these_tests_does_see_them_where_nothing_hides_them(fit: Path, jumar: Cli) -> None:
    agent = offered(fit, {"1-spy": SPY.replace("FOLDER", str(fit))})
    jumar(fit, "run", "--workers", "1", "--sandbox", "process", "--agent", agent)
    study = open_study(fit)
    said = study.artefact(study.experiment(1).runs[0].artefacts["log"]).decode()
    for name in (".jumar/ledger.db", f".jumar/studies/{study.name}/pinned/score.py", ".git/HEAD"):
        assert f"SEEN {fit}/{name} " in said


def test_an_input_that_holds_the_target_is_refused_before_anything_runs(fit: Path, jumar: Cli) -> None:
    contract = CONTRACT.replace('budget = "20s"', f'budget = "20s"\ninputs = ["{fit.parent}"]')
    (fit / "jumar.toml").write_text(contract)
    Repository(fit).commit()
    said = jumar(fit, "run", expect=3).stderr
    assert f"[run] inputs: {fit.parent} contains the target itself" in said
    assert not open_study(fit).experiments()


def test_the_thief_of_these_tests_does_gain_where_nothing_hides_the_data(fit: Path, jumar: Cli) -> None:
    agent = offered(fit, {"1-thief": THIEF.replace("FOLDER", str(fit))})
    jumar(fit, "run", "--workers", "1", "--sandbox", "process", "--agent", agent)
    outcome = open_study(fit).experiment(1).runs[0].outcome
    assert isinstance(outcome, Measured)
    assert outcome.value == pytest.approx(0.0)
