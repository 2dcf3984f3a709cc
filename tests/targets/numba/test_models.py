"""Models of several kinds give what NumPy gives: recurrences, masks, gathers, scatters, and what stays with NumPy."""

import re

import numpy as np
import pytest
from sympy import Eq, IndexedBase, Mod, Rational, Sum, exp, log, loggamma, symbols, tanh

from symgrad import Model, if_else, sigmoid
from symgrad.runtime import entries
from symgrad.targets.numba.functions import OWN

numba = pytest.importorskip("numba")

from .comparison import agree, modules  # noqa: E402

N, K, T = symbols("N K T", integer=True, positive=True)
n, k, t = symbols("n k t", integer=True)
x, y, w = IndexedBase("x", shape=(N,)), IndexedBase("y", shape=(N,)), IndexedBase("w", shape=(K,))
X, g = IndexedBase("X", shape=(N, K)), IndexedBase("g", shape=(N,))
h = IndexedBase("h", shape=(N,))
a = symbols("a", real=True)
RNG = np.random.default_rng(0)
FIRST = ("value_and_gradient",)


def test_a_recurrence_is_one_loop_over_time():
    model = Model(Sum(h[n] ** 2, (n, 0, N - 1)), [a], where=[Eq(h[0], a), Eq(h[n], tanh(a * h[n - 1]) + y[n])])
    text = model.source(target="numba")
    assert "for n in range(1, N):" in text and "for n in range(N - 1, 0, -1):" in text
    agree(*modules(model), {"a": 0.3, "y": RNG.normal(size=50), "N": 50}, functions=FIRST)


def test_what_a_mask_leaves_out_does_not_count_even_if_it_is_nan():
    model = Model(Sum(if_else(y[n] > 0, exp(x[n]) * y[n], 0), (n, 0, N - 1)), [x])
    given = {"x": RNG.normal(size=9), "y": RNG.normal(size=9)}
    given["x"][given["y"] <= 0] = np.nan
    of_numpy, of_numba = modules(model)
    agree(of_numpy, of_numba, given, functions=FIRST, single=False)
    value, slope = of_numba.value_and_gradient(**given)
    assert np.isfinite(value) and np.all(np.isfinite(slope.x))


def test_gathers_are_read_in_place_and_scatters_add_up():
    group = IndexedBase("group", shape=(N,), integer=True)
    model = Model(Sum(exp(w[group[n]] * x[n]) - y[n] * w[group[n]] * x[n], (n, 0, N - 1)), [w], facts=[group[n] < K])
    given = {
        "w": RNG.normal(size=4),
        "group": RNG.integers(4, size=30),
        "x": RNG.normal(size=30),
        "y": RNG.normal(size=30),
    }
    of_numpy, of_numba = modules(model)
    agree(of_numpy, of_numba, given, functions=FIRST, single=False)
    given["group"][2] = 4
    with pytest.raises(IndexError):
        of_numba.value(**given)


def test_functions_of_entries_have_names_that_those_of_arrays_have_not():
    """A module has both where second derivatives, which are NumPy's, call what kernels call, too."""
    model = Model(Sum(sigmoid(x[n]) * y[n] ** 2 * exp(x[n]), (n, 0, N - 1)), [x])
    found = re.findall(r"^def (_\w+)", model.source(target="numba", hvp=True), re.MULTILINE)
    assert {"_sigmoid", "_entry_sigmoid"} <= set(found) and len(set(found)) == len(found)
    of_arrays = {name for name, value in vars(entries).items() if callable(value)}
    assert not {f"_{name}" for name in OWN.values()} & of_arrays


def test_what_numba_lacks_stays_with_numpy_and_the_module_says_so():
    model = Model(Sum(loggamma(exp(x[n]) + 1) * y[n], (n, 0, N - 1)), [x])
    text = model.source(target="numba")
    assert "gammaln" in text.partition('"""\n')[0]
    agree(*modules(model), {"x": RNG.normal(size=20), "y": RNG.normal(size=20)}, functions=FIRST, single=False)


def test_the_variables_of_loops_are_none_of_the_models():
    least, start = symbols("min start")
    u, v = IndexedBase("u", shape=(T, K)), IndexedBase("v", shape=(K,))
    time = symbols("i", integer=True)
    state = IndexedBase("j", shape=(T, K))
    steps = [Eq(state[0, k], v[k]), Eq(state[time, k], tanh(start * state[time - 1, k]) * u[time, k])]
    model = Model(Sum(state[time, k] ** 2, (time, 0, T - 1), (k, 0, K - 1)), [v, start], where=steps)
    given = {"v": RNG.normal(size=3), "u": RNG.normal(size=(20, 3)), "start": 0.7}
    agree(*modules(model), given, functions=FIRST, single=False)
    hidden = Model(least * Sum(exp(x[n]) * y[n], (n, 0, N - 1)), [x])
    assert "numba" in hidden.source(target="numba") and "_kernel(" not in hidden.source(target="numba")


def test_a_diagonal_is_written_to_where_it_lies():
    """Of a loss whose gradient adds to the diagonal of a matrix, and what second derivatives are: NumPy's."""
    S = IndexedBase("S", shape=(N, N))
    model = Model(
        Sum(exp(S[n, n]) * y[n], (n, 0, N - 1)) + Sum(y[n] * S[n, t] * y[t], (n, 0, N - 1), (t, 0, N - 1)), [S]
    )
    given = {"S": RNG.normal(size=(6, 6)), "y": RNG.normal(size=6)}
    agree(*modules(model), given, functions=FIRST, single=False)
    text = model.source(target="numba", hessian=True)
    assert "_gradient_kernel(" in text and "_hessian_kernel(" not in text


def test_what_is_moved_around_a_ring_is_read_in_rows():
    u, f = IndexedBase("u", shape=(N, K)), IndexedBase("f", shape=(N, K))
    near = u[Mod(n + 1, N), k] + u[Mod(n - 1, N), k] + u[n, Mod(k + 1, K)] + u[n, Mod(k - 1, K)] + u[n, Mod(k + 2, K)]
    model = Model(Sum((near - f[n, k]) ** 2, (n, 0, N - 1), (k, 0, K - 1)), [u])
    of_numpy, of_numba = modules(model)
    for sides in (5, 7), (1, 4), (4, 1), (2, 2), (0, 3):
        given = {"u": RNG.normal(size=sides), "f": RNG.normal(size=sides)}
        agree(of_numpy, of_numba, given, functions=FIRST, single=False)


def test_entries_of_short_rows_are_computed_together_and_rows_with_one_large_entry_are_exact():
    """600 classes: blocks of two rows, of which the last has one; every third row has an entry near 1."""
    label, z = IndexedBase("label", shape=(N,), integer=True), IndexedBase("z", shape=(N, K))
    losses = log(Sum(exp(z[n, k] + w[k]), (k, 0, K - 1))) - z[n, label[n]] - w[label[n]]
    model = Model(Sum(losses, (n, 0, N - 1)), [z, w], facts=[label[n] < K, label[n] >= 0])
    assert "_flat[i] = _exp(" in model.source(target="numba")
    of_numpy, of_numba = modules(model)
    for classes in 1, 3, 600:
        given = {"z": RNG.normal(size=(41, classes)), "w": RNG.normal(size=classes)}
        given["z"][::3, 0], given["label"] = 60, RNG.integers(classes, size=41)
        given["label"][::3] = 0
        agree(of_numpy, of_numba, given, functions=FIRST, single=False)
        slopes = [module.value_and_gradient(**given)[1].z for module in (of_numpy, of_numba)]
        np.testing.assert_allclose(*slopes, rtol=1e-12)  # at large entries minus a sum of tiny ones, and no 1 - 1


def test_totals_of_rows_are_not_written_to_in_what_follows():
    """Batch normalisation: its variance is needed after the second round of rows, and its array with it."""
    z, s, v, c, u = (
        IndexedBase(name, shape=sides)
        for name, sides in (("z", (N, T)), ("s", (T,)), ("v", (T,)), ("c", (T,)), ("u", (K, T)))
    )
    where = [
        Eq(z[n, t], Sum(X[n, k] * u[k, t], (k, 0, K - 1))),
        Eq(s[t], Sum(z[n, t], (n, 0, N - 1)) / N),
        Eq(v[t], Sum((z[n, t] - s[t]) ** 2, (n, 0, N - 1)) / N),
    ]
    out = Sum(tanh(c[t] * (z[n, t] - s[t]) / (v[t] + a) ** Rational(1, 2)), (t, 0, T - 1))
    model = Model(Sum(out**2, (n, 0, N - 1)), [u, c], where=where)
    given = {"u": RNG.normal(size=(3, 2)), "c": RNG.normal(size=2), "a": 0.01, "X": RNG.normal(size=(9, 3))}
    agree(*modules(model), given, functions=FIRST, single=False)  # the statements are checked, too


def test_rows_of_one_entry_more_than_a_size_are_computed_whole():
    z = IndexedBase("z", shape=(N, K + 1))
    model = Model(Sum(log(Sum(exp(z[n, k]), (k, 0, K))) ** 2, (n, 0, N - 1)), [z])
    assert "range((stop - start) * (K + 1))" in model.source(target="numba")
    for classes in 1, 4, 600:
        given = {"z": RNG.normal(size=(41, classes))}
        agree(*modules(model), given, functions=FIRST, single=False)


def test_results_are_in_arrays_that_nothing_reads_any_more():
    """tanh(XW) may be in the array of XW; not where what follows reads XW, too, in another kernel."""
    u, M = IndexedBase("u", shape=(K, T)), symbols("M", integer=True, positive=True)
    m = symbols("m", integer=True)
    v, z = IndexedBase("v", shape=(T, M)), IndexedBase("z", shape=(N, T))
    hidden = [Eq(z[n, t], Sum(X[n, k] * u[k, t], (k, 0, K - 1)))]
    out = Sum(tanh(z[n, t]) * v[t, m], (t, 0, T - 1))
    plain = Model(Sum(out**2, (n, 0, N - 1), (m, 0, M - 1)), [u, v], where=hidden)
    read = Model(Sum(out**2 * z[n, 0] * z[n, T - 1], (n, 0, N - 1), (m, 0, M - 1)), [u, v], where=hidden)
    given = {"u": RNG.normal(size=(3, 5)), "v": RNG.normal(size=(5, 4)), "X": RNG.normal(size=(20, 3))}
    for model, made in (plain, False), (read, True):
        agree(*modules(model), given, functions=("value",), single=False)
        kernels = model.source(target="numba").partition("def _value_kernel(")[2].partition("def _gradient_kernel(")[0]
        assert ("np.empty((N, T)" in kernels) == made
