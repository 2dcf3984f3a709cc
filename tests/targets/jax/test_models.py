"""Models of every kind of node, also at hostile inputs: JAX gives what NumPy gives."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sympy import (
    And,
    Eq,
    IndexedBase,
    KroneckerProduct,
    MatrixSymbol,
    Max,
    Product,
    Q,
    Sum,
    Symbol,
    Trace,
    besselj,
    beta,
    exp,
    floor,
    log,
    symbols,
    tanh,
)

from symgrad import LogSumExp, MaxOver, Model, if_else, inverse, log_ndtr, logdet, ndtr, relu, sigmoid, total
from symgrad.errors import ModelError, UnsupportedError
from tests.families import one_in

jax = pytest.importorskip("jax")

from .comparison import agree, modules  # noqa: E402

N, M, K, T = symbols("N M K T", integer=True, positive=True)
i, j, k, n, t, p = symbols("i j k n t p", integer=True)
a, b = symbols("a b", real=True)
x, y, w, h = (IndexedBase(name, shape=(T,)) for name in "xywh")
X, Z = IndexedBase("X", shape=(N, K)), IndexedBase("Z", shape=(N, K))
L, J = IndexedBase("L", shape=(N,), integer=True), IndexedBase("J", shape=(M,), integer=True)
move, score, state = (IndexedBase(c, shape=s) for c, s in {"move": (K, K), "score": (T, K), "state": (T, K)}.items())
A, S, B = MatrixSymbol("A", K, K), MatrixSymbol("S", K, K), MatrixSymbol("B", K, K)
u = MatrixSymbol("u", K, 1)
image, kernel = IndexedBase("image", shape=(N, T)), IndexedBase("kernel", shape=(3,))
rng = np.random.default_rng(3)
ROWS = rng.normal(size=(4, 3))
SQUARE = ROWS.T @ ROWS + np.eye(3)
SERIES = rng.normal(size=6)


def test_rows_padded_with_nan_beyond_their_lengths():
    model = Model(Sum(if_else(k < L[n], (X[n, k] * Z[n, k]) ** 2, 0), (k, 0, K - 1), (n, 0, N - 1)), [X], name="padded")
    padded = np.where(np.arange(3) < np.array([3, 1, 0, 2])[:, None], ROWS, np.nan)
    inputs = {"X": ROWS, "Z": padded, "L": np.array([3, 1, 0, 2])}
    numpy, in_jax = modules(model, hvp=True)
    agree(numpy, in_jax, inputs, single=1e-5)
    assert np.isfinite(in_jax.gradient(**inputs).X).all()


def test_forbidden_moves_of_a_hidden_markov_model():
    step = LogSumExp(state[t - 1, i] + move[i, j], (i, 0, K - 1)) + score[t, j]
    where = [Eq(state[0, j], score[0, j]), Eq(state[t, j], step)]
    model = Model(LogSumExp(state[T - 1, j], (j, 0, K - 1)), [move, score], where=where, name="forward")
    moves = np.where(np.triu(np.ones((3, 3))) > 0, SQUARE, -np.inf)
    inputs = {"move": moves, "score": rng.normal(size=(5, 3))}
    numpy, in_jax = modules(model)
    agree(numpy, in_jax, inputs, single=1e-5)
    assert np.all(np.asarray(in_jax.gradient(**inputs).move)[moves == -np.inf] == 0)


def test_a_recurrence_compiled_and_for_many_parameters_at_once():
    where = [Eq(h[0], x[0]), Eq(h[t], tanh(a * h[t - 1] + b * x[t]))]
    model = Model(Sum((h[t] - y[t]) ** 2, (t, 0, T - 1)), [a, b], where=where, name="recurrence")
    numpy, in_jax = modules(model, hvp=True)
    inputs = {"a": 0.3, "b": 0.7, "x": SERIES, "y": SERIES[::-1]}
    agree(numpy, in_jax, inputs, single=1e-5)
    agree(numpy, in_jax, inputs | {"x": SERIES[:1], "y": SERIES[:1]})  # no step at all
    with jax.enable_x64(True):
        both = jax.vmap(jax.jit(in_jax.gradient), in_axes=(0, None, None, None))(
            np.array([0.3, -0.4]), 0.7, inputs["x"], inputs["y"]
        )
    wanted = [numpy.gradient(a, 0.7, inputs["x"], inputs["y"]).a for a in (0.3, -0.4)]
    np.testing.assert_allclose(both.a, wanted, rtol=1e-12)


def test_a_recurrence_along_a_tree_whose_parents_are_data():
    parent = IndexedBase("parent", shape=(T,), integer=True)
    where = [Eq(h[0], x[0]), Eq(h[t], tanh(a * h[parent[t]] + x[t]))]
    model = Model(Sum(h[t] * y[t], (t, 0, T - 1)), [a], where=where, facts=[parent[t] < t], name="tree")
    inputs = {"a": 0.3, "x": SERIES, "y": SERIES[::-1], "parent": np.array([0, 0, 0, 1, 1, 3])}
    numpy, in_jax = modules(model)
    agree(numpy, in_jax, inputs)
    late = inputs | {"parent": np.array([0, 0, 0, 3, 1, 3])}  # refers to itself
    assert np.isnan(in_jax.value(**late))


MODELS: dict[str, tuple[Model, dict[str, Any]]] = {
    "subscripts by data, each several times": (
        Model(Sum((X[L[n], k] - Z[n, k]) ** 2, (k, 0, K - 1), (n, 0, N - 1)), [X]),
        {"X": ROWS, "Z": 2 * ROWS, "L": np.array([2, 0, 2, 3])},
    ),
    "windows of a convolution": (
        Model(Sum(relu(Sum(kernel[k] * image[n, t + k], (k, 0, 2))) ** 2, (t, 0, T - 3), (n, 0, N - 1)), [kernel]),
        {"kernel": SERIES[:3], "image": ROWS @ rng.normal(size=(3, 6))},
    ),
    "steps, strides and rounded subscripts": (
        Model(Sum(x[floor(t / 2)] * y[t] ** 2, (t, 0, T - 1)) + Sum(x[2 * t], (t, 0, floor((T - 1) / 2))), [x, y]),
        {"x": SERIES, "y": SERIES + 1},
    ),
    "sums up to an index": (
        Model(Sum(exp(x[t]) / Sum(exp(x[p]), (p, t, T - 1)) * y[t], (t, 0, T - 1)), [x]),
        {"x": SERIES, "y": SERIES},
    ),
    "a maximum where entries tie": (
        Model(Sum(MaxOver(X[n, k], (k, 0, K - 1)) ** 2, (n, 0, N - 1)), [X]),
        {"X": np.round(ROWS)},
    ),
    "products of all entries but one, with zeros": (
        Model(Product(x[t], (t, 0, T - 1)), [x]),
        {"x": np.array([2.0, 0, 3, 1, 5, 7])},
    ),
    "conditions of all kinds": (
        Model(Sum(if_else(And(x[t] > 0, y[t] <= 1), log(Max(x[t], y[t], 1)), a * x[t]), (t, 0, T - 1)), [x, a]),
        {"x": SERIES, "y": np.ones(6), "a": 0.5},
    ),
    "one factorisation for determinants and solves": (
        Model((u.T * S.I * u)[0, 0] + logdet(S), [u, S],
              facts=[Q.symmetric(S), Q.positive_definite(S)]),
        {"u": SERIES[:3, None], "S": SQUARE},
    ),
    "inverses, diagonals and Kronecker products": (
        Model(total(KroneckerProduct(A, B) * KroneckerProduct(inverse(A), B)) + log(Trace(A.T * A)), [A, B]),
        {"A": SQUARE + ROWS[:3], "B": SQUARE},
    ),
    "tails of the normal distribution": (
        Model(Sum(log_ndtr(x[t]) + ndtr(y[t]) * log(1 + exp(x[t])), (t, 0, T - 1)), [x, y]),
        {"x": np.array([-40.0, -5, -0.1, 0, 3, 9]), "y": np.array([-30.0, -3, 0, 1, 6, 9])},
    ),
    "log-gamma differences, far away and near": (
        Model(Sum(log(beta(x[t], exp(a))), (t, 0, T - 1)), [a]),
        {"x": np.array([1e-3, 0.5, 3.0, 20.0, 1e4, 1e9]), "a": 0.25},
    ),
    "what cancels near zero": (
        Model(Sum((exp(x[t]) - 1 - x[t]) / x[t] ** 2, (t, 0, T - 1)), [x]),
        {"x": np.array([1e-9, -1e-4, 1e-2, 1.0, -3.0, 30.0])},
    ),
    "sigmoids in both tails": (
        Model(Sum(log(sigmoid(x[t])) + y[t] * sigmoid(-x[t]), (t, 0, T - 1)), [x]),
        {"x": np.array([-700.0, -30, -1, 1, 30, 700]), "y": SERIES},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", one_in(3, MODELS))
def test_jax_gives_what_numpy_gives(name: str):
    model, inputs = MODELS[name]
    agree(*modules(model), inputs)


@pytest.mark.parametrize(
    "name", ["subscripts by data, each several times", "one factorisation for determinants and solves"]
)
def test_hessians_are_the_same(name: str):
    model, inputs = MODELS[name]
    agree(*modules(model, hessian=True, hvp=True), {"N": 4, "K": 3, **inputs}, double=1e-11)


def test_structured_hessians_and_jacobians_are_dense_arrays():
    r = IndexedBase("r", shape=(N,))
    model = Model(Sum(r[n] ** 2, (n, 0, N - 1)), [X], where=[Eq(r[n], exp(X[n, 0]) - X[n, 1])])
    numpy, in_jax = modules(model, hessian=True, jacobian=[r])
    agree(numpy, in_jax, {"X": ROWS})
    with jax.enable_x64(True):
        found = in_jax.jacobian_r(ROWS).X
    np.testing.assert_allclose(found, numpy.jacobian_r(ROWS).X.to_dense().reshape(4, 4, 3), rtol=1e-13)


def test_positions_that_are_on_no_axis_make_results_not_a_number():
    model, inputs = MODELS["subscripts by data, each several times"]
    _, in_jax = modules(model)
    for wrong in (4, -1):
        loss, slope = in_jax.value_and_gradient(**inputs | {"L": np.array([2, 0, wrong, 3])})
        assert np.isnan(loss) and np.isnan(slope.X).all()
    with pytest.raises(IndexError, match="4 positions on an axis without entries"):
        modules(Model(Sum(X[J[p], 0] ** 2, (p, 0, M - 1)), [X]))[1].value(X=np.ones((0, 3)), J=np.zeros(4, int))
    shifted = Model(Sum(X[L[n] + 1, k] * Z[n, k], (k, 0, K - 1), (n, 0, N - 1)), [X])
    _, in_jax = modules(shifted)
    computed = {"X": ROWS, "Z": ROWS, "L": np.array([0, 1, 2, 2])}
    assert np.isfinite(in_jax.value(**computed))
    assert np.isnan(in_jax.value(**computed | {"L": np.array([0, 1, 2, 3])}))


def test_shapes_are_checked_while_tracing():
    model, inputs = MODELS["what cancels near zero"]
    _, in_jax = modules(model)
    with pytest.raises(ValueError, match=r"x: expected shape \(T\), got shape \(2, 3\)"):
        jax.jit(in_jax.value)(inputs["x"].reshape(2, 3))
    _, two = modules(MODELS["sigmoids in both tails"][0])
    with pytest.raises(ValueError, match="y: side 0 is T = 6 by x, got 5"):
        jax.eval_shape(two.value, np.ones(6), np.ones(5))
    with pytest.raises(TypeError, match="x: expected real numbers"):
        two.value("text", np.ones(6))


def test_numbers_take_the_type_of_the_arrays():
    _, in_jax = modules(MODELS["conditions of all kinds"][0])
    with jax.enable_x64(True):
        loss, slope = in_jax.value_and_gradient(SERIES.astype(np.float32), np.float64(0.5), np.arange(6))
        assert loss.dtype == slope.x.dtype == slope.a.dtype == np.float32
        assert in_jax.value(np.arange(6), 0.5, np.arange(6)).dtype == np.float64


def test_generated_modules_are_clean(tmp_path: Path):
    for number, (model, _) in enumerate(MODELS.values()):
        (tmp_path / f"model_{number}.py").write_text(
            model.source(target="jax", hvp=number in (0, 1, 7)), encoding="utf-8"
        )
    files = map(str, sorted(tmp_path.glob("*.py")))
    ran = subprocess.run([sys.executable, "-m", "ruff", "check", "--isolated", *files], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout


def test_what_jax_lacks_is_an_error_that_names_it():
    with pytest.raises(UnsupportedError, match="the target jax has no spelling of the function besselj"):
        Model(besselj(a, b), [b]).source(target="jax")
    with pytest.raises(UnsupportedError, match="the target jax has no workspace"):
        Model(a**2, [a]).source(target="jax", workspace=True)
    with pytest.raises(ModelError, match="the name 'jnp' is taken"):
        Model(Symbol("jnp") ** 2, [Symbol("jnp")]).source(target="jax")
