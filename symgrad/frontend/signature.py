"""The arguments of a model: parameters, data in alphabetical order, dimensions that no array determines."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sympy import Basic, Dummy, Expr, Ge, Gt, Idx, Indexed, IndexedBase, Le, Lt, MatrixSymbol, S, Symbol
from sympy.core.relational import Equality
from sympy.matrices.expressions.matexpr import MatrixElement, MatrixExpr

from symgrad.arguments import Argument, Role
from symgrad.errors import ModelError
from symgrad.frontend.labels import is_declared_integer, subscripting_symbols
from symgrad.frontend.names import check_name, declared_shape, name_of, occurring
from symgrad.walk import Preorder

SIDE = Dummy("side", dummy_index=1, integer=True)  # stands for the length of the side that determines a dimension


def dimensions_of(
    parameters: Sequence[Any], found: Iterable[Any], expressions: Sequence[Basic], indices: set[Any]
) -> tuple[Symbol, ...]:
    """The symbols that occur in shapes and in limits: as the arrays have them, parameters first, then by name.

    So are the widths of bands, W of |i − j| ≤ W with two indices, if they are declared as integers of at least 0.
    """
    arrays = [s for s in found if isinstance(s, MatrixSymbol) or (isinstance(s, IndexedBase) and s.shape is not None)]
    known = set(arrays)
    arrays = [*(s for s in parameters if s in known), *sorted(known - set(parameters), key=name_of)]
    shapes = [S(length) for array in arrays for length in array.shape]
    labels = {index.label if isinstance(index, Idx) else index for index in indices}
    others: list[Expr] = []
    for symbol in found:
        if isinstance(symbol, Idx) and symbol.upper is not None:
            others.extend((symbol.lower, symbol.upper))
    for expression in expressions:
        for part in Preorder(expression):
            if hasattr(part, "limits"):
                others.extend(bound for limit in part.limits for bound in limit[1:])
            elif isinstance(part, MatrixExpr) and not isinstance(part, MatrixSymbol):
                others.extend(part.shape)
            elif isinstance(part, Le | Lt | Ge | Gt):
                others.extend(_widths(part, indices | labels) - {*parameters})
    for array in arrays:
        for symbol in sorted(labels & {symbol for length in array.shape for symbol in S(length).free_symbols}, key=str):
            raise ModelError(
                f"{symbol} is an index and a side of {name_of(array)}, of shape {tuple(array.shape)}; it can be only "
                "one of them: give the index another name"
            )
    ordered = [symbol for length in shapes for symbol in sorted(length.free_symbols, key=str)]
    ordered += sorted({symbol for length in others for symbol in _outside_entries(S(length))}, key=str)
    return tuple(
        symbol
        for symbol in dict.fromkeys(ordered)
        if isinstance(symbol, Symbol) and not isinstance(symbol, Dummy) and symbol not in labels
    )


def _widths(relation: Any, indices: set[Any]) -> set[Any]:
    """The integers of at least 0 that a relation between two indices, and no entries of arrays, has beside these."""
    symbols = relation.free_symbols
    if relation.has(Indexed, MatrixElement) or len(symbols & indices) < 2:
        return set()
    return {one for one in symbols - indices if one.is_integer and one.is_nonnegative}


def _outside_entries(length: Expr) -> set[Basic]:
    """The symbols of a length but for those in entries of arrays: what refuses such limits says more."""
    parts, found = Preorder(length), set[Basic]()
    for part in parts:
        if isinstance(part, Indexed | MatrixElement):
            parts.skip()
        elif isinstance(part, Symbol | Idx):
            found.add(part)
    return found


def arguments_of(
    parameters: Sequence[Any],
    found: Sequence[Any],
    definitions: dict[Any, Equality],
    dimensions: Sequence[Symbol],
    indices: set[Any],
    expressions: Sequence[Basic],
    recursive: Collection[Any],
    named: Sequence[Equality] = (),
) -> tuple[Argument, ...]:
    """Parameters in the order given, data in alphabetical order, then the dimensions that no array determines.

    `named` are the equations of names that are no recurrences, those first that others do not use.
    """
    for parameter in parameters:
        declared_shape(parameter)
    _refuse_doubles(
        [
            *parameters,
            *(s for s in (*found, *definitions) if s not in indices and not isinstance(s, Dummy | Idx)),
            *dimensions,
        ]
    )
    _check_parameters(parameters, found, definitions, dimensions)
    data = _data(found, {*definitions, *parameters, *dimensions, *indices}, indices)
    subscripting = subscripting_symbols(
        expressions, {s for s in data if isinstance(s, Symbol) and s.is_integer}, recursive, indices, named
    )
    _check_uses(parameters, set(occurring(expressions)), subscripting)
    made = []
    roles: tuple[tuple[Role, Iterable[Any]], ...] = (("parameter", parameters), ("data", sorted(data, key=name_of)))
    for role, group in roles:
        for symbol in group:
            integer = role == "data" and (symbol in subscripting or is_declared_integer(symbol))
            ends = subscripting.get(symbol, (None, None))
            made.append(Argument(check_name(name_of(symbol)), symbol, declared_shape(symbol), role, integer, *ends))
    for base in definitions:
        check_name(name_of(base))
    read = determined([argument.shape for argument in made])
    loose = [d for d in dimensions if d not in read]
    for dimension in dimensions:
        check_name(str(dimension))
    made.extend(Argument(str(d), d, (), "dimension", True) for d in loose)
    return tuple(made)


def _check_parameters(
    parameters: Sequence[Any], found: Sequence[Any], definitions: Collection[Any], dimensions: Sequence[Symbol]
) -> None:
    """Each parameter occurs, once, and is nothing else."""
    if not parameters:
        raise ModelError("there are no parameters to differentiate by; give at least one symbol of the loss")
    occurs, ranged = set(found), set(dimensions)
    for parameter in parameters:
        if parameter in definitions:
            raise ModelError(
                f"{name_of(parameter)} is a parameter and is defined in `where`; it can be only one of them"
            )
        if parameter in ranged:
            raise ModelError(f"{parameter} is a parameter and a dimension; it can be only one of them")
        if parameter not in occurs:
            raise ModelError(f"the parameter {parameter} does not occur in the loss")
        if getattr(parameter, "is_integer", False):
            raise ModelError(
                f"the parameter {parameter} is declared an integer, by which nothing is differentiated; "
                f"Symbol({name_of(parameter)!r}, real=True) is a number to differentiate by"
            )
    if len(set(parameters)) != len(parameters):
        raise ModelError(f"a parameter is given twice: {', '.join(name_of(p) for p in parameters)}")


def _data(found: Sequence[Any], known: Collection[Any], indices: Collection[Any]) -> list[Any]:
    """The symbols that are nothing else."""
    bound_names = {str(index.label if isinstance(index, Idx) else index) for index in indices}
    return [
        symbol
        for symbol in found
        if symbol not in known
        and not isinstance(symbol, Idx | Dummy)
        # a bare symbol called like an index is one that escaped; an array of that name is something else
        and not (isinstance(symbol, Symbol) and str(symbol) in bound_names)
    ]


def _check_uses(parameters: Sequence[Any], used: Collection[Any], subscripting: Collection[Any]) -> None:
    """Each parameter is used by the expressions, and not as a subscript."""
    for parameter in parameters:
        if parameter not in used:
            raise ModelError(f"the parameter {name_of(parameter)} does not occur in the loss")
    for parameter in parameters:
        if parameter in subscripting:
            raise ModelError(
                f"the parameter {name_of(parameter)} subscripts an array; a subscript is an integer, by which "
                "nothing is differentiated: pass it as data"
            )


def _refuse_doubles(symbols: Sequence[Any]) -> None:
    """One name, one object: symbols that print alike but differ in shape or assumptions would not meet."""
    by_name: dict[str, Any] = {}
    for symbol in symbols:
        other = by_name.setdefault(name_of(symbol), symbol)
        if other != symbol:
            raise ModelError(
                f"two different symbols are called {name_of(symbol)}: {_describe(other)} and "
                f"{_describe(symbol)}; use one object throughout"
            )


def _describe(symbol: Any) -> str:
    shape = getattr(symbol, "shape", None)
    assumptions = getattr(symbol.label if isinstance(symbol, IndexedBase) else symbol, "_assumptions_orig", {})
    inside = [f"shape={tuple(shape)}" if shape else "no shape"] + [f"{k}={v}" for k, v in sorted(assumptions.items())]
    return f"{type(symbol).__name__}({', '.join(inside)})"


def determined(shapes: Iterable[tuple[Expr, ...]]) -> dict[Symbol, tuple[int, int, Expr]]:
    """How each dimension is read off the arrays: {dimension: (array, axis, expression of `size` and earlier ones)}.

    A side that is a dimension gives it at once; a side that is affine with one unknown gives that one.
    """
    known: dict[Symbol, tuple[int, int, Expr]] = {}
    sides = [(n, axis, side) for n, shape in enumerate(shapes) for axis, side in enumerate(shape)]
    for n, axis, side in sides:
        if side.is_Symbol:
            known.setdefault(side, (n, axis, SIDE))
    others = [(n, axis, side) for n, axis, side in sides if not side.is_Symbol and side.free_symbols]
    while True:
        for n, axis, side in others:
            unknown = [symbol for symbol in side.free_symbols if symbol not in known]
            if len(unknown) != 1:
                continue
            (symbol,) = unknown
            slope = side.expand().coeff(symbol)
            rest = (side - slope * symbol).expand()
            if slope.is_Integer and not rest.has(symbol):
                known[symbol] = (n, axis, (SIDE - rest) / slope)
                break
        else:
            return known
