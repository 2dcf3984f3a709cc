"""Loops that are linear in what they carry: which ones are calls, and that these give what the loops give."""

import numpy as np
import pytest
from sympy import Eq, IndexedBase, Lt, Sum, Symbol, exp, log, symbols, tanh

from symgrad import LogSumExp, Model, if_else
from symgrad.generated import load
from symgrad.statements.arithmetic import number, operation, product, total
from symgrad.statements.expressions import Buffer, Length, Read, Subscript
from symgrad.statements.statements import Body, Define, Loop, Store
from symgrad.targets.numpy import function
from symgrad.targets.numpy.linear import with_linear_recurrences
from tests.families import one_in

T, N = symbols("T N", integer=True, positive=True)
t, n, k = symbols("t n k", integer=True)
a, b, c, dt = symbols("a b c dt", real=True)
x, y, h, m = (IndexedBase(name, shape=(T,)) for name in "xyhm")
B, L = IndexedBase("B", shape=(N,)), IndexedBase("L", shape=(N,), integer=True)
X, H = (IndexedBase(name, shape=(T, N)) for name in "XH")
A = IndexedBase("A", shape=(N, N))
Y, Z = (IndexedBase(name, shape=(N, T)) for name in "YZ")

error = Sum((x[t] - h[t]) ** 2, (t, 0, T - 1))
of_series = Sum((Y[n, t] - Z[n, t]) ** 2, (t, 0, T - 1), (n, 0, N - 1))


def model(loss, parameters, *where):
    return lambda: Model(loss, parameters, where=list(where))


MODELS = {
    "Hawkes": (
        model(
            -Sum(log(c**2 + a**2 * h[t]), (t, 0, T - 1)), [a, b, c],
            Eq(h[0], 0), Eq(h[t], exp(-b**2 * x[t] ** 2) * (1 + h[t - 1])),
        ),
        0,
    ),
    "Ornstein and Uhlenbeck": (model(error, [a, b], Eq(h[0], x[0]), Eq(h[t], h[t - 1] + a * dt * (b - h[t - 1]))), 0),
    "moving average": (model(error, [a, b], Eq(h[0], 0), Eq(h[t], y[t] - a * y[t - 1] - b * h[t - 1])), 0),
    "backwards": (model(error, [x, c], Eq(h[T - 1], x[T - 1]), Eq(h[t], x[t] + c * h[t + 1])), 0),
    "series in rows": (model(of_series, [B], Eq(Z[n, 0], Y[n, 0]), Eq(Z[n, t], B[n] * Z[n, t - 1] + Y[n, t])), 0),
    "factors of single steps": (
        model(
            Sum((X[t, n] - H[t, n]) ** 2, (t, 0, T - 1), (n, 0, N - 1)), [x, B],
            Eq(H[0, n], X[0, n]), Eq(H[t, n], tanh(x[t]) * H[t - 1, n] + B[n]),
        ),
        0,
    ),
    "up to a length": (
        model(
            Sum(if_else(Lt(t, L[n]), (X[t, n] - H[t, n]) ** 2, 0), (t, 0, T - 1), (n, 0, N - 1)), [a],
            Eq(H[0, n], X[0, n]), Eq(H[t, n], if_else(Lt(t, L[n]), a * H[t - 1, n] + X[t, n], H[t - 1, n])),
        ),
        0,
    ),
    "a filter with gains": (
        model(
            Sum(log(m[t]) + (x[t] - h[t]) ** 2 / m[t], (t, 0, T - 1)), [a, b],
            Eq(m[0], 1), Eq(m[t], a**2 + m[t - 1] * b**2 / (m[t - 1] + b**2)),
            Eq(h[0], 0), Eq(h[t], h[t - 1] + m[t - 1] / (m[t - 1] + b**2) * (x[t - 1] - h[t - 1])),
        ),
        1,
    ),
    "a hidden Markov model": (
        model(
            -LogSumExp(H[T - 1, n], (n, 0, N - 1)), [A, X],
            Eq(H[0, n], X[0, n]), Eq(H[t, n], X[t, n] + LogSumExp(H[t - 1, k] + A[k, n], (k, 0, N - 1))),
        ),
        0,
    ),
    "with transitions of each step": (
        model(
            -LogSumExp(H[T - 1, n], (n, 0, N - 1)), [A, x],
            Eq(H[0, n], X[0, n]), Eq(H[t, n], LogSumExp(H[t - 1, k] + x[t] * A[k, n], (k, 0, N - 1)) - X[t, n]),
        ),
        0,
    ),
    "vectors": (
        model(
            Sum((X[t, n] - H[t, n]) ** 2, (t, 0, T - 1), (n, 0, N - 1)), [A],
            Eq(H[0, n], X[0, n]), Eq(H[t, n], Sum(A[n, k] * H[t - 1, k], (k, 0, N - 1)) + X[t, n]),
        ),
        0,
    ),
    "only the adjoint": (model(error, [a, b], Eq(h[0], x[0]), Eq(h[t], tanh(a * h[t - 1] + b * x[t]))), 1),
    "under two conditions": (
        model(
            error, [a, b], Eq(h[0], x[0]),
            Eq(h[t], if_else(Lt(y[t], 0.5), b, -h[t - 1] / 2) + if_else(Lt(y[t], 0.7), a * h[t - 1], y[t])),
        ),
        0,
    ),
    "two together": (
        model(
            error, [a, b], Eq(h[0], x[0]), Eq(m[0], 0),
            Eq(h[t], a * x[t] + (1 - a) * (h[t - 1] + m[t - 1])), Eq(m[t], b * (h[t] - h[t - 1]) + (1 - b) * m[t - 1]),
        ),
        2,
    ),
}  # fmt: skip


rng = np.random.default_rng(1)
SIZES = {"T": 251, "N": 3}


def drawn(name, module):
    rng = np.random.default_rng(0)
    shapes = module.SHAPES
    made = {one: rng.uniform(0.2, 0.9, [SIZES[side] for side in shape]) for one, shape in shapes.items()}
    if "A" in made:
        made["A"] /= 3  # a matrix that does not grow
    return made | ({"L": np.array([1, 100, 251])} if "L" in made else {})


@pytest.mark.parametrize("name", one_in(4, MODELS))
def test_calls_give_what_loops_give(name, monkeypatch):
    made, loops = MODELS[name]
    source = made().source()
    module, text = load(source, "calls"), source.split("def value_and_gradient")[1].split("\ndef ")[0]
    assert text.count("    for ") == loops
    assert ("_recurrence(" in text) == (loops < 2)
    monkeypatch.setattr(function, "with_linear_recurrences", lambda body: body)
    looped = load(made().source(), "loops")
    monkeypatch.undo()
    inputs = drawn(name, module)
    for size in (251, 150, 2, 1):
        cut = {
            k: v[tuple(slice(size if n == 251 else n) for n in v.shape)] if k != "L" else v for k, v in inputs.items()
        }
        expected, found = looped.value_and_gradient(**cut), module.value_and_gradient(**cut)
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-13)
        for one, other in zip(found[1], expected[1], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12)


def test_not_a_number_beyond_a_length_stays_there():
    module = load(MODELS["up to a length"][0]().source(), "lengths")
    inputs = drawn("up to a length", module)
    expected = module.value_and_gradient(**inputs)
    inputs["X"][120:, 1] = np.nan
    assert module.value_and_gradient(**inputs) == expected


CASES = IndexedBase("C", shape=(T,), integer=True)
FORGETTING = {
    "a number": (
        model(h[T - 1], [x, y], Eq(h[0], x[0]), Eq(h[t], if_else(Eq(CASES[t], 1), y[t], a * h[t - 1] + x[t]))),
        "x", 1.0,
    ),
    "a series": (
        model(
            Sum(H[T - 1, n], (n, 0, N - 1)), [B, X],
            Eq(H[0, n], X[0, n]),
            Eq(H[t, n], if_else(Eq(CASES[t], 1), B[n] + X[t, n], (a + x[t]) * H[t - 1, n])),
        ),
        "X", 1.0,
    ),
    "in one case of two": (
        model(
            h[0], [x, y], Eq(h[T - 1], x[T - 1]),
            Eq(h[t], if_else(Eq(CASES[t], 0), a * h[t + 1] + x[t], if_else(Eq(CASES[t], 2), -h[t + 1], y[t]))),
        ),
        "x", -1.0,
    ),
}  # fmt: skip
"""Models whose states are forgotten where C[t] = 1; the input that may be infinite before, and which end is first."""


@pytest.mark.parametrize("missing", [-np.inf, np.nan])
@pytest.mark.parametrize("name", FORGETTING)
def test_what_a_condition_forgets_leaves_no_trace(name, missing):
    make, data, direction = FORGETTING[name]
    source = make().source()
    module = load(source, "forgetting")
    assert "    for " not in source.split("def value_and_gradient")[1].split("\ndef ")[0]
    shapes = {**module.SHAPES, "a": (), "C": ("T",)}
    inputs = {one: rng.uniform(0.2, 0.9, [{"T": 7, "N": 2}[s] for s in shapes[one]]) for one in module.ARGUMENTS}
    inputs["C"] = np.array([0, 2, 0, 1, 0, 0, 2])[:: int(direction)]
    expected = module.value_and_gradient(**inputs)
    inputs[data][0 if direction > 0 else -1] = missing
    with np.errstate(all="raise"):
        found = module.value_and_gradient(**inputs)
    assert found[0] == expected[0]
    for one, other in zip(found[1], expected[1], strict=True):
        np.testing.assert_array_equal(one, other)


def at(name, lag):
    return Subscript(Read(Buffer(name, (T,))), (Length(Symbol("t", integer=True) - lag),))


FACTOR, EARLIER, NOW = Read(Buffer("c", ())), at("d", 1), at("d", 0)
BODIES = {
    "an adjoint": ([Store(EARLIER, product([FACTOR, NOW]), "add")], True),
    "what is complete": ([Store(EARLIER, product([FACTOR, NOW]), "add"), Store(at("e", 1), NOW)], True),
    "what is to be added to": ([Store(at("e", 1), EARLIER), Store(EARLIER, product([FACTOR, NOW]), "add")], False),
    "both earlier ones": ([Store(EARLIER, total([(False, NOW), (False, at("d", -1))]), "add")], False),
    "set twice": ([Store(EARLIER, NOW, "add"), Store(NOW, FACTOR, "add")], False),
    "a product of itself": ([Store(EARLIER, product([NOW, NOW]), "add")], False),
    "a function of it": ([Store(EARLIER, operation("tanh", NOW), "add")], False),
    "multiplied": ([Store(EARLIER, NOW, "multiply")], False),
    "the number of the step": ([Store(EARLIER, product([Length(Symbol("t", integer=True)), NOW]), "add")], False),
}


@pytest.mark.parametrize("name", BODIES)
def test_only_lines_in_what_is_known_by_then_are_calls(name):
    steps, linear = BODIES[name]
    empty = [Define(Buffer(one, (T,)), operation("zeros", Length(T))) for one in "de"]
    body = Body(
        (*empty, Loop("t", number(1).value, T, True, tuple(steps))), (Read(Buffer("d", (T,))), Read(Buffer("e", (T,))))
    )
    found = with_linear_recurrences(body)
    assert any(isinstance(one, Loop) for one in found.statements) != linear
    assert (found == body) != linear
