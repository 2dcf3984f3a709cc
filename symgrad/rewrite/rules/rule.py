"""What a scalar rewrite rule is."""

from dataclasses import dataclass
from typing import Literal

from sympy import Expr, Symbol

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
