"""The scalar rewrite rules, as data: a pattern and its replacement in SymPy, the reason, the source, sample points.

A symbol of a pattern matches any term. Rules of phase `recognise` give plain spellings their proper name, so that what
follows sees one function however it was written; rules of phase `stabilise` run last, on the code only, and replace
what loses digits by what does not.
"""

from dataclasses import dataclass
from typing import Literal

from sympy import Abs, Expr, Integer, Max, Rational, Symbol, cosh, exp, log, sign, sinh, tanh
from sympy.codegen.cfunctions import expm1, log1p

from symgrad.functions import if_else, log_sigmoid, relu, sigmoid, softplus
from symgrad.rewrite.record import LOGISTIC, MAECHLER

x, y = Symbol("x", real=True), Symbol("y", real=True)


@dataclass(frozen=True)
class Rule:
    """`pattern` = `replacement`, for every real x, y of `samples` (checked at high precision by the tests)."""

    name: str
    phase: Literal["recognise", "stabilise"]
    pattern: Expr
    replacement: Expr
    reason: str
    source: str
    samples: tuple[float, ...] = (-30.0, -2.5, -0.25, 0.125, 1.5, 30.0)


RULES = (
    Rule("sigmoid", "recognise", 1 / (1 + exp(x)), sigmoid(-x), "exp(x) overflows beyond 709", LOGISTIC),
    Rule("sigmoid of exp", "recognise", exp(x) * sigmoid(-x), sigmoid(x), "inf·0 for large x", LOGISTIC),
    Rule(
        "complement of exp",
        "recognise",
        exp(x) * (1 - sigmoid(x)),
        sigmoid(x),
        "inf·0 for large x",
        LOGISTIC,
    ),
    Rule(
        "sigmoid of tanh",
        "recognise",
        Rational(1, 2) + tanh(x) / 2,
        sigmoid(2 * x),
        "cancels for negative x",
        LOGISTIC,
    ),
    Rule(
        "sigmoid of a quotient",
        "recognise",
        exp(x) / (exp(x) + exp(y)),
        sigmoid(x - y),
        "both exponentials overflow beyond 709",
        LOGISTIC,
    ),
    Rule("sigmoid of cosh", "recognise", exp(x) / cosh(x), 2 * sigmoid(2 * x), "inf/inf for large x", LOGISTIC),
    Rule("mirrored sigmoid of cosh", "recognise", exp(-x) / cosh(x), 2 * sigmoid(-2 * x), "0/inf", LOGISTIC),
    Rule("tanh", "recognise", sinh(x) / cosh(x), tanh(x), "inf/inf for large x", "definition of tanh"),
    Rule("softplus", "recognise", log(1 + exp(x)), softplus(x), "exp(x) overflows beyond 709", MAECHLER),
    Rule("log sigmoid", "recognise", log(sigmoid(x)), -softplus(-x), "σ(x) underflows below -745", MAECHLER),
    Rule(
        "log of one minus sigmoid", "recognise", log(1 - sigmoid(x)), -softplus(x), "1 - σ(x) is 0 beyond 37", MAECHLER
    ),
    Rule("log_sigmoid", "recognise", log_sigmoid(x), -softplus(-x), "one function for both spellings", MAECHLER),
    Rule("exp of log sigmoid", "recognise", exp(-softplus(x)), sigmoid(-x), "one function for both", LOGISTIC),
    Rule("relu", "recognise", Max(x, 0), relu(x), "one convention at the kink", "definition of relu"),
    Rule(
        "relu of a condition",
        "recognise",
        if_else(x > 0, x, Integer(0)),
        relu(x),
        "one convention at the kink",
        "definition of relu",
    ),
    Rule(
        "relu of a weak condition",
        "recognise",
        if_else(x >= 0, x, Integer(0)),
        relu(x),
        "one convention at the kink",
        "definition of relu",
    ),
    Rule("slope of log of abs", "recognise", sign(x) / Abs(x), 1 / x, "0/0 at 0", "definition of the sign"),
    Rule(
        "log cosh",
        "stabilise",
        log(cosh(x)),
        Abs(x) + log1p(expm1(-2 * Abs(x)) / 2),
        "cosh(x) overflows beyond 710, and is 1 for small x",
        MAECHLER,
    ),
    Rule(
        "square of sech",
        "stabilise",
        cosh(x) ** -2,
        4 * sigmoid(2 * x) * sigmoid(-2 * x),
        "cosh(x)² overflows beyond 355",
        LOGISTIC,
    ),
    Rule("complement of sigmoid", "stabilise", 1 - sigmoid(x), sigmoid(-x), "1 - σ(x) is 0 beyond 37", LOGISTIC),
    Rule(
        "difference of sigmoids",
        "stabilise",
        sigmoid(x) - sigmoid(y),
        tanh((x - y) / 2) * (sigmoid(x) * sigmoid(-y) + sigmoid(y) * sigmoid(-x)),
        "σ(x) - σ(y) cancels where x and y are near each other, or both large",
        LOGISTIC,
    ),
    Rule(
        "log1p",
        "stabilise",
        log(1 + x),
        log1p(x),
        "1 + x drops the digits of a small x",
        MAECHLER,
        (-0.9, 1e-9, 0.5, 40.0),
    ),
    Rule("expm1", "stabilise", exp(x) - 1, expm1(x), "exp(x) - 1 cancels for small x", MAECHLER),
)
