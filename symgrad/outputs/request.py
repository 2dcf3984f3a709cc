"""Which functions are asked for beside value and gradient."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Request:
    """Which functions beside value and gradient are wanted.

    Attributes
    ----------
    hessian : `hessian`, and `hessian_compact` where there is structure.
    hvp : `hessian_vector_product`.
    jacobian : names of `where`; `jacobian_NAME` for each.
    quantities : names of `where`; `NAME` for each, and `NAME_and_jacobian` where its Jacobian is wanted, too.
    sparse : `hessian_sparse`, and `hessian_pattern`.
    """

    hessian: bool = False
    hvp: bool = False
    jacobian: tuple[Any, ...] = ()
    quantities: tuple[Any, ...] = ()
    sparse: bool = False

    def __bool__(self) -> bool:
        return self.hessian or self.hvp or self.sparse or bool(self.jacobian) or bool(self.quantities)
