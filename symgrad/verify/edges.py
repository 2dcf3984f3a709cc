"""The check where there is little to differentiate: with an axis of the data empty, and at a kink of the loss."""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sympy import Basic, Symbol, sympify

from symgrad.arguments import Argument
from symgrad.errors import ModelError
from symgrad.verify.calls import Arrays
from symgrad.verify.chain import DIGITS
from symgrad.verify.kink_points import MOST_NUMBERS, search
from symgrad.verify.report import Finding, Run
from symgrad.verify.sampling import EMPTY, KINK, Draw
from symgrad.verify.sizes import format_sizes, is_legal
from symgrad.verify.subject import Formula, Subject

MOST_SETS_OF_ZEROS = 100  # of arguments that are zero together: all pairs of a dozen parameters

Check = Callable[[Draw], Run]


def empty_sizes(
    subject: Subject, sizes: Mapping[Basic, int], of_parameters: bool
) -> Iterator[tuple[Symbol, dict[Basic, int]]]:
    """The dimensions that may be empty, each with sizes of which it alone is 0: those of parameters, or those of data.

    With one of data alone empty all derivatives are still there; with one of parameters those by the others.
    """
    sides = [sympify(side) for a in subject.arguments for side in a.shape]
    parameters = [argument for argument in subject.arguments if argument.role == "parameter"]
    theirs = {symbol for a in parameters for side in a.shape for symbol in sympify(side).free_symbols}
    for symbol in dict.fromkeys(side for side in sides if side.is_Symbol):
        empty = {**sizes, symbol: 0}
        wanted = (symbol in theirs) == of_parameters and subject.minimum_sizes.get(symbol, 1) <= 1
        if wanted and is_legal(subject.arguments, empty, subject.lengths, least=0):
            yield symbol, empty


def check_empty(subject: Subject, symbol: Symbol, draw: Draw, check: Check) -> Run:
    """What is found where an axis is empty: everything, or that the loss has no value and the module says so.

    A module may refuse an axis without entries by a ValueError, or by an IndexError of its own, whatever the loss is:
    that is no wrong number. Nor is a value or a derivative that is no number where its formula divides by zero, as a
    mean of nothing does, even though the loss, a sum over nothing, does not need it.
    """
    module, reference, formula = subject.module, subject.reference, subject.formula
    refused = False
    try:
        with np.errstate(all="ignore"):
            value = float(module.value(**draw.inputs))
        said = f"value is {value!r}"
    except Exception as problem:  # the code under test may fail in any way; whether it should, the reference knows
        value, said = math.nan, f"value raises {type(problem).__name__}: {problem}"
        refused = isinstance(problem, ValueError)
        refused = refused or (isinstance(problem, IndexError) and "out of bounds" not in str(problem))  # NumPy's words
    try:
        expected = value if reference is None else reference(dict(draw.inputs), draw.sizes)
    except IndexError:  # the loss reads an entry, such as X[0, 0], that is not there
        expected = math.nan
    undefined = not refused and not math.isfinite(value) and not np.isfinite(exactly(formula, draw).get("value", 0.0))
    if math.isfinite(expected) and undefined:
        run = Run("", notes=(f"{said}: its formula divides by {symbol} = 0, where the loss is a sum over nothing",))
    elif math.isfinite(expected) and not refused and not _has_gradient(module, draw):
        run = _without_gradient(symbol, draw, module, formula, said)
    elif math.isfinite(expected) and not refused:
        run = check(draw)
    elif math.isfinite(value):
        detail = f"{said}, the loss {expected!r}"
        run = Run("", findings=(Finding("value is not finite where the loss is not defined", "inconclusive", detail),))
    else:
        run = Run("", notes=(f"there is no value without {symbol}: {said}",))
    return replace(run, sizes=f"{format_sizes(draw.sizes)} (no {symbol})")


def _without_gradient(symbol: Symbol, draw: Draw, module: Any, formula: Formula | None, said: str) -> Run:
    """Whether the derivatives that are no numbers have none by their formulas either."""
    if formula is None:
        detail = f"{said}, but a derivative is not a finite number"
        return Run("", findings=(Finding(f"there is a gradient without {symbol}", "inconclusive", detail),))
    with np.errstate(all="ignore"):
        gradient = module.value_and_gradient(**draw.inputs)[1]
    names: list[str] = []
    for name, part in zip(gradient._fields, gradient, strict=True):
        lost, exact = ~np.isfinite(part), exactly(formula, draw)[name]
        if np.any(lost & np.isfinite(exact.reshape(lost.shape))):
            at = tuple(map(int, np.argwhere(lost & np.isfinite(exact.reshape(lost.shape)))[0]))
            detail = (
                f"by {name}{list(at) if at else ''} it is {float(part[at])!r}, its formula says {float(exact[at])!r}"
            )
            return Run("", findings=(Finding(f"there is a gradient without {symbol}", "fail", detail),))
        names += [name] if np.any(lost) else []
    whose = f"the derivative by {', '.join(names)} is no number"
    return Run("", notes=(f"{said}; {whose}: its formula divides by {symbol} = 0, as that of a mean does",))


def exactly(formula: Formula | None, draw: Draw) -> Arrays:
    """Loss and gradient at a draw by their formulas; nothing where these are not known."""
    return {} if formula is None else formula(draw.inputs, draw.sizes, DIGITS)


def _has_gradient(module: Any, draw: Draw) -> bool:
    """Whether the gradient is made of finite numbers; where it raises, the check says so."""
    try:
        with np.errstate(all="ignore"):
            return all(bool(np.all(np.isfinite(part))) for part in module.value_and_gradient(**draw.inputs)[1])
    except Exception:  # the code under test may fail in any way
        return True


def check_kinks(subject: Subject, draw: Draw, at_kink: Callable[[dict[str, Any]], bool], check: Check) -> Iterator[Run]:
    """What is found at kinks; `at_kink` says whether inputs will do.

    There the gradient is a matter of convention. That the code keeps to it, the chain says; here it has to be finite
    and the same in all functions. First of all arguments are zero; then, for every kink that is not met there, ties and
    an entry that is solved for. Where one of these is the end of a function's domain, such as √(1 − x) at x = 1, the
    formula itself has no finite derivative.
    """
    arguments, kinks, formula = subject.arguments, subject.kinks, subject.formula
    exact = kinks is not None and kinks.exact is not None

    def is_end(inputs: dict[str, Any]) -> bool:
        return not all(np.all(np.isfinite(part)) for part in exactly(formula, replace(draw, inputs=inputs)).values())

    def run_at(inputs: dict[str, Any], said: str) -> Run:
        there = replace(draw, inputs=inputs, distance=0.0, kind=KINK)
        return replace(check(there), sizes=f"{there.said} with {said}, a kink")

    zeros = _at_zeros(draw, arguments, at_kink)
    if zeros is not None:
        yield run_at(*zeros)
    small = sum(map(np.size, draw.inputs.values())) <= MOST_NUMBERS
    looking = f"{format_sizes(draw.sizes)}, looking for kinks"
    if kinks is None or not exact or not small:
        if zeros is None:
            note = "the loss has kinks, but none where arguments are zero: its convention at a kink was not tested"
            yield Run(looking, notes=(note,))
        return
    left = set(range(len(kinks.labels)))
    left -= kinks.reached(zeros[0], draw.sizes, draw.constraints) if zeros is not None else set()
    missed = []
    while left:
        number = min(left)
        left.remove(number)
        point = search(kinks, draw, arguments, number, at_kink)
        if point is None or is_end(point.inputs):
            missed.append(kinks.labels[number])
        else:
            left -= point.kinks
            yield run_at(point.inputs, point.said)
    if missed:
        note = f"no exact kink of {', '.join(dict.fromkeys(missed))} was found: its convention at a kink was not tested"
        yield Run(looking, notes=(note,))


def _at_zeros(
    draw: Draw, arguments: Sequence[Argument], at_kink: Callable[[dict[str, Any]], bool]
) -> tuple[dict[str, Any], str] | None:
    """Inputs at a kink of which some arguments are zero, and which."""
    for names in _zeros(arguments):
        inputs = {name: np.zeros_like(value) if name in names else value for name, value in draw.inputs.items()}
        if at_kink(inputs):
            return inputs, f"{' and '.join(names)} = 0"
    return None


def _zeros(arguments: Sequence[Argument]) -> Iterator[tuple[str, ...]]:
    """Sets of arguments to be zero: one parameter, two, all of them; then one of the data."""
    names = [argument.name for argument in arguments if argument.role == "parameter"]
    data = [argument.name for argument in arguments if argument.role == "data" and not argument.integer]
    sets = itertools.chain(
        *(itertools.combinations(names, count) for count in (1, 2)), [tuple(names)], ((name,) for name in data)
    )
    yield from itertools.islice(sets, MOST_SETS_OF_ZEROS)


def empty_draw(
    candidates: Iterator[tuple[Symbol, dict[Basic, int]]],
    draws: Callable[[Mapping[Basic, int]], Iterator[Callable[[], Draw]]],
) -> tuple[Symbol, Draw] | None:
    """Inputs with an empty axis; None where no dimension can be 0, or the facts do not allow it."""
    for symbol, sizes in candidates:
        try:
            for draw in draws(sizes):
                try:
                    return symbol, replace(draw(), kind=EMPTY)
                except ModelError:
                    continue
        except ModelError:  # a fact that is false at these sizes
            continue
    return None
