"""A generated function before it is scheduled and printed: its arguments, and its results as a tree of named terms."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sympy import MatrixSymbol, S

from symgrad.arguments import Argument
from symgrad.calculus.deltas import delta_at
from symgrad.calculus.structure import Block, Hits, Ties, total
from symgrad.graph.build import add, delta, mul
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Shape, Use
from symgrad.schedule.pipeline import Known, after_each_phase


@dataclass(frozen=True)
class Array:
    """An array as the sum of blocks over the letters 0 ... of its axes.

    Attributes
    ----------
    label : the variable that has it in code, unless it has another name there.
    shape : its shape.
    parts : the blocks; deltas in front of them say on which diagonals they stand.
    like : the argument in whose shape it is returned, where that may have sides of one besides.
    """

    label: str
    shape: Shape
    parts: tuple[Block, ...]
    like: Argument | None = None


@dataclass(frozen=True)
class Pattern:
    """Entries of a sparse array: `values` over the axes that neither ties nor hits determine."""

    ties: Ties
    hits: Hits
    values: Array


@dataclass(frozen=True)
class Sparse:
    """A matrix of few non-zero entries, over the row axes (the first `rank`) and the column axes of `shape`."""

    label: str
    shape: Shape
    rank: int
    patterns: tuple[Pattern, ...]


@dataclass(frozen=True)
class Record:
    """Several results by name, as a `NamedTuple` of the given name."""

    name: str
    fields: Mapping[str, "Result"]


Result = Array | Sparse | Record | tuple["Result", ...]


@dataclass(frozen=True)
class Function:
    """A generated function.

    Attributes
    ----------
    name : its name.
    doc : the lines of its docstring; the first is the summary.
    arguments : those of the model, in order.
    result : what it returns.
    takes_all : whether it takes all of the arguments, and checks them; else those that the results need.
    directions : arrays that it takes besides, packed in its first argument.
    rows : how many axes of its result, a quantity or a Jacobian, are the rows of a vector or a matrix that `flat_NAME`
        makes of it; None of a function without such a form.
    """

    name: str
    doc: tuple[str, ...]
    arguments: tuple[Argument, ...]
    result: Result
    takes_all: bool = False
    directions: tuple[Argument, ...] = ()
    rows: int | None = None


def whole(label: str, use: Use, shape: Shape, like: Argument | None = None) -> Array:
    """A term over all axes as an array without structure."""
    return Array(label, shape, (Block((), (), use),), like)


def axes_of(argument: Argument) -> Shape:
    """The shape of an argument in the graph, where sides of one are dropped for matrices."""
    if isinstance(argument.symbol, MatrixSymbol):
        return tuple(side for side in argument.shape if side != 1)
    return argument.shape


def arrays_of(result: Result) -> list[Array | Sparse]:
    """The arrays of a result, in order."""
    match result:
        case Record(fields=fields):
            return [array for part in fields.values() for array in arrays_of(part)]
        case tuple():
            return [array for part in result for array in arrays_of(part)]
    return [result]


def terms_of(result: Result) -> list[Use]:
    """The terms that a result is made of."""
    terms = []
    for array in arrays_of(result):
        if isinstance(array, Sparse):
            terms += [sub for pattern in array.patterns for _, sub in pattern.hits]
            terms += [use for pattern in array.patterns for use in terms_of(pattern.values)]
        else:
            terms += [part.cofactor for part in array.parts]
    return terms


def term_of(array: Array | Sparse) -> Use:
    """An array as one term over all of its axes."""
    if isinstance(array, Array):
        return total(array.parts, array.shape)
    terms = []
    for pattern in array.patterns:
        gone = {column for _, column in pattern.ties} | {axis for axis, _ in pattern.hits}
        kept = [axis for axis in range(len(array.shape)) if axis not in gone]
        deltas = [delta(row, column, array.shape[column]) for row, column in pattern.ties]
        deltas += [delta_at(axis, sub, array.shape[axis]) for axis, sub in pattern.hits]
        terms.append((S.One, mul([*deltas, relabel(term_of(pattern.values), dict(enumerate(kept)))])))
    return add(terms)


def scheduled(
    functions: Sequence[Function],
    identities: Sequence[tuple[Use, Use]],
    adjoints: bool = False,
    loss: Use | None = None,
) -> list[Function]:
    """Functions with their terms as code should compute them; see `schedule.pipeline.Known`."""
    *_, (_, last) = phases(functions, identities, adjoints, loss)
    return last


def phases(
    functions: Sequence[Function],
    identities: Sequence[tuple[Use, Use]],
    adjoints: bool = False,
    loss: Use | None = None,
) -> Iterator[tuple[str, list[Function]]]:
    """The functions after each phase of the schedule, by its name."""
    before = [terms_of(function.result) for function in functions]
    arguments = [a for function in functions for a in (*function.directions, *function.arguments)]
    parameters = frozenset(a.name for a in arguments if a.role in ("parameter", "direction"))
    for name, after in after_each_phase(before, Known(identities, adjoints, parameters, loss)):
        images = [dict(zip(*terms, strict=True)) for terms in zip(before, after, strict=True)]
        yield name, [replace(f, result=with_terms(f.result, new)) for f, new in zip(functions, images, strict=True)]


def with_terms(result: Any, images: Mapping[Use, Use]) -> Any:
    """A result with other terms in place of its own."""

    def hits_of(hits: Iterable[tuple[Any, Use]]) -> Hits:
        return tuple((letter, images[sub]) for letter, sub in hits)

    match result:
        case Record(fields=fields):
            return replace(result, fields={name: with_terms(part, images) for name, part in fields.items()})
        case tuple():
            return tuple(with_terms(part, images) for part in result)
        case Sparse(patterns=patterns):
            new = [replace(p, hits=hits_of(p.hits), values=with_terms(p.values, images)) for p in patterns]
            return replace(result, patterns=tuple(new))
    return replace(result, parts=tuple(replace(part, cofactor=images[part.cofactor]) for part in result.parts))
