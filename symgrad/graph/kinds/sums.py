"""Linear combinations, and numbers, which are multiples of one.

Normal form: flat, like terms collected, no zero terms, numeric coefficients only.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import gcd, prod
from weakref import WeakKeyDictionary

from mpmath import mpf
from sympy import Expr, Float, Number, Rational, S

from symgrad.arrays import Array
from symgrad.errors import UnsupportedError
from symgrad.functions.values import as_mpf
from symgrad.graph.evaluation import GraphEvaluator, array
from symgrad.graph.facts import is_nonnegative, is_probability
from symgrad.graph.kinds.leaves import ONE, Const, Range, Size
from symgrad.graph.letters import canonical_order, numbered, place, sizes_of
from symgrad.graph.linear_maps import times
from symgrad.graph.node import Known, Letter, Local, Node, Order, SignRule, Use, intern, nothing, postorder
from symgrad.graph.symmetry import as_known, moved, paired

# Floating numbers with at most this divisor are exact fractions to the reader, too: 0.125, but not 0.1.
_LARGEST_DIVISOR = 64


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Add(Node):
    """A linear combination with numeric coefficients; operands broadcast over the letters they lack."""

    shares_letters = True

    terms: tuple[tuple[Number, Use], ...]
    operands: tuple[Use, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "operands", tuple([use for _, use in self.terms]))

    def uses(self) -> tuple[Use, ...]:
        return self.operands

    probability = nothing

    def operations(self) -> Expr:
        others = sum(abs(c) != 1 for c, _ in self.terms)
        return prod(self.shape, start=S.One) * max(0, len(self.terms) - 1 + others)

    def rebuild(self, uses: Sequence[Use]) -> Use:
        return add([(coefficient, use) for (coefficient, _), use in zip(self.terms, uses, strict=True)])

    def local(self, number: int) -> Sequence[Local]:
        coefficient, use = self.terms[number]  # c·u̇
        return [times(self, use, [const(coefficient)])]

    def evaluate(self, at: GraphEvaluator) -> Array:
        total = None
        for coefficient, use in self.terms:
            # the array first: a number of mpmath spells out an array that it is multiplied by before it gives way
            term = at.aligned(use, range(self.rank))
            term = term if coefficient == 1 else array(term * as_mpf(coefficient))
            total = term if total is None else array(total + term)
        return array(mpf(0)) if total is None else total

    def sign(self, order: Order) -> SignRule:
        terms = [(use, c) for c, use in self.terms]
        turned = [(moved(use, order), c) for use, c in terms]
        if (yield from paired(turned, terms, lambda mine, its, sign: bool(mine * sign == its))) is not None:
            return 1
        if (yield from paired(turned, terms, lambda mine, its, sign: bool(mine * sign == -its))) is not None:
            return -1
        return None

    def nonnegative(self, known: Known) -> bool:
        return all(c.is_positive and known(use.node) for c, use in self.terms)

    def positive(self, known: Known) -> bool:
        """One term is positive and none negative, or it is 1 - p for a probability p."""
        if is_complement(self):
            return True
        signs = all(c.is_positive and (is_nonnegative(use) or known(use.node)) for c, use in self.terms)
        return signs and any(known(use.node) for _, use in self.terms)

    def never_zero(self, known: Known) -> bool:
        return all(c.is_positive and is_nonnegative(use) for c, use in self.terms) and any(
            known(use.node) for _, use in self.terms
        )

    def sum_of_squares(self, known: Known) -> bool:
        return all(c.is_positive and known(use.node) for c, use in self.terms)

    def integral(self, known: Known) -> bool:
        return all(c.is_integer and known(use.node) for c, use in self.terms)

    def infinite(self, known: Known) -> bool:
        return any(known(use.node) for _, use in self.terms)


ZERO = Use(intern(Add, (), ()), ())


def const(value: Expr) -> Use:
    """A scalar constant. Rational and floating numbers become coefficients of one."""
    if value is S.NaN or value is S.ComplexInfinity:
        raise UnsupportedError(f"the constant {value} appears in the model; there is no real number to compute with")
    if isinstance(value, Number) and value.is_finite:
        return add([(_exact(value), ONE)])
    return Use(intern(Const, (), value), ())


def _exact(value: Number) -> Number:
    """A short binary fraction such as 0.5 or 2.0 as the rational number it is; other floating numbers as they are."""
    if isinstance(value, Float):
        exact = Rational(float(value))
        if exact.q <= _LARGEST_DIVISOR and exact == Rational(value):
            return exact
    return value


def size(value: Expr) -> Use:
    """A dimension as a number."""
    return const(value) if value.is_Number else Use(intern(Size, (), value), ())


def index(letter: Letter, length: Expr, start: Expr = S.Zero) -> Use:
    """The value of an index: start, start + 1, ... along the letter."""
    return add([(S.One, Use(intern(Range, (length,)), (letter,))), (S.One, size(start))])


def is_zero(use: Use) -> bool:
    return use.node is ZERO.node


def number(use: Use) -> Number | None:
    """The value of a numeric term, or None."""
    if use.node is ONE.node:
        return S.One
    if isinstance(use.node, Add):
        match use.node.terms:
            case ():
                return S.Zero
            case ((coefficient, only),) if only.node is ONE.node:
                return coefficient
    return None


def split_coefficient(use: Use) -> tuple[Number, Use]:
    """c, u with use = c·u, where u is not a multiple of a single term."""
    if isinstance(use.node, Add) and len(use.node.terms) == 1:
        coefficient, only = use.node.terms[0]
        return coefficient, place(only, use.letters)
    return S.One, use


def add(terms: Iterable[tuple[Number, Use]]) -> Use:
    """Σ cᵢ·uᵢ."""
    merged: dict[Use, Number] = {}
    stack = [(coefficient, use) for coefficient, use in terms][::-1]
    if len(stack) == 1 and stack[0][0] is S.One:
        return stack[0][1]
    while stack:
        coefficient, use = stack.pop()
        if isinstance(use.node, Add):
            for inner, part in reversed(use.node.terms):
                stack.append((inner if coefficient is S.One else coefficient * inner, place(part, use.letters)))
        elif coefficient is S.One or coefficient != 0:
            use = as_known(use, merged)
            if use in merged or not isinstance(coefficient, Number):
                coefficient = merged.get(use, S.Zero) + coefficient
            merged[use] = coefficient
    kept = [(coefficient, use) for use, coefficient in merged.items() if coefficient is S.One or coefficient != 0]
    if len(kept) == 1 and kept[0][0] == 1:
        return kept[0][1]
    if not kept:
        return ZERO
    items = [
        ((-len(use.letters), use.node.precedence(), use.node.digest, number_key(coefficient)), use)
        for coefficient, use in kept
    ]
    order, numbers = canonical_order(items)
    sizes = sizes_of(use for _, use in kept)
    node = intern(
        Add,
        tuple(sizes[letter] for letter in numbers),
        tuple((kept[n][0], numbered(kept[n][1], numbers)) for n in order),
    )
    return Use(node, tuple(numbers))


@cache
def number_key(value: Number) -> tuple[float, str]:
    return (float(value), str(value))


def scale(coefficient: Number, use: Use) -> Use:
    return add([(coefficient, use)])


def subtract(left: Use, right: Use) -> Use:
    return add([(S.One, left), (S.NegativeOne, right)])


def common_content(use: Use) -> tuple[Number, Use]:
    """c, u with use = c·u: the coefficient of a single term, else the positive common content of all."""
    node = use.node
    assert isinstance(node, Add)
    if len(node.terms) == 1:
        return split_coefficient(use)
    content = node.found.get(common_content)
    if content is None:
        content = node.found[common_content] = _content([coefficient for coefficient, _ in node.terms])
    if content is S.One or content == 1:
        return S.One, use
    return content, add([(c / content, place(part, use.letters)) for c, part in node.terms])


def _content(coefficients: Sequence[Number]) -> Number:
    content = abs(coefficients[0])
    if all(isinstance(c, Rational) for c in coefficients):
        for c in coefficients[1:]:
            content = Rational(gcd(content.p * c.q, c.p * content.q), content.q * c.q)
    elif any(abs(c) != content for c in coefficients):
        return S.One
    return content


_first_name: WeakKeyDictionary[Node, tuple[bool, str]] = WeakKeyDictionary()


def is_mirrored(node: Add) -> bool:
    """Which of u and -u a sum is: the one with more negative terms, or whose first term by name is negative."""
    negative = sum(bool(c.is_negative) for c, _ in node.terms)
    if 2 * negative != len(node.terms):
        return 2 * negative > len(node.terms)
    named = [(_names(use.node), use.node.digest, bool(c.is_negative)) for c, use in node.terms]
    return min(named)[2] if named else False


def _names(node: Node) -> tuple[bool, str]:
    """The first name in a term, in alphabetical order; terms without any come last."""
    found = _first_name.get(node)
    if found is None:
        names = [str(getattr(below, "name", "")) for below in postorder([node]) if hasattr(below, "symbol")]
        found = _first_name[node] = (not names, min(names, default=""))
    return found


def is_complement(node: Node) -> bool:
    """1 - p for a probability p."""
    if not isinstance(node, Add) or len(node.terms) != 2:
        return False
    coefficients = {use.node: c for c, use in node.terms}
    others = [use for _, use in node.terms if use.node is not ONE.node]
    return (
        len(others) == 1
        and coefficients[ONE.node] == 1
        and coefficients[others[0].node] == -1
        and is_probability(others[0])
    )
