"""What a solver with second derivatives asks of a problem, as each contender gives it."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import numpy as np
from problems import Arrays, Case
from scipy.sparse import coo_array, csc_array

FUNCTIONS = ("constraints", "Jacobian", "Hessian")


@dataclass(frozen=True)
class Calls:
    """A problem at one point.

    Attributes
    ----------
    by_name : calls without arguments, by the names of `FUNCTIONS`.
    results : what they give, as a vector and two matrices of SciPy's.
    """

    by_name: dict[str, Callable[[], Any]]
    results: Callable[[], tuple[Any, Any, Any]]


class Symgrad:
    """The generated NumPy module, or that for Numba, which remembers its patterns as it does for a solver."""

    def __init__(self, target: str = "numpy") -> None:
        self.name, self._target = "symgrad", target
        if target != "numpy":
            importlib.import_module(target)  # an optional library
            self.name = f"symgrad, {target}"

    def build(self, case: Case, variables: Arrays, data: Arrays, multipliers: Any) -> Calls:
        """The calls; the module is made anew, and finds nothing that was compiled before."""
        if self._target == "numba":
            self._cache = TemporaryDirectory()
            importlib.import_module("numba").config.CACHE_DIR = self._cache.name
        module = case.problem().compile(check=False, target=self._target)
        bound = module.bind(**data, **case.sizes(variables))
        values = bound.constraints(**variables)
        parts = np.split(multipliers, np.cumsum([np.size(one) for one in values])[:-1])
        weights = {
            f"multiplier_{name}": part.reshape(np.shape(value))
            for name, value, part in zip(values._fields, values, parts, strict=True)
        }
        weighted = {**variables, "factor": 1.0, **weights}
        calls = {
            "constraints": lambda: bound.constraints(**variables),
            "Jacobian": lambda: bound.jacobian(**variables),
            "Hessian": lambda: bound.hessian_of_lagrangian(**weighted),
        }

        def results() -> tuple[Any, Any, Any]:
            values, jacobian, hessian = (calls[name]() for name in FUNCTIONS)
            return np.concatenate([np.ravel(one) for one in values]), jacobian.to_scipy(), hessian.to_scipy()

        return Calls(calls, results)


class Casadi:
    """CasADi's virtual machine, of expressions of scalars (SX) or of whole arrays (MX), called without copies."""

    def __init__(self, kind: str) -> None:
        import casadi  # an optional library

        self.name, self._casadi, self._kind = f"CasADi {kind}", casadi, getattr(casadi, kind)

    def build(self, case: Case, variables: Arrays, data: Arrays, multipliers: Any) -> Calls:
        """The calls of functions that are built for these sizes."""
        casadi = self._casadi
        theta = _joined(variables)
        x, weights = self._kind.sym("x", theta.size), self._kind.sym("weights", multipliers.size)
        library = SimpleNamespace(
            sin=casadi.sin, cos=casadi.cos, exp=casadi.exp, total=casadi.sum1, by_turns=self._by_turns
        )
        objective, parts = case.formula(_Vector(x), data, library)
        values = casadi.vertcat(*parts)
        hessian, _ = casadi.hessian(objective + casadi.dot(weights, values), x)
        made = {
            "constraints": casadi.Function("constraints", [x], [values]),
            "Jacobian": casadi.Function("jacobian", [x], [casadi.jacobian(values, x)]),
            "Hessian": casadi.Function("hessian", [x, weights], [hessian]),
        }
        filled = {name: _Filled(function, (theta, np.array(multipliers))) for name, function in made.items()}

        def results() -> tuple[Any, Any, Any]:
            values, jacobian, hessian = (filled[name].result() for name in FUNCTIONS)
            return np.ravel(values.toarray()), jacobian, hessian

        return Calls({name: one.call for name, one in filled.items()}, results)

    def _by_turns(self, one: Any, other: Any) -> Any:
        return self._casadi.vec(self._casadi.horzcat(one, other).T)


class _Vector:
    """A vector of CasADi's, with arrays of numbers as subscripts."""

    def __init__(self, symbols: Any) -> None:
        self._symbols, self.shape = symbols, symbols.shape

    def __getitem__(self, places: Any) -> Any:
        return self._symbols[places.tolist() if isinstance(places, np.ndarray) else places]


class _Filled:
    """A function of CasADi's that reads these arrays and fills one."""

    def __init__(self, function: Any, arrays: tuple[Any, ...]) -> None:
        self._buffer, self.call = function.buffer()
        self._arrays, self._pattern = arrays, function.sparsity_out(0)
        self._out = np.zeros(function.nnz_out(0))
        for number in range(function.n_in()):
            self._buffer.set_arg(number, memoryview(arrays[number]))
        self._buffer.set_res(0, memoryview(self._out))

    def result(self) -> Any:
        """What it fills, as a matrix."""
        self.call()
        places = np.array(self._pattern.row()), np.array(self._pattern.colind())
        return csc_array((self._out.copy(), *places), shape=self._pattern.shape)


class Jax:
    """JAX, jitted, with Jacobian and Hessian by the colouring of `asdex`."""

    name = "JAX, asdex"

    def __init__(self) -> None:
        import asdex  # optional libraries
        import jax

        jax.config.update("jax_enable_x64", True)
        self._jax, self._asdex = jax, asdex

    @cached_property
    def _library(self) -> Any:
        jnp = self._jax.numpy
        return SimpleNamespace(sin=jnp.sin, cos=jnp.cos, exp=jnp.exp, total=jnp.sum, by_turns=stacked(jnp))

    def build(self, case: Case, variables: Arrays, data: Arrays, multipliers: Any) -> Calls:
        """The calls of functions that are traced, coloured and compiled for these sizes."""
        jax, asdex = self._jax, self._asdex
        theta, weights = jax.numpy.asarray(_joined(variables)), jax.numpy.asarray(multipliers)

        def values(x: Any) -> Any:
            return jax.numpy.concatenate(case.formula(x, data, self._library)[1])

        def lagrangian(x: Any, weights: Any) -> Any:
            objective, parts = case.formula(x, data, self._library)
            return objective + weights @ jax.numpy.concatenate(parts)

        pattern, second = asdex.jacobian_coloring(values, theta), asdex.hessian_coloring(lagrangian, theta, weights)
        made = {
            "constraints": (jax.jit(values), (theta,)),
            "Jacobian": (jax.jit(asdex.jacobian_from_coloring(values, pattern)), (theta,)),
            "Hessian": (jax.jit(asdex.hessian_from_coloring(lagrangian, second)), (theta, weights)),
        }
        calls = {name: _finished(jax, *one) for name, one in made.items()}

        def results() -> tuple[Any, Any, Any]:
            found, jacobian, hessian = (calls[name]() for name in FUNCTIONS)
            return np.asarray(found), _scipy(jacobian), _scipy(hessian)

        for call in calls.values():
            call()
        return Calls(calls, results)


def stacked(numpy: Any) -> Callable[[Any, Any], Any]:
    """A function that joins two vectors entry by entry."""
    return lambda one, other: numpy.stack((one, other), axis=1).ravel()


def _finished(jax: Any, function: Any, given: tuple[Any, ...]) -> Callable[[], Any]:
    return lambda: jax.block_until_ready(function(*given))


def _scipy(matrix: Any) -> Any:
    rows, columns = np.asarray(matrix.indices).T
    return coo_array((np.asarray(matrix.data), (rows, columns)), shape=matrix.shape).tocsr()


def _joined(variables: Arrays) -> Any:
    return np.concatenate([np.ravel(np.asarray(one, dtype=float)) for one in variables.values()])


KINDS: tuple[tuple[str, Callable[[], Any]], ...] = (
    ("symgrad", Symgrad),
    ("symgrad, numba", lambda: Symgrad("numba")),
    ("CasADi SX", lambda: Casadi("SX")),
    ("CasADi MX", lambda: Casadi("MX")),
    ("JAX, asdex", Jax),
)
