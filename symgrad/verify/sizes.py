"""Concrete sizes for a model's dimensions: which to check at, and what shapes they give."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from sympy import Basic, Expr, Integer, Symbol, solve

from symgrad.arguments import Argument
from symgrad.dimensions import concrete, format_sizes
from symgrad.errors import ModelError

Sizes = Mapping[Basic, int]

_FEW = 3  # dimensions of which all can be 3 without a sum over all taking long
_MANY = 5  # the reference takes a second for a sum over indices of so many different sizes, and minutes for more
_SMALL = 8  # sizes up to so much above the least are tried in all combinations, where nothing simpler fits


def concrete_shape(argument: Argument, sizes: Sizes) -> tuple[int, ...]:
    """An argument's shape where the dimensions have the given sizes."""
    return tuple(concrete(length, sizes) for length in argument.shape)


def size_sets(
    dimensions: Sequence[Symbol],
    minimum_sizes: Mapping[Symbol, int] | None = None,
    legal: Callable[[dict[Basic, int]], bool] = lambda sizes: True,
) -> list[dict[Basic, int]]:
    """Sizes to check a model at.

    Parameters
    ----------
    dimensions : the model's dimensions.
    minimum_sizes : the least size of a dimension, where it is not 1.
    legal : whether the model exists at given sizes (no negative length such as `N - P + 1` with N < P).

    Returns
    -------
    list of dict
        All sizes different, in one order and in the other, so that exchanged axes show; ones, and ones beside other
        sizes both ways, so that wrong broadcasting shows; all equal, where a matrix is square by chance. Without
        dimensions three times the empty set: three draws.

    Examples
    --------
    >>> from sympy import symbols
    >>> [tuple(sizes.values()) for sizes in size_sets(symbols("N M"))]
    [(2, 3), (5, 4), (1, 1), (1, 3), (2, 1), (3, 3)]
    >>> [tuple(sizes.values()) for sizes in size_sets(symbols("N,"), {symbols("N"): 2})]
    [(2,), (4,), (3,)]
    """
    if not dimensions:
        return [{}, {}, {}]
    least = {symbol: (minimum_sizes or {}).get(symbol, 1) for symbol in dimensions}
    numbers = range(len(dimensions))
    few = len(dimensions) <= _MANY  # of many, any two differ in one of the first two sets: the product of all counts
    plans = [
        [2 + number if few else 2 + number % 3 for number in numbers],
        [len(dimensions) + 3 - number if few else 2 + number // 3 % 3 for number in numbers],
        [1 for _ in numbers],
        [1 if number % 2 == 0 else 2 + number % 5 for number in numbers],
        [1 if number % 2 == 1 else 2 + number % 5 for number in numbers],
    ]
    equal = max(3 if len(dimensions) <= _FEW else 2, *least.values())
    if len(dimensions) > 1 and equal <= _MANY:
        plans.append([equal for _ in numbers])
    found: list[dict[Basic, int]] = []
    for position, plan in enumerate(plans):
        for sizes in _attempts(plan, least, different=few and position < 2):
            if sizes not in found and legal(sizes):
                found.append(sizes)
                break
            if position >= 3:
                break  # as good as another of the sets
    return found


def _attempts(plan: list[int], least: Mapping[Symbol, int], different: bool) -> Iterator[dict[Basic, int]]:
    """The planned sizes, raised to the least ones; then in other orders, then larger, then with one size far larger.

    At last every combination of small sizes: facts may say that one size is the double of another.
    """
    for growth in range(4):
        # Six dimensions have 720 orders; of more than that the first ones do.
        for order in itertools.islice(itertools.permutations(plan), 720):
            sizes: dict[Basic, int] = {}
            for (symbol, low), planned in zip(least.items(), order, strict=True):
                size = max(planned + growth, low)
                while different and size in sizes.values():
                    size += 1
                sizes[symbol] = size
            yield sizes
    for growth in (4, 8):
        for large in least:
            yield {
                symbol: max(size, low) + growth * (symbol == large)
                for (symbol, low), size in zip(least.items(), plan, strict=True)
            }
    small = itertools.product(*(range(low, low + _SMALL) for low in least.values()))
    for values in itertools.islice(small, _SMALL**4):
        if not different or len(set(values)) == len(values):
            yield dict(zip(least, values, strict=True))


def sizes_of_inputs(arguments: Sequence[Argument], given: Mapping[str, Any]) -> dict[Basic, int]:
    """The sizes that given arrays show: a side of K - 1 says what K is, too.

    Raises
    ------
    ModelError
        If an array has another number of axes than its argument, two disagree about a size, or a side fits none.
    """
    found: dict[Basic, int] = {}
    sides: list[tuple[Argument, Expr, int]] = []
    for argument in arguments:
        if argument.name in given:
            lengths, shape = argument.shape, np.shape(given[argument.name])
            if argument.role == "dimension":
                lengths, shape = (argument.symbol,), (int(given[argument.name]),)
            if len(shape) != len(lengths):
                raise ModelError(f"{argument.name} in inputs= has the shape {shape}; expected {lengths}")
            sides += [
                (argument, length, size) for length, size in zip(lengths, shape, strict=True) if length.free_symbols
            ]
    while sides:
        unknown = [len(length.free_symbols - found.keys()) for _, length, _ in sides]
        number = unknown.index(min(unknown))
        argument, length, size = sides.pop(number)
        if unknown[number] > 1:
            break  # N + K - 1 alone says neither
        said = _solved(length, size, found)
        if said is None and length in found:
            raise ModelError(f"{argument.name} in inputs= has {length}={size}, another argument {found[length]}")
        if said is None:
            beside = f" beside {format_sizes(found)}" if found else ""
            raise ModelError(f"{argument.name} in inputs= has a side of {size}, which {length} is at no size{beside}")
        found |= said
    return found


def _solved(length: Expr, size: int, known: Sizes) -> dict[Basic, int] | None:
    """The size of the one dimension of a length that is not known; None if there is no such size."""
    if length.is_Symbol and length not in known:
        return {length: size}
    rest = length.xreplace({symbol: Integer(number) for symbol, number in known.items()})
    if not rest.free_symbols:
        return {} if rest == size else None
    (symbol,) = rest.free_symbols
    found = [root for root in solve(rest - size, symbol) if root.is_Integer and root >= 0]
    return {symbol: int(found[0])} if len(found) == 1 else None


def sizes_for_labels(arguments: Sequence[Argument], given: Mapping[str, Any]) -> dict[Basic, int]:
    """The least sizes at which given integers are subscripts inside of their axes.

    An axis of K - 1 entries of which the third is asked for has a K of at least 4.
    """
    found: dict[Basic, int] = {}
    for argument in arguments:
        if argument.name not in given or argument.upper is None or not np.size(given[argument.name]):
            continue
        last = int(np.max(given[argument.name]))
        if last < 0 or len(argument.upper.free_symbols) != 1:
            continue
        for symbol, size in (_solved(argument.upper, last + 1, {}) or {}).items():
            found[symbol] = max(size, found.get(symbol, 1))
    return found


def is_legal(arguments: Sequence[Argument], sizes: Sizes, ranges: Sequence[Expr] = (), least: int = 1) -> bool:
    """Whether every length, of the arguments and of the ranges of indices, is at least `least` at the given sizes.

    An axis that data subscript has at least one entry.
    """
    lengths = [*ranges, *(length for argument in arguments for length in argument.shape)]
    uppers = [argument.upper for argument in arguments if argument.upper is not None]
    try:
        return all(concrete(length, sizes) >= least for length in lengths) and all(
            concrete(upper, sizes) >= 1 for upper in uppers
        )
    except ModelError:
        return False  # N/2 of an odd N
