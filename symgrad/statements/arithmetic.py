"""Constructors of arithmetic: sums, products, quotients, powers and their signs, in one normal form."""

from collections.abc import Sequence
from typing import Any

from sympy import S

from symgrad.statements.expressions import Expression, Number, Operation, Total


def number(value: Any) -> Number:
    """A number of Python's."""
    return Number(S(value))


def operation(head: str, *operands: Expression, **options: Any) -> Operation:
    """`head` of the operands."""
    return Operation(head, operands, tuple(options.items()))


def product(factors: Sequence[Expression]) -> Expression:
    """The entrywise product, from left to right; of one factor it is that."""
    return factors[0] if len(factors) == 1 else Operation("multiply", tuple(factors))


def quotient(above: Expression, below: Expression) -> Expression:
    """above / below, entrywise."""
    return operation("divide", above, below)


def power(base: Expression, exponent: Expression) -> Expression:
    """base ** exponent, entrywise."""
    return operation("power", base, exponent)


def square(base: Expression) -> Expression:
    """base², entrywise."""
    return power(base, number(2))


def matrix_product(left: Expression, right: Expression) -> Expression:
    """left @ right: over the last axis of the one and the last but one of the other."""
    return operation("matmul", left, right)


def total(terms: Sequence[tuple[bool, Expression]]) -> Expression:
    """The sum of terms, each subtracted if it has a sign; the first one then has it itself."""
    (sign, first), *rest = terms
    first = with_sign(first) if sign else first
    return Total(((False, first), *rest)) if rest else first


def negative(value: Expression) -> Expression:
    """−value, entrywise."""
    return operation("negative", value)


def with_sign(value: Expression) -> Expression:
    """−value, with the sign at its first factor, whose array is the smaller one or a number."""
    match value:
        case Operation(head="multiply" | "matmul" | "divide", parts=(first, *rest)):
            return value.rebuilt([with_sign(first), *rest])
    return negative(value)


def without_sign(value: Expression) -> tuple[Expression, bool]:
    """The value without a sign at its first factor, and whether there was one."""
    match value:
        case Operation(head="negative", parts=(inner,)):
            return inner, True
        case Number(value=found) if found.is_number and found.is_negative:
            return Number(-found), True
        case Operation(head="multiply" | "matmul" | "divide", parts=(first, *rest)):
            inner, minus = without_sign(first)
            return value.rebuilt([inner, *rest]), minus
    return value, False


def binary(value: Expression) -> tuple[str, tuple[Expression, ...]] | None:
    """An arithmetic operation as one of at most two operands: the last step of a longer sum or product."""
    match value:
        case Total(terms=(*rest, (sign, last))):
            left = Total(tuple(rest)) if len(rest) > 1 else rest[0][1]
            return "subtract" if sign else "add", (left, last)
        case Operation(head="multiply", parts=(*factors, last), options=()):
            return "multiply", (product(factors), last)
        case Operation(head="power", parts=(base, Number(value=exponent))) if exponent == 2:
            return "square", (base,)
        case Operation(head="divide" | "negative" as head, parts=parts):
            return head, parts
    return None


def joined(value: Expression, operands: Sequence[Expression]) -> Expression:
    """An arithmetic operation that `binary` took apart, of other operands."""
    step = binary(value)
    if step is None:
        return value.rebuilt(operands)
    head, before = step
    if all(new is old for new, old in zip(operands, before, strict=True)):
        return value
    first, *rest = operands
    if head == "square":
        return square(first)
    if head in ("add", "subtract"):
        terms = first.terms if isinstance(first, Total) else ((False, first),)
        return Total((*terms, (head == "subtract", rest[0])))
    if head == "multiply" and isinstance(first, Operation) and first.head == "multiply" and not first.options:
        return product([*first.parts, *rest])
    return Operation(head, tuple(operands))


def parts_in_steps(value: Expression) -> tuple[Expression, ...]:
    """The operands of the last step of an expression."""
    step = binary(value)
    return value.operands if step is None else step[1]
