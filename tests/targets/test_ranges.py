"""Conditions on one index as slices, each branch in its own, on axes of any length, against loops over positions."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from sympy import And, Eq, Expr, IndexedBase, Ne, Not, Or, Piecewise, Rel, S, Sum, cos, exp, sin, symbols

from symgrad import Model, if_else
from symgrad.graph.build import apply, const, index, size
from symgrad.targets.numpy.ranges import Sizes
from tests.families import one_in

N = symbols("N", integer=True, positive=True)
i = symbols("i", integer=True)
c = symbols("c", real=True)
u, f, g = IndexedBase("u", shape=(N,)), IndexedBase("f", shape=(N,)), IndexedBase("g", shape=(N + 1,))
BEFORE, AFTER = if_else(i > 0, u[i - 1], 0), if_else(i < N - 1, u[i + 1], 0)
FIRST = Piecewise((u[0], Eq(i, 0)), (u[i - 1], True))
ENDS = Or(Eq(i, 0), Eq(i, N - 1))

# Summands, and whether code has them without a mask.
SUMMANDS: dict[str, tuple[Expr, bool]] = {
    "left out": ((2 * u[i] - BEFORE - AFTER - f[i]) ** 2, True),
    "reflected": (
        (
            Piecewise((u[0], Eq(i, 0)), (u[i - 1], True))
            - 2 * u[i]
            + Piecewise((u[N - 1], Eq(i, N - 1)), (u[i + 1], True))
        )
        ** 2,
        True,
    ),
    "one-sided at both ends": (
        Piecewise((u[1] - u[0], Eq(i, 0)), (u[N - 1] - u[N - 2], Eq(i, N - 1)), ((u[i + 1] - u[i - 1]) / 2, True)) ** 2,
        True,
    ),
    "either end": (Piecewise((u[i] - f[i], ENDS), (u[i - 1] - 2 * u[i] + u[i + 1] - f[i], True)) ** 2, True),
    "neither end": (if_else(Not(ENDS), exp(u[i]), 0) * f[i], True),
    "two of each": (if_else(Or(i < 2, i >= N - 2), u[i] ** 2, sin(u[i])), True),
    "nested": (if_else(i < 2, if_else(Eq(i, 1), u[i] * c, cos(u[i])), if_else(Ne(i, 2), f[i] * u[i], 1)) ** 2, True),
    "two apart": ((BEFORE + if_else(i > 1, u[i - 2], 0)) * f[i], True),
    "crossing on short axes": ((4 * if_else(And(i < 3, i > N - 2), exp(u[i]), 0) + f[i]) ** 2, False),
    "constants": (if_else(And(i > 0, i < N - 1), c, u[i]), True),
    "a longer array": (if_else(Eq(i, 0), g[i + 1] * u[i], g[i]) ** 2, True),
    "the index itself": (if_else(i < N - 2, c * i * u[i], u[i]) ** 2, True),
    "the last two beside their neighbours": (if_else(i >= N - 2, AFTER, 0), True),
    "data": (if_else(f[i] > 0, u[i], BEFORE) ** 2, False),
}


def _model(summand: Expr) -> Model:
    return Model(Sum(summand, (i, 0, N - 1)) + c**2, [u, c])


def _number(expr: Any, at: dict[Any, Any]) -> Any:
    """A summand at one position, as it is written."""
    if expr in at:
        return at[expr]
    if expr.func is if_else:
        return _number(expr.args[1] if _number(expr.args[0], at) else expr.args[2], at)
    if isinstance(expr, Piecewise):
        return next(_number(value, at) for value, condition in expr.args if _number(condition, at))
    if hasattr(expr, "base") and hasattr(expr, "indices"):
        position = int(_number(expr.indices[0], at))
        assert position >= 0
        return at[expr.base][position]
    if not expr.args:
        return expr if expr in (True, False) else float(expr)
    args = [_number(arg, at) for arg in expr.args]
    if isinstance(expr, Rel):
        return bool(expr.func(*args))
    combined: dict[Any, Callable[[Sequence[Any]], Any]] = {And: all, Or: any, Not: lambda one: not one[0]}
    return combined[expr.func](args) if expr.func in combined else float(expr.func(*args))


@pytest.mark.parametrize("name", one_in(3, SUMMANDS))
def test_loops_give_the_same_on_axes_of_any_length(name: str) -> None:
    summand, sliced = SUMMANDS[name]
    model = _model(summand)
    functions = model.source().split("def value(")[1].split("\ndef hvp")[0]
    assert ("np.where(" not in functions) == sliced
    module = model.compile(check=False)
    reached = 0
    for length in range(6):
        rng = np.random.default_rng(length)
        arrays = {"u": rng.normal(size=length), "f": rng.normal(size=length), "g": rng.normal(size=length + 1)}
        known = {name: value for name, value in arrays.items() if name in module.ARGUMENTS}

        try:
            value, gradient = module.value_and_gradient(**known, c=1.3)
        except ValueError as error:
            assert "the model needs" in str(error)
            continue
        reached += 1
        assert value == pytest.approx(_loss(summand, arrays, 1.3), rel=1e-12)
        for k in range(length):
            ends = []
            for step in (1e-6, -1e-6):
                moved = arrays["u"].copy()
                moved[k] += step
                ends.append(_loss(summand, {**arrays, "u": moved}, 1.3))
            assert gradient.u[k] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5, abs=1e-7)
    assert reached >= 4


def _loss(summand: Expr, arrays: dict[str, Any], scale: float) -> float:
    length = len(arrays["u"])
    given = {u: arrays["u"], f: arrays["f"], g: arrays["g"], N: length, c: scale}
    return scale**2 + sum(_number(summand, {**given, i: k}) for k in range(length))


def test_ranges_whose_order_depends_on_sizes_are_looked_at_on_short_axes() -> None:
    at, end = index("i", N), size(N - 2)
    near = [apply(Eq, [at, const(k)]) for k in (S.Zero, S.One)]
    painting = Sizes({}).painting(apply(Or, [near[0], apply(Eq, [at, end])]))
    assert painting is not None and [one.holds for one in painting.spans()] == [False, False, True, True]
    assert Sizes({}).painting(apply(Eq, [at, size(N - 3)])) is None  # of two entries, x[-1:0] would do, x[:-1] not
    assert Sizes({N: 3}).painting(apply(Eq, [at, size(N - 3)])) is not None


def test_a_product_is_computed_where_it_counts() -> None:
    text = _model(SUMMANDS["neither end"][0]).source()
    assert re.search(r"np\.exp\(u\[1:N - 1\]\)", text) and "f[1:N - 1].dot" in text


def test_a_part_of_one_entry_that_is_there_is_no_sum() -> None:
    reflected = _model(SUMMANDS["reflected"][0]).source()  # reads u[0], so that there is one
    assert "grad_u[0] += 2 * diff[0]" in reflected and ".sum()" not in reflected
    weighed = Sum(if_else(Eq(i, 0), sin(c) * u[i], 0), (i, 0, N - 1))
    module = Model(weighed, [u, c]).compile(check=False)
    for at in (np.zeros(0), np.array([2.0]), np.array([3.0, 5.0])):
        value, gradient = module.value_and_gradient(at, 0.5)
        assert value == pytest.approx(np.sin(0.5) * at[:1].sum())
        assert gradient.c == pytest.approx(np.cos(0.5) * at[:1].sum())


def test_parts_along_one_of_two_axes_stay_masks_in_those_along_the_other() -> None:
    """A range of an axis may have fewer entries than the difference of its ends: none of no entries."""
    M, j = symbols("M", integer=True, positive=True), symbols("j", integer=True)
    w = IndexedBase("w", shape=(N, M))
    loss = Sum(if_else(Ne(j, 0), if_else(Eq(i, 0), w[i, j], 0), 1) * w[i, j], (i, 0, N - 1), (j, 0, M - 1))
    module = Model(loss, [w]).compile(check=False)
    for shape in ((0, 0), (0, 2), (2, 0), (1, 1), (2, 3)):
        at = np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
        value, gradient = module.value_and_gradient(at)
        assert value == at[:, :1].sum() + (at[:1, 1:] ** 2).sum()
        expected = np.zeros(shape)
        expected[:, :1], expected[:1, 1:] = 1, 2 * at[:1, 1:]
        assert (gradient.w == expected).all()
