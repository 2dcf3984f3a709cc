"""Evaluates terms of the graph directly, with mpmath at any precision: what a derived formula says, before any code.

It shares with the compiler the definition of the nodes and nothing else: no constructor, rewrite, schedule or printer.
Arrays are NumPy arrays of mpf objects; a recurrence is run step by step. A function outside of its domain is nan, and
0·nan is 0: what a condition switches off counts for nothing, as in the mathematics.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf
from sympy import Basic, Pow

from symgrad.errors import UnsupportedError
from symgrad.functions import constant, if_else, in_range
from symgrad.graph.build import CENTRED, EXPONENTIALS_FROM, KEEPS_SHAPE
from symgrad.graph.kinds.matrices import sides_of
from symgrad.graph.kinds.scans import step_shape, within
from symgrad.graph.nodes import (
    Add,
    Apply,
    AxisMap,
    Const,
    Contract,
    Delta,
    Gather,
    Input,
    MatrixFunction,
    Merge,
    Named,
    Node,
    Past,
    Previous,
    Range,
    Reduce,
    Scan,
    Scatter,
    Shape,
    Size,
    Split,
    Trajectory,
    Use,
    postorder,
)
from symgrad.verify.functions import AXIS_MAPS, NAN, as_mpf, function_value, of_matrix, reduction_of
from symgrad.verify.sizes import concrete

Array = np.ndarray[Any, Any]


class GraphEvaluator:
    """The values of terms at given inputs, each node evaluated once.

    Parameters
    ----------
    inputs : arrays or numbers by the name of the `Input` node.
    sizes : the dimensions.
    held : an evaluator at other inputs, whose values of what is inside `constant` are taken.
    strict : whether 0·nan is nan, as in floating point, also where the 0 is a sum over nothing.

    The precision is mpmath's at the time of the call. A node without a rule raises `UnsupportedError`.
    """

    def __init__(
        self,
        inputs: Mapping[str, Any],
        sizes: Mapping[Basic, int],
        held: "GraphEvaluator | None" = None,
        strict: bool = False,
    ) -> None:
        self._inputs, self._sizes, self._strict = inputs, sizes, strict
        self._values: dict[Node, Any] = {} if held is None else held._constants()

    def __call__(self, use: Use, rank: int = 0) -> Array:
        """The value of a term whose letters are 0 ... rank - 1; of length 1 along letters that it lacks."""
        self._evaluate(use.node)
        return self._aligned(use, range(rank))

    def _constants(self) -> dict[Node, Any]:
        return {n: value for n, value in self._values.items() if isinstance(n, Apply) and n.head is constant}

    def shape(self, shape: Shape) -> tuple[int, ...]:
        """A symbolic shape at the evaluator's sizes."""
        return tuple(concrete(length, self._sizes) for length in shape)

    def _evaluate(self, root: Node) -> None:
        """Evaluate everything below a node; what a recurrence computes step by step is left to its rule."""
        nodes = list(postorder([root], self._values.keys()))
        inside = {part for node in nodes if isinstance(node, Scan) for part in within(node)}
        for node in nodes:
            if node not in inside:
                self._values[node] = self._rule(node)

    def _rule(self, node: Node) -> Any:
        rule = _RULES.get(type(node))
        if rule is None:
            raise UnsupportedError(f"the graph evaluator has no rule for {type(node).__name__}")
        value = getattr(self, rule)(node)  # by its name: an evaluator of another class may have another
        return value if isinstance(node, Scan) else _full(value, self.shape(node.shape))

    def _aligned(self, use: Use, letters: Sequence[Any]) -> Array:
        """The value of a use with one axis a letter, of length 1 where it lacks the letter."""
        value, own = self._values[use.node], list(use.letters)
        for letter in dict.fromkeys(own):
            while own.count(letter) > 1:  # a repeated letter takes the diagonal, which NumPy puts last
                first, second = [axis for axis, x in enumerate(own) if x == letter][:2]
                value = np.diagonal(value, axis1=first, axis2=second)
                own = [x for axis, x in enumerate(own) if axis not in (first, second)] + [letter]
        order = [own.index(letter) for letter in letters if letter in own]
        assert len(order) == len(own), f"{use} over {list(letters)}"
        return _array(value.transpose(order)[tuple(slice(None) if letter in own else None for letter in letters)])

    # Rules: each gives the value of a node, broadcast to its shape by the caller.

    def _input(self, node: Input) -> Array:
        return _real(np.asarray(self._inputs[node.name])).reshape(self.shape(node.shape))

    def _const(self, node: Const) -> Array:
        return _array(as_mpf(node.value) if node.value.is_number else NAN)  # the text of a message is no number

    def _size(self, node: Size) -> Array:
        return _array(mpf(concrete(node.value, self._sizes)))

    def _range(self, node: Range) -> Array:
        return _real(np.arange(*self.shape(node.shape)))

    def _delta(self, node: Delta) -> Array:
        return _real(np.eye(self.shape(node.shape)[0], dtype=int))

    def _add(self, node: Add) -> Array:
        total = _array(mpf(0))
        for coefficient, use in node.terms:
            # the array first: a number of mpmath spells out an array that it is multiplied by before it gives way
            total = _array(total + self._aligned(use, range(node.rank)) * as_mpf(coefficient))
        return total

    def _contract(self, node: Contract) -> Array:
        letters = range(node.rank + len(node.bound))
        outside, inside = _array(mpf(1)), _array(mpf(1))
        for use, exponent in node.factors:
            value = self._aligned(use, letters)
            value = value if exponent == 1 else _map(partial(function_value, Pow), value, _array(as_mpf(exponent)))
            if not self._strict:
                inside = _times(inside, value)
            elif all(letter < node.rank for letter in use.letters):  # code may multiply by it after it has summed up
                outside = _array(outside * value)
            else:
                inside = _array(inside * value)
        total = _summed(_full(inside, self.shape((*node.shape, *node.bound))), node.rank)
        return _array(total * outside.reshape(outside.shape[: node.rank])) if self._strict else total

    def _apply(self, node: Apply) -> Array:
        operands = node.args[:2] if node.head is in_range else node.args  # its third is the text of a message
        values = [self._aligned(use, range(node.rank)) for use in operands]
        if node.head is if_else:
            return _map(lambda condition, yes, no: yes if condition else no, *values)
        return _map(partial(function_value, node.head), *values)

    def _reduce(self, node: Reduce) -> Array:
        shape = self.shape((*node.shape, *node.bound))
        value = _full(self._aligned(node.arg, range(len(shape))), shape)
        return _of_lists(reduction_of(node.head), _flat_from(value, node.rank))  # type: ignore[arg-type]

    def _axis_map(self, node: AxisMap) -> Array:
        value = _full(self._aligned(node.arg, range(node.rank)), self.shape(node.shape))
        if node.weights:
            weights = _full(self._aligned(node.weights[0], range(node.rank)), self.shape(node.shape))
            return (_centred if node.head == CENTRED else _running_exponentials)(node, weights, value)
        last = tuple(range(node.rank - len(node.over), node.rank))
        moved = np.moveaxis(value, node.over, last)
        lists = _flat_from(moved, last[0])
        found = np.empty_like(lists)
        for place in np.ndindex(lists.shape[:-1]):
            found[place] = AXIS_MAPS[node.head](list(lists[place]))
        return np.moveaxis(found.reshape(moved.shape), last, node.over)

    def _matrix_function(self, node: MatrixFunction) -> Array:
        row, column, _ = sides_of(node)
        letters = [*(x for x in range(node.rank) if x not in (row, column)), row, column]
        stack = self._aligned(node.arg, letters)
        keeps = node.head in KEEPS_SHAPE
        found = np.empty(stack.shape if keeps else stack.shape[:-2], dtype=object)
        for place in np.ndindex(stack.shape[:-2]):
            made = of_matrix(node.head, stack[place])
            if keeps:
                found[place] = made
            else:
                found[place] = made.item()
        return found

    def _merge(self, node: Merge) -> Array:
        letters = [
            letter for x in range(node.rank) for letter in ((node.rank, node.rank + 1) if x == node.axis else (x,))
        ]
        lengths = [
            length for x, length in enumerate(node.shape) for length in (node.lengths if x == node.axis else (length,))
        ]
        return _full(self._aligned(node.arg, letters), self.shape(tuple(lengths))).reshape(self.shape(node.shape))

    def _split(self, node: Split) -> Array:
        first, second = node.axes
        letters = [node.rank if x == first else x for x in range(node.rank) if x != second]
        lengths = [
            node.shape[first] * node.shape[second] if x == first else node.shape[x]
            for x in range(node.rank)
            if x != second
        ]
        value = _full(self._aligned(node.arg, letters), self.shape(tuple(lengths)))
        apart = [x for x in range(node.rank) if x not in node.axes]
        order = [x for x in range(node.rank) if x != second]
        together = value.transpose([order.index(x) for x in (*apart, first)])
        halves = together.reshape(*together.shape[:-1], *self.shape((node.shape[first], node.shape[second])))
        return halves.transpose([[*apart, first, second].index(x) for x in range(node.rank)])

    def _gather(self, node: Gather) -> Array:
        base = self._values[node.base.node]
        subs = [_full(self._aligned(sub, range(node.rank)), self.shape(node.shape)) for sub in node.subs]
        found = np.empty(self.shape(node.shape), dtype=object)
        for place in np.ndindex(found.shape):
            position = _position([sub[place] for sub in subs], base.shape)
            found[place] = NAN if position is None else base[position]
        return found

    def _scatter(self, node: Scatter) -> Array:
        shape, bound = self.shape(node.shape), self.shape(node.bound)
        letters = range(node.rank + len(bound))
        value = self._aligned(node.value, letters)
        found = np.full(shape, mpf(0), dtype=object)
        # letters of axes occur inside only where the axis is not moved
        inside = {letter for use in node.uses() for letter in use.letters}
        full = [shape[x] if x in inside else 1 for x in range(node.rank)] + list(bound)
        value = _full(value, tuple(full))
        subs = [_full(self._aligned(sub, letters), tuple(full)) for sub in node.subs]
        for place in np.ndindex(*full):
            position = _position([sub[place] for sub in subs], shape)
            if position is not None:
                found[position] += value[place]
            elif value[place] != 0:
                raise IndexError(f"{node} adds {value[place]} at no position")
        return found

    def _named(self, node: Named) -> Array:
        return self._aligned(node.arg, range(node.rank))

    def _scan(self, node: Scan) -> list[Array]:
        """The states' arrays, from the first step to the last (the other way round where time runs down)."""
        steps = concrete(node.steps, self._sizes)
        states = [np.full(self.shape(state.shape), mpf(0), dtype=object) for state in node.states]
        for number, initial in enumerate(node.initial):
            if initial is not None:
                states[number][...] = self._aligned(initial, range(len(node.states[number].shape)))
        for number, position, term in node.bases:
            axis = node.states[number].axis
            others = [x for x in range(len(node.states[number].shape)) if x != axis]
            where: tuple[Any, ...] = (slice(None),) * axis + (concrete(position, self._sizes), ...)
            states[number][where] = self._aligned(term, others)
        inside = within(node)
        for p in range(steps)[::-1] if node.descending else range(steps):
            for number, lag, term in node.updates:
                state = node.states[number]
                self._one_step(term.node, inside, node, states)
                shape = self.shape(step_shape(state, node.steps) if lag is not None else (node.steps, *state.shape))
                axis = 0 if lag is None else state.axis
                value = np.take(_full(self._aligned(term, range(len(shape))), shape), p, axis=axis)
                where = (...,) if lag is None else (slice(None),) * state.axis + (state.start + p - lag, ...)
                states[number][where] = value if node.initial[number] is None else states[number][where] + value
        for part in inside:
            self._values.pop(part, None)
        return states

    def _one_step(self, root: Node, inside: set[Node], node: Scan, states: Sequence[Array]) -> None:
        """Evaluate what depends on the states, as they are now; what is not known of them yet is nan."""
        for part in postorder([root], self._values.keys() - inside):
            if isinstance(part, Past) and part.key == node.key:
                source = states[node.states.index(part.state)]
                self._values[part] = np.broadcast_to(source, self.shape(part.shape)).copy()
            elif isinstance(part, Previous) and part.key == node.key:
                source = states[node.states.index(part.state)]
                axis, offset = part.state.axis, part.state.start - part.lag
                value = np.full(self.shape(part.shape), NAN, dtype=object)
                for p in range(value.shape[axis]):
                    if 0 <= offset + p < source.shape[axis]:
                        value[(slice(None),) * axis + (p,)] = np.take(source, offset + p, axis=axis)
                self._values[part] = value
            else:
                self._values[part] = self._rule(part)

    def _trajectory(self, node: Trajectory) -> Array:
        found: Array = self._values[node.scan.node][node.number]
        return found


_RULES: dict[type[Node], str] = {
    Input: "_input",
    Const: "_const",
    Size: "_size",
    Range: "_range",
    Delta: "_delta",
    Add: "_add",
    Contract: "_contract",
    Apply: "_apply",
    Reduce: "_reduce",
    AxisMap: "_axis_map",
    MatrixFunction: "_matrix_function",
    Merge: "_merge",
    Split: "_split",
    Gather: "_gather",
    Scatter: "_scatter",
    Named: "_named",
    Scan: "_scan",
    Trajectory: "_trajectory",
}


# ---- arrays of mpf --------------------------------------------------------------------------------------------------


def _array(value: Any) -> Array:
    """An array of objects; what NumPy has made a scalar is one without axes."""
    return np.asarray(value, dtype=object)


def _full(value: Any, shape: tuple[int, ...]) -> Array:
    return np.broadcast_to(_array(value), shape)


def _map(function: Callable[..., Any], *values: Array) -> Array:
    return _array(np.frompyfunc(function, len(values), 1)(*values))


def _real(values: Array) -> Array:
    """Numbers as mpf, exactly."""
    return _map(
        lambda value: value if isinstance(value, mpf) else mpf(value.item() if hasattr(value, "item") else value),
        values,
    )


def _times(left: Array, right: Array) -> Array:
    return _map(lambda a, b: mpf(0) if a == 0 or b == 0 else a * b, left, right)


def _summed(value: Array, rank: int) -> Array:
    """The sum over all axes from `rank` on."""
    if value.ndim == rank:
        return value
    return _of_lists(mpmath.fsum, _flat_from(value, rank))


def _running_exponentials(node: AxisMap, weights: Array, exponents: Array) -> Array:
    """Σ w[k]·exp(u[k] - m[q]) over the entries from one end to q, with the largest u among them as m."""
    (axis,) = node.over
    step = -1 if node.head == EXPONENTIALS_FROM else 1
    w, u = (np.moveaxis(part, axis, -1)[..., ::step] for part in (weights, exponents))
    found = np.empty_like(u)
    for place in np.ndindex(u.shape):
        row, last = place[:-1], place[-1] + 1
        largest = max(u[row][:last])
        found[place] = mpmath.fsum(
            a * mpmath.exp(b - largest) for a, b in zip(w[row][:last], u[row][:last], strict=True)
        )
    return np.moveaxis(found[..., ::step], -1, axis)


def _centred(node: AxisMap, shares: Array, values: Array) -> Array:
    """u - Σ w·u along an axis."""
    (axis,) = node.over
    mean = _of_lists(mpmath.fsum, np.moveaxis(shares * values, axis, -1))
    found: Array = values - np.expand_dims(mean, axis)
    return found


def _flat_from(value: Array, rank: int) -> Array:
    """The axes from `rank` on as one."""
    return value.reshape(*value.shape[:rank], int(np.prod(value.shape[rank:])))


def _of_lists(function: Callable[[list[Any]], Any], value: Array) -> Array:
    """A function of the lists along the last axis."""
    found = np.empty(value.shape[:-1], dtype=object)
    for place in np.ndindex(found.shape):
        found[place] = function(list(value[place]))
    return found


def _position(subs: Sequence[Any], shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """The subscripts as integers; None where a condition has made them no position at all."""
    if any(mpmath.isnan(sub) for sub in subs):
        return None
    position = tuple(int(sub) for sub in subs)
    if any(not 0 <= sub < length for sub, length in zip(position, shape, strict=True)):
        raise IndexError(f"{position} is out of range in an array of shape {shape}")
    return position
