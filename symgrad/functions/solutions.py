"""Quantities that equations or a minimum define, on right sides of `where`: `solution(F, x)` and `argmin(f, x)`."""

from collections.abc import Sequence
from typing import Any

from sympy import (
    Basic,
    Dummy,
    Eq,
    Expr,
    Indexed,
    IndexedBase,
    MatrixBase,
    MatrixExpr,
    MatrixSymbol,
    S,
    Symbol,
    Tuple,
    sympify,
)
from sympy.core.relational import Equality
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.calls import quoted
from symgrad.errors import ModelError
from symgrad.functions.common import differ, shape_text

__all__ = ["Argmin", "ArgminMatrix", "Implicit", "Solution", "SolutionMatrix", "argmin", "solution"]


class Implicit(Basic):  # type: ignore[misc]
    """What defines a quantity without saying what it is: `stated`, the `unknown` itself, and where to `start`."""

    @property
    def stated(self) -> Any:
        """The equations' left sides, all of which are 0, or the function that is least."""
        return self.args[0]

    @property
    def unknown(self) -> Any:
        """The quantity: a symbol, a matrix, or an entry with its indices."""
        return self.args[1]

    @property
    def start(self) -> Any:
        """What Newton's method begins with."""
        return self.args[2]

    @property
    def constraints(self) -> tuple[Any, ...]:
        """The equations that hold at a minimum."""
        return tuple(self.args[3]) if len(self.args) > 3 else ()


class _Number(Implicit, Expr):  # type: ignore[misc]
    """One that is real."""

    is_commutative = True
    is_number = False

    def _eval_is_extended_real(self) -> bool:
        return True

    def _eval_derivative(self, s: Expr) -> None:
        """None, by which SymPy leaves the derivative unevaluated."""


class _Matrix(Implicit, MatrixExpr):  # type: ignore[misc]
    """One that is a matrix."""

    @property
    def shape(self) -> tuple[Expr, Expr]:
        """The shape of the unknown."""
        return self.unknown.shape  # type: ignore[no-any-return]

    def _entry(self, i: Expr, j: Expr, **kwargs: Any) -> Expr:
        return MatrixElement(self, i, j)

    def _eval_derivative(self, s: Expr) -> None:
        """None, by which SymPy leaves the derivative unevaluated."""


class Solution(_Number):
    """A scalar, or an entry of an array, at which equations hold: see `solution`."""


class SolutionMatrix(_Matrix):
    """A matrix at which equations hold: see `solution`."""


class Argmin(_Number):
    """A scalar, or an entry of an array, at which a function is least: see `argmin`."""


class ArgminMatrix(_Matrix):
    """A matrix at which a function is least: see `argmin`."""


def solution(F: Any, x: Any, start: Any = 0) -> Any:
    """The x with F(x, p) = 0, for `where`; its derivative by whatever p the equations contain is exact.

    The generated module solves by Newton's method with the symbolic Jacobian ∂F/∂x, damped (Kelley, Solving Nonlinear
    Equations with Newton's Method, 2003, section 1.6), until x is right to rounding. It raises NumPy's `LinAlgError`,
    which names x and the residual, where it finds no solution and where the Jacobian is singular. Of several solutions
    x is the one that is reached from `start`, and its derivative follows that one.

    Parameters
    ----------
    F : a left side for each entry of x, in which x occurs: an expression or `Eq`; for the entries x[i, ...] of an array
        an expression in their indices, or a list of as many as the array has; for a matrix a matrix of its shape.
    x : the unknown, a `Symbol`, an entry `x[i, ...]` of an `IndexedBase` with a shape, or a `MatrixSymbol`. Equations
        whose Jacobian is diagonal along an index, as in a batch, are solved each by itself.
    start : what to begin with: a number, or an expression of parameters, data, earlier names and the indices of x.

    Raises
    ------
    ModelError : x is no unknown, or F does not fit it.

    Notes
    -----
    By the implicit function theorem ∂x/∂p = −(∂F/∂x)⁻¹ ∂F/∂p; in reverse mode one system (∂F/∂x)ᵀ λ = ∂C/∂x is solved,
    and ∂C/∂p = −λᵀ ∂F/∂p. Source: Griewank and Walther, Evaluating Derivatives (2008), chapter 15; Blondel et al.,
    Efficient and Modular Implicit Differentiation (2022).

    Examples
    --------
    >>> from sympy import sin, symbols
    >>> E, M, e = symbols("E M e", real=True)
    >>> solution(E - e*sin(E) - M, E, start=M)
    Solution(E - M - e*sin(E), E, M)
    """
    x = _unknown(x, "solution")
    if isinstance(x, MatrixSymbol):
        return SolutionMatrix(_side(_matrix(F, x, "the equations")), x, _matrix(start, x, "the start"))
    if isinstance(F, Sequence | MatrixBase | Tuple):
        equations = [_side(part) for part in (F.flat() if isinstance(F, MatrixBase) else F)]
        if not isinstance(x, Indexed) or len(x.indices) != 1 or x.shape != (len(equations),):
            raise ModelError(
                f"solution was given {len(equations)} equations for {x}; as many unknowns are a vector, "
                f'IndexedBase("x", shape=({len(equations)},))'
            )
        return Solution(Tuple(*equations), x, sympify(start))
    F = _side(sympify(F))
    if not isinstance(F, Expr) or isinstance(F, MatrixExpr):
        raise ModelError(f"solution was given {quoted(F)} for the equation of {x}; give the expression that is 0")
    return Solution(F, x, sympify(start))


def argmin(f: Any, x: Any, subject_to: Any = (), start: Any = 0) -> Any:
    """The x at which f(x, p) is least, under equations if there are any, for `where`.

    It is the stationary point of the Lagrangian f + Σ μ g over x and the multipliers μ, found as by `solution` from the
    second derivatives of f. The module raises NumPy's `LinAlgError`, which names x, where it finds none, and where
    what it finds is no strict minimum: there the Hessian, on the tangents of the constraints, is not positive definite.

    Parameters
    ----------
    f : a scalar expression in which x occurs.
    x : the unknown, a `Symbol`, an `IndexedBase` with a shape, or a `MatrixSymbol`.
    subject_to : equations `Eq(left, right)`, of scalars or matrices.
    start : as for `solution`; multipliers begin with 0.

    Raises
    ------
    ModelError : x is no unknown, f is no scalar, or a constraint is no equation.

    Notes
    -----
    Source of the test: Nocedal and Wright, Numerical Optimization (2006), section 16.2; of the derivative: Griewank and
    Walther, Evaluating Derivatives (2008), chapter 15.

    Examples
    --------
    >>> from sympy import symbols
    >>> x, a = symbols("x a", real=True)
    >>> argmin((x - a)**2 + x**4, x)
    Argmin(x**4 + (-a + x)**2, x, 0)
    """
    f, x = sympify(f), _unknown(x, "argmin")
    if isinstance(f, MatrixExpr | MatrixBase) and set(f.shape) != {1}:
        raise ModelError(f"argmin was given {f} of shape {shape_text(f)}; what is least is a scalar")
    if not isinstance(f, Expr | MatrixExpr | MatrixBase) or isinstance(f, IndexedBase):
        raise ModelError(f"argmin was given {quoted(f)}; what is least is a scalar expression")
    given = [subject_to] if isinstance(subject_to, Basic) and not isinstance(subject_to, Tuple) else list(subject_to)
    for number, equation in enumerate(given):
        if not isinstance(equation, Equality):
            raise ModelError(f"subject_to[{number}] is {quoted(equation)}; write an equation, Eq(left, right)")
    constraints = [Tuple(*given)] if given else []
    if isinstance(x, MatrixSymbol):
        return ArgminMatrix(f, x, _matrix(start, x, "the start"), *constraints)
    return Argmin(f, x, sympify(start), *constraints)


def with_unknown(equation: Any) -> Any:
    """An equation of `where` with the unknown of its right side on its left: Eq(x, solution(F, x[i])) is of x[i]."""
    if not isinstance(equation, Equality) or not isinstance(equation.rhs, Implicit):
        return equation
    unknown, left = equation.rhs.unknown, equation.lhs
    of = getattr(left, "base", left)
    if of != getattr(unknown, "base", unknown):
        raise ModelError(
            f"Eq({left}, {type(equation.rhs).__name__}): the unknown is {unknown}, which is to be its left side"
        )
    return equation if left == unknown else Eq(unknown, equation.rhs, evaluate=False)


def _unknown(x: Any, function: str) -> Any:
    """An unknown; the entry with indices of its own where an array was given."""
    if isinstance(x, IndexedBase):
        if x.shape is None:
            raise ModelError(f"{function}: {x} has no shape; write IndexedBase({str(x.label)!r}, shape=(N,))")
        return x[tuple(Dummy(letter, integer=True) for letter, _ in zip("ijklmnpq", x.shape, strict=False))]
    if isinstance(x, Indexed) and len(set(x.indices)) == len(x.indices) and all(s.is_Symbol for s in x.indices):
        return x
    if not isinstance(x, Symbol | MatrixSymbol):
        raise ModelError(
            f"{function} was given {quoted(x)} for the unknown; give a Symbol, a MatrixSymbol, or an IndexedBase with "
            "indices, x[i]"
        )
    return x


def _side(equation: Any) -> Any:
    """The expression that is 0 where an equation holds."""
    return equation.lhs - equation.rhs if isinstance(equation, Equality) else sympify(equation)


def _matrix(given: Any, x: MatrixSymbol, what: str) -> Any:
    """A matrix of the shape of the unknown, or a number for all of its entries."""
    found = sympify(given)
    if isinstance(found, Equality):
        return _matrix(found.lhs, x, what) - _matrix(found.rhs, x, what)
    if what == "the start" and isinstance(found, Expr) and not isinstance(found, MatrixExpr):
        return found
    if not isinstance(found, MatrixExpr | MatrixBase) or differ(found.shape, x.shape):
        shape = f" of shape {shape_text(found)}" if isinstance(found, MatrixExpr | MatrixBase) else ""
        raise ModelError(f"{what} of {x}: {quoted(found)}{shape} does not fit {x} of shape {shape_text(x)}")
    return S(found) if isinstance(found, MatrixExpr) else found.as_immutable()
