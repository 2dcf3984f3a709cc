"""Terms as statements for libraries in which functions are traced: there are no errors that depend on data."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from symgrad.arguments import Argument
from symgrad.errors import UnsupportedError
from symgrad.graph.kinds.solutions import Solving
from symgrad.graph.nodes import Node
from symgrad.lowering.rounds import Rounds
from symgrad.lowering.values import Value
from symgrad.outputs.function import axes_of
from symgrad.schedule.rows import Round, RowPlan
from symgrad.statements.arithmetic import operation
from symgrad.statements.expressions import LIST, Buffer, Expression, Group, Label, Length, Read
from symgrad.statements.statements import Rows


class Validity(Rounds):
    """Turns terms into statements; `valid` are the variables that say whether positions lie on their axes."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.valid: list[Expression] = []
        self._given: list[Argument] = []  # data with rows whose entries are positions, to be looked at

    def _print(self, node: Node) -> Value:
        if isinstance(node, Solving):
            raise self.missing(f"{node.unknown.key}, which is the solution of equations (Solving)")
        return super()._print(node)

    def look_at(self, arguments: Sequence[Argument], plan: RowPlan | None = None) -> None:
        """Let variables say whether the entries of data are positions on the axes that they subscript.

        With a plan, those of data with rows do so in the first function of a block of these.
        """
        for argument in arguments:
            if argument.upper is None:
                continue
            if plan is not None and plan.dimension in argument.shape:
                self._given.append(argument)
            else:
                self._look_at(argument)

    def _look_at(self, argument: Argument) -> None:
        assert argument.upper is not None
        given = Buffer(argument.name, axes_of(argument), "integer", "argument")
        self.checked(Read(given), Length(argument.upper), Label(argument.name))

    def _emit_totals(self, one: Round) -> dict[Buffer, Expression]:
        for argument in self._given:
            self._look_at(argument)
        self._given = []
        return super()._emit_totals(one)

    def _emit_rows(self, one: Round, plan: RowPlan) -> None:
        """What a block of rows gives is not a number either where its subscripts are on no axis."""
        outside, self.valid = self.valid, []
        super()._emit_rows(one, plan)
        rows = self.statements[-1]
        assert isinstance(rows, Rows)
        if valid := self.all_valid():
            self.statements[-1] = replace(rows, returned=tuple(_or_nan(valid, made) for made in rows.returned))
        self.valid = outside

    def all_valid(self) -> Expression | None:
        """Whether all positions lie on their axes; None if there are none to be looked at."""
        return operation("and", *self.valid) if len(self.valid) > 1 else next(iter(self.valid), None)

    def checked(self, positions: Expression, size: Expression, what: Label) -> None:
        """Let a variable say whether positions lie on an axis, or an error where data can be looked at."""
        name = self.fresh("valid")
        made = operation("in_range", what, positions, size)
        self.valid.append(self.assign(name, Value(made, (), "boolean")).expression)

    def _checked(self, positions: Expression, size: Expression, what: Label) -> Expression:
        if self.clock is not None:
            said = f"the target {self.target} cannot check subscripts that a step of a recurrence computes"
            raise UnsupportedError(said)
        self.checked(positions, size, what)
        return positions


def _or_nan(valid: Expression, made: Expression) -> Expression:
    """A result, or each part of a list of such, which is not a number where that does not hold."""
    if isinstance(made, Group) and made.kind == LIST:
        return replace(made, parts=tuple(_or_nan(valid, part) for part in made.parts))
    return operation("or_nan", valid, made)
