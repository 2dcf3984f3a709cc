"""Solutions of equations: a function inside of what differs from step to step, and the call of what solves them."""

from collections.abc import Sequence

from symgrad.graph.kinds.solutions import Solving, within
from symgrad.graph.nodes import Node, Shape, Solution, Use, intern, postorder
from symgrad.graph.transform import own, transform
from symgrad.lowering.recurrences import Recurrences
from symgrad.lowering.values import Value
from symgrad.statements.arithmetic import operation
from symgrad.statements.expressions import Expression, FloatingType, Read, Sides
from symgrad.statements.statements import Solve


def solved(roots: Sequence[Use]) -> list[Use]:
    """The terms with every solution as one node, whose equations are no part of what is computed around it."""

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        if not isinstance(node, Solution):
            return None
        made = node.rebuild(uses).node
        assert isinstance(made, Solution) and made.jacobian is not None
        inside = within(made)
        sides = [made.equations.node, made.jacobian.node]
        read = [use.node for part in postorder(sides) if part in inside for use in part.uses()]
        operands = tuple(own(part) for part in dict.fromkeys([*read, *sides]) if part not in inside)
        fields = made.unknown, made.coupled, made.equations, made.jacobian, made.start, made.minimum
        return own(intern(Solving, made.shape, *fields, operands))

    return transform(roots, visit)


class Equations(Recurrences):
    """Turns terms into statements, in which solutions of equations are calls of what solves them."""

    def _prepare(self, nodes: Sequence[Node], roots: Sequence[Use]) -> None:
        self._referred |= {use.node for node in nodes if isinstance(node, Solving) for use in node.operands}
        super()._prepare(nodes, roots)

    def _print(self, node: Node) -> Value:
        return self._solution(node) if isinstance(node, Solving) else super()._print(node)

    def _solution(self, node: Solving) -> Value:
        name = node.unknown.key
        tried = self._buffer(self.fresh(f"{name}_tried"), node.shape)
        inner = self._another()
        inner._taken, inner._variables = self._taken, self._variables
        inner._values = {**self._values, node.unknown: Value(Read(tried), tuple(range(node.rank)))}
        roots = {"left": node.equations, "jacobian": node.jacobian}
        inner._emit(part for part in inner._prepared(roots) if part not in self._values and part is not node.unknown)
        sides = (*node.shape, *(node.shape[-1:] if node.coupled else ()))
        returned = inner.floating(node.equations, node.shape), inner.floating(node.jacobian, sides)
        found = self._buffer(self.fresh(name), node.shape)
        self.statements.append(
            Solve(
                tuple(inner.statements), returned, (found,),
                self.fresh(f"equations_of_{name}"), tried, self.floating(node.start, node.shape),
                node.coupled, node.minimum, name,
            )
        )  # fmt: skip
        return Value(Read(found), tuple(range(node.rank)))

    def floating(self, use: Use, shape: Shape) -> Expression:
        """A term as an array of this shape, of the floating type of the arguments also where it is a number."""
        value = self.full(use, Node(shape, b""))
        if value.kind != "python":
            return value.expression
        return operation("full", Sides(shape), value.expression, dtype=FloatingType())
