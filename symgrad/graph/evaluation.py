"""Evaluates terms of the graph directly, with mpmath at any precision: what a derived formula says, before any code.

Every kind of node says beside its class what its numbers are (`Node.evaluate`), by its definition: no constructor,
rewrite, schedule or printer has a part in it. Arrays are NumPy arrays of mpf objects. A function outside of its domain
is nan, and 0·nan is 0: what a condition switches off counts for nothing, as in the mathematics.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from mpmath import mpf
from sympy import Basic, Expr

from symgrad.arrays import Array, np
from symgrad.dimensions import concrete
from symgrad.functions import constant
from symgrad.graph.node import Node, Shape, Use, postorder


class GraphEvaluator:
    """The values of terms at given inputs, each node evaluated once.

    Parameters
    ----------
    inputs : arrays or numbers by the name of the `Input` node.
    sizes : the dimensions.
    held : an evaluator at other inputs, whose values of what is inside `constant` are taken.
    strict : whether 0·nan is nan, as in floating point, also where the 0 is a sum over nothing.

    Attributes
    ----------
    values : what has been evaluated.
    states : the arrays of the states of recurrences that are being run, by the recurrence's key and the state.

    The precision is mpmath's at the time of the call. A kind that does not say its numbers is an `UnsupportedError`.
    """

    def __init__(
        self,
        inputs: Mapping[str, Any],
        sizes: Mapping[Basic, int],
        held: "GraphEvaluator | None" = None,
        strict: bool = False,
    ) -> None:
        self.inputs, self.sizes, self.strict = inputs, sizes, strict
        self.values: dict[Node, Any] = {} if held is None else held._constants()
        self.states: dict[str, Mapping[Any, Array]] = {}
        self._shapes: dict[Shape, tuple[int, ...]] = {}  # asked for at every step of a recurrence

    def __call__(self, use: Use, rank: int = 0) -> Array:
        """The value of a term whose letters are 0 ... rank - 1; of length 1 along letters that it lacks."""
        nodes = list(postorder([use.node], self.values.keys()))
        stepwise = {part for node in nodes for part in node.stepwise()}
        for node in nodes:
            if node not in stepwise:
                self.values[node] = self.value(node)
        return self.aligned(use, range(rank))

    def _constants(self) -> dict[Node, Any]:
        return {node: value for node, value in self.values.items() if getattr(node, "head", None) is constant}

    def again(self, root: Node, changed: Collection[Node]) -> None:
        """Evaluate a node, and what below it has changed, by what its operands are now."""
        for node in postorder([root], self.values.keys() - changed):
            self.values[node] = self.value(node)

    def value(self, node: Node) -> Any:
        """The value of a node whose operands are known: an array, of a recurrence one for each of its states."""
        value = node.evaluate(self)
        return value if isinstance(value, list) else full(value, self.shape(node.shape))

    # --- what kinds ask for -------------------------------------------------------------------------------------------

    def length(self, length: Expr) -> int:
        """A number of dimensions."""
        return concrete(length, self.sizes)

    def shape(self, shape: Shape) -> tuple[int, ...]:
        """A symbolic shape at the evaluator's sizes."""
        if shape not in self._shapes:
            self._shapes[shape] = tuple(concrete(length, self.sizes) for length in shape)
        return self._shapes[shape]

    def aligned(self, use: Use, letters: Sequence[Any]) -> Array:
        """The value of a use with one axis a letter, of length 1 where it lacks the letter."""
        value, own = self.values[use.node], list(use.letters)
        if own == list(letters):
            return array(value)
        for letter in dict.fromkeys(own):
            while own.count(letter) > 1:  # a repeated letter takes the diagonal, which NumPy puts last
                first, second = [axis for axis, x in enumerate(own) if x == letter][:2]
                value = np.diagonal(value, axis1=first, axis2=second)
                own = [x for axis, x in enumerate(own) if axis not in (first, second)] + [letter]
        order = [own.index(letter) for letter in letters if letter in own]
        assert len(order) == len(own), f"{use} over {list(letters)}"
        return array(value.transpose(order)[tuple(slice(None) if letter in own else None for letter in letters)])

    def operand(self, use: Use, shape: Shape) -> Array:
        """The value of a use whose letters are the axes of a shape, along all of it."""
        return full(self.aligned(use, range(len(shape))), self.shape(shape))


# ---- arrays of mpf ---------------------------------------------------------------------------------------------------


def array(value: Any) -> Array:
    """An array of objects; what NumPy has made a scalar is one without axes."""
    return np.asarray(value, dtype=object)


def full(value: Any, shape: tuple[int, ...]) -> Array:
    """The value along all of a shape."""
    made = array(value)
    return made if made.shape == shape else np.broadcast_to(made, shape)


def reals(values: Any) -> Array:
    """Numbers as mpf, exactly."""
    return entrywise(lambda x: x if isinstance(x, mpf) else mpf(getattr(x, "item", lambda: x)()), np.asarray(values))


def entrywise(function: Callable[..., Any], *values: Array) -> Array:
    """A function of numbers, entry by entry."""
    return array(np.frompyfunc(function, len(values), 1)(*values))


def together(value: Array, rank: int) -> Array:
    """The axes from `rank` on as one."""
    return value.reshape(*value.shape[:rank], int(np.prod(value.shape[rank:])))


def of_lists(function: Callable[[list[Any]], Any], value: Array) -> Array:
    """A function of the lists along the last axis."""
    found = np.empty(value.shape[:-1], dtype=object)
    flat = found.reshape(-1)
    for place, row in enumerate(value.reshape(flat.size, value.shape[-1]).tolist()):
        flat[place] = function(row)
    return found


def position(subs: Sequence[Any], shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Subscripts as integers; None where a condition has made one of them not-a-number, which is no position at all.

    Raises
    ------
    IndexError : a subscript is out of range.
    """
    if any(sub != sub for sub in subs):
        return None
    at = tuple(int(sub) for sub in subs)
    if any(not 0 <= sub < length for sub, length in zip(at, shape, strict=True)):
        raise IndexError(f"{at} is out of range in an array of shape {shape}")
    return at
