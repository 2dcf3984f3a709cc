"""Dimensions at given sizes: the length of an axis as a number, and sizes in words."""

from collections.abc import Mapping

from sympy import Basic, Expr, Integer, sympify

from symgrad.errors import ModelError


def concrete(expression: Expr, sizes: Mapping[Basic, int]) -> int:
    """A length where the dimensions have the given sizes.

    Raises
    ------
    ModelError
        If a dimension has no size, or the length is not an integer.
    """
    if expression in sizes:  # as most lengths are
        return sizes[expression]
    value = sympify(expression).xreplace({symbol: Integer(size) for symbol, size in sizes.items()})
    if not value.is_Integer:
        missing = ", ".join(sorted(str(symbol) for symbol in value.free_symbols))
        if missing:
            raise ModelError(f"the length {expression} has no value: sizes= lacks {missing}")
        raise ModelError(f"the length {expression} is {value} at {format_sizes(sizes)}, which is no integer")
    return int(value)


def format_sizes(sizes: Mapping[Basic, int]) -> str:
    """`M=2, N=3`, or `no dimensions`.

    Examples
    --------
    >>> from sympy import symbols
    >>> N, M = symbols("N M")
    >>> format_sizes({N: 3, M: 2})
    'M=2, N=3'
    """
    return ", ".join(f"{symbol}={sizes[symbol]}" for symbol in sorted(sizes, key=str)) or "no dimensions"
