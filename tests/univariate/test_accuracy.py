"""Every function of one argument that textbooks write: value, gradient and Hessian keep their digits everywhere."""

import mpmath as mp
import pytest
from sympy import Symbol, atan, cos, cosh, coth, csch, exp, log, sech, sin, sinh, tanh

from symgrad import Model, log1mexp, softplus
from tests.families import one_in

from .grid import BOTH, POSITIVE, errors

x, s = Symbol("x", real=True), Symbol("x", positive=True)
e = mp.exp

# name: the formula, the same with mpmath, whether it is for x > 0 only
FUNCTIONS = {
    "1 - exp(-x)": (1 - exp(-x), lambda x: 1 - e(-x), False),
    "exp(x) - 1": (exp(x) - 1, lambda x: e(x) - 1, False),
    "log(1 - exp(-x))": (log(1 - exp(-s)), lambda x: mp.log(1 - e(-x)), True),
    "log1mexp": (log1mexp(s), lambda x: mp.log(1 - e(-x)), True),
    "log(1 - exp(x))": (log(1 - exp(-s / 2)), lambda x: mp.log(1 - e(-x / 2)), True),
    "log(exp(x) - 1)": (log(exp(s) - 1), lambda x: mp.log(e(x) - 1), True),
    "(1 - exp(-x))/x": ((1 - exp(-x)) / x, lambda x: (1 - e(-x)) / x, False),
    "x/(1 - exp(-x))": (x / (1 - exp(-x)), lambda x: x / (1 - e(-x)), False),
    "Bose": (1 / (exp(s) - 1), lambda x: 1 / (e(x) - 1), True),
    "Planck": (s**3 / (exp(s) - 1), lambda x: x**3 / (e(x) - 1), True),
    "Bernoulli": (x * exp(x) / (exp(x) - 1), lambda x: x * e(x) / (e(x) - 1), False),
    "exp(x) - x - 1": (exp(x) - x - 1, lambda x: e(x) - x - 1, False),
    "(exp(x) - x - 1)/x**2": ((exp(x) - x - 1) / x**2, lambda x: (e(x) - x - 1) / x**2, False),
    "1 - cos(x)": (1 - cos(x), lambda x: 1 - mp.cos(x), False),
    "(1 - cos(x))/x**2": ((1 - cos(x)) / x**2, lambda x: (1 - mp.cos(x)) / x**2, False),
    "sin(x)/x": (sin(x) / x, lambda x: mp.sin(x) / x, False),
    "x - sin(x)": (x - sin(x), lambda x: x - mp.sin(x), False),
    "x/sinh(x)": (x / sinh(x), lambda x: x / mp.sinh(x), False),
    "tanh(x)/x": (tanh(x) / x, lambda x: mp.tanh(x) / x, False),
    "log(cosh(x))": (log(cosh(x)), lambda x: mp.log(mp.cosh(x)), False),
    "log(sinh(x))": (log(sinh(s)), lambda x: mp.log(mp.sinh(x)), True),
    "log(x/sinh(x))": (log(s / sinh(s)), lambda x: mp.log(x / mp.sinh(x)), True),
    "log(sech(x))": (log(sech(x)), lambda x: mp.log(mp.sech(x)), False),
    "log(x*csch(x))": (log(s * csch(s)), lambda x: mp.log(x * mp.csch(x)), True),
    "log(cosh(x)/x)": (log(cosh(x) / x), lambda x: mp.log(mp.cosh(x) / x), True),
    "log(tanh(x))": (log(tanh(s)), lambda x: mp.log(mp.tanh(x)), True),
    "1 - tanh(x)**2": (1 - tanh(x) ** 2, lambda x: 1 - mp.tanh(x) ** 2, False),
    "log(1 - tanh(x)**2)": (log(1 - tanh(x) ** 2), lambda x: mp.log(1 - mp.tanh(x) ** 2), False),
    "Langevin": (coth(x) - 1 / x, lambda x: mp.coth(x) - 1 / x, False),
    "truncated exponential": (1 / s - 1 / (exp(s) - 1), lambda x: 1 / x - 1 / (e(x) - 1), True),
    "softplus": (softplus(x) - x / 2 - log(2), lambda x: mp.log(1 + e(x)) - x / 2 - mp.log(2), False),
    "log(2 + exp(x))": (log(2 + exp(x)), lambda x: mp.log(2 + e(x)), False),
    "atan(x)/x": (atan(x) / x, lambda x: mp.atan(x) / x, False),
    "tanh by exp": ((exp(2 * x) - 1) / (exp(2 * x) + 1), lambda x: mp.tanh(x), False),
    "log1p(-exp)": (log(1 - exp(-s) / 2), lambda x: mp.log(1 - e(-x) / 2), True),
}


@pytest.mark.parametrize("name", one_in(18, FUNCTIONS))
def test_value_gradient_and_hessian_keep_their_digits(name):
    formula, truth, positive = FUNCTIONS[name]
    (symbol,) = formula.free_symbols
    model = Model(formula, [symbol])
    module = model.compile(check=False, hessian=True)
    seen = 0
    for point in POSITIVE if positive else BOTH:
        found = errors(model, truth, {"x": point}, module)
        seen += bool(found) or abs(point) > 300
        assert not any(wrong > 1e-13 for wrong in found.values()), (point, found)
    assert seen > 3
