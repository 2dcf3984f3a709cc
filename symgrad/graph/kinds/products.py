"""Products of powers, summed over bound letters.

Normal form: flat, like factors collected, numbers pulled out in front, deltas eliminated, sums pushed inwards to the
factors that depend on them and split into connected components.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import prod

import mpmath
from mpmath import mpf
from sympy import Expr, Number, Pow, S, exp

from symgrad.arrays import Array, np
from symgrad.errors import UnsupportedError
from symgrad.functions import LogSumExp, if_else
from symgrad.functions.norms import reciprocal_root
from symgrad.functions.values import as_mpf, function_value
from symgrad.graph.evaluation import GraphEvaluator, array, entrywise, full, of_lists, together
from symgrad.graph.factors import connected, eliminate_deltas
from symgrad.graph.facts import is_nonnegative, is_positive, is_sum_of_squares
from symgrad.graph.kinds.functions import LOGARITHMS, Apply, apply
from symgrad.graph.kinds.leaves import ONE, Delta
from symgrad.graph.kinds.sums import (
    ZERO,
    Add,
    add,
    common_content,
    const,
    is_zero,
    number,
    number_key,
    scale,
    size,
)
from symgrad.graph.letters import canonical_order, distinct, numbered, place, relabel, sizes_of
from symgrad.graph.linear_maps import times
from symgrad.graph.node import Known, Letter, Local, Node, Order, Shape, SignRule, Use, behind_names, intern, nothing
from symgrad.graph.symmetry import as_known, moved, paired, renamings


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Contract(Node):
    """A product of powers, summed over the bound letters (sizes in `bound`, letters rank, rank + 1, ...)."""

    shares_letters = True

    factors: tuple[tuple[Use, Number], ...]
    bound: Shape
    operands: tuple[Use, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "operands", tuple([use for use, _ in self.factors]))

    def uses(self) -> tuple[Use, ...]:
        return self.operands

    probability = nothing

    def operations(self) -> Expr:
        """As it is written, all factors at once; `inspect.measure` counts them in the order of the code."""
        return prod((*self.shape, *self.bound), start=S.One) * len(self.factors)

    def rebuild(self, uses: Sequence[Use]) -> Use:
        powers = [(use, exponent) for use, (_, exponent) in zip(uses, self.factors, strict=True)]
        return product_of_powers(powers, dict(enumerate(self.bound, self.rank)))

    def local(self, number: int) -> Sequence[Local]:
        use, exponent = self.factors[number]  # Σ e·u^(e-1)·u̇ · Π others
        rest = product_of_powers(pair for n, pair in enumerate(self.factors) if n != number)
        if exponent == S.Half and is_sum_of_squares(use):  # a norm: its gradient is 0 at 0
            lowered = apply(reciprocal_root, [use])
        else:
            lowered = product_of_powers([(use, exponent - 1)])
        return [times(self, use, [const(exponent), rest, lowered], dict(enumerate(self.bound, self.rank)))]

    def evaluate(self, at: GraphEvaluator) -> Array:
        letters = range(self.rank + len(self.bound))
        one = array(mpf(1))  # by which nothing is multiplied
        outside = inside = one
        for use, exponent in self.factors:
            value = at.aligned(use, letters)
            value = value if exponent == 1 else entrywise(partial(function_value, Pow), value, array(as_mpf(exponent)))
            if not at.strict:
                inside = value if inside is one else _vanishing(inside, value)
            elif all(letter < self.rank for letter in use.letters):  # code may multiply by it after it has summed up
                outside = value if outside is one else array(outside * value)
            else:
                inside = value if inside is one else array(inside * value)
        total = full(inside, at.shape((*self.shape, *self.bound)))
        if self.bound:
            total = of_lists(mpmath.fsum, together(total, self.rank))
        return total if outside is one else array(total * outside.reshape(outside.shape[: self.rank]))

    def sign(self, order: Order) -> SignRule:
        exchanged = [axis for axis, other in enumerate(order) if axis != other]
        if any(isinstance(use.node, Delta) and sorted(use.letters) == exchanged for use, _ in self.factors):
            return 1  # zero beside the diagonal
        for letters in renamings(order, self.rank, self.bound):
            turned = [(moved(use, letters), exponent) for use, exponent in self.factors]
            pairs = yield from paired(turned, self.factors, _are_powers)
            if pairs is not None:
                negative = [e for (_, e), sign in zip(self.factors, pairs, strict=True) if sign == -1 and e.is_odd]
                return -1 if len(negative) % 2 else 1
        return None

    def nonnegative(self, known: Known) -> bool:
        return all(known(use.node) or e.is_even for use, e in self.factors)

    def positive(self, known: Known) -> bool:
        return all(known(use.node) for use, _ in self.factors)

    never_zero = positive

    def sum_of_squares(self, known: Known) -> bool:
        squares = [(e.is_even and e.is_positive) or (e == 1 and known(use.node)) for use, e in self.factors]
        return any(squares) and all(
            square or is_positive(use) for square, (use, _) in zip(squares, self.factors, strict=True)
        )

    def integral(self, known: Known) -> bool:
        return all(e.is_integer and e.is_positive and known(use.node) for use, e in self.factors)

    def infinite(self, known: Known) -> bool:
        if not self.bound or len(self.factors) == 1:
            return any(exponent == 1 and known(use.node) for use, exponent in self.factors)
        return any(_is_logarithm(use.node) and known(use.node) for use, _ in self.factors)

    def precedence(self) -> int:
        return 0 if self.bound else 1


def _vanishing(left: Array, right: Array) -> Array:
    """The products, which are 0 where one of the factors is, whatever the other."""
    found = array(left * right)
    undefined = np.asarray(found != found, dtype=bool)
    if not undefined.any():
        return found
    zero = np.broadcast_to(np.asarray((left == 0) | (right == 0), dtype=bool), found.shape)
    return array(np.where(undefined & zero, mpf(0), found))


def _are_powers(exponent: Number, other: Number, sign: int) -> bool:
    """Whether a power of ±u is one of u, up to its sign: (-u)**e is for whole e only."""
    return exponent == other and (sign == 1 or bool(exponent.is_Integer))


def _is_logarithm(node: Node) -> bool:
    """Whether a term is a log-probability by its form."""
    return getattr(behind_names(node), "head", None) in (*LOGARITHMS, LogSumExp, "log_softmax")


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


def summand(node: Contract) -> Use:
    """The product under a sum, in the letters of the sum's node."""
    found: Use | None = node.found.get(summand)
    if found is None:
        found = node.found[summand] = product_of_powers(node.factors)
    return found


def _product(factors: list[tuple[Use, Number]], bound: dict[Letter, Expr]) -> Use:
    coefficient, merged = _collect(factors)
    if coefficient == 0:
        return ZERO
    eliminate_deltas(merged, bound)
    if not bound:
        return scale(coefficient, _commutative(merged, bound))
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
        if node is ONE.node or (exponent is not S.One and exponent == 0):
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
            for part, inner in reversed(node.factors):
                stack.append((place(part, use.letters), inner if exponent is S.One else inner * exponent))
            continue
        if isinstance(node, Add):
            content, rest = common_content(use)
            if content != 1 and rest != use:
                pulled = content**exponent
                if isinstance(pulled, Number):
                    coefficient *= pulled
                    stack.append((rest, exponent))
                    continue
        if isinstance(node, Apply) and node.head is exp and exponent is not S.One and exponent != 1:
            stack.append((apply(exp, [scale(exponent, place(node.args[0], use.letters))]), S.One))
            continue
        use = as_known(use, merged)
        if use in merged or not isinstance(exponent, Number):
            exponent = merged.get(use, S.Zero) + exponent
        merged[use] = exponent
    merged = {use: exponent for use, exponent in merged.items() if exponent is S.One or exponent != 0}
    exponentials: dict[frozenset[Letter], list[Use]] = {}
    for use in merged:
        if isinstance(use.node, Apply) and use.node.head is exp:
            exponentials.setdefault(frozenset(use.letters), []).append(use)
    for group in exponentials.values():
        if len(group) > 1 or merged[group[0]] != 1:  # exp(a)·exp(b) = exp(a + b) where that costs no more
            argument = add([(merged.pop(use), place(use.node.args[0], use.letters)) for use in group])  # type: ignore[attr-defined]
            more, single = _collect([(apply(exp, [argument]), S.One)])
            coefficient *= more
            for use, exponent in single.items():
                merged[use] = merged.get(use, S.Zero) + exponent
    coefficient *= _numbers_taken(merged)
    for use, exponent in merged.items():
        if _is_indicator(use.node) and exponent.is_positive:
            merged[use] = S.One
    return coefficient, {use: exponent for use, exponent in merged.items() if exponent is S.One or exponent != 0}


def _numbers_taken(merged: dict[Use, Number]) -> Number:
    """The product of powers of numbers, which are taken out: √2·√2 = 2, 2^(-1/2) = (1/2)·√2, where √2 stays."""
    coefficient: Number = S.One
    numbers = [use for use in merged if isinstance(use.node, Add) and number(use) is not None]
    while numbers:
        use = numbers.pop()
        more, base, exponent = _number_to_power(use, merged.pop(use))
        coefficient *= more
        if base in merged:
            numbers.append(base)
        if exponent != 0:
            merged[base] = merged.get(base, S.Zero) + exponent
    return coefficient


def _is_indicator(node: Node) -> bool:
    """Whether a term is 1 where a condition holds and 0 elsewhere, or the other way round, as are all its powers."""
    return isinstance(node, Apply) and node.head is if_else and {*node.args[1:]} == {ONE, ZERO}


def _number_to_power(use: Use, exponent: Number) -> tuple[Number, Use, Number]:
    """The power of a number as c·bᵉ, as SymPy has it: 2^(-1/2) = (1/2)·2^(1/2); e is 0 where it is a number."""
    coefficient, rest = (number(use) ** exponent).as_coeff_Mul()
    if rest is S.One:
        return coefficient, ONE, S.Zero
    base, power_left = rest.as_base_exp()
    if not (isinstance(base, Number) and isinstance(power_left, Number)):
        return S.One, use, exponent
    return coefficient, const(base), power_left


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
        summed = use.node.summed(use, bound) if exponent == 1 else None
        if summed is not None:
            return summed
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
    if len(factors) == 1 and not bound and (factors[0][1] is S.One or factors[0][1] == 1):
        return factors[0][0]
    items = [
        ((use.node.precedence(), -len(use.letters), use.node.digest, number_key(exponent)), use)
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
