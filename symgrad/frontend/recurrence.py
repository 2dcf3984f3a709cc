"""Recurrences of `where`: equations that refer to one another's earlier (or later) entries, with their base cases."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sympy import Add, Basic, Eq, Expr, Idx, Indexed, Integer, S, Sum, Symbol, expand
from sympy.core.relational import Equality
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.errors import ModelError, UnsupportedError
from symgrad.frontend.base_cases import BaseCases
from symgrad.frontend.binders import apart
from symgrad.frontend.first_steps import with_base_cases
from symgrad.frontend.left_sides import (
    axes_of,
    checked_axes,
    fixed_subscripts,
    index_of,
    lengths_of,
    scope_of,
    subscripts_of,
)
from symgrad.frontend.names import base_symbol, name_of
from symgrad.frontend.reader import IndexReader
from symgrad.frontend.references import Part, References
from symgrad.frontend.scope import Index, place_of
from symgrad.graph.build import scan, whole
from symgrad.graph.dimensions import difference, equal
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Named, State, Update, Use
from symgrad.walk import Preorder


def components(needs: Mapping[Any, Sequence[Any]]) -> list[list[Any]]:
    """The names in groups that need one another, each group after those it needs (Tarjan 1972)."""
    number: dict[Any, int] = {}
    lowest: dict[Any, int] = {}
    path: dict[Any, None] = {}
    place = {name: n for n, name in enumerate(needs)}
    found: list[list[Any]] = []
    for start in needs:
        stack = [] if start in number else [(start, iter(needs[start]))]
        while stack:
            name, rest = stack[-1]
            if name not in number:
                number[name] = lowest[name] = len(number)
                path[name] = None
            follower = next(rest, None)
            if follower is not None:
                if follower not in number:
                    stack.append((follower, iter(needs[follower])))
                elif follower in path:
                    lowest[name] = min(lowest[name], number[follower])
                continue
            stack.pop()
            if stack:
                lowest[stack[-1][0]] = min(lowest[stack[-1][0]], lowest[name])
            if lowest[name] == number[name]:
                group = [path.popitem()[0]]
                while group[-1] != name:
                    group.append(path.popitem()[0])
                found.append(sorted(group, key=place.__getitem__))
    return found


def read_recurrence(
    group: Sequence[Any],
    definitions: Mapping[Any, Equality],
    bases: Mapping[Any, Sequence[Equality]],
    reader: IndexReader,
) -> dict[Any, Named]:
    """The quantities of a recurrence, by their `IndexedBase`.

    Raises
    ------
    ModelError : base cases are missing or do not fit, an equation refers to the future or to itself at the same time.
    UnsupportedError : the time enters in another way than as t + a number.
    """
    names = ", ".join(name_of(base) for base in group)
    if not any(base in bases for base in group):
        definitions, bases = with_base_cases(group, definitions)
    definitions = {base: _lags_spelled_out(definitions[base], group) for base in group}
    _check_left_sides(definitions, names)
    axes = _time_axes(group, definitions, bases)
    descending, steps = _direction(group, bases, axes, names)
    what = f"the recurrence of {names} runs over {steps} steps"
    reader.symbols.require_non_negative(steps, f"{what}; the shapes leave none beside the base cases")
    parts = [_part(base, definitions[base], bases.get(base, ()), axes[base], steps, descending) for base in group]
    for part in parts:
        if part.bases:
            reader.symbols.require_entries(part.state.shape[part.axis])
    cases = BaseCases({base: bases.get(base, ()) for base in group}, axes, reader)
    for number, part in enumerate(parts):
        before = () if part.bases else _at_bases(part, descending)
        if cases.admit(part.base, before):
            parts[number] = replace(part, bases=before)
    for part in parts:
        _declare_defined(part, steps, descending, reader)
    key = ",".join(name_of(base) for base in group)
    terms: dict[Any, Use] = {}
    together: dict[Any, list[Any]] = {}
    for part in parts:
        references = References(part, parts, cases, key, steps, descending, reader)
        terms[part.base] = _read_step(part, steps, reader, references)
        together[part.base] = references.same_step
    order = _order_of_a_step(together, definitions)
    ordered = [next(part for part in parts if part.base == base) for base in order]
    states = [part.state for part in ordered]
    started = [
        (number, position, use)
        for number, part in enumerate(ordered)
        if part.bases
        for position, use in cases.of(part.base)
    ]
    updates = [Update(number, 0, terms[part.base]) for number, part in enumerate(ordered)]
    clock = next(part for part in parts if part.base in bases)
    made = scan(
        key, states, steps, descending, (name_of(clock.time), clock.first_time), started, [None] * len(states), updates
    )
    return {part.base: whole(made, number, part.state) for number, part in enumerate(ordered)}


def _check_left_sides(definitions: Mapping[Any, Equality], names: str) -> None:
    """Every left side has subscripts, and every state a shape."""
    for base, definition in definitions.items():
        if not subscripts_of(definition.lhs) or base.shape is None:
            raise UnsupportedError(
                f"the definition of {place_of(definition.lhs)} refers to itself (through {names}); a recurrence is "
                "written with subscripts and a declared shape, as Eq(h[t, k], ... h[t - 1, l] ...) with h of shape "
                "(T + 1, K)"
            )


def _order_of_a_step(together: Mapping[Any, Sequence[Any]], definitions: Mapping[Any, Equality]) -> list[Any]:
    """The states so that each comes after those that it refers to at the same time."""
    order = components(together)
    for cycle in order:
        if len(cycle) > 1 or cycle[0] in together[cycle[0]]:
            raise ModelError(
                f"{', '.join(name_of(base) for base in cycle)} at one time depends on itself at the same time"
                f" ({place_of(definitions[cycle[0]])}); a recurrence refers to earlier entries, as h[t - 1, k]"
            )
    return [base for (base,) in order]


def _time_axes(
    group: Sequence[Any], definitions: Mapping[Any, Equality], bases: Mapping[Any, Sequence[Equality]]
) -> dict[Any, int]:
    """The axis of each state along which the recurrence runs.

    It is where base cases have a number; of a state without base cases it is the axis that has, or is given, the time
    of a state whose axis is known.
    """
    axes: dict[Any, int] = {}
    for base in group:
        for equation in bases.get(base, ()):
            (axis,) = fixed_subscripts(equation.lhs)
            if axes.setdefault(base, axis) != axis:
                raise ModelError(f"the base cases of {name_of(base)} fix different axes; a recurrence runs along one")
    if not axes:
        left = definitions[group[0]].lhs
        first = f"{name_of(group[0])}[0{', ...' * (len(left.args) > 2)}]"
        raise ModelError(
            f"the definition of {', '.join(name_of(base) for base in group)} refers to itself and has no base case; a "
            f"recurrence has one beside {place_of(definitions[group[0]])}: add what {first} is to where, "
            f"Eq({first}, ...), and one equation more for each further step that it refers back"
        )
    references = [
        (base, part)
        for base in group
        for part in Preorder(definitions[base].rhs)
        if isinstance(part, Indexed | MatrixElement) and base_symbol(part) in group
    ]
    while True:
        before = len(axes)
        for base, reference in references:
            other = base_symbol(reference)
            if base in axes and other not in axes:
                time = index_of(axes_of(definitions[base].lhs)[axes[base]])
                places = [axis for axis, sub in enumerate(axes_of(reference)) if time and sub.has(time[0])]
                if len(places) == 1:
                    axes[other] = places[0]
            elif other in axes and base not in axes and axes[other] < len(axes_of(reference)):
                time = index_of(axes_of(reference)[axes[other]])
                left = axes_of(definitions[base].lhs)
                places = [axis for axis, sub in enumerate(left) if time and sub.has(time[0])]
                if len(places) == 1:
                    axes[base] = places[0]
        if len(axes) == before:
            break
    for base in group:
        if base not in axes:
            raise ModelError(
                f"{place_of(definitions[base])}: nothing says which subscript of {name_of(base)} is the time of the "
                f"recurrence; give it a base case, such as Eq({name_of(base)}[0, ...], ...)"
            )
    return axes


def _direction(
    group: Sequence[Any], bases: Mapping[Any, Sequence[Equality]], axes: Mapping[Any, int], names: str
) -> tuple[bool, Expr]:
    """Whether the base cases stand at the end, so that time runs down, and the number of steps."""
    found: set[bool] = set()
    steps: dict[Any, Expr] = {}
    for base in group:
        if base not in bases:
            continue
        axis = axes[base]
        length = lengths_of(base)[axis]
        positions = [axes_of(equation.lhs)[axis] for equation in bases[base]]
        first = set(positions) == set(map(Integer, range(len(positions))))
        last = {difference(length - 1, position) for position in positions} == set(map(Integer, range(len(positions))))
        if not (first or last) or len(set(positions)) < len(positions):
            raise ModelError(
                f"the base cases of {name_of(base)} are at {', '.join(map(str, positions))}; they must be its first "
                f"entries, 0, 1, ..., or its last, {length - 1}, {length - 2}, ..., each once"
            )
        found.add(last and not first)
        steps[base] = expand(length - len(positions))
    if len(found) > 1:
        raise ModelError(f"the base cases of {names} are at the beginning of some and at the end of others")
    numbers = list(steps.values())
    for base, number in steps.items():
        if not equal(number, numbers[0]):
            raise ModelError(
                f"the recurrence of {names} runs over {numbers[0]} steps by the shape of {name_of(next(iter(steps)))}, "
                f"and over {number} by that of {name_of(base)}; make the shapes agree"
            )
    return found.pop(), numbers[0]


def _part(base: Any, equation: Equality, bases: Sequence[Equality], axis: int, steps: Expr, descending: bool) -> Part:
    left, shape = checked_axes(base, subscripts_of(equation.lhs), equation.lhs), lengths_of(base)
    for place, sub in enumerate(left):
        if place != axis and not isinstance(sub, Symbol | Idx):
            raise UnsupportedError(f"{equation.lhs} = ...: the subscript {sub} on the left is not an index")
    time = index_of(left[axis])
    if time is None:
        raise UnsupportedError(f"{equation.lhs} = ...: the time {left[axis]} on the left is not an index plus a number")
    symbols = [time[0], *(sub for place, sub in enumerate(left) if place != axis)]
    if len(set(symbols)) < len(symbols):
        raise ModelError(f"{equation.lhs} = ...: an index appears twice on the left side")
    free = difference(shape[axis], steps)
    if not free.is_Integer or free < 0:
        raise ModelError(
            f"{name_of(base)} has {shape[axis]} entries along its subscript {axis + 1}, but the recurrence has {steps} "
            "steps; give it as many, or base cases for the others"
        )
    start = 0 if descending else int(free)
    state = State(name_of(base), base, shape, axis, start)
    return Part(base, equation, tuple(bases), axis, time[0], state, steps, start - int(time[1]))


def _at_bases(part: Part, descending: bool) -> tuple[Equality, ...]:
    """The equation of a state without base cases at the times before the first step, where it may hold as well."""
    length, free = part.state.shape[part.axis], int(difference(part.state.shape[part.axis], part.steps))
    positions = [length - 1 - n for n in range(free)] if descending else range(free)
    offset = axes_of(part.equation.lhs)[part.axis] - part.time
    at = [{part.time: expand(position - offset)} for position in positions]
    left, right = part.equation.args
    try:
        return tuple(Eq(left.subs(one), _at(right, one), evaluate=False) for one in at)
    except ModelError:
        return ()


def _at(expr: Expr, values: Mapping[Any, Any]) -> Expr:
    """The expression at values of indices; SymPy refuses entries of a matrix beyond its sides."""
    try:
        return expr.subs(values)
    except IndexError as error:
        at = ", ".join(f"{index} = {value}" for index, value in values.items())
        raise ModelError(
            f"{place_of(expr)}: at {at} a subscript of a matrix is beyond its sides; make the limits or the shape agree"
        ) from error


def _lags_spelled_out(equation: Equality, group: Sequence[Any]) -> Equality:
    """The equation with Σ_j w[j] h[t - j], for numbers j, written out: every entry of a state has a fixed lag."""

    def reaches_back(function: Basic, index: Any) -> bool:
        entries = [part for part in Preorder(function) if isinstance(part, Indexed | MatrixElement)]
        subs = [sub for entry in entries if base_symbol(entry) in group for sub in axes_of(entry)]
        return any(sub.has(index) and sub != index for sub in subs)

    right = equation.rhs
    for total in sorted(right.atoms(Sum), key=lambda part: part.count_ops()):
        function, limits = apart(total.function, total.limits, ())
        for limit in limits:
            if len(limit) == 3 and limit[1].is_Integer and limit[2].is_Integer and reaches_back(function, limit[0]):
                rest = [other for other in limits if other != limit]
                values = [_at(function, {limit[0]: n}) for n in range(int(limit[1]), int(limit[2]) + 1)]
                right = right.xreplace({total: Add(*(Sum(value, *rest) if rest else value for value in values))})
                break
    return Eq(equation.lhs, right, evaluate=False)


def _declare_defined(part: Part, steps: Expr, descending: bool, reader: IndexReader) -> None:
    """Entries of a state without base cases that no step sets are undefined."""
    if not part.bases and not equal(part.state.shape[part.axis], steps):
        first = Integer(part.state.start)
        reader.symbols.defined[part.base] = {part.axis: (first, expand(first + steps - 1))}


def _read_step(part: Part, steps: Expr, reader: IndexReader, references: References) -> Use:
    """The right side of a state's equation as a term over the state's axes, with one entry a step."""
    scope = scope_of(part.equation.lhs).with_index(part.time, Index(part.time, Integer(part.first_time), steps))
    axes = {part.time: part.axis}
    for axis, sub in enumerate(part.left):
        if axis != part.axis:
            scope = scope.with_index(sub, Index(sub, S.Zero, part.state.shape[axis]))
            axes[sub] = axis
    with reader.symbols.standing_for(references.earlier):
        return relabel(reader.read(part.equation.rhs, scope), axes)
