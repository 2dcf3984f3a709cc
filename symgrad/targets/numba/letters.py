"""Which letters a step has, in which order, and those of the operands of products."""

from collections.abc import Sequence

from sympy import Expr, Symbol, expand

from symgrad.statements.arithmetic import operation
from symgrad.statements.expressions import Expression, Length, Operation, Place, Shape, Subscript, parts_of
from symgrad.targets.numba.steps import Index, NotNative


def in_order(value: Expression, places: Index, lengths: dict[Symbol, Expr]) -> tuple[Symbol, ...]:
    """All letters of a step, in the order in which its arrays with most axes have them."""
    arrays = [part.places for part in parts_of(value) if isinstance(part, Subscript)]
    found: dict[Symbol, None] = {}
    ordered = [place for index in sorted(arrays, key=_letters_of_loops, reverse=True) for place in index]
    for part in (*ordered, *(part for one in (*places, value) for part in parts_of(one))):
        if isinstance(part, Length):
            found.update(dict.fromkeys(s for s in sorted(part.value.free_symbols, key=str) if s in lengths))
    return tuple(found)


def counted(start: Expr, along: Length) -> Expression:
    """A place so far from a start that is not negative."""
    return along if start == 0 else operation("counted", Length(expand(start + along.value)))


def _letters_of_loops(index: Sequence[Place]) -> int:
    """How many letters of loops stand in an index by themselves: the last of them has entries side by side."""
    return sum(isinstance(place, Length) and place.value.is_Symbol for place in index)


def letters_of(expression: Operation, shapes: Sequence[Shape]) -> tuple[tuple[str, ...], str]:
    """The letters of the operands of a product, and of its result."""
    if expression.head == "einsum":
        words, out = expression.option("letters")
        return tuple(words), out
    left, right = map(len, shapes)
    if expression.head == "tensordot":
        first, second = expression.option("axes")
        one, other = "abcdefgh"[:left], list("ijklmnop"[:right])
        for mine, its in zip(first, second, strict=True):
            other[its] = one[mine]
        out = [x for n, x in enumerate(one) if n not in first] + [x for n, x in enumerate(other) if n not in second]
        return (one, "".join(other)), "".join(out)
    if expression.head == "vdot":
        word = "abcdefgh"[: max(left, right)]
        return (word, word), ""
    if not left or not right or max(left, right) > 8:
        raise NotNative(expression.head)
    batch = "abcdefgh"[: max(left, right, 2) - 2]
    first = "k" if left == 1 else f"{batch[len(batch) - (left - 2) :]}ik"
    second = "k" if right == 1 else f"{batch[len(batch) - (right - 2) :]}kj"
    out = f"{batch if max(left, right) > 2 else ''}{'i' if left > 1 else ''}{'j' if right > 1 else ''}"
    return (first, second), out
