"""What a scalar rewrite rule is."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from sympy import Add, Expr, Mul, Number, Pow, Symbol, preorder_traversal

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

    @cached_property
    def heads(self) -> frozenset[Any]:
        """The functions of the pattern: a term without one of them does not match."""
        parts = preorder_traversal(self.pattern)
        return frozenset(type(part) for part in parts if not isinstance(part, Symbol | Number | Add | Mul | Pow))
