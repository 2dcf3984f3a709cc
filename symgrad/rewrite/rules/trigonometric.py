"""Hyperbolic and trigonometric functions that overflow, or cancel near 0."""

from sympy import Abs, cosh, log, sinh, tanh
from sympy.codegen.cfunctions import expm1, log1p

from symgrad.functions import sigmoid
from symgrad.rewrite.record import LOGISTIC, MAECHLER
from symgrad.rewrite.rules.rule import Rule, x

TRIGONOMETRIC = (
    Rule("tanh", "recognise", sinh(x) / cosh(x), tanh(x), "inf/inf for large x", "definition of tanh"),
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
)
