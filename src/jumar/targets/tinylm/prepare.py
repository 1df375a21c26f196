"""Makes data/: a corpus every machine has, its three splits, and the tokens they are written in.

    python prepare.py                the sources of this Python's standard library (about 10 s)
    python prepare.py --text DIR     the text files below DIR instead

`data/train.bin` is what runs learn from. `data/hidden/search.bin` and `data/hidden/holdout.bin`
are what they are scored on, in the search and when it is certified; both come from modules that
no training imports (MASKED), so that a run can be kept from reading them anywhere on the machine:
`data/hidden.txt` lists every copy. Tokens are byte pairs (BPE) learned here, on the training split;
`data/tokens.json` says which bytes each one stands for. `data/digests.json` belongs into git: the
scorer refuses data that is not what it says.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import sysconfig
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heappush
from itertools import pairwise
from pathlib import Path

DATA = Path(__file__).resolve().parent / "data"
DIGESTS = DATA / "digests.json"
MADE = ("train.bin", "hidden/search.bin", "hidden/holdout.bin", "tokens.json")
VOCABULARY = 1024  # learned fastest at this size: bytes never leave bigrams in 20 s, 4096 costs too much head
LEAST_TOKENS = 50_000  # of a hidden split: twice what one scoring reads

# Programs and protocols that neither a training nor what it imports ever touches, so hiding them
# breaks nothing. Not here, although as idle: distutils, lib2to3, optparse, doctest and pdb, which
# other packages import or carry copies of.
MASKED = frozenset(
    """_pydecimal _pyio aifc idlelib imaplib mailbox nntplib smtpd smtplib tkinter turtle turtledemo
    wsgiref xmlrpc""".split()
)
# Installed packages, tests, tables of numbers, and what a distribution generates for its own machine.
SKIPPED = frozenset(
    "site-packages dist-packages test tests idle_test __pycache__ encodings pydoc_data lib-dynload".split()
)
GENERATED = re.compile(r"_?config-|_sysconfigdata|sitecustomize|_distutils_system_mod")

# Where Pythons are installed, each a pattern below / or the home; all copies of MASKED are hidden.
PYTHONS = (
    "usr/lib*/python*", "usr/local/lib*/python*", "opt/*/lib/python*", "opt/python/*/lib/python*",
    "opt/hostedtoolcache/Python/*/*/lib/python*", "opt/conda/pkgs/python-*/lib/python*",
    "opt/conda/envs/*/lib/python*", "nix/store/*-python3-*/lib/python*", "usr/share/python*",
    "Library/Frameworks/Python.framework/Versions/*/lib/python*", "opt/homebrew/Cellar/python*/*/Frameworks/"
    "Python.framework/Versions/*/lib/python*",
)  # fmt: skip
HOME_PYTHONS = (
    ".pyenv/versions/*/lib/python*", ".local/share/uv/python/*/lib/python*", ".local/lib/python*",
    ".asdf/installs/python/*/lib/python*", ".local/share/mise/installs/python/*/lib/python*",
    "*conda*/lib/python*", "*conda*/pkgs/python-*/lib/python*", "*conda*/envs/*/lib/python*",
    "*forge*/lib/python*", "*forge*/pkgs/python-*/lib/python*", "*forge*/envs/*/lib/python*",
)  # fmt: skip

Pair = tuple[int, int]
WORD = re.compile(rb" ?[A-Za-z_]+| ?[0-9]+| ?[^\sA-Za-z0-9_]+|\s+")


def main() -> None:
    """Make what is missing or no longer as its digest says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--text", type=Path, metavar="DIR", help="another corpus: the text files below DIR")
    asked = parser.parse_args()
    splits = read_folder(asked.text.resolve()) if asked.text else read_library()
    (DATA / "hidden").mkdir(parents=True, exist_ok=True)
    hidden = [str(asked.text.resolve())] if asked.text else find_copies(libraries())
    (DATA / "hidden.txt").write_text("".join(f"{path}\n" for path in hidden), encoding="utf-8")
    corpus = {name: digest(b"\0".join(texts)) for name, texts in splits.items()}
    if is_made(corpus):
        print("data: as it should be")
        return
    make(splits, corpus)


def make(splits: dict[str, list[bytes]], corpus: dict[str, str]) -> None:
    """Learn the tokens on the training split, write every split in them, and what must stay true."""
    tokens, encode = learn_tokens(b"".join(splits["train"]), VOCABULARY)
    counts: list[int] = []
    for name in ("train", "search", "holdout"):
        ids = encode(b"".join(splits[name]))
        if len(ids) < LEAST_TOKENS:
            fail(f"the {name} split has {len(ids)} tokens; it needs {LEAST_TOKENS}")
        size = sum(map(len, splits[name]))
        print(f"{name:>8}: {len(splits[name])} texts, {size:,} bytes, {len(ids):,} tokens")
        (DATA / ("train.bin" if name == "train" else f"hidden/{name}.bin")).write_bytes(little(ids).tobytes())
        counts = counts or [count for _, count in sorted((Counter(range(VOCABULARY)) + Counter(ids)).items())]
    table = {"bytes": [token.hex() for token in tokens], "counts": counts}
    (DATA / "tokens.json").write_text(json.dumps(table), encoding="utf-8")
    files = {name: digest((DATA / name).read_bytes()) for name in MADE}
    DIGESTS.write_text(json.dumps({"corpus": corpus, "files": files}, indent=1) + "\n", encoding="utf-8")


def is_made(corpus: dict[str, str]) -> bool:
    """True when every file is there and is what was made from this very corpus."""
    try:
        known = json.loads(DIGESTS.read_text(encoding="utf-8"))
        return known["corpus"] == corpus and all(
            digest((DATA / name).read_bytes()) == known["files"][name] for name in MADE
        )
    except (OSError, ValueError, KeyError):
        return False


# The corpus


def read_library() -> dict[str, list[bytes]]:
    """The standard library by split: what is MASKED is shared out to the hidden ones, evenly."""
    root = Path(sysconfig.get_path("stdlib"))
    texts: dict[str, bytes] = {}
    for path in sorted(root.rglob("*.py"), key=lambda path: path.relative_to(root).as_posix()):
        parts = path.relative_to(root).parts
        if SKIPPED.isdisjoint(parts) and not GENERATED.match(parts[0]):
            texts[path.relative_to(root).as_posix()] = path.read_bytes()
    if not texts:
        fail(f"{root} has no sources")
    texts = {name: text for text, name in {text: name for name, text in reversed(texts.items())}.items()}
    is_masked = {name: Path(name).parts[0].removesuffix(".py") in MASKED for name in texts}
    splits = share_out({name: text for name, text in texts.items() if is_masked[name]}, 0.0)
    return splits | {"train": [text for name, text in sorted(texts.items()) if not is_masked[name]]}


def read_folder(folder: Path) -> dict[str, list[bytes]]:
    """Every UTF-8 text below `folder`, cut at line ends into pieces that are shared out."""
    pieces: dict[str, bytes] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts):
        text = path.read_bytes()
        if is_text(text):
            for number, piece in enumerate(cut(text, 32 << 10)):
                pieces[f"{path.relative_to(folder).as_posix()}#{number}"] = piece
    if not pieces:
        fail(f"{folder} has no text files")
    return share_out(pieces, 0.8)


def share_out(texts: dict[str, bytes], train: float) -> dict[str, list[bytes]]:
    """Texts by split, each in the order of its name's hash to the split that lacks most of its share."""
    shares = {"train": train, "search": (1 - train) / 2, "holdout": (1 - train) / 2}
    sizes = dict.fromkeys((name for name, share in shares.items() if share), 0)
    splits: dict[str, list[bytes]] = {name: [] for name in shares}
    for name in sorted(texts, key=lambda name: digest(name.encode())):
        split = min(sizes, key=lambda split: sizes[split] / shares[split])
        sizes[split] += len(texts[name])
        splits[split].append(texts[name])
    return splits


def cut(text: bytes, size: int) -> Iterator[bytes]:
    """Pieces of about `size` bytes that end where a line ends."""
    start = 0
    while start < len(text):
        end = text.find(b"\n", start + size) + 1 or len(text)
        yield text[start:end]
        start = end


def is_text(content: bytes) -> bool:
    """True for UTF-8 without NUL bytes."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in content


def libraries() -> list[Path]:
    """Every standard library on this machine that a run could find, this Python's first."""
    found = [Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")]
    found += [path.resolve() for pattern in PYTHONS for path in Path("/").glob(pattern)]
    found += [path.resolve() for pattern in HOME_PYTHONS for path in Path.home().glob(pattern)]
    return [path for path in dict.fromkeys(found) if path.is_dir()]


def find_copies(places: Iterable[Path]) -> list[str]:
    """Each copy of a MASKED module below `places`: whole packages, else source and bytecode."""
    copies = []
    for place in places:
        for name in sorted(MASKED):
            package = [place / name] if (place / name).is_dir() else []
            copies += [*package, *place.glob(f"{name}.py*"), *place.glob(f"__pycache__/{name}.*.pyc")]
    return [str(path) for path in copies]


# The tokens


def learn_tokens(text: bytes, size: int) -> tuple[list[bytes], Encoder]:
    """Byte-pair encoding: start from bytes, and join the pair that is most frequent, again and again."""
    pairs = Pairs(Counter(WORD.findall(text)))
    queue = [(-count, pair) for pair, count in pairs.counts.items()]
    heapify(queue)
    tokens, ranks = [bytes([byte]) for byte in range(256)], {}
    while len(tokens) < size and queue and queue[0][0]:
        count, best = heappop(queue)
        if -count != pairs.counts[best]:  # it became rarer since it was queued
            heappush(queue, (-pairs.counts[best], best))
            continue
        new = ranks[best] = len(tokens)
        tokens.append(tokens[best[0]] + tokens[best[1]])
        for pair in pairs.join(best, new):
            heappush(queue, (-pairs.counts[pair], pair))
    return tokens, Encoder(ranks, pairs.words)


class Pairs:
    """How often each pair of tokens stands in the text, and in which words."""

    def __init__(self, times: Counter[bytes]) -> None:
        self.times = times
        self.words = {word: list(word) for word, count in times.items() if count > 1}
        self.counts: defaultdict[Pair, int] = defaultdict(int)
        self.places: defaultdict[Pair, set[bytes]] = defaultdict(set)
        for word, ids in self.words.items():
            for pair in pairwise(ids):
                self.counts[pair] += times[word]
                self.places[pair].add(word)

    def join(self, pair: Pair, new: int) -> set[Pair]:
        """Replace `pair` by `new` wherever it stands. Returns the pairs that this made."""
        made: set[Pair] = set()
        for word in self.places.pop(pair):
            for old in pairwise(self.words[word]):
                self.counts[old] -= self.times[word]
            self.words[word] = join(self.words[word], pair, new)
            for now in pairwise(self.words[word]):
                self.counts[now] += self.times[word]
                if new in now:
                    self.places[now].add(word)
                    made.add(now)
        return made


class Encoder:
    """Turns bytes into tokens; the same bytes always give the same tokens."""

    def __init__(self, ranks: dict[Pair, int], known: dict[bytes, list[int]]) -> None:
        self.ranks = ranks
        self.known = known

    def __call__(self, text: bytes) -> array[int]:
        ids = array("H")
        for word in WORD.findall(text):
            if word not in self.known:
                self.known[word] = self.encode(word)
            ids.extend(self.known[word])
        return ids

    def encode(self, word: bytes) -> list[int]:
        """Join pairs in the order in which they were learned, as far as there are any."""
        ids = list(word)
        while pairs := [pair for pair in pairwise(ids) if pair in self.ranks]:
            best = min(pairs, key=self.ranks.__getitem__)
            ids = join(ids, best, self.ranks[best])
        return ids


def join(ids: list[int], pair: Pair, new: int) -> list[int]:
    """`ids` with every occurrence of `pair` replaced by `new`, from the left."""
    joined: list[int] = []
    for token in ids:
        if token == pair[1] and joined and joined[-1] == pair[0]:
            joined[-1] = new
        else:
            joined.append(token)
    return joined


def little(ids: array[int]) -> array[int]:
    """`ids` as every machine shall read them: two bytes each, the low one first."""
    if sys.byteorder == "big":
        ids = array("H", ids)
        ids.byteswap()
    return ids


def digest(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def fail(problem: str) -> None:
    """End here, with the way out."""
    sys.exit(f"prepare.py: {problem} (fix: give a folder of text with `python prepare.py --text DIR`)")


if __name__ == "__main__":
    main()
