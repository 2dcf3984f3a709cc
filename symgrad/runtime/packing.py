"""Data that are given once, and parameters as one flat vector beside them."""

from bisect import bisect_left
from collections.abc import Callable
from functools import partial
from itertools import accumulate
from math import prod
from typing import Any

import numpy.typing as npt

from symgrad.runtime.arguments import _arguments, _array, _sides, _size
from symgrad.runtime.declared import (
    ARGUMENTS,
    DIMENSIONS,
    PARAMETERS,
    Parameters,
    _parameter_shapes,
    pack,
)


class Bound:
    """The functions of the module as ones of the parameters alone: `bind(X=X).value(w)`; data are looked at once."""

    def __init__(self, /, *given: Any, **data: Any) -> None:
        names = [name for name in ARGUMENTS if name not in PARAMETERS]
        if len(given) > len(names):
            raise TypeError(f"expected at most {len(names)} data: {', '.join(names)}; got {len(given)}")
        data = dict(**dict(zip(names, given, strict=False)), **data)  # an error if one is given twice
        for name in data.keys() - {*names, *DIMENSIONS}:
            raise TypeError(f"unexpected argument {name!r}; expected data or a size, by name")
        sizes = {name: _size(name, data.pop(name)) for name in DIMENSIONS if name in data}
        arrays = {name: _array(name, one) for name, one in data.items()}
        shapes = [(size,) for size in sizes.values()] + [array.shape for array in arrays.values()]
        _, self._sizes = _sides([*sizes, *arrays], shapes)
        self._given = self._sizes | arrays

    def __getattr__(self, name: str) -> Any:
        code = getattr(None if name.startswith("_") else globals().get(name), "__code__", None)
        if code is None:
            raise AttributeError(f"the module has no function {name!r}")
        taken = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        known = {one: given for one, given in (self._given | {"_once": {}}).items() if one in taken}
        known = self._given if code.co_flags & 8 else known  # flat_hessian(theta, **data) takes any name
        return self.__dict__.setdefault(name, partial(globals()[name], **known))

    def unpack(self, theta: npt.ArrayLike) -> Parameters:
        """The parameters in a flat vector, as views into it."""
        flat: Any = _arguments(theta, names=("flat theta",))[0]  # an argument may be called theta
        shapes = _parameter_shapes(flat.size, **self._sizes)
        ends = [*accumulate(map(prod, shapes))]
        if ends[-1] != flat.size:
            raise ValueError(f"theta: expected {ends[-1]} entries for {shapes} by {self._sizes}, got {flat.size}")
        parts = zip(ends, shapes, strict=True)
        return Parameters(*[flat[end - prod(shape) : end].reshape(shape)[()] for end, shape in parts])

    def flat_value_and_gradient(self, theta: npt.ArrayLike, **options: Any) -> tuple[float, npt.NDArray[Any]]:
        """The loss and its gradient by one flat vector, as `scipy.optimize.minimize(..., jac=True)` takes them."""
        loss, slope = self.value_and_gradient(*self.unpack(theta), **options)
        return float(loss), pack(*slope)


def _solved(shapes: Callable[..., list[tuple[int, ...]]], size: int, sizes: dict[str, int]) -> list[tuple[int, ...]]:
    """The shapes for sizes of which one may be unknown, so that they take as many numbers as there are, or nearly."""
    needed = shapes.__code__.co_varnames
    unknown = [name for name in needed if name not in sizes]
    if len(unknown) > 1:
        raise ValueError(f"unpack: pass the sizes {', '.join(unknown)} by name; the data do not determine them")

    def tried(guess: int) -> list[tuple[int, ...]]:
        return shapes(*[sizes.get(name, guess) for name in needed])

    return tried(bisect_left(range(size if unknown else 0), size, key=lambda guess: sum(map(prod, tried(guess)))))
