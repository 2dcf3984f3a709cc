"""What `show("latex")` and `to_text` write of the example models reads back: the same value at random inputs."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symgrad import Model, UnsupportedError, parse
from symgrad.cli.model_file import ModelReference, load_model
from tests.families import one_in

EXAMPLES = Path(__file__).parents[2] / "examples"
READ = ["logistic:model", "softmax:model", "ridge:model", "logistic:likelihood", "blocks:model"]
READ += ["factorisation:model", "cycle:model", "graph:model", "sigmoid_derivative:model"]
# What the grammar has no form for: shifted subscripts, sizes that are sums, subscripts that are data, infinity.
BEYOND = ["gru", "style", "bundle_adjustment", "cox", "lenet", "gpt", "dqn"]


def stated(name: str) -> Model:
    file, _, model = name.partition(":")
    made: Model = load_model(ModelReference(EXAMPLES / f"{file}.py", model))
    return Model(made.loss, made.parameters, where=made.where)  # its facts are of no interest to the value


def in_latex(name: str) -> str:
    """A name as LaTeX has it: W1 is printed and read with a subscript, lam as a Greek letter."""
    return re.sub(r"(?<=[A-Za-z])(\d+)$", r"_\1", {"lam": "lambda"}.get(name, name))


def value(model: Model, inputs: dict[str, np.ndarray]) -> float:
    """At inputs by their names in LaTeX; a vector is a column where the model says so."""
    shapes = {one.name: one.shape for one in model.arguments}
    given = {}
    for name, shape in shapes.items():
        array = inputs[in_latex(name.rstrip("_"))]
        given[name] = array.reshape(-1, 1) if len(shape) > array.ndim > 0 else array
    return float(model.compile(check=False).value(**given))


@pytest.mark.parametrize("name", one_in(5, READ))
def test_examples_read_back(name: str) -> None:
    model = stated(name)
    text = model.to_text()
    declared = dict(re.findall(r"^(\w+): (.*)$", text, flags=re.MULTILINE))
    by = [str(getattr(one, "label", getattr(one, "name", one))) for one in model.parameters]
    shapes = {in_latex(one): shape for one, shape in declared.items()}
    inputs = drawn(shapes)
    expected = value(model, inputs)
    assert value(Model.from_text(text, by), inputs) == pytest.approx(expected, rel=1e-12)
    latex = parse(model.show("latex"), shapes, notation="latex")
    assert value(Model.from_text(latex, [*map(in_latex, by)]), inputs) == pytest.approx(expected, rel=1e-12)


def drawn(shapes: dict[str, str]) -> dict[str, np.ndarray]:
    random, sizes = np.random.default_rng(0), dict[str, int]()
    made: dict[str, Any] = {}
    for name, shape in shapes.items():
        sides = [sizes.setdefault(side, len(sizes) + 2) for side in re.findall(r"\w+", shape.partition("(")[2])]
        made[name] = random.integers(1, 4, [1, *sides] if "row" in shape else sides).astype(float) / 4
    return made


@pytest.mark.long
@pytest.mark.parametrize("name", BEYOND)
def test_what_cannot_be_written_is_named(name: str) -> None:
    with pytest.raises(UnsupportedError, match="formulas as text have nothing for the"):
        stated(f"{name}:model").to_text()
