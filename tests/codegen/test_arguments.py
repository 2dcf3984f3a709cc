"""What goes into a generated module's functions: empty axes, odd types and shapes, sizes, floating types."""

from itertools import product

import numpy as np
import pytest
from sympy import IndexedBase, MatrixSymbol, Product, Sum, Symbol, exp, log, symbols

from symgrad import LogSumExp, MaxOver, MinOver, Model, softmax, total
from symgrad.reference import evaluate

N, M, K, P = symbols("N M K P", integer=True, positive=True)
i, j, k, n = symbols("i j k n", integer=True)
X, w, y, b = MatrixSymbol("X", N, M), MatrixSymbol("w", M, 1), MatrixSymbol("y", N, 1), MatrixSymbol("b", 1, K)
W = MatrixSymbol("W", M, K)
A, q, r = IndexedBase("A", shape=(N, K)), IndexedBase("q", shape=(N,)), IndexedBase("r", shape=(K,))
count = IndexedBase("count", shape=(N,), integer=True)
lam = Symbol("lam", real=True)
RIDGE = Model((X * w - y).T * (X * w - y) + lam * w.T * w, [w], name="ridge")
LINEAR = Model(total((X * W).applyfunc(exp)) + total(b) + lam**2, [W, b, lam])


@pytest.fixture(scope="module")
def ridge():
    return RIDGE.compile(check=False)


@pytest.fixture(scope="module")
def linear():
    return LINEAR.compile(check=False)


# --- empty axes -------------------------------------------------------------------------------------------------------

EMPTY = {
    "ridge": RIDGE,
    "softmax of rows": Model(
        -Sum(A[n, k] * log(softmax(q[n] * r[k], (k, 0, K - 1))), (k, 0, K - 1), (n, 0, N - 1)), [q, r]
    ),
    "logsumexp of rows": Model(Sum(LogSumExp(A[n, k] * r[k], (k, 0, K - 1)), (n, 0, N - 1)), [A, r]),
    "maximum of rows": Model(Sum(MaxOver(A[n, k] * r[k], (k, 0, K - 1)), (n, 0, N - 1)), [A, r]),
    "product of rows": Model(Sum(Product(A[n, k], (k, 0, K - 1)) * q[n], (n, 0, N - 1)), [A, q]),
    "product of all": Model(Product(A[n, k], (k, 0, K - 1), (n, 0, N - 1)) * lam, [A, lam]),
    "contraction": Model(Sum(A[n, k] * X[n, j] * W[j, k], (n, 0, N - 1), (j, 0, M - 1), (k, 0, K - 1)), [W, A]),
}  # fmt: skip
NEEDS_ENTRIES = {
    "maximum of rows"
}  # a sum of no exponentials is 0, its logarithm −∞, and the softmax of nothing is empty


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", EMPTY)
@pytest.mark.parametrize("sizes", [s for s in product((0, 2), repeat=3) if 0 in s], ids=str)
def test_empty_axes(case, sizes):
    model = EMPTY[case]
    module = model.compile(check=False)
    known = dict(zip((N, M, K), sizes, strict=True))
    inputs = {a.name: np.ones([known.get(side, 1) for side in a.shape]) for a in model.arguments}
    if case in NEEDS_ENTRIES and known[K] == 0:
        with pytest.raises(ValueError, match=r"^K: the maximum over K entries needs K >= 1, got 0"):
            module.value(**inputs)
        return
    value, gradient = module.value_and_gradient(**inputs)
    literal = evaluate(model.loss, {a.symbol: inputs[a.name] for a in model.arguments}, known)
    np.testing.assert_allclose(value, float(literal), rtol=1e-14)
    for a, slope in zip([a for a in model.arguments if a.role == "parameter"], gradient, strict=True):
        assert slope.shape == inputs[a.name].shape
    if case == "product of all":
        assert gradient.lam == 1.0
    theta = module.pack(*(inputs.pop(name) for name in module.PARAMETERS))
    flat = module.flat_value_and_gradient(
        theta, **inputs, **{str(d): size for d, size in known.items() if d in model.program.dimensions}
    )
    assert flat[0] == value and flat[1].shape == theta.shape


@pytest.mark.parametrize(("head", "name"), [(MaxOver, "maximum"), (MinOver, "minimum")])
def test_a_maximum_over_nothing_says_over_what(head, name):
    module = Model(head(A[n, k], (k, 0, K - 1), (n, 0, N - 1)), [A]).compile(check=False)
    for shape, size in [((0, 3), "N"), ((3, 0), "K")]:
        with pytest.raises(ValueError, match=f"^{size}: the {name} over {size} entries needs {size} >= 1, got 0"):
            module.value_and_gradient(np.zeros(shape))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("head", "infinity"), [(MaxOver, -np.inf), (MinOver, np.inf), (LogSumExp, -np.inf)])
def test_a_maximum_over_the_numbers_below_i_may_be_over_none(head, infinity):
    i = Symbol("i", integer=True)
    module = Model(Sum(head(q[n], (n, 0, i - 1)), (i, 0, N - 1)), [q]).compile(check=False)
    assert module.value([]) == 0.0
    for entries in ([1.0], [1.0, 2.0]):
        value, gradient = module.value_and_gradient(np.array(entries))
        assert value == infinity
        np.testing.assert_array_equal(gradient.q, [1.0, 0.0][: len(entries)] if len(entries) > 1 else [0.0])


@pytest.mark.parametrize("head", [MaxOver, MinOver])
def test_a_maximum_over_nothing_is_refused_where_it_is_of_a_constant_or_used(head):
    module = Model(Sum(head(lam, (k, 0, K - 1)) * q[n], (n, 0, N - 1)), [q]).compile(check=False)
    with pytest.raises(ValueError, match=r"^K: the model needs K >= 1, got K = 0"):
        module.value(np.ones(2), lam=1.0, K=0)
    module = Model(Sum(head(q[n] * r[k], (n, 1, N - 1)), (k, 0, K - 1)), [q]).compile(check=False)
    with pytest.raises(ValueError, match=r"^N - 1: the (maximum|minimum) over N - 1 entries needs N - 1 >= 1, got 0"):
        module.value(np.ones(1), r=np.ones(3))
    assert module.value(np.ones(1), r=np.ones(0)) == 0.0


@pytest.mark.filterwarnings("error")
def test_a_logsumexp_over_nothing_is_minus_infinity_and_a_softmax_over_nothing_empty():
    module = Model(Sum(LogSumExp(q[n] * r[k], (n, 1, N - 1)), (k, 0, K - 1)), [q]).compile(check=False)
    value, gradient = module.value_and_gradient(np.ones(1), r=np.ones(3))
    assert value == -np.inf
    np.testing.assert_array_equal(gradient.q, [0.0])
    assert module.value(np.ones(1), r=np.ones(0)) == 0.0
    shares = Sum(softmax(q[n], (n, 0, N - 1)) * q[n] * r[k], (n, 0, N - 1), (k, 0, K - 1))
    value, gradient = Model(shares, [q]).compile(check=False).value_and_gradient(np.ones(0), r=np.ones(3))
    assert value == 0.0 and gradient.q.shape == (0,)


@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_mean_over_nothing_is_not_a_number():
    module = Model(Sum(q[n] ** 2, (n, 0, N - 1)) / N, [q]).compile(check=False)
    assert np.isnan(module.value([]))


# --- kinds of arguments -----------------------------------------------------------------------------------------------

GOOD = {"w": np.ones(3), "X": np.ones((5, 3)), "lam": 0.5, "y": np.ones(5)}


class Odd:
    def __array__(self, *args, **kwargs):
        raise RuntimeError("on another device")


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ([[1.0, 2.0], [3.0]], TypeError, "expected real numbers, got list: .*inhomogeneous"),
        ([1.0, [2.0, 3.0]], TypeError, "expected real numbers, got list"),
        (None, TypeError, "expected real numbers, got NoneType"),
        ("text", TypeError, "expected real numbers, got str"),
        ([1.0, None], TypeError, "expected real numbers, got list of type object"),
        (np.array([1j]), TypeError, "expected real numbers, got numpy.ndarray of type complex128"),
        (np.array(["2020-01-01"], "datetime64[D]"), TypeError, "expected real numbers"),
        ({"a": 1.0}, TypeError, "expected real numbers, got dict"),
        (
            np.ma.masked_array([1.0, 2.0], [True, False]),
            TypeError,
            "expected real numbers, got numpy.ma.MaskedArray; fill it first",
        ),
        (Odd(), TypeError, "expected real numbers, got Odd: on another device"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_array_of_real_numbers_is_refused_by_name(ridge, name, given, kind, message):
    for function in (ridge.value, ridge.gradient, ridge.value_and_gradient):
        with pytest.raises(kind, match=f"^{name}: {message}"):
            function(**{**GOOD, name: given})
    if name != "w":
        data = {key: value for key, value in GOOD.items() if key != "w"}
        with pytest.raises((kind, ValueError), match=f"^{name}: "):
            ridge.flat_value_and_gradient(np.ones(3), **{**data, name: given})
    else:
        with pytest.raises(kind, match=f"^w: {message}"):
            ridge.pack(given)
        with pytest.raises(kind, match=f"^flat theta: {message}"):
            ridge.unpack(given, X=GOOD["X"])


class Frame:
    """Stands for a table of numbers of another library."""

    def __array__(self, dtype=None, copy=None):
        return np.ones((5, 3), dtype=dtype)


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_what_turns_into_an_array_of_numbers_is_one(ridge):
    assert ridge.value(**{**GOOD, "X": Frame()}) == ridge.value(**GOOD)
    assert ridge.value(**{**GOOD, "X": np.asmatrix(np.ones((5, 3)))}) == ridge.value(**GOOD)
    assert ridge.value(**{**GOOD, "X": np.ones((5, 3), bool)}) == ridge.value(**GOOD)


def test_integer_data_that_cannot_be_integers_are_refused_by_name():
    table = IndexedBase("table", shape=(M,))
    module = Model(Sum(table[count[n]] ** 2, (n, 0, N - 1)), [table]).compile(check=False)
    for given in ([0, [1]], ["a"], None, [0.5], np.ma.masked_array([0, 1])):
        with pytest.raises((TypeError, ValueError), match=r"^count: expected"):
            module.value(np.ones(3), given)
    assert module.value(np.ones(3), []) == 0.0
    assert module.value(np.ones(300), np.array([255], np.uint8)) == 1.0


# --- sizes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"), [(True, "True"), (2.0, r"2\.0"), ("2", "'2'"), (None, "None"), (np.ones(2), "array"), (-1, "-1")]
)
def test_sizes_are_integers_that_are_not_negative(linear, given, said):
    module = Model(Sum(lam**2 * k, (k, 0, K - 1)), [lam]).compile(check=False)
    for call in (
        lambda: module.value(2.0, given),
        lambda: module.value(2.0, K=given),
        lambda: module.flat_value_and_gradient([2.0], K=given),
    ):
        with pytest.raises(TypeError, match=f"^K: expected an integer size of at least 0, or data with it, got {said}"):
            call()
    with pytest.raises(TypeError, match=f"^M: expected an integer size of at least 0, or data with it, got {said}"):
        linear.unpack(np.ones(7), M=given, K=1)
    assert module.value(2.0, np.int32(4)) == 24.0 and module.value(2.0, 0) == 0.0


def test_a_size_without_an_array_has_its_least_value_checked():
    module = Model(Sum(lam**2 * k, (k, 0, K - 3)) / K, [lam]).compile(check=False)
    with pytest.raises(ValueError, match="K: the model needs K >= 2, got K = 1"):
        module.value(2.0, 1)


def test_sizes_that_disagree_are_blamed_on_what_they_were_read_from(ridge, linear):
    theta, X0, y0 = np.ones(3), np.ones((5, 3)), np.ones(5)
    for call in (ridge.unpack, ridge.flat_value_and_gradient):
        with pytest.raises(ValueError, match=r"^y: side 0 is N = 3 by X, got 5"):
            call(theta, X=X0.T, y=y0, lam=0.5)
        with pytest.raises(ValueError, match=r"^X: expected shape \(N, M\), got shape \(5,\)"):
            call(theta, X=y0, y=y0, lam=0.5)
        with pytest.raises(ValueError, match=r"^X: side 1 is M = 4 as passed, got 3"):
            call(theta, X=X0, y=y0, lam=0.5, M=4)
        with pytest.raises(ValueError, match=r"^theta: expected 5 entries for \[\(5, 1\)\] by {'N': 3, 'M': 5}, got 3"):
            call(theta, X=X0.T, y=np.ones(3), lam=0.5)
        with pytest.raises(TypeError, match="unexpected keyword argument 'Z'"):
            call(theta, Z=X0)
    with pytest.raises(ValueError, match=r"^flat theta: expected shape \(flat theta\), got shape \(3, 1\)"):
        ridge.unpack(theta[:, None], X=X0)


def test_pack_refuses_parts_that_do_not_belong_together(linear):
    W0, b0 = np.ones((3, 4)), np.ones((1, 4))
    assert linear.pack(W0, b0, 2).tolist() == [1.0] * 16 + [2.0]
    assert linear.pack(W0, b0[0], np.float64(2)).shape == (17,)
    with pytest.raises(ValueError, match=r"^W: expected shape \(M, K\), got shape \(4,\)"):
        linear.pack(b0[0], W0, 2.0)
    with pytest.raises(ValueError, match=r"^b: side 0 is 1, got 3"):
        linear.pack(b0, W0, 2.0)
    with pytest.raises(ValueError, match=r"^b: side 1 is K = 4 by W, got 5"):
        linear.pack(W0, np.ones((1, 5)), 2.0)
    with pytest.raises(ValueError, match=r"^lam: expected shape \(\), got shape \(2,\)"):
        linear.pack(W0, b0, np.ones(2))


def test_pack_checks_sides_that_are_sums_of_sizes():
    f, g = IndexedBase("f", shape=(M,)), IndexedBase("g", shape=(M + 1,))
    module = Model(Sum(f[i] * g[i], (i, 0, M - 1)) + g[M], [f, g]).compile(check=False)
    assert module.pack(np.ones(2), np.ones(3)).shape == (5,)
    with pytest.raises(ValueError, match=r"^g: expected shape \(2,\) by the other parameters|^f: |^g: "):
        module.pack(np.ones(2), np.ones(2))


# --- floating types ---------------------------------------------------------------------------------------------------

single, double, whole = np.float32, np.float64, np.int64


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ({}, double),
        (dict.fromkeys("wXy", single), single),
        ({"w": single, "X": whole, "y": whole}, single),
        ({"w": whole, "X": single, "y": whole}, single),
        ({"w": whole, "X": whole, "y": whole}, double),
        ({"w": single, "X": bool, "y": np.int8}, single),
        ({"w": single, "X": single, "y": double}, double),
        ({"w": np.float16, "X": whole, "y": whole}, single),
        ({"w": single, "X": single, "y": single, "lam": double}, single),
        ({"w": whole, "X": whole, "y": whole, "lam": single}, single),
        ({"w": whole, "X": whole, "y": whole, "lam": double}, double),
    ],
)
def test_integers_take_the_floating_type_of_the_floating_arguments(ridge, kinds, expected):
    inputs = {name: np.asarray(given).astype(kinds.get(name, double))[()] for name, given in GOOD.items()}
    if "lam" not in kinds:
        inputs["lam"] = 2  # a Python number has no type of its own
    value, slope = ridge.value_and_gradient(**inputs)
    assert value.dtype == slope.w.dtype == expected
    assert ridge.value(**inputs).dtype == ridge.gradient(**inputs).w.dtype == expected


def test_integer_data_in_a_power_and_in_a_sum_keep_the_floating_type():
    module = Model(Sum(lam ** count[n] + count[n] * q[n], (n, 0, N - 1)), [lam, q]).compile(check=False)
    value, slope = module.value_and_gradient(np.float32(2), np.ones(2, np.float32), np.array([1, 3]))
    assert value == 14.0 and value.dtype == slope.lam.dtype == slope.q.dtype == np.float32
    assert slope.lam == 13.0 and slope.q.tolist() == [1.0, 3.0]


def test_a_dimension_that_is_read_off_by_another_comes_after_it():
    z, v = IndexedBase("z", shape=(M + K,)), IndexedBase("v", shape=(M,))
    model = Model(K * Sum(z[j], (j, 0, M + K - 1)) * Sum(v[i] ** 2, (i, 0, M - 1)), [v], name="sides")
    module = model.compile(check=False)
    value, slope = module.value_and_gradient(v=np.array([1.0, 2.0]), z=np.ones(5))  # so that K is 3
    assert value == 75.0 and slope.v.tolist() == [30.0, 60.0]
