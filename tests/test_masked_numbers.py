"""Numbers by themselves, and functions, under a mask that never holds: what they are does not matter then."""

from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy import Eq, Expr, IndexedBase, KroneckerDelta, Rational, Sum, exp, log, loggamma, symbols

from symgrad import LogSumExp, Model, if_else, log1mexp, log_ndtr, log_sigmoid
from tests.families import one_in

N, M = symbols("N M", integer=True, positive=True)
n, m = symbols("n m", integer=True)
s, mu = symbols("s mu", real=True)
x, u, d, e, mask = (IndexedBase(name, shape=(N,)) for name in ("x", "u", "d", "e", "mask"))
kind = IndexedBase("kind", shape=(N,), integer=True)
V, Y, rated = IndexedBase("V", shape=(M,)), IndexedBase("Y", shape=(N, M)), IndexedBase("rated", shape=(N, M))


def where_shown(entry: Expr) -> Expr:
    return Sum(if_else(mask[n] > 0, entry, 0), (n, 0, N - 1))


residual = Y[n, m] - s * x[n] * V[m]
SETTINGS = {
    "a factor": lambda: Model(where_shown(s * x[n] ** 2), [x]),
    "a factor outside": lambda: Model(s * where_shown(x[n] ** 2), [x]),
    "in a function": lambda: Model(where_shown(exp(s * x[n]) + log_sigmoid(s * x[n])), [x]),
    "a scale": lambda: Model(where_shown((x[n] / s) ** 2 / 2 + log(s)), [x]),
    "in names": lambda: Model(where_shown(mu * u[n]), [x], where=[Eq(mu, exp(s)), Eq(u[n], x[n] ** 2 + s)]),
    "an exponent": lambda: Model(where_shown((x[n] ** 2) ** s), [x]),
    "in a sum inside": lambda: Model(where_shown(LogSumExp(x[m] * s, (m, 0, N - 1))), [x]),
    "beside a delta": lambda: Model(Sum(KroneckerDelta(kind[n], 1) * loggamma(s) * x[n], (n, 0, N - 1)), [x]),
    "two indices": lambda: Model(
        Sum(if_else(rated[n, m] > 0, residual**2, 0), (n, 0, N - 1), (m, 0, M - 1)), [x, V]),
    "a condition without indices": lambda: Model(if_else(mask[0] > 0, s * Sum(x[n] ** 2, (n, 0, N - 1)), 0), [x]),
}  # fmt: skip
GIVEN: dict[str, Any] = {
    "x": np.array([0.5, -1.0, 2.0]), "V": np.array([0.4, 0.5]), "Y": np.ones((3, 2)), "rated": np.zeros((3, 2)),
    "mask": np.zeros(3), "kind": np.zeros(3, int), "s": 0.7, "e": np.array([0.3, 0.4, 0.2]), "d": np.array([0.1, 2, 3]),
}  # fmt: skip


def are_zero(module: Any, **given: Any) -> bool:
    """Whether value, gradient and products with the Hessian are, and nothing complains."""
    inputs = {name: (GIVEN | given)[name] for name in module.ARGUMENTS}
    with np.errstate(all="raise"):
        value, gradient = module.value_and_gradient(**inputs)
        product = module.hessian_vector_product(tuple(np.ones_like(inputs[p]) for p in module.PARAMETERS), **inputs)
    return not any(np.any(part) for part in (value, *gradient, *product))


@pytest.mark.parametrize("name", one_in(3, SETTINGS))
def test_a_number_that_nothing_shown_is_computed_from(name: str) -> None:
    module = SETTINGS[name]().compile(check=False, hvp=True)
    for held in (0.7, np.nan, np.inf, -np.inf, 1e200, -1e200):
        assert are_zero(module, s=held), held
    shown = {"mask": np.ones(3), "rated": np.ones((3, 2)), "kind": np.ones(3, int)}
    inputs = {name: (GIVEN | shown | {"s": np.nan})[name] for name in module.ARGUMENTS}
    assert np.isnan(module.value(**inputs))


z = x[n] + d[n]
HEADS = {
    **{name: getattr(sp, name)(z) for name in (
        "log", "asin", "acosh", "atanh", "csc", "coth", "asec", "acsc", "asech", "acsch", "acoth", "li", "Ci", "Chi",
        "Ei", "LambertW", "erfinv", "erfcinv", "erfi", "gamma", "loggamma", "digamma", "factorial", "harmonic",
        "elliptic_k", "elliptic_e", "sqrt", "tan", "sinh",
    )},
    "polygamma": sp.polygamma(2, z), "zeta": sp.zeta(3, z), "expint": sp.expint(2, z), "beta": sp.beta(z, e[n]),
    "binomial": sp.binomial(z, e[n]), "log of a binomial": log(sp.binomial(5, z)), "bessely": sp.bessely(1, z),
    "besselk": sp.besselk(0, z), "log of besseli": log(sp.besseli(0, z)), "lowergamma": sp.lowergamma(2, z),
    "uppergamma": sp.uppergamma(2, z), "mod": sp.Mod(2, z), "power": z ** e[n], "exponent": e[n] ** z,
    "rising": loggamma(z + e[n]) - loggamma(z), "quotient of gammas": sp.gamma(z) / sp.gamma(z + e[n]),
    "a pole of a quotient": 1 / loggamma(z), "log1mexp": log1mexp(z), "log_ndtr": log_ndtr(z),
    "an interval": log(sp.erf(z) - sp.erf(e[n] - 5)), "x log x": z * log(z), "root": (1 + z) ** Rational(1, 3),
}  # fmt: skip


@pytest.mark.parametrize("name", one_in(9, HEADS))
def test_a_function_of_what_is_left_out(name: str) -> None:
    """What is safe to take it of is safe for all its derivatives."""
    module = Model(where_shown(HEADS[name]), [x]).compile(check=False, hvp=True)
    for held in (np.nan, np.inf, -np.inf, 1e200, 0.0, -0.5, -1.5, 0.5, 400.0):
        assert are_zero(module, d=np.full(3, held)), held
