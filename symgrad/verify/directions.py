"""The directions in which a parameter may be moved: its entries, or the tangents of what the facts hold it to.

Where a fact ties a parameter's entries together, only the derivative along the tied entries is defined: the loss of a
symmetric A may be written with A or with Aᵀ, which differ in single entries and agree along Eᵢⱼ + Eⱼᵢ. (A straight line
along a tangent suffices even where the set is curved, as the orthogonal matrices are: the central difference tends to
the derivative along the tangent, and that is the same for every extension of the loss off the set.)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symgrad.frontend.facts import Bound, Constraint, Simplex, Structure, StructureKind, Unread
from symgrad.verify.arrays import Array, Inputs, Rng, entry_name
from symgrad.verify.constraints import bounded
from symgrad.verify.differences import typical_size

_BESIDE = 2.0**-10  # of the scale: far enough to tell a number that stays zero, near enough to stay between kinks


@dataclass(frozen=True, eq=False)
class Direction:
    """One direction in one parameter.

    Attributes
    ----------
    parameter : the argument's name.
    label : what the report calls it, `W[0, 3]` for an entry.
    vector : the direction, of the parameter's shape.
    scale : the distance along `vector` over which the loss may be expected to change.
    """

    parameter: str
    label: str
    vector: Array
    scale: float


class Tangents:
    """The directions in which one parameter may be moved.

    Parameters
    ----------
    name : the argument's name.
    value : its value, the point at which the directions are tangent.
    constraints : the constraints on it; those on other arguments are ignored.

    Examples
    --------
    >>> [direction.label for direction in Tangents("b", np.array([1.0, 2.0]), []).entries()]
    ['b[0]', 'b[1]']
    """

    def __init__(self, name: str, value: Array, constraints: Sequence[Constraint]) -> None:
        self.name = name
        self.value = np.asarray(value, dtype=np.float64)
        own = [c for c in constraints if not isinstance(c, Unread) and c.name == name]
        kinds = {c.kind for c in own if isinstance(c, Structure)}
        self.orthogonal = "orthogonal" in kinds
        self.symmetric = bool(kinds & {"symmetric", "positive_definite"}) and "diagonal" not in kinds
        self.simplex = next((c.axes for c in own if isinstance(c, Simplex)), None)
        self._sizes = typical_size(self.value)
        self._independent = self._mask(kinds, [c for c in own if isinstance(c, Bound) and not c.leaves_room])
        self._indices = np.argwhere(self._independent)

    def _mask(self, kinds: set[StructureKind], given: Sequence[Bound]) -> Array:
        """The entries that may be moved, of those that are tied together one; of an orthogonal matrix, of its skew."""
        shape = self.value.shape
        if self.orthogonal:  # one turn for each pair of columns (of rows, where the matrix is wide)
            shape = (*shape[:-2], min(shape[-2:]), min(shape[-2:]))
            return np.triu(np.ones(shape, dtype=bool), 1)
        mask = np.ones(shape, dtype=bool)
        for bound in given:
            mask &= ~bounded(bound, shape)
        if self.simplex is not None and math.prod(shape[axis] for axis in self.simplex) == 1:
            mask[...] = False  # the only entry is the total
        if self.symmetric:
            mask &= np.triu(np.swapaxes(mask, -2, -1))
        if "diagonal" in kinds:
            mask &= np.eye(*shape[-2:], dtype=np.bool_)
        if "unit_triangular" in kinds:
            mask &= ~np.eye(*shape[-2:], dtype=np.bool_)
        if "lower_triangular" in kinds or ("unit_triangular" in kinds and np.allclose(self.value, np.tril(self.value))):
            mask = np.tril(mask)
        elif "upper_triangular" in kinds or "unit_triangular" in kinds:
            mask = np.triu(mask)
        return mask

    def __len__(self) -> int:
        return len(self._indices)

    def entries(self, count: int | None = None, rng: Rng | None = None) -> list[Direction]:
        """All directions that move one entry (or those tied to it), or `count` of them drawn by `rng`."""
        chosen = np.arange(len(self))
        if count is not None and count < len(self):
            assert rng is not None
            chosen = np.sort(rng.choice(len(self), size=count, replace=False))
        return [self._entry(self._indices[number]) for number in chosen]

    def random(self, count: int, rng: Rng) -> list[Direction]:
        """Directions that move every entry at once, none by less than half its scale, with random signs."""
        directions = []
        for number in range(count if len(self) else 0):
            weights = np.zeros(self._independent.shape)
            weights[self._independent] = rng.uniform(0.5, 1.0, len(self)) * rng.choice([-1.0, 1.0], len(self))
            vector = self._tied(weights if self.orthogonal else weights * self._sizes)
            directions.append(Direction(self.name, f"{self.name} along random direction {number + 1}", vector, 1.0))
        return directions

    def _entry(self, index: Array) -> Direction:
        """The direction that moves one of the independent entries."""
        weights = np.zeros(self._independent.shape)
        weights[tuple(index)] = 1.0
        vector = self._tied(weights)
        if self.orthogonal:
            *stack, i, j = map(int, index)
            return Direction(self.name, f"{entry_name(self.name, stack)} rotated in ({i}, {j})", vector, 1.0)
        up, down = ([entry_name(self.name, at) for at in np.argwhere(sign * vector > 0)] for sign in (1, -1))
        label = " - ".join([" + ".join(up), *down])
        return Direction(self.name, label, vector, float(np.max(self._sizes[vector != 0])))

    def _tied(self, weights: Array) -> Array:
        """What moves where the independent entries move by some weights: with them all that facts tie to them."""
        if self.orthogonal:
            rows, columns = self.value.shape[-2:]
            skew = weights - np.swapaxes(weights, -2, -1)
            return self.value @ skew if rows >= columns else -skew @ self.value
        if self.symmetric:
            return weights + np.swapaxes(np.triu(weights, 1), -2, -1)
        if self.simplex is not None:  # what one entry gains, the next one loses
            last = range(-len(self.simplex), 0)
            ordered = np.moveaxis(weights, self.simplex, last)
            rest = weights.ndim - len(self.simplex)
            lost = np.roll(ordered.reshape(*ordered.shape[:rest], -1), 1, axis=-1).reshape(ordered.shape)
            return weights - np.moveaxis(lost, last, self.simplex)
        return weights


def beside(inputs: Inputs, names: Sequence[str], constraints: Sequence[Constraint]) -> dict[str, Any]:
    """Inputs whose parameters, those of the given names, are moved a little in all their entries."""
    rng = np.random.default_rng(0)
    moved = dict(inputs)
    for name in names:
        for direction in Tangents(name, inputs[name], constraints).random(1, rng):
            moved[name] = (np.asarray(inputs[name]) + _BESIDE * direction.vector)[()]
    return moved
