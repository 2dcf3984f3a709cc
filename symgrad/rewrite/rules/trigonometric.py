"""Hyperbolic and trigonometric functions that have a name."""

from sympy import cosh, sinh, tanh

from symgrad.rewrite.rules.rule import Rule, x

TRIGONOMETRIC = (Rule("tanh", "recognise", sinh(x) / cosh(x), tanh(x), "inf/inf for large x", "definition of tanh"),)
