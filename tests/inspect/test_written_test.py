"""The pytest file that goes with a generated module."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from symgrad.codegen.environment import environment
from symgrad.inspect.written_test import written_test
from symgrad.verify.draws import draw_inputs
from symgrad.verify.subject import Settings
from tests.verify.test_check import EXAMPLES, Example, parameter, run_pytest, subject

GENERATED = '''"""A generated module, in small."""

from typing import Any, NamedTuple

import numpy as np

PARAMETERS = ("S", "x")


class Gradient(NamedTuple):
    """The gradient."""

    S: Any
    x: Any


def value_and_gradient(S: Any, x: Any) -> tuple[Any, Gradient]:
    """Both."""
    full = np.tril(S) + np.tril(S, -1).T
    return x @ full @ x, Gradient(np.outer(x, x), 2 * full @ x)


def value(S: Any, x: Any) -> Any:
    """The value."""
    return value_and_gradient(S, x)[0]


def gradient(S: Any, x: Any) -> Gradient:
    """The gradient."""
    return value_and_gradient(S, x)[1]
'''


def written(name: str = "quadratic", model_name: str = "xᵀSx") -> str:
    example = EXAMPLES[name]
    draws = draw_inputs(subject(example), Settings())
    return written_test("generated", model_name, example.arguments, draws, environment())


def test_the_written_test_passes_and_notices_an_error(tmp_path: Path) -> None:
    (tmp_path / "generated.py").write_text(GENERATED)
    (tmp_path / "test_generated.py").write_text(written())
    assert "9 passed" in run_pytest(tmp_path)
    (tmp_path / "generated.py").write_text(GENERATED.replace("2 * full @ x)", "2.00001 * full @ x)"))
    result = run_pytest(tmp_path)
    assert "3 failed, 6 passed" in result and "by x at [[0]]" in result


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["ruff", "check", "--isolated"], id="ruff"),
        pytest.param(["mypy", "--strict", "--config-file", "/dev/null"], marks=pytest.mark.long, id="mypy"),
    ],
)
def test_the_written_test_is_clean(tmp_path: Path, command: list[str]) -> None:
    files = []
    for name in ("quadratic", "mlp", "large", "embedding"):
        text = written(name, 'a "quoted" \\ name\nof two lines """')
        assert max(map(len, text.splitlines())) <= 100
        files.append(tmp_path / f"test_{name}.py")
        files[-1].write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", *command, *map(str, files)],
        cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_written_test_is_the_same_every_time() -> None:
    assert written("softmax") == written("softmax")


def test_sizes_without_dimensions_are_told_apart() -> None:
    x = parameter("x", 2)
    example = Example(lambda x: (np.sum(x * x), (2 * x,)), (x,))
    text = written_test(
        "generated", "squares", example.arguments, draw_inputs(subject(example), Settings()), environment()
    )
    assert [f'"draw {number}": {{' in text for number in (1, 2, 3)] == [True] * 3
    assert text.count('"x": np.array([') == 3
