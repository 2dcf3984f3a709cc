"""Files that define a problem: what the commands do with them, and what is for models alone."""

import importlib.util
from pathlib import Path

import pytest

from symgrad.cli import main

PROBLEM = """\
from sympy import Eq, symbols

from symgrad import Problem

x, y = symbols("x y", real=True)
problem = Problem(x**2 + y**2, [x, y], subject_to={"line": Eq(x + y, 1)}, bounds={x: (0, None)})
"""


@pytest.fixture
def problem_file(model_file) -> Path:
    return model_file(PROBLEM, "nearest.py")


def test_show_prints_the_conditions_of_a_minimum(problem_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "nearest.py"]) == 0
    text = capsys.readouterr().out
    assert "x + y = 1  (line)" in text and "∂L/∂y = 2·y + λ_line = 0" in text
    assert main(["show", "nearest.py:problem", "--format", "latex"]) == 0
    assert r"\begin{aligned}" in capsys.readouterr().out


def test_compile_writes_the_module_of_a_problem(problem_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "nearest.py", "-o", "nearest_point.py"]) == 0
    assert "PASSED" in capsys.readouterr().out
    spec = importlib.util.spec_from_file_location("nearest_point", "nearest_point.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.constraints(x=2.0, y=3.0).line == 4.0
    assert module.BOUNDS["x"] == (0.0, None)


def test_check_and_report_take_problems(problem_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "nearest.py", "--seed", "3"]) == 0
    assert "PASSED" in capsys.readouterr().out
    assert main(["report", "nearest.py"]) == 0
    assert "wrote nearest_report.html" in capsys.readouterr().out
    assert "Hessian of the Lagrangian" in Path("nearest_report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "--steps"],
        ["compile", "--hvp"],
        ["compile", "--with-test"],
        ["check", "--accuracy"],
        ["show", "--hessian"],
    ],
)
def test_options_of_models_are_refused(
    problem_file: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    command, option = arguments
    assert main([command, "nearest.py", option]) == 2
    assert f"{option} is for models; the file defines a problem" in capsys.readouterr().err
    assert sorted(path.name for path in problem_file.parent.iterdir()) == ["nearest.py"]


def test_a_problem_is_not_shown_as_a_graph(problem_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "nearest.py", "--format", "svg"]) == 2
    assert "choose text, latex" in capsys.readouterr().err
