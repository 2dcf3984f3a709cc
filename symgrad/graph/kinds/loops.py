"""Recurrences as loops, as code computes them: the terms of one step, over entries of whole arrays."""

from dataclasses import dataclass

from sympy import Expr

from symgrad.graph.kinds.scans import State, Update
from symgrad.graph.node import Leaf, Node, Use, each_operand_once, no_sign, nothing


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Entry(Leaf):
    """Inside a loop, a part of an array: along an axis with an offset only the entry at step number + offset."""

    source: Node
    offsets: tuple[Expr | None, ...]

    nonnegative = positive = never_zero = sum_of_squares = probability = integral = infinite = nothing
    sign = no_sign


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Loop(Node):
    """A recurrence whose updates are terms of one step, over entries of the states and of the `operands`."""

    states: tuple[State, ...]
    steps: Expr
    descending: bool
    clock: tuple[str, int]
    bases: tuple[tuple[int, Expr, Use], ...]
    initial: tuple[Use | None, ...]
    updates: tuple[Update, ...]
    operands: tuple[Use, ...]

    nonnegative = positive = never_zero = sum_of_squares = probability = integral = infinite = nothing
    operations = each_operand_once
    sign = no_sign

    def uses(self) -> tuple[Use, ...]:
        bases = (use for _, _, use in self.bases)
        return (*bases, *(use for use in self.initial if use is not None), *self.operands)
