"""Data that are given once, and parameters as one flat vector beside them."""

from bisect import bisect_left
from functools import partial
from itertools import accumulate
from math import prod
from typing import Any

import numpy.typing as npt

from symgrad.runtime.arguments import _array, _floating, _read_sizes, _size
from symgrad.runtime.declared import (
    ARGUMENTS,
    DIMENSIONS,
    PARAMETER_SIZES,
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
        sizes = {name: _size(name, data.pop(name)) for name in DIMENSIONS if name in data}
        self._sizes = {name: (size, f"{name} = {size} as passed") for name, size in sizes.items()}
        self._data: dict[str, Any] = {name: size for name, size in sizes.items() if name in names}
        for name, array in data.items():
            if name not in names:
                raise TypeError(f"unexpected argument {name!r}; expected data or a size, by name")
            self._data[name] = _array(name, array)
            _read_sizes(name, self._data[name].shape, self._sizes)

    def __getattr__(self, name: str) -> Any:
        code = getattr(None if name.startswith("_") else globals().get(name), "__code__", None)
        if code is None:
            raise AttributeError(f"the module has no function {name!r}")
        known: dict[str, Any] = {label: size for label, (size, _) in self._sizes.items()} | self._data
        if not code.co_flags & 8:  # flat_hessian(theta, **data) takes any name
            taken = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
            known = {one: given for one, given in (known | {"_once": {}}).items() if one in taken}
        return self.__dict__.setdefault(name, partial(globals()[name], **known))

    def unpack(self, theta: npt.ArrayLike) -> Parameters:
        """The parameters in a flat vector, as views into it."""
        (flat,) = _floating(theta=theta)
        if flat.ndim != 1:
            raise ValueError(f"theta: expected a flat vector, got shape {flat.shape}")
        sizes = {name: size for name, (size, _) in self._sizes.items()}
        unknown = [name for name in PARAMETER_SIZES if name not in sizes]
        if len(unknown) > 1:
            raise ValueError(f"unpack: pass the sizes {', '.join(unknown)} by name; the data do not determine them")

        def shapes(size: int) -> list[tuple[int, ...]]:
            return _parameter_shapes(sizes | dict.fromkeys(unknown, size))

        tried = range(flat.size if unknown else 0)
        found = bisect_left(tried, flat.size, key=lambda size: sum(map(prod, shapes(size))))
        *_, expected = ends = [*accumulate(map(prod, shapes(found)))]
        if expected != flat.size:
            said = [f"{name} {shape}" for name, shape in zip(PARAMETERS, shapes(found), strict=True)]
            said += [text for _, text in self._sizes.values()]
            raise ValueError(f"theta: expected {expected} entries ({', '.join(said)}), got {flat.size}")
        parts = zip(ends, shapes(found), strict=True)
        return Parameters(*[flat[end - prod(shape) : end].reshape(shape) for end, shape in parts])

    def flat_value_and_gradient(self, theta: npt.ArrayLike, **options: Any) -> tuple[float, npt.NDArray[Any]]:
        """The loss and its gradient by one flat vector, as `scipy.optimize.minimize(..., jac=True)` takes them."""
        loss, slope = self.value_and_gradient(*self.unpack(theta), **options)
        return float(loss), pack(*slope)
