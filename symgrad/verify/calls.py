"""The functions of a module as the check calls them: from all inputs by name, to arrays by name."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from types import SimpleNamespace
from typing import Any

import numpy as np
from sympy import Basic

from symgrad.outputs.request import Request
from symgrad.verify.arrays import Array, Inputs

Arrays = dict[str, Array]
Quantity = Callable[[Inputs], Array]
Factors = Mapping[tuple[str, str], Sequence[tuple[Sequence[tuple[int, int]], Sequence[int]]]]

VALUE, GRADIENT, BOTH, FLAT = "value", "gradient", "value_and_gradient", "flat_value_and_gradient"
HESSIAN, COMPACT, PRODUCT = "hessian", "hessian_compact", "hessian_vector_product"
SPARSE, PATTERN = "hessian_sparse", "hessian_pattern"
FLAT_HESSIAN, FLAT_PRODUCT = "flat_hessian", "flat_hessian_vector_product"
FIRST_ORDER = (VALUE, GRADIENT, BOTH, FLAT)
OF_VECTORS = {FLAT: BOTH, FLAT_HESSIAN: HESSIAN, FLAT_PRODUCT: PRODUCT}
"""Functions of one vector of all parameters, and those of the parameters that they have the numbers of."""
TOGETHER = "_and_jacobian"  # behind the name of a quantity
MADE_OF = "_made_of"  # the modules that are together


@dataclass(frozen=True)
class SecondOrder:
    """The second derivatives and Jacobians that there are.

    Attributes
    ----------
    request : what was asked for: `hessian`, `hvp` for `hessian_vector_product`, `sparse` for `hessian_sparse`.
    quantities : the named quantities whose `jacobian_NAME` it has, as functions of the inputs.
    values : the symbols of the named quantities of which it has functions, by the names of these.
    factors : how the arrays of `hessian_compact` combine, as `outputs.structure.factors` says.
    """

    request: Request = field(default_factory=Request)
    quantities: Mapping[str, Quantity] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    factors: Factors = field(default_factory=dict)

    @property
    def jacobians(self) -> list[str]:
        """The names of functions for Jacobians."""
        return [f"jacobian_{name}" for name in self.quantities]

    def labels(self, parameters: Sequence[str]) -> tuple[str, ...]:
        """What the report calls the derivatives."""
        labels = [f"H.{p}.{q}" for p in parameters for q in parameters if self.request.hessian or self.request.sparse]
        labels += [f"Hv.{p}" for p in parameters if self.request.hvp]
        return (*labels, *(f"J_{name}.{q}" for name in self.quantities for q in parameters))


@dataclass(frozen=True)
class Calls:
    """The functions of one module at given sizes.

    The direction of `hessian_vector_product` is among the inputs, as `direction_w` for a parameter `w`.

    Attributes
    ----------
    module : an object with the functions.
    parameters : what they differentiate by, in order.
    sizes : the dimensions, which functions take that are given no array to read them off.
    second : which functions of second order there are.
    """

    module: Any
    parameters: Sequence[str]
    sizes: Mapping[Basic, int]
    second: SecondOrder = field(default_factory=SecondOrder)

    @cached_property
    def vectors(self) -> Mapping[str, str]:
        """`OF_VECTORS` with those of named quantities."""
        others = [*self.second.values, *self.second.jacobians]
        return {**OF_VECTORS, **{f"flat_{name}": name for name in others if hasattr(self.module, f"flat_{name}")}}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all functions, those of second order last."""
        names = [VALUE, GRADIENT, BOTH, *([FLAT] if hasattr(self.module, "pack") else [])]
        second, wanted = self.second, self.second.request
        names += [HESSIAN] * wanted.hessian + [COMPACT] * bool(second.factors) + [SPARSE] * wanted.sparse
        names += [PRODUCT] * wanted.hvp + [*second.jacobians, *second.values]
        names += [f"{name}{TOGETHER}" for name in second.values if name in second.quantities]
        return (*names, *(name for name in self.vectors if name != FLAT and hasattr(self.module, name)))

    def __call__(self, function: str, inputs: Inputs, **options: Any) -> Arrays:
        """The arrays of a function's result: "value", "w" for a gradient, "H.w.w", "Hv.w", "J_y.w".

        Raises whatever the module does, and ValueError where a result has not a field a parameter.
        """
        if function in self.vectors:
            return self._of_vectors(function, inputs, options)
        first = [tuple(inputs[f"direction_{name}"] for name in self.parameters)] if function == PRODUCT else []
        return self._labelled(function, inputs, called(self.module, function, inputs, self.sizes, *first, **options))

    def in_chunks(self, function: str, inputs: Inputs, ends: Sequence[int]) -> Arrays:
        """The same of rows in chunks that end there, which are put together from the last on."""
        rows = self.rows
        named = {k: v for k, v in {**_by_name(self.sizes), **inputs}.items() if not k.startswith("direction_")}
        given = {name: value for name, value in named.items() if name not in (*rows, self.module.ROWS)}
        if function == PRODUCT:
            given["direction"] = tuple(inputs[f"direction_{name}"] for name in self.parameters)
        spans = [slice(first, end) for first, end in zip((0, *ends), ends, strict=False)]
        known: tuple[Any, ...] = ()
        for _ in range(self.module.ROUNDS[function]):
            chunks = ({name: inputs[name][span] for name in rows} for span in spans)
            parts = [self.module.partial(given, chunk, function, known) for chunk in chunks]
            while len(parts) > 1:
                parts[-2:] = [self.module.combine(*parts[-2:])]
            known += tuple(parts)
        return self._labelled(function, inputs, self.module.finish(given, known[-1], ends[-1], known[:-1]))

    @property
    def rows(self) -> list[str]:
        """The data with rows, of a module that takes these in chunks."""
        module = self.module
        row = (getattr(module, "ROWS", None),)
        return [n for n in module.ARGUMENTS if n not in self.parameters and module.SHAPES.get(n, ())[:1] == row]

    def _labelled(self, function: str, inputs: Inputs, result: Any) -> Arrays:
        if function == VALUE:
            return {"value": np.asarray(result)}
        if function == GRADIENT:
            return self._fields(result)
        if function == BOTH:
            return {"value": np.asarray(result[0]), **self._fields(result[1])}
        if function == SPARSE:
            return self._blocks(result.to_dense(), inputs)
        values = self.second.values
        if function in values:
            return {function: np.asarray(result)}
        name = function.removesuffix(TOGETHER)
        if name != function and name in values:
            return {name: np.asarray(result[0]), **dict(_arrays(f"J_{name}", result[1]))}
        kind = {HESSIAN: "H", COMPACT: "H", PRODUCT: "Hv"}.get(function, function.replace("jacobian", "J"))
        return dict(_arrays(kind, result))

    def taken(self, function: str) -> Sequence[str]:
        """The names of the inputs that a function takes."""
        names = _names_of(getattr(self.module, function))
        return self.parameters if names is None else names

    def _fields(self, gradient: Any) -> Arrays:
        if len(gradient) != len(self.parameters):
            raise ValueError(f"it has {len(gradient)} fields for the parameters {', '.join(self.parameters)}")
        return {name: np.asarray(part) for name, part in zip(self.parameters, gradient, strict=True)}

    def flat_inputs(self, inputs: Inputs) -> tuple[list[Array], dict[str, Any]]:
        """The parameters, and what is given beside one vector of them: sizes and data."""
        sizes = {name: size for name, size in _by_name(self.sizes).items() if name in self.module.DIMENSIONS}
        data = {name: value for name, value in inputs.items() if name in self.module.ARGUMENTS}
        parameters = [np.asarray(data.pop(name)) for name in self.parameters]
        return parameters, {**sizes, **data}

    def _blocks(self, matrix: Array, inputs: Inputs) -> Arrays:
        """A matrix by the flat vector of all parameters as one for each two of them."""
        *ends, last = np.cumsum([np.size(inputs[name]) for name in self.parameters])
        if np.shape(matrix) != (last, last):
            raise ValueError(f"its result has the shape {np.shape(matrix)} instead of {(int(last), int(last))}")
        rows = zip(self.parameters, np.split(matrix, ends), strict=True)
        blocks = {p: np.split(row, ends, axis=1) for p, row in rows}
        return {f"H.{p}.{q}": b for p, row in blocks.items() for q, b in zip(self.parameters, row, strict=True)}

    def _of_vectors(self, function: str, inputs: Inputs, options: Mapping[str, Any]) -> Arrays:
        """The result of a function of one vector of parameters, by the names of the functions of many."""
        parameters, data = self.flat_inputs(inputs)
        vectors = [self.module.pack(*parameters)]
        if function == FLAT_PRODUCT:
            vectors.append(self.module.pack(*(inputs[f"direction_{name}"] for name in self.parameters)))
        result = getattr(self.module, function)(*vectors, **data, **options)
        value, flat = result if function == FLAT else (None, result)
        ends = np.cumsum([part.size for part in parameters])
        if function == FLAT_HESSIAN:
            return self._blocks(np.asarray(flat), inputs)
        plain = self.vectors[function]
        if plain.startswith("jacobian_"):
            columns = np.split(flat.toarray() if hasattr(flat, "toarray") else np.asarray(flat), ends[:-1], axis=1)
            pairs = zip(self.parameters, columns, strict=True)
            return {f"J_{plain.removeprefix('jacobian_')}.{name}": part for name, part in pairs}
        if function not in OF_VECTORS:
            return {plain: np.asarray(flat)}
        if np.shape(flat) != (wanted := (ends[-1],)):
            raise ValueError(f"its result has the shape {np.shape(flat)} instead of {wanted}")
        rows = dict(zip(self.parameters, np.split(np.asarray(flat), ends[:-1]), strict=True))
        fields = {name: row.reshape(one.shape) for (name, row), one in zip(rows.items(), parameters, strict=True)}
        if function == FLAT_PRODUCT:
            return {f"Hv.{name}": part for name, part in fields.items()}
        return {"value": np.asarray(value), **fields}


def together(*modules: Any) -> SimpleNamespace:
    """Several modules of one model as one: that which is checked, and others with functions that the check needs."""
    names = {name: value for module in reversed(modules) for name, value in vars(module).items()}
    return SimpleNamespace(**{**names, MADE_OF: modules})


def _arrays(label: str, result: Any) -> Iterator[tuple[str, Array]]:
    """The arrays of a result of named fields; of a sparse matrix, which has fields of its own, the dense one."""
    if isinstance(result, tuple) and not hasattr(result, "to_dense"):
        for name, part in zip(getattr(result, "_fields", range(len(result))), result, strict=True):
            yield from _arrays(f"{label}.{name}", part)
    else:
        yield label, np.asarray(result.to_dense() if hasattr(result, "to_dense") else result)


def called(module: Any, function: str, inputs: Inputs, sizes: Mapping[Basic, int], *first: Any, **options: Any) -> Any:
    """The result of a module's function, which takes some of the inputs and sizes by name after the first arguments."""
    known = {**_by_name(sizes), **inputs}
    names = _names_of(getattr(module, function))
    given = [name for name in inputs if not name.startswith("direction_")] if names is None else names[len(first) :]
    return getattr(module, function)(*first, **{name: known[name] for name in given}, **options)


def _by_name(sizes: Mapping[Basic, int]) -> dict[str, int]:
    return {_name_of(symbol): size for symbol, size in sizes.items()}


@lru_cache(256)
def _name_of(symbol: Basic) -> str:
    return str(symbol)  # which costs as much as a call of a small module


@lru_cache(256)
def _names_of(function: Callable[..., Any]) -> tuple[str, ...] | None:
    """The names of a function's arguments; None of one that takes any names."""
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return tuple(parameter.name for parameter in parameters if parameter.kind is parameter.POSITIONAL_OR_KEYWORD)
