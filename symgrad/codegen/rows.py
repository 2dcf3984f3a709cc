"""Whether the loss of a model is made of sums over rows of data, as its module says."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from sympy import Symbol

from symgrad.arguments import Argument
from symgrad.codegen.signature import signature
from symgrad.frontend.program import Program
from symgrad.outputs.function import Function, changed
from symgrad.outputs.requirements import Length, lengths_of
from symgrad.schedule.chunks import chunk_plan, corrected_by_sums


def rows_of(both: Function, said: Collection[Any], program: Program) -> Symbol | None:
    """How many rows there are, which value and gradient are made of sums over; None if they are not.

    `said` are the dimensions that the statements of the function mention.
    """
    made = signature(corrected(both, program), program, "")
    plan = chunk_plan(list(made.roots.values()), made.arguments)
    if isinstance(plan, list) or is_counted(lengths_of(made.arguments), said, plan.dimension):
        return None
    assert isinstance(plan.dimension, Symbol)
    return plan.dimension


def corrected(function: Function, program: Program) -> Function:
    """The function with what is centred, or adds up to 0, along the rows as differences from sums over them."""
    made = changed(function.result, lambda terms: corrected_by_sums(terms, program.arguments))
    return replace(function, result=made)


def is_counted(lengths: Sequence[Length], said: Collection[Any], dimension: Symbol) -> bool:
    """Whether other dimensions that are needed are computed from the number of rows: that of a chunk is another."""
    needed: set[Any] = {*said} - {dimension}
    for length in lengths[::-1]:
        needed |= length.expression.free_symbols if length.dimension in needed else set()
    return dimension in needed


def with_rows(arguments: Sequence[Argument], dimension: Symbol | None) -> list[str]:
    """The names of the data that have these rows."""
    data = [a for a in arguments if a.is_given]
    return [a.name for a in data if a.shape and a.shape[0] == dimension]
