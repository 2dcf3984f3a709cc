"""Subscripts: windows, padding, scattered deltas, integer expressions, data; against NumPy and SciPy, and checked."""

from functools import cache

import numpy as np
import pytest
from scipy.signal import convolve, correlate, correlate2d
from sympy import *

from symgrad import *
from tests.families import one_in

N, C, O, H, W, P, Q, K, M, T, V, D = symbols("N C O H W P Q K M T V D", integer=True, positive=True)
n, c, o, i, j, p, q, k, t, u, d = symbols("n c o i j p q k t u d", integer=True)
s = Symbol("s", integer=True, positive=True)
rng = np.random.default_rng(0)


def array(name, *shape, **assumptions):
    return IndexedBase(name, shape=shape, **assumptions)


x, w, w3 = array("x", N), array("w", P), array("w", 3)
image, kernel, kernel3 = array("x", N, C, H, W), array("k", O, C, P, Q), array("k", O, C, 3, 3)
tok, E = array("tok", N, T, integer=True), array("E", V, D)


def within(position, side):
    return And(position >= 0, position < side)


def conv2d(step):
    image = array("x", N, C, step * H + P - 1, step * W + Q - 1)
    y = array("y", N, O, H, W)
    body = Sum(
        image[n, c, step * i + p, step * j + q] * kernel[o, c, p, q], (c, 0, C - 1), (p, 0, P - 1), (q, 0, Q - 1)
    )
    loss = Sum(sin(y[n, o, i, j]), (n, 0, N - 1), (o, 0, O - 1), (i, 0, H - 1), (j, 0, W - 1))
    return Model(loss, [image, kernel], where=[Eq(y[n, o, i, j], body)])


def conv2d_padded():
    y = array("y", N, O, H, W)
    entry = if_else(And(within(i - 1 + p, H), within(j - 1 + q, W)), image[n, c, i - 1 + p, j - 1 + q], 0)
    body = Sum(entry * kernel3[o, c, p, q], (c, 0, C - 1), (p, 0, 2), (q, 0, 2))
    loss = Sum(sin(y[n, o, i, j]), (n, 0, N - 1), (o, 0, O - 1), (i, 0, H - 1), (j, 0, W - 1))
    return Model(loss, [image, kernel3], where=[Eq(y[n, o, i, j], body)])


def padded_1d(spelling):
    inside = within(i - 1 + p, N)
    body = {
        "entry": if_else(inside, x[i - 1 + p], 0) * w3[p],
        "product": if_else(inside, x[i - 1 + p] * w3[p], 0),
        "negated": if_else(Or(i - 1 + p < 0, i - 1 + p >= N), 0, x[Min(Max(i - 1 + p, 0), N - 1)]) * w3[p],
    }[spelling]
    return Model(Sum(sin(Sum(body, (p, 0, 2))), (i, 0, N - 1)), [x, w3])


def pooled(head):
    big = array("x", N, C, 2 * H, 2 * W)
    entry, over = big[n, c, 2 * i + p, 2 * j + q], [(p, 0, 1), (q, 0, 1)]
    pool = Sum(entry, *over) / 4 if head == "mean" else MaxOver(entry, *over)
    return Model(Sum(sin(pool), (n, 0, N - 1), (c, 0, C - 1), (i, 0, H - 1), (j, 0, W - 1)), [big])


def transposed(spelling):
    if spelling == "delta":
        body = Sum(x[i] * w[p] * KroneckerDelta(o, 2 * i + p), (i, 0, N - 1), (p, 0, P - 1))
    else:
        inside = And(Eq(Mod(o - p, 2), 0), o - p >= 0, o - p <= 2 * N - 2)
        body = Sum(if_else(inside, x[(o - p) / 2] * w[p], 0), (p, 0, P - 1))
    return Model(Sum(sin(body) * (o + 1), (o, 0, 2 * N + P - 3)), [x, w])


def transposed_2d():
    small, weights, y = array("x", O, H, W), array("k", O, C, P, Q), array("y", C, 2 * H + P - 2, 2 * W + Q - 2)
    at = KroneckerDelta(u, 2 * i + p) * KroneckerDelta(t, 2 * j + q)
    over = [(o, 0, O - 1), (i, 0, H - 1), (j, 0, W - 1), (p, 0, P - 1), (q, 0, Q - 1)]
    loss = Sum(sin(y[c, u, t]), (c, 0, C - 1), (u, 0, 2 * H + P - 3), (t, 0, 2 * W + Q - 3))
    body = Sum(small[o, i, j] * weights[o, c, p, q] * at, *over)
    return Model(loss, [small, weights], where=[Eq(y[c, u, t], body)])


def two_layers():
    x, w1, w2 = array("x", N, 4 * H, 4 * W), array("w1", O, 3, 3), array("w2", K, O, 3, 3)
    h, m, y = array("h", N, O, 4 * H, 4 * W), array("m", N, O, 2 * H, 2 * W), array("y", N, K, H, W)
    first = if_else(And(within(i + p - 1, 4 * H), within(j + q - 1, 4 * W)), x[n, i + p - 1, j + q - 1], 0)
    at = (2 * i + p - 1, 2 * j + q - 1)
    second = if_else(And(within(at[0], 2 * H), within(at[1], 2 * W)), m[n, o, at[0], at[1]], 0)
    return Model(
        Sum(sin(y[n, k, i, j]), (n, 0, N - 1), (k, 0, K - 1), (i, 0, H - 1), (j, 0, W - 1)),
        [w1, w2],
        where=[
            Eq(h[n, o, i, j], tanh(Sum(first * w1[o, p, q], (p, 0, 2), (q, 0, 2)))),
            Eq(m[n, o, i, j], MaxOver(h[n, o, 2 * i + p, 2 * j + q], (p, 0, 1), (q, 0, 1))),
            Eq(y[n, k, i, j], Sum(second * w2[k, o, p, q], (o, 0, O - 1), (p, 0, 2), (q, 0, 2))),
        ],
    )


def packed(strictly):
    A = array("A", K, K)
    if strictly:
        entries = array("l", K * (K - 1) / 2)
        return Model(Sum(sin(Sum(entries[i * (i - 1) / 2 + j] * A[i, j], (j, 0, i - 1))), (i, 1, K - 1)), [entries, A])
    entries = array("l", K * (K + 1) / 2)
    return Model(Sum(A[i, j] * sin(entries[i * (i + 1) / 2 + j]), (j, 0, i), (i, 0, K - 1)), [entries, A])


def symmetric_window():
    A = array("A", 2 * N, 2 * N)
    return Model(Sum(sin(A[i + p, i - p + N - 1]) * x[p], (i, 0, N - 1), (p, 0, N - 1)), [A, x])


long, table = array("q", M), array("v", K)
MODELS = {
    "correlation": lambda: Model(Sum(sin(Sum(x[i + p] * w[p], (p, 0, P - 1))), (i, 0, N - P)), [x, w]),
    "distance of two indices": lambda: Model(
        Sum(sin(x[Abs(i - j)] * (i + 1)), (i, 0, N - 1), (j, 0, N - 1)), [x]),
    "power of an index": lambda: Model(Sum(sin(array("x", N + 1)[2**i - 1]), (i, 0, 1)), [array("x", N + 1)]),
    "stride in a floor": lambda: Model(
        Sum(sin(Sum(x[2 * i + p] * w[p], (p, 0, P - 1))), (i, 0, floor((N - P) / 2))), [x, w]
    ),
    "convolution": lambda: Model(Sum(sin(Sum(x[i - p + P - 1] * w[p], (p, 0, P - 1))), (i, 0, N - P)), [x, w]),
    "dilation": lambda: Model(Sum(sin(Sum(x[i + 3 * p] * w[p], (p, 0, P - 1))), (i, 0, N - 3 * P + 2)), [x, w]),
    "causal": lambda: Model(
        Sum(sin(Sum(x[i - j] * array("w", N)[j], (j, 0, i))), (i, 0, N - 1)), [x, array("w", N)]
    ),
    "padded, stride and dilation": lambda: Model(
        Sum(
            sin(Sum(if_else(within(2 * i - 2 + 2 * p, 2 * N), array("x", 2 * N)[2 * i - 2 + 2 * p] * w3[p], 0), (p, 0, 2))),
            (i, 0, N - 1),
        ),
        [array("x", 2 * N), w3],
    ),
    "depthwise": lambda: Model(
        Sum(
            sin(Sum(image[n, c, i + p, j] * array("k", C, P)[c, p], (p, 0, P - 1))),
            (n, 0, N - 1), (c, 0, C - 1), (i, 0, H - P), (j, 0, W - 1),
        ),
        [image, array("k", C, P)],
    ),
    "reversed": lambda: Model(Sum(sin(x[N - 1 - i]) * x[i], (i, 0, N - 1)), [x]),
    "entry padding": lambda: padded_1d("entry"),
    "product padding": lambda: padded_1d("product"),
    "negated padding": lambda: padded_1d("negated"),
    "shift with another value at the border": lambda: Model(
        Sum(Piecewise((x[i - 1], i >= 1), (x[i] ** 2, True)) * x[i], (i, 0, N - 1)), [x]
    ),
    "repeated border": lambda: Model(Sum(sin(x[Min(Max(i + p - 1, 0), N - 1)] * w3[p]), (i, 0, N - 1), (p, 0, 2)), [x, w3]),
    "mean pool": lambda: pooled("mean"),
    "max pool": lambda: pooled("max"),
    "overlapping max pool": lambda: Model(Sum(MaxOver(x[i + p], (p, 0, 2)) ** 2, (i, 0, N - 3)), [x]),
    "second differences": lambda: Model(Sum((x[i + 1] - 2 * x[i] + x[i - 1]) ** 2, (i, 1, N - 2)), [x]),
    "total variation": lambda: Model(
        Sum(
            sqrt(1 + (array("x", H, W)[i + 1, j] - array("x", H, W)[i, j]) ** 2
                 + (array("x", H, W)[i, j + 1] - array("x", H, W)[i, j]) ** 2),
            (i, 0, H - 2), (j, 0, W - 2),
        ),
        [array("x", H, W)],
    ),
    "transposed by a delta": lambda: transposed("delta"),
    "transposed by a remainder": lambda: transposed("mod"),
    "transposed, symbolic stride": lambda: Model(
        Sum(
            sin(Sum(if_else(And(Eq(Mod(o - p, s), 0), o - p >= 0, o - p <= s * (N - 1)), x[(o - p) / s] * w[p], 0), (p, 0, P - 1))) * o,
            (o, 0, s * (N - 1) + P - 1),
        ),
        [x, w],
    ),
    "delta in a full sum": lambda: Model(
        Sum(
            array("g", 2 * N + P - 2)[o] * x[i] * w[p] * KroneckerDelta(o, 2 * i + p),
            (o, 0, 2 * N + P - 3), (i, 0, N - 1), (p, 0, P - 1),
        ),
        [x, w],
    ),
    "delta beyond the axis": lambda: Model(
        Sum(sin(Sum(x[i] * w[p] * KroneckerDelta(o, i + p - 1), (i, 0, N - 1), (p, 0, P - 1))), (o, 0, N - 1)), [x, w]
    ),
    "diagonals": symmetric_window,
    "packed, strict": lambda: packed(True),
    "packed with diagonal": lambda: packed(False),
    "flat matrix": lambda: Model(
        Sum(array("A", N, M)[i, j] * sin(array("f", N * M)[i * M + j]), (i, 0, N - 1), (j, 0, M - 1)), [array("f", N * M)]
    ),
    "floor": lambda: Model(Sum(sin(x[floor(i / 2)] * (i + 1)), (i, 0, 2 * N - 1)), [x]),
    "floor and remainder as values": lambda: Model(Sum(x[i] ** 2 * floor(i / 3) + Mod(i, 3) * x[i], (i, 0, N - 1)), [x]),
    "cyclic": lambda: Model(Sum(long[i] * sin(table[Mod(i, K)]), (i, 0, M - 1)), [table, long]),
    "cyclic shift": lambda: Model(Sum((x[Mod(i + 1, N)] - x[i]) ** 2 * x[i], (i, 0, N - 1)), [x]),
    "remainder of a value": lambda: Model(Sum(Mod(x[i], w[p]) ** 2, (i, 0, N - 1), (p, 0, P - 1)), [x, w]),
    "embedding": lambda: Model(
        Sum(sin(E[tok[n, t], d]) * array("g", N, T, D)[n, t, d], (n, 0, N - 1), (t, 0, T - 1), (d, 0, D - 1)), [E]
    ),
    "shifted label": lambda: Model(
        Sum(sin(E[array("tok", N, integer=True)[n] + 1, d]), (n, 0, N - 1), (d, 0, D - 1)),
        [E],
        facts=[array("tok", N, integer=True)[n] >= -1, array("tok", N, integer=True)[n] <= V - 2],
    ),
    "label of two axes": lambda: Model(
        Sum(E[array("l", N)[n], d] * array("F", K, D)[array("l", N)[n], d], (n, 0, N - 1), (d, 0, D - 1)),
        [E],
        facts=[array("l", N)[n] < V, array("l", N)[n] < K, array("l", N)[n] >= 0],
    ),
    "ignored label": lambda: Model(
        Sum(if_else(array("l", N)[n] >= 0, sin(array("z", N, K)[n, array("l", N)[n]]), 0), (n, 0, N - 1)),
        [array("z", N, K)],
        facts=[array("l", N)[n] >= -1, array("l", N)[n] < K],
    ),
}  # fmt: skip
MODELS = {name: cache(build) for name, build in MODELS.items()}  # derived once for all tests
MANY = {
    "conv2d": (lambda: conv2d(1), "NCOHWPQ"),
    "conv2d with stride": (lambda: conv2d(2), "NCOHWPQ"),
    "conv2d, padded": (conv2d_padded, "NCOHW"),
    "transposed 2-D": (transposed_2d, "COHWPQ"),
    "two layers with pooling": (two_layers, "NOKHW"),
}
SMALL = [(2, 1, 3, 2, 1, 2, 3), (1, 2, 2, 3, 2, 3, 1), (1, 1, 1, 1, 1, 1, 1)]


@pytest.mark.parametrize("name", one_in(18, MODELS))
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_subscript_is_differentiated(name):
    report = MODELS[name]().check()
    assert report.ok, str(report)
    assert len(report.runs) >= 3 and all(run.entries for run in report.runs)


@pytest.mark.parametrize("name", one_in(2, MANY))
def test_windows_over_several_axes(name):
    make, dimensions = MANY[name]
    report = make().check(sizes=[dict(zip(dimensions, one, strict=False)) for one in SMALL])
    assert report.ok, str(report)
    assert len(report.runs) == 3


@pytest.mark.parametrize("name", one_in(3, [*MODELS, *MANY]))
def test_no_loop_over_data_and_no_accumulation_of_windows_entry_by_entry(name):
    source = (MODELS[name] if name in MODELS else MANY[name][0])().source()
    body = source[source.index("def value_and_gradient") : source.index("def pack")]
    assert not [line for line in body.splitlines() if line.lstrip().startswith("for ")]
    if name in ("correlation", "stride in a floor", "convolution", "dilation", "causal", *MANY):
        assert "_accumulate" not in body and "np.arange" not in body and ("np.where" not in body or "max" in body)


# --- the same answers as NumPy and SciPy ------------------------------------------------------------------------------


def close(got, wanted):
    np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-9)


def test_correlation_and_convolution_are_scipys():
    a, b = rng.normal(size=9), rng.normal(size=4)
    up = np.cos(correlate(a, b, "valid"))
    loss, slope = MODELS["correlation"]().compile(check=False).value_and_gradient(a, b)
    close(loss, np.sum(np.sin(correlate(a, b, "valid"))))
    close(slope.x, convolve(up, b, "full"))
    close(slope.w, correlate(a, up, "valid"))
    loss, slope = MODELS["convolution"]().compile(check=False).value_and_gradient(a, b)
    up = np.cos(convolve(a, b, "valid"))
    close(loss, np.sum(np.sin(convolve(a, b, "valid"))))
    close(slope.x, correlate(up, b, "full"))


@pytest.mark.parametrize("step", [1, 2])
def test_conv2d_is_scipys(step):
    sides = [(2, 3, step * 4 + 2, step * 5 + 1), (4, 3, 3, 2)]
    a, b = (rng.normal(size=shape) for shape in sides)
    every = [[sum(correlate2d(one, two, "valid") for one, two in zip(x, k, strict=True)) for k in b] for x in a]
    y = np.array(every)[:, :, ::step, ::step][:, :, :4, :5]
    loss, slope = conv2d(step).compile(check=False).value_and_gradient(a, b)
    close(loss, np.sum(np.sin(y)))
    by_hand = np.zeros(sides[1])
    for r, v in np.ndindex(4, 5):
        patch = a[:, :, step * r : step * r + 3, step * v : step * v + 2]
        by_hand += np.einsum("no,ncpq->ocpq", np.cos(y[:, :, r, v]), patch)
    close(slope.k, by_hand)
    back = np.zeros(sides[0])
    for r, v in np.ndindex(4, 5):
        rows, columns = slice(step * r, step * r + 3), slice(step * v, step * v + 2)
        back[:, :, rows, columns] += np.einsum("no,ocpq->ncpq", np.cos(y[:, :, r, v]), b)
    close(slope.x, back)


def test_a_padded_conv2d_is_scipys_same():
    a, b = rng.normal(size=(1, 1, 5, 6)), rng.normal(size=(1, 1, 3, 3))
    y = correlate2d(a[0, 0], b[0, 0], "same")
    loss, slope = conv2d_padded().compile(check=False).value_and_gradient(a, b)
    close(loss, np.sum(np.sin(y)))
    close(slope.x[0, 0], correlate2d(np.cos(y), b[0, 0, ::-1, ::-1], "same"))


def test_windows_are_copied_once_as_the_columns_of_matrix_products():
    def pooled(side):
        x, w = IndexedBase("x", shape=(N, C, 6, 6)), IndexedBase("w", shape=(O, C, 3, 3))
        y, h = IndexedBase("y", shape=(N, O, 4, 4)), IndexedBase("h", shape=(N, O, 4 // side, 4 // side))
        kernel = Sum(x[n, c, i + p, j + q] * w[o, c, p, q], (c, 0, C - 1), (p, 0, 2), (q, 0, 2))
        top = MaxOver(y[n, o, side * i + p, side * j + q], (p, 0, side - 1), (q, 0, side - 1))
        loss = Sum(h[n, o, i, j], (i, 0, 4 // side - 1), (j, 0, 4 // side - 1), (n, 0, N - 1), (o, 0, O - 1))
        return Model(loss, [w], where=[Eq(y[n, o, i, j], kernel), Eq(h[n, o, i, j], top)])

    source = pooled(2).source()
    body = source[source.index("def value_and_gradient") : source.index("def pack")]
    assert "np.ascontiguousarray(_windows(x, (C, 3, 3, x.shape[0], 4, 4)" in body and body.count("_windows(x, ") == 1
    assert "np.tensordot(w, windows_x, ([1, 2, 3], [0, 1, 2]))" in body  # kernels by windows: long rows
    assert "windows_x, ([0, 2, 3], [3, 4, 5]))" in body  # in the order of the axes of w
    assert (
        "np.ascontiguousarray(_windows(y, (2, 2, " in body and "axis=(0, 1)" in body
    )  # all first entries of windows, …
    value = source[source.index("def value(") : source.index("def gradient(")]
    assert "ascontiguousarray" not in value  # where they are used once, the product copies them itself


@pytest.mark.parametrize("spelling", ["delta", "mod"])
def test_a_transposed_convolution_is_that_of_the_stretched_signal(spelling):
    a, b = rng.normal(size=5), rng.normal(size=4)
    stretched = np.zeros(9)
    stretched[::2] = a
    y = convolve(stretched, b)
    weight = np.arange(1, len(y) + 1)
    loss, slope = transposed(spelling).compile(check=False).value_and_gradient(a, b)
    close(loss, np.sum(np.sin(y) * weight))
    close(slope.x, correlate(np.cos(y) * weight, b, "valid")[::2])


def test_a_scattered_delta_is_no_mask():
    source = transposed("delta").source()
    assert "_add_windows(" in source and "==" not in source[source.index("def value(") : source.index("def gradient(")]


def test_packed_triangles_are_numpys():
    A, entries = rng.normal(size=(5, 5)), rng.normal(size=15)
    loss, slope = packed(False).compile(check=False).value_and_gradient(entries, A)
    rows, columns = np.tril_indices(5)
    close(loss, np.sum(A[rows, columns] * np.sin(entries)))
    close(slope.l, A[rows, columns] * np.cos(entries))


def test_embeddings_accumulate_repeated_rows():
    module = MODELS["embedding"]().compile(check=False)
    table, labels, g = rng.normal(size=(6, 3)), rng.integers(0, 6, (4, 5)), rng.normal(size=(4, 5, 3))
    expected = np.zeros((6, 3))
    for row, column in np.ndindex(4, 5):
        expected[labels[row, column]] += g[row, column] * np.cos(table[labels[row, column]])
    close(module.gradient(table, g=g, tok=labels).E, expected)
    assert module.gradient(table.astype(np.float32), g=g.astype(np.float32), tok=labels).E.dtype == np.float32


# --- what is said when a position is wrong ----------------------------------------------------------------------------


def test_a_label_out_of_range_is_named():
    module = MODELS["embedding"]().compile(check=False)
    table, g = np.ones((6, 3)), np.ones((1, 2, 3))
    for wrong in (-1, 6):
        with pytest.raises(IndexError, match=rf"tok\[0, 1\] is {wrong}, expected 0 ... 5"):
            module.value(table, g=g, tok=np.array([[0, wrong]]))


def test_an_expression_of_labels_out_of_range_is_named():
    module = MODELS["shifted label"]().compile(check=False)
    for wrong, position in ((-2, -1), (5, 6)):
        with pytest.raises(IndexError, match=rf"tok\[n\] \+ 1 is {position} at \[1\], expected 0 ... 5"):
            module.value(np.ones((6, 3)), np.array([0, wrong]))


def test_a_label_outside_its_condition_is_not_read():
    module = MODELS["ignored label"]().compile(check=False)
    z = rng.normal(size=(3, 4))
    loss, slope = module.value_and_gradient(z, np.array([2, -1, 0]))
    close(loss, np.sin(z[0, 2]) + np.sin(z[2, 0]))
    assert np.count_nonzero(slope.z) == 2
    with pytest.raises(IndexError, match=r"l\[n\] is 4 at \[0\]"):
        module.value(z, np.array([4, 0, 0]))


def test_an_expression_that_is_not_understood_is_checked_when_it_runs():
    module = Model(Sum(x[i * (N - 1 - i)], (i, 0, N - 1)), [x]).compile(check=False)
    assert module.value([1.0, 2.0]) == 2.0
    with pytest.raises(IndexError, match=r"i\*\(N - i - 1\) is 6 at \[2\], expected 0 ... 5"):
        module.value(np.ones(6))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Model(Sum(x[i / 2], (i, 0, N - 1)), [x]), r"i/2, is not an integer.*floor\(i/2\)"),
        (lambda: Model(Sum(if_else(i >= 2, x[i - 3], 0), (i, 0, N - 1)), [x]), "i - 3, goes down to -3"),
        (lambda: Model(Sum(if_else(i >= 1, x[i + 1], 0), (i, 0, N - 1)), [x]), r"i \+ 1, goes up to N"),
        (lambda: Model(Sum(Sum(if_else(i > 0, x[i - 1], 0), (i, 0, N - 1)) * x[i - 1], (i, 0, N - 1)), [x]), "i - 1"),
        (lambda: Model(Sum(if_else(w[i] > 0, x[i - 1], 0), (i, 0, P - 1)), [x]), "i - 1, goes down to -1"),
    ],
)
def test_a_condition_that_does_not_keep_the_subscript_inside_is_no_excuse(make, message):
    with pytest.raises(ModelError, match=f"(?s){message}"):
        make()


def test_sizes_that_do_not_fit():
    module = MODELS["correlation"]().compile(check=False)
    assert module.value(np.ones(2), np.ones(3)) == 0.0  # an empty sum
    with pytest.raises(ValueError, match="the sizes do not fit: N - P"):
        module.value(np.ones(2), np.ones(4))


def test_the_gradient_of_a_cross_entropy_of_labels_reads_as_in_a_textbook():
    z, logp, prob, label = array("z", N, K), array("logp", N, K), array("p", N, K), array("label", N, integer=True)
    model = Model(
        -Sum(logp[n, label[n]], (n, 0, N - 1)) / N,
        [z],
        where=[Eq(prob[n, k], softmax(z[n, k], (k, 0, K - 1))), Eq(logp[n, k], log(prob[n, k]))],
    )
    difference = model.gradient(z[n, k]) - (prob[n, k] - KroneckerDelta(k, label[n])) / N
    assert expand(difference) == 0
    assert model.check().ok


def test_the_sum_over_a_scattered_axis_is_the_sum_of_what_was_added():
    y = array("y", 2 * N + P - 2)
    body = Sum(x[i] * w[p] * KroneckerDelta(o, 2 * i + p), (i, 0, N - 1), (p, 0, P - 1))
    model = Model(Sum(y[o], (o, 0, 2 * N + P - 3)), [x, w], where=[Eq(y[o], body)])
    assert model.gradient(x[i], expand=True).as_dummy() == Sum(w[p], (p, 0, P - 1)).as_dummy()


def test_three_equal_subscripts_take_the_diagonal_of_a_cube():
    cube, z = array("A", N, N, N), array("z", N)
    model = Model(Sum(sin(cube[n, n, n]) * z[n], (n, 0, N - 1)), [cube])
    values, weights = rng.normal(size=(3, 3, 3)), rng.normal(size=3)
    value, gradient = model.compile(check=False).value_and_gradient(values, weights)
    diagonal = np.einsum("iii->i", values)
    np.testing.assert_allclose(value, np.sin(diagonal) @ weights)
    wanted = np.zeros((3, 3, 3))
    np.einsum("iii->i", wanted)[...] = np.cos(diagonal) * weights
    np.testing.assert_allclose(gradient.A, wanted)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_gradient_of_a_reversed_sum_is_no_array_of_integers(dtype):
    module = Model(Sum(x[N - 1 - n], (n, 0, N - 1)), [x]).compile(check=False)
    assert module.gradient(np.ones(3, dtype)).x.dtype == dtype


def test_a_number_that_is_given_subscripts_as_labels_do():
    c = Symbol("c", integer=True)
    image = IndexedBase("image", shape=(N, M))
    model = Model(Sum(sin(image[c, t]), (t, 0, M - 1)), [image])
    assert model.gradient(image[n, t]) == KroneckerDelta(c, n) * cos(image[c, t])
    module = model.compile()
    values = np.arange(6.0).reshape(3, 2)
    np.testing.assert_allclose(module.gradient(values, 2).image, [[0, 0], [0, 0], np.cos(values[2])], rtol=1e-15)
    for wrong in (3, -1):
        with pytest.raises(IndexError, match=rf"^c is {wrong}, expected 0 \.\.\. 2"):
            module.value(values, c=wrong)
    with pytest.raises(TypeError, match="c: expected integers"):
        module.value(values, c=1.0)


def test_a_symbol_that_is_no_integer_is_no_subscript():
    c = Symbol("c")
    with pytest.raises(ModelError, match=r"declare it Symbol\('c', integer=True\)"):
        Model(x[c] ** 2, [x])
    with pytest.raises(ModelError, match="the index n is free"):
        Model(Sum(x[n] ** 2, (n, 0, N - 1)) + x[n], [x])


def test_entries_that_an_equation_cannot_give_must_not_be_read():
    z = IndexedBase("z", shape=(N,))
    difference = Eq(z[n], x[n] - x[n - 1])
    values = np.array([1.0, 3.0, 2.0])
    for equation in (difference, Eq(z[n + 1], x[n + 1] - x[n])):
        module = Model(Sum(z[n] ** 2, (n, 1, N - 1)), [x], where=[equation]).compile()
        np.testing.assert_array_equal(module.gradient(values).x, [-4.0, 6.0, -2.0])
    assert Model(Sum(if_else(n >= 1, z[n], 0) ** 2, (n, 0, N - 1)), [x], where=[difference]).check().ok
    with pytest.raises(ModelError, match=r"z\[n\]: only entries 1 \.\.\. N - 1 of z are defined"):
        Model(Sum(z[n] ** 2, (n, 0, N - 1)), [x], where=[difference])
    with pytest.raises(ModelError, match=r"x\[2\*n\]: subscript 1, 2\*n, goes up to"):
        Model(Sum(z[n] ** 2, (n, 1, N - 1)), [x], where=[Eq(z[n], x[n - 1] - x[2 * n])])


def test_a_name_with_a_long_definition_has_its_name_in_the_code():
    a, laplacian = IndexedBase("a", shape=(H, W)), IndexedBase("laplacian", shape=(H, W))
    body = a[i + 1, j] + a[i - 1, j] + a[i, j + 1] + a[i, j - 1] - 4 * a[i, j]
    loss = Sum(sin(laplacian[i, j]), (i, 1, H - 2), (j, 1, W - 2))
    assert "\n    laplacian = _place(" in Model(loss, [a], where=[Eq(laplacian[i, j], body)]).source()


def test_sizes_are_drawn_at_which_subscripts_stay_inside_their_axes():
    mirrored = Model(Sum(sin(x[Abs(i - 2)]) * i, (i, 0, N - 1)), [x])
    report = mirrored.check()
    assert report.ok
    assert {run.sizes for run in report.runs} == {"N=3", "N=4", "N=5"}
    with pytest.raises(IndexError, match=r"Abs\(i - 2\) is 2 at \[0\], expected 0 \.\.\. 1"):
        mirrored.compile().value(np.ones(2))
    report = Model(Sum(x[Abs(i - 40)] ** 2, (i, 0, N - 1)), [x]).check()
    assert report.verdict == "inconclusive"
    assert "subscripts stay inside their axes at none of the sizes tried: give sizes=" in " ".join(str(report).split())
    assert Model(Sum(x[Abs(i - 40)] ** 2, (i, 0, N - 1)), [x]).check(sizes={N: 43}).ok


def test_a_comparison_of_indices_is_the_same_however_they_are_called():
    names = [symbols("a b", integer=True), symbols("b a", integer=True)]
    y = array("y", N)
    made = [Sum(y[i] * KroneckerDelta(i, j), (i, 0, N - 1), (j, 0, 2)) for i, j in names]
    one, other = (Model(loss, [y]).source().partition('"""')[2].partition('"""')[2] for loss in made)
    assert one == other


@pytest.mark.parametrize("hit", [KroneckerDelta, lambda one, other: if_else(Eq(one, other), 1, 0)])
def test_a_balance_of_what_comes_and_goes_in_one_sum_takes_no_array_over_labels_and_indices(hit):
    start, end = (IndexedBase(name, shape=(N,), integer=True) for name in ("start", "end"))
    weight = IndexedBase("weight", shape=(K,))
    balance = Sum(x[n] ** 2 * hit(end[n], k) - 3 * x[n] * hit(start[n], k), (n, 0, N - 1))
    model = Model(Sum(weight[k] * balance**2, (k, 0, K - 1)), [x, weight])
    assert "[:, None]" not in model.source()
    values, weights = rng.normal(size=6), rng.normal(size=3)
    ends, starts = np.array([0, -1, 2, 2, 3, 1]), np.array([1, 1, 0, 5, 2, 2])
    into, out = (places[:, None] == np.arange(3) for places in (ends, starts))
    found, gradient = model.compile(check=False).value_and_gradient(values, weights, end=ends, start=starts)
    totals = values**2 @ into - 3 * values @ out
    assert found == pytest.approx(weights @ totals**2)
    np.testing.assert_allclose(gradient.weight, totals**2)
    np.testing.assert_allclose(
        gradient.x, 2 * values * (into @ (2 * weights * totals)) - 3 * out @ (2 * weights * totals)
    )


@pytest.mark.filterwarnings("error")
def test_labels_beside_the_axis_of_a_delta_count_for_nothing():
    label = IndexedBase("label", shape=(N,), integer=True)
    weight = IndexedBase("weight", shape=(K,))
    sums = Sum(x[n] * KroneckerDelta(label[n], k), (n, 0, N - 1))
    model = Model(Sum(weight[k] * sums**2, (k, 0, K - 1)), [x, weight])
    source = model.source()
    assert "_accumulate((K + 1,)" in source and "label[:, None]" not in source and "[:, None] == label" not in source
    module = model.compile()
    values, labels, weights = rng.normal(size=7), np.array([0, -1, 2, 2, 3, 9, 1]), rng.normal(size=3)
    hits = labels[:, None] == np.arange(3)
    value, gradient = module.value_and_gradient(values, weights, labels)
    np.testing.assert_allclose(value, weights @ (values @ hits) ** 2, rtol=1e-14)
    np.testing.assert_allclose(gradient.x, hits @ (2 * weights * (values @ hits)), rtol=1e-14)
    np.testing.assert_allclose(gradient.weight, (values @ hits) ** 2, rtol=1e-14)


def test_whole_numbers_are_not_rewritten_for_their_digits():
    # expm1(j·log 2) is 2.9999999999999996 at j = 2
    a, b = array("a", M), array("b", N)
    places = Model(Sum(b[j] * sin(a[2**j - 1]), (j, 0, N - 1)), [a, b])
    values = Model(Sum(sin(Sum(if_else(Eq(2**j - 1, i), b[j], 0), (j, 0, N - 1))), (i, 0, M - 1)), [b])
    given, weights = np.arange(64.0), np.arange(1.0, 7.0)
    found = places.compile(check=False).value(given, weights)
    assert found == pytest.approx(weights @ np.sin(given[[0, 1, 3, 7, 15, 31]]), rel=1e-14)
    assert values.compile(check=False).value(weights, M=64) == pytest.approx(np.sin(weights).sum(), rel=1e-14)
    for model in (places, values):
        assert "expm1" not in model.source()
