"""What a check is made at: inputs of some sizes, and what is known of them."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sympy import Basic

from symgrad.arguments import Argument
from symgrad.dimensions import format_sizes
from symgrad.errors import ModelError
from symgrad.frontend.facts import Constraint, Unread
from symgrad.verify.differences import FIRST_STEP

MARGIN = 0.02
"""The distance to the next kink that a draw should have, relative to what is kinked. In a model with a hundred ReLUs
the nearest is seldom further away; the differences' first step is shortened to a part of what was found."""

NEAREST_KINK = 1e-6  # any nearer, and the steps that fit are drowned by rounding
_FEWEST_STEPS_TO_KINK = 8.0  # a step of an eighth of the distance stays on one side, even where a model amplifies it

Kind = Literal["ordinary", "whole", "empty", "kink", "zeros", "scaled"]
ORDINARY: Kind = "ordinary"  # drawn, solved for, or parts of a user's own arrays
WHOLE: Kind = "whole"  # all of a user's own arrays
EMPTY: Kind = "empty"  # with an axis of no entries
KINK: Kind = "kink"  # where a derivative is a matter of convention
ZEROS: Kind = "zeros"
SCALED: Kind = "scaled"  # with very large or very small numbers


@dataclass(frozen=True, eq=False)
class Draw:
    """Inputs that the facts hold for.

    Attributes
    ----------
    inputs : every argument's value by its name: an array, a NumPy scalar for a scalar, an `int` for a dimension.
    sizes : the dimensions.
    constraints : what the facts and the symbols' assumptions say about the inputs.
    distance : the relative distance to the nearest kink; inf where none is known.
    untested : facts that could not be tested on inputs that the caller gave.
    notes : what else the report says of it.
    where : what is special about them, for the report.
    kind : what is special about them, for the check: not everything can be asked everywhere.
    """

    inputs: dict[str, Any]
    sizes: dict[Basic, int]
    constraints: tuple[Constraint, ...]
    distance: float = math.inf
    untested: tuple[Basic, ...] = ()
    notes: tuple[str, ...] = ()
    where: str = ""
    kind: Kind = ORDINARY

    @property
    def said(self) -> str:
        """The sizes, and what is special about the inputs."""
        return format_sizes(self.sizes) + (f" {self.where}" if self.where else "")

    @property
    def first_step(self) -> float:
        """The largest step of differences that stays on one side of the nearest kink."""
        return min(FIRST_STEP, max(self.distance, NEAREST_KINK) / _FEWEST_STEPS_TO_KINK)

    def about(self, argument: Argument) -> list[Constraint]:
        """What is said of an argument, alone or beside others."""
        return [
            c
            for c in self.constraints
            if (c.fact.has(argument.symbol) if isinstance(c, Unread) else c.name == argument.name)
        ]


def same(left: Any, right: Any) -> bool:
    """Whether two inputs hold the same numbers; nan counts as one."""
    left, right = np.asarray(left), np.asarray(right)
    if left.shape == right.shape and left.dtype == right.dtype and left.tobytes() == right.tobytes():
        return True  # as almost always, and cheaper
    return np.array_equal(left, right, equal_nan=left.dtype.kind == "f")


class NoInputsError(ModelError):
    """No inputs were found at which there is something to check."""
