"""Subscripts and comparisons of indices in integers, as the model means them."""

from collections.abc import Callable, Collection, Iterable, Sequence
from math import lcm

from sympy import Abs, Expr, Max, Min, Mod, Pow, S, ceiling, floor

from symgrad.codegen.subscripts import indexed
from symgrad.codegen.values import ADD, ATOM, COMPARE, MUL, POWER, UNARY, Value, broadcast, number_text, size_text
from symgrad.errors import UnsupportedError
from symgrad.functions import if_else, in_range, relu
from symgrad.graph.nodes import Add, Apply, Contract, Gather, Letter, Node, Scatter, Size, Use
from symgrad.graph.transform import place

Read = Callable[[Use], Value]
Letters = Sequence[Letter]

_SPELLINGS = {Max: "{np}.maximum({0}, {1})", Min: "{np}.minimum({0}, {1})", Abs: "{np}.abs({0})",
              relu: "{np}.maximum({0}, 0)", if_else: "{np}.where({0}, {1}, {2})"}  # fmt: skip


def integer_value(node: Node, read: Read, letters: Letters, checks: list[str], library: str) -> Value | None:
    """A node whose value is an integer; None if it has another spelling.

    Lines that say whether positions are on their axes are added to `checks`.
    """
    match node:
        case Add(terms=terms) if terms and all(c.is_Integer for c, _ in terms):
            if all(read(use).kind in ("integer", "python") for _, use in terms):
                return _value(_combination(terms, read, letters), ADD, letters, node, read)
        case Contract(factors=factors, bound=()) if all(e.is_Integer and e > 0 for _, e in factors):
            parts = [(broadcast(read(use), letters), e) for use, e in factors]
            text = " * ".join(p.at(UNARY) if e == 1 else f"{p.at(ATOM)} ** {e}" for p, e in parts)
            return _value(text, MUL, letters, node, read)
        case Apply():
            return _function(node, read, letters, checks, library)
    return None


def reads(node: Node, whole: Collection[Node]) -> Sequence[Use]:
    """The operands of a node that its text is made of: not subscripts that turn into slices, nor what is rounded."""
    match node:
        case Gather(base=base, subs=subs):
            return [base, *indexed(subs)]
        case Scatter(value=value, subs=subs):
            return [value, *indexed(subs)]
        case Apply(head=head, args=args) if head is in_range:
            return args[:2]
        case Apply(head=head, args=(arg,)) if head in (floor, ceiling) and node in whole:
            quotient = _quotient(arg)
            return [use for _, use in quotient[0]] if quotient is not None else [arg]
    return node.uses()


def _value(text: str, level: int, letters: Letters, node: Node, read: Read) -> Value:
    values = [read(use) for use in reads(node, (node,))]
    present = tuple(x for x in letters if any(x in value.letters for value in values))
    kind = "python" if all(value.kind == "python" for value in values) else "integer"
    about = next((value.about for value in values if value.about), "")
    return Value(text, level, present, kind, about)  # type: ignore[arg-type]


def _function(node: Apply, read: Read, letters: Letters, checks: list[str], library: str) -> Value | None:
    head = node.head
    if head in (floor, ceiling):
        text = _rounded(1 if head is floor else -1, node.args[0], read, letters)
        return _value(text, COMPARE, letters, node, read)
    args = [broadcast(read(use), letters) for use in reads(node, (node,))]
    if head is in_range:  # there are no errors that depend on data: what is computed of it is not a number
        checks.append(f"valid = valid & _in_range({args[0].text}, {args[1].text})")
        return args[0]
    if head in _SPELLINGS:
        text, level = _SPELLINGS[head].format(*(arg.text for arg in args), np=library), ATOM
    elif head is Pow:
        text, level = f"{args[0].at(ATOM)} ** {args[1].at(ATOM)}", POWER
    elif head is Mod:
        text, level = f"{args[0].at(UNARY)} % {args[1].at(UNARY)}", MUL
    else:
        return None
    return _value(text, level, letters, node, read)


def _rounded(sign: int, use: Use, read: Read, letters: Letters) -> str:
    """floor(a/b) = a // b and ceiling(a/b) = -(-a // b), in integers."""
    quotient = _quotient(use)
    if quotient is None:
        raise UnsupportedError("subscripts are rounded that are quotients of integers, not others")
    terms, divisor = quotient
    above = _combination([(sign * c, part) for c, part in terms], read, letters)
    text = f"({above}) // {divisor}"
    return text if sign == 1 else f"-({text})"


def _quotient(use: Use) -> tuple[Sequence[tuple[Expr, Use]], str] | None:
    """Integer multiples of integer terms, and what divides their sum."""
    node = use.node
    if isinstance(node, Add) and all(c.is_Rational for c, _ in node.terms):
        common = lcm(*(int(c.q) for c, _ in node.terms))
        return [(c * common, place(part, use.letters)) for c, part in node.terms], str(common)
    if isinstance(node, Contract) and not node.bound:
        below = [part for part, e in node.factors if e == -1 and isinstance(part.node, Size)]
        above = [place(part, use.letters) for part, e in node.factors if e == 1]
        if len(below) == len(above) == 1 and len(node.factors) == 2:
            (numerator,), divisor = above, f"({size_text(below[0].node.value)})"  # type: ignore[attr-defined]
            inner = numerator.node
            if isinstance(inner, Add):
                return [(c, place(part, numerator.letters)) for c, part in inner.terms], divisor
            return [(S.One, numerator)], divisor
    return None


def _combination(terms: Iterable[tuple[Expr, Use]], read: Read, letters: Letters) -> str:
    """An integer combination."""
    texts = []
    for coefficient, use in sorted(terms, key=lambda term: bool(term[0].is_negative)):
        value, size = broadcast(read(use), letters), abs(coefficient)
        text = value.at(MUL) if size == 1 else f"{number_text(size)} * {value.at(UNARY)}"
        text = number_text(size) if value.text == "1" else text
        texts.append((" - " if coefficient.is_negative else " + ") + text)
    joined = "".join(texts)
    return joined[3:] if joined.startswith(" + ") else f"-{joined[3:]}"
