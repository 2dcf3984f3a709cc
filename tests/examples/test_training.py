"""The scripts that train, as a user runs them, at tiny sizes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def _run(script: str, options: list[str], folder: Path) -> str:
    """What a script prints; it leaves the one picture that it was asked for."""
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent), "COLUMNS": "120", "NO_COLOR": "1"}
    command = [sys.executable, "-X", "utf8", str(EXAMPLES / script), "--picture", "seen.png", *options]
    result = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", env=environment, check=False)
    assert result.returncode == 0, result.stderr
    assert [path.name for path in folder.iterdir()] == ["seen.png"]
    picture = folder / "seen.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 10_000  # an empty pair of axes has less
    return result.stdout


@pytest.mark.long
def test_lenet_learns_digits_from_a_few_pictures(tmp_path: Path) -> None:
    printed = _run("train_lenet.py", ["--pictures", "600", "--epochs", "12"], tmp_path)
    found = re.search(r"held-out accuracy ([\d.]+)", printed)
    assert found is not None
    assert float(found[1]) > 0.85  # of 150 pictures; all pictures and epochs give 0.98


@pytest.mark.long
def test_a_gpt_learns_to_sort_two_digits(tmp_path: Path) -> None:
    printed = _run("sort_digits.py", ["--length", "2", "--steps", "150"], tmp_path)
    assert len(re.findall(r"^\d\d > \d\d$", printed, re.M)) == 5
    found = re.search(r"([\d.]+)% of 200 held-out strings", printed)
    assert found is not None
    assert float(found[1]) > 90  # of guesses one in a hundred is right


@pytest.mark.long
def test_a_picture_is_painted(tmp_path: Path) -> None:
    printed = _run("stylise.py", ["--scale", "20", "--steps", "10"], tmp_path)
    found = re.search(r"the loss fell from ([\d.e+-]+) to ([\d.e+-]+)", printed)
    assert found is not None
    assert float(found[2]) < 0.2 * float(found[1])
