"""Functions of a generated module for data that Dask has in chunks of rows: on threads, processes or other machines.

`pip install symgrad[dask]`. The chunks stay where they are; each gives its sums there, and these are joined there by a
tree that depends on the number of chunks alone. So a chunk that is computed again, since a worker has died, changes no
bit of the result.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from inspect import getsource
from operator import iadd
from types import ModuleType
from typing import Any

import numpy as np

from symgrad.generated import imported

try:
    import dask
    import dask.array
except ImportError:  # said when it is needed
    dask = None

LIBRARIES = ("jnp", "torch", "np")  # of which a module has one under this name
RETRIES = 3  # of a chunk that fails or whose worker dies

Packed = tuple[Any, ...]


def over(module: Any, client: Any = None, of: str = "value_and_gradient") -> Callable[..., Any]:
    """A function of a module, for data that are arrays of Dask.

    Parameters
    ----------
    module : a generated module with functions for rows in chunks, of `compile(chunks=True)`, for any target.
    client : of `distributed`; None computes with Dask's default, which is a client that there is, or threads.
    of : which function, one of those in `module.ROUNDS`.

    Returns
    -------
    callable : takes what the function of the module does, in order or by name. Data with rows are arrays of Dask whose
        chunks have all columns, and the same rows in each of them; parameters and other data are arrays of NumPy, which
        are sent once a call.

    Raises
    ------
    ValueError : the module has no such function for chunks.
    ImportError : Dask is not installed.

    Examples
    --------
    >>> import dask.array as da  # doctest: +SKIP
    >>> import numpy as np
    >>> from sympy import IndexedBase, Sum, symbols
    >>> from symgrad import Model
    >>> N = symbols("N", integer=True, positive=True)
    >>> n, w, x = symbols("n", integer=True), symbols("w", real=True), IndexedBase("x", (N,))
    >>> m = Model(Sum((x[n] - w)**2, (n, 0, N - 1)), [w]).compile(chunks=True)
    >>> value, gradient = over(m)(w=1.0, x=da.from_array(np.arange(4.0), chunks=2))  # doctest: +SKIP
    >>> float(value), float(gradient.w)  # doctest: +SKIP
    (6.0, -4.0)
    """
    if dask is None:
        raise ImportError("symgrad.dask needs Dask: pip install symgrad[dask]")
    rounds = getattr(module, "ROUNDS", {})
    if of not in rounds:
        there = ", ".join(rounds) or "none: compile(chunks=True) makes them"
        raise ValueError(f"{of!r} is no function of rows in chunks of this module; there are {there}")
    code = module.__name__, getsource(module)

    def function(*given: Any, **named: Any) -> Any:
        everything = _by_name(module, of, given, named)
        rows = [
            n for n in module.ARGUMENTS if n not in module.PARAMETERS and module.SHAPES.get(n, ())[:1] == (module.ROWS,)
        ]
        parameters = {name: one for name, one in everything.items() if name not in rows}
        chunks = _chunks({name: one for name, one in everything.items() if name in rows}, parameters)
        source, sent = dask.delayed(code, traverse=False), dask.delayed(parameters, traverse=False)
        known: list[Packed] = []
        for _ in range(rounds[of]):
            before = dask.delayed(known, traverse=False)
            parts = [dask.delayed(_partial)(source, sent, chunk, of, before) for chunk in chunks]
            total = _tree(parts, source)
            known.append(dask.compute(total)[0] if client is None else client.compute(total, retries=RETRIES).result())
        sums = [_unpacked(module, one) for one in known]
        return module.finish(parameters, sums[-1], sums[-1].rows, tuple(sums[:-1]))

    return function


def _by_name(module: Any, of: str, given: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments by their names."""
    names = [*(["direction"] if of == "hessian_vector_product" else []), *module.ARGUMENTS]
    if len(given) > len(names) or {*names[: len(given)]} & named.keys():
        raise TypeError(f"{of} takes {', '.join(names)}, in order or by name, each once")
    return {**dict(zip(names, given, strict=False)), **named}


def _chunks(data: Mapping[str, Any], parameters: Mapping[str, Any]) -> list[Any]:
    """The chunks of all arrays with rows, as dictionaries that workers put together."""
    for name, one in data.items():
        if not isinstance(one, dask.array.Array):
            raise TypeError(f"{name}: expected an array of Dask in chunks of rows, got {type(one).__name__}")
        if any(len(sides) > 1 for sides in one.chunks[1:]):
            raise ValueError(
                f"{name}: its columns are in several chunks, {one.chunks[1:]}: rechunk(({{0: 'auto', 1: -1}}))"
            )
    for name, one in parameters.items():
        if dask.is_dask_collection(one):
            raise TypeError(f"{name}: it has no rows, and is an array of Dask: give {name}.compute()")
    sizes = {name: one.chunks[0] for name, one in data.items()}
    if any(np.isnan(size) for rows in sizes.values() for size in rows):
        raise ValueError("the chunks are of unknown sizes: call compute_chunk_sizes() of each array before")
    if len(set(sizes.values())) != 1:
        raise ValueError(f"the arrays have other rows in their chunks, {sizes}: rechunk them alike")
    blocks = {name: one.to_delayed().ravel() for name, one in data.items()}
    return [
        {name: ones[number] for name, ones in blocks.items()}
        for number, rows in enumerate(next(iter(sizes.values())))
        if rows
    ]


def _tree(parts: Sequence[Any], source: Any) -> Any:
    """The sums of neighbours together, then of pairs of these, as `joined` of a module does it."""
    if not parts:
        raise ValueError("the arrays have no rows")
    while len(parts) > 1:
        pairs = [dask.delayed(_combine)(source, *parts[k : k + 2]) for k in range(0, len(parts) - 1, 2)]
        parts = [*pairs, *parts[2 * len(pairs) :]]
    return parts[0]


# --- what workers do -------------------------------------------------------------------------------------------------


def _partial(
    code: tuple[str, str], parameters: Mapping[str, Any], chunk: Mapping[str, Any], of: str, known: Sequence[Packed]
) -> Packed:
    module = _module(*code)
    return _packed(module.partial(parameters, chunk, of, tuple(_unpacked(module, one) for one in known)))


def _combine(code: tuple[str, str], one: Packed, other: Packed) -> Packed:
    module = _module(*code)
    return _packed(module.combine(_unpacked(module, one), _unpacked(module, other)))


@lru_cache(16)
def _module(name: str, text: str) -> Any:
    """A module on a worker, which need not be able to import it."""
    made: ModuleType = imported(text, name)
    return made


def _packed(sums: Any) -> Packed:
    """Sums as a tuple without classes and functions of the module, which other processes lack."""
    return tuple(sums._replace(joins=tuple(join.__name__ for join in sums.joins)))


def _unpacked(module: Any, packed: Packed) -> Any:
    sums, library = module.Sums(*packed), next(getattr(module, name) for name in LIBRARIES if hasattr(module, name))
    found = (iadd if name == "iadd" else getattr(library, name, None) or getattr(module, name) for name in sums.joins)
    return sums._replace(joins=tuple(found))
