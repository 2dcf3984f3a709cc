"""Sums of products: `matmul` of matrices and vectors, `vdot`, a solve where a factor is an inverse, else `einsum`."""

from collections.abc import Sequence
from typing import Any

from symgrad.graph.letters import distinct
from symgrad.graph.nodes import Letter
from symgrad.lowering.linear_algebra import solve
from symgrad.lowering.values import Value, transpose
from symgrad.statements.arithmetic import matrix_product, operation
from symgrad.statements.expressions import FloatingType

NAMES = "ijklmnopqrstuvwxyzabcdefghABCDEFGHIJKLMNOPQRSTUVWXYZ"


def contraction(factors: Sequence[Value], out: Sequence[Letter]) -> Value:
    """Σ over the letters that are not in `out` of the product of the factors, in this order where that is free."""
    left = _solved(list(factors), out)
    if len(left) == 1:
        return sum_over(left[0], [letter for letter in left[0].letters if letter not in out])
    made = _product(left[0], left[1], out) if len(left) == 2 else None
    return einsum(left, out) if made is None else made


def sum_over(value: Value, gone: Sequence[Letter]) -> Value:
    """The sum over these letters; that of conditions, which counts them, is of the arguments' floating type."""
    if not gone:
        return value
    kept = tuple(letter for letter in value.letters if letter not in gone)
    axes = sorted(value.letters.index(letter) for letter in gone)
    options: dict[str, Any] = {"axis": axes[0] if len(axes) == 1 else tuple(axes)} if kept else {}
    options |= {} if value.kind == "real" else {"dtype": FloatingType()}
    return Value(operation("sum", value.expression, **options), kept)


def einsum(values: Sequence[Value], out: Sequence[Letter]) -> Value:
    """A sum of products by the letters of its operands; its axes are those of `out` that they have."""
    letters = distinct([letter for value in values for letter in value.letters])
    names = dict(zip(letters, NAMES, strict=False))
    kept = tuple(letter for letter in out if letter in letters)
    inside = tuple("".join(names[x] for x in value.letters) for value in values)
    sides = inside, "".join(names[x] for x in kept)
    return Value(operation("einsum", *(value.expression for value in values), letters=sides), kept)


def _product(first: Value, second: Value, out: Sequence[Letter]) -> Value | None:
    """Of two operands as `matmul` or `vdot`; None if it is another product."""
    shared = [letter for letter in first.letters if letter in second.letters]
    if {letter for letter in (*first.letters, *second.letters) if letter not in out} != set(shared):
        return None
    rows, columns = ([x for x in value.letters if x not in shared] for value in (first, second))
    if not rows and not columns and len(shared) > 1:
        return Value(operation("vdot", first.expression, transpose(second, first.letters).expression), ())
    if len(shared) != 1 or len(rows) > 1 or len(columns) > 1:
        return None
    (inner,) = shared

    def turns(left: Value, right: Value) -> int:
        """How many arrays are transposed: operands, or the result by who wants it."""
        made = [x for x in (*left.letters, *right.letters) if x != inner]
        order = [x for x in out if x in made]
        straight = [
            left.symmetric or left.letters[-1] == inner,
            right.symmetric or right.letters[0] == inner,
            made == order,
        ]
        return straight.count(False)

    if turns(second, first) < turns(first, second):
        first, second, rows, columns = second, first, columns, rows
    left, right = transpose(first, [*rows, inner]), transpose(second, [inner, *columns])
    return Value(matrix_product(left.expression, right.expression), (*rows, *columns))


def _solved(values: list[Value], out: Sequence[Letter]) -> list[Value]:
    """The operands with A⁻¹ b as solutions of A x = b."""
    for n, inverse in enumerate(values):
        for m, other in enumerate(values):
            rest = [value for k, value in enumerate(values) if k not in (n, m)]
            elsewhere = {*out, *(x for value in rest for x in value.letters)}
            summed = [x for x in distinct([*inverse.letters, *other.letters]) if x not in elsewhere]
            made = solve(inverse, other, summed) if n != m else None
            if made is not None:
                return _solved([made, *rest], out)
    return values
