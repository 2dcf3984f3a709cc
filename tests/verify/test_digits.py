"""The command that audits the digits of the example models, on one of them."""

import subprocess
import sys
from pathlib import Path

from symgrad.verify.report import Finding, Run
from tests.verify.digits import MODELS, Audited, page, read
from tests.verify.mutation import EXAMPLES, ROOT


def test_the_command_audits_a_model_and_writes_a_page(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "tests/verify/digits.py",
        "--models",
        "sigmoid_derivative",
        "--page",
        str(tmp_path / "page.md"),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and "sigmoid_derivative: all digits kept" in done.stdout, done.stdout + done.stderr
    assert "| sigmoid_derivative | all digits kept |" in (tmp_path / "page.md").read_text(encoding="utf-8")


def test_lost_digits_are_listed_with_what_loses_them() -> None:
    run = Run("the grid", findings=(Finding("digits of value", "fail", "0.0 at x = 1e-20; what loses them: x - 1"),))
    text = page([Audited("small", run, 1.0)])
    assert "| small | 1 kind of lost digits | 1 s |" in text
    assert "## small\n\n* digits of value: 0.0 at x = 1e-20; what loses them: x - 1" in text


def test_a_page_keeps_what_it_says_of_other_models() -> None:
    lost = Run("the grid", findings=(Finding("digits of value", "fail", "x - 1 cancels"),), notes=("a note",))
    kept = Run("the grid", findings=(Finding("digits at 46 points of the grid", "pass"),))
    before = page([Audited("ridge", kept, 1.0), Audited("cox", lost, 2.0)])
    assert page([Audited("ridge", kept, 1.0)], before) == before == page([Audited("cox", lost, 2.0)], before)
    assert page([Audited("cox", kept, 2.0)], before) == page([Audited("cox", kept, 2.0), Audited("ridge", kept, 1.0)])


def test_the_page_has_all_examples_and_templates() -> None:
    assert set(EXAMPLES) < set(MODELS) and "templates/ridge" in MODELS
    assert set(read((ROOT / "tests/verify/DIGITS.md").read_text(encoding="utf-8"))) == set(MODELS)
