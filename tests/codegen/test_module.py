"""What the generated module promises: arguments, shapes, types, errors, the flat interface, the same bytes."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize
from sympy import (
    Eq,
    HadamardProduct,
    IndexedBase,
    MatrixSymbol,
    OneMatrix,
    Product,
    Sum,
    Symbol,
    Trace,
    erf,
    exp,
    log,
    symbols,
    tanh,
)

from symgrad import LogSumExp, MaxOver, Model, if_else, relu, softmax, total
from symgrad.cli.model_file import ModelReference, load_model
from tests.families import one_in

N, M, K, P = symbols("N M K P", integer=True, positive=True)
i, j, k, n = symbols("i j k n", integer=True)
X, w, y = MatrixSymbol("X", N, M), MatrixSymbol("w", M, 1), MatrixSymbol("y", N, 1)
lam = Symbol("lam")
RIDGE = Model((X * w - y).T * (X * w - y) + lam * w.T * w, [w], name="ridge")
rng = np.random.default_rng(0)
DATA = {"X": rng.normal(size=(5, 3)), "y": rng.normal(size=5), "lam": 0.5}
W0 = rng.normal(size=3)


@pytest.fixture(scope="module")
def ridge():
    return RIDGE.compile(check=False)


def by_hand(w):
    residual = DATA["X"] @ w - DATA["y"]
    return residual @ residual + 0.5 * w @ w, 2 * DATA["X"].T @ residual + w


def test_arguments_by_position_and_by_name(ridge):
    assert ridge.ARGUMENTS == ("w", "X", "lam", "y")
    assert ridge.SHAPES == {"w": ("M", 1), "X": ("N", "M"), "lam": (), "y": ("N", 1)}
    value, slope = by_hand(W0)
    got = ridge.value_and_gradient(W0, **DATA)
    np.testing.assert_allclose(got[0], value, rtol=1e-13)
    np.testing.assert_allclose(got[1].w, slope, rtol=1e-13)
    assert ridge.value(W0, DATA["X"], 0.5, DATA["y"]) == got[0]
    np.testing.assert_array_equal(ridge.gradient(W0, **DATA).w, got[1].w)


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_the_gradient_has_the_shape_that_went_in(ridge, shape):
    assert ridge.gradient(W0.reshape(shape), **DATA).w.shape == shape


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_floating_type_is_kept(ridge, dtype):
    data = {"X": DATA["X"].astype(dtype), "y": DATA["y"].astype(dtype), "lam": 0.5}
    value, slope = ridge.value_and_gradient(W0.astype(dtype), **data)
    assert value.dtype == slope.w.dtype == dtype


def test_integers_are_numbers_too(ridge):
    assert ridge.value([1, 2, 3], np.eye(3, dtype=int), 0, [1, 2, 3]) == 0.0


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (
            {"y": np.zeros(4)},
            ValueError,
            r"y: side 0 is N = 5 by X, got 4; given {'w': \(3,\), 'X': \(5, 3\), ",
        ),
        ({"X": np.zeros((5, 4))}, ValueError, r"X: side 1 is M = 3 by w, got 4"),
        ({"X": np.zeros(5)}, ValueError, r"X: expected shape \(N, M\), got shape \(5,\)"),
        ({"lam": np.zeros(2)}, ValueError, r"lam: expected shape \(\)"),
        ({"y": np.zeros(5, complex)}, TypeError, "y: expected real numbers"),
        ({"y": ["a"] * 5}, TypeError, "y: expected real numbers"),
    ],
    ids=str,
)
def test_inconsistent_arguments_are_refused(ridge, change, kind, message):
    with pytest.raises(kind, match=message):
        ridge.value_and_gradient(W0, **{**DATA, **change})


def test_minimize_runs_on_the_flat_interface(ridge):
    found = minimize(partial(ridge.flat_value_and_gradient, **DATA), np.zeros(3), jac=True)
    exact = np.linalg.solve(DATA["X"].T @ DATA["X"] + 0.5 * np.eye(3), DATA["X"].T @ DATA["y"])
    np.testing.assert_allclose(found.x, exact, atol=1e-5)


def test_pack_and_unpack_are_inverse():
    W1, b, u, H = MatrixSymbol("W1", M, K), MatrixSymbol("b", 1, K), MatrixSymbol("u", K, 1), MatrixSymbol("H", N, K)
    hidden = (X * W1 + OneMatrix(N, 1) * b).applyfunc(tanh)
    module = Model((H * u - y).T * (H * u - y), [W1, b, u], where=[Eq(H, hidden)]).compile(check=False)
    parts = (rng.normal(size=(3, 4)), rng.normal(size=(1, 4)), rng.normal(size=(4, 1)))
    theta = module.pack(*parts)
    for got, part in zip(module.unpack(theta, X=DATA["X"]), parts, strict=True):  # K is found from the length
        np.testing.assert_array_equal(got, part)
    with pytest.raises(ValueError, match="pass the sizes M, K by name"):
        module.unpack(theta)
    with pytest.raises(ValueError, match="expected"):
        module.unpack(theta[:-1], X=DATA["X"])


def test_a_gradient_is_never_the_callers_own_array():
    A, B = MatrixSymbol("A", N, M), MatrixSymbol("B", N, M)
    module = Model(total(A + B), [A, B]).compile(check=False)
    a, b = np.ones((2, 3)), np.ones((2, 3))
    slope = module.gradient(a, b)
    assert not np.shares_memory(slope.A, slope.B)
    slope.A[0, 0] = 7
    q, c = IndexedBase("q", shape=(N,)), IndexedBase("c", shape=(N,))
    module = Model(Sum(q[n] * c[n], (n, 0, N - 1)), [q]).compile(check=False)
    given = np.ones(3)
    assert not np.shares_memory(module.gradient(np.zeros(3), given).q, given)


def test_dimensions_solved_from_a_sum_of_sizes():
    a, f, g = IndexedBase("a", shape=(M + P - 1,)), IndexedBase("f", shape=(P,)), IndexedBase("g", shape=(M,))
    model = Model(Sum(a[i + j] * f[j] * g[i], (i, 0, M - 1), (j, 0, P - 1)), [f])
    module = model.compile()
    slope = module.gradient(np.ones(3), np.arange(6.0), np.ones(4)).f
    np.testing.assert_array_equal(slope, [6.0, 10.0, 14.0])
    with pytest.raises(ValueError, match="a: side 0"):
        module.gradient(np.ones(3), np.arange(7.0), np.ones(4))


def test_a_size_that_no_array_determines_is_an_argument():
    module = Model(Sum(lam**2 * k, (k, 0, K - 1)), [lam]).compile()
    assert module.ARGUMENTS == ("lam", "K")
    assert module.value(2.0, 4) == 24.0
    with pytest.raises(TypeError, match="K: expected an integer"):
        module.value(2.0, 4.0)


def test_literal_subscripts_set_a_smallest_size():
    q = IndexedBase("q", shape=(N,))
    module = Model(q[2] ** 2, [q]).compile()
    np.testing.assert_array_equal(module.gradient([1.0, 2, 3, 4]).q, [0, 0, 6, 0])
    with pytest.raises(ValueError, match="needs N >= 3, got N = 2"):
        module.value([1.0, 2.0])


@pytest.mark.parametrize("divided", [False, True], ids=["an entry that is read", "a division of numbers"])
def test_an_axis_that_must_not_be_empty_is_named(divided):
    s, x, q = Symbol("s"), IndexedBase("x", shape=(N,)), IndexedBase("q", shape=(N,))
    squares = s * Sum(q[n] * x[n] ** 2, (n, 0, N - 1))
    definition = Eq(q[n], softmax(s, (n, 0, N - 1)) if divided else x[0])
    module = Model(squares, [s], where=[definition]).compile(check=False)
    assert np.isfinite(module.value(1.0, np.ones(1)))
    with pytest.raises(ValueError, match="x: the model needs N >= 1, got N = 0"):
        module.value_and_gradient(1.0, np.ones(0))


def test_labels_are_integers_in_range():
    E, label = IndexedBase("E", shape=(M, K)), IndexedBase("label", shape=(N,))
    module = Model(Sum(E[label[n], k] ** 2, (n, 0, N - 1), (k, 0, K - 1)), [E]).compile()
    table = np.arange(6.0).reshape(3, 2)
    slope = module.gradient(table, np.array([1, 1, 2])).E
    np.testing.assert_array_equal(slope, 2 * table * np.array([[0], [2], [1]]))
    with pytest.raises(TypeError, match="label: expected integers"):
        module.value(table, np.array([1.0]))
    with pytest.raises(IndexError, match=r"label\[1\] is 3, expected 0 ... 2"):
        module.value(table, np.array([0, 3]))


def test_a_product_with_zeros_has_the_right_gradient():
    q = IndexedBase("q", shape=(N,))
    module = Model(Product(q[n], (n, 0, N - 1)), [q]).compile()
    np.testing.assert_array_equal(module.gradient([2.0, 0, 3, 5]).q, [0, 30, 0, 0])
    np.testing.assert_array_equal(module.gradient([2.0, 0, 0, 5]).q, [0, 0, 0, 0])


def test_conventions_at_kinks():
    q = IndexedBase("q", shape=(N,))
    assert Model(relu(lam), [lam]).compile(check=False).gradient(0.0).lam == 0
    assert Model(abs(Symbol("u", real=True)), [Symbol("u", real=True)]).compile(check=False).gradient(0.0).u == 0
    slope = Model(MaxOver(q[n], (n, 0, N - 1)), [q]).compile(check=False).gradient([1.0, 2.0, 2.0]).q
    np.testing.assert_array_equal(slope, [0, 0.5, 0.5])


@pytest.mark.filterwarnings("error:invalid value")
def test_the_branch_not_taken_does_not_reach_the_gradient():
    q = IndexedBase("q", shape=(N,))
    from sympy import log

    module = Model(Sum(if_else(q[n] > 0, q[n] * log(q[n]), 0), (n, 0, N - 1)), [q]).compile(check=False)
    with np.errstate(all="ignore"):
        value, slope = module.value_and_gradient([1.0, 0.0, -2.0])
    assert value == 0
    np.testing.assert_array_equal(slope.q, [1, 0, 0])


def test_scipy_is_imported_only_where_numpy_lacks_the_function():
    assert "scipy" not in RIDGE.source().split("ARGUMENTS =")[0].split("\nimport numpy")[1]
    source = Model(erf(lam), [lam]).source()
    assert "import scipy.special" in source and "SciPy for erf" in source


def test_the_same_bytes_under_any_hash_seed():
    script = "import sys; sys.path.insert(0, 'examples'); import softmax; print(softmax.model.source())"
    root = Path(__file__).parents[2]
    texts = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "42")
    }
    assert len(texts) == 1 and "def value" in texts.pop()


@pytest.fixture
def tall(monkeypatch):
    """A softmax regression with bias and ridge, whose blocks have 64 rows, and 1000 rows of data."""
    X, W, b, T = (MatrixSymbol(*entry) for entry in (("X", N, M), ("W", M, K), ("b", 1, K), ("T", N, K)))
    Z = X * W + OneMatrix(N, 1) * b
    loss = -total(HadamardProduct(T, softmax(Z).applyfunc(log))) / N + Trace(W.T * W)
    model = Model(loss, [W, b], facts=[Eq(T * OneMatrix(K, 1), OneMatrix(N, 1))])
    rng = np.random.default_rng(1)
    arrays = {"W": rng.normal(size=(5, 3)), "b": rng.normal(size=3), "X": rng.normal(size=(1000, 5))}
    return model, arrays | {"T": np.eye(3)[rng.integers(0, 3, 1000)]}


def test_blocks_of_rows_give_what_whole_arrays_give(tall):
    model, arrays = tall
    module = model.compile(check=False)
    assert "def _value_and_gradient_rows(" in model.source()
    whole, whole_gradient = module.value_and_gradient(**arrays)
    module.BLOCK_BYTES = 1
    blocked, gradient = module.value_and_gradient(**arrays)
    repeated_value, again = module.value_and_gradient(**arrays)
    assert np.isclose(blocked, whole, rtol=1e-14) and repeated_value == blocked
    for part, expected, repeated in zip(gradient, whole_gradient, again, strict=True):
        np.testing.assert_allclose(part, expected, rtol=1e-12, atol=1e-14)
        assert (part == repeated).all()


def test_blocks_of_rows_see_their_rows_only(tall):
    model, arrays = tall
    module = model.compile(check=False)
    module.BLOCK_BYTES = 1
    for rows in (0, 1, 63, 64, 65, 129, 1000):
        some = arrays | {name: arrays[name][:rows] for name in ("X", "T")}
        if rows == 0:
            with np.errstate(all="ignore"):
                assert np.isnan(module.value(**some))  # a mean of nothing
            continue
        module.BLOCK_BYTES, expected = 2**30, module.gradient(**some)
        module.BLOCK_BYTES = 1
        np.testing.assert_allclose(module.gradient(**some).W, expected.W, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("loss", ["pairs", "parameter", "product"])
def test_rows_that_depend_on_each_other_are_not_split(loss):
    x, u, w = IndexedBase("x", shape=(N,)), IndexedBase("u", shape=(N,)), Symbol("w")
    losses = {
        "pairs": Sum(exp(-w * (x[i] - x[n]) ** 2), (i, 0, N - 1), (n, 0, N - 1)),
        "parameter": Sum(tanh(w * x[n] * u[n]), (n, 0, N - 1)),
        "product": Product(1 + w * x[n], (n, 0, N - 1)),
    }
    parameters = [w, u] if loss == "parameter" else [w]
    model = Model(losses[loss], parameters)
    assert "_over_rows" not in model.source() and model.check().ok


@pytest.mark.long
def test_code_grows_linearly_with_depth():
    def lines(depth):
        Ws = [MatrixSymbol(f"W{n}", M, M) for n in range(depth)]
        Hs = [MatrixSymbol("X", N, M), *(MatrixSymbol(f"H{n}", N, M) for n in range(depth))]
        where = [Eq(Hs[n + 1], (Hs[n] * Ws[n]).applyfunc(tanh)) for n in range(depth)]
        return len(Model(total(Hs[-1].applyfunc(exp)), Ws, where=where).source().splitlines())

    # long lists of arguments and results are broken at some depth, each into two lines for each layer at most
    assert lines(32) - lines(24) <= 1.5 * (lines(24) - lines(16))


def test_a_failed_check_raises_with_its_report_and_writes_nothing(tmp_path, monkeypatch):
    from symgrad import GradientCheckError
    from symgrad.calculus import local

    monkeypatch.setattr(local, "_exp", lambda args, value, which: local.add([(2, value)]))
    monkeypatch.setitem(local._OWN, exp, lambda args, value, which: local.add([(2, value)]))
    out = tmp_path / "out.py"
    with pytest.raises(GradientCheckError, match="FAILED") as caught:
        Model(exp(lam) + lam, [lam]).compile(path=out)
    assert not out.exists() and not caught.value.report.ok


@pytest.mark.filterwarnings("error")
def test_a_power_with_exponent_zero_at_base_zero():
    d, c = IndexedBase("d", shape=(N,), integer=True), IndexedBase("c", shape=(N,))
    module = Model(Sum(lam ** d[n], (n, 0, N - 1)), [lam]).compile()
    assert module.gradient(0.0, np.array([0, 1, 2])).lam == 1
    module = Model(Sum(c[n] * lam**n, (n, 0, N - 1)), [lam, c]).compile()
    slope = module.gradient(0.0, np.ones(3))
    assert slope.lam == 1 and slope.c.tolist() == [1, 0, 0]


@pytest.mark.parametrize("shape", [(1, 1), (1,), ()])
def test_a_one_by_one_matrix_keeps_its_shape_too(shape):
    q, r = MatrixSymbol("q", 1, 1), MatrixSymbol("r", 1, M)
    slope = Model(r * X.T * X * r.T + q**2, [r, q]).compile().gradient(np.ones(3), np.ones(shape), np.ones((2, 3)))
    assert slope.q.shape == shape and np.all(slope.q == 2)


@pytest.mark.parametrize("kind", one_in(2, ["labels", "windows", "embedding", "row numbers"]))
def test_subscripts_in_blocks_of_rows(kind):
    x, label = IndexedBase("x", shape=(N, M)), IndexedBase("label", shape=(N,), integer=True)
    W, v = IndexedBase("W", shape=(M, K)), IndexedBase("v", shape=(3,))
    Z, P = IndexedBase("Z", shape=(N, K)), IndexedBase("P", shape=(N, K))
    loss, parameter, where = {
        "labels": (
            -Sum(log(P[n, label[n]]), (n, 0, N - 1)) / N,
            W,
            [Eq(Z[n, k], Sum(x[n, j] * W[j, k], (j, 0, M - 1))), Eq(P[n, k], softmax(Z[n, k], (k, 0, K - 1)))],
        ),
        "windows": (Sum(tanh(Sum(x[n, j + i] * v[i], (i, 0, 2))), (n, 0, N - 1), (j, 0, M - 3)), v, []),
        "embedding": (Sum(tanh(Sum(x[n, j] * W[j, label[n]], (j, 0, M - 1))), (n, 0, N - 1)), W, []),
        "row numbers": (Sum(tanh(n * x[n, 0] * v[0] + v[1] + v[2]), (n, 0, N - 1)), v, []),
    }[kind]
    model = Model(loss, [parameter], where=where)
    blocked = {"labels": True, "windows": True, "row numbers": False}
    assert ("_over_rows" in model.source()) == blocked.get(kind, True)  # of the embedding only the value
    module = model.compile()
    arrays = {"x": rng.normal(size=(300, 5)), "label": rng.integers(0, 4, 300)}
    arrays = {name: array for name, array in arrays.items() if name in module.ARGUMENTS}
    start = rng.normal(size=(3,) if parameter == v else (5, 4))
    whole, slope = module.value_and_gradient(start, **arrays)
    module.BLOCK_BYTES = 1
    value, blocked_slope = module.value_and_gradient(start, **arrays)
    np.testing.assert_allclose(value, whole, rtol=1e-12)
    np.testing.assert_allclose(blocked_slope[0], slope[0], rtol=1e-11, atol=1e-13)


def test_a_module_of_logistic_regression_is_short_and_not_squeezed():
    model = load_model(ModelReference(Path(__file__).parents[2] / "examples" / "logistic.py", "model"))
    lines = model.source().splitlines()
    assert len(lines) <= 250
    assert max(map(len, lines)) <= 120


def test_a_maximum_that_is_taken_away_begins_with_the_smallest_number():
    scores, r = IndexedBase("scores", shape=(N, K)), IndexedBase("r", shape=(K,))
    text = Model(Sum(LogSumExp(scores[n, k] * r[k], (k, 0, K - 1)), (n, 0, N - 1)), [r]).source()
    gradient = text.partition("def _gradient_rows")[2].partition("def ")[0]
    assert ".max(axis=0, initial=np.finfo(" in gradient or ".max(axis=1, initial=np.finfo(" in gradient
    assert gradient.count("np.maximum(") == 1  # of the sum of exponentials
