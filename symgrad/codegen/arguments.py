"""What generated functions do with their arguments first: arrays of one floating type, whose shapes fit."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sympy import Expr, S, Symbol

from symgrad.arguments import Argument
from symgrad.codegen.lines import wrapped
from symgrad.codegen.sizes import size_text
from symgrad.frontend.signature import SIDE
from symgrad.graph.dimensions import as_quotient
from symgrad.outputs.function import axes_of
from symgrad.outputs.requirements import Length, Requirements, is_thin


@dataclass(frozen=True)
class Check:
    """The function that checks arguments.

    Attributes
    ----------
    name : its name.
    names : of the arguments.
    arrays : the statements that make arrays of one floating type of them, whose sides agree.
    conditions : those that look at what these arrays do not show by themselves.
    calls : the functions that the statements call.
    """

    name: str
    names: tuple[str, ...]
    arrays: tuple[str, ...]
    conditions: tuple[str, ...]
    calls: tuple[str, ...]


def labels(sides: Sequence[Expr]) -> tuple[str | int, ...]:
    """A shape as a module's table of shapes has it."""
    return tuple(int(side) if side.is_Integer else size_text(side) for side in sides)


def length_lines(lengths: Sequence[Length], said: Collection[Any]) -> list[str]:
    """The statements that read the dimensions off arrays that are said, and those that these are computed from."""
    needed = set(said)
    for length in lengths[::-1]:  # each may be computed from those before it
        needed |= length.expression.free_symbols if length.dimension in needed else set()
    return [f"{length.dimension} = {read_off(length)}" for length in lengths if length.dimension in needed]


def read_off(length: Length) -> str:
    """How a dimension is read off an array."""
    numerator, denominator = length.expression.as_numer_denom()
    text = size_text(numerator.xreplace({SIDE: Symbol(f"{length.array.name}.shape[{length.axis}]")}))
    return text if denominator == 1 else f"({text}) // {denominator}"


def check(name: str, required: Requirements) -> Check:
    """What makes sure that arguments fulfil what is required of them."""
    arrays, calls = [], []
    reals = [a.name for a in required.arguments if not a.integer]
    if reals:
        arrays += wrapped(f"{assigned(reals)} = _floating(", [f"{real}={real}" for real in reals], ")")
        calls.append("_floating")
    for argument in required.arguments:
        if argument.integer:
            made = "_array" if argument.role == "dimension" else "_integers"
            arrays.append(f'{argument.name} = {made}("{argument.name}", {argument.name})')
            calls.append(made)
    sided = [a for a in required.arguments if a.role != "dimension"]
    if sided:
        given = [*(f'"{a.name}"' for a in whole(sided)), *(f"{a.name}={a.name}" for a in sided)]
        arrays += wrapped(f"{assigned([a.name for a in sided])} = _fitted(", given, ")")
        calls.append("_fitted")
    names = tuple(a.name for a in required.arguments)
    return Check(name, names, tuple(arrays), conditions(required), tuple(dict.fromkeys(calls)))


def whole(arguments: Sequence[Argument]) -> list[Argument]:
    """The arrays that keep their sides of one."""
    return [a for a in arguments if 1 in a.shape and not is_thin(a)]


def conditions(required: Requirements, bounded: Sequence[Argument] = ()) -> tuple[str, ...]:
    """Statements that look at what arrays do not show by themselves, and at ranges of `bounded` integers."""
    said: set[Any] = set()  # the dimensions that are written

    def text(size: Any) -> str:
        said.update(S(size).free_symbols)
        return size_text(size)

    found = list(_conditions(required, text))
    found += [f'_check_range("{a.name}", {a.name}, {text(a.upper)})' for a in bounded]
    return (*length_lines(required.lengths, said), *found)


def _conditions(required: Requirements, text: Callable[[Any], str]) -> Iterator[str]:
    """Statements that raise errors where sizes do not allow the computation."""
    read = {(length.array, length.axis) for length in required.lengths}
    known = {length.dimension for length in required.lengths} | {a.symbol for a in required.arguments}
    for a in required.fitting:
        for axis, side in enumerate(axes_of(a)):
            plain = side.is_Symbol or side.is_Integer  # these are compared anyway
            if not (plain or (a, axis) in read) and side.free_symbols <= known:
                size, got = text(side), f"{a.name}.shape[{axis}]"
                yield f"if {got} != {size}:"
                said = f"{a.name}: side {axis} is {size} = {{{size}}} by the other arguments, got {{{got}}}"
                yield f'    raise ValueError(f"{said}")'
    for dimension, source, least in required.minimum:
        size = text(dimension)
        yield f"if {size} < {least}:"
        yield f'    raise ValueError(f"{source}: the model needs {size} >= {least}, got {size} = {{{size}}}")'
    for size in map(text, required.nonnegative):
        yield f"if {size} < 0:"
        yield f'    raise ValueError(f"the sizes do not fit: {size} is {{{size}}}")'
    for divisor in required.divisors:
        yield f"if {text(as_quotient(divisor)[0])} == 0:"
        yield f'    raise ValueError("the sizes do not fit: the model divides by {divisor}, which is 0")'
    for one in required.extrema:
        size, often = text(one.over), "" if one.times == 1 else f" and {text(one.times)} > 0"
        yield f"if {size} < 1{often}:"
        said = f"{size}: the {one.what} over {size} entries needs {size} >= 1, got {{{size}}}"
        yield f'    raise ValueError(f"{said}")'


def assigned(names: Sequence[str]) -> str:
    """The left side of an assignment of as many values."""
    return f"{', '.join(names)}{',' if len(names) == 1 else ''}"
