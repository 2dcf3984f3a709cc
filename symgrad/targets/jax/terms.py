"""Terms as statements for JAX: windows are index arrays, and sizes may leave its integers."""

from collections.abc import Sequence

from sympy import Number

from symgrad.graph.nodes import Letter, Node, Size
from symgrad.lowering.validity import Validity
from symgrad.lowering.values import Value
from symgrad.statements.arithmetic import operation
from symgrad.statements.expressions import Size as WholeSize
from symgrad.targets.jax.functions import LACKS


class JaxTerms(Validity):
    """Turns terms into statements."""

    target, lacks, integers = "jax", LACKS, 2**31

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
