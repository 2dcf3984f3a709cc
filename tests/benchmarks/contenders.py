"""Whoever takes part: symgrad, the expert, the limit and the peers, each with how it is compiled and called.

A contender's constructor raises ImportError where its package is missing. Its `prepare` returns a call without
arguments that computes the answer and waits for it; all conversions of arrays are done before.
"""

import inspect
import tracemalloc
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
from cases import Arrays, Case
from namespaces import AutogradNamespace, JaxNamespace, PytensorNamespace, TorchNamespace

# A peer that makes a Hessian row by row in Python is not asked for more rows than this: it would take minutes.
MOST_ROWS = 1000

Call = Callable[[], Any]


class Contender(ABC):
    """A way to compute the cases.

    Attributes
    ----------
    answers : whether its results are compared.
    compiles : whether its first call includes compiling.
    slow : whether that takes so many seconds a case that `--quick` leaves it out.
    """

    name: ClassVar[str]
    answers: ClassVar[bool] = True
    compiles: ClassVar[bool] = False
    slow: ClassVar[bool] = False

    @abstractmethod
    def prepare(self, case: Case, arrays: Arrays) -> Call:
        """Compile for these arrays.

        Raises
        ------
        NotImplementedError : it cannot do such a case; the message says what it lacks.
        """

    def outputs(self, result: Any) -> list[np.ndarray]:
        return [np.asarray(part) for part in result]

    def peak_memory(self, call: Call) -> int | None:
        """The most bytes that a call holds beyond its inputs, or None if it cannot be known."""
        return None

    def forget(self) -> None:  # noqa: B027
        """Drop what was compiled for the last case."""


class Symgrad(Contender):
    name = "symgrad"

    def __init__(self) -> None:
        self.module: ModuleType | None = None  # the module of the case, compiled once for all types

    def prepare(self, case: Case, arrays: Arrays) -> Call:
        module = self.module
        assert module is not None
        if case.answer == "gradient":
            return lambda: module.value_and_gradient(**arrays)
        if case.answer == "jacobian":
            taken = inspect.signature(module.jacobian_r).parameters
            given = {name: array for name, array in arrays.items() if name in taken}
            return lambda: tuple(part.values for part in module.jacobian_r(**given))
        hessian = module.hessian_compact if case.answer == "compact" else module.hessian
        taken = inspect.signature(hessian).parameters
        known = {**_sizes(module, arrays), **arrays}
        needed = {name: known[name] for name in taken}
        if case.answer == "newton":
            return lambda: (np.linalg.solve(hessian(**needed)[0][0], module.gradient(**arrays)[0]),)
        return lambda: hessian(**needed)[0]

    def outputs(self, result: Any) -> list[np.ndarray]:
        first, *rest = result
        return [np.asarray(part) for part in (first, *(rest[0] if rest and isinstance(rest[0], tuple) else rest))]

    def peak_memory(self, call: Call) -> int | None:
        return _traced_peak(call)


class Bound(Symgrad):
    """The same module with the data given once: `bind` computes what follows from these alone in the first call."""

    name = "symgrad bound"

    def prepare(self, case: Case, arrays: Arrays) -> Call:
        module = self.module
        assert module is not None
        if case.answer not in ("gradient", "jacobian"):
            raise NotImplementedError("value and gradient, or Jacobians, only")
        data = {name: array for name, array in arrays.items() if name not in case.parameters}
        known = {name: arrays[name] for name in case.parameters}
        if case.answer == "jacobian":
            jacobian = module.bind(**data, **_free(module, data, arrays)).jacobian_r
            return lambda: tuple(part.values for part in jacobian(**known))
        function = module.bind(**data).value_and_gradient
        return lambda: function(**known)


class Expert(Contender):
    name = "expert NumPy"

    def prepare(self, case: Case, arrays: Arrays) -> Call:
        return lambda: case.expert(**arrays)

    def peak_memory(self, call: Call) -> int | None:
        return _traced_peak(call)


class Limit(Contender):
    name = "limit"
    answers = False

    def prepare(self, case: Case, arrays: Arrays) -> Call:
        if case.limit is None:
            raise NotImplementedError("next to nothing cannot be avoided")
        return case.limit(**arrays)


class Jax(Contender):
    name = "JAX jit"
    compiles = True

    def __init__(self) -> None:
        import jax

        jax.config.update("jax_enable_x64", True)
        self.jax = jax
        self.namespace = JaxNamespace()

    def prepare(self, case: Case, arrays: Arrays) -> Call:
        jax = self.jax
        data = {name: jax.numpy.asarray(array) for name, array in arrays.items()}
        parameters = {name: data.pop(name) for name in case.parameters}

        def loss(parameters: Any, data: Any) -> Any:
            return case.loss(self.namespace, **parameters, **data)

        def gradient(parameters: Any, data: Any) -> Any:
            value, slopes = jax.value_and_grad(loss)(parameters, data)
            return (value, *(slopes[name] for name in case.parameters))

        def hessian(parameters: Any, data: Any) -> Any:
            (name,) = case.parameters
            return (jax.hessian(loss)(parameters, data)[name][name],)

        def newton(parameters: Any, data: Any) -> Any:
            return (jax.numpy.linalg.solve(hessian(parameters, data)[0], gradient(parameters, data)[1]),)

        def jacobian(parameters: Any, data: Any) -> Any:
            """Of few residuals a row by more parameters: reverse mode is the faster one."""
            assert case.rows is not None
            residuals = lambda *row: jax.numpy.stack(case.loss(self.namespace, *row))  # noqa: E731
            by_row = jax.jacrev(residuals, argnums=tuple(range(len(case.parameters))))
            return [part.ravel() for part in jax.vmap(by_row)(*case.rows(**parameters, **data))]

        answers = {"gradient": gradient, "hessian": hessian, "compact": hessian, "newton": newton, "jacobian": jacobian}
        chosen = answers[case.answer]
        function = jax.jit(chosen)
        self._again = lambda: function.lower(parameters, data).compile()
        return lambda: jax.block_until_ready(function(parameters, data))

    def peak_memory(self, call: Call) -> int | None:
        found = self._again().memory_analysis()
        return None if found is None else int(found.temp_size_in_bytes + found.output_size_in_bytes)

    def forget(self) -> None:
        self.jax.clear_caches()


class Torch(Contender):
    name = "PyTorch"

    def __init__(self) -> None:
        import torch

        self.torch = torch
        self.namespace = TorchNamespace()

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return function

    def prepare(self, case: Case, arrays: Arrays) -> Call:
        _no_jacobian(case)
        torch = self.torch
        data = {name: torch.from_numpy(array) for name, array in arrays.items()}
        parameters = [data.pop(name) for name in case.parameters]

        def loss(*parameters: Any) -> Any:
            return case.loss(self.namespace, **dict(zip(case.parameters, parameters, strict=True)), **data)

        if case.answer == "gradient":
            forward = self.compiled(loss)
            leaves = [array.requires_grad_() for array in parameters]

            def gradient() -> Any:
                value = forward(*leaves)
                return (value, *torch.autograd.grad(value, leaves))

            return gradient
        hessian, slope = torch.func.hessian(loss), torch.func.grad(loss)
        if case.answer == "newton":
            step = self.compiled(lambda array: torch.linalg.solve(hessian(array), slope(array)))
        else:
            step = self.compiled(hessian)
        return lambda: (step(parameters[0]),)

    def outputs(self, result: Any) -> list[np.ndarray]:
        return [part.detach().numpy() for part in result]


class TorchCompile(Torch):
    name = "torch.compile"
    compiles = slow = True

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return self.torch.compile(function)  # type: ignore[no-any-return]

    def forget(self) -> None:
        self.torch._dynamo.reset()


class Autograd(Contender):
    name = "autograd"

    def __init__(self) -> None:
        import autograd

        self.autograd = autograd
        self.namespace = AutogradNamespace()

    def prepare(self, case: Case, arrays: Arrays) -> Call:
        _no_jacobian(case)
        parameters = [arrays[name] for name in case.parameters]
        data = {name: array for name, array in arrays.items() if name not in case.parameters}

        def loss(*parameters: Any) -> Any:
            return case.loss(self.namespace, **dict(zip(case.parameters, parameters, strict=True)), **data)

        if case.answer == "gradient":
            function = self.autograd.value_and_grad(loss, argnum=tuple(range(len(parameters))))

            def gradient() -> Any:
                value, slopes = function(*parameters)
                return (value, *slopes)

            return gradient
        _check_rows(parameters[0])
        hessian, slope = self.autograd.hessian(loss), self.autograd.grad(loss)
        if case.answer == "newton":
            return lambda: (np.linalg.solve(hessian(parameters[0]), slope(parameters[0])),)
        return lambda: (hessian(parameters[0]),)


class Pytensor(Contender):
    name = "PyTensor"
    compiles = slow = True

    def __init__(self) -> None:
        import pytensor

        self.pytensor = pytensor
        self.namespace = PytensorNamespace()

    def prepare(self, case: Case, arrays: Arrays) -> Call:
        _no_jacobian(case)
        pytensor, tensor = self.pytensor, self.namespace.numpy
        inputs = {
            name: tensor.tensor(name, dtype=str(array.dtype), shape=array.shape) for name, array in arrays.items()
        }
        parameters = [inputs[name] for name in case.parameters]
        value = case.loss(self.namespace, **inputs)
        slopes = pytensor.grad(value, parameters)
        if case.answer == "gradient":
            outputs = [value, *slopes]
        else:
            if parameters[0].ndim != 1:
                raise NotImplementedError("Hessians by vectors only")
            _check_rows(arrays[case.parameters[0]])
            hessian = pytensor.gradient.hessian(value, parameters[0])
            outputs = [tensor.linalg.solve(hessian, slopes[0]) if case.answer == "newton" else hessian]
        function = pytensor.function(list(inputs.values()), outputs)
        function.trust_input = True
        values = list(arrays.values())
        return lambda: function(*values)


ALL: list[type[Contender]] = [Symgrad, Bound, Limit, Expert, Jax, Torch, TorchCompile, Autograd, Pytensor]


def _sizes(module: ModuleType, arrays: Arrays) -> dict[str, int]:
    """The model's dimensions: a Hessian asks for those that its other arguments do not tell."""
    found: dict[str, int] = {}
    for name, array in arrays.items():
        labels = [label for label in module.SHAPES[name] if label != 1]
        found.update({str(label): side for label, side in zip(labels, array.shape, strict=True)})
    return found


def _free(module: ModuleType, data: Arrays, arrays: Arrays) -> dict[str, int]:
    """The dimensions that data alone do not tell."""
    known = _sizes(module, data)
    return {name: side for name, side in _sizes(module, arrays).items() if name not in known and name.isidentifier()}


def _check_rows(parameter: np.ndarray) -> None:
    if parameter.size > MOST_ROWS:
        raise NotImplementedError(f"{parameter.size} rows, one at a time in Python")


def _no_jacobian(case: Case) -> None:
    if case.answer == "jacobian":
        raise NotImplementedError("no Jacobians row by row")


def _traced_peak(call: Call) -> int:
    """The most that Python's and NumPy's allocators hold during a call, beyond what they held before."""
    tracemalloc.start()
    call()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak
