"""Every example compiles, shows, and checks; and derives the formulas that its docstring states."""

import ast
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from sympy import HadamardPower, HadamardProduct, OneMatrix

from symgrad import Model
from symgrad.cli.model_file import ModelReference, load_model
from tests.families import one_in

EXAMPLES = Path(__file__).parents[2] / "examples"
MODELS = [
    "blocks.py",
    "bundle_adjustment.py",
    "factorisation.py",
    "graph.py",
    "logistic.py",
    "logistic.py:likelihood",
    "logistic.py:log_likelihood",
    "multilayer.py",
    "ridge.py",
    "sigmoid_derivative.py",
    "softmax.py",
]
# checked at small sizes, and against other implementations, by test_networks.py
NETWORKS = [
    "alphago.py",
    "attention.py",
    "cox.py",
    "cycle.py",
    "dcgan.py",
    "dcgan.py:discriminator",
    "detection.py",
    "dqn.py",
    "gaussian_process.py",
    "gpt.py",
    "gru.py",
    "handwriting.py",
    "lenet.py",
    "mixture.py",
    "poisson.py",
    "residual.py",
    "style.py",
]
SCRIPTS = {
    *("digits.py", "newton.py", "out_of_core.py", "sort_digits.py", "stylise.py", "train_digits.py", "train_lenet.py"),
    "training.py",
}
PROBLEMS = {"obstacle.py", "power_flow.py", "swing_up.py"}  # see test_problems.py


def test_the_lists_above_and_the_tables_in_the_folder_are_complete() -> None:
    files = {path.name for path in EXAMPLES.glob("*.py")}
    assert files == {model.partition(":")[0] for model in [*MODELS, *NETWORKS]} | SCRIPTS | PROBLEMS
    table = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert [file for file in files if f"({file})" not in table] == []


def _model(reference: str) -> Model:
    return load_model(ModelReference.parse(str(EXAMPLES / reference)))


@pytest.mark.parametrize("reference", one_in(14, [*MODELS, *NETWORKS]))
def test_an_example_has_a_docstring_a_name_formulas_and_code(reference: str) -> None:
    model = _model(reference)
    assert ast.get_docstring(ast.parse((EXAMPLES / reference.partition(":")[0]).read_text(encoding="utf-8")))
    assert model.name != "model"
    assert "∂" in model.show()
    assert "\\partial" in model.show(format="latex")
    module = model.compile(check=False)
    assert tuple(argument.name for argument in model.arguments if argument.role == "parameter") == module.PARAMETERS


@pytest.mark.parametrize("reference", one_in(4, MODELS))
@pytest.mark.parametrize("seed", [0, 1])
def test_the_gradient_of_an_example_is_right(reference: str, seed: int) -> None:
    report = _model(reference).check(seed=seed)
    assert report.ok, str(report)


def test_logistic_regression(example) -> None:
    logistic = example("logistic")
    X, w, y, t = logistic.X, logistic.w, logistic.y, logistic.t
    assert logistic.model.gradient(w) == X.T * (y - t)


def test_the_three_losses_of_logistic_regression_agree(example) -> None:
    logistic = example("logistic")
    rng = np.random.default_rng(0)
    X, w, t = rng.normal(size=(7, 3)), rng.normal(size=3), rng.integers(0, 2, 7).astype(float)
    loss = logistic.model.compile(check=False).value_and_gradient(w=w, X=X, t=t)
    log = logistic.log_likelihood.compile(check=False).value_and_gradient(weight=w, label=t, x=X)
    product = logistic.likelihood.compile(check=False).value_and_gradient(weight=w, label=t, x=X)
    # rounding of a handful of operations
    np.testing.assert_allclose(log[0], -loss[0], rtol=1e-13)
    np.testing.assert_allclose(log[1].weight, -loss[1].w, rtol=1e-12)
    np.testing.assert_allclose(product[0], np.exp(log[0]), rtol=1e-13)
    np.testing.assert_allclose(product[1].weight, product[0] * log[1].weight, rtol=1e-12)


def test_the_derivative_of_the_sigmoid(example) -> None:
    sigmoid = example("sigmoid_derivative")
    y = sigmoid.y
    assert (sigmoid.model.gradient(sigmoid.x) - y * (1 - y)).expand() == 0


def test_every_element_of_the_graph_has_its_derivative(example) -> None:
    graph = example("graph")
    adjoint = graph.model.adjoint
    z, y, s, C, w, x, i = graph.z, graph.y, graph.s, graph.C, graph.w, graph.x, graph.i
    assert adjoint(C) == 1
    assert adjoint(s) == -1
    assert adjoint(y) == -1 / y
    assert adjoint(z) == y - 1
    assert adjoint(w[i]) == (y - 1) * x[i]
    assert adjoint(x[i]) == (y - 1) * w[i]


def test_softmax_regression(example) -> None:
    softmax = example("softmax")
    z, p, t, n, k = softmax.z, softmax.p, softmax.t, softmax.n, softmax.k
    assert softmax.model.adjoint(z[n, k]) == p[n, k] - t[n, k]


def test_ridge_regression(example) -> None:
    ridge = example("ridge")
    X, w, y, lam = ridge.X, ridge.w, ridge.y, ridge.lam
    assert _terms(ridge.model.gradient(w)) == _terms(2 * X.T * (X * w - y) + 2 * lam * w)


def test_matrix_factorisation(example) -> None:
    factorisation = example("factorisation")
    A, U, V = factorisation.A, factorisation.U, factorisation.V
    assert _terms(factorisation.model.gradient(U)) == _terms(-2 * (A - U * V.T) * V)
    assert _terms(factorisation.model.gradient(V)) == _terms(-2 * (A - U * V.T).T * U)


def test_the_passes_of_the_network_in_blocks(example) -> None:
    blocks = example("blocks")
    model, H, Y, T, Z, W2 = blocks.model, blocks.H, blocks.Y, blocks.T, blocks.Z, blocks.W2
    assert model.adjoint(Y) == Y - T
    assert model.adjoint(H) == (Y - T) * W2.T
    slope = OneMatrix(*Z.shape) - HadamardPower(H, 2)
    assert model.adjoint(Z) == HadamardProduct((Y - T) * W2.T, slope) or model.adjoint(Z) == HadamardProduct(
        slope, (Y - T) * W2.T
    )


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_the_backward_recursion_of_the_multilayer_network(example, depth: int) -> None:
    lines = example("multilayer").recursion(depth)
    deltas, parameters = lines[:depth], lines[depth:]
    assert deltas[0] == f"δ{depth} = P − T"
    for line, level in zip(deltas[1:], range(depth - 1, 0, -1), strict=True):
        left, right = line.split(" = ")
        assert left == f"δ{level}"
        assert f"δ{level + 1} W{level + 1}ᵀ" in right  # in terms of the one before it, nothing longer
        assert f"H{level}" in right
    layers = ["X", *(f"H{level}" for level in range(1, depth))]
    expected = []
    for level, layer in enumerate(layers, start=1):
        expected += [f"∂C/∂W{level} = {layer}ᵀδ{level}", f"∂C/∂b{level} = 𝟏ᵀδ{level}"]
    assert parameters == expected


def test_a_network_has_a_layer(example) -> None:
    with pytest.raises(ValueError, match="at least one layer"):
        example("multilayer").network(0)


@pytest.mark.parametrize(
    ("script", "line"),
    [
        ("graph.py", "∂C/∂z = y − 1"),
        ("blocks.py", "∂C/∂Y = Y − T"),
        ("multilayer.py", "δ3 = P − T"),
    ],
)
def test_a_script_prints_its_formulas(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], script: str, line: str
) -> None:
    monkeypatch.setattr(sys, "argv", [script])
    runpy.run_path(str(EXAMPLES / script), run_name="__main__")
    assert line in [printed.strip() for printed in capsys.readouterr().out.splitlines()]


def _terms(expression: object) -> object:
    """A matrix expression multiplied out, to compare two that differ in how they are factored."""
    return expression.expand().doit()  # type: ignore[attr-defined]
