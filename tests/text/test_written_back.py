"""What `show("latex")` and `to_text` write of the example models reads back: value and gradient at random inputs."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sympy import IndexedBase, MatrixSymbol, Q, Sum, Trace, pi, symbols

from symgrad import LogSumExp, MaxOver, Model, Problem, UnsupportedError, parse
from symgrad.cli.model_file import ModelReference, load_model, load_stated
from symgrad.text.lengths import products
from tests.families import one_in

EXAMPLES = Path(__file__).parents[2] / "examples"
ONE_BY_ONE = {"logistic": ["model", "likelihood", "log_likelihood"], "dcgan": ["discriminator", "generator"]}
ONE_BY_ONE |= {"newton": ["logistic", "softmax"]}
FILES = ["ridge", "gru", "cox", "residual", "logistic", "softmax", "style", "bundle_adjustment", "blocks", "lenet"]
FILES += ["dqn", "gpt", "attention", "factorisation", "cycle", "graph", "sigmoid_derivative", "alphago", "detection"]
FILES += ["dcgan", "gaussian_process", "mixture", "handwriting", "multilayer", "newton", "poisson"]
MODELS = [f"{file}:{model}" for file in FILES for model in ONE_BY_ONE.get(file, ["model"])]
PROBLEMS = ["swing_up", "obstacle", "power_flow"]


def stated(name: str) -> Model:
    file, _, model = name.partition(":")
    made: Model = load_model(ModelReference(EXAMPLES / f"{file}.py", model))
    return made


def names(symbols_: Any) -> list[str]:
    return [str(getattr(one, "label", getattr(one, "name", one))) for one in symbols_]


def in_latex(name: str) -> str:
    """A name as LaTeX has it: W1 is printed and read with a subscript, lam as a Greek letter."""
    return re.sub(r"(?<=[A-Za-z])(\d+)$", r"_\1", {"lam": "lambda"}.get(name, name))


def without_facts(model: Model) -> Model:
    """Random inputs do not have what the facts say, of which code may make use."""
    return Model(model.loss, model.parameters, where=model.where)


def numbers(model: Model, inputs: dict[str, np.ndarray]) -> tuple[float, dict[str, np.ndarray]]:
    """Value and gradient at inputs by their names in LaTeX; a vector is a column where the model says so."""
    shapes = {one.name: one.shape for one in model.arguments}
    given = {}
    for name, shape in shapes.items():
        array = inputs[in_latex(name.rstrip("_"))]
        given[name] = (
            array.reshape((1,) * len(shape) if array.ndim == 0 else (-1, 1)) if len(shape) > array.ndim else array
        )
    found, gradient = model.compile(check=False).value_and_gradient(**given)
    return float(found), {in_latex(name.rstrip("_")): np.ravel(part) for name, part in gradient._asdict().items()}


def same(model: Model, again: Model, inputs: dict[str, np.ndarray]) -> None:
    (value, gradient), (value_again, gradient_again) = numbers(model, inputs), numbers(again, inputs)
    assert value_again == pytest.approx(value, rel=1e-12)
    for name, part in gradient.items():
        # sums of a few dozen products in another order
        assert gradient_again[name] == pytest.approx(part, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", one_in(6, MODELS))
def test_examples_are_read_back(name: str) -> None:
    model = stated(name)
    text = model.to_text()
    again = Model.from_text(text, names(model.parameters))
    assert [line for line in again.to_text().splitlines() if line.startswith("assume")] == [
        line for line in text.splitlines() if line.startswith("assume")
    ]
    assert len(again.facts) == len(model.facts)
    same(without_facts(model), without_facts(again), drawn(data(text)))


@pytest.mark.parametrize("name", one_in(3, PROBLEMS))
def test_problems_are_read_back(name: str) -> None:
    problem: Any = load_stated(ModelReference(EXAMPLES / f"{name}.py", "problem"))
    text = problem.to_text()
    again = Problem.from_text(text, names(problem.variables))
    assert again.to_text() == text
    assert again.bounds == problem.bounds
    assert [one.ranges for one in again.constraints] == [one.ranges for one in problem.constraints]


@pytest.mark.parametrize("name", one_in(6, MODELS[1:]))
def test_latex_is_read_back(name: str) -> None:
    model = stated(name)
    shapes = declared(model.to_text())
    formula = parse(model.show("latex"), shapes, notation="latex")
    again = Model.from_text(formula, [*map(in_latex, names(model.parameters))])
    same(without_facts(model), without_facts(again), drawn(data(model.to_text())))


def declared(text: str) -> dict[str, str]:
    """All shapes that a text states, by names in LaTeX, which has none."""
    return {in_latex(name): shape for name, shape in re.findall(r"^(\w+): (.*)$", text, flags=re.MULTILINE)}


def data(text: str) -> dict[str, str]:
    """The shapes of what is given, and not defined."""
    defined = [in_latex(one) for one in re.findall(r"^(\w+)(?:\[.*?\])? = ", text, flags=re.MULTILINE)]
    return {name: shape for name, shape in declared(text).items() if name not in defined}


def drawn(shapes: dict[str, str]) -> dict[str, np.ndarray]:
    random, sizes = np.random.default_rng(0), dict[str, int]()

    def length(size: str) -> int:
        return sum(
            factor * int(np.prod([sizes.setdefault(one, len(sizes) + 2) for one in named]))
            for factor, named in products(size)
        )

    made: dict[str, Any] = {}
    for name, shape in shapes.items():
        sides = [length(side.strip()) for side in shape.partition("(")[2].rstrip(")").split(",") if side]
        sides = [1, *sides] if "row" in shape else sides
        entries = random.integers(0, 2, sides) if "integer" in shape else random.integers(1, 4, sides).astype(float) / 4
        made[name] = np.asarray(entries)
    return made


N, M, n, m = symbols("N M n m", integer=True, positive=True)
i = symbols("i", integer=True)
x, y = IndexedBase("x", shape=(N,)), IndexedBase("y", shape=(N,))
A = MatrixSymbol("A", N, N)


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        (MaxOver(x[i], (i, 0, N - 1)) * LogSumExp(y[i], (i, 0, N - 1)), "(logsumexp[i=1:N] y[i])*(max[i=1:N] x[i])"),
        (MaxOver(x[i], (i, 0, N - 1)) / y[0], "(max[i=0:N-1] x[i])/y[0]"),
        (-MaxOver(x[i] / y[i], (i, 0, N - 1)), "-max[i=1:N] x[i]/y[i]"),
        (Sum(x[i] * Sum(y[i], (i, 0, N - 1)), (i, 0, N - 1)), "sum[i=1:N] x[i]*(sum[i1=1:N] y[i1])"),
        (Sum(x[i + 1] - x[i], (i, 0, N - 2)), "sum[i=0:N-2] (x[i + 1] - x[i])"),
        (Sum(i * x[i], (i, 0, N - 1)), "sum[i=0:N-1] i*x[i]"),
    ],
)
def test_what_is_written(loss: Any, text: str) -> None:
    assert Model(loss, [x]).to_text().splitlines()[-1] == text


@pytest.mark.parametrize(
    ("loss", "options", "what"),
    [
        (IndexedBase("sum", shape=(N,))[0] * x[0], {}, "a symbol of the name 'sum'"),
        (Sum(x[i], (i, 0, N - 1)) + Trace(A), {"facts": [Q.orthogonal(A)]}, "the fact"),
        (x[0] * symbols("pi", real=True) + pi, {}, "the number pi"),
    ],
)
def test_what_cannot_be_written_is_named(loss: Any, options: dict[str, Any], what: str) -> None:
    with pytest.raises(UnsupportedError, match=what):
        Model(loss, [x], **options).to_text()
