"""Functions of rows that come in chunks: what is made of one, of two of them together, and of all."""

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from operator import iadd
from typing import Any, NamedTuple

from symgrad.runtime.batches import _with_rows
from symgrad.runtime.declared import ARGUMENTS, DIMENSIONS, ROUNDS, ROWS, Parameters
from symgrad.runtime.rows import _over_rows


class Sums(NamedTuple):
    """What `partial` makes of a chunk: `totals` of its rows, which `joins` make one of two of each.

    They are those of a function, `of`, in the round that comes after so many others. There are `rows` of them, of which
    `first` has one: it says of what type and how wide the data are.
    """

    of: str
    round: int
    rows: int
    first: dict[str, Any]
    joins: tuple[Any, ...]
    totals: tuple[Any, ...]


def partial(
    parameters: Mapping[str, Any] | Parameters,
    chunk: Mapping[str, Any],
    of: str = "value_and_gradient",
    known: tuple[Sums, ...] = (),
) -> Sums:
    """The sums over the rows of a chunk, after the rounds whose sums over all rows are `known`.

    Parameters and shared data by name, with the `direction` of a Hessian-vector product; data with rows in the chunk.
    """
    arrays = _with_rows(chunk)
    rows = next(iter(arrays.values())).shape[0]
    if not rows:
        raise ValueError("a chunk of no rows: leave it out")
    if len(known) >= ROUNDS[_function(of)]:
        raise ValueError(f"{of} is finished after {ROUNDS[of]} rounds over the rows, and {len(known)} are known")
    steps = _rounds(of, parameters, arrays)
    asked = next(steps)
    for totals in known:
        asked = steps.send((known[0].rows, _answer(totals, asked)))
    made = () if asked is None else _over_rows(*asked)
    joins = () if asked is None else (asked[6:] or ((iadd,) * len(made),))[0]
    first = {name: _copy(array[:1]) for name, array in arrays.items()}
    return Sums(of, len(known), rows, first, joins, tuple([[] if isinstance(one, list) else one for one in made]))


def combine(one: Sums, other: Sums) -> Sums:
    """The sums over the rows of two chunks, or of several, together; the order of the two is that of the rows."""
    if (one.of, one.round) != (other.of, other.round):
        raise ValueError(f"sums of {one.of}, round {one.round + 1}, and of {other.of}, round {other.round + 1}")
    for name, array in one.first.items():
        a, b = [f"{each.dtype} {tuple(each.shape[1:])}" for each in (array, other.first[name])]
        if a != b:
            raise ValueError(f"{name}: rows of type and shape {a} in one chunk, and {b} in another")
    joined = [
        a + b if join is iadd else join(a, b) for join, a, b in zip(one.joins, one.totals, other.totals, strict=True)
    ]
    return one._replace(rows=one.rows + other.rows, totals=tuple(joined))


def finish(parameters: Mapping[str, Any] | Parameters, sums: Sums, N: int, known: tuple[Sums, ...] = ()) -> Any:
    """The result for all N rows, from the sums over them and those of the rounds before."""
    counts = [each.rows for each in (*known, sums)]
    if set(counts) != {N}:
        raise ValueError(f"N = {N} rows, but the sums are of {', '.join(map(str, counts))}")
    steps = _rounds(sums.of, parameters, sums.first)
    asked = next(steps)
    try:
        for totals in (*known, sums):
            asked = steps.send((N, _answer(totals, asked)))
    except StopIteration as end:
        return end.value
    raise ValueError(f"{sums.of} takes {ROUNDS[sums.of]} rounds over the rows, and {len(counts)} are given")


def over_chunks(
    chunks: Iterable[Mapping[str, Any]] | Callable[[], Iterable[Mapping[str, Any]]],
    of: str = "value_and_gradient",
    /,
    **parameters: Any,
) -> Any:
    """A function of the module for rows that come in chunks, which never are in memory together.

    Chunks are dictionaries of arrays with rows: in a list, in anything else that can be iterated as often as there are
    rounds, or from a function that makes a generator. Parameters and shared data come by name.
    """
    once = not callable(chunks) and iter(chunks) is chunks
    if once and ROUNDS[_function(of)] > 1:
        raise TypeError(f"chunks: {of} reads the rows {ROUNDS[of]} times, and {type(chunks).__name__} can be read once")
    known: tuple[Sums, ...] = ()
    for _ in range(ROUNDS[_function(of)]):
        read = chunks() if callable(chunks) else chunks
        parts = (partial(parameters, chunk, of, known) for chunk in read if _has_rows(chunk))
        first = next(parts, None)
        if known and first is None:
            said = f"chunks: {known[0].rows} rows when they were read first, and none now"
            raise ValueError(f"{said}: give a list, or a function that makes the chunks anew")
        total = joined(parts if first is None else chain([first], parts))
        if known and total.rows != known[0].rows:
            raise ValueError(f"chunks: {known[0].rows} rows when they were read first, and {total.rows} now")
        known = (*known, total)
    return finish(parameters, known[-1], known[0].rows, known[:-1])


def joined(parts: Iterable[Sums]) -> Sums:
    """The sums of all chunks, from those of one after the other, by a tree that depends on their number alone.

    Neighbours are joined, then pairs of neighbours, and so on: rounding errors grow with the logarithm of the number.
    """
    waiting: list[tuple[int, Sums]] = []  # trees of 2**k chunks, the larger first
    for part in parts:
        size = 1
        while waiting and waiting[-1][0] == size:
            part, size = combine(waiting.pop()[1], part), 2 * size
        waiting.append((size, part))
    if not waiting:
        raise ValueError("chunks: there are none, or none with rows")
    total = waiting.pop()[1]
    while waiting:
        total = combine(waiting.pop()[1], total)
    return total


def _function(of: str) -> str:
    """The name of a function that there is for chunks."""
    if of not in ROUNDS:
        raise ValueError(f"{of!r} is no function of rows in chunks; there are {', '.join(ROUNDS)}")
    return of


def _has_rows(chunk: Any) -> bool:
    """Whether a chunk has rows; one that is no dictionary of arrays is an error later."""
    return not isinstance(chunk, Mapping) or not chunk or any(map(_length, chunk.values()))


def _length(array: Any) -> int:
    """How many rows there are in what can be made an array; 0 of a number."""
    shape = getattr(array, "shape", None)
    return (len(array) if hasattr(array, "__len__") else 0) if shape is None else int([*shape, 0][0])


def _rounds(of: str, parameters: Any, arrays: Mapping[str, Any]) -> Any:
    """The rounds of a function over rows, which ask for what is to be made of them."""
    given = parameters._asdict() if isinstance(parameters, Parameters) else dict(parameters)
    steps = globals()[f"_{of}_rounds"]
    names = steps.__code__.co_varnames[: steps.__code__.co_argcount]
    rows = [name for name in given if name in arrays]
    unknown = [name for name in given if name not in (*ARGUMENTS, *DIMENSIONS, *names) or name == ROWS]
    missing = [name for name in names if name not in given and name not in arrays]
    if rows:
        raise ValueError(f"{', '.join(rows)}: these data have rows, which come in chunks")
    if unknown or missing:
        said = [*(f"{name!r} is unknown" for name in unknown), *(f"{name!r} is missing" for name in missing)]
        raise TypeError(f"{of} takes parameters and shared data by name: {', '.join(said)}")
    return steps(**{name: one for name, one in {**given, **arrays}.items() if name in names})


def _answer(sums: Sums, asked: Any) -> tuple[Any, ...]:
    """Sums over all rows, with what the rows at hand are to keep for later rounds."""
    if not any(isinstance(total, list) for total in sums.totals):
        return tuple(map(_copy, sums.totals))
    pairs = zip(_over_rows(*asked), sums.totals, strict=True)
    return tuple([mine if isinstance(mine, list) else _copy(total) for mine, total in pairs])


def _copy(total: Any) -> Any:
    """A total that may be written over."""
    return tuple(map(_copy, total)) if isinstance(total, tuple) else total.copy()
