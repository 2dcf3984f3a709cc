"""Functions with a kink: one convention for each."""

from sympy import Abs, Integer, Max, sign

from symgrad.functions import if_else, relu
from symgrad.rewrite.rules.rule import Rule, x

KINKS = (
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
)
