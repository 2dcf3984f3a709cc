"""The scripts of rows in chunks and of batches, at small sizes."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(script: str, given: Sequence[str], folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent)}
    command = [sys.executable, "-X", "utf8", str(EXAMPLES / script), *given]
    made = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", env=environment, check=False)
    assert made.returncode == 0, made.stderr
    return made.stdout


@pytest.mark.long
@pytest.mark.parametrize("dask", [False, True])
@pytest.mark.parametrize("model", ["logistic", "mixture"])
def test_a_fit_reads_rows_from_disk(model: str, dask: bool, tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    if dask:
        pytest.importorskip("dask.array")
    given = ["--model", model, "--rows", "130000", "--folder", str(tmp_path / "rows"), *["--dask"] * dask]
    said = run("out_of_core.py", given, tmp_path)
    losses = [float(loss) for loss in re.findall(r"pass \d+ over 130,000 rows: loss ([\d.]+)", said)]
    assert len(losses) > 5 and losses[-1] == min(losses)
    assert (losses[0] == 0.693147 and losses[-1] < 0.6) if model == "logistic" else losses[-1] < 14.8
    memory = re.search(r"at most ([\d.]+) GiB", said)
    assert "CONVERGENCE" in said and memory is not None and float(memory[1]) < 1


@pytest.mark.long
@pytest.mark.parametrize("target", ["numba", "jax", "torch"])
def test_every_target_learns_the_digits_alike(target: str, tmp_path: Path) -> None:
    for name in ["sklearn", target, *(["optax"] if target == "jax" else [])]:
        pytest.importorskip(name)
    losses = [run("train_digits.py", ["--epochs", "4", "--target", one], tmp_path) for one in ("numpy", target)]
    assert losses[0] == losses[1] and losses[0].count("loss") == 4


@pytest.mark.long
def test_adam_learns_the_digits_by_batches(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    said = run("train_digits.py", [], tmp_path)
    losses = [float(loss) for loss in re.findall(r"loss ([\d.]+)", said)]
    right = re.search(r"([\d.]+)% of the held-out", said)
    assert len(losses) == 30 and losses[-1] < 0.1 * losses[0] + 0.1
    assert right is not None and float(right[1]) > 96
