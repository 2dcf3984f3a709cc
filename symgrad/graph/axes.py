"""Constructors of nodes that act on whole axes: reductions, softmax, subscripts and their adjoints, names."""

from collections.abc import Mapping, Sequence
from typing import Any

from sympy import Basic, Dummy, Expr, Or, Product, S, log

from symgrad.functions import LogSumExp, MaxOver, MinOver
from symgrad.graph.build import (
    SUMS,
    ZERO,
    add,
    apply,
    index,
    is_zero,
    mul,
    power,
    reciprocal,
    scale,
    size,
    sizes_of,
    split_coefficient,
    subtract,
)
from symgrad.graph.layout import natural_order
from symgrad.graph.letters import arranged, distinct, free_letters, numbered, relabel
from symgrad.graph.nodes import (
    AxisMap,
    Gather,
    Letter,
    Named,
    Range,
    Reduce,
    Scatter,
    Shape,
    Use,
    intern,
)

# The symbol of a name that only code uses; formulas write its definition.
AUXILIARY = Dummy("auxiliary", dummy_index=2)

SOFTMAX, LOG_SOFTMAX, PRODUCT_OF_OTHERS = "softmax", "log_softmax", "product_of_others"
# of code only: entry i is the sum of the entries up to i, or of those from i on
SUM_UP_TO, SUM_FROM = "sum_up_to", "sum_from"
# the largest entry so far, and Σ w[k]·exp(u[k] - m[q]) over the entries k up to q, or from q on, with m = that of u
LARGEST_UP_TO, LARGEST_FROM = "largest_up_to", "largest_from"
EXPONENTIALS_UP_TO, EXPONENTIALS_FROM = "exponentials_up_to", "exponentials_from"
RUNNING = (LARGEST_UP_TO, LARGEST_FROM, EXPONENTIALS_UP_TO, EXPONENTIALS_FROM)


def reduce(head: Any, arg: Use, bound: Mapping[Letter, Expr]) -> Use:
    """max, min, logsumexp or product of `arg` over the bound letters; of a condition, whether any holds."""
    for letter, length in bound.items():
        if letter in arg.letters or head in (MaxOver, MinOver, Or):
            continue  # an operand that does not depend on the letter repeats itself along it
        arg = (
            add([(S.One, arg), (S.One, apply(log, [size(length)]))]) if head is LogSumExp else power(arg, size(length))
        )
    present = [letter for letter in distinct(arg.letters) if letter in bound]  # in an order that names do not change
    if not present:
        return arg
    free = [letter for letter in distinct(arg.letters) if letter not in bound]
    numbers = {letter: n for n, letter in enumerate([*free, *present])}
    sizes = sizes_of([arg])
    node = intern(Reduce, tuple(sizes[x] for x in free), head, numbered(arg, numbers), tuple(sizes[x] for x in present))
    return Use(node, tuple(free))


def axis_map(head: str, arg: Use, over: Mapping[Letter, Expr]) -> Use:
    """A function of whole axes, such as softmax, of `arg` along the letters `over` (given with their lengths)."""
    for letter, length in over.items():
        if letter not in arg.letters:  # constant along the letter: the entries share what is left
            rest = {other: n for other, n in over.items() if other != letter}
            if head in (SUM_UP_TO, SUM_FROM):
                return mul(
                    [
                        arg,
                        index(letter, length, S.One)
                        if head == SUM_UP_TO
                        else subtract(size(length), index(letter, length)),
                    ]
                )
            if head == SOFTMAX:
                return mul([reciprocal(size(length)), axis_map(head, arg, rest)])
            if head == LOG_SOFTMAX:
                return subtract(axis_map(head, arg, rest), apply(log, [size(length)]))
            repeats = subtract(size(length), size(S.One))
            return mul([power(reduce(Product, arg, rest), repeats), axis_map(head, arg, rest)])
    if not over:
        return ZERO if head == LOG_SOFTMAX else size(S.One)
    arg = Use(arg.node, arranged(arg, {letter: letter in over for letter in arg.letters}))
    letters = distinct(arg.letters)
    numbers = {letter: n for n, letter in enumerate(letters)}
    sizes = sizes_of([arg])
    axes = tuple(sorted(numbers[letter] for letter in over))
    return Use(intern(AxisMap, tuple(sizes[x] for x in letters), head, relabel(arg, numbers), axes), letters)


def running(head: str, arg: Use, letter: Letter, *weights: Use) -> Use:
    """The largest entries, or weighted sums of exponentials, along a letter from one end on."""
    letters = free_letters([arg, *weights])
    numbers = {one: n for n, one in enumerate(letters)}
    sizes = sizes_of([arg, *weights])
    parts = [relabel(part, numbers) for part in (arg, *weights)]
    fields = (head, parts[0], (numbers[letter],), *([tuple(parts[1:])] if weights else []))
    return Use(intern(AxisMap, tuple(sizes[x] for x in letters), *fields), tuple(letters))


def gather(base: Use, subs: Sequence[Use]) -> Use:
    """base[subs], where `subs` has one integer-valued term per axis of the node `base.node`."""
    coefficient, plain = split_coefficient(base)
    if plain != base:
        order = [base.letters.index(letter) for letter in plain.letters]
        return scale(coefficient, gather(plain, [subs[axis] for axis in order]))
    node = base.node
    if all(is_plain(sub, length) for sub, length in zip(subs, node.shape, strict=True)):
        return Use(node, tuple(sub.letters[0] for sub in subs))
    letters = free_letters(subs)
    numbers = {letter: n for n, letter in enumerate(letters)}
    sizes = sizes_of(subs)
    made = intern(
        Gather,
        tuple(sizes[x] for x in letters),
        Use(node, tuple(range(-1, -node.rank - 1, -1))),
        tuple(relabel(sub, numbers) for sub in subs),
    )
    return Use(made, letters)


def is_plain(sub: Use, length: Expr) -> bool:
    """Whether a subscript is the whole index of an axis of that length."""
    return isinstance(sub.node, Range) and sub.node.shape == (length,)


def scatter(
    value: Use, subs: Sequence[Use], shape: Shape, letters: Sequence[Letter], bound: Mapping[Letter, Expr]
) -> Use:
    """Add `value` into zeros of `shape` at the positions `subs`; `letters` name the axes of the result.

    `bound` gives the lengths of the letters of value and subs, which are summed over. A position that is a whole index
    is not moved: its letter becomes that of the axis.
    """
    if is_zero(value):
        return ZERO
    coefficient, value = split_coefficient(value)
    bound = dict(bound)
    aligned: dict[Letter, Letter] = {}
    for sub, length, letter in zip(subs, shape, letters, strict=True):
        own = sub.letters[0] if is_plain(sub, length) else None
        if own is not None and (own == letter or own in bound):
            aligned[own] = letter
            bound.pop(own, None)
    value, subs = relabel(value, aligned), [relabel(sub, aligned) for sub in subs]
    if len(aligned) == len(shape):
        return scale(coefficient, mul([value], bound))
    moving = {letter for sub in subs for letter in sub.letters}
    value = mul([value], {letter: length for letter, length in bound.items() if letter not in moving})
    ordered = [letter for letter in free_letters(subs) if letter in bound]
    numbers = {letter: n for n, letter in enumerate([*letters, *ordered])}
    node = intern(
        Scatter,
        shape,
        relabel(value, numbers),
        tuple(relabel(sub, numbers) for sub in subs),
        tuple(bound[letter] for letter in ordered),
    )
    return scale(coefficient, Use(node, tuple(letters)))


def auxiliary(name: str, arg: Use) -> Use:
    """A term as a quantity of its own, which products and sums around it do not flatten."""
    letters = natural_order(arg) or distinct(arg.letters)
    numbers = {letter: n for n, letter in enumerate(letters)}
    sizes = sizes_of([arg])
    return Use(named(name, AUXILIARY, tuple(sizes[x] for x in letters), relabel(arg, numbers)), letters)


def named(name: str, symbol: Basic, shape: Shape, arg: Use, properties: tuple[str, ...] = ()) -> Named:
    """The node of a quantity from `where`; letter k of `arg` is its declared axis k."""
    return intern(Named, shape, name, symbol, arg, *([properties] if properties else []))


def _sum_of_scatter(use: Use, bound: Mapping[Letter, Expr]) -> Use | None:
    """Σ_k over an axis along which values were added at positions: the sum of the values, each of which landed once."""
    node = use.node
    assert isinstance(node, Scatter)
    inside = {letter for part in node.uses() for letter in part.letters}
    gone = [
        axis
        for axis, letter in enumerate(use.letters)
        if letter in bound and axis not in inside and use.letters.count(letter) == 1
    ]
    if not gone:
        return None
    kept = [axis for axis in range(node.rank) if axis not in gone]
    names = dict(enumerate(use.letters)) | {node.rank + k: ("added", k) for k in range(len(node.bound))}
    value = relabel(node.value, names)
    added = {("added", k): length for k, length in enumerate(node.bound)}
    left = {letter: length for letter, length in bound.items() if letter not in {use.letters[axis] for axis in gone}}
    subs = [relabel(node.subs[axis], names) for axis in kept]
    letters = [use.letters[axis] for axis in kept]
    if len(set(letters)) < len(letters):
        return None
    moved = scatter(value, subs, tuple(node.shape[axis] for axis in kept), letters, added)
    return mul([moved], left)


SUMS[Scatter] = _sum_of_scatter
