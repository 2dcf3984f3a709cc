"""Loops of so few arrays that a compiler can tell whether these overlap: else it computes entries one by one.

LLVM compares, before a loop, the memory of each array that is written with that of all others, but not more than eight
pairs. One loop for all gates of an LSTM of 64 units, with 15 arrays, took 84 ns for each unit, and one for each of them
15 ns for all together.
"""

from collections.abc import Collection, Sequence

from sympy import Symbol

from symgrad.statements.expressions import Buffer
from symgrad.targets.numba.steps import Access, Step, plain

MOST = 8  # pairs of arrays: LLVM's runtime-memory-check-threshold

Pairs = list[tuple[Step, Symbol]]  # steps, each with the letter of the loop


def told_apart(steps: Sequence[tuple[Step, Symbol]], inside: Collection[Buffer]) -> list[Pairs]:
    """The steps of a loop in as many loops as it takes, in order.

    `inside` are the variables that only these steps read: in one loop they are single numbers.
    """
    if _pairs(steps, inside) <= MOST:
        return [list(steps)]
    parts: list[Pairs] = []
    waiting: dict[Buffer, tuple[Step, Symbol]] = {}  # numbers that no part has needed yet
    for step, letter in steps:
        if step.buffer in inside and step.how == "set" and not step.reduces:
            waiting[step.buffer] = (step, letter)
            continue
        found = [*_needed(step, waiting), (step, letter)]
        before = [one for one, _ in waiting.values() if any(access.buffer == step.buffer for access in one.reads)]
        for one in before:  # they read what it overwrites
            if one.buffer in waiting:
                found = [*_needed(one, waiting), waiting.pop(one.buffer), *found]
        first = max((n for n, part in enumerate(parts) if _follows(found, part)), default=0)
        near = [part for part in parts[first:] if _variables(part) & _variables(found)]
        fitting = [part for part in near if _pairs([*part, *found], inside) <= MOST]
        if fitting:
            fitting[0] += found
        else:
            parts.append(found)
    return parts


def _needed(step: Step, waiting: dict[Buffer, tuple[Step, Symbol]]) -> Pairs:
    """What a step reads that is still to be computed."""
    found: Pairs = []
    for access in step.reads:
        if access.buffer in waiting:
            one = waiting.pop(access.buffer)
            found += [*_needed(one[0], waiting), one]
    return found


def _follows(steps: Pairs, part: Pairs) -> bool:
    """Whether steps have to come after a part, or in it."""
    read = {access.buffer for step, _ in steps for access in step.reads}
    written = {step.buffer for step, _ in steps}
    before = {step.buffer for step, _ in part}
    return bool((read | written) & before or written & {access.buffer for step, _ in part for access in step.reads})


def _variables(steps: Pairs) -> set[Buffer]:
    return {access.buffer for step, _ in steps for access in (step.write, *step.reads)}


def _pairs(steps: Sequence[tuple[Step, Symbol]], inside: Collection[Buffer]) -> int:
    """How many pairs of arrays have to be compared."""
    own = {step.buffer for step, _ in steps} & {*inside}
    written = {_array(step.write) for step, _ in steps if step.buffer not in own and not step.reduces}
    read = {_array(access) for step, _ in steps for access in step.reads if access.places and access.buffer not in own}
    return len(written) * (len(written) - 1) // 2 + len(written) * len(read - written)


def _array(access: Access) -> tuple[Buffer, tuple[object, ...]]:
    """What runs through memory at one distance from the entry that a loop is at."""
    return access.buffer, tuple("letter" if plain(place) is not None else place for place in access.places)
