"""Constructors of the graph: each puts what it builds into the normal form, so that equal expressions are one node.

They work on *open terms*: a `Use` whose letters are labels of the caller's choosing. A term that lacks a letter is
constant along it. Normal forms:

* `add`: flat, like terms collected, no zero terms, numeric coefficients only;
* `mul`: flat products of powers, like factors collected, numbers pulled out in front, deltas eliminated, sums pushed
  inwards to the factors that depend on them and split into connected components;
* `apply`: constants folded, a sign pulled out of odd and even functions: sin(v - u) = -sin(u - v).

Names from `where` are opaque: nothing is flattened across them, so they survive into formulas and code.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from math import gcd
from typing import Any

from sympy import Expr, Float, Number, Pow, Rational, S, exp, log
from sympy.logic.boolalg import BooleanFalse, BooleanTrue

from symgrad.errors import UnsupportedError
from symgrad.functions import if_else
from symgrad.graph.factors import connected, eliminate_deltas
from symgrad.graph.letters import canonical_order, distinct, free_letters, numbered, precedence, relabel
from symgrad.graph.nodes import (
    Add,
    Apply,
    AxisMap,
    Const,
    Contract,
    Delta,
    Letter,
    Node,
    Range,
    Size,
    Use,
    intern,
)
from symgrad.graph.parity import is_mirrored, parity
from symgrad.graph.signs import is_nonnegative
from symgrad.graph.symmetry import as_known, symmetric

# Floating numbers with at most this divisor are exact fractions to the reader, too: 0.125, but not 0.1.
_LARGEST_DIVISOR = 64
# How a node of a kind that this file does not know is summed over some of its letters: its own rule, or None.
SUMS: dict[type[Node], Callable[[Use, Mapping[Letter, Expr]], Use | None]] = {}

ONE = Use(intern(Const, (), S.One), ())
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


def delta(row: Letter, column: Letter, length: Expr) -> Use:
    """δ[row, column]."""
    return ONE if row == column else Use(intern(Delta, (length, length)), (row, column))


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


def sizes_of(uses: Iterable[Use]) -> dict[Letter, Expr]:
    """The length along each letter."""
    return {letter: length for use in uses for letter, length in zip(use.letters, use.node.shape, strict=True)}


def split_coefficient(use: Use) -> tuple[Number, Use]:
    """c, u with use = c·u, where u is not a multiple of a single term."""
    if isinstance(use.node, Add) and len(use.node.terms) == 1:
        coefficient, only = use.node.terms[0]
        return coefficient, _lift(only, use)
    return S.One, use


def _lift(inner: Use, outer: Use) -> Use:
    """An operand of `outer.node` in the letters of `outer`."""
    return relabel(inner, dict(enumerate(outer.letters)))


# --- sums -------------------------------------------------------------------------------------------------------------


def add(terms: Iterable[tuple[Number, Use]]) -> Use:
    """Σ cᵢ·uᵢ."""
    merged: dict[Use, Number] = {}
    stack = [(coefficient, use) for coefficient, use in terms][::-1]
    while stack:
        coefficient, use = stack.pop()
        if isinstance(use.node, Add):
            stack.extend((coefficient * inner, _lift(part, use)) for inner, part in reversed(use.node.terms))
        elif coefficient != 0:
            use = as_known(use, merged)
            merged[use] = merged.get(use, S.Zero) + coefficient
    kept = [(coefficient, use) for use, coefficient in merged.items() if coefficient != 0]
    if len(kept) == 1 and kept[0][0] == 1:
        return kept[0][1]
    if not kept:
        return ZERO
    items = [
        ((-len(use.letters), precedence(use.node), use.node.digest, _number_key(coefficient)), use)
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
def _number_key(value: Number) -> tuple[float, str]:
    return (float(value), str(value))


def scale(coefficient: Number, use: Use) -> Use:
    return add([(coefficient, use)])


def subtract(left: Use, right: Use) -> Use:
    return add([(S.One, left), (S.NegativeOne, right)])


# --- products ---------------------------------------------------------------------------------------------------------


def power(base: Use, exponent: Use) -> Use:
    """base**exponent; a numeric exponent becomes that of a factor."""
    value = number(exponent)
    return apply(Pow, [base, exponent]) if value is None else _product([(base, value)], {})


def reciprocal(use: Use) -> Use:
    return _product([(use, S.NegativeOne)], {})


def mul(factors: Iterable[Use], bound: Mapping[Letter, Expr] | None = None) -> Use:
    """Π uᵢ, summed over the bound letters (given with their lengths)."""
    return _product([(use, S.One) for use in factors], dict(bound or {}))


def product_of_powers(factors: Iterable[tuple[Use, Number]], bound: Mapping[Letter, Expr] | None = None) -> Use:
    """Π uᵢ**eᵢ, summed over the bound letters."""
    return _product(list(factors), dict(bound or {}))


def _product(factors: list[tuple[Use, Number]], bound: dict[Letter, Expr]) -> Use:
    coefficient, merged = _collect(factors)
    if coefficient == 0:
        return ZERO
    eliminate_deltas(merged, bound)
    outside: list[tuple[Use, Number]] = []
    for letters, component in connected(merged, bound):
        if not letters:
            outside.extend(component)
            continue
        lengths = {letter: bound[letter] for letter in letters}
        outside.append((_contraction(component, lengths), S.One))
    used = {letter for use in merged for letter in use.letters}
    outside.extend((size(length), S.One) for letter, length in bound.items() if letter not in used)
    # contractions may have turned into numbers or multiples, or equal a factor that stood outside
    if len({use for use, _ in outside}) < len(outside) or any(use not in merged for use, _ in outside):
        more, merged = _collect(outside)
        coefficient *= more
        if coefficient == 0:
            return ZERO
    else:
        merged = dict(outside)
    return scale(coefficient, _commutative(merged, {}))


def _collect(factors: Sequence[tuple[Use, Number]]) -> tuple[Number, dict[Use, Number]]:
    """Flatten, pull numbers out, merge equal factors: the coefficient and {factor: exponent}."""
    coefficient: Number = S.One
    merged: dict[Use, Number] = {}
    stack = list(reversed(factors))
    while stack:
        use, exponent = stack.pop()
        node = use.node
        if node is ONE.node or exponent == 0:
            continue
        if is_zero(use):
            if exponent.is_negative:
                raise UnsupportedError("division by zero: a denominator of the model is identically zero")
            return S.Zero, {}
        if (
            isinstance(node, Contract)
            and not node.bound
            and (exponent.is_integer or all(is_nonnegative(part) for part, _ in node.factors))
        ):
            # under a broken exponent only if the sign is known: (x**2)**(1/2) is |x|, not x
            stack.extend((_lift(part, use), inner * exponent) for part, inner in reversed(node.factors))
            continue
        if isinstance(node, Add):
            content, rest = _primitive(use)
            if content != 1 and rest != use:
                pulled = content**exponent
                if isinstance(pulled, Number):
                    coefficient *= pulled
                    stack.append((rest, exponent))
                    continue
        if isinstance(node, Apply) and node.head is exp and exponent != 1:
            stack.append((apply(exp, [scale(exponent, _lift(node.args[0], use))]), S.One))
            continue
        use = as_known(use, merged)
        merged[use] = merged.get(use, S.Zero) + exponent
    merged = {use: exponent for use, exponent in merged.items() if exponent != 0}
    exponentials: dict[frozenset[Letter], list[Use]] = {}
    for use in merged:
        if isinstance(use.node, Apply) and use.node.head is exp:
            exponentials.setdefault(frozenset(use.letters), []).append(use)
    for group in exponentials.values():
        if len(group) > 1 or merged[group[0]] != 1:  # exp(a)·exp(b) = exp(a + b) where that costs no more
            argument = add([(merged.pop(use), _lift(use.node.args[0], use)) for use in group])  # type: ignore[attr-defined]
            more, single = _collect([(apply(exp, [argument]), S.One)])
            coefficient *= more
            for use, exponent in single.items():
                merged[use] = merged.get(use, S.Zero) + exponent
    numbers = [use for use in merged if number(use) is not None]
    while numbers:  # √2·√2 = 2, 2^(-1/2) = (1/2)·√2
        use = numbers.pop()
        more, base, exponent = _number_to_power(use, merged.pop(use))
        coefficient *= more
        if base in merged:
            numbers.append(base)
        if exponent != 0:
            merged[base] = merged.get(base, S.Zero) + exponent
    return coefficient, {use: exponent for use, exponent in merged.items() if exponent != 0}


def _number_to_power(use: Use, exponent: Number) -> tuple[Number, Use, Number]:
    """The power of a number as c·bᵉ, as SymPy has it: 2^(-1/2) = (1/2)·2^(1/2); e is 0 where it is a number."""
    coefficient, rest = (number(use) ** exponent).as_coeff_Mul()
    if rest is S.One:
        return coefficient, ONE, S.Zero
    base, power_left = rest.as_base_exp()
    if not (isinstance(base, Number) and isinstance(power_left, Number)):
        return S.One, use, exponent
    return coefficient, const(base), power_left


def _primitive(use: Use) -> tuple[Number, Use]:
    """c, u with use = c·u: the coefficient of a single term, else the positive common content of all."""
    assert isinstance(use.node, Add)
    if len(use.node.terms) == 1:
        return split_coefficient(use)
    coefficients = [coefficient for coefficient, _ in use.node.terms]
    content = abs(coefficients[0])
    if all(isinstance(c, Rational) for c in coefficients):
        for c in coefficients[1:]:
            content = Rational(gcd(content.p * c.q, c.p * content.q), content.q * c.q)
    elif any(abs(c) != content for c in coefficients):
        return S.One, use
    if content == 1:
        return S.One, use
    return content, add([(c / content, _lift(part, use)) for c, part in use.node.terms])


def _contraction(component: list[tuple[Use, Number]], bound: dict[Letter, Expr]) -> Use:
    """One connected sum of products; a letter that occurs in a single factor is summed inside that factor."""
    if len(component) == 1:
        use, exponent = component[0]
        if isinstance(use.node, Contract) and exponent == 1:  # Σ_i Σ_j = Σ_ij
            inner = {(use, n): length for n, length in enumerate(use.node.bound, use.node.rank)}
            names = dict(enumerate(use.letters)) | {
                n: (use, n) for n in range(use.node.rank, use.node.rank + len(inner))
            }
            return _product([(relabel(part, names), e) for part, e in use.node.factors], bound | inner)
        summed = SUMS[type(use.node)](use, bound) if exponent == 1 and type(use.node) in SUMS else None
        if summed is not None:
            return summed
        if exponent == 1 and isinstance(use.node, AxisMap) and use.node.head == "softmax":
            summed_axes = [axis for axis, letter in enumerate(use.letters) if letter in bound]
            if summed_axes == list(use.node.over) and len(bound) == len(summed_axes):  # no diagonal
                return ONE  # the entries of a softmax sum to one
    else:
        for use, exponent in component:
            others = {letter for other, _ in component if other != use for letter in other.letters}
            private = {
                letter: bound[letter] for letter in distinct(use.letters) if letter in bound and letter not in others
            }
            if private:
                rest = [(other, e) for other, e in component if other != use]
                summed = _product([(use, exponent)], private)
                shared = {letter: length for letter, length in bound.items() if letter not in private}
                return _product([*rest, (summed, S.One)], shared)
    return _commutative(dict(component), bound)


def _commutative(merged: Mapping[Use, Number], bound: Mapping[Letter, Expr]) -> Use:
    """Intern a product of collected factors."""
    if not merged:
        return ONE
    factors = list(merged.items())
    if len(factors) == 1 and factors[0][1] == 1 and not bound:
        return factors[0][0]
    items = [
        ((precedence(use.node), -len(use.letters), use.node.digest, _number_key(exponent)), use)
        for use, exponent in factors
    ]
    order, numbers = canonical_order(items, bound)
    free = [letter for letter in numbers if letter not in bound]
    sizes = sizes_of(merged)
    node = intern(
        Contract,
        tuple(sizes[letter] for letter in free),
        tuple((numbered(factors[n][0], numbers), factors[n][1]) for n in order),
        tuple(bound[letter] for letter in numbers if letter in bound),
    )
    return Use(node, tuple(free))


# --- functions --------------------------------------------------------------------------------------------------------


def apply(head: Any, args: Sequence[Use]) -> Use:
    """A scalar function, relation or condition of its arguments, entry by entry."""
    values = [number(use) for use in args]
    if all(value is not None for value in values) or (head is exp and values == [S.Zero]):
        folded = head(*values)
        if isinstance(folded, bool | BooleanTrue | BooleanFalse):  # by type: in Python 1 == True
            return boolean(bool(folded))
        if isinstance(folded, Number):
            return const(folded)
    if head is Pow and values[0] == 1:
        return ONE
    if head is if_else:
        condition, yes, no = args
        if isinstance(condition.node, Const):
            return yes if condition.node.value is S.true else no
        if yes == no:
            return yes
    if len(args) == 1:
        inner = args[0]
        if head is log and isinstance(inner.node, Apply) and inner.node.head is exp:
            return _lift(inner.node.args[0], inner)
        if isinstance(inner.node, Add) and is_mirrored(inner.node):
            known = parity(head)
            if known is not None:
                return scale(known, apply(head, [scale(S.NegativeOne, inner)]))
    numbers = {letter: n for n, letter in enumerate(free_letters(args))}
    if len(args) > 1 and any(symmetric(use.node) for use in args):  # not by which of two equal spellings was given
        _, numbers = canonical_order([((n,), use) for n, use in enumerate(args)])
    sizes = sizes_of(args)
    node = intern(Apply, tuple(sizes[x] for x in numbers), head, tuple(numbered(use, numbers) for use in args))
    return Use(node, tuple(numbers))


def boolean(value: bool) -> Use:
    return Use(intern(Const, (), S.true if value else S.false), ())
