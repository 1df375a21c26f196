"""The default target, played as Jumar plays it: a run, two servers, and a scorer between pipes."""

from __future__ import annotations

import importlib.util
import json
import mailbox
import os
import re
import resource
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from jumar.errors import TargetUnfit, Usage
from jumar.targets.copy import copy_target, shipped_targets

np = pytest.importorskip("numpy", reason="tinylm needs numpy: pip install 'jumar[tinylm]'")
if importlib.util.find_spec("torch") is None:
    pytest.skip("tinylm needs torch: pip install 'jumar[tinylm]'", allow_module_level=True)

Env = dict[str, str]
BUDGET_S = 6.0
ENV = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def start(folder: Path, *command: str, env: Env | None = None, **pipes: Any) -> subprocess.Popen[str]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | pipes
    return subprocess.Popen([sys.executable, *command], cwd=folder, env=ENV | (env or {}), text=True, **pipes)


def call(folder: Path, *command: str, env: Env | None = None) -> str:
    child = start(folder, *command, env=env)
    out, err = child.communicate()
    assert child.returncode == 0, err
    return out


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tinylm")
    copy_target("tinylm", folder)
    call(folder, "prepare.py")
    return folder


class Trained:
    """One run of the unchanged target: what it left, imported, printed and cost."""

    def __init__(self, target: Path, out: Path) -> None:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        env = {"JUMAR_OUT": str(out), "JUMAR_BUDGET_S": str(BUDGET_S), "JUMAR_SEED": "7"}
        child = start(target, "-X", "importtime", "train.py", env=env)
        self.printed, imports = child.communicate()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert child.returncode == 0, imports[-2000:]
        self.cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.imported = set(re.findall(r"^import time:.*\| +(\S+)$", imports, re.MULTILINE))
        self.out = out


@pytest.fixture(scope="module")
def trained(target: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return Trained(target, tmp_path_factory.mktemp("out"))


def score(pinned: Path, tree: Path, run_out: Path, out: Path, split: str = "search") -> dict[str, Any]:
    """What the scorer of `pinned` says of a run of the candidate in `tree`."""
    out.mkdir()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    env = {"JUMAR_RUN_OUT": str(run_out)}
    servers = [start(tree, "serve.py", env=env, **pipes) for _ in range(2)]
    pairs = [(server.stdout.fileno(), server.stdin.fileno()) for server in servers]  # type: ignore[union-attr]
    env |= {"JUMAR_OUT": str(out), "JUMAR_SPLIT": split}
    env |= {"JUMAR_SERVERS": ",".join(f"{read}:{write}" for read, write in pairs)}
    scorer = start(pinned, "score.py", env=env, pass_fds=[fd for pair in pairs for fd in pair])
    _, err = scorer.communicate()
    for server in servers:
        server.kill()
        server.communicate()
    assert scorer.returncode == 0, err
    found: dict[str, Any] = json.loads((out / "score.json").read_text())
    return found


def candidate(target: Path, tree: Path, old: str, new: str) -> Path:
    """The target's tree with one edit of train.py."""
    tree.mkdir()
    for file in target.glob("*.py"):
        text = file.read_text()
        if file.name == "train.py":
            assert old in text
            text = text.replace(old, new)
        (tree / file.name).write_text(text)
    return tree


def test_what_is_hidden_is_in_no_training_text_and_everything_else_is_whole(target: Path) -> None:
    table = [bytes.fromhex(token) for token in json.loads((target / "data/tokens.json").read_text())["bytes"]]
    texts = {
        name: b"".join(table[token] for token in np.fromfile(target / "data" / name, dtype="<u2"))
        for name in ("train.bin", "hidden/search.bin", "hidden/holdout.bin")
    }
    hidden, open_ = Path(mailbox.__file__).read_bytes(), Path(textwrap.__file__).read_bytes()
    assert open_ in texts["train.bin"]
    assert [hidden in text for text in texts.values()].count(True) == 1
    assert hidden not in texts["train.bin"]
    assert mailbox.__file__ in (target / "data/hidden.txt").read_text().splitlines()


def test_a_folder_of_texts_is_a_corpus_made_once_mended_when_damaged_and_hidden(tmp_path: Path) -> None:
    folder, texts = tmp_path / "target", tmp_path / "text"
    copy_target("tinylm", folder)
    texts.mkdir()
    lines = (f"{n * 7919 % 100_003} men went to mow {n % 977} meadows\n" for n in range(80_000))
    (texts / "one.txt").write_text("".join(lines))
    call(folder, "prepare.py", "--text", str(texts))
    made = {path: path.read_bytes() for path in (folder / "data").rglob("*") if path.is_file()}
    assert call(folder, "prepare.py", "--text", str(texts)) == "data: as it should be\n"
    (folder / "data/tokens.json").write_text("{}")
    call(folder, "prepare.py", "--text", str(texts))
    assert {path: path.read_bytes() for path in made} == made
    assert made[folder / "data/hidden.txt"].decode() == f"{texts}\n"
    assert 6 < len(made[folder / "data/train.bin"]) / len(made[folder / "data/hidden/holdout.bin"]) < 10


def test_too_little_text_is_refused_with_the_way_out(tmp_path: Path) -> None:
    copy_target("tinylm", tmp_path / "target")
    (tmp_path / "one.txt").write_text("too little\n" * 100)
    child = start(tmp_path / "target", "prepare.py", "--text", str(tmp_path))
    _, err = child.communicate()
    assert child.returncode == 1
    assert "(fix: " in err
    assert "Traceback" not in err


def test_a_run_imports_nothing_that_is_hidden_from_it(target: Path, trained: Trained) -> None:
    listed = (Path(line) for line in (target / "data/hidden.txt").read_text().splitlines())
    hidden = {path.name.partition(".")[0] for path in listed}
    assert "torch" in trained.imported
    assert hidden
    assert hidden.isdisjoint(trained.imported)


def test_a_run_keeps_its_budget_by_itself_and_leaves_a_curve(trained: Trained) -> None:
    assert trained.cpu_s <= BUDGET_S * 1.02 + 0.3
    points = [json.loads(line) for line in (trained.out / "curve.jsonl").read_text().splitlines()]
    steps = int(re.search(r"^steps: +(\d+)$", trained.printed, re.MULTILINE)[1])  # type: ignore[index]
    assert len(points) == steps // 5
    assert all(0 < point["progress"] <= 1 and 0 < point["loss"] < 12 for point in points)


def test_an_honest_run_is_scored_whatever_it_prints(target: Path, trained: Trained, tmp_path: Path) -> None:
    noisy = candidate(
        target,
        tmp_path / "tree",
        "def build(config: dict[str, Any]) -> nn.Module:",
        "print('junk' * 9, flush=True)\nos.write(1, b'junk')\nsys.stdin.close()\n\n"
        "def build(config: dict[str, Any]) -> nn.Module:\n    print('junk', flush=True)",
    )
    found = score(target, noisy, trained.out, tmp_path / "score")
    assert 2 < found["metric"] < 6
    assert found["measurements"]["parameters"] > 1e5
    assert found["measurements"]["largest_shift"] < 1e-3
    assert len(found["items"]) == 192
    assert {"position 0-15", "rare tokens"} <= set(found["breakdown"])


def test_a_model_that_looks_ahead_is_refused(target: Path, trained: Trained, tmp_path: Path) -> None:
    tree = candidate(target, tmp_path / "tree", "is_causal=True", "is_causal=False")
    assert "not causal" in score(target, tree, trained.out, tmp_path / "score", "holdout")["refused"]


def test_scored_by_hand_a_model_that_cannot_be_built_is_refused_with_its_error(
    target: Path, trained: Trained, tmp_path: Path
) -> None:
    tree = candidate(target, tmp_path / "tree", "return LanguageModel(config)", "return config['absent']")
    (tree / "data").symlink_to(target / "data")
    (tree / "out").symlink_to(trained.out)
    assert "KeyError: 'absent'" in json.loads(call(tree, "score.py"))["refused"]


@pytest.mark.parametrize("weights", [b"\x80\x04}.", b"PK\x03\x04 a zip of pickles", b"\xff" * 64, b""])
def test_weights_that_are_not_plain_numbers_are_refused(target: Path, tmp_path: Path, weights: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(weights)
    assert "no safetensors" in scored_alone(target, tmp_path)["refused"]


def test_weights_that_are_a_pipe_or_a_link_are_refused(target: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.safetensors")
    assert "no file" in scored_alone(target, tmp_path)["refused"]
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "model.safetensors").symlink_to(target / "data" / "train.bin")
    assert "cannot be read" in scored_alone(target, tmp_path)["refused"]


def scored_alone(target: Path, run_out: Path) -> dict[str, Any]:
    """The score where looking at the folder is enough: no server is ever asked."""
    env = {"JUMAR_RUN_OUT": str(run_out), "JUMAR_OUT": str(run_out), "JUMAR_SERVERS": "0:1,0:1"}
    call(target, "score.py", env=env)
    found: dict[str, Any] = json.loads((run_out / "score.json").read_text())
    return found


def test_data_that_are_not_those_of_the_digests_are_not_scored(target: Path, tmp_path: Path) -> None:
    copy_target("tinylm", tmp_path / "other")
    (tmp_path / "other" / "data").symlink_to(target / "data")
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("digests.json", "tokens.json", "hidden"):
        (moved / name).symlink_to(target / "data" / name)
    (moved / "tokens.json").unlink()
    (moved / "tokens.json").write_text((target / "data" / "tokens.json").read_text() + " ")
    (tmp_path / "other" / "data").unlink()
    (tmp_path / "other" / "data").symlink_to(moved)
    child = start(tmp_path / "other", "score.py")
    _, err = child.communicate()
    assert child.returncode == 1
    assert "data/tokens.json is not what data/digests.json says (fix: " in err


# The scorer against models of a few lines, each in a thread behind real pipes

Model = Callable[[Any, int], Any]
VOCABULARY = 1024


@pytest.fixture(scope="module")
def scorer(target: Path) -> Iterator[ModuleType]:
    sys.path.insert(0, str(target))
    spec = importlib.util.spec_from_file_location("tinylm_score", target / "score.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["tinylm_score"] = module
    spec.loader.exec_module(module)
    module.__dict__["WINDOWS"] = 96  # half, to be quick; the checks are in proportion
    yield module
    sys.path.remove(str(target))
    del sys.modules["tinylm_score"], sys.modules["serve"]


@contextmanager
def serving(scorer: ModuleType, model: Model) -> Iterator[tuple[int, int]]:
    """The scorer's ends of two pipes, with `model` behind them."""
    frame, shape = scorer.FRAME, scorer.SHAPE
    questions_out, questions_in = os.pipe()
    answers_out, answers_in = os.pipe()

    def work() -> None:
        with os.fdopen(questions_out, "rb") as questions, os.fdopen(answers_in, "wb") as answers:
            if questions.read(frame.size) != frame.pack(scorer.START, 0):
                return
            answers.write(frame.pack(scorer.READY, 0))
            answers.flush()
            for count in range(1000):
                head = questions.read(frame.size)
                content = questions.read(frame.unpack(head)[1]) if head else b""
                if not content:
                    return
                rows, columns = shape.unpack_from(content)
                tokens = np.frombuffer(content, "<u2", offset=shape.size).reshape(rows, columns)
                answer = model(tokens.astype(int), count)
                if answer is None:
                    return
                raw = answer if isinstance(answer, bytes) else np.asarray(answer).tobytes()
                try:
                    answers.write(frame.pack(scorer.ANSWER, len(raw)) + raw)
                    answers.flush()
                except BrokenPipeError:
                    return

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield answers_out, questions_in
    finally:
        os.close(answers_out)
        os.close(questions_in)
        thread.join()


def measured(scorer: ModuleType, model: Model, *, strict: bool = False) -> dict[str, Any]:
    tokens, table = scorer.read_data("search")
    with serving(scorer, model) as one, serving(scorer, model) as other:
        servers = [scorer.Server(*pair, vocabulary=VOCABULARY) for pair in (one, other)]
        found: dict[str, Any] = scorer.measure(servers, tokens, table, strict=strict)
    return found


TASTE = np.random.default_rng(0).normal(size=(VOCABULARY, VOCABULARY)).astype("float32")


def honest(tokens: Any, count: int) -> Any:
    return TASTE[tokens]


def leaking(strength: float) -> Model:
    """Knows a little of the token that follows."""

    def model(tokens: Any, count: int) -> Any:
        logits = TASTE[tokens]
        rows, places = np.ogrid[: tokens.shape[0], : tokens.shape[1] - 1]
        logits[rows, places, tokens[:, 1:]] += np.float32(strength)
        return logits

    return model


def spoiled(value: float) -> Model:
    def model(tokens: Any, count: int) -> Any:
        logits = TASTE[tokens]
        logits[0, 0, 0] = value
        return logits

    return model


def test_every_byte_counts_and_uniform_answers_cost_what_they_must(scorer: ModuleType) -> None:
    found = measured(scorer, lambda tokens, _: np.zeros((*tokens.shape, VOCABULARY), "float32"))
    tokens = 96 * 128
    assert found["metric"] == pytest.approx(10 * tokens / found["measurements"]["bytes_scored"])
    assert np.mean(found["items"]) == pytest.approx(found["metric"], rel=0.05)


def test_what_is_added_to_all_logits_changes_nothing(scorer: ModuleType) -> None:
    plain = measured(scorer, honest)
    lifted = measured(scorer, lambda tokens, _: TASTE[tokens] + np.float32(100))
    assert lifted["metric"] == pytest.approx(plain["metric"], rel=1e-5)
    assert plain["measurements"]["largest_shift"] == 0


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (leaking(5.0), "not causal"),
        (leaking(0.015), "not causal"),  # every single shift is below its limit
        (lambda tokens, count: TASTE[tokens] * np.float32(1 + count / 50), "depend on"),
        (lambda tokens, _: TASTE[tokens] + TASTE[tokens[::-1]], "depend on"),
        (lambda tokens, _: TASTE[tokens] + np.random.normal(size=VOCABULARY).astype("float32"), "depend on"),
        (spoiled(float("nan")), "not all finite"),
        (spoiled(float("inf")), "not all finite"),
        (lambda tokens, _: TASTE[tokens].astype("float64"), "not a float32 logit"),
        (lambda tokens, _: TASTE[tokens][:, :, 1:], "not a float32 logit"),
        (lambda tokens, _: bytes(64 << 20), "not a float32 logit"),
        (lambda tokens, _: None, "ended before"),
    ],
    ids=("leak small-leak state neighbours chance nan inf doubles shape huge silent".split()),
)
def test_answers_of_a_dishonest_model_are_refused(scorer: ModuleType, model: Model, reason: str) -> None:
    with pytest.raises(scorer.Refused, match=reason):
        measured(scorer, model)


def test_the_second_server_starts_when_nothing_is_left_of_the_first(scorer: ModuleType) -> None:
    """What the model remembers for ever is what it tells its other self, by whatever way there is."""
    said: dict[bytes, int] = {}
    lock, order = threading.Lock(), []

    def agreeing(tokens: Any, count: int) -> Any:
        """Bets on the token that follows, and as it did before where a beginning is the same."""
        logits = TASTE[tokens]
        with lock:
            order.append(threading.get_ident())
            for row, place in np.ndindex(tokens.shape[0], tokens.shape[1] - 1):
                after = said.setdefault(tokens[row, : place + 1].tobytes(), int(tokens[row, place + 1]))
                logits[row, place, after] += np.float32(2)
        return logits

    measured(scorer, agreeing)  # nothing in the answers gives it away: only where it runs can stop it
    turns = [one for one, other in zip(order, [None, *order], strict=False) if one != other]
    assert len(turns) == 2


@pytest.mark.parametrize(("said", "reason"), [(b"", "to end"), (b"more", "said more")])
def test_a_server_that_does_not_end_is_refused(scorer: ModuleType, said: bytes, reason: str) -> None:
    (questions_out, questions_in), (answers_out, answers_in) = os.pipe(), os.pipe()
    server = scorer.Server(answers_out, questions_in, vocabulary=VOCABULARY)
    server.deadline = 0.0
    os.write(answers_in, said)
    with pytest.raises(scorer.Refused, match=reason):
        server.end()
    for fd in (questions_out, questions_in, answers_out, answers_in):
        os.close(fd)


def test_strictness_asks_more_of_a_model_and_changes_no_number(scorer: ModuleType) -> None:
    asked = {False: 0, True: 0}
    found = {}
    for strict in asked:

        def model(tokens: Any, count: int, strict: bool = strict) -> Any:
            asked[strict] += len(tokens)
            return TASTE[tokens]

        found[strict] = measured(scorer, model, strict=strict)
    assert asked == {False: 2 * 96, True: 4 * 96}
    assert found[True]["metric"] == found[False]["metric"]


def test_a_batch_that_is_smaller_than_usual_is_asked_for_only_when_strict(scorer: ModuleType) -> None:
    def model(tokens: Any, count: int) -> Any:
        """Cheats where it may: batches of a usual size were seen in the scorer's source."""
        return TASTE[tokens] * np.float32(1 if len(tokens) == scorer.ROWS else 0.5)

    measured(scorer, model)
    with pytest.raises(scorer.Refused, match="depend on"):
        measured(scorer, model, strict=True)


# Copying


def test_a_shipped_target_is_copied_once_and_never_over_something_else(tmp_path: Path) -> None:
    assert "tinylm" in shipped_targets()
    copy_target("tinylm", tmp_path / "mine")
    assert {"train.py", "jumar.toml", ".gitignore"} <= {file.name for file in (tmp_path / "mine").iterdir()}
    with pytest.raises(TargetUnfit, match="not empty"):
        copy_target("tinylm", tmp_path / "mine")


def test_an_unknown_target_is_answered_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(Usage, match="did you mean tinylm"):
        copy_target("tinyml", tmp_path / "mine")
    assert not (tmp_path / "mine").exists()
