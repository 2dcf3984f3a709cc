"""The maximum M that the exponentials of a sum are shifted by: exp(c·(u − M)), and what exp(c·M) goes into instead."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from sympy import Gt, Max, Ne, Number, S, exp, log, oo
from sympy.codegen.cfunctions import expm1, log1p

from symgrad.functions import finite_maximum, if_else
from symgrad.graph.build import ONE, ZERO, add, apply, auxiliary, const, product_of_powers, scale, subtract
from symgrad.graph.letters import distinct, relabel
from symgrad.graph.nodes import Apply, Letter, Use
from symgrad.graph.transform import factors_of, place, see_through, terms_of
from symgrad.schedule.degrees import Degree, degree_of, times
from symgrad.schedule.exponential_sums import SHIFTED, Anchor
from symgrad.schedule.exponents import Exponent, Key


@dataclass(frozen=True)
class Maximum:
    """M of a sum of exponentials.

    Attributes
    ----------
    anchor : the sum.
    largest : M, which is −∞ where nothing is added up.
    """

    anchor: Anchor
    largest: Use

    @cached_property
    def letters(self) -> tuple[Letter, ...]:
        """Those along which M varies; a key has one for each."""
        return tuple(distinct(self.largest.letters))

    @cached_property
    def may_be_empty(self) -> bool:
        """Whether M may be −∞."""
        return self.anchor.may_be_empty()

    @cached_property
    def shift(self) -> Use:
        """M, or a finite number in its place."""
        return apply(finite_maximum, [self.largest]) if self.may_be_empty else self.largest

    def at(self, key: Key) -> Use:
        """M at other letters."""
        return self._at(self.largest, key)

    def _at(self, maximum: Use, key: Key) -> Use:
        return relabel(maximum, dict(zip(self.letters, key, strict=True)))

    def shifted(self, found: Exponent, shares: Mapping[Key, Number], weight: Use | None = None) -> Use:
        """c·(u − M); what is multiplied by a weight of zero, where u may be larger than M, is 0 instead."""
        shift = add([(share, self._at(self.shift, key)) for key, share in shares.items()])
        shifted = subtract(scale(found.family.unit, found.argument), shift)
        if weight is not None:
            shifted = apply(if_else, [apply(Ne, [weight, ZERO]), shifted, ZERO])
        return scale(found.degree, auxiliary(SHIFTED, shifted))

    def exponents(self, exponents: Sequence[Exponent]) -> dict[Degree, Use]:
        """The shifted exponents, c·(u − M), by degree."""
        found: dict[Degree, Use] = {}
        for one in exponents:
            found.setdefault(degree_of({one.key: one.degree}), self.shifted(one, {one.key: S.One}))
        keys = distinct(one.key for one in exponents if one.family.unit == exponents[0].family.unit)
        if len(keys) == 2:  # symmetric
            halves = dict.fromkeys(keys, S.Half)
            found[times(degree_of(halves), exponents[0].degree)] = self.shifted(exponents[0], halves)
        return found

    def raised(self, use: Use, degree: Mapping[Key, Number]) -> Use:
        """The term times exp(−degree·M), in one exponential."""
        shift = [(-d, self._at(self.shift, key)) for key, d in degree.items() if d != 0]
        if not shift:
            return use
        factors = factors_of(use)
        for n, (factor, exponent) in enumerate(factors):
            if exponent == 1 and isinstance(factor.node, Apply) and factor.node.head is exp:
                shift.append((S.One, place(factor.node.args[0], factor.letters)))
                del factors[n]
                break
        return product_of_powers([*factors, (apply(exp, [add(shift)]), S.One)])

    def divisor(self, use: Use, degree: Degree, image: Use) -> Use:
        """What is divided by, or has a logarithm: 1 where nothing is added up."""
        if not degree or not self.may_be_empty:
            return image
        if see_through(use).node is self.anchor.total and self.anchor.is_plain():  # at least 1, but for rounding
            return apply(Max, [image, const(S.Half)])
        for key, _ in sorted(degree, key=str):
            image = apply(if_else, [apply(Gt, [self.at(key), const(-oo)]), image, ONE])
        return image

    def logarithm(self, argument: Use, degree: Degree, image: Use) -> Use:
        """log of a term by its shifted image, log image + degree·M."""
        largest = add([(d, self.at(key)) for key, d in degree])
        return add([(S.One, self._logarithm(argument, degree, image, largest)), (S.One, largest)])

    def _logarithm(self, argument: Use, degree: Degree, shifted: Use, largest: Use) -> Use:
        """log of the shifted argument; of 1 + s it is log1p, which loses nothing of a small s, where M is 0."""
        if (S.One, ONE) not in terms_of(see_through(argument)):
            return apply(log, [self.divisor(argument, degree, shifted)])
        down = scale(S.NegativeOne, largest)
        rest = subtract(shifted, apply(exp, [down]))
        return apply(log1p, [add([(S.One, rest), (S.One, apply(expm1, [down]))])])
