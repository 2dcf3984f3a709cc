"""The arguments of a generated module: what the compiler, the checker and the templates all know about them."""

from dataclasses import dataclass
from typing import Literal

from sympy import Basic, Expr

Span = tuple[Expr, Expr]
Role = Literal["parameter", "data", "multiplier", "dimension", "direction"]


@dataclass(frozen=True)
class Argument:
    """One argument of the generated functions.

    Attributes
    ----------
    name : the Python name by which the argument may be passed.
    symbol : the SymPy object it stands for (`MatrixSymbol`, `IndexedBase` or scalar `Symbol`).
    shape : its declared symbolic shape, `()` for a scalar.
    role : `parameter` (differentiated by), `data`, `multiplier` (data of a Lagrangian that change like parameters from
        call to call), `dimension` (a size that no array's shape determines), or `direction` (of a Hessian-vector
        product, called as its parameter with `direction_` before it).
    integer : whether its entries are integers (it subscripts other arrays, or is declared so).
    upper : for integer data that subscript an axis, the size of that axis: legal entries are 0 ... upper - 1.
    span : for integer data in a subscript, the first and the last entry that a check draws.
    """

    name: str
    symbol: Basic
    shape: tuple[Expr, ...]
    role: Role
    integer: bool = False
    upper: Expr | None = None
    span: Span | None = None

    @property
    def is_given(self) -> bool:
        """Whether it is an array that callers give, and that derivatives are not by."""
        return self.role in ("data", "multiplier")
