"""The benchmark command runs, and fails when results disagree. Nothing is timed here; peers may be missing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "tests" / "benchmarks"
CONTENDERS = "symgrad bound,limit,expert NumPy"

WRONG_EXPERT = """
import dataclasses, sys
import regression, run

case = regression.CASES[0]
wrong = dataclasses.replace(case, expert=lambda **arrays: [1.001 * part for part in case.expert(**arrays)])
run.CASES[:] = [wrong]
sys.exit(run.main())
"""


COMPARED = """
import sys
import numpy as np
import run, sciences, sequences, vision
from contenders import Symgrad

for case in [*sequences.CASES, *sciences.CASES, *vision.bundle_adjustment(3, 20, 50)]:
    arrays, symgrad = case.arrays(np.random.default_rng(1)), Symgrad()
    symgrad.module, _ = run._compiled(case, "numpy")
    error = run._difference(symgrad.outputs(symgrad.prepare(case, arrays)()), case.expert(**arrays), case)
    print(case.name, error)
    assert error < 1e-9, case.name
"""


def _python(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{BENCHMARKS}", "COLUMNS": "200", "NO_COLOR": "1"}
    command = [sys.executable, "-X", "utf8", *arguments, "--quick", "--only", CONTENDERS]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", env=environment, check=False)


@pytest.mark.long
def test_a_case_is_compared_and_reported(tmp_path: Path) -> None:
    options = ["--cases", "logistic-100x10", "--markdown", "table.md", "--plot", "ratios.png", "--results", "run.json"]
    result = _python(str(BENCHMARKS / "run.py"), *options, folder=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "JAX jit: not asked for; its column is empty" in result.stdout
    table = (tmp_path / "table.md").read_text(encoding="utf-8")
    for dtype in ("float64", "float32"):
        assert f"| case, {dtype} | symgrad ms | symgrad bound | limit | expert NumPy |" in table
    assert table.count("\n| logistic-100x10 |") == 4  # ratios and times, in both types
    assert (tmp_path / "ratios.png").read_bytes().startswith(b"\x89PNG")
    again = _python(str(BENCHMARKS / "run.py"), *options, folder=tmp_path)  # what the file has is not measured again
    assert again.returncode == 0 and (tmp_path / "table.md").read_text(encoding="utf-8") == table


def test_results_that_disagree_are_shown_and_fail_the_run(tmp_path: Path) -> None:
    result = _python("-c", WRONG_EXPERT, "--dtype", "float64", folder=tmp_path)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "WRONG: logistic-100x10 float64: symgrad differs by 1.0e-03 relative" in result.stdout


@pytest.mark.long
def test_recurrences_and_models_of_sciences_agree_with_what_experts_write(tmp_path: Path) -> None:
    result = _python("-c", COMPARED, folder=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert len(result.stdout.splitlines()) == 13


@pytest.mark.long
def test_the_cases_for_a_gpu_run_on_a_processor(tmp_path: Path) -> None:
    pytest.importorskip("jax")
    script = Path(__file__).parent / "benchmarks" / "gpu.py"
    given = ["--device", "cpu", "--small", "--cases", "*logistic*", "--out", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(script.parents[2])}
    made = subprocess.run([sys.executable, str(script), *given], capture_output=True, text=True, env=environment)
    assert made.returncode == 0, made.stderr
    records = [json.loads(line) for line in (tmp_path / "gpu.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {(one["case"], one["type"]) for one in records} == {
        (case, dtype) for case in ("logistic-1000x20", "hessian-logistic-1000x20") for dtype in ("float32", "float64")
    }
    assert {"symgrad JAX jit", "JAX jit"} <= {one["contender"] for one in records}
    assert not [one for one in records if "error" in one or "wrong" in one]
    assert "hessians, against JAX jit" in made.stdout
