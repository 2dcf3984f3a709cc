"""`bind`: the functions of the parameters alone, with the same numbers, for data that are looked at once."""

import copy
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import minimize
from sympy import IndexedBase, MatrixSymbol, Sum, Symbol, exp, loggamma, symbols

from symgrad import Model

N, M, K = symbols("N M K", integer=True, positive=True)
n, j, k = symbols("n j k", integer=True)
X, w, y = MatrixSymbol("X", N, M), MatrixSymbol("w", M, 1), MatrixSymbol("y", N, 1)
lam = Symbol("lam")
RIDGE = Model((X * w - y).T * (X * w - y) + lam * w.T * w, [w], name="ridge")
rng = np.random.default_rng(0)
DATA = {"X": rng.normal(size=(5, 3)), "y": rng.normal(size=5), "lam": 0.5}
W0 = rng.normal(size=3)


@pytest.fixture(scope="module")
def ridge():
    return RIDGE.compile(check=False, hessian=True, hvp=True)


def test_bound_functions_give_what_the_module_gives(ridge):
    bound = ridge.bind(**DATA)
    value, slope = ridge.value_and_gradient(W0, **DATA)
    assert bound.value(W0) == value == bound.value(w=W0)
    np.testing.assert_array_equal(bound.gradient(W0).w, slope.w)
    np.testing.assert_array_equal(bound.value_and_gradient(W0)[1].w, slope.w)
    flat = bound.flat_value_and_gradient(W0)
    assert flat[0] == value and np.array_equal(flat[1], slope.w)
    np.testing.assert_array_equal(bound.unpack(W0).w, W0[:, None])
    assert bound.value(W0.astype(np.float32)).dtype == np.float64


def test_data_come_in_order_or_by_name(ridge):
    in_order = ridge.bind(DATA["X"], DATA["lam"], DATA["y"])
    assert in_order.value(W0) == ridge.bind(DATA["X"], y=DATA["y"], lam=0.5).value(W0) == ridge.value(W0, **DATA)


def test_functions_of_second_order_take_what_they_need(ridge):
    bound = ridge.bind(**DATA)
    np.testing.assert_array_equal(bound.hessian(w=W0)[0][0], ridge.hessian(**ridge_needs(ridge, "hessian"))[0][0])
    np.testing.assert_array_equal(bound.flat_hessian(W0), ridge.flat_hessian(W0, **DATA))


def ridge_needs(module, name):
    code = getattr(module, name).__code__
    taken = code.co_varnames[: code.co_argcount]
    return {one: value for one, value in {"w": W0, **DATA, "M": 3, "N": 5}.items() if one in taken}


@pytest.mark.parametrize(
    ("given", "data", "kind", "message"),
    [
        ((), {**DATA, "y": np.zeros(4)}, ValueError, "^y: side 0 is N = 5 by X, got 4"),
        ((), {**DATA, "Z": 1}, TypeError, "unexpected keyword argument 'Z'"),
        ((), {**DATA, "w": W0}, TypeError, "unexpected keyword argument 'w'"),
        ((DATA["X"], 0.5, DATA["y"], 1), {}, TypeError, "from 0 to 3 positional arguments but 4"),
        ((DATA["X"],), {"X": DATA["X"]}, TypeError, "multiple values for argument 'X'"),
        ((), {**DATA, "y": None}, TypeError, "^y: expected real numbers, got NoneType"),
    ],
)
def test_wrong_data_are_refused_when_they_are_bound(ridge, given, data, kind, message):
    with pytest.raises(kind, match=message):
        ridge.bind(*given, **data)


def test_what_is_not_bound_is_still_missing(ridge):
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'lam'"):
        ridge.bind(X=DATA["X"], y=DATA["y"]).value(W0)
    with pytest.raises(ValueError, match=r"^X: side 1 is M = 4 by w, got 3"):
        ridge.bind(**DATA).value(np.ones(4))
    with pytest.raises(AttributeError, match="no function 'hessians'"):
        ridge.bind(**DATA).hessians(W0)


def test_a_bound_module_can_be_pickled_and_copied(ridge):
    bound = ridge.bind(**DATA)
    expected = bound.value(W0)
    assert pickle.loads(pickle.dumps(bound)).value(W0) == copy.deepcopy(bound).value(W0) == expected


def test_minimize_takes_bound_functions(ridge):
    found = minimize(ridge.bind(**DATA).flat_value_and_gradient, np.zeros(3), jac=True)
    exact = np.linalg.solve(DATA["X"].T @ DATA["X"] + 0.5 * np.eye(3), DATA["X"].T @ DATA["y"])
    np.testing.assert_allclose(found.x, exact, atol=1e-5)


def test_lists_and_sizes_are_bound_too():
    q = IndexedBase("q", shape=(N,))
    module = Model(Sum(lam * q[n], (n, 0, N - 1)) + Sum(exp(-lam * k), (k, 0, K - 1)), [lam]).compile(check=False)
    assert module.bind(q=[1, 2, 3], K=2).value(2.0) == module.value(2.0, q=[1.0, 2.0, 3.0], K=2)
    assert isinstance(module.bind(q=[1, 2, 3], K=2).given["q"], np.ndarray)


def test_what_depends_on_data_alone_is_computed_once():
    x, u, c = IndexedBase("x", shape=(N, M)), IndexedBase("u", shape=(M,)), IndexedBase("c", shape=(N,))
    mean = Sum(x[n, j] * u[j], (j, 0, M - 1))
    module = Model(Sum(exp(mean) - c[n] * mean + loggamma(c[n] + 1), (n, 0, N - 1)), [u]).compile(check=False)
    draw = np.random.default_rng(1)
    data = {"x": draw.normal(size=(400, 3)) / 5, "c": draw.poisson(2.0, 400) * 1.0}
    starts = [draw.normal(size=3) for _ in range(3)]
    bound, calls = module.bind(**data), []
    special = module.scipy.special.gammaln
    counted = SimpleNamespace(special=SimpleNamespace(gammaln=lambda y: calls.append(len(y)) or special(y)))
    expected = [module.value_and_gradient(start, **data) for start in starts]
    module.scipy = counted
    try:
        for function in ("value", "value_and_gradient", "flat_value_and_gradient"):
            for block in (2**21, 2**8):
                module.BLOCK_BYTES = block
                for start, (loss, slope) in zip(starts, expected, strict=True):
                    found = getattr(bound, function)(start)
                    np.testing.assert_allclose(found if function == "value" else found[0], loss, rtol=1e-13)
                    if function != "value":
                        np.testing.assert_allclose(np.ravel(found[1]), np.ravel(slope.u), rtol=1e-11)
        assert calls == [400, 400]  # once for the value, once for the value with its gradient
        module.BLOCK_BYTES = 2**21
        assert bound.value(starts[0].astype(np.float32)) == module.value(starts[0].astype(np.float32), **data)
        module.value(starts[0], **data)
        assert len(calls) == 4  # without bound data each time
    finally:
        del module.scipy
        module.scipy = __import__("scipy.special")


def test_nothing_is_remembered_of_data_in_another_type():
    c = IndexedBase("c", shape=(N,))
    module = Model(Sum(lam**2 * c[n] + loggamma(c[n] + 1), (n, 0, N - 1)), [lam]).compile(check=False)
    bound, data = module.bind(c=np.array([1.0, 2.5, 3.0])), np.array([1.0, 2.5, 3.0])
    for start in (1.0, np.float32(1), 2.0):
        assert bound.value(start) == module.value(start, data)
