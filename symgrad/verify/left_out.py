"""The check that what conditions leave out counts for nothing: data that the loss does not read may hold anything.

Which entries it reads, the evaluation of the loss as it is written says. All others are filled with nan, with
infinities and with 1e200, as gaps in the data of a user are; nothing may change, and nothing may be raised.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from sympy import Basic, Indexed, KroneckerDelta, Piecewise, Sum
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.functions import if_else
from symgrad.verify.arrays import Array, Inputs, entry_name
from symgrad.verify.draw import Draw
from symgrad.verify.loss import StatedLoss
from symgrad.verify.point import Point
from symgrad.verify.report import Finding
from symgrad.verify.subject import Subject
from symgrad.verify.ways import Way, compared

_FILLINGS: dict[str, tuple[float, ...]] = {"nan": (np.nan,), "±inf": (np.inf, -np.inf), "±1e200": (1e200, -1e200)}
_TOLERANCE = 1e-12  # the same numbers are added up in the same order


def unread_entries(subject: Subject, draw: Draw) -> dict[str, Array]:
    """Where the real data that no fact is about have entries that the loss does not read beside others, by name.

    Of an array that is not read at all nothing is asked: 0·c, the sum over no terms of a factor c, is what it would be.
    """
    if subject.stated is None:
        return {}
    read = subject.stated.at(draw.inputs, draw.sizes).trace.read
    chosen = _chosen(subject.stated)
    found = {}
    for argument in subject.arguments:
        if argument.role != "data" or argument.integer or str(argument.symbol) not in chosen or draw.about(argument):
            continue
        unread = np.ones(np.shape(draw.inputs[argument.name]), dtype=bool)
        for symbol, place in read:
            if symbol == argument.symbol:
                unread[place] = False
        if np.any(unread) and not np.all(unread):
            found[argument.name] = unread
    return found


def _chosen(stated: StatedLoss) -> set[str]:
    """The names of what branches of conditions, and sums with a delta of data, are made of."""
    choices = {choice for expression in stated.expressions for choice in expression.atoms(if_else, Piecewise)}
    of_data = set(filter(_is_of_data, choices))
    sums = {total for expression in stated.expressions for total in expression.atoms(Sum)}
    sums = {total for total in sums if any(delta.has(Indexed) for delta in total.atoms(KroneckerDelta))}
    of_indices = [choice for choice in choices - of_data if isinstance(choice, if_else)]
    entries = {str(entry.base) for choice in of_indices for entry in choice.atoms(Indexed)}
    return stated.names_in(of_data | sums, entries)  # of a name under a condition on indices all may be computed


def _is_of_data(choice: Basic) -> bool:
    """Whether a condition of a choice speaks of more than indices and sizes."""
    pairs = choice.args if isinstance(choice, Piecewise) else [(None, choice.args[0])]
    return any(
        condition.has(Indexed, MatrixElement) or any(symbol.is_integer is not True for symbol in condition.free_symbols)
        for _, condition in pairs
        if condition.free_symbols
    )


def left_out_findings(point: Point) -> Iterator[Finding]:
    """Whether functions of the inputs stay as they are, whatever is in the entries that the loss does not read."""
    unread = unread_entries(point.subject, point.draw) if point.value is not None else {}
    where = " and ".join(_first(argument, places) for argument, places in unread.items())
    for said, values in _FILLINGS.items() if unread else ():
        name = f"what conditions leave out counts for nothing, where {where} is {said}"
        inputs = partial(_filled, unread, values)
        way = Way(name, inputs, relative=_TOLERANCE, absolute=lambda *_: 0.0, strict=True)
        yield from compared(point, [way])


def _filled(unread: Mapping[str, Array], values: Sequence[float], inputs: Inputs) -> dict[str, Any]:
    filled = dict(inputs)
    for argument, places in unread.items():
        array = np.array(inputs[argument])
        array[places] = np.resize(values, int(np.sum(places)))
        filled[argument] = array[()]
    return filled


def _first(argument: str, places: Array) -> str:
    return entry_name(argument, np.argwhere(places)[0]) + (" …" if np.sum(places) > 1 else "")
