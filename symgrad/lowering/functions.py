"""Scalar functions as operations, which have the names that NumPy and SciPy have for them.

A target says which of SciPy's (`SPECIAL`) and of the runtime's (`RUNTIME`) it lacks.
"""

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any

import sympy
from sympy.codegen import cfunctions

from symgrad import functions
from symgrad.functions import gamma, logarithms, normal, norms
from symgrad.statements.arithmetic import number, operation, product, quotient, total
from symgrad.statements.expressions import Expression, Number, Operation, Subscript

# SymPy class -> elementwise operation of as many operands
UFUNCS: dict[Any, str] = {
    getattr(sympy, name): numpy
    for name, numpy in {
        "exp": "exp", "log": "log", "sin": "sin", "cos": "cos", "tan": "tan", "asin": "arcsin", "acos": "arccos",
        "atan": "arctan", "atan2": "arctan2", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "asinh": "arcsinh",
        "acosh": "arccosh", "atanh": "arctanh", "Abs": "abs", "sign": "sign", "floor": "floor", "ceiling": "ceil",
        "Max": "maximum", "Min": "minimum", "Mod": "remainder",
    }.items()
}  # fmt: skip
UFUNCS |= {
    cfunctions.log1p: "log1p",
    cfunctions.expm1: "expm1",
    cfunctions.exp2: "exp2",
    cfunctions.log2: "log2",
    cfunctions.log10: "log10",
    cfunctions.Cbrt: "cbrt",
    cfunctions.hypot: "hypot",
    functions.copysign: "copysign",
}

# Functions of `symgrad.runtime`, which has each under its own name with an underscore in front
RUNTIME: frozenset[Any] = frozenset(
    {
        functions.sigmoid,
        norms.reciprocal_norm,
        norms.reciprocal_root,
        normal.inverse_mills,
        logarithms.finite_log,
        logarithms.log_abs1p,
        logarithms.log_growth,
        logarithms.log_growth_excess,
        logarithms.xdivy,
        gamma.log_rising,
        gamma.polygamma_rise,
        gamma.polygamma_excess,
        gamma.log_beta,
        gamma.log_choose,
        gamma.log_besseli,
        gamma.besseli_ratio,
        gamma.besseli_slope,
        normal.mills_excess,
        normal.mills_slope,
        normal.mills_variance,
        normal.mills_curvature,
        normal.log_erfc,
        normal.ndtr_difference,
        normal.log_ndtr_difference,
        normal.interval_mills,
        normal.interval_excess,
    }
)


def _with(head: str, *before: int) -> Callable[[Expression], Expression]:
    """`head` of numbers and the operand."""
    return lambda x: operation(head, *map(number, before), x)


def _one_over(head: str) -> Callable[[Expression], Expression]:
    return lambda x: quotient(number(1), operation(head, x))


def _of_reciprocal(head: str) -> Callable[[Expression], Expression]:
    return lambda x: operation(head, quotient(number(1), x))


def _part(head: str, place: int) -> Callable[[Expression], Expression]:
    """One of several functions that are computed together."""
    return lambda x: Subscript(operation(head, x), (number(place),))


def _sum(*terms: Expression) -> Expression:
    return total([(False, term) for term in terms])


def _difference(first: Expression, second: Expression) -> Expression:
    return total([(False, first), (True, second)])


def _of_gamma(share: str) -> Callable[[Expression, Expression], Expression]:
    return lambda a, x: product([operation(share, a, x), operation("gamma", a)])


def _finite_maximum(x: Expression) -> Expression:
    """At least the smallest number, which the reduction to a maximum begins with."""
    least = operation("least_number")
    if isinstance(x, Operation) and x.head == "max" and x.option("initial") == Number(-sympy.oo):
        return operation("max", *x.parts, **{**dict(x.options), "initial": least})
    return operation("maximum", x, least)


# Other functions, as expressions of the operands
COMPOSED: dict[Any, Callable[..., Expression]] = {
    functions.relu: lambda x: operation("maximum", x, number(0)),
    functions.finite_maximum: _finite_maximum,
    functions.softplus: _with("logaddexp", 0),
    functions.constant: lambda x: x,
    logarithms.difference: _difference,
    sympy.sinc: lambda x: operation("sinc", quotient(x, Number(sympy.pi))),
    sympy.sec: _one_over("cos"),
    sympy.csc: _one_over("sin"),
    sympy.cot: _one_over("tan"),
    sympy.sech: _one_over("cosh"),
    sympy.csch: _one_over("sinh"),
    sympy.coth: _one_over("tanh"),
    # odd, as SymPy has it
    sympy.acot: lambda x: operation("copysign", operation("arctan2", number(1), operation("abs", x)), x),
    sympy.asec: _of_reciprocal("arccos"),
    sympy.acsc: _of_reciprocal("arcsin"),
    sympy.asech: _of_reciprocal("arccosh"),
    sympy.acsch: _of_reciprocal("arcsinh"),
    sympy.acoth: _of_reciprocal("arctanh"),
    sympy.frac: lambda x: _difference(x, operation("floor", x)),
    # of SciPy
    normal.exp_ndtr: lambda x, z: operation("exp", _sum(x, operation("log_ndtr", z))),
    sympy.erf2: lambda low, high: _difference(operation("erf", high), operation("erf", low)),
    sympy.factorial: lambda x: operation("gamma", _sum(x, number(1))),
    sympy.lowergamma: _of_gamma("gammainc"),
    sympy.uppergamma: _of_gamma("gammaincc"),
    sympy.zeta: lambda s, a: operation("zeta", s, a),
    sympy.harmonic: lambda x: _sum(operation("digamma", _sum(x, number(1))), Number(sympy.EulerGamma)),
    sympy.li: lambda x: operation("expi", operation("log", x)),
    sympy.Si: _part("sici", 0),
    sympy.Ci: _part("sici", 1),
    sympy.Shi: _part("shichi", 0),
    sympy.Chi: _part("shichi", 1),
    sympy.fresnels: _part("fresnel", 0),
    sympy.fresnelc: _part("fresnel", 1),
    sympy.airyai: _part("airy", 0),
    sympy.airyaiprime: _part("airy", 1),
    sympy.airybi: _part("airy", 2),
    sympy.airybiprime: _part("airy", 3),
    sympy.LambertW: lambda x: operation("real_part", operation("lambertw", x)),
    sympy.polygamma: lambda n, x: operation("digamma", x) if n == number(0) else operation("polygamma", n, x),
}

# What NumPy lacks and SciPy has under a name of its own
SCIPY: dict[Any, str] = {
    functions.ndtr: "ndtr",
    functions.log_ndtr: "log_ndtr",
    logarithms.xlogy: "xlogy",
    gamma.log_abs_gamma: "gammaln",
    gamma.gamma_sign: "gammasgn",
    sympy.erf: "erf",
    sympy.erfc: "erfc",
    sympy.erfinv: "erfinv",
    sympy.erfcinv: "erfcinv",
    sympy.erfi: "erfi",
    sympy.gamma: "gamma",
    sympy.loggamma: "gammaln",
    sympy.digamma: "digamma",
    sympy.binomial: "binom",
    sympy.beta: "beta",
    sympy.Ei: "expi",
    sympy.expint: "expn",
    sympy.besselj: "jv",
    sympy.bessely: "yv",
    sympy.besseli: "iv",
    sympy.besselk: "kv",
    sympy.elliptic_k: "ellipk",
    sympy.elliptic_e: "ellipe",
}

# The functions of SciPy
SPECIAL = frozenset(SCIPY.values()) | {
    "airy", "fresnel", "gammainc", "gammaincc", "lambertw", "polygamma", "shichi", "sici", "zeta",
}  # fmt: skip

# A function of one argument that the module gets with its name, which may be that of one of NumPy, too
UNIVARIATE = "univariate"

# SciPy gives these in double precision whatever goes in.
DOUBLES = frozenset(
    {sympy.polygamma, sympy.LambertW, sympy.zeta, sympy.expint, sympy.beta, sympy.lowergamma, sympy.uppergamma}
)

RELATIONS: dict[Any, str] = {
    sympy.StrictLessThan: "less",
    sympy.LessThan: "less_equal",
    sympy.StrictGreaterThan: "greater",
    sympy.GreaterThan: "greater_equal",
    sympy.Eq: "equal",
    sympy.Ne: "not_equal",
}
CONNECTIVES: dict[Any, str] = {sympy.And: "and", sympy.Or: "or"}


def applied(head: Any, operands: Sequence[Expression]) -> Expression | None:
    """A function of operands; None if neither NumPy nor SciPy nor the runtime has it, for so many of them."""
    if head in COMPOSED:
        made = COMPOSED[head]
        return made(*operands) if len(signature(made).parameters) == len(operands) else None
    name = UFUNCS.get(head) or SCIPY.get(head) or (head.__name__ if head in RUNTIME else None)
    return None if name is None else Operation(name, tuple(operands))
