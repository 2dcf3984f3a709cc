"""Functions of exponentials, as complementary log-log models have them, where the exponential is 0 or no number."""

import mpmath
import numpy as np
import pytest
from sympy import IndexedBase, Sum, exp, log, symbols

from symgrad import Model
from tests.families import one_in

from . import array_tails
from .tails import Tail, compiled, shortfalls

u, v = symbols("u v", real=True)
q = symbols("q", positive=True)
FAR = [-800.0, -3.0, 1e-5, 2.0, 4.0, 720.0, 800.0]
e, ln = mpmath.exp, mpmath.log


RATES = [0.5, 2.0, 1e-3, 3.0, 1.0, 0.5, 2.0]


def part(u, q=1):
    return 1 - e(-q * e(u))


TAILS = {
    "complementary log-log": Tail(lambda: log(1 - exp(-exp(u))), lambda u: ln(part(u)), {"u": FAR}),
    "with an exposure": Tail(lambda: log(1 - exp(-q * exp(u))), lambda u, q: ln(part(u, q)), {"u": FAR, "q": RATES}),
    "doubled": Tail(lambda: log(1 - exp(-2 * exp(u))), lambda u: ln(part(u, 2)), {"u": FAR}),
    "beside an exponential": Tail(
        lambda: log(1 - exp(-exp(u))) * exp(-v), lambda u, v: ln(part(u)) * e(-v), {"u": FAR, "v": [0.5] * 7}
    ),
}


@pytest.mark.parametrize("name", one_in(2, TAILS))
def test_logarithms(name):
    assert not shortfalls(TAILS[name])


VANISHING = {
    "Gumbel's density": lambda: exp(u - exp(u)),
    "what is left": lambda: exp(-exp(u)),
    "with a factor": lambda: u * exp(-q * exp(u)),
    "softplus": lambda: log(1 + exp(-exp(u))),
    "a power": lambda: exp(2 * u) * exp(-exp(u) / 3),
}


@pytest.mark.parametrize("name", one_in(2, VANISHING))
def test_what_vanishes_is_zero_with_its_derivatives(name):
    loss = VANISHING[name]()
    module, names = compiled(Tail(lambda: loss, lambda: None, {}))
    for at in (710.0, 720.0, 5000.0):
        given = {"u": at, "q": 2.0}
        with np.errstate(over="ignore"):
            value, slopes = module.value_and_gradient(**{name: given[name] for name in names})
            rows = module.hessian(**{name: given[name] for name in names})
        assert value == 0 and not any(slopes) and not any(number for row in rows for number in row)


def test_rows():
    N, n = symbols("N", integer=True, positive=True), symbols("n", integer=True)
    x, s = IndexedBase("x", shape=(N,)), IndexedBase("s", shape=(N,), positive=True)
    model = Model(Sum(log(1 - exp(-s[n] * exp(x[n]))), (n, 0, N - 1)), [x])
    at = {"x": np.array([-800.0, -2.0, 3.0, 720.0]), "s": np.array([0.5, 1e-3, 2.0, 3.0])}
    right = lambda x, s: mpmath.fsum(ln(part(*pair)) for pair in zip(x, s, strict=True))  # noqa: E731
    assert not array_tails.shortfalls(model, right, at)
