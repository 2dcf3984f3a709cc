"""A generated function before it is scheduled and printed: its arguments, and its results as a tree of named terms."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from sympy import MatrixSymbol, S

from symgrad.arguments import Argument
from symgrad.calculus.entries import Entries
from symgrad.calculus.structure import Block, total
from symgrad.graph.build import add
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
class Places:
    """Where a part of the entries of a sparse matrix stands.

    Attributes
    ----------
    block : the numbers of the arrays that rows and columns are entries of.
    lengths : of the letters 0, 1, ... that number the entries.
    places : over these letters, along the axes of the first array and then of the second.
    value : the number of the array that has the values, over the letters.
    inside : conditions outside which there is no entry; the values are zero there.
    """

    block: tuple[int, int]
    lengths: Shape
    places: tuple[Use, ...]
    value: int
    inside: tuple[Use, ...] = ()


Sides = tuple[tuple[str, Shape], ...]


@dataclass(frozen=True)
class Pattern:
    """Where the entries of a sparse matrix stand, as a function of data and sizes gives it.

    Attributes
    ----------
    function : its name.
    doc : its docstring.
    rows, columns : the arrays whose entries, in C order and one array behind the other, the rows and columns are for,
        by name.
    parts : the places; those of different parts may be the same, and are then one entry.
    """

    function: str
    doc: tuple[str, ...]
    rows: Sides
    columns: Sides
    parts: tuple[Places, ...]

    label = "pattern"


@dataclass(frozen=True)
class Sparse:
    """A matrix of few entries that are not zero: a pattern, and the values of its parts, each over its letters."""

    label: str
    pattern: Pattern
    values: tuple[Array, ...]


@dataclass(frozen=True)
class Record:
    """Several results by name, as a `NamedTuple` of the given name."""

    name: str
    fields: Mapping[str, "Result"]


Result = Array | Pattern | Sparse | Record | tuple["Result", ...]


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
    takes : the names of arguments that it takes besides those that the results need.
    directions : arrays that it takes besides, packed in its first argument.
    zeros : whether most of what it returns is zero for large sizes, whatever the parameters are.
    rows : how many axes of its result, a quantity or a Jacobian, are the rows of a vector or a matrix that `flat_NAME`
        makes of it; None of a function without such a form.
    """

    name: str
    doc: tuple[str, ...]
    arguments: tuple[Argument, ...]
    result: Result
    takes_all: bool = False
    takes: frozenset[str] = frozenset()
    directions: tuple[Argument, ...] = ()
    zeros: bool = False
    rows: int | None = None


def whole(label: str, use: Use, shape: Shape, like: Argument | None = None) -> Array:
    """A term over all axes as an array without structure."""
    return Array(label, shape, (Block((), (), use),), like)


def axes_of(argument: Argument) -> Shape:
    """The shape of an argument in the graph, where sides of one are dropped for matrices."""
    if isinstance(argument.symbol, MatrixSymbol):
        return tuple(side for side in argument.shape if side != 1)
    return argument.shape


def arrays_of(result: Result) -> list[Array | Pattern | Sparse]:
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
        match array:
            case Array(parts=parts):
                terms += [part.cofactor for part in parts]
            case Pattern(parts=those):
                terms += [term for part in those for term in (*part.places, *part.inside)]
            case Sparse(pattern=pattern, values=values):
                terms += [*terms_of(values), *terms_of(pattern)]
    return terms


def term_of(array: Array) -> Use:
    """An array as one term over all of its axes."""
    return total(array.parts, array.shape)


def blocks_of(sparse: Sparse) -> Iterator[tuple[str, str, Use]]:
    """The blocks of a sparse matrix by the names of their arrays, each as one term over the axes of both."""
    pattern = sparse.pattern
    for (n, (row, first)), (m, (column, second)) in product(enumerate(pattern.rows), enumerate(pattern.columns)):
        lists = [
            Entries(part.lengths, part.places, term_of(sparse.values[part.value]))
            for part in pattern.parts
            if part.block == (n, m)
        ]
        yield row, column, add((S.One, one.term((*first, *second))) for one in lists)


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
    last, made = before, list(functions)
    for name, after in after_each_phase(before, Known(identities, adjoints, parameters, loss)):
        if after != last:  # most phases are about what a model does not have
            images = [dict(zip(*terms, strict=True)) for terms in zip(before, after, strict=True)]
            made = [replace(f, result=with_terms(f.result, new)) for f, new in zip(functions, images, strict=True)]
        last = after
        yield name, made


def changed(result: Any, change: Callable[[Sequence[Use]], Sequence[Use]]) -> Any:
    """A result with what is made of its terms, all together, in place of these."""
    terms = terms_of(result)
    return with_terms(result, dict(zip(terms, change(terms), strict=True)))


def with_terms(result: Any, images: Mapping[Use, Use]) -> Any:
    """A result with other terms in place of its own."""

    match result:
        case Record(fields=fields):
            return replace(result, fields={name: with_terms(part, images) for name, part in fields.items()})
        case tuple():
            return tuple(with_terms(part, images) for part in result)
        case Pattern(parts=parts):
            terms = [[tuple(images[one] for one in those) for those in (part.places, part.inside)] for part in parts]
            new = [replace(part, places=n, inside=m) for part, (n, m) in zip(parts, terms, strict=True)]
            return replace(result, parts=tuple(new))
        case Sparse(pattern=pattern, values=values):
            return replace(result, pattern=with_terms(pattern, images), values=with_terms(values, images))
    return replace(result, parts=tuple(replace(part, cofactor=images[part.cofactor]) for part in result.parts))
