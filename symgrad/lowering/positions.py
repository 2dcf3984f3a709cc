"""Subscripts and comparisons of indices in integers, as the model means them."""

from collections.abc import Callable, Iterable, Sequence
from math import lcm
from typing import Any

from sympy import Abs, Expr, Integer, Max, Min, Mod, Number, Pow, ceiling, floor

from symgrad.functions import if_else, in_range, relu
from symgrad.graph.letters import distinct
from symgrad.graph.nodes import Add, Apply, Contract, Size, Use
from symgrad.graph.transform import place
from symgrad.lowering.values import Value, broadcast
from symgrad.statements.arithmetic import negative, number, operation, power, product, quotient, total
from symgrad.statements.expressions import Expression, Label
from symgrad.statements.expressions import Size as WholeSize

_ENTRYWISE = {Max: "maximum", Min: "minimum", Abs: "abs"}

Read = Callable[[Use], Value]
Checked = Callable[[Expression, Expression, Label], Expression]


def integer_product(node: Contract, read: Read, letters: Sequence[Any]) -> Value:
    """A product of integers; with a divisor, a quotient for `floor` to round."""
    above: list[Expression] = []
    below: list[Expression] = []
    for use, exponent in node.factors:
        value, size = broadcast(read(use), letters).expression, abs(exponent)
        (above if exponent > 0 else below).append(value if size == 1 else power(value, number(size)))
    made = product(above or [number(1)])
    for divisor in below:
        made = quotient(made, divisor)
    present = distinct(x for x in letters if any(x in read(use).letters for use, _ in node.factors))
    return Value(made, present, "integer")


def apply_value(node: Apply, read: Read, letters: Sequence[Any], checked: Checked) -> Value | None:
    """A function of integers whose value is an integer; None if there is another spelling.

    `checked` gives positions that have to lie on an axis, from these, its length and what an error calls them.
    """
    head, letters = node.head, tuple(letters)
    if head in (floor, ceiling):
        return _rounded(head, node.args[0], read, letters)
    uses = node.args[:2] if head is in_range else node.args
    args = [broadcast(read(use), letters).expression for use in uses]
    made: Expression
    if head is if_else:
        made = operation("where", *args)
    elif head is in_range:
        made = checked(args[0], args[1], Label(str(node.args[2].node.value)))  # type: ignore[attr-defined]
    elif head is Pow:
        made = power(*args)
    elif head is Mod:
        made = operation("mod", *args)
    elif head in _ENTRYWISE:
        made = operation(_ENTRYWISE[head], *args)
    elif head is relu:
        made = operation("maximum", *args, number(0))
    else:
        return None
    return Value(made, letters, "integer")


def _rounded(head: Any, use: Use, read: Read, letters: tuple[Any, ...]) -> Value:
    """floor(a/b) = a // b and ceiling(a/b) = -(-a // b), in integers."""
    sign = 1 if head is floor else -1
    numerator, denominator = _quotient(use)
    if numerator is None or denominator is None:
        name = "floor" if head is floor else "ceil"
        rounded = operation(name, broadcast(read(use), letters).expression)
        return Value(operation("whole", rounded), letters, "integer")
    made = _combination([(sign * c, part) for c, part in numerator], read, letters)
    made = made if denominator == 1 else operation("floor_divide", made, WholeSize(denominator))
    return Value(made if sign == 1 else negative(made), letters, "integer")


def _quotient(use: Use) -> tuple[list[tuple[Number, Use]] | None, Expr | None]:
    """Integer multiples of integer terms, and what divides their sum."""
    node = use.node
    if isinstance(node, Add) and all(c.is_Rational for c, _ in node.terms):
        common = lcm(*(int(c.q) for c, _ in node.terms))
        parts = [(c * common, place(part, use.letters)) for c, part in node.terms]
        if len(parts) == 1 and common == 1:
            return None, None
        return parts, Integer(common)
    if isinstance(node, Contract) and not node.bound:
        below = [(part, e) for part, e in node.factors if e.is_negative]
        if len(below) == 1 and isinstance(below[0][0].node, Size) and below[0][1] == -1:
            above = [(place(part, use.letters), e) for part, e in node.factors if e.is_positive]
            if len(above) == 1 and above[0][1] == 1 and isinstance(above[0][0].node, Add):
                inner = above[0][0]
                terms = [(c, place(part, inner.letters)) for c, part in inner.node.terms]  # type: ignore[attr-defined]
                return terms, below[0][0].node.value
    return None, None


def _combination(terms: Iterable[tuple[Number, Use]], read: Read, letters: tuple[Any, ...]) -> Expression:
    """An integer combination."""
    made: list[tuple[bool, Expression]] = []
    for coefficient, use in sorted(terms, key=lambda term: bool(term[0].is_negative)):
        value, size = broadcast(read(use), letters).expression, abs(coefficient)
        term = value if size == 1 else product([number(size), value])
        made.append((bool(coefficient.is_negative), number(size) if value == number(1) else term))
    return total(made)
