"""Loops over single numbers are in Python's, with the values of NumPy's."""

import re
from functools import cache

import numpy as np
import pytest
from sympy import Eq, IndexedBase, Max, Sum, exp, log, sqrt, symbols, tanh

from symgrad import Model, if_else
from symgrad.verify.complex_step import ComplexStep
from symgrad.verify.directions import Direction
from tests.families import one_in

T = symbols("T", integer=True, positive=True)
t = symbols("t", integer=True)
a, b, c = symbols("a b c", real=True)
x, u = IndexedBase("x", shape=(T,)), IndexedBase("u", shape=(T,))


def model(step, bases=1):
    """a·b·Σ x² of a recurrence that begins with u."""
    where = [*(Eq(x[k], u[k]) for k in range(bases)), Eq(x[t], step)]
    return Model(a * b * Sum(x[t] ** 2, (t, 0, T - 1)), [a, b, u], where=where)


@cache
def linear():
    return model(a * x[t - 1] + u[t])


def test_the_loop_is_what_one_writes_by_hand():
    text = re.search(r"def value\(.*?return loss\n", model(tanh(x[t - 1]) + u[t]).source(), re.S)[0]
    assert text.endswith("""
    T = u.shape[0]
    x = np.empty(T, dtype=a.dtype)
    x[0] = u[0]
    x_before = x[0].item()
    list_x = []
    list_u = u[1:].tolist()
    for u_t in list_u:
        x_t = u_t + _float_tanh(x_before)
        list_x.append(x_t)
        x_before = x_t
    x[1:] = list_x
    loss = x.dot(x) * a * b
    return loss
""")


def loss_of(step, bases, a, b, u):
    """The same with NumPy's numbers, which may be complex."""
    found = list(u[:bases])
    for now in range(bases, len(u)):
        found.append(step(found, now, a, b, u))
    return a * b * sum(one * one for one in found)


# the step, the same in NumPy's words, and how many steps back it looks
CASES = {
    "linear": (a * x[t - 1] + u[t], lambda x, t, a, b, u: a * x[t - 1] + u[t], 1),
    "two back": (
        a * x[t - 1] + b * x[t - 2] * x[t - 1],
        lambda x, t, a, b, u: a * x[t - 1] + b * x[t - 2] * x[t - 1],
        2,
    ),
    "the second one": (
        a * tanh(x[t - 2]) + b * u[t - 1],
        lambda x, t, a, b, u: a * np.tanh(x[t - 2]) + b * u[t - 1],
        2,
    ),
    "quotients": (a / (b + x[t - 1] ** 2) + u[t] ** 3, lambda x, t, a, b, u: a / (b + x[t - 1] ** 2) + u[t] ** 3, 1),
    "logarithms": (
        a * log(b + x[t - 1] ** 2) + sqrt(x[t - 1] ** 2 + 1),
        lambda x, t, a, b, u: a * np.log(b + x[t - 1] ** 2) + np.sqrt(x[t - 1] ** 2 + 1),
        1,
    ),
    "powers": (
        (b + x[t - 1] ** 2) ** a + exp(-(x[t - 1] ** 2)),
        lambda x, t, a, b, u: (b + x[t - 1] ** 2) ** a + np.exp(-(x[t - 1] ** 2)),
        1,
    ),
    "the time": (a * x[t - 1] + b * t * u[t], lambda x, t, a, b, u: a * x[t - 1] + b * t * u[t], 1),
    "a condition": (
        if_else(x[t - 1] > 0, a * x[t - 1], b * x[t - 1]) + u[t],
        lambda x, t, a, b, u: (a if x[t - 1].real > 0 else b) * x[t - 1] + u[t],
        1,
    ),
    "the larger": (Max(a * x[t - 1], b) + u[t], lambda x, t, a, b, u: max(a * x[t - 1], b, key=np.real) + u[t], 1),
}


@cache
def module(name):
    step, _, bases = CASES[name]
    return model(step, bases=bases).compile(check=False)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("more", [0, 1, 5])
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_are_those_of_numpys_numbers(name, more, dtype):
    """Against the loss of a loop in NumPy's numbers, and its derivatives by complex steps."""
    _, step, bases = CASES[name]
    given = np.random.default_rng(0).normal(size=bases + more)
    at = np.array([0.7, 0.9, *given])
    loss, slope = module(name).value_and_gradient(dtype(0.7), dtype(0.9), given.astype(dtype))
    assert {np.asarray(one).dtype for one in (loss, *slope)} == {np.dtype(dtype)}
    moved = [loss_of(step, bases, *moved[:2], moved[2:]) for moved in at + 1e-30j * np.eye(len(at))]
    tight = 1e-12 if dtype is np.float64 else 1e-4
    np.testing.assert_allclose(loss, moved[0].real, rtol=tight)
    found = np.concatenate([np.ravel(one) for one in slope])
    np.testing.assert_allclose(found, np.imag(moved) / 1e-30, rtol=tight, atol=tight)


@pytest.mark.parametrize("name", one_in(3, CASES))
def test_every_case_is_in_pythons_numbers(name):
    step, _, bases = CASES[name]
    text = model(step, bases=bases).source()
    loops = re.findall(r"^    for .*:$", text, re.M)
    assert loops and not re.search(r"^        .*(\[t|np\.)", text[: text.index("def pack")], re.M)


@pytest.mark.parametrize(
    ("step", "given"),
    [
        (a / x[t - 1], [0.0, 1.0, 1.0]),
        (exp(x[t - 1]) + a, [800.0, 1.0, 1.0]),
        (log(x[t - 1]), [-1.0, 1.0, 1.0]),
        (log(x[t - 1]), [0.0, 1.0, 1.0]),
        (x[t - 1] ** a, [-2.0, 1.0, 1.0]),
        (x[t - 1] ** 2, [1e200, 1.0, 1.0]),
        (a * x[t - 1], [np.inf, np.nan, 1.0]),
    ],
)
def test_what_python_refuses_is_infinite_or_no_number_as_in_numpy(step, given):
    compiled = model(step).compile(check=False)
    with np.errstate(all="ignore"):
        found = [*compiled.value_and_gradient(0.5, 1.0, np.array(given))]
        numbers = {"a": np.float64(0.5), "exp": np.exp, "log": np.log}
        expected = [np.float64(given[0])]
        for _ in given[1:]:
            text = str(step).replace("x[t - 1]", "x")
            expected.append(eval(text, numbers | {"x": expected[-1]}))
        np.testing.assert_array_equal(found[0], 0.5 * np.sum(np.square(expected)))


def test_arrays_that_only_the_loop_reads_are_not_made():
    y = IndexedBase("y", shape=(T,))
    where = [Eq(x[0], u[0]), Eq(y[t], tanh(a * x[t - 1])), Eq(x[t], y[t] + u[t])]
    text = Model(Sum(x[t] ** 2, (t, 0, T - 1)), [a], where=where).source()
    value = text[text.index("def value(") : text.index("def gradient(")]
    assert "list_y" not in value and "y = " not in value and "list_x" in value


def test_the_check_moves_them_by_complex_steps():
    """Against the same in NumPy's complex numbers."""
    _, step, bases = CASES["logarithms"]
    text = model(CASES["logarithms"][0]).source()
    given = {"a": np.array(0.7), "b": np.array(0.9), "u": np.linspace(-1, 1, 6)}
    found = ComplexStep(text)(given, Direction("a", "a", np.array(1.0), 1.0))
    expected = loss_of(step, bases, 0.7 + 1e-30j, 0.9, given["u"])
    np.testing.assert_allclose(found.imag, expected.imag / 1e-30, rtol=1e-13)
