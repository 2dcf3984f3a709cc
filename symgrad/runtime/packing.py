"""Data that are given once, and the shapes of parameters beside them."""

from bisect import bisect_left
from collections.abc import Callable
from functools import partial as applied
from math import prod
from typing import Any

import numpy as np

from symgrad.runtime.arguments import _array, _fits
from symgrad.runtime.declared import ARGUMENTS, PARAMETERS
from symgrad.runtime.once import _memory


class _Bound:
    """What `bind` returns: every function of the module as one of what is not bound; `unpack` is handed it."""

    def __init__(self, given: dict[str, Any], varying: tuple[str, ...] = ()) -> None:
        self.missing = {*ARGUMENTS} - {*PARAMETERS, *varying}
        arrays = {name: _array(name, one) for name, one in given.items() if one is not ...}
        kinds = [(np.dtype(int), (one,)) if isinstance(one, int) else (one.dtype, one.shape) for one in arrays.values()]
        _, self.sizes, _ = _fits(tuple(arrays), tuple(kinds))
        self.given = arrays | self.sizes

    def __getattr__(self, name: str) -> Any:
        code = getattr(None if name.startswith("_") else globals().get(name), "__code__", None)
        if code is None:
            raise AttributeError(f"the module has no function {name!r}")
        taken = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        known = {"_bound": self} if code.co_flags & 8 else {n: one for n, one in self.given.items() if n in taken}
        return self.__dict__.setdefault(name, applied(globals()[name], **known))


class _Keeping(_Bound):
    """The same, with copies of the data, and a memory of what follows from these alone.

    A function remembers once all data that it takes are bound, but for those that are `varying`: they are no data of
    what is remembered.
    """

    def __init__(self, given: dict[str, Any], varying: tuple[str, ...] = ()) -> None:
        super().__init__(given, varying)
        self.given = {name: _unchanged(one) for name, one in self.given.items()}
        self.missing -= {*self.given}
        self.memory: dict[Any, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"given": self.given, "sizes": self.sizes, "missing": self.missing, "memory": {}}

    def __getattr__(self, name: str) -> Any:
        bound = super().__getattr__(name)
        code = bound.func.__code__
        taken = ARGUMENTS if code.co_flags & 8 else code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        if self.missing & {*taken}:
            return bound

        def remembering(*given: Any, **named: Any) -> Any:
            anew = named and named.keys() & bound.keywords.keys()
            known = _memory().set(None if anew else self.memory)
            try:
                return bound(*given, **named)
            finally:
                _memory().reset(known)

        self.__dict__[name] = remembering
        return remembering


def _unchanged(given: Any) -> Any:
    """A size, or an array that nobody can write to: a copy if need be."""
    base = given
    while isinstance(base, np.ndarray) and not base.flags.writeable:
        base = base.base
    return given.copy() if isinstance(base, np.ndarray) or hasattr(given, "tocsr") else given


def _solved(shapes: Callable[..., list[tuple[int, ...]]], size: int, sizes: dict[str, int]) -> list[tuple[int, ...]]:
    """The shapes for sizes of which one may be unknown, so that they take as many numbers as there are, or nearly."""
    needed = shapes.__code__.co_varnames
    unknown = [name for name in needed if name not in sizes]
    if len(unknown) > 1:
        raise ValueError(f"unpack: pass the sizes {', '.join(unknown)} by name; the data do not determine them")

    def tried(guess: int) -> list[tuple[int, ...]]:
        return shapes(*[sizes.get(name, guess) for name in needed])

    return tried(bisect_left(range(size if unknown else 0), size, key=lambda guess: sum(map(prod, tried(guess)))))
