"""Ranges that have no entries, and such as are shorter than nothing: an empty sum is 0, or the module refuses the size.

The length of t = 1 ... T − 1 is −1 at T = 0. Sums over arrays do not notice; Σ_t c = (T − 1)·c does.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sympy import Eq, Expr, IndexedBase, Piecewise, Product, Sum, exp, log, sqrt, symbols

from symgrad import LogSumExp, Model, if_else

T, M = symbols("T M", integer=True, positive=True)
i, j = symbols("i j", integer=True)
c = symbols("c", positive=True)
x, z = IndexedBase("x", shape=(T,)), IndexedBase("z", shape=(M,))
SQUARES = Sum(x[i] ** 2, (i, 0, T - 1))
LATER = (i, 1, T - 1)


def _model(loss: Expr) -> Model:
    return Model(loss, [c, x])


# The loss, and what it is at T = 0, 1, 2 for c = 2, x = 1, 2, by hand; None where the module says that T is too small.
COUNTED: dict[str, tuple[Expr, tuple[float | None, ...]]] = {
    "constant": (Sum(c, LATER) + SQUARES, (None, 1, 7)),
    "one": (c * Sum(1, LATER) + SQUARES, (None, 1, 7)),
    "logarithm of a scale": (Sum(log(c) + (x[i] - x[i - 1]) ** 2 / c, LATER), (None, 0, np.log(2) + 0.5)),
    "added to another": (Sum(c, LATER) + c + SQUARES, (None, 3, 9)),
    "beside an array": (Sum(c**2 + c * x[i], LATER) + SQUARES, (None, 1, 13)),
    "product": (Product(c, LATER) + SQUARES, (None, 2, 7)),
    "two ranges": (Sum(c * x[j], LATER, (j, 0, T - 1)) + SQUARES, (None, 1, 11)),
    "square of a range": (Sum(c, LATER, (j, 1, T - 1)) + SQUARES, (None, 1, 7)),
    "window of two": (Sum(c, (i, 2, T - 1)) + SQUARES, (None, None, 5)),
}
MEANS: dict[str, tuple[Expr, int, str]] = {  # the loss, a size that it divides by 0 at, and what is said of it
    "in the sum": (Sum(c / T, (i, 0, T - 1)) + c, 0, "T >= 1, got T = 0"),
    "before the sum": (Sum(c**2, (i, 0, T - 1)) / T, 0, "T >= 1, got T = 0"),
    "one less": (Sum(c, LATER) / (T - 1) + SQUARES, 1, "the model divides by T - 1, which is 0"),
    "not cancelled": (Sum(c, (i, 0, T - 1)) / (T - 1) + SQUARES, 1, "the model divides by T - 1, which is 0"),
    "roots": (Sum(c / sqrt(T), (i, 0, T - 1)) / sqrt(T), 0, "T >= 1, got T = 0"),
}
# None of these is shorter than nothing, or it is of arrays only.
ARRAYS: dict[str, tuple[Expr, tuple[float, ...]]] = {
    "index": (Sum(c * i, LATER) + SQUARES, (0, 1, 7)),
    "triangle": (Sum(c, (j, 0, i - 1), LATER) + SQUARES, (0, 1, 7)),
    "array": (Sum(c * x[i] * x[i - 1], LATER) + SQUARES, (0, 1, 9)),
    "square": (Sum((x[i] - x[i - 1] - c) ** 2, LATER) + SQUARES, (0, 1, 6)),
    "whole": (Sum(c, (i, 0, T - 1)) + SQUARES, (0, 3, 9)),
    "pairs": (Sum(c * (x[i] - x[j]) ** 2, (j, i + 1, T - 1), (i, 0, T - 1)) + SQUARES, (0, 1, 7)),
}
AT = [(2.0, np.arange(1.0, size + 1)) for size in range(3)]


@pytest.mark.parametrize("target", ["numpy", "jax", "numba"])
@pytest.mark.parametrize("name", COUNTED)
def test_a_length_that_is_a_number_is_refused_where_it_is_negative(name: str, target: str) -> None:
    if target != "numpy":
        pytest.importorskip(target)
    loss, expected = COUNTED[name]
    module = _model(loss).compile(target=target, check=False)
    for function in (module.value, lambda *at: module.value_and_gradient(*at)[0]):
        _compare(function, expected)
    step = 2.0**-6  # in float32 as well
    for size in range(expected.count(None), 3):
        point = AT[size][1]
        numeric = (module.value(2 + step, point) - module.value(2 - step, point)) / (2 * step)
        assert float(module.gradient(2.0, point).c) == pytest.approx(float(numeric), abs=1e-3)


def _compare(function: Callable[..., Any], expected: tuple[float | None, ...]) -> None:
    for size, (at, wanted) in enumerate(zip(AT, expected, strict=True)):
        if wanted is None:
            with pytest.raises(ValueError, match=rf"the model needs T >= [12], got T = {size}"):
                function(*at)
        else:
            assert float(function(*at)) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("name", ARRAYS)
def test_what_is_summed_over_arrays_is_not_looked_at(name: str) -> None:
    loss, expected = ARRAYS[name]
    model = _model(loss)
    assert "T < 1" not in model.source()
    module = model.compile(check=False)
    for at, wanted in zip(AT, expected, strict=True):
        assert float(module.value(*at)) == pytest.approx(wanted)
    assert float(module.gradient(*AT[0]).c) == 0


@pytest.mark.long
def test_pairs_of_nothing_in_a_loop_of_numba() -> None:
    pytest.importorskip("numba")
    loss, expected = ARRAYS["pairs"]
    module = _model(loss).compile(target="numba", check=False)
    for at, wanted in zip(AT, expected, strict=True):
        value, gradient = module.value_and_gradient(*at)
        assert float(value) == pytest.approx(wanted)
        assert gradient.x.shape == at[1].shape


def test_of_every_second_entry_none_is_taken() -> None:
    strided = Model(Sum((x[i] - z[i] * z[2 * i]) ** 2, (i, 0, T - 1)), [x, z], facts=[2 * T <= M + 1])
    module = strided.compile(check=False, hessian=True)
    for size in range(4):
        value, gradient = module.value_and_gradient(np.ones(0), np.ones(size))
        assert value == 0 and not gradient.z.any() and gradient.z.shape == (size,)
        assert not np.any(module.hessian(np.ones(0), np.ones(size)).z.z)


@pytest.mark.parametrize("target", ["numpy", "jax"])
def test_slices_of_longer_arrays_have_no_entries_or_the_size_is_refused(target: str) -> None:
    """Of x[:T − 1] all but the last are taken at T = 0."""
    if target != "numpy":
        pytest.importorskip(target)
    for loss in (Sum(z[i] ** 2, (i, 0, T - 2)), Sum(z[i] ** 2 * z[i + 1], (i, 0, T - 2))):
        module = Model(loss, [z], facts=[T <= M]).compile(target=target, check=False)
        with pytest.raises(ValueError, match="the model needs T >= 1, got T = 0"):
            module.value_and_gradient(np.ones(3), T=0)
        for size in (1, 2, 3):
            value, gradient = module.value_and_gradient(np.ones(3), T=size)
            assert value == size - 1 and np.sum(gradient.z) == (size - 1) * (2 + (loss.has(z[i + 1])))


def test_a_recurrence_without_steps_of_which_data_say_what_counts() -> None:
    seen, state = IndexedBase("seen", shape=(T,)), IndexedBase("state", shape=(T + 1,))
    step = if_else(seen[i - 1] > 0, c * state[i - 1] + x[i - 1], state[i - 1])
    loss = Sum(if_else(seen[i] > 0, (state[i + 1] - x[i]) ** 2, 0), (i, 0, T - 1))
    module = Model(loss, [c], where=[Eq(state[0], c), Eq(state[i], step)]).compile(check=False)
    value, gradient = module.value_and_gradient(2.0, np.zeros(0), np.zeros(0))
    assert value == 0 and gradient.c == 0
    value, gradient = module.value_and_gradient(2.0, np.array([1.0, 0.0]), np.array([3.0, np.nan]))
    assert value == 16 and gradient.c == 32  # (c² + 3 − 3)², by hand


def test_sizes_of_which_only_one_is_too_small() -> None:
    beside = Sum(z[j] ** 2, (j, 0, M - 1))
    both = Model(Sum(c, LATER, (j, 1, M - 1)) + SQUARES + beside, [c, x, z]).compile(check=False)
    assert float(both.value(2.0, np.ones(3), np.ones(2))) == 2 * 2 + 5
    for sizes, said in (((0, 2), "T >= 1, got T = 0"), ((2, 0), "M >= 1, got M = 0"), ((0, 0), "T >= 1")):
        with pytest.raises(ValueError, match=said):
            both.value(2.0, *map(np.ones, sizes))
    joined = Model(Sum(c, (i, 1, T + M - 1)) + SQUARES + beside, [c, x, z]).compile(check=False)
    assert float(joined.value(2.0, np.ones(0), np.ones(1))) == 1
    with pytest.raises(ValueError, match=r"M \+ T - 1 is -1"):
        joined.value(2.0, np.ones(0), np.ones(0))


@pytest.mark.parametrize("target", ["numpy", "jax"])
def test_a_count_that_only_second_derivatives_have(target: str) -> None:
    if target != "numpy":
        pytest.importorskip(target)
    module = _model(Sum((x[i] - x[i - 1] - c) ** 2, LATER)).compile(target=target, check=False, hessian=True)
    assert float(module.value(*AT[0])) == 0
    with pytest.raises(ValueError, match="the model needs T >= 1, got T = 0"):
        module.hessian(T=0)
    assert [float(module.hessian(T=count).c.c) for count in (1, 2)] == [0, 2]


def test_a_sparse_hessian_refuses_them_too() -> None:
    module = _model(Sum((x[i] - x[i - 1] - c) ** 2, LATER)).compile(check=False, hessian="sparse")
    with pytest.raises(ValueError, match="the model needs T >= 1, got T = 0"):
        module.hessian_sparse(T=0)
    assert [module.hessian_sparse(T=count).to_dense()[0, 0] for count in (1, 2)] == [0, 2]


def test_a_count_beside_a_sum_is_counted_in_it() -> None:
    """Of Σ (… c) + (T − 1)·c one sum is left, which is 0 where it is empty, of length −1, too."""
    module = _model(Sum((x[i] - x[i - 1] - c) ** 2, LATER) * c).compile(check=False, hessian=True)
    for at, wanted in zip(AT, (0, 0, 6 * 2 - 4), strict=True):  # of c·(1 − c)²
        assert float(module.hessian(*at).c.c) == wanted


def test_pytorch_refuses_them_too() -> None:
    assert "if T < 1:" in _model(COUNTED["constant"][0]).source(target="torch")


def test_the_check_says_that_a_size_is_refused() -> None:
    report = str(_model(COUNTED["logarithm of a scale"][0]).check(hessian=True))
    assert "there is no value without T" in report and "PASSED" in report
    later = str(_model(ARRAYS["square"][0]).check(hessian=True))
    assert "there is no hessian without T" in later and "PASSED" in later


def test_a_literal_subscript_says_it_once_for_both() -> None:
    source = _model(Sum(c, LATER) + x[0] ** 2 + SQUARES).source()
    assert source.count("if T < 1:") == 2  # for all functions, and for `pack`


@pytest.mark.parametrize("target", ["numpy", "jax"])
@pytest.mark.parametrize("name", MEANS)
def test_a_size_that_is_divided_by_is_not_0(name: str, target: str) -> None:
    if target != "numpy":
        pytest.importorskip(target)
    loss, size, said = MEANS[name]
    module = Model(loss, [c]).compile(target=target, check=False)
    with_data = loss.has(x)
    for function in (module.value, module.gradient, module.value_and_gradient):
        with pytest.raises(ValueError, match=said):
            function(2.0, np.ones(size) if with_data else size)
        function(2.0, np.ones(3) if with_data else 3)


def test_a_condition_on_sizes_may_choose_what_is_divided_by_them() -> None:
    n = symbols("N", integer=True, nonnegative=True)
    module = Model(Piecewise((Sum(c / n, (i, 0, n - 1)), n > 0), (0, True)) + c**2, [c]).compile(check=False)
    assert float(module.value(2.0, 0)) == 4
    assert float(module.value(2.0, 3)) == 6


def test_the_greatest_of_no_entries_is_left_out_with_what_has_none() -> None:
    """An infinity that no entry has made: what a condition reads is finite, and its maximum is not where N is 0."""
    label, count = IndexedBase("label", shape=(T,), integer=True), IndexedBase("count", shape=(M,))
    where = [Eq(count[j], Sum(if_else(Eq(label[i], j), 1, 0), (i, 0, T - 1)))]
    total = Sum(if_else(Eq(label[i], j), exp(x[i]), 0), (i, 0, T - 1))
    groups = Sum(if_else(count[j] > 0, z[j] * log(total), 0), (j, 0, M - 1))
    module = Model(groups, [x], where=where).compile(check=False)
    with np.errstate(all="raise"):
        value, gradient = module.value_and_gradient(x=np.zeros(0), z=np.ones(2), label=np.zeros(0, int))
        some = module.value(x=np.array([0.5, 2.0]), z=np.array([3.0, np.nan]), label=np.zeros(2, int))
    assert value == 0 and gradient.x.shape == (0,)
    np.testing.assert_allclose(some, 3 * np.logaddexp(0.5, 2.0), rtol=1e-15)


def test_a_weight_of_none_leaves_the_greatest_of_none_out() -> None:
    weighted = Sum(if_else(z[j] < 1, z[j] * LogSumExp(x[i], (i, 0, T - 1)), 0), (j, 0, M - 1))
    module = Model(weighted, [x]).compile(check=False)
    with np.errstate(all="raise"):
        assert module.value(x=np.zeros(0), z=np.array([0.0, 1.0])) == 0
