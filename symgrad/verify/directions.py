"""The directions in which a parameter may be moved: its entries, or the tangents of what the facts hold it to.

Where a fact ties a parameter's entries together, only the derivative along the tied entries is defined: the loss of a
symmetric A may be written with A or with Aᵀ, which differ in single entries and agree along Eᵢⱼ + Eⱼᵢ. (A straight line
along a tangent suffices even where the set is curved, as the orthogonal matrices are: the central difference tends to
the derivative along the tangent, and that is the same for every extension of the loss off the set.)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symgrad.frontend.facts import Bound, Constraint, Simplex, Structure
from symgrad.verify.arrays import Array, Inputs, entry_name
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
        self.sizes = typical_size(self.value)
        kinds = {c.kind for c in constraints if isinstance(c, Structure) and c.name == name}
        axes = [c.axes for c in constraints if isinstance(c, Simplex) and c.name == name]
        self.simplex = axes[0] if axes else None
        self.orthogonal = "orthogonal" in kinds
        self.symmetric = bool(kinds & {"symmetric", "positive_definite"}) and "diagonal" not in kinds
        mask = np.ones(self.value.shape, dtype=bool)
        for constraint in constraints:
            if isinstance(constraint, Bound) and constraint.name == name and constraint.low == constraint.high:
                mask &= ~bounded(constraint, mask.shape)  # a given number: not to be moved
        grids = np.indices(mask.shape)
        diagonal = grids[-2] == grids[-1] if mask.ndim > 1 else mask
        if self.symmetric:
            mask &= np.triu(np.swapaxes(mask, -2, -1))
        if self.orthogonal:
            # One skew matrix for each pair of columns (of rows, where the matrix is wide).
            side: int = min(mask.shape[-2:])
            mask = np.triu(np.ones((*mask.shape[:-2], side, side), dtype=bool), 1)
        if "diagonal" in kinds:
            mask &= diagonal
        if "lower_triangular" in kinds or ("unit_triangular" in kinds and np.allclose(self.value, np.tril(self.value))):
            mask = np.tril(mask)
        elif "upper_triangular" in kinds or "unit_triangular" in kinds:
            mask = np.triu(mask)
        if "unit_triangular" in kinds:
            mask &= ~diagonal
        if self.simplex is not None and self._length() == 1:
            mask[...] = False  # the only entry is the total
        self._mask = mask
        self._indices = np.argwhere(mask)

    def __len__(self) -> int:
        return len(self._indices)

    def __iter__(self) -> Iterator[Direction]:
        return (self._entry(tuple(int(i) for i in index)) for index in self._indices)

    def entries(self, count: int | None = None, rng: np.random.Generator | None = None) -> list[Direction]:
        """All directions that move one entry (or those tied to it), or `count` of them drawn by `rng`."""
        chosen = np.arange(len(self))
        if count is not None and count < len(self):
            assert rng is not None
            chosen = np.sort(rng.choice(len(self), size=count, replace=False))
        return [self._entry(tuple(int(i) for i in self._indices[number])) for number in chosen]

    def random(self, count: int, rng: np.random.Generator) -> list[Direction]:
        """Directions that move every entry at once, none by less than half its scale, with random signs."""
        if not len(self):
            return []
        free = self.simplex is None and not self.symmetric and not self.orthogonal
        directions = []
        for number in range(count):
            weights = rng.uniform(0.5, 1.0, size=len(self)) * rng.choice([-1.0, 1.0], size=len(self))
            vector = np.zeros(self.value.shape)
            if free:
                vector[self._mask] = weights * self.sizes[self._mask]
            else:
                for weight, direction in zip(weights, self.entries(), strict=True):
                    vector += weight * direction.scale * direction.vector
            directions.append(Direction(self.name, f"{self.name} along random direction {number + 1}", vector, 1.0))
        return directions

    def _entry(self, index: tuple[int, ...]) -> Direction:
        vector: Array = np.zeros(self.value.shape)
        if self.orthogonal:
            *stack, i, j = index
            moved, matrix = vector[*stack], self.value[*stack]
            rows, columns = matrix.shape
            if rows >= columns:
                moved[:, j], moved[:, i] = matrix[:, i], -matrix[:, j]
            else:
                moved[j], moved[i] = matrix[i], -matrix[j]
            return Direction(self.name, f"{entry_name(self.name, stack)} rotated in ({i}, {j})", vector, 1.0)
        tied = [(index, 1.0)]
        if self.symmetric and index[-2] != index[-1]:
            tied.append(((*index[:-2], index[-1], index[-2]), 1.0))
        if self.simplex is not None:
            tied.append((self._next(index), -1.0))
        label = ""
        for place, sign in tied:
            vector[place] = sign
            label += (" + " if sign > 0 else " - ") * bool(label) + entry_name(self.name, place)
        return Direction(self.name, label, vector, max(float(self.sizes[place]) for place, _ in tied))

    def _length(self) -> int:
        assert self.simplex is not None
        return int(np.prod([self.value.shape[axis] for axis in self.simplex]))

    def _next(self, index: tuple[int, ...]) -> tuple[int, ...]:
        """The entry after this one among those with the same sum; the first after the last."""
        assert self.simplex is not None
        shape = tuple(self.value.shape[axis] for axis in self.simplex)
        position = np.ravel_multi_index(tuple(index[axis] for axis in self.simplex), shape)
        moved = np.unravel_index((int(position) + 1) % self._length(), shape)
        result = list(index)
        for axis, place in zip(self.simplex, moved, strict=True):
            result[axis] = int(place)
        return tuple(result)


def beside(inputs: Inputs, names: Sequence[str], constraints: Sequence[Constraint]) -> dict[str, Any]:
    """Inputs whose parameters, those of the given names, are moved a little in all their entries."""
    rng = np.random.default_rng(0)
    moved = dict(inputs)
    for name in names:
        for direction in Tangents(name, inputs[name], constraints).random(1, rng):
            moved[name] = (np.asarray(inputs[name]) + _BESIDE * direction.vector)[()]
    return moved
