"""Sums of products: `@` for matrices and vectors, `vdot`, a solve where a factor is an inverse, else `einsum`."""

from collections.abc import Sequence

from symgrad.codegen.values import ATOM, MATMUL, UNARY, Value, transpose
from symgrad.graph.letters import distinct
from symgrad.graph.nodes import Letter

_NAMES = "ijklmnopqrstuvwxyzabcdefghABCDEFGHIJKLMNOPQRSTUVWXYZ"


def contraction(values: Sequence[Value], wanted: Sequence[int], dtype: str, library: str) -> Value:
    """Σ over the letters that are not wanted of the product of the values, in the wanted order where that is free."""
    rank = len(wanted)
    left, about = _solved(list(values), rank, library), next((v.about for v in values if v.about), "")
    if len(left) == 1:
        return _sum(left[0], rank, dtype)
    made = _product(left[0], left[1], wanted, library) if len(left) == 2 else None
    if made is None:
        letters = distinct([letter for value in left for letter in value.letters])
        names = dict(zip(letters, _NAMES, strict=False))
        out = [letter for letter in wanted if letter in letters]
        sides = ",".join("".join(names[x] for x in value.letters) for value in left)
        texts = ", ".join(value.text for value in left)
        made = Value(f'{library}.einsum("{sides}->{"".join(names[x] for x in out)}", {texts})', ATOM, tuple(out))
    return Value(made.text, made.level, made.letters, made.kind, about)


def _sum(value: Value, rank: int, dtype: str) -> Value:
    gone = [axis for axis, letter in enumerate(value.letters) if letter >= rank]
    kept = tuple(letter for letter in value.letters if letter < rank)
    if not gone:
        return value
    options = [f"axis={gone[0] if len(gone) == 1 else tuple(gone)}"] if kept else []
    options += [f"dtype={dtype}"] if value.kind != "real" else []  # how often a condition holds
    return Value(f"{value.at(ATOM)}.sum({', '.join(options)})", ATOM, kept, "real", value.about)


def _product(first: Value, second: Value, wanted: Sequence[int], library: str) -> Value | None:
    """Of two operands as `@` or `vdot`; None if it is another product."""
    rank = len(wanted)
    shared = [letter for letter in first.letters if letter in second.letters]
    summed = {letter for letter in (*first.letters, *second.letters) if letter >= rank}
    if summed != set(shared):
        return None
    rows, columns = ([x for x in value.letters if x not in shared] for value in (first, second))
    if not rows and not columns and len(shared) > 1:
        return Value(f"{library}.vdot({first.text}, {transpose(second, first.letters).text})", ATOM, ())
    if len(shared) != 1 or len(rows) > 1 or len(columns) > 1:
        return None
    (inner,) = shared

    def turns(left: Value, right: Value) -> int:
        """How many arrays are transposed: operands, or the result by who wants it."""
        out = [x for x in (*left.letters, *right.letters) if x != inner]
        order = [x for x in wanted if x in out]
        return [left.letters[-1] == inner, right.letters[0] == inner, out == order].count(False)

    if turns(second, first) < turns(first, second):
        first, second, rows, columns = second, first, columns, rows
    left, right = transpose(first, [*rows, inner]), transpose(second, [inner, *columns])
    text = f"{left.text if left.level == MATMUL else left.at(UNARY)} @ {right.at(UNARY)}"
    return Value(text, MATMUL, (*rows, *columns))


def _solved(values: list[Value], rank: int, library: str) -> list[Value]:
    """The operands with A⁻¹ b as solutions of A x = b."""
    for n, inverse in enumerate(values):
        for m, other in enumerate(values):
            others = {x for k, value in enumerate(values) if k not in (n, m) for x in value.letters}
            if n != m and (made := _solution(inverse, other, rank, others, library)) is not None:
                return _solved([made, *(value for k, value in enumerate(values) if k not in (n, m))], rank, library)
    return values


def _solution(inverse: Value, other: Value, rank: int, others: set[Letter], library: str) -> Value | None:
    """The product of an inverse with an operand as a solve; None if it is not one matrix times columns."""
    matrix = inverse.inverse_of
    if matrix is None:
        return None
    *batch, first, second = matrix.letters
    shared = [x for x in (first, second) if x in other.letters]
    if len(shared) != 1 or shared[0] < rank or shared[0] in others:
        return None
    (inner,) = shared
    outer = first if inner == second else second
    stack = [x for x in batch if x in other.letters]
    columns = [x for x in other.letters if x not in (*batch, inner)]
    if len(columns) > 1 or stack not in ([], batch):
        return None
    left = matrix if inner == second else transpose(matrix, [*batch, second, first])
    right = transpose(other, [*stack, inner, *columns])
    letters = (*batch, outer, *columns)
    if batch and not columns:
        column = right.at(ATOM) + ("[..., None]" if stack else "[:, None]")
        return Value(f"{library}.linalg.solve({left.text}, {column})[..., 0]", ATOM, letters, "real", left.about)
    return Value(f"{library}.linalg.solve({left.text}, {right.text})", ATOM, letters, "real", left.about)
