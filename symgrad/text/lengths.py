"""Sizes that are computed of others, such as `2*H + 2`: sums of products, each written in one way only."""

import re
from collections.abc import Iterable
from math import prod

from symgrad.text import tree

Terms = dict[tuple[str, ...], int]  # products of names, each with its factor

MOST_FACTORS = 8  # of a product, and at most as many terms: sizes of arrays have two or three


def label(size: tree.Expression) -> str | None:
    """The text of a size, the same for all that are equal; None of what is no sum of products of names and numbers.

    Examples
    --------
    >>> from symgrad.text.reading import read
    >>> label(read("1 + H*2").result)
    '2*H+1'
    """
    terms = _terms(size)
    return None if terms is None or len(terms) > MOST_FACTORS else _text(terms)


def length(binder: tree.Binder) -> str | None:
    """How many values a bound index has by its range, N of `1:N` and of `0:N-1`; None where the axis says it."""
    if binder.lower is None or binder.upper is None:
        return None
    lower, upper = _terms(binder.lower), _terms(binder.upper)
    if lower is None or upper is None:
        return None
    return _text(_sum([upper, _times(lower, {(): -1}), {(): 1}]))


def products(text: str) -> list[tuple[int, tuple[str, ...]]]:
    """The terms of a size: factor and names of each."""
    made = []
    for term in text.replace("-", "+-").lstrip("+").split("+"):
        factors = re.sub(r"^-(?=\D)", "-1*", term).split("*")
        numbers = [int(factor) for factor in factors if factor.lstrip("-").isdigit()]
        made.append((prod(numbers), tuple(factor for factor in factors if not factor.lstrip("-").isdigit())))
    return made


def names(text: str) -> tuple[str, ...]:
    """The sizes that it is computed of."""
    return tuple(name for _, factors in products(text) for name in factors)


def is_positive(text: str) -> bool:
    """Whether it can be the size of an axis: not 0, nor negative whatever its names are."""
    return any(factor > 0 for factor, _ in products(text))


def is_plain(text: str) -> bool:
    """Whether it is a name or a number, and not computed."""
    return not re.search(r"[-+*]", text)


def _terms(size: tree.Expression) -> Terms | None:
    match size:
        case tree.Name():
            return {(size.text,): 1}
        case tree.Number() if size.text.isdigit():
            return {(): int(size.text)}
        case tree.Negative():
            inside = _terms(size.operand)
            return None if inside is None else _times(inside, {(): -1})
        case tree.Binary() if size.operator in (tree.PLUS, tree.MINUS, tree.TIMES):
            left, right = _terms(size.left), _terms(size.right)
            if left is None or right is None:
                return None
            if size.operator == tree.TIMES:
                return _times(left, right)
            return _sum([left, right if size.operator == tree.PLUS else _times(right, {(): -1})])
    return None


def _sum(parts: Iterable[Terms]) -> Terms:
    made: Terms = {}
    for part in parts:
        for names, factor in part.items():
            made[names] = made.get(names, 0) + factor
    return {names: factor for names, factor in made.items() if factor}


def _times(left: Terms, right: Terms) -> Terms:
    products = ({tuple(sorted(a + b)): m * n} for a, m in left.items() for b, n in right.items())
    return _sum(products)


def _text(terms: Terms) -> str:
    """The products in the order of their names, the number at the end."""
    made = ""
    for names, factor in sorted(terms.items(), key=lambda term: (not term[0], term[0])):
        product = "*".join([*([str(abs(factor))] if abs(factor) != 1 or not names else []), *names])
        made += ("-" if factor < 0 else "+" if made else "") + product
    return made or "0"
