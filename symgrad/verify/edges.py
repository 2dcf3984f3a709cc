"""Draws beyond the ordinary: an axis without entries, kinks, sizes and numbers of another order, zeros.

At a kink the gradient is a matter of convention. That the code keeps to it, the chain says; the gradient has to be
finite there and the same in all functions. At zero a power or a quotient may have another rule than beside it, and
large numbers are where functions overflow that the true result does not.
"""

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from sympy import Basic, Symbol, sympify

from symgrad.dimensions import format_sizes
from symgrad.errors import ModelError
from symgrad.verify.arrays import count, largest
from symgrad.verify.draw import EMPTY, KINK, MARGIN, SCALED, ZEROS, Draw, NoInputsError
from symgrad.verify.kink_points import MOST_NUMBERS, at_kink, at_zeros
from symgrad.verify.report import Run
from symgrad.verify.sampling import Sampler
from symgrad.verify.sizes import is_legal
from symgrad.verify.subject import Subject

_LARGER = (7, 11, 8)  # sizes of one, two or three dimensions
_POWERS = (1.7, 3.0, 6.5, 20.0, -3.0, -9.0)  # of ten, that the largest numbers of the inputs are put at
_SPREAD = 1.0  # powers of ten between the entries of one argument
_MOST_ALONE = 3  # arguments that are tried by themselves

Seed = Sequence[int]
Names = Sequence[str]


# ---- an axis without entries -----------------------------------------------------------------------------------------


def empty_draws(subject: Subject, draw: Draw, seed: Seed) -> Iterator[Draw]:
    """Inputs with an axis of no entries: one of data, so that all derivatives are there, and one of parameters."""
    for of_parameters in (False, True):
        yield from itertools.islice(_empty(subject, draw.sizes, of_parameters, seed), 1)


def _empty(subject: Subject, sizes: Mapping[Basic, int], of_parameters: bool, seed: Seed) -> Iterator[Draw]:
    """The draws that there are; some facts are false without entries, and others cannot be satisfied."""
    for symbol in _emptied(subject, sizes, of_parameters):
        empty = {**sizes, symbol: 0}
        with contextlib.suppress(ModelError):
            sampler = Sampler(replace(subject, reference=None), empty, seed)
            for drawn in (partial(sampler.draw, near_kinks=True), sampler.anywhere):
                with contextlib.suppress(ModelError):
                    yield replace(drawn(), where=f"(no {symbol})", kind=EMPTY)


def _emptied(subject: Subject, sizes: Mapping[Basic, int], of_parameters: bool) -> Iterator[Symbol]:
    """The dimensions that may be 0: those of parameters, or those of data alone."""
    parameters = [argument for argument in subject.arguments if argument.role == "parameter"]
    theirs = {symbol for a in parameters for side in a.shape for symbol in sympify(side).free_symbols}
    for symbol in dict.fromkeys(side for a in subject.arguments for side in map(sympify, a.shape) if side.is_Symbol):
        wanted = (symbol in theirs) == of_parameters and subject.minimum_sizes.get(symbol, 1) <= 1
        if wanted and is_legal(subject.arguments, {**sizes, symbol: 0}, subject.lengths, least=0):
            yield symbol


# ---- larger sizes ----------------------------------------------------------------------------------------------------


def larger_draws(subject: Subject, draw: Draw, seed: Seed) -> Iterator[Draw]:
    """Inputs of sizes beyond those of all draws; none where there are many dimensions."""
    least = subject.minimum_sizes
    sizes = {d: max(least.get(d, 1), large) for d, large in zip(draw.sizes, _LARGER)}  # noqa: B905
    if 0 < len(draw.sizes) <= len(_LARGER) and subject.fits(sizes):
        with contextlib.suppress(NoInputsError):
            yield Sampler(subject, sizes, seed).draw()


# ---- kinks -----------------------------------------------------------------------------------------------------------


def kink_draws(subject: Subject, draw: Draw, seed: Seed) -> Iterator[Draw | Run]:
    """Inputs at kinks, and which ones were not found.

    First of all arguments are zero; then, for every kink that is not met there, ties and an entry that is solved for.
    Where one of these is the end of a function's domain, such as √(1 − x) at x = 1, the formula itself has no finite
    derivative.
    """
    kinks = subject.kinks
    if kinks is None:
        return
    exact = kinks.exact is not None and count(draw.inputs) <= MOST_NUMBERS
    sampler, looking = Sampler(subject, draw.sizes, seed), f"{format_sizes(draw.sizes)}, looking for kinks"

    def reached(inputs: dict[str, Any]) -> set[int]:
        """The numbers of the kinks that inputs are at; one of them where that is not known exactly."""
        if not exact:
            return {0} if subject.distance(inputs, draw.constraints) == 0 else set()
        return {n for n, gap in enumerate(kinks.distances(inputs, draw.sizes, draw.constraints)) if gap == 0}

    def there(said: str, inputs: dict[str, Any]) -> Draw:
        return replace(subject.moved(draw, inputs, f"{draw.where} with {said}, a kink".strip(), KINK), distance=0.0)

    left, missed = set(range(len(kinks.labels))), []
    zeros = ((reached(inputs), said, inputs) for said, inputs in at_zeros(draw, subject.arguments))
    start = next((one for one in zeros if one[0] and sampler.allows(one[2])), None)
    if start is not None:
        left -= start[0]
        yield there(*start[1:])
    elif not exact:
        note = "the loss has kinks, but none where arguments are zero: its convention at a kink was not tested"
        yield Run(looking, notes=(note,))
    while left and exact:
        number = min(left)
        left.remove(number)
        points = at_kink(kinks, number, draw, subject.arguments)
        found = next((one for one in points if sampler.allows(one[1])), None)
        if found is None or not subject.has_gradient(replace(draw, inputs=found[1])):
            missed.append(kinks.labels[number])
        else:
            left -= reached(found[1])
            yield there(*found)
    if missed:
        note = f"no exact kink of {', '.join(dict.fromkeys(missed))} was found: its convention at a kink was not tested"
        yield Run(looking, notes=(note,))


# ---- zeros, and numbers of other sizes -------------------------------------------------------------------------------


def extreme_draws(subject: Subject, draw: Draw, seed: Seed) -> Iterator[Draw]:
    """The inputs of a draw with zeros among them, and of other sizes; none where the loss has no derivative.

    Arguments whose entries facts tie together stay as they are. Of a module without its formula nobody knows where its
    kinks are, and zeros are likely ones.
    """
    if subject.compiled is None:
        return
    free = [a for a in subject.arguments if a.role != "dimension" and all(c.leaves_room for c in draw.about(a))]
    whole = [tuple(a.name for a in free if a.integer and a.upper is None and not a.span)]
    names = [a.name for a in sorted(free, key=lambda a: a.role != "parameter") if not a.integer]
    data, parameters = ([n for n in names if (n in subject.parameters) == of] for of in (False, True))
    groups = list(dict.fromkeys(map(tuple, (names, data, parameters, *zip(names[:_MOST_ALONE])))))
    scaled, sampler = partial(_scaled, seed=seed), Sampler(subject, draw.sizes, seed)
    changes: list[tuple[str, Callable[[dict[str, Any], Names], dict[str, Any]], list[tuple[str, ...]]]] = [
        ("with zeros", _zeros, groups),
        *((f"with numbers of 1e{power:g}", partial(scaled, power=power), groups) for power in _POWERS),
        ("with large whole numbers", partial(scaled, power=2.4), whole),
        ("with negative whole numbers", lambda inputs, names: {**inputs, **{n: -inputs[n] - 1 for n in names}}, whole),
    ]
    for said, change, choices in changes:
        for chosen in filter(None, choices):
            there = subject.moved(draw, change(draw.inputs, chosen), said, ZEROS if change is _zeros else SCALED)
            legal = there.distance >= MARGIN and sampler.allows(there.inputs, value=False)
            if legal and _has_gradient(subject, there):
                yield there
                break


def _zeros(inputs: dict[str, Any], names: Names) -> dict[str, Any]:
    """Every second entry zero, and every second scalar."""
    changed = dict(inputs)
    for number, name in enumerate(names):
        value = np.array(inputs[name])
        value.reshape(-1)[number % 2 :: 2] = 0.0
        changed[name] = value[()]
    return changed


def _scaled(inputs: dict[str, Any], names: Names, power: float, seed: Seed) -> dict[str, Any]:
    """Entries of a size, and of sizes down to a tenth of it; signs stay."""
    rng = np.random.default_rng(seed)
    changed = dict(inputs)
    for name in names:
        value = np.asarray(inputs[name])
        sizes = value / (largest(value) or 1.0) * 10.0 ** (power - _SPREAD * rng.uniform(size=value.shape))
        changed[name] = (sizes if value.dtype.kind == "f" else np.round(sizes).astype(value.dtype))[()]
    return changed


def _has_gradient(subject: Subject, there: Draw) -> bool:
    """Whether loss and gradient are numbers, by the module or else by their formulas."""
    try:
        value, gradient = subject.module.value_and_gradient(**there.inputs)
        finite = math.isfinite(value) and all(np.isfinite(part).all() for part in gradient)
    except Exception:  # the code under test may fail in any way; elsewhere that is a finding
        return False
    small = count(there.inputs) <= MOST_NUMBERS
    return finite or (small and subject.has_gradient(there))
