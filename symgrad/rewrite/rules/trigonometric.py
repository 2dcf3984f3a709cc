"""Hyperbolic functions that have a name, and a trigonometric one that cancels."""

from sympy import cos, cosh, sin, sinh, tanh

from symgrad.rewrite.rules.rule import Rule, x

HANDBOOK = "Abramowitz and Stegun, Handbook of Mathematical Functions (1964), section 4.3"

TRIGONOMETRIC = (
    Rule("tanh", "recognise", sinh(x) / cosh(x), tanh(x), "inf/inf for large x", "definition of tanh"),
    Rule("versed sine", "stabilise", 1 - cos(x), 2 * sin(x / 2) ** 2, "cancels near multiples of 2π", HANDBOOK),
)
