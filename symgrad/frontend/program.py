"""From the user's SymPy objects to a `Program`: checked names, sorted arguments, the loss as a term of the graph."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sympy import Basic, Dummy, Expr, Idx, Indexed, IndexedBase, MatrixSymbol, S, Symbol, expand
from sympy.core.relational import Equality, Relational
from sympy.matrices.expressions.matexpr import MatrixExpr

from symgrad.arguments import Argument
from symgrad.errors import ModelError, UnsupportedError
from symgrad.frontend import given
from symgrad.frontend.components import joined
from symgrad.frontend.conditions import conjuncts, guards_of
from symgrad.frontend.definitions import read_definition
from symgrad.frontend.divisors import divisors
from symgrad.frontend.left_sides import axes_of, fixed_subscripts, index_of, on_sides_of_one
from symgrad.frontend.matrix import Reader, scalar_of
from symgrad.frontend.names import base_symbol, bound_indices, name_of, occurring, quantified, subscripted
from symgrad.frontend.properties import check_squares, properties
from symgrad.frontend.recurrence import components, read_recurrence
from symgrad.frontend.scope import Index, Scope, Symbols, place_of
from symgrad.frontend.signature import arguments_of, dimensions_of
from symgrad.frontend.solutions import check_alone, is_implicit, read_solution
from symgrad.graph.build import named
from symgrad.graph.dimensions import at_smallest, equal, grows
from symgrad.graph.nodes import Input, Named, Scan, Trajectory, Use, intern
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
    shrinking : lengths of ranges that are negative where a dimension is 0, such as T - 1: a range so long is empty.
    divisors : expressions of dimensions that the model divides by, which are 0 for some sizes.
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
    shrinking: tuple[Expr, ...] = ()
    divisors: tuple[Expr, ...] = ()
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
    indices |= {index for fact in facts for index in quantified(fact)}
    found = list(dict.fromkeys(occurring([*parameters, *expressions, *(e.lhs for e in equations)])))
    dimensions = dimensions_of(parameters, found, expressions, indices)
    needs = _needs(definitions, bases)
    groups = components(needs)
    recursive = {base for group in groups for base in group if len(group) > 1 or base in needs[base] or base in bases}
    ordered = [definitions[base] for group in reversed(groups) for base in group if base not in recursive]
    arguments = arguments_of(parameters, found, definitions, dimensions, indices, expressions, recursive, ordered)
    _check_reached(parameters, loss, definitions, bases, needs)
    known = properties(facts)
    nodes = {
        argument.symbol: _input(argument, known.get(argument.symbol, ()))
        for argument in arguments
        if argument.role != "dimension"
    }
    symbols = Symbols(dict(nodes), frozenset(dimensions), {argument.symbol: argument.upper for argument in arguments})
    _promise(facts, symbols)
    reader, names = Reader(symbols), dict[Any, Named]()
    for group in groups:
        names |= _read(group, definitions, bases, reader, group[0] in recursive)
        for base in group:
            node = names[base]
            names[base] = named(node.name, node.symbol, node.shape, node.arg, known.get(base, ()))
        symbols.nodes |= {base: names[base] for base in group}
    check_squares(facts, {symbol: node.shape for symbol, node in symbols.nodes.items()})
    taken = (
        {name_of(base) for base in definitions} | {argument.name for argument in arguments} | {*map(str, dimensions)}
    )
    return Program(
        loss=reader.read(loss),  # before what the reader finds is asked for
        parameters={p: nodes[p] for p in parameters},
        names={base: names[base] for base in definitions},
        arguments=arguments,
        dimensions=dimensions,
        minimum_sizes=symbols.minimum_sizes,
        identities=tuple(_identity(fact, reader) for fact in facts if isinstance(fact, Equality)),
        lengths=tuple(symbols.lengths),
        shrinking=tuple(symbols.shrinking),
        divisors=divisors([loss, *(e.rhs for e in equations)], dimensions),
        promises=tuple(gap for gap in symbols.promised if not _is_minimum(gap)),
        margins=tuple(symbols.margins),
        resumed=frozenset(symbols.resumed),
        loss_name=next(name for name in ("C", "L", "loss", "Loss") if name not in taken),
    )


def _read(
    group: Sequence[Any],
    definitions: Mapping[Any, Equality],
    bases: Mapping[Any, Sequence[Equality]],
    reader: Reader,
    recursive: bool,
) -> dict[Any, Named]:
    """Names whose equations refer to one another, or a name alone."""
    check_alone(group, definitions, bases)
    equation = definitions[group[0]]
    if is_implicit(equation):
        return {group[0]: read_solution(equation, reader)}
    if recursive:
        return read_recurrence(group, definitions, bases, reader)
    return {group[0]: read_definition(equation, reader)}


def _check_reached(
    parameters: Sequence[Any],
    loss: Any,
    definitions: Mapping[Any, Equality],
    bases: Mapping[Any, Sequence[Equality]],
    needs: Mapping[Any, Collection[Any]],
) -> None:
    """Each parameter occurs in the loss, or in a name that the loss is made of."""
    reached: set[Any] = set()
    waiting = [symbol for symbol in occurring([loss]) if symbol in definitions]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += needs[name]
    read = [loss, *(e.rhs for name in reached for e in (definitions[name], *bases.get(name, ())))]
    used = set(occurring(read))
    for parameter in parameters:
        if parameter not in used:
            names = [name for name, e in definitions.items() if parameter in occurring([e.rhs])]
            within = f"; it occurs in {', '.join(map(name_of, names))}, of which the loss is not made" if names else ""
            raise ModelError(f"the parameter {name_of(parameter)} does not occur in the loss{within}")


def _definitions(where: Sequence[Any]) -> tuple[dict[Any, Equality], dict[Any, list[Equality]]]:
    """The equation of every name, and the base cases of those that are recurrences."""
    stated: dict[Any, list[Equality]] = {}
    for number, equation in enumerate(where):
        equation = given.statement(equation, f"where[{number}]")
        if not isinstance(equation, Equality):
            raise ModelError(f"where[{number}] is {place_of(equation)}; write Eq(name, expression)")
        base = base_symbol(equation.lhs)
        if not isinstance(base, Symbol | IndexedBase | MatrixSymbol):
            raise ModelError(
                f"where[{number}]: the left side {place_of(equation.lhs)} is not a name, a "
                f"subscripted name or a MatrixSymbol{_turned(equation)}"
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


def _turned(equation: Equality) -> str:
    """The equation with its sides exchanged, where that makes it one."""
    if not isinstance(base_symbol(equation.rhs), Symbol | IndexedBase | MatrixSymbol):
        return ""
    return f"; write Eq({place_of(equation.rhs)}, {place_of(equation.lhs)})"


def _left_indices(left: Any) -> list[Any]:
    """The indices of a left side: t and k of h[t + 1, k]."""
    fixed = fixed_subscripts(left)
    moving = [sub for axis, sub in enumerate(axes_of(left)) if axis not in fixed]
    found = [index_of(sub) for sub in (*moving, *on_sides_of_one(left))]
    return [entry[0] for entry in found if entry is not None]


def _input(argument: Argument, known: tuple[str, ...]) -> Input:
    sides = argument.shape
    if known and (len(sides) < 2 or not equal(*sides[-2:])):
        known = tuple(kind for kind in known if kind == "positive")  # the others are of square matrices
    if isinstance(argument.symbol, MatrixSymbol):
        sides = tuple(side for side in sides if side != 1)
    return intern(Input, sides, argument.name, argument.symbol, argument.integer, *([known] if known else []))


def _needs(definitions: dict[Any, Equality], bases: dict[Any, list[Equality]]) -> dict[Any, list[Any]]:
    """The names that each definition refers to; an unknown in its own equations is no such name."""
    return {
        base: [
            s
            for s in dict.fromkeys(occurring([d.rhs, *(e.rhs for e in bases.get(base, ()))]))
            if s in definitions and not (s == base and is_implicit(d))
        ]
        for base, d in definitions.items()
    }


def _promise(facts: Sequence[Basic], symbols: Symbols) -> None:
    """Take comparisons of dimensions, such as N <= S, as known, and have the module test its arguments for them."""
    symbols.facts = tuple(part for fact in facts for part in conjuncts(fact) if isinstance(part, Relational))
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
    for index in quantified(fact):
        base, axis = next(subscripted([fact], index))
        scope = scope.with_index(index, Index(index, S.Zero, S(base.shape[axis])))
    return reader.read(fact.lhs, scope), reader.read(fact.rhs, scope)


def index_symbols(expressions: Iterable[Any], program: Program) -> dict[Expr, list[Any]]:
    """The index symbols that the model itself uses, by the size they run over."""
    found: dict[Expr, list[Any]] = {}

    def note(size: Any, symbol: Any) -> None:
        known = found.setdefault(size, [])
        if symbol not in known and not isinstance(symbol, Dummy):  # SymPy makes those up
            known.append(symbol)

    bases = {a.symbol for a in program.arguments if isinstance(a.symbol, IndexedBase | MatrixSymbol)}
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
