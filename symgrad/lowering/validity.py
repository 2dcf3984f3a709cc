"""Terms as statements for libraries in which functions are traced: there are no errors that depend on data."""

from typing import Any

from symgrad.errors import UnsupportedError
from symgrad.graph.kinds.solutions import Solving
from symgrad.graph.nodes import Node
from symgrad.lowering.recurrences import Recurrences
from symgrad.lowering.values import Value
from symgrad.statements.arithmetic import operation
from symgrad.statements.expressions import Expression, Label


class Validity(Recurrences):
    """Turns terms into statements; `valid` are the variables that say whether positions lie on their axes."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.valid: list[Expression] = []

    def _print(self, node: Node) -> Value:
        if isinstance(node, Solving):
            raise self.missing(f"{node.unknown.key}, which is the solution of equations (Solving)")
        return super()._print(node)

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
