"""Every example has its page: formulas, derivation, check and measurements of models as they are written."""

import re
from pathlib import Path

import pytest

from symgrad.cli.model_file import ModelReference, load_model

EXAMPLES = Path(__file__).parents[2] / "examples"
MODELS = sorted(path.stem for path in EXAMPLES.glob("*.py") if re.search(r"^model = ", path.read_text("utf-8"), re.M))
QUICK = ["logistic", "softmax"]
LONG = [pytest.param(name, marks=pytest.mark.long) for name in MODELS if name not in QUICK]


@pytest.mark.parametrize("name", [*QUICK, *LONG])
def test_an_example_has_a_page(name: str) -> None:
    model = load_model(ModelReference(EXAMPLES / f"{name}.py"))
    report = model.report()
    assert report.check.ok, str(report.check)
    assert "recurrence backward" in report.html or name != "gru"
    assert "auxiliary" not in report.html
