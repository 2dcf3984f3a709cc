"""Integer arithmetic: subscripts and comparisons of indices are computed in integers, as the model means them."""

from collections.abc import Callable, Iterable, Sequence
from math import lcm
from typing import Any

from sympy import Abs, Max, Min, Mod, Number, Pow, ceiling, floor
from sympy.core.relational import Relational

from symgrad.codegen.values import ATOM, COMPARE, MUL, POWER, UNARY, Value, broadcast, number_text
from symgrad.functions import if_else, in_range, relu
from symgrad.graph.letters import distinct
from symgrad.graph.nodes import Add, Apply, Const, Contract, Gather, Input, Node, Range, Scatter, Size, Use, postorder
from symgrad.graph.transform import place

# A product of more factors than this may leave the range of 64-bit integers for sizes that occur.
MOST_FACTORS = 3

_KEEP = (Mod, Max, Min, Abs, floor, ceiling, in_range, relu)
_UFUNCS = {Max: "np.maximum", Min: "np.minimum", Abs: "np.abs"}

Read = Callable[[Use], Value]


def whole_nodes(nodes: Sequence[Node], more: Iterable[Node] = ()) -> set[Node]:
    """The nodes to compute in integers: all that subscripts are made of (or `more`), and comparisons of integers."""
    roots: list[Node] = list(more)
    for node in nodes:
        if isinstance(node, Gather | Scatter):
            roots.extend(use.node for use in node.subs)
        elif (
            isinstance(node, Apply)
            and isinstance(node.head, type)
            and issubclass(node.head, Relational)
            and all(_integral(use.node) for use in node.args)
        ):
            roots.extend(use.node for use in node.args)
    stop = [node.base.node for node in nodes if isinstance(node, Gather)]
    stop += [node for node in nodes if isinstance(node, Apply) and not _stays(node)]
    return set(postorder(roots, frozenset(stop)))


def _stays(node: Apply) -> bool:
    return node.head in _KEEP or node.head in (if_else, Pow)


def _integral(node: Node) -> bool:
    """Whether a term is made of indices, sizes and integer data by operations that keep integers."""
    for part in postorder([node]):
        match part:
            case Range() | Size() | Input(integer=True):
                pass
            case Const(value=value) if value.is_Integer:
                pass
            case Add(terms=terms) if all(c.is_Rational for c, _ in terms):
                pass
            case Contract(factors=factors, bound=()):
                if not all(e.is_Integer and e.is_positive for _, e in factors):
                    return False
                if sum(e for _, e in factors) > MOST_FACTORS:
                    return False
            case Apply(head=head) if head in _KEEP:
                pass
            case _:
                return False
    return not (isinstance(node, Add) and any(not c.is_Integer for c, _ in node.terms))


def product_value(node: Contract, read: Read, letters: Sequence[Any]) -> Value:
    """A product of integers; with a divisor, a quotient for `floor` to round."""
    above: list[str] = []
    below: list[str] = []
    for use, exponent in node.factors:
        value = broadcast(read(use), letters)
        size = abs(exponent)
        text = value.at(UNARY) if size == 1 else f"{value.at(ATOM)} ** {number_text(size)}"
        (above if exponent > 0 else below).append(text)
    text = " * ".join(above) or "1"
    present = distinct(x for x in letters if any(x in read(use).letters for use, _ in node.factors))
    if not below:
        return Value(text, MUL if len(above) > 1 else POWER, present, "integer")
    return Value(f"{text} / {' / '.join(below)}", MUL, present, "integer")


def apply_value(node: Apply, read: Read, letters: Sequence[Any]) -> Value | None:
    """A function of integers whose value is an integer; None if there is another spelling."""
    head, letters = node.head, tuple(letters)
    args = [broadcast(read(use), letters) for use in node.args if head is not in_range or use is not node.args[2]]
    if head is if_else:
        condition, yes, no = args
        return Value(f"np.where({condition.text}, {yes.text}, {no.text})", ATOM, letters, "integer")
    if head is in_range:
        label = str(node.args[2].node.value)  # type: ignore[attr-defined]
        return Value(f"_in_range({args[0].text}, {args[1].text}, {label!r})", ATOM, letters, "integer")
    if head is Pow:
        return Value(f"{args[0].at(ATOM)} ** {args[1].at(ATOM)}", POWER, letters, "integer")
    if head is Mod:
        return Value(f"{args[0].at(UNARY)} % {args[1].at(UNARY)}", MUL, letters, "integer")
    if head in _UFUNCS:
        return Value(f"{_UFUNCS[head]}({', '.join(arg.text for arg in args)})", ATOM, letters, "integer")
    if head is relu:
        return Value(f"np.maximum({args[0].text}, 0)", ATOM, letters, "integer")
    if head in (floor, ceiling):
        return _rounded(head, node.args[0], read, letters)
    return None


def _rounded(head: Any, use: Use, read: Read, letters: tuple[Any, ...]) -> Value:
    """floor(a/b) = a // b and ceiling(a/b) = -(-a // b), in integers."""
    sign = 1 if head is floor else -1
    numerator, denominator = _quotient(use)
    if numerator is None or denominator is None:
        name = "floor" if head is floor else "ceil"
        return Value(f"np.{name}({broadcast(read(use), letters).text}).astype(np.intp)", ATOM, letters, "integer")
    above = _combination([(sign * c, part) for c, part in numerator], read, letters)
    text = f"{above} // {denominator}" if denominator != "1" else above
    return Value(text if sign == 1 else f"-({text})", COMPARE, letters, "integer")


def _quotient(use: Use) -> tuple[list[tuple[Number, Use]] | None, str | None]:
    """Integer multiples of integer terms, and what divides their sum."""
    node = use.node
    if isinstance(node, Add) and all(c.is_Rational for c, _ in node.terms):
        common = lcm(*(int(c.q) for c, _ in node.terms))
        parts = [(c * common, place(part, use.letters)) for c, part in node.terms]
        if len(parts) == 1 and common == 1:
            return None, None
        return parts, str(common)
    if isinstance(node, Contract) and not node.bound:
        below = [(part, e) for part, e in node.factors if e.is_negative]
        if len(below) == 1 and isinstance(below[0][0].node, Size) and below[0][1] == -1:
            above = [(place(part, use.letters), e) for part, e in node.factors if e.is_positive]
            if len(above) == 1 and above[0][1] == 1 and isinstance(above[0][0].node, Add):
                inner = above[0][0]
                terms = [(c, place(part, inner.letters)) for c, part in inner.node.terms]  # type: ignore[attr-defined]
                return terms, str(below[0][0].node.value)
    return None, None


def _combination(terms: Iterable[tuple[Number, Use]], read: Read, letters: tuple[Any, ...]) -> str:
    """An integer combination, in parentheses if it has several terms."""
    texts = []
    for coefficient, use in sorted(terms, key=lambda term: bool(term[0].is_negative)):
        value = broadcast(read(use), letters)
        size = abs(coefficient)
        text = value.at(MUL) if size == 1 else f"{number_text(size)} * {value.at(UNARY)}"
        if value.text == "1":
            text = number_text(size)
        texts.append((" - " if coefficient.is_negative else " + ") + text)
    joined = "".join(texts)
    joined = joined[3:] if joined.startswith(" + ") else f"-{joined[3:]}"
    return f"({joined})" if len(texts) > 1 or joined.startswith("-") else joined
