"""Terms as statements for JAX: windows are index arrays, sizes may leave its integers, positions are not refused."""

from collections.abc import Sequence
from typing import Any

from sympy import Number

from symgrad.errors import UnsupportedError
from symgrad.graph.nodes import Letter, Node, Size
from symgrad.lowering.recurrences import Recurrences
from symgrad.lowering.values import Value
from symgrad.statements.arithmetic import operation
from symgrad.statements.expressions import Expression, Label
from symgrad.statements.expressions import Size as WholeSize
from symgrad.targets.jax.functions import LACKS


class JaxTerms(Recurrences):
    """Turns terms into statements; `valid` are the variables that say whether positions lie on their axes."""

    target, lacks, integers = "jax", LACKS, 2**31

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.valid: list[Expression] = []

    def checked(self, positions: Expression, size: Expression) -> None:
        """Let a variable say whether positions lie on an axis: there are no errors that depend on data."""
        name = self.fresh("valid")
        self.valid.append(self.assign(name, Value(operation("in_range", positions, size), (), "boolean")).expression)

    def _checked(self, positions: Expression, size: Expression, what: Label) -> Expression:
        if self.clock is not None:
            raise UnsupportedError("the target jax cannot check subscripts that a step of a recurrence computes")
        self.checked(positions, size)
        return positions

    # --- products of sizes may be larger than an array's integers ----------------------------------------------------

    def _print(self, node: Node) -> Value:
        value = super()._print(node)
        if isinstance(node, Size) and not node.value.is_Atom and node not in self._whole:
            return Value(operation("float", value.expression), (), "python")
        return value

    def _times(self, values: Sequence[Value], letters: Sequence[Letter]) -> Value:
        sizes = [n for n, value in enumerate(values) if isinstance(value.expression, WholeSize)]
        if len(sizes) > 1:
            values = [*values]
            values[sizes[0]] = _floating(values[sizes[0]])
        return super()._times(values, letters)

    def _power(self, value: Value, exponent: Number) -> Value:
        large = isinstance(value.expression, WholeSize) and exponent > 1
        return super()._power(_floating(value) if large else value, exponent)


def _floating(value: Value) -> Value:
    return Value(operation("float", value.expression), value.letters, value.kind)
