"""Functions of terms, relations between them and choices."""

from collections.abc import Sequence

from sympy import Abs, Not, Pow, exp

from symgrad.functions import has_no_sign, if_else, step
from symgrad.graph.build import number as is_number
from symgrad.graph.nodes import Add, Apply, Letter, Use
from symgrad.lowering.functions import CONNECTIVES, RELATIONS, UNIVARIATE, applied
from symgrad.lowering.operands import Operands
from symgrad.lowering.positions import apply_value
from symgrad.lowering.values import Value, broadcast, python
from symgrad.statements.arithmetic import number, operation, power
from symgrad.statements.expressions import Expression, FloatingType, Kind, Label, Number, Operation, Subscript, parts_of
from symgrad.univariate import Univariate


class Application(Operands):
    """Writes functions, relations and choices."""

    def _apply(self, node: Apply) -> Value:
        letters = self._layout(node)
        head = node.head
        if node in self._whole:
            whole = apply_value(node, self._use, letters, self._checked)
            if whole is not None:
                return whole
        args = [broadcast(self._use(use), letters) for use in node.args]
        condition = _condition(head, [arg.expression for arg in args])
        if condition is not None:
            return Value(condition, letters, "boolean")
        if head is if_else:
            if self.counting and is_number(node.args[1]) == 1 and _is_tail(node.args[2]):
                # a condition counts as 0 or 1, and 0 <= exp(-|u|) <= 1: the larger of the two is the choice, and faster
                return Value(operation("maximum", args[0].expression, args[2].expression), letters)
            return self._choice(args, letters)
        args = [self._real(arg) for arg in args]
        parts = [arg.expression for arg in args]
        if head is has_no_sign:
            return Value(operation("invert", operation("signbit", *parts)), letters, "boolean")
        if head is step:
            return Value(operation("greater", *parts, number(0)), letters, "boolean")
        if head is Pow:
            return Value(power(*parts), letters, _kind(args))
        numbers = [is_number(arg) for arg in node.args]
        if any(value is not None and abs(value) >= self.integers for value in numbers) and None not in numbers:
            value = head(*numbers).evalf(17)
            if value.is_Float:  # log(24!), of a number that NumPy does not take
                return Value(Number(value), letters, "python")
        made = operation(UNIVARIATE, *parts, name=head.name) if issubclass(head, Univariate) else applied(head, parts)
        if made is None:
            of = f" of {len(parts)} arguments" if applied(head, parts[:1]) or applied(head, [*parts, *parts]) else ""
            raise self.missing(f"the function {head.__name__}{of}")
        if any(isinstance(part, Operation) and part.head in self.lacks for part in parts_of(made)):
            raise self.missing(f"the function {head.__name__}")
        if head in self.doubles and not (isinstance(made, Operation) and made.head == "digamma"):
            made = Subscript(operation("asarray", made, dtype=FloatingType()), ())
        if all(arg.kind == "python" for arg in args):  # a NumPy scalar would turn float32 arrays into float64
            return Value(operation("number", made), letters, "python")
        return Value(made, letters)

    def _checked(self, positions: Expression, size: Expression, what: Label) -> Expression:
        """Positions that have to lie on an axis."""
        return operation("in_range", positions, size, what)

    def _choice(self, args: Sequence[Value], letters: tuple[Letter, ...]) -> Value:
        condition, yes, no = args
        if (yes, no) == (python(1), python(0)):
            return Value(condition.expression, letters, "boolean")
        yes, no = self._real(yes), self._real(no)
        made = operation("where", condition.expression, yes.expression, no.expression)
        if yes.kind == no.kind == "python":
            made = operation("asarray", made, dtype=FloatingType())
        return Value(made, letters)


def _condition(head: object, parts: Sequence[Expression]) -> Expression | None:
    """A relation or a combination of conditions."""
    if head in RELATIONS:
        return operation(RELATIONS[head], *parts)
    if head in CONNECTIVES:
        return operation(CONNECTIVES[head], *parts)
    return operation("logical_not", *parts) if head is Not else None


def _kind(values: Sequence[Value]) -> Kind:
    return "python" if all(value.kind == "python" for value in values) else "real"


def _is_tail(use: Use) -> bool:
    """Whether a term is exp(-|u|)."""
    (inner,) = use.node.uses() if isinstance(use.node, Apply) and use.node.head is exp else (use,)
    terms = inner.node.terms if isinstance(inner.node, Add) else ()
    return len(terms) == 1 and terms[0][0] < 0 and getattr(terms[0][1].node, "head", None) is Abs
