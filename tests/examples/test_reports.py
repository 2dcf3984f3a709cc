"""Every example has its page: formulas, derivation, check and measurements of models as they are written."""

import re
import time
from pathlib import Path

import pytest

from symgrad.cli.model_file import ModelReference, load_model
from tests.families import one_in

EXAMPLES = Path(__file__).parents[2] / "examples"
MODELS = sorted(path.stem for path in EXAMPLES.glob("*.py") if re.search(r"^model = ", path.read_text("utf-8"), re.M))
QUICK = ["gru", "logistic", "softmax"]
SLOWEST = 30.0  # seconds of one processor
LONGEST = {"gpt": 60.0}  # of which the check takes most


@pytest.mark.parametrize("name", [*QUICK, *one_in(len(MODELS), [None, *(m for m in MODELS if m not in QUICK)])[1:]])
def test_an_example_has_a_page(name: str) -> None:
    model = load_model(ModelReference(EXAMPLES / f"{name}.py"))
    began = time.process_time()
    report = model.report()
    assert time.process_time() - began < LONGEST.get(name, SLOWEST)
    assert report.check.ok, str(report.check)
    assert "recurrence backward" in report.html or name != "gru"
    assert "auxiliary" not in report.html
