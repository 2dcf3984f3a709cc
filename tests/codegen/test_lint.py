"""Generated modules are clean: `ruff check` in its default settings, and `mypy --strict`."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from symgrad import Model
from symgrad.cli.model_file import ModelReference, load_model

ROOT = Path(__file__).parents[2]
# One of each construct; the tests of a construct look at its code more closely.
REFERENCES = [
    *(f"examples/{name}.py" for name in ("blocks", "bundle_adjustment", "logistic", "multilayer", "softmax")),
    *(f"tests/models/recurrences.py:{name}" for name in ("rnn", "lstm", "attending")),
]


def _models() -> Iterator[tuple[str, Any]]:
    sys.path.insert(0, str(ROOT / "tests"))
    try:
        import test_linear_algebra
        import test_models
        import test_subscripts
    finally:
        sys.path.pop(0)
    for place in (test_models, test_linear_algebra, test_subscripts):
        for number, made in enumerate(place.MODELS.values()):
            yield f"{place.__name__}_{number}", made() if callable(made) else made
    for number, reference in enumerate(REFERENCES):
        path, _, name = reference.partition(":")
        yield f"example_{number}", load_model(ModelReference(ROOT / path, name or "model"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    for name, model in _models():
        model = model[0] if isinstance(model, tuple) else model
        if isinstance(model, Model):
            (folder / f"{name}.py").write_text(model.source(), encoding="utf-8")
    assert len(list(folder.iterdir())) > 100
    return folder


@pytest.mark.long
@pytest.mark.parametrize("tool", [["ruff", "check", "--isolated"], ["mypy", "--strict"]], ids=["ruff", "mypy"])
def test_generated_modules_are_clean(folder: Path, tool: list[str]) -> None:
    files = [str(path) for path in sorted(folder.glob("*.py"))]
    ran = subprocess.run([sys.executable, "-m", *tool, *files], capture_output=True, text=True, cwd=folder)
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-1000:]
