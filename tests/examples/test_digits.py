"""The digits script, as a user runs it."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.long
def test_both_models_learn_the_digits_by_both_methods(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent), "COLUMNS": "120", "NO_COLOR": "1"}
    command = [sys.executable, "-X", "utf8", str(EXAMPLES / "digits.py"), "--picture", "curves.png"]
    began = time.monotonic()
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", env=environment, check=False)
    assert result.returncode == 0, result.stderr
    assert time.monotonic() - began < 120  # of the two minutes that a reader is asked to wait; a few seconds are usual

    rows = re.findall(r"│ (softmax regression|MLP) +│ ([\w -]+?) +│ [\d.]+ +│ ([\d.]+)", result.stdout)
    accuracies = {(model, method): float(accuracy) for model, method, accuracy in rows}
    assert set(accuracies) == {(m, o) for m in ("softmax regression", "MLP") for o in ("gradient descent", "L-BFGS")}
    for (model, method), accuracy in accuracies.items():
        assert accuracy > (0.96 if model == "MLP" else 0.94), (model, method)

    picture = tmp_path / "curves.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 10_000  # an empty pair of axes has less
    assert [path.name for path in tmp_path.iterdir()] == ["curves.png"]
