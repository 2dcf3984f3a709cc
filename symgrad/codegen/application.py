"""Prints functions of terms, relations between them and choices."""

import re
from collections.abc import Sequence
from typing import Any

from sympy import Abs, Not, Pow, exp, polygamma

from symgrad.codegen.functions import CONNECTIVES, DOUBLE, FORMATS, RELATIONS, RUNTIME, SCIPY, UFUNCS
from symgrad.codegen.integers import apply_value
from symgrad.codegen.operands import Operands
from symgrad.codegen.values import ADD, ATOM, COMPARE, LARGEST_INTEGER, POWER, UNARY, Value, broadcast, number_text
from symgrad.errors import UnsupportedError
from symgrad.functions import has_no_sign, if_else, in_range, step
from symgrad.graph.build import number
from symgrad.graph.nodes import Add, Apply, Letter, Use
from symgrad.univariate import Univariate


class Application(Operands):
    """Prints functions, relations and choices."""

    def _apply(self, node: Apply) -> Value:
        letters = self._layout(node)
        head = node.head
        if node in self._whole:
            whole = apply_value(node, self._use, letters)
            if whole is not None:
                self.helpers |= {"in_range"} if head is in_range else set()
                return whole
        args = [broadcast(self._use(use), letters) for use in node.args]
        if head in RELATIONS:
            text = f"{args[0].at(ADD)} {RELATIONS[head]} {args[1].at(ADD)}"
            return Value(text, COMPARE, letters, "boolean")
        if head in CONNECTIVES:
            return Value(f" {CONNECTIVES[head]} ".join(arg.at(ATOM) for arg in args), COMPARE, letters, "boolean")
        if head is Not:
            return Value(f"np.logical_not({args[0].text})", ATOM, letters, "boolean")
        if head is if_else:
            if number(node.args[1]) == 1 and _is_tail(node.args[2]):
                # a condition counts as 0 or 1, and 0 <= exp(-|u|) <= 1: the larger of the two is the choice, and faster
                return Value(f"np.maximum({args[0].text}, {args[2].text})", ATOM, letters)
            return self._choice(args, letters)
        args = [self._real(arg) for arg in args]
        if head is has_no_sign:
            return Value(f"~np.signbit({args[0].text})", UNARY, letters, "boolean")
        if head is step:
            return Value(f"{args[0].at(ADD)} > 0", COMPARE, letters, "boolean")
        if head is Pow:
            return Value(f"{args[0].at(ATOM)} ** {args[1].at(POWER)}", POWER, letters, self._kind(args))  # type: ignore[arg-type]
        numbers = [number(arg) for arg in node.args]
        if any(value is not None and abs(value) >= LARGEST_INTEGER for value in numbers) and None not in numbers:
            value = head(*numbers).evalf(17)
            if value.is_Float:  # log(24!), of a number that NumPy does not take
                return Value(number_text(value), ATOM, letters, "python")
        if head in UFUNCS:
            text = f"{UFUNCS[head]}({', '.join(arg.text for arg in args)})"
        elif head in RUNTIME:
            text = f"_{head.__name__}({', '.join(arg.text for arg in args)})"
            self.helpers.add(head.__name__)
        elif head in FORMATS:
            text = FORMATS[head].format(
                *(arg.at(ATOM) if _is_tight(FORMATS[head]) else arg.text for arg in args), dtype=self.dtype
            )
        elif issubclass(head, Univariate):
            text = f"_{head.name}({args[0].text})"
            self.helpers |= {head.name, "in_pieces", "series"}
        elif head in SCIPY:
            text = self._special(head, args)
        else:
            raise UnsupportedError(f"the function {head.__name__} has no NumPy spelling")
        if all(arg.kind == "python" for arg in args):  # a NumPy scalar would turn float32 arrays into float64
            return Value(f"float({text})", ATOM, letters, "python")
        return Value(text, ATOM, letters)

    def _special(self, head: Any, args: Sequence[Value]) -> str:
        """A function of SciPy, or an expression of several, by their full names."""
        spelling = SCIPY[head]
        if head is polygamma and args[0].text == "0":
            spelling = "digamma({1})"
        if spelling.isidentifier():
            spelling += f"({', '.join('{' + str(n) + '}' for n in range(len(args)))})"
        if set(re.findall(r"\{(\d)\}", spelling)) != {str(n) for n in range(len(args))} and head is not polygamma:
            raise UnsupportedError(f"the function {head.__name__} of {len(args)} arguments has no NumPy spelling")
        self.scipy.update(re.findall(r"(?<![\w.])(\w+)\(", spelling))
        spelling = re.sub(r"(?<![\w.])(\w+)\(", r"scipy.special.\1(", spelling)
        text = spelling.format(*(arg.at(ATOM) if _is_tight(spelling) else arg.text for arg in args))
        if head in DOUBLE and "special.digamma(" not in spelling:
            return f"np.asarray({text}, dtype={self.dtype})[()]"
        return f"({text})" if _is_loose(SCIPY[head]) else text

    def _kind(self, values: Sequence[Value]) -> str:
        return "python" if all(value.kind == "python" for value in values) else "real"

    def _choice(self, args: Sequence[Value], letters: tuple[Letter, ...]) -> Value:
        condition, yes, no = args
        if (yes.text, no.text) == ("1", "0"):
            return Value(condition.text, condition.level, letters, "boolean")
        yes, no = self._real(yes), self._real(no)
        text = f"np.where({condition.text}, {yes.text}, {no.text})"
        if yes.kind == no.kind == "python":
            text = f"np.asarray({text}, dtype={self.dtype})"
        return Value(text, ATOM, letters)


def _is_tail(use: Use) -> bool:
    """Whether a term is exp(-|u|)."""
    (inner,) = use.node.uses() if isinstance(use.node, Apply) and use.node.head is exp else (use,)
    terms = inner.node.terms if isinstance(inner.node, Add) else ()
    return len(terms) == 1 and terms[0][0] < 0 and getattr(terms[0][1].node, "head", None) is Abs


def _is_tight(spelling: str) -> bool:
    """Whether an argument stands beside an operator rather than between commas and parentheses."""
    return re.search(r"[-+*/] \{|\} [-+*/]|^\{", spelling) is not None


def _is_loose(spelling: str) -> bool:
    """Whether a spelling is a sum or product of calls."""
    return re.search(r"\) [-+*]", spelling) is not None
