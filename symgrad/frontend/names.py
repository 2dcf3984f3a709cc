"""The names of a model: what may be one, and who owns it (parameter, data, dimension, index, named quantity)."""

import builtins
import keyword
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sympy import Basic, Expr, Idx, Indexed, IndexedBase, Lambda, MatrixSymbol, S, Symbol
from sympy.concrete.expr_with_limits import ExprWithLimits
from sympy.core.relational import Equality
from sympy.matrices.expressions.matexpr import MatrixElement, MatrixExpr

from symgrad.errors import ModelError
from symgrad.frontend.bounds import is_whole_number
from symgrad.functions import IndexedSoftmax
from symgrad.functions.solutions import Implicit
from symgrad.matrix_functions import InverseEntry
from symgrad.walk import Preorder

# What a generated module says at its top level or in its functions; an argument of that name would hide it.
RESERVED = frozenset(
    {
        "np",
        "ArrayLike",
        "NDArray",
        "scipy",
        "itertools",
        "Gradient",
        "SHAPES",
        "NamedTuple",
        "Any",
        "annotations",
        *keyword.kwlist,
    }
)


def base_symbol(symbol: Any) -> Any:
    """The object that carries the name: the `IndexedBase` of z[i], the matrix of H[i, j], else the symbol itself."""
    if isinstance(symbol, Indexed):
        return symbol.base
    if isinstance(symbol, MatrixElement):
        return symbol.parent
    return symbol


def label_of(symbol: Any) -> str:
    """What formulas call a `Symbol`, `MatrixSymbol` or `IndexedBase`."""
    return str(symbol.label if isinstance(symbol, IndexedBase) else symbol.name)


def name_of(symbol: Any) -> str:
    """What code calls it: the same, but `lambda_` for lambda, since Python keeps its keywords for itself (PEP 8)."""
    label = label_of(symbol)
    return f"{label}_" if keyword.iskeyword(label) else label


def check_name(name: str) -> str:
    """The name, if generated Python can use it.

    Raises
    ------
    ModelError : it is no identifier, is reserved, starts with an underscore, or is read by Python as another name.
    """
    if not name.isidentifier():
        raise ModelError(
            f"the name {name!r} is not a Python identifier; arguments of the generated module are called by their "
            "symbols' names: use letters, digits and underscores, as in W_1 or theta"
        )
    plain = unicodedata.normalize("NFKC", name)
    if plain != name:
        raise ModelError(f"Python reads the name {name!r} as {plain!r}: call the symbol {plain!r}")
    if name in RESERVED:
        raise ModelError(
            f"the name {name!r} is reserved (a Python keyword, or used by every generated module): rename the symbol"
        )
    if name.startswith("_"):
        raise ModelError(
            f"the name {name!r} starts with an underscore, which generated modules keep for "
            "themselves: rename the symbol"
        )
    if hasattr(builtins, name) and name in {
        "float",
        "int",
        "isinstance",
        "len",
        "range",
        "zip",
        "tuple",
        "type",
        "bool",
        "dict",
        "str",
    }:
        raise ModelError(f"the name {name!r} would hide a Python builtin that generated modules use: rename the symbol")
    return name


def declared_shape(symbol: Any) -> tuple[Expr, ...]:
    """The declared shape of a symbol; () for a scalar.

    Raises
    ------
    ModelError : an `IndexedBase` has no shape, a side is no size, or the symbol is not real.
    """
    if isinstance(symbol, MatrixSymbol):
        return _sides(symbol, symbol.shape)
    if isinstance(symbol, IndexedBase):
        if symbol.shape is None:
            raise ModelError(
                f"IndexedBase {symbol.label} has no shape; write IndexedBase({str(symbol.label)!r}, shape=(N, ...))"
            )
        return _sides(symbol, symbol.shape)
    if isinstance(symbol, Symbol):
        if symbol.is_real is False or (
            symbol.is_complex
            and symbol.is_real is None
            and symbol.is_extended_real is None
            and _explicitly_complex(symbol)
        ):
            raise ModelError(
                f"the symbol {symbol} is declared {_not_real(symbol)}; symgrad differentiates real functions of real "
                "arguments"
            )
        return ()
    raise ModelError(f"{symbol} ({type(symbol).__name__}) is not a Symbol, MatrixSymbol or IndexedBase")


def _sides(symbol: Any, shape: Iterable[Any]) -> tuple[Expr, ...]:
    sides = tuple(S(side) for side in shape)
    for axis, side in enumerate(sides):
        if not _is_size(side):
            raise ModelError(
                f"{name_of(symbol)}: side {axis} is {side}; a side is a positive integer, a dimension such as "
                'N = Symbol("N", integer=True, positive=True), or a sum or product of these'
            )
    return sides


def _is_size(side: Expr) -> bool:
    if side.is_Number:
        return bool(side.is_Integer and side > 0)
    if not side.free_symbols or not side.is_polynomial():
        return False
    # K*(K - 1)/2 is an integer, too
    return is_whole_number(side, ()) and not any(s.is_integer is False for s in side.free_symbols)


def _not_real(symbol: Symbol) -> str:
    """The assumptions of a symbol that is not real."""
    return ", ".join(kind if holds else f"not {kind}" for kind, holds in symbol._assumptions_orig.items())


def _explicitly_complex(symbol: Symbol) -> bool:
    return "complex" in symbol._assumptions_orig


def occurring(expressions: Iterable[Basic]) -> Iterator[Any]:
    """Every named object in the expressions, subscripted bases included, in order of appearance.

    What a `Lambda` binds is none: it means an entry of the matrix that the function is applied to.
    """
    for expression in expressions:
        walk = Preorder(expression)
        for part in walk:
            if isinstance(part, Lambda):
                yield from (inner for inner in occurring([part.expr]) if inner not in part.bound_symbols)
                walk.skip()
            elif isinstance(part, MatrixSymbol | IndexedBase | Idx):
                yield part
                walk.skip()
            elif isinstance(part, Symbol):
                yield part


def bound_indices(expressions: Iterable[Basic]) -> set[Any]:
    """Every index that some sum, product or reduction of the expressions binds."""
    found: set[Any] = set()
    for expression in expressions:
        for part in Preorder(expression):
            if isinstance(part, ExprWithLimits | InverseEntry):
                found.update(limit[0] for limit in part.limits)
            elif isinstance(part, IndexedSoftmax):
                found.add(part.args[1][0])
            elif isinstance(part, Implicit):
                found.update(index for equation in part.constraints for index in quantified(equation))
    return found


def quantified(equation: Basic) -> list[Any]:
    """The free indices of an equation of entries, which holds for all of them."""
    if not isinstance(equation, Equality) or isinstance(equation.lhs, MatrixExpr):
        return []
    free = [s for s in equation.free_symbols if not isinstance(s, IndexedBase)]
    return sorted((s for s in free if any(subscripted([equation], s))), key=str)


def subscripted(expressions: Sequence[Basic], index: Any) -> Iterator[tuple[Any, int]]:
    """Where `index` alone subscripts an array: (base, axis)."""
    for expression in expressions:
        for part in Preorder(expression):
            if isinstance(part, Indexed):
                for axis, sub in enumerate(part.indices):
                    if sub == index:
                        yield part.base, axis
            elif isinstance(part, MatrixElement):
                for axis, sub in enumerate((part.i, part.j)):
                    if sub == index:
                        yield part.parent, axis
