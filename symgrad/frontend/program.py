"""From the user's SymPy objects to a `Program`: checked names, sorted arguments, the loss as a term of the graph."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sympy import (
    Basic,
    Dummy,
    Expr,
    Idx,
    Indexed,
    IndexedBase,
    MatrixSymbol,
    Piecewise,
    S,
    Symbol,
    expand,
)
from sympy.core.relational import Equality, Relational
from sympy.matrices.expressions.matexpr import MatrixElement, MatrixExpr

from symgrad.arguments import Argument, Role, Span
from symgrad.errors import ModelError, UnsupportedError
from symgrad.frontend import given
from symgrad.frontend.components import joined
from symgrad.frontend.conditions import conjuncts, guards_of
from symgrad.frontend.definitions import read_definition
from symgrad.frontend.left_sides import axes_of, fixed_subscripts, index_of, on_sides_of_one
from symgrad.frontend.matrix import Reader, scalar_of
from symgrad.frontend.names import (
    base_symbol,
    bound_indices,
    check_name,
    declared_shape,
    name_of,
    occurring,
    subscripted,
)
from symgrad.frontend.properties import properties
from symgrad.frontend.recurrence import components, read_recurrence
from symgrad.frontend.scope import Index, Scope, Symbols, place_of
from symgrad.functions import if_else
from symgrad.graph.axes import named
from symgrad.graph.dimensions import at_smallest, difference, equal, grows
from symgrad.graph.nodes import Input, Named, Scan, Trajectory, Use, intern
from symgrad.matrix_functions import InverseEntry
from symgrad.walk import Preorder


@dataclass(frozen=True)
class Program:
    """A model as the compiler sees it.

    Attributes
    ----------
    loss : a term without letters.
    parameters : the parameters' nodes, in the order given, by SymPy object.
    names : the quantities of `where`, in the order given, by SymPy object (the `IndexedBase` of an indexed one).
    arguments : the arguments of the generated functions, in order.
    dimensions : every dimension, in order of first appearance in the shapes of parameters and data, then by name.
    minimum_sizes : how large a dimension must be for the literal subscripts and ranges to make sense.
    identities : pairs of terms that `facts` say are equal; their letters are universally quantified.
    lengths : sizes of ranges that are negative for some sizes, such as H - P + 1; the model exists where none is.
    promises : expressions of dimensions that facts say are not negative; the module refuses other sizes.
    margins : how far positions that the module checks stay inside their axes; negative where the model does not exist.
    resumed : the states of recurrences whose base cases are referred to in steps and other base cases.
    sizes : how long the user expects dimensions to be.
    loss_name : what formulas call the loss: C, as in the literature on networks, unless the model has another C.
    """

    loss: Use
    parameters: dict[Any, Input]
    names: dict[Any, Named]
    arguments: tuple[Argument, ...]
    dimensions: tuple[Symbol, ...]
    minimum_sizes: dict[Symbol, int]
    identities: tuple[tuple[Use, Use], ...]
    lengths: tuple[Expr, ...] = ()
    promises: tuple[Expr, ...] = ()
    margins: tuple[Expr, ...] = ()
    resumed: frozenset[Any] = frozenset()
    sizes: Mapping[Symbol, int] = field(default_factory=dict)
    loss_name: str = "C"


def read_program(loss: Any, parameters: Sequence[Any], where: Sequence[Any], facts: Sequence[Any]) -> Program:
    """Check a model's parts and read them into the graph.

    Raises
    ------
    ModelError : a name, shape, index or equation is wrong.
    UnsupportedError : legal mathematics that symgrad does not know.
    """
    loss = scalar_of(loss)
    if isinstance(loss, Equality) or not isinstance(loss, Expr | MatrixExpr):
        raise ModelError(f"the loss {place_of(loss)} ({type(loss).__name__}) is not a scalar expression")
    facts = [given.fact(stated, n) for n, stated in enumerate(facts)]
    definitions, bases = _definitions(where)
    equations = [*definitions.values(), *(base for cases in bases.values() for base in cases)]
    expressions = [loss, *(e.rhs for e in equations), *facts]
    indices = bound_indices(expressions) | {sub for e in equations for sub in _left_indices(e.lhs)}
    indices |= {index for fact in facts for index in _quantified(fact)}
    found = list(dict.fromkeys(occurring([*parameters, *expressions, *(e.lhs for e in equations)])))
    dimensions = _dimensions(parameters, found, expressions, indices)
    needs = _needs(definitions, bases)
    groups = components(needs)
    recursive = {base for group in groups for base in group if len(group) > 1 or base in needs[base] or base in bases}
    arguments = _arguments(parameters, found, definitions, dimensions, indices, expressions, recursive)
    known = properties(facts)
    nodes = {
        argument.symbol: _input(argument, known.get(argument.symbol, ()))
        for argument in arguments
        if argument.role != "dimension"
    }
    symbols = Symbols(dict(nodes), frozenset(dimensions), {argument.symbol: argument.upper for argument in arguments})
    _promise(facts, symbols)
    symbols.facts = tuple(part for fact in facts for part in conjuncts(fact) if isinstance(part, Relational))
    reader = Reader(symbols)
    names: dict[Any, Named] = {}
    for group in groups:
        if group[0] in recursive:
            names |= read_recurrence(group, definitions, bases, reader)
        else:
            names[group[0]] = read_definition(definitions[group[0]], reader)
        for base in group:
            node = names[base]
            names[base] = named(node.name, node.symbol, node.shape, node.arg, known.get(base, ()))
        symbols.nodes |= {base: names[base] for base in group}
    value = reader.read(loss)
    taken = {name_of(base) for base in definitions} | {argument.name for argument in arguments}
    identities = tuple(_identity(fact, reader) for fact in facts if isinstance(fact, Equality))
    return Program(
        loss=value,
        parameters={p: nodes[p] for p in parameters},
        names={base: names[base] for base in definitions},
        arguments=arguments,
        dimensions=dimensions,
        minimum_sizes=symbols.minimum_sizes,
        identities=identities,
        lengths=tuple(symbols.lengths),
        promises=tuple(gap for gap in symbols.promised if not _is_minimum(gap)),
        margins=tuple(symbols.margins),
        resumed=frozenset(symbols.resumed),
        loss_name=next(name for name in ("C", "L", "loss", "Loss") if name not in taken),
    )


def _definitions(where: Sequence[Any]) -> tuple[dict[Any, Equality], dict[Any, list[Equality]]]:
    """The equation of every name, and the base cases of those that are recurrences."""
    stated: dict[Any, list[Equality]] = {}
    for number, equation in enumerate(where):
        equation = given.statement(equation, "where", number)
        if not isinstance(equation, Equality):
            raise ModelError(f"where[{number}] is {place_of(equation)}; write Eq(name, expression)")
        base = base_symbol(equation.lhs)
        if not isinstance(base, Symbol | IndexedBase | MatrixSymbol):
            raise ModelError(
                f"where[{number}]: the left side {place_of(equation.lhs)} is not a name, a "
                "subscripted name or a MatrixSymbol"
            )
        stated.setdefault(base, []).append(equation)
    definitions: dict[Any, Equality] = {}
    bases: dict[Any, list[Equality]] = {}
    for base, equations in stated.items():
        for equation in joined(base, equations):
            fixed = fixed_subscripts(equation.lhs)
            if len(fixed) > 1:
                raise UnsupportedError(f"{equation.lhs} = ...: more than one subscript on the left is not an index")
            if fixed:
                bases.setdefault(base, []).append(equation)
            elif base in definitions:
                raise ModelError(f"{place_of(equation)} defines {name_of(base)} a second time")
            else:
                definitions[base] = equation
    for base, cases in bases.items():
        if base not in definitions:
            raise ModelError(
                f"{place_of(cases[0])} is a base case, but {name_of(base)} has no equation for its other entries, such "
                f"as Eq({name_of(base)}[t, ...], ...)"
            )
    return {base: definitions[base] for base in stated}, bases


def _left_indices(left: Any) -> list[Any]:
    """The indices of a left side: t and k of h[t + 1, k]."""
    fixed = fixed_subscripts(left)
    moving = [sub for axis, sub in enumerate(axes_of(left)) if axis not in fixed]
    found = [index_of(sub) for sub in (*moving, *on_sides_of_one(left))]
    return [entry[0] for entry in found if entry is not None]


def _dimensions(
    parameters: Sequence[Any], found: Iterable[Any], expressions: Sequence[Basic], indices: set[Any]
) -> tuple[Symbol, ...]:
    """The symbols that occur in shapes and in limits: as the arrays have them, parameters first, then by name."""
    arrays = [s for s in found if isinstance(s, MatrixSymbol) or (isinstance(s, IndexedBase) and s.shape is not None)]
    arrays = [*(s for s in parameters if s in arrays), *sorted(set(arrays) - set(parameters), key=name_of)]
    shapes = [S(length) for array in arrays for length in array.shape]
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
    labels = {index.label if isinstance(index, Idx) else index for index in indices}
    for array in arrays:
        for symbol in sorted(labels & {symbol for length in array.shape for symbol in S(length).free_symbols}, key=str):
            raise ModelError(
                f"{symbol} is an index and a side of {name_of(array)}, of shape {tuple(array.shape)}; it can be only "
                "one of them: give the index another name"
            )
    ordered = [symbol for length in shapes for symbol in sorted(length.free_symbols, key=str)]
    ordered += sorted({symbol for length in others for symbol in S(length).free_symbols}, key=str)
    return tuple(
        symbol
        for symbol in dict.fromkeys(ordered)
        if isinstance(symbol, Symbol) and not isinstance(symbol, Dummy) and symbol not in labels
    )


def _arguments(
    parameters: Sequence[Any],
    found: Sequence[Any],
    definitions: dict[Any, Equality],
    dimensions: Sequence[Symbol],
    indices: set[Any],
    expressions: Sequence[Basic],
    recursive: Collection[Any],
) -> tuple[Argument, ...]:
    """Parameters in the order given, data in alphabetical order, then the dimensions that no array determines."""
    for parameter in parameters:
        declared_shape(parameter)
    _refuse_doubles(
        [
            *parameters,
            *(s for s in (*found, *definitions) if s not in indices and not isinstance(s, Dummy | Idx)),
            *dimensions,
        ]
    )
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
    if len(set(parameters)) != len(parameters):
        raise ModelError(f"a parameter is given twice: {', '.join(name_of(p) for p in parameters)}")
    bound_names = {str(index.label if isinstance(index, Idx) else index) for index in indices}
    known = {*definitions, *parameters, *dimensions, *indices}
    data = [
        symbol
        for symbol in found
        if symbol not in known
        and not isinstance(symbol, Idx | Dummy)
        # a bare symbol called like an index is one that escaped; an array of that name is something else
        and not (isinstance(symbol, Symbol) and str(symbol) in bound_names)
    ]
    used = set(occurring(expressions))
    for parameter in parameters:
        if parameter not in used:
            raise ModelError(f"the parameter {name_of(parameter)} does not occur in the loss")
    subscripting = _subscripting(expressions, {s for s in data if isinstance(s, Symbol) and s.is_integer}, recursive)
    for parameter in parameters:
        if parameter in subscripting:
            raise ModelError(
                f"the parameter {name_of(parameter)} subscripts an array; a subscript is an integer, by which "
                "nothing is differentiated: pass it as data"
            )
    made = []
    roles: tuple[tuple[Role, Iterable[Any]], ...] = (("parameter", parameters), ("data", sorted(data, key=name_of)))
    for role, group in roles:
        for symbol in group:
            integer = role == "data" and (symbol in subscripting or _declared_integer(symbol))
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


def _declared_integer(symbol: Any) -> bool:
    return bool(getattr(symbol.label if isinstance(symbol, IndexedBase) else symbol, "is_integer", False))


def _subscripting(
    expressions: Sequence[Basic], numbers: Collection[Symbol], recursive: Collection[Any]
) -> dict[Any, tuple[Expr | None, Span | None]]:
    """The integers that subscript arrays, entries of others or numbers, with the size of the axis where one does alone.

    Beside it which ones to draw: those whose positions are inside, where they are integers plus a constant. Steps of a
    recurrence may leave some of them out, the parent of a root for instance, and check what they use themselves.
    """
    found: dict[Any, Expr | None] = {}
    spans: dict[Any, Span] = {}
    for expression in expressions:
        for part in Preorder(expression):
            if isinstance(part, Indexed) and part.base.shape is not None:
                pairs = list(zip(part.indices, part.base.shape, strict=False))
            elif isinstance(part, MatrixElement) and isinstance(part.parent, MatrixExpr):
                pairs = [(part.i, part.parent.shape[0]), (part.j, part.parent.shape[1])]
            elif isinstance(part, InverseEntry):
                lengths = [limit[2] + 1 if limit[1] == 0 else None for limit in part.limits]
                pairs = list(zip(part.at, lengths, strict=True))
            else:
                continue
            for sub, length in pairs:
                walk = Preorder(sub)
                for inner in walk:
                    if isinstance(inner, Indexed | MatrixElement) or inner in numbers:
                        walk.skip()  # what subscripts it is met by itself
                        base = base_symbol(inner)
                        alone = sub == inner and base_symbol(part) not in recursive
                        found[base] = length if alone else found.get(base)
                        if length is not None:
                            shift = difference(sub, inner)
                            first = -shift if shift.is_Integer else S.Zero
                            spans.setdefault(base, (first, first + length - 1))
    guarded = {
        base for base in _conditional(expressions, numbers) & found.keys() if not _always(expressions, base, numbers)
    }
    return {base: (None if base in guarded else alone, spans.get(base)) for base, alone in found.items()}


def _always(expressions: Sequence[Basic], base: Any, numbers: Collection[Symbol]) -> bool:
    """Whether entries of an array, or a number, are subscripts outside of all that is chosen by a condition on them."""
    for expression in expressions:
        walk = Preorder(expression)
        for part in walk:
            if isinstance(part, if_else | Piecewise) and base in _conditional([part], numbers):
                walk.skip()
            elif isinstance(part, Indexed) and any(base_symbol(sub) == base for sub in part.indices):
                return True
    return False


def _conditional(expressions: Sequence[Basic], numbers: Collection[Symbol]) -> set[Any]:
    """The arrays and numbers that conditions speak of: they may be no labels where the condition does not hold."""
    found: set[Any] = set()
    for expression in expressions:
        for part in Preorder(expression):
            if isinstance(part, Piecewise):
                conditions = [condition for _, condition in part.args]
            elif isinstance(part, if_else):
                conditions = [part.args[0]]
            else:
                continue
            for condition in conditions:
                walk = Preorder(condition)
                for inner in walk:
                    if isinstance(inner, Indexed | MatrixElement) or inner in numbers:
                        found.add(base_symbol(inner))
                        walk.skip()  # what subscripts it has to be a label already
    return found


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
    sides = [(n, axis, side) for n, shape in enumerate(shapes) for axis, side in enumerate(shape) if side.free_symbols]
    sides.sort(key=lambda entry: not entry[2].is_Symbol)
    while True:
        for n, axis, side in sides:
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


SIDE = Dummy("side", dummy_index=1, integer=True)  # stands for the length of the side that determines a dimension


def _input(argument: Argument, known: tuple[str, ...]) -> Input:
    sides = argument.shape
    if known and (len(sides) < 2 or not equal(*sides[-2:])):
        known = tuple(kind for kind in known if kind == "positive")  # the others are of square matrices
    if isinstance(argument.symbol, MatrixSymbol):
        sides = tuple(side for side in sides if side != 1)
    return intern(Input, sides, argument.name, argument.symbol, argument.integer, *([known] if known else []))


def _needs(definitions: dict[Any, Equality], bases: dict[Any, list[Equality]]) -> dict[Any, list[Any]]:
    """The names that each definition refers to."""
    return {
        base: [s for s in dict.fromkeys(occurring([d.rhs, *(e.rhs for e in bases.get(base, ()))])) if s in definitions]
        for base, d in definitions.items()
    }


def _promise(facts: Sequence[Basic], symbols: Symbols) -> None:
    """Take comparisons of dimensions, such as N <= S, as known, and have the module test its arguments for them."""
    for fact in (part for stated in facts for part in conjuncts(stated)):
        if isinstance(fact, Relational) and fact.free_symbols and fact.free_symbols <= symbols.dimensions:
            for gap in map(expand, guards_of(fact)):
                least = at_smallest(-gap)
                if least is not None and least > 0:
                    raise ModelError(f"the fact {fact} holds for no sizes of at least 1")
                if _is_minimum(gap):
                    symbols.require_non_negative(gap, f"the fact {fact} holds for no sizes")
                symbols.promised = (*symbols.promised, gap)


def _is_minimum(gap: Expr) -> bool:
    """Whether a gap is not negative from one size of one dimension on, which the module tests as a least size."""
    return len(gap.free_symbols) == 1 and grows(gap)


def _identity(fact: Equality, reader: Reader) -> tuple[Use, Use]:
    """Both sides of an `Eq` fact, over letters for its free indices."""
    if isinstance(fact.lhs, MatrixExpr):
        return reader.read(fact.lhs), reader.read(fact.rhs)
    scope = Scope()
    for index in _quantified(fact):
        base, axis = next(subscripted([fact], index))
        scope = scope.with_index(index, Index(index, S.Zero, S(base.shape[axis])))
    return reader.read(fact.lhs, scope), reader.read(fact.rhs, scope)


def _quantified(fact: Basic) -> list[Any]:
    """The free indices of an `Eq` fact about entries, which holds for all of them."""
    if not isinstance(fact, Equality) or isinstance(fact.lhs, MatrixExpr):
        return []
    free = [s for s in fact.free_symbols if not isinstance(s, IndexedBase)]
    return sorted((s for s in free if any(subscripted([fact], s))), key=str)


def index_symbols(expressions: Iterable[Any], program: Program) -> dict[Expr, list[Any]]:
    """The index symbols that the model itself uses, by the size they run over."""
    found: dict[Expr, list[Any]] = {}

    def note(size: Any, symbol: Any) -> None:
        known = found.setdefault(size, [])
        if symbol not in known and not isinstance(symbol, Dummy):  # SymPy makes those up
            known.append(symbol)

    bases = [a.symbol for a in program.arguments if isinstance(a.symbol, IndexedBase | MatrixSymbol)]
    given = {*(a.symbol for a in program.arguments), *program.dimensions}
    for expression in expressions:
        for part in Preorder(expression):
            if isinstance(part, Indexed) and part.base in bases:
                for sub, size in zip(part.indices, part.base.shape, strict=False):
                    if isinstance(sub, Symbol | Idx) and sub not in given:
                        note(S(size), sub)
            elif hasattr(part, "limits"):
                for limit in part.limits:
                    if len(limit) == 3 and limit[1] == 0 and not isinstance(limit[0], Dummy):
                        note(limit[2] + 1, limit[0])
    for expression in expressions:
        name = program.names.get(base_symbol(expression.lhs)) if isinstance(expression, Equality) else None
        node = None if name is None else name.arg.node
        if isinstance(node, Trajectory) and isinstance(node.scan.node, Scan) and not fixed_subscripts(expression.lhs):
            state = node.scan.node.states[node.number]
            for axis, (sub, side) in enumerate(zip(axes_of(expression.lhs), state.shape, strict=True)):
                for size in (side, node.scan.node.steps) if axis == state.axis else (side,):
                    note(size, index_of(sub)[0])  # type: ignore[index]
    return found
