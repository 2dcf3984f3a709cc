"""Sizes as Python integers: `K*(K - 1)/2` is `K*(K - 1) // 2`, and never a floating number."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sympy import Expr, S, Symbol
from sympy.printing.str import StrPrinter

_lengths: dict[Symbol, Symbol] = {}


@contextmanager
def lengths_as(texts: Mapping[Symbol, str]) -> Iterator[None]:
    """While it lasts, dimensions are written so: a block has as many rows as its arrays have."""
    _lengths.update({dimension: Symbol(text) for dimension, text in texts.items()})
    try:
        yield
    finally:
        _lengths.clear()


class _Sizes(StrPrinter):  # type: ignore[misc]
    def _print_floor(self, expr: Any) -> str:
        return f"({size_text(expr.args[0])})"

    def _print_ceiling(self, expr: Any) -> str:
        return f"(-({size_text(-expr.args[0])}))"

    def _print_Mod(self, expr: Any) -> str:
        return f"(({size_text(expr.args[0])}) % ({size_text(expr.args[1])}))"

    def _print_Max(self, expr: Any) -> str:
        return f"max({', '.join(size_text(arg) for arg in expr.args)})"

    def _print_Min(self, expr: Any) -> str:
        return f"min({', '.join(size_text(arg) for arg in expr.args)})"


def size_text(size: Any) -> str:
    """A size as Python text; a quotient is rounded down, which changes nothing where the size is an integer."""
    expr: Expr = S(size).xreplace(_lengths)
    numerator, denominator = expr.together().as_numer_denom()
    if denominator == 1:
        return str(_Sizes().doprint(expr))
    above, below = (_Sizes().doprint(part) for part in (numerator, denominator))
    above = f"({above})" if numerator.is_Add else above
    return f"{above} // {below if denominator.is_Atom else f'({below})'}"
