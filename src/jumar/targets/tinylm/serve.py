"""Keeps a trained model on disk as plain numbers, and answers the scorer's questions with it.

    python serve.py      started by Jumar, twice, each time confined: it sees the candidate's code
                         and what the run left in $JUMAR_RUN_OUT, and none of the hidden text

Nothing of the candidate's code runs here before the scorer says so. A question is tokens, an answer is
the logits of the next token after each of them; an empty question is the last one. All travel as
frames: one byte of kind, the length as eight bytes, the content. The model is read as data: JSON,
and tensors in the safetensors format, which anyone can open; nothing is ever unpickled.
"""

# ruff: noqa: PLC0415 - torch is imported where it is used: the scorer imports this file and must not wait

from __future__ import annotations

import json
import math
import os
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import torch

CONFIG, WEIGHTS = "config.json", "model.safetensors"
FRAME = struct.Struct("<cQ")  # kind, length of what follows
SHAPE = struct.Struct("<II")  # of a question: rows, tokens in each; then the tokens, two bytes each
START, READY, ASK, ANSWER, ERROR = b"S", b"R", b"Q", b"A", b"E"
MOST_HEADER_BYTES = 1 << 20
DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64",
    "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip


def save_model(folder: Path, config: dict[str, Any], state: dict[str, torch.Tensor]) -> None:
    """Write what `build` needs and the weights; the last thing a run does."""
    import torch

    names = {getattr(torch, name): code for code, name in DTYPES.items()}
    header: dict[str, Any] = {}
    blocks, end = [], 0
    for name, tensor in state.items():
        block = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        start, end = end, end + len(block)
        header[name] = {"dtype": names[tensor.dtype], "shape": [*tensor.shape], "data_offsets": [start, end]}
        blocks.append(block)
    head = json.dumps(header).encode()
    (folder / WEIGHTS).write_bytes(b"".join([len(head).to_bytes(8, "little"), head, *blocks]))
    (folder / CONFIG).write_text(json.dumps(config), encoding="utf-8")


def read_header(file: BinaryIO) -> dict[str, Any]:
    """What a file of weights says it holds; its numbers follow. Raises ValueError when it is no such file."""
    size = int.from_bytes(file.read(8), "little")
    if size > MOST_HEADER_BYTES:
        raise ValueError(f"{WEIGHTS} is no safetensors file")
    try:
        header = dict(json.loads(file.read(size)))
    except (ValueError, TypeError, RecursionError):
        raise ValueError(f"{WEIGHTS} is no safetensors file") from None
    header.pop("__metadata__", None)
    return header


def load_model(folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """The config and the weights that a run left. Raises ValueError when they are something else."""
    import torch

    config = json.loads((folder / CONFIG).read_bytes())
    with (folder / WEIGHTS).open("rb") as file:
        header = read_header(file)
        numbers = bytearray(file.read())
    state = {}
    for name, entry in header.items():
        dtype = getattr(torch, DTYPES[entry["dtype"]])
        start, end = entry["data_offsets"]
        count = math.prod(entry["shape"])
        if not 0 <= start <= end <= len(numbers) or count * dtype.itemsize != end - start:
            raise ValueError(f"{WEIGHTS}: {name} is not where or what the header says")
        raw = torch.frombuffer(numbers[start:end] or bytearray(dtype.itemsize), dtype=dtype)
        state[name] = raw[:count].reshape(entry["shape"])
    return config, state


def main() -> None:
    """Answer until there are no more questions."""
    questions, answers = take_pipes()
    try:
        import torch

        torch.set_num_threads(1)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        config, state = load_model(Path(os.environ["JUMAR_RUN_OUT"]))
        if questions.read(FRAME.size) != FRAME.pack(START, 0):
            return
        import train  # the candidate's

        model = train.build(config)
        model.load_state_dict(state)
        model.to(device).eval()
        send(answers, READY, b"")
        with torch.inference_mode():
            while question := receive(questions):
                rows, columns = SHAPE.unpack_from(question)
                tokens = torch.frombuffer(bytearray(question), dtype=torch.uint16, offset=SHAPE.size)
                logits = model(tokens.long().view(rows, columns).to(device))
                send(answers, ANSWER, logits.float().cpu().contiguous().numpy().tobytes())
    except Exception as error:  # noqa: BLE001 - whatever the candidate's code raises is its answer
        send(answers, ERROR, f"{type(error).__name__}: {error}".encode()[:2000])


def take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The pipes, out of reach of what the candidate prints or reads: that goes to the log, or nowhere."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    return questions, answers


def send(pipe: BinaryIO, kind: bytes, content: bytes) -> None:
    """Write one frame."""
    pipe.write(FRAME.pack(kind, len(content)))
    pipe.write(content)
    pipe.flush()


def receive(pipe: BinaryIO) -> bytes:
    """The content of the next question; nothing at the end."""
    head = pipe.read(FRAME.size)
    return pipe.read(FRAME.unpack(head)[1]) if len(head) == FRAME.size else b""


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # the scorer waits for it, and unloading torch takes half a second
