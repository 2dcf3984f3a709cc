"""Sizes as Python integers: `K*(K - 1)/2` is `K*(K - 1) // 2`, and never a floating number."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sympy import Expr, S, Symbol
from sympy.printing.str import StrPrinter

from symgrad.graph.dimensions import as_quotient


class _Sizes(StrPrinter):  # type: ignore[misc]
    def _print_floor(self, expr: Any) -> str:
        return f"({size_text(expr.args[0])})"

    def _print_ceiling(self, expr: Any) -> str:
        return f"(-({size_text(-expr.args[0])}))"

    def _print_Mod(self, expr: Any) -> str:
        return f"({' % '.join(size_text(arg) if arg.is_Atom else f'({size_text(arg)})' for arg in expr.args)})"

    def _print_Abs(self, expr: Any) -> str:
        return f"abs({size_text(expr.args[0])})"

    def _print_Max(self, expr: Any) -> str:
        return f"max({', '.join(size_text(arg) for arg in expr.args)})"

    def _print_Min(self, expr: Any) -> str:
        return f"min({', '.join(size_text(arg) for arg in expr.args)})"


def size_text(size: Any, lengths: Mapping[Symbol, str] | None = None) -> str:
    """A size as Python text; a quotient is rounded down, which changes nothing where the size is an integer.

    Dimensions in `lengths` are written as it says.
    """
    return _text(S(size), tuple((lengths or {}).items()))


@lru_cache(maxsize=4096)
def _text(size: Expr, lengths: tuple[tuple[Symbol, str], ...]) -> str:
    expr: Expr = size.xreplace({dimension: Symbol(text) for dimension, text in lengths}) if lengths else size
    if expr.is_Symbol or expr.is_Integer:
        return str(expr)
    numerator, denominator = as_quotient(expr)
    if denominator == 1:
        return str(_Sizes().doprint(expr))
    above, below = (_Sizes().doprint(part) for part in (numerator, denominator))
    above = f"({above})" if numerator.is_Add else above
    return f"{above} // {below if denominator.is_Atom else f'({below})'}"


def tuple_text(parts: Sequence[Any]) -> str:
    """A tuple of sizes, or of text."""
    texts = [part if isinstance(part, str) else size_text(part) for part in parts]
    return f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"
