"""The types of what modules compiled in memory have: what editors complete, and type checkers know.

A module's own text has the names and shapes of its arguments; here is what all modules share. Records are tuples with
names that only the module knows.
"""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from symgrad.calls import without_attribute
from symgrad.errors import ModelError
from symgrad.spellings import OF_MODULES

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class GeneratedModule(ModuleType):
    """A generated module; functions of second order are there if they were asked for."""

    ARGUMENTS: tuple[str, ...]
    PARAMETERS: tuple[str, ...]
    DIMENSIONS: tuple[str, ...]
    SHAPES: dict[str, tuple[str | int, ...]]
    INTEGERS: tuple[str, ...]
    SPARSE: tuple[str, ...]
    ROWS: str
    ROUNDS: dict[str, int]
    BLOCK_BYTES: int
    THREADS: int | None
    THREAD_WORK: int
    Parameters: "type[Record]"
    Gradient: "type[Record]"
    Workspace: type[Any]

    def __getattr__(self, name: str) -> Any:
        asked = {
            "hessian": "hessian",
            "hessian_compact": "hessian",
            "flat_hessian": "hessian",
            "Workspace": "workspace",
            **dict.fromkeys(("ROUNDS", "Sums", "partial", "combine", "finish", "over_chunks", "batches"), "chunks"),
        }
        if name in ("hessian_sparse", "hessian_pattern"):
            raise AttributeError(
                f'module {self.__name__!r} has no attribute {name!r}; compile(hessian="sparse") makes it'
            )
        if name == "ROWS":
            raise AttributeError(
                f"module {self.__name__!r} has no ROWS: its loss is no sum over rows of data, the first axis of "
                "each array; compile(chunks=True) says what ties them"
            )
        asked |= {"hessian_vector_product": "hvp", "flat_hessian_vector_product": "hvp"}
        if asked.get(name) == "chunks" and "ROWS" not in vars(self):
            cure = "its loss is no sum over rows of data: compile(chunks=True) says what ties them"
        elif name in asked:
            cure = f"compile({asked[name]}=True) makes it"
        elif name.endswith("_and_jacobian"):
            known = name.removesuffix("_and_jacobian").removeprefix("flat_")
            cure = f'compile(quantities=["{known}"], jacobian=["{known}"]) makes it'
        elif name.startswith("jacobian_"):
            cure = f'compile(jacobian=["{name.removeprefix("jacobian_")}"]) makes it'
        else:
            raise without_attribute(f"module {self.__name__!r}", name, vars(self), OF_MODULES)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}; {cure}")

    def __dir__(self) -> list[str]:
        """What the module has to offer, without what it imports and what it keeps to itself."""
        return sorted(
            name
            for name, one in vars(self).items()
            if not (name.startswith("_") or isinstance(one, ModuleType))
            and getattr(one, "__module__", self.__name__) == self.__name__
        )

    def __call__(self, *given: Any, **named: Any) -> Any:
        """An error: a module is no function, but has some."""
        arguments = ", ".join(self.ARGUMENTS)
        raise TypeError(f"{self.__name__} is a module; its functions are called, as in module.value({arguments})")

    def __reduce__(self) -> tuple[Callable[[str], ModuleType], tuple[str]]:
        return import_module, (self.__name__,)

    def __repr__(self) -> str:
        summary = (self.__doc__ or "").partition("\n")[0]
        return f"<module {self.__name__!r}: {summary.removesuffix('.')}>"

    if TYPE_CHECKING:

        def value(self, *arguments: "Given", **named: "Given") -> np.floating[Any]:
            """The loss, for arguments in order or by name."""

        def gradient(self, *arguments: "Given", **named: "Given") -> "Record":
            """The derivative of the loss by every parameter."""

        def value_and_gradient(self, *arguments: "Given", **named: "Given") -> "tuple[np.floating[Any], Record]":
            """The loss and its gradient together."""

        def flat_value_and_gradient(
            self, theta: npt.ArrayLike, /, *given: "Given", **data: "Given"
        ) -> tuple[float, npt.NDArray[Any]]:
            """The loss and its gradient by one flat vector, for data in order or by name."""

        def pack(self, *parameters: npt.ArrayLike, **named: npt.ArrayLike) -> npt.NDArray[Any]:
            """The parameters, or the fields of a gradient, as one flat vector."""

        def unpack(self, theta: npt.ArrayLike, /, *given: "Given", **data: "Given") -> "Record":
            """The parameters in a flat vector, for data in order or by name."""

        def bind(self, *given: "Given", **data: "Given") -> "BoundModule":
            """The functions as ones of the parameters alone, for data in order or by name."""

        def hessian(self, *arguments: "Given", **named: "Given") -> Any:
            """The second derivatives: `H.p.q` has the axes of p, then those of q."""

        def hessian_compact(self, *arguments: "Given", **named: "Given") -> Any:
            """The second derivatives without what is zero by the model's structure."""

        def hessian_sparse(self, *arguments: "Given", **named: Any) -> Any:
            """The second derivatives by the flat vector of all parameters, as entries of a sparse matrix."""

        def hessian_pattern(self, *arguments: "Given", **named: "Given") -> Any:
            """Where `hessian_sparse` has entries, for data and sizes."""

        def hessian_vector_product(
            self, direction: npt.ArrayLike | tuple[npt.ArrayLike, ...], *arguments: "Given", **named: "Given"
        ) -> "Record":
            """The Hessian times a direction."""

        def flat_hessian(self, theta: npt.ArrayLike, /, *given: "Given", **data: "Given") -> npt.NDArray[Any]:
            """The Hessian as one matrix by the flat vector of all parameters."""

        def flat_hessian_vector_product(
            self, theta: npt.ArrayLike, direction: npt.ArrayLike, /, *given: "Given", **data: "Given"
        ) -> npt.NDArray[Any]:
            """The product of `flat_hessian` and a flat vector, without the matrix."""


class TensorModule(ModuleType):
    """A generated module for a library of tensors, JAX or PyTorch; arrays are the library's."""

    ARGUMENTS: tuple[str, ...]
    PARAMETERS: tuple[str, ...]
    DIMENSIONS: tuple[str, ...]
    SHAPES: dict[str, tuple[str | int, ...]]
    Parameters: type[Any]
    Gradient: type[Any]
    ROWS: str

    if TYPE_CHECKING:

        def value(self, *arguments: Any, **named: Any) -> Any:
            """The loss, for arguments in order or by name."""

        def differentiable_value(self, *arguments: Any, **named: Any) -> Any:
            """The loss, which the library differentiates by the module's own derivatives."""

        def gradient(self, *arguments: Any, **named: Any) -> Any:
            """The derivative of the loss by every parameter, as a record of arrays."""

        def value_and_gradient(self, *arguments: Any, **named: Any) -> tuple[Any, Any]:
            """The loss and its gradient together."""

        def hessian(self, *arguments: Any, **named: Any) -> Any:
            """The second derivatives: `H.p.q` has the axes of p, then those of q."""

        def hessian_vector_product(self, direction: Any, *arguments: Any, **named: Any) -> Any:
            """The Hessian times a direction."""

        def batches(self, data: Mapping[str, Any], size: int, seed: int) -> Iterable[dict[str, Any]]:
            """The data in batches of rows, in an order by chance."""


def as_autograd(module: ModuleType) -> Callable[..., Any]:
    """The loss of a module for PyTorch or JAX as these differentiate it: by the module's gradient and Hessian products.

    It is the module's own function `differentiable_value`, for who has the module and not symgrad.

    Raises
    ------
    ModelError : the module is for NumPy or Numba, which differentiate nothing.

    Examples
    --------
    >>> import jax
    >>> from sympy import Symbol
    >>> from symgrad import Model, as_autograd
    >>> x = Symbol("x", real=True)
    >>> loss = as_autograd(Model(x**3, [x], name="cubic").compile(target="jax", check=False))
    >>> float(jax.grad(loss)(2.0))
    12.0
    """
    found: Callable[..., Any] | None = vars(module).get("differentiable_value")
    if found is None:
        said = f"as_autograd: {module.__name__} has no loss for a library that differentiates; make it with"
        raise ModelError(f'{said} compile(target="torch") or compile(target="jax")')
    return found


if TYPE_CHECKING:

    class _SparseMatrix(Protocol):
        """A matrix of `scipy.sparse`."""

        def tocsr(self) -> Any: ...

    Given = npt.ArrayLike | _SparseMatrix

    class Record(tuple[npt.NDArray[Any], ...]):
        """A `NamedTuple` of arrays, one for each parameter, by its name."""

        _fields: tuple[str, ...]

        def __new__(cls, *fields: npt.ArrayLike, **named: npt.ArrayLike) -> "Record": ...
        def __getattr__(self, name: str) -> npt.NDArray[Any]: ...
        def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]: ...
        def _asdict(self) -> Mapping[str, npt.NDArray[Any]]: ...
        def _replace(self, **fields: npt.ArrayLike) -> "Record": ...

    class BoundModule:
        """The functions of a module with bound data; parameters in order or by name."""

        def value(self, *parameters: npt.ArrayLike, **named: Given) -> np.floating[Any]:
            """The loss."""

        def gradient(self, *parameters: npt.ArrayLike, **named: Given) -> Record:
            """The derivative of the loss by every parameter."""

        def value_and_gradient(self, *parameters: npt.ArrayLike, **named: Given) -> tuple[np.floating[Any], Record]:
            """The loss and its gradient together."""

        def flat_value_and_gradient(self, theta: npt.ArrayLike, **options: Any) -> tuple[float, npt.NDArray[Any]]:
            """The loss and its gradient by one flat vector."""

        def unpack(self, theta: npt.ArrayLike) -> Record:
            """The parameters in a flat vector, as views into it."""

        def hessian(self, *parameters: npt.ArrayLike, **named: Given) -> Any:
            """The second derivatives."""

        def hessian_compact(self, *parameters: npt.ArrayLike, **named: Given) -> Any:
            """The second derivatives without what is zero by the model's structure."""

        def hessian_sparse(self, *parameters: npt.ArrayLike, **named: Any) -> Any:
            """The second derivatives by the flat vector of all parameters, as entries of a sparse matrix."""

        def hessian_pattern(self, **sizes: int) -> Any:
            """Where `hessian_sparse` has entries, for sizes that data do not tell."""

        def hessian_vector_product(
            self, direction: npt.ArrayLike | tuple[npt.ArrayLike, ...], *parameters: npt.ArrayLike, **named: Given
        ) -> Record:
            """The Hessian times a direction."""

        def flat_hessian(self, theta: npt.ArrayLike) -> npt.NDArray[Any]:
            """The Hessian as one matrix by the flat vector of all parameters."""

        def flat_hessian_vector_product(self, theta: npt.ArrayLike, direction: npt.ArrayLike) -> npt.NDArray[Any]:
            """The product of `flat_hessian` and a flat vector, without the matrix."""

        def __getattr__(self, name: str) -> Any: ...
