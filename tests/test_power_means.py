"""Sums of powers over their exponent, near 0 and far out: copulas, production functions, entropies, against mpmath."""

from dataclasses import replace
from functools import cache

import mpmath
import numpy as np
import pytest
from sympy import IndexedBase, Sum, exp, log, symbols

from symgrad import Model
from tests.families import one_in

from .tails import Tail, check_first_order

u, v, x, y, p, q, t = symbols("u v x y p q t", positive=True)
a = symbols("a", positive=True)
rho = symbols("rho", real=True)
AT = {"u": (0.3, 0.5), "v": (0.6, 0.5)}
SMALL = (1e-300, 1e-9, 1e-3, 0.5)
clayton = u**-t + v**-t - 1
ln = mpmath.log


def clayton_sum(u, v, t):
    return u**-t + v**-t - 1


def frank(u, v, t):
    return -ln(1 + mpmath.expm1(-t * u) * mpmath.expm1(-t * v) / mpmath.expm1(-t)) / t


def elastic(a, x, y, rho):
    return (a * x**rho + (1 - a) * y**rho) ** (1 / rho)


INPUTS = {"a": (0.3,), "x": (2.0, 1e3), "y": (5.0, 1e-3), "rho": (1e-9, -1e-7, 0.5, -300.0, 40.0)}
MODELS = {
    "Clayton": Tail(lambda: clayton ** (-1 / t), lambda u, v, t: clayton_sum(u, v, t) ** (-1 / t), {**AT, "t": SMALL}),
    "Clayton, logarithm": Tail(
        lambda: log(clayton) / t, lambda u, v, t: ln(clayton_sum(u, v, t)) / t, {**AT, "t": SMALL}
    ),
    "Frank": Tail(
        lambda: -log(1 + (exp(-t * u) - 1) * (exp(-t * v) - 1) / (exp(-t) - 1)) / t,
        frank,
        {**AT, "t": (1e-9, 1e-3, 0.5, 5.0, 40.0)},
    ),
    "elasticity of substitution": Tail(lambda: (a * x**rho + (1 - a) * y**rho) ** (1 / rho), elastic, INPUTS),
    "its logarithm": Tail(
        lambda: log(a * x**rho + (1 - a) * y**rho) / rho, lambda **given: ln(elastic(**given)), INPUTS
    ),
    "difference of powers": Tail(
        lambda: ((x**rho - y**rho) / rho) ** 2,
        lambda x, y, rho: ((x**rho - y**rho) / rho) ** 2,
        {"x": (2.0, 1e3), "y": (5.0,), "rho": (1e-9, -1e-5, 0.5)},
    ),
    "Tsallis": Tail(
        lambda: (1 - p**q - (1 - p) ** q) / (q - 1),
        lambda p, q: (1 - p**q - (1 - p) ** q) / (q - 1),
        {"p": (0.3,), "q": (1 + 1e-9, 1 - 1e-5, 2.5)},
    ),
    "Renyi": Tail(
        lambda: log(p**q + (1 - p) ** q) / (1 - q),
        lambda p, q: ln(p**q + (1 - p) ** q) / (1 - q),
        {"p": (0.3,), "q": (1 + 1e-9, 1 - 1e-5, 2.5, 2000.0)},
    ),
}


@pytest.mark.parametrize("name", one_in(3, MODELS))
def test_value_and_gradient(name):
    check_first_order(replace(MODELS[name], product=True))


@cache
def copulas():
    """Clayton's, Gumbel's, Frank's and Joe's, derived once for all exponents."""
    losses = (
        clayton ** (-1 / t),
        exp(-(((-log(u)) ** t + (-log(v)) ** t) ** (1 / t))),
        -log(1 + (exp(-t * u) - 1) * (exp(-t * v) - 1) / (exp(-t) - 1)) / t,
        1 - ((1 - u) ** t + (1 - v) ** t - (1 - u) ** t * (1 - v) ** t) ** (1 / t),
    )
    return [Model(loss, [u, v, t]).compile(check=False) for loss in losses]


@pytest.mark.parametrize("size", [900.0, 1e5])
def test_a_large_exponent(size):
    """The largest term alone is left: Clayton's copula is the smaller of u and v, as the others are."""
    for module in copulas():
        with np.errstate(all="raise", under="ignore"):
            value, slopes = module.value_and_gradient(u=0.3, v=0.6, t=size)
        assert value == pytest.approx(0.3, rel=1e-13)
        assert tuple(slopes) == pytest.approx((1.0, 0.0, 0.0), abs=1e-12)


def test_a_density_at_a_small_exponent_is_that_of_independence():
    loss = log(1 + t) - (1 + t) * (log(u) + log(v)) - (2 + 1 / t) * log(clayton)
    module = Model(loss, [u, v, t]).compile(check=False)
    for size in (1e-9, 900.0):
        with mpmath.workdps(600):
            one, other, s = map(mpmath.mpf, (0.3, 0.6, size))
            right = ln(1 + s) - (1 + s) * ln(one * other) - (2 + 1 / s) * ln(clayton_sum(one, other, s))
        assert module.value(u=0.3, v=0.6, t=size) == pytest.approx(float(right), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("name", one_in(6, ["elasticity of substitution", "Clayton", "Frank"]))
def test_the_models_pass_their_checks(name):
    loss = MODELS[name].loss()
    facts = [u < 1, v < 1] if loss.has(u) else [a < 1]
    assert Model(loss, sorted(loss.free_symbols, key=str), facts=facts).check().ok


def test_a_mean_without_an_exponent_below_it_keeps_its_form():
    assert "exprel" not in Model(log(a * x**rho + (1 - a) * y**rho), [rho]).source()


N = symbols("N", integer=True, positive=True)
n = symbols("n", integer=True)
capital, labour, product = (IndexedBase(name, shape=(N,), positive=True) for name in ("capital", "labour", "product"))


@cache
def production():
    """A fit of production functions, derived once for all exponents."""
    loss = Sum((product[n] - p * (a * capital[n] ** rho + (1 - a) * labour[n] ** rho) ** (1 / rho)) ** 2, (n, 0, N - 1))
    return Model(loss, [a, p, rho]).compile(check=False, hvp=True)


@pytest.mark.parametrize("exponent", one_in(3, [0.5, 1.0, 2.0, 1e-9, -1.0, -300.0]))
def test_amounts_of_0(exponent):
    """What a mean of positive numbers is where one is 0: the rest for a positive exponent, 0 for a negative one."""
    module = production()
    data = {"capital": [0.0, 3.0, 0.0, 2.0], "labour": [2.0, 0.0, 0.0, 5.0], "product": [1.0, 2.0, 0.5, 3.0]}
    arrays = {name: np.array(column) for name, column in data.items()}
    point = {"a": 0.3, "p": 1.1, "rho": exponent}
    with np.errstate(all="raise", under="ignore"):
        value, slopes = module.value_and_gradient(**arrays, **point)
        curved = module.hessian_vector_product((0.5, -0.25, 2.0), **arrays, **point)

    def truth(a, p, rho):
        total = mpmath.mpf(0)
        for one, other, made in zip(*data.values(), strict=True):
            powers = [w * mpmath.mpf(amount) ** rho for w, amount in ((a, one), (1 - a, other)) if amount]
            whole = 0 if len(powers) < 2 and (rho < 0 or not powers) else mpmath.fsum(powers) ** (1 / rho)
            total += (made - p * whole) ** 2
        return total

    with mpmath.workdps(400):
        at = [mpmath.mpf(number) for number in point.values()]
        places = [tuple(int(k == j) for k in range(3)) for j in range(3)]
        right = [mpmath.diff(truth, at, place) for place in places]
        second = [
            mpmath.fsum(
                by * mpmath.diff(truth, at, tuple(map(sum, zip(one, other, strict=True))))
                for other, by in zip(places, (0.5, -0.25, 2.0), strict=True)
            )
            for one in places
        ]
        assert value == pytest.approx(float(truth(*at)), rel=1e-12)
        for found, expected in zip((*slopes, *curved), (*right, *second), strict=True):
            assert found == pytest.approx(float(expected), rel=1e-9, abs=1e-200)
