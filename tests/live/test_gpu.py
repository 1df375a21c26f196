"""tinylm on a GPU: bf16, compiled, on the wall clock. Needs CUDA; run with --live."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.live


@pytest.mark.skipif(shutil.which("nvidia-smi") is None, reason="no GPU here")
def test_a_study_of_tinylm_runs_on_a_gpu(tmp_path: Path) -> None:
    def jumar(*words: str, folder: Path) -> str:
        command = [sys.executable, "-m", "jumar", *words]
        return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout

    jumar("new", "tinylm", "target", folder=tmp_path)
    target = tmp_path / "target"
    contract = target / "jumar.toml"
    text = contract.read_text().replace('clock   = "cpu"', 'clock   = "wall"').replace('"20s"', '"60s"')
    contract.write_text(text.replace('"120s"', '"300s"'))
    subprocess.run(["git", "commit", "-qam", "on a GPU"], cwd=target, check=True)
    jumar("run", "--experiments", "2", folder=target)
    assert '"kept"' in jumar("log", "--json", folder=target)
