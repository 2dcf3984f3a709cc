"""The script on Newton's method, as a user runs it, on a part of the digits."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.long
def test_newtons_method_needs_fewer_iterations_and_ends_nearer(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent), "COLUMNS": "160", "NO_COLOR": "1"}
    options = ["--picture", "curves.png", "--pictures", "150", "--penalty", "0.01"]
    command = [sys.executable, "-X", "utf8", str(EXAMPLES / "newton.py"), *options]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", env=environment, check=False)
    assert result.returncode == 0, result.stderr

    row = r"│ (\w+) regression.*? │ ([\w-]+)(?:, (\w+))? +│ (\d+) +│ [\d.]+ +│ ([\d.]+) +│ ([\d.e+-]+)"
    rows = re.findall(row, result.stdout)
    assert len(rows) == 10
    for problem in ("logistic", "softmax"):
        found = {
            (method, given): (int(n), float(loss), float(slope))
            for p, method, given, n, loss, slope in rows
            if p == problem
        }
        plain = found.pop("L-BFGS-B", None) or found.pop(("L-BFGS-B", ""))
        assert {method for method, _ in found} == {"Newton-CG", "trust-ncg"}
        for iterations, loss, slope in found.values():
            assert iterations < plain[0]
            assert loss <= plain[1]
            assert slope < 1e-6

    picture = tmp_path / "curves.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 10_000
