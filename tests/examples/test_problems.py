"""The examples of problems with constraints, as a user runs them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from symgrad.cli import main

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(folder: Path, script: str, *options: str) -> str:
    """What a script prints, which has to save its picture."""
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent)}
    command = [sys.executable, "-X", "utf8", str(EXAMPLES / script), "--picture", "picture.png", *options]
    result = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", env=environment, check=False)
    assert result.returncode == 0, result.stderr
    picture = folder / "picture.png"
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 20_000
    return result.stdout


def test_they_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(EXAMPLES / "swing_up.py")]) == 0
    assert "−0.4 ≤ torque ≤ 0.4" in capsys.readouterr().out


@pytest.mark.long
def test_the_pendulum_swings_up_and_back_first(tmp_path: Path) -> None:
    printed = run(tmp_path, "swing_up.py", "--steps", "50")
    assert "trust-constr converged" in printed
    assert abs(float(re.findall(r"objective +([\d.]+)", printed)[0]) - 1.33) < 0.03


@pytest.mark.long
def test_the_membrane_is_that_of_projected_relaxation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "points rest on the hills" in run(tmp_path, "obstacle.py", "--side", "41")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import obstacle  # of the folder of examples

    height, force, _ = obstacle.solve(15)
    ground, expected = obstacle.landscape(15), np.zeros((15, 15))
    for _ in range(500):
        for i in range(1, 14):
            for j in range(1, 14):
                around = expected[i - 1, j] + expected[i + 1, j] + expected[i, j - 1] + expected[i, j + 1]
                expected[i, j] = max(around / 4, ground[i, j])
    np.testing.assert_allclose(height, expected, atol=1e-9)
    assert force.min() > -1e-12 and np.all(force * (height - ground) < 1e-12)


@pytest.mark.long
def test_the_cheapest_flow_costs_what_is_published(tmp_path: Path) -> None:
    assert "cost: 5296.69 an hour" in run(tmp_path, "power_flow.py")
