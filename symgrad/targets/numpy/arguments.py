"""How generated functions check their arguments: at a glance where these are arrays that fit, else one by one."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from symgrad.arguments import Argument
from symgrad.codegen.arguments import Check, check
from symgrad.codegen.sizes import size_text
from symgrad.outputs.function import axes_of
from symgrad.outputs.requirements import Requirements

_IN_A_ROW = 4  # names that are compared in one condition
_WIDTH = 112  # of a line inside a function


def checked(name: str, required: Requirements) -> Check:
    """What makes sure that arguments fulfil what is required of them: for arrays that do, no more than glances.

    A call of a function takes some ten of them, of small arrays.
    """
    made = check(name, required, ranges=True)
    quick = list(_conditions(required.arguments))
    if not quick:
        return made
    fit = "fit" if "fit" not in made.names else "all_fit"
    lines = [f"{fit} = {quick[0]}"]
    for condition in quick[1:]:  # each is about what those before it allow
        together = f"{lines[-1]} and {condition}"
        lines[-1:] = [together] if len(together) <= _WIDTH else [lines[-1], f"{fit} = {fit} and {condition}"]
    thin = [a for a in required.arguments if len(a.shape) == 2 and len(axes_of(a)) == 1]
    for a in thin[::-1]:  # what is given as it is declared is as quick
        lines.insert(0, f"{a.name} = _thin({a.name}, {a.shape.index(1)})")
    numbers = [a.name for a in required.arguments if _is_number(a)]
    lines += [f"if not {fit}:", *(f"    {line}" for line in made.arrays)]
    first = next(a.name for a in required.arguments if axes_of(a) and not a.integer)
    cast = ", ".join(f"{first}.dtype.type({number})" for number in numbers)
    lines += ["else:", f"    {', '.join(numbers)} = {cast}"] if numbers else []
    return replace(made, arrays=tuple(lines), calls=(*made.calls, *(["_thin"] if thin else [])))


def _is_number(argument: Argument) -> bool:
    return not (argument.integer or axes_of(argument))


def _conditions(arguments: Sequence[Argument]) -> Iterator[str]:
    """What is true of plain arrays of one floating type, and integers, that fit; nothing for numbers alone."""
    arrays = [a for a in arguments if axes_of(a) and a.role != "dimension"]
    reals = [a.name for a in arrays if not a.integer]
    if not reals:
        return
    for names in _rows([a.name for a in arrays]):
        yield f"{' is '.join(f'type({name})' for name in names)} is np.ndarray"
    first, *others = reals
    for names in _rows(others):
        yield " is ".join(f"{name}.dtype" for name in [first, *names])
    yield f'{first}.dtype.char in "df"'
    for a in arguments:
        if a.role == "dimension":
            yield f"type({a.name}) is int and {a.name} >= 0"
        elif a.integer:
            yield f"{a.name}.dtype == np.int64" if axes_of(a) else f"type({a.name}) is np.int64"
        elif not axes_of(a):
            yield f"type({a.name}) is float"
    ranks: dict[int, list[str]] = {}
    for a in arrays:
        ranks.setdefault(len(axes_of(a)), []).append(a.name)
    for rank, names in ranks.items():
        for row in _rows(names):
            yield f"{' == '.join(f'{name}.ndim' for name in row)} == {rank}"
    sides: dict[str, list[str]] = {}
    for a in arrays:
        for axis, side in enumerate(axes_of(a)):
            length = f"{a.name}.shape[{axis}]" if axis else f"len({a.name})"
            sides.setdefault(size_text(side), [str(side)] if side.is_Integer else []).append(length)
    for lengths in sides.values():
        for row in _rows(lengths[1:]):
            yield " == ".join([lengths[0], *row])


def _rows(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), _IN_A_ROW):
        yield names[start : start + _IN_A_ROW]
