"""Trains a small language model within a fixed budget. This is the file to improve.

    python train.py      reads data/train.bin, writes the model and its curve to $JUMAR_OUT (out/)

The scorer then asks the model for the next token on text it has not seen, 128 tokens at a time, and
counts bits per byte; lower is better. What must stay: `build(config)` gives a module that turns
tokens [rows, 128] into logits [rows, 128, vocabulary], looking at no token after the one it answers
for; `train(task)` gives the config and the weights; all of it within the budget, imports included.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from serve import save_model

# The model
DEPTH = 2  # 1 .. 4
WIDTH = 128  # one of: 32, 48, 64, 96, 128, 192, 256
HEADS = 4  # one of: 1, 2, 4, 8
MLP_RATIO = 4  # one of: 1, 2, 3, 4, 6
EMBEDDING_STD = 1.0  # 0.01 .. 1.0 log

# The optimiser
BATCH = 16  # one of: 4, 8, 16, 32, 64
LR = 1e-3  # 1e-4 .. 3e-2 log
WEIGHT_DECAY = 0.01  # 1e-3 .. 0.3 log
BETA1 = 0.9  # 0.8 .. 0.98
BETA2 = 0.999  # 0.9 .. 0.999
WARMUP = 0.0  # 0.0 .. 0.2 of the budget, in which the rate rises from nothing
COOLDOWN = 0.0  # 0.0 .. 1.0 of the budget, at its end, in which the rate falls to nothing
CLIP = 0.0  # 0.0 .. 2.0 for the norm of the gradient; 0 is off

CONTEXT = 128  # fixed: what the scorer asks for
SCALES = {"default": (1, 1.0), "small": (1, 1.0), "medium": (2, 1.0), "large": (3, 1.5)}  # times depth, width
FINISH_S = 0.1  # fixed: kept back for writing the model
POINT_EVERY = 5  # fixed: steps between two points of the curve


# The model: a decoder as the textbooks have it


class Attention(nn.Module):
    """Every token looks at those before it, with several heads."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        rows, length, width = x.shape
        q, k, v = self.qkv(x).view(rows, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(mixed.transpose(1, 2).reshape(rows, length, width))


class MLP(nn.Module):
    """Every token by itself."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.up = nn.Linear(width, hidden)
        self.down = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.gelu(self.up(x)))


class Block(nn.Module):
    """Attention and MLP, each added to what it reads."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(width), Attention(width, heads)
        self.norm2, self.mlp = nn.LayerNorm(width), MLP(width, hidden)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class LanguageModel(nn.Module):
    """Tokens in, logits of the next token out."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        width = config["width"]
        self.token = nn.Embedding(config["vocabulary"], width)
        self.position = nn.Embedding(config["context"], width)
        self.blocks = nn.Sequential(
            *(Block(width, config["heads"], config["mlp_ratio"] * width) for _ in range(config["depth"]))
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, config["vocabulary"], bias=False)
        for embedding in (self.token, self.position):
            nn.init.normal_(embedding.weight, std=EMBEDDING_STD)

    def forward(self, tokens: Tensor) -> Tensor:
        places = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.token(tokens) + self.position(places)
        return self.head(self.norm(self.blocks(x)))


def build(config: dict[str, Any]) -> nn.Module:
    """The module that `config` describes, with fresh weights. The scorer's side calls this too."""
    return LanguageModel(config)


# The training


@dataclass(frozen=True)
class Task:
    """What one run is asked for."""

    tokens: Tensor
    vocabulary: int
    seed: int
    budget_s: float
    scale: str
    device: str
    clock: str  #: what the budget is counted in: cpu or wall seconds
    started_s: float  #: when the process began, on the clock that never stops
    out: Path

    def spent_s(self) -> float:
        """What is gone of the budget, since before the first import."""
        if self.clock == "cpu":
            return time.process_time()
        return time.clock_gettime(time.CLOCK_BOOTTIME) - self.started_s


def train(task: Task) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Train until the budget is spent. Returns what `build` needs, and the weights."""
    torch.manual_seed(task.seed)
    deeper, wider = SCALES[task.scale]
    config = {
        "vocabulary": task.vocabulary,
        "context": CONTEXT,
        "depth": DEPTH * deeper,
        "width": round(WIDTH * wider / HEADS) * HEADS,
        "heads": HEADS,
        "mlp_ratio": MLP_RATIO,
    }
    model = build(config).to(task.device)
    optimiser = torch.optim.AdamW(model.parameters(), lr=LR, betas=(BETA1, BETA2), weight_decay=WEIGHT_DECAY)
    on_gpu = task.device == "cuda"
    predict = torch.compile(model) if on_gpu else model
    precision = torch.autocast("cuda", torch.bfloat16) if on_gpu else nullcontext()
    curve = Curve(task.out / "curve.jsonl")

    step, longest_s, started_s = 0, 0.0, task.spent_s()
    end_s = task.budget_s - FINISH_S
    while (now_s := task.spent_s()) + longest_s < end_s:
        progress = (now_s - started_s) / (end_s - started_s)
        for group in optimiser.param_groups:
            group["lr"] = LR * rate(progress)
        inputs, targets = sample(task, BATCH)
        with precision:
            logits = predict(inputs)
        loss = F.cross_entropy(logits.float().flatten(0, 1), targets.flatten())
        loss.backward()
        if CLIP:
            nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        step += 1
        curve.add(now_s / task.budget_s, loss, step)
        if step > 1:  # the first one warms up, or compiles
            longest_s = max(longest_s, task.spent_s() - now_s)

    report(model, task, step, curve.last)
    return config, model.state_dict()


def rate(progress: float) -> float:
    """The learning rate at a share of the budget, as a share of LR: up, level, down."""
    rise = progress / WARMUP if WARMUP else 1.0
    fall = (1 - progress) / COOLDOWN if COOLDOWN else 1.0
    return max(0.0, min(1.0, rise, fall))


def sample(task: Task, rows: int) -> tuple[Tensor, Tensor]:
    """Windows from anywhere in the text, and the same ones a token later."""
    starts = torch.randint(len(task.tokens) - CONTEXT, (rows, 1))
    windows = task.tokens[starts + torch.arange(CONTEXT + 1)].long().to(task.device, non_blocking=True)
    return windows[:, :-1], windows[:, 1:]


class Curve:
    """The learning curve: the mean loss of every few steps, a line each as soon as it is known."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("w", buffering=1, encoding="utf-8")
        self.losses: list[Tensor] = []
        self.last = math.nan

    def add(self, progress: float, loss: Tensor, step: int) -> None:
        self.losses.append(loss.detach())
        if step % POINT_EVERY == 0:
            self.last = torch.stack(self.losses).mean().item()
            self.losses.clear()
            self.file.write(
                json.dumps({"progress": round(progress, 4), "loss": round(self.last, 4), "step": step}) + "\n"
            )


def report(model: nn.Module, task: Task, steps: int, loss: float) -> None:
    """What a person wants to know of a run that just ended."""
    tokens = steps * BATCH * CONTEXT
    print("---")
    print(f"train_loss:      {loss:.4f}")
    print(f"steps:           {steps}")
    print(f"tokens:          {tokens}")
    print(f"tokens_per_s:    {tokens / task.spent_s():.0f}")
    print(f"parameters:      {sum(weights.numel() for weights in model.parameters())}")
    print(f"spent_s:         {task.spent_s():.2f} of {task.budget_s:g}")


def process_start_s() -> float:
    """When this process began, in seconds since the machine did: the wall clock includes imports."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """One run, as the environment asks for it."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    clock = os.environ.get("JUMAR_CLOCK", "wall" if device == "cuda" else "cpu")
    if clock == "cpu":
        torch.set_num_threads(1)  # the budget counts the seconds of every thread
    here = Path(__file__).resolve().parent
    out = Path(os.environ.get("JUMAR_OUT", here / "out"))
    out.mkdir(exist_ok=True)
    text = bytearray((here / "data" / "train.bin").read_bytes())
    task = Task(
        tokens=torch.frombuffer(text, dtype=torch.uint16).to(torch.int32),
        vocabulary=len(json.loads((here / "data" / "tokens.json").read_bytes())["bytes"]),
        seed=int(os.environ.get("JUMAR_SEED", "0")),
        budget_s=float(os.environ.get("JUMAR_BUDGET_S", "20")),
        scale=os.environ.get("JUMAR_SCALE", "small"),
        device=device,
        clock=clock,
        started_s=process_start_s() if clock == "wall" else 0.0,
        out=out,
    )
    save_model(out, *train(task))
    sys.stdout.flush()
    os._exit(0)  # unloading torch takes half a second, and the budget would pay for it


if __name__ == "__main__":
    main()
