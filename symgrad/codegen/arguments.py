"""What generated functions do with their arguments first: arrays of one floating type, whose shapes fit."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sympy import Expr, Symbol

from symgrad.arguments import Argument
from symgrad.codegen.values import mentioned, size_text, tuple_text
from symgrad.frontend.signature import SIDE
from symgrad.outputs.function import axes_of
from symgrad.outputs.requirements import Length, Requirements, is_thin


@dataclass(frozen=True)
class Check:
    """The function that checks arguments: its name, what it takes, its statements, and the functions that they call."""

    name: str
    names: tuple[str, ...]
    lines: tuple[str, ...]
    calls: tuple[str, ...]


def declared(argument: Argument) -> str:
    """The name by which the module knows the shape of an argument."""
    return argument.name.removeprefix("direction_") if argument.role == "direction" else argument.name


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
    made: list[tuple[str | None, str]] = []
    reals = [a.name for a in required.arguments if not a.integer]
    if reals:
        left = f"{', '.join(reals)}{',' if len(reals) == 1 else ''}"
        made.append(("_floating", f"{left} = _floating({', '.join(f'{real}={real}' for real in reals)})"))
    for argument in required.arguments:
        own, table = argument.name, f'SHAPES["{declared(argument)}"]'
        if argument.role == "dimension":
            made.append(("_size", f'{own} = _size("{own}", {own})'))
            continue
        if argument.integer:
            made.append(("_integers", f'{own} = _integers("{own}", {own})'))
        if is_thin(argument):
            made.append(("_squeezed", f'{own} = _squeezed("{own}", {own}, {table})'))
        else:
            made.append(("_check_axes", f'_check_axes("{own}", {own}, {table})'))
    after: list[tuple[str | None, str]] = []
    with mentioned() as said:
        for dimension, source, least in required.minimum:
            after.append(
                ("_check_minimum", f'_check_minimum("{source}", "{dimension}", {size_text(dimension)}, {least})')
            )
        for size in map(size_text, required.nonnegative):
            after.append((None, f"if {size} < 0:"))
            after.append((None, f'    raise ValueError(f"the sizes do not fit: {size} is {{{size}}}")'))
        for a in required.fitting:
            named = tuple_text([f'"{label}"' for label in labels(axes_of(a))])
            after.append(
                ("_check_shape", f'_check_shape("{a.name}", {a.name}.shape, {named}, {tuple_text(axes_of(a))})')
            )
        for one in required.extrema:
            over, times = size_text(one.over), "" if one.times == 1 else f", {size_text(one.times)}"
            after.append(("_check_nonempty", f'_check_nonempty("{one.what}", "{over}", {over}{times})'))
    made += [*((None, line) for line in length_lines(required.lengths, said)), *after]
    calls = dict.fromkeys(call for call, _ in made if call is not None)
    return Check(name, tuple(a.name for a in required.arguments), tuple(line for _, line in made), tuple(calls))
