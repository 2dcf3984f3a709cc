"""`bind`: the functions of the parameters alone, with the same numbers, for data that are looked at once."""

import copy
import inspect
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import minimize
from sympy import Eq, IndexedBase, MatrixSymbol, Q, Sum, Symbol, exp, log, loggamma, symbols

from symgrad import Model, dot, if_else, logdet, quad, sumsq
from tests.results import arrays

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
        for block in (2**21, 2**8):
            module.BLOCK_BYTES = block
            for function in ("value", "value_and_gradient", "flat_value_and_gradient"):
                for start, (loss, slope) in zip(starts, expected, strict=True):
                    found = getattr(bound, function)(start)
                    np.testing.assert_allclose(found if function == "value" else found[0], loss, rtol=1e-13)
                    if function != "value":
                        np.testing.assert_allclose(np.ravel(found[1]), np.ravel(slope.u), rtol=1e-11)
            # once for all functions; blocks are not of the same sizes with the gradient and without
            assert sum(calls) == (400 if block == 2**21 else 1200)
        module.BLOCK_BYTES = 2**21
        assert bound.value(starts[0].astype(np.float32)) == module.value(starts[0].astype(np.float32), **data)
        module.value(starts[0], **data)
        assert sum(calls) == 2000  # without bound data each time
    finally:
        del module.scipy
        module.scipy = __import__("scipy.special")


S, A = MatrixSymbol("S", N, N), MatrixSymbol("A", M, M)
labels, W = IndexedBase("labels", shape=(N,), integer=True), IndexedBase("W", shape=(M, K))
u = IndexedBase("u", shape=(M,))
x, q, s = IndexedBase("x", shape=(N, M)), IndexedBase("q", shape=(N,)), IndexedBase("s", shape=(N,))
score = Sum(x[n, j] * W[j, k], (j, 0, M - 1))
REMEMBERED = {
    "the Hessian of least squares": (sumsq(X * w - y), [w], (), {"X.T.dot(X)"}),
    "a penalty on it": ((sumsq(X * w - y) + lam * sumsq(w)) / 2, [w], (), {"X.T.dot(X)"}),
    "a factor": (quad(X * w - y, S.I) + logdet(S), [w], (), {"_cholesky(S", "np.linalg.inv("}),
    "a product": (quad(w, X.T * X) + dot(w, A * X.T * y), [w], (), {"X.T.dot(X)"}),
    "labels": (
        Sum(score.subs(k, labels[n]), (n, 0, N - 1)) ** 2,
        [W],
        (),
        {"_accumulate((K, M), (labels,), x"},
    ),
    "masks": (
        Sum(if_else(x[n, j] > 0, u[j] * x[n, j], exp(u[j] * x[n, j])), (j, 0, M - 1), (n, 0, N - 1)),
        [u],
        (),
        {"x > 0"},
    ),
    "a filter": (
        Sum((lam - s[n]) ** 2, (n, 0, N - 1)),
        [lam],
        [(s[n], if_else(n > 0, s[n - 1] / 2, 0) + q[n])],
        {"s[0]"},
    ),
    "special functions": (Sum((lam - loggamma(q[n] + 9)) ** 2, (n, 0, N - 1)), [lam], (), {"gammaln(q + 9)"}),
    "sums": (Sum((lam * q[n] - Sum(q[k], (k, 0, N - 1))) ** 2, (n, 0, N - 1)), [lam], (), {"q.sum()"}),
}


def _remembering(case):
    loss, parameters, where, _ = REMEMBERED[case]
    module = Model(loss, parameters, where=where, facts=[Q.positive_definite(S)] if case == "a factor" else ()).compile(
        check=False, hessian=True, hvp=True
    )
    draw = np.random.default_rng(2)
    sizes = {"N": 6, "M": 3, "K": 4}
    given = {
        name: draw.normal(size=[sizes[str(side)] if not isinstance(side, int) else side for side in sides])
        for name, sides in module.SHAPES.items()
    }
    given |= {"S": np.cov(draw.normal(size=(6, 30)))} if "S" in given else {}
    given |= {"labels": np.array([0, 3, 1, 1, 2, 0])} if "labels" in given else {}
    return module, given


def test_what_is_kept_says_what_it_is():
    loss = Sum((lam - s[n] / s[0]) ** 2 * loggamma(q[n] + 1), (n, 0, N - 1)) + log(Sum(q[n], (n, 0, N - 1)) + lam)
    module = Model(loss + lam * quad(y, S), [lam], where=[(s[n], loggamma(q[n]))]).compile(check=False)
    text = inspect.getsource(module.value) + inspect.getsource(module._value_of_data)
    assert "fixed" not in text and "gammaln_q, " in text and "s = scipy.special.gammaln(q)" in text
    assert "sum_q = q.sum()" in text and "prod_y_y_S = " in text


@pytest.mark.parametrize("case", REMEMBERED)
def test_what_costs_something_is_computed_apart_and_once(case):
    module, given = _remembering(case)
    text = inspect.getsource(module)
    apart = [part for part in text.split("\ndef ") if part.partition("(")[0].endswith("_of_data")]
    apart += [part for part in text.split("\ndef ") if "_of_data_rows(" in part.partition(":")[0]]
    assert all(any(said in part for part in apart) for said in REMEMBERED[case][3]), apart
    bound = module.bind(**{name: one for name, one in given.items() if name not in module.PARAMETERS})
    called = []
    for name in [name for name in vars(module) if name.endswith("_of_data")]:
        made = getattr(module, name)
        setattr(module, name, lambda *taken, name=name, made=made: called.append(name) or made(*taken))
    at = [given[name] for name in module.PARAMETERS]
    for _ in range(3):
        for moved in (at, [one + 0.25 for one in at]):
            known = dict(zip(module.PARAMETERS, moved, strict=True))
            for name in ("value", "gradient", "value_and_gradient", "hessian", "hessian_vector_product"):
                more = (tuple(moved),) if name == "hessian_vector_product" else ()
                before = len(called)
                takes = inspect.signature(getattr(module, name)).parameters
                sizes = {side: n for side, n in {"N": 6, "K": 4}.items() if side in takes}
                expected = arrays(getattr(module, name)(*more, **given | known | sizes))
                del called[before:]
                loose = {side: n for side, n in sizes.items() if side not in bound.sizes}
                found = arrays(getattr(bound, name)(*more, **known | loose))
                for one, other in zip(found, expected, strict=True):
                    np.testing.assert_array_equal(one, other)
                    if isinstance(one, np.ndarray):
                        one[...] = np.nan  # results are the caller's
    assert called and len(called) == len(set(called))


def test_what_is_returned_is_filled_anew_and_not_copied():
    """Of (N, K, N, K) second derivatives most are 0: to copy them takes four times as long as to make them."""
    V, U, R = MatrixSymbol("V", M, K), MatrixSymbol("U", N, K), MatrixSymbol("R", N, M)
    text = Model(sumsq(R - U * V.T), [U]).source(hessian=True)
    for name in ("hessian", "hessian_compact"):
        part = text.partition(f"\ndef {name}(")[2].partition("\ndef ")[0]
        assert "prod_V = _once(" in part and "2 * prod_V" in part and "np.array(" not in part


def test_data_are_as_they_were_when_they_were_bound(ridge):
    data = {"X": DATA["X"].copy(), "y": DATA["y"].copy(), "lam": 0.5}
    bound, expected = ridge.bind(**data), ridge.value(W0, **data)
    before = bound.hessian(w=W0)[0][0].copy()
    data["X"] += 1.0
    data["y"][0] = np.nan
    assert bound.value(W0) == expected
    np.testing.assert_array_equal(bound.hessian(w=W0)[0][0], before)
    fixed = DATA["X"].copy()
    fixed.flags.writeable = False
    assert ridge.bind(X=fixed).given["X"] is fixed
    view = data["X"].view()
    view.flags.writeable = False
    assert not np.shares_memory(ridge.bind(X=view).given["X"], data["X"])


def test_nothing_is_remembered_where_data_are_given_anew(ridge):
    bound, other = ridge.bind(**DATA), DATA["X"] + 1
    first = bound.hessian(w=W0)[0][0]
    changed = bound.hessian(w=W0, X=other)[0][0]
    np.testing.assert_array_equal(changed, ridge.hessian(w=W0, **DATA | {"X": other})[0][0])
    np.testing.assert_array_equal(bound.hessian(w=W0)[0][0], first)
    partly = ridge.bind(X=DATA["X"], y=DATA["y"])
    for lam_ in (0.5, 2.0):
        np.testing.assert_array_equal(
            partly.hessian(w=W0, lam=lam_)[0][0], ridge.hessian(w=W0, **DATA | {"lam": lam_})[0][0]
        )


def test_flat_functions_of_second_order_remember_too():
    module, given = _remembering("the Hessian of least squares")
    bound, called, made = module.bind(X=given["X"], y=given["y"]), [], module._hessian_of_data
    module._hessian_of_data = lambda *taken: called.append(1) or made(*taken)
    for _ in range(3):
        np.testing.assert_allclose(bound.flat_hessian(np.ones(3)), 2 * given["X"].T @ given["X"], rtol=1e-14)
    assert called == [1]
    once = module.flat_hessian(np.ones(3), X=given["X"], y=given["y"])
    np.testing.assert_array_equal(once, bound.flat_hessian(np.zeros(3)))


def test_labels_are_looked_at_once():
    module, given = _remembering("labels")
    bound, seen, check = module.bind(labels=given["labels"], x=given["x"]), [], module._check_arguments
    module._check_arguments = lambda *taken: seen.append(1) or check(*taken)
    bound.value(given["W"])
    bound.value(given["W"])
    assert seen == [1]
    with pytest.raises(IndexError, match=r"labels\[1\] is 3, expected 0 ... 1"):
        bound.value(given["W"][:, :2])  # other sizes


def test_nothing_is_remembered_of_data_in_another_type():
    c = IndexedBase("c", shape=(N,))
    module = Model(Sum(lam**2 * c[n] + loggamma(c[n] + 1), (n, 0, N - 1)), [lam]).compile(check=False)
    bound, data = module.bind(c=np.array([1.0, 2.5, 3.0])), np.array([1.0, 2.5, 3.0])
    for start in (1.0, np.float32(1), 2.0):
        assert bound.value(start) == module.value(start, data)


def test_arrays_that_parameters_are_written_into_are_made_anew():
    filtered = Eq(s[n], if_else(n > 0, lam * s[n - 1], 0) + loggamma(q[n] + 1))
    module = Model(Sum(s[n] ** 2, (n, 0, N - 1)), [lam], where=[filtered]).compile(check=False)
    given = np.array([1.0, 2.5, 3.0, 0.5])
    bound = module.bind(q=given)
    assert "_of_data" in inspect.getsource(module)
    for start in (0.5, -0.25, 0.5):
        assert bound.value_and_gradient(start) == module.value_and_gradient(start, given)
