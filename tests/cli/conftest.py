"""Model files for the tests of the command line."""

from collections.abc import Callable
from pathlib import Path

import pytest

ModelFile = Callable[..., Path]

MODEL = """\
from sympy import symbols

from symgrad import Model

a, b = symbols("a b", real=True)
model = Model((a * b - 1) ** 2, [a])
other = Model(a**3 + b, [a, b])
"""


@pytest.fixture
def model_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelFile:
    """Write a model file of the given text into an empty folder that becomes the current one."""
    monkeypatch.chdir(tmp_path)

    def write(text: str = MODEL, name: str = "parabola.py") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write
