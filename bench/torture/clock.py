"""Runs `jumar` in a process whose clock is wrong: `python -m bench.torture.clock SECONDS WORDS…`."""

from __future__ import annotations

import runpy
import sys
import time

if __name__ == "__main__":
    off_s, real = float(sys.argv[1]), time.time
    time.time = lambda: real() + off_s  # before the product is imported and keeps a name for it
    sys.argv = ["jumar", *sys.argv[2:]]
    runpy.run_module("jumar", run_name="__main__")
