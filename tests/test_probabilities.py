"""Powers of probabilities far out, and probabilities between two asymptotes, against mpmath."""

import mpmath
import pytest
from sympy import cosh, exp, log, sech, sinh, sqrt, symbols

from symgrad import Model, ndtr, sigmoid
from tests.families import one_in

from .tails import Tail, shortfalls

z, s, d = symbols("z s d", real=True)
g, c = symbols("g c", positive=True)
FAR = {"z": [-800.0, -40.0, 1.0, 40.0, 800.0], "g": (0.3, 0.01, 2.5)}


def logistic(z):
    return 1 / (1 + mpmath.exp(-z))


answers = c + (d - c) / (1 + exp(-z))
TAILS = {
    "power": Tail(lambda: (1 / (1 + exp(-z))) ** g, lambda z, g: logistic(z) ** g, FAR, True),
    "power of a complement": Tail(lambda: (1 - sigmoid(z)) ** g, lambda z, g: logistic(-z) ** g, FAR, True),
    "root": Tail(lambda: sqrt(ndtr(z)), lambda z: mpmath.sqrt(mpmath.ncdf(z)), {"z": [-50.0, -3.0, 2.0, 30.0]}),
    "item response": Tail(
        lambda: log(1 - answers),
        lambda z, c, d: mpmath.log(1 - c - (d - c) * logistic(z)),
        {"z": [-40.0, 1.0, 40.0], "c": (0.2, 1e-12), "d": (1.0, 0.9)},
        True,
        ["z"],
    ),
    "hyperbolic cosines": Tail(
        lambda: log(cosh(z) + cosh(s)),
        lambda z, s: mpmath.log(mpmath.cosh(z) + mpmath.cosh(s)),
        {"z": [800.0, -800.0, 3.0, 1e-8], "s": [801.0, -1.0, 2.0, 1e-9]},
    ),
    "quotient of hyperbolic functions": Tail(
        lambda: log(sqrt(cosh(z)) * sech(s) / cosh(z - s) ** 2),
        lambda z, s: mpmath.log(mpmath.sqrt(mpmath.cosh(z)) / mpmath.cosh(s) / mpmath.cosh(z - s) ** 2),
        {"z": [800.0, -800.0, 3.0], "s": [-790.0, -1600.0, 2.0]},
    ),
    "quotient of sines": Tail(
        lambda: log(sinh(z) ** 3 / sinh(s)),
        lambda z, s: mpmath.log(mpmath.sinh(z) ** 3 / mpmath.sinh(s)),
        {"z": [800.0, -800.0, 3.0, 1e-100], "s": [790.0, -1.0, 1e-9, 800.0]},
    ),
    "quotient of increments": Tail(
        lambda: log((exp(z) - 1) / (1 - exp(s))),
        lambda z, s: mpmath.log(mpmath.expm1(z) / -mpmath.expm1(s)),
        {"z": [800.0, -800.0, 3.0, 1e-100], "s": [-790.0, 1.0, -1e-9, -800.0]},
    ),
}


@pytest.mark.parametrize("name", one_in(3, TAILS))
def test_digits(name):
    assert not shortfalls(TAILS[name])


def test_whole_powers_stay_products():
    assert "** 3" in Model(sigmoid(z) ** 3, [z]).source()
