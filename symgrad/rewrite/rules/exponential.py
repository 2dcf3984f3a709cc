"""Exponentials and logarithms near 1 and near 0."""

from sympy import exp, log
from sympy.codegen.cfunctions import expm1, log1p

from symgrad.rewrite.record import MAECHLER
from symgrad.rewrite.rules.rule import Rule, x, y
from symgrad.univariate import log1mexp

EXPONENTIAL = (
    Rule(
        "log of a difference of exponentials",
        "recognise",
        log(exp(x) - exp(y)),
        x + log1mexp(x - y),
        "both exponentials overflow beyond 709",
        MAECHLER,
        (0.5, 0.75, 1.5, 2.5, 30.0, 40.0),
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
    Rule(
        "log of minus expm1",
        "stabilise",
        log(-expm1(x)),
        log1mexp(-x),
        "the logarithm of what is near 1, or near 0",
        MAECHLER,
        (-40.0, -2.5, -0.5, -1e-9),
    ),
    Rule("expm1", "stabilise", exp(x) - 1, expm1(x), "exp(x) - 1 cancels for small x", MAECHLER),
    Rule("minus expm1", "stabilise", 1 - exp(x), -expm1(x), "1 - exp(x) cancels for small x", MAECHLER),
)
