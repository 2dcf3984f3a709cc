"""Shifts exponentials by their maximum where it cancels: log Σ w·exp(u), Σ v·exp(u) / Σ exp(u), and their derivatives.

`rewrite` knows logsumexp and softmax by their plain spelling; this is about what is left: sums with weights, sums of a
few terms, quotients of sums. Let M = max u over the terms w·exp(u) of a sum. A term has the degree d if putting
exp(u - M) for exp(u) multiplies it by exp(-d·M): exp(c·u) has the degree c, degrees of factors add up, those of what is
added up have to agree. A term of degree 0 may be computed with exp(u - M), and so may the logarithm of a term of degree
d, to which d·M is added then. Nothing overflows so, and the sum has a term as large as its weight. A sum may have a
constant: of 1 + Σ exp(u) one u is 0, and the constant becomes exp(-M).

Source: Blanchard, Higham and Higham, Accurately computing the log-sum-exp and softmax functions (2021).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sympy import Abs, Ne, Number, S, exp, log
from sympy.codegen.cfunctions import expm1, log1p

from symgrad.functions import MaxOver, MinOver, if_else
from symgrad.graph.axes import auxiliary, is_plain
from symgrad.graph.build import (
    ONE,
    ZERO,
    add,
    apply,
    is_zero,
    product_of_powers,
    scale,
    split_coefficient,
    subtract,
)
from symgrad.graph.letters import distinct, relabel
from symgrad.graph.nodes import (
    Add,
    Apply,
    Contract,
    Gather,
    Letter,
    Named,
    Node,
    Reduce,
    Scan,
    Scatter,
    Trajectory,
    Use,
    postorder,
)
from symgrad.graph.transform import dependents, factors_of, own, place, rebuild, see_through, terms_of
from symgrad.rewrite.record import BLANCHARD, record
from symgrad.schedule.exponential_sums import SHIFTED, Anchor, Family, anchors, families

Degree = Mapping[tuple[Letter, ...], Number]  # of M at these letters


@record(
    "log Σ w·exp(u) = m + log Σ w·exp(u − m), Σ v·exp(u)/Σ w·exp(u) = Σ v·exp(u − m)/Σ w·exp(u − m) with m = max u",
    "exp(u) overflows beyond 709, and where all u are below −745 the sums are zero",
    BLANCHARD,
)
def shift_exponentials(roots: Sequence[Use]) -> list[Use]:
    """The terms with exponentials shifted by their maxima wherever these cancel."""
    current = list(roots)
    done: set[Node] = set()
    while True:
        anchor = next((a for a in anchors(current) if a.total not in done), None)
        if anchor is None:
            return current
        done.add(anchor.total)
        current = _Shift(anchor, current).roots


class _Exponent(NamedTuple):
    """exp(degree·unit·u) of a family; `argument` is u, `key` the letters of M."""

    family: Family
    degree: Number
    argument: Use
    key: tuple[Letter, ...]

    def placed(self, letters: Sequence[Letter]) -> "_Exponent":
        return self._replace(argument=place(self.argument, letters), key=tuple(letters[k] for k in self.key))


@dataclass
class _Shift:
    """The terms with the exponentials of one anchor shifted; every touched node has up to two images.

    The plain image of a node has its value; the shifted one, which only nodes with a degree have, exp(-degree·M) of it.
    """

    anchor: Anchor
    given: Sequence[Use]
    degrees: dict[Node, Degree | None] = field(default_factory=dict)
    plain: dict[Node, Use] = field(default_factory=dict)
    shifted: dict[Node, Use] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.largest = self.anchor.largest()
        self.letters = distinct(self.largest.letters)
        self.families = families(self.largest, self.anchor.parts)
        # a term may get the factor exp(-M) if M is at least the 0 of a constant, or the u of another part
        self.raising = self.anchor.constant or sum(map(len, self.families.values())) < len(self.anchor.parts)
        nodes = list(postorder([use.node for use in self.given]))
        touched = dependents([use.node for use in self.given], [n for n in nodes if self._exponent(n) is not None])
        for node in nodes:
            if node in touched:
                self._visit(node)

    @property
    def roots(self) -> list[Use]:
        return [place(self._plain(use.node), use.letters) for use in self.given]

    def _exponent(self, node: Node) -> _Exponent | None:
        """What a node is if it is exp(c·u), where u may be entries at subscripts."""
        if not isinstance(node, Apply) or node.head is not exp:
            return None
        c, argument = split_coefficient(node.args[0])
        places: dict[Family, tuple[Letter, ...] | None] = {f: f.axes for f in self.families.get(argument.node, ())}
        if isinstance(argument.node, Gather):
            places |= {f: _whole(argument.node, f.axes) for f in self.families.get(argument.node.base.node, ())}
        for family, axes in places.items():
            if axes is not None and (c / family.unit).is_positive:
                return _Exponent(family, c / family.unit, argument, tuple(argument.letters[k] for k in axes))
        return None

    def _plain(self, node: Node) -> Use:
        return self.plain.get(node, own(node))

    def _degree(self, use: Use) -> Degree | None:
        """That of an operand, {} for one that does not depend on the exponentials."""
        found = self.degrees.get(use.node, {})
        return None if found is None else _sum((tuple(use.letters[k] for k in key), d) for key, d in found.items())

    def _best(self, use: Use) -> Use:
        """The shifted image of an operand, or the plain one if it has no degree."""
        return place(self.shifted.get(use.node, self._plain(use.node)), use.letters)

    def _visit(self, node: Node) -> None:
        made = self._with_degree(node)
        degree, image = made if made is not None else (None, None)
        self.degrees[node] = degree
        if image is not None:
            self.shifted[node] = image
        if degree == {} and image is not None:
            self.plain[node] = image
        else:
            self.plain[node] = rebuild(node, [place(self._plain(use.node), use.letters) for use in node.uses()])

    def _with_degree(self, node: Node) -> tuple[Degree, Use] | None:
        """The degree of a node and its shifted image."""
        found = self._exponent(node)
        if found is not None:
            return {found.key: found.degree}, self._exponential(found)
        match node:
            case Add(terms=terms):
                return self._added(terms) or self._opaque(node)
            case Contract():
                return self._product(node)
            case Apply(head=head, args=args):
                return self._function(node, head, args)
            case Reduce(head=head, arg=arg) if head in (MaxOver, MinOver):
                degree = self._degree(arg)
                if degree is not None and all(letter < node.rank for key in degree for letter in key):
                    return degree, rebuild(node, [self._best(arg)])
            case Named(arg=arg):
                degree = self._degree(arg)
                if degree:
                    return degree, self._best(arg)
            case Gather(base=base, subs=subs):
                return self._gathered(node, base, subs)
            case Scatter(value=value, subs=subs):
                degree = self._degree(value)
                if degree is not None and all(letter < node.rank for key in degree for letter in key):
                    return degree, rebuild(node, [self._best(value), *map(self._best, subs)])
        return self._opaque(node)

    def _opaque(self, node: Node) -> tuple[Degree, Use] | None:
        """A node all of whose operands may be shifted without a trace."""
        if isinstance(node, Scan | Trajectory | Gather) or any(self._degree(use) for use in node.uses()):
            return None
        return {}, rebuild(node, [self._best(use) for use in node.uses()])

    def _product(self, node: Contract) -> tuple[Degree, Use] | None:
        every = [((self._degree(use) or {}).items(), exponent) for use, exponent in node.factors]
        total = _sum((key, exponent * d) for degree, exponent in every for key, d in degree)
        if any(letter >= node.rank for key in total for letter in key):
            return None
        bound = {node.rank + k: length for k, length in enumerate(node.bound)}
        return total, product_of_powers(self._weighted(node), bound)

    def _added(self, terms: Sequence[tuple[Number, Use]]) -> tuple[Degree, Use] | None:
        degrees = [self._degree(use) for _, use in terms]
        if all(degree == degrees[0] for degree in degrees):
            return None if degrees[0] is None else (degrees[0], add([(c, self._best(use)) for c, use in terms]))
        if not self.raising:
            return None
        known = [degree or {} for degree in degrees]
        highest = {key: max(d.get(key, S.Zero) for d in known) for key in distinct(x for d in known for x in d)}
        raised = [
            (c, self._raised(self._best(use), _sum([*highest.items(), *((key, -d) for key, d in degree.items())])))
            for (c, use), degree in zip(terms, known, strict=True)
        ]
        return _sum(highest.items()), add(raised)

    def _raised(self, use: Use, degree: Degree) -> Use:
        """The term times exp(-degree·M), in one exponential."""
        if not degree:
            return use
        shift = [(-d, self._largest_at(key)) for key, d in degree.items()]
        factors = factors_of(use)
        for n, (factor, exponent) in enumerate(factors):
            if exponent == 1 and isinstance(factor.node, Apply) and factor.node.head is exp:
                shift.append((S.One, place(factor.node.args[0], factor.letters)))
                del factors[n]
                break
        return product_of_powers([*factors, (apply(exp, [add(shift)]), S.One)])

    def _exponential(self, found: _Exponent, weight: Use | None = None) -> Use:
        """exp(c·(u - M)); what is multiplied by a weight of zero, where u may be larger than M, is 1 instead."""
        shifted = subtract(scale(found.family.unit, found.argument), self._largest_at(found.key))
        if weight is not None:
            shifted = apply(if_else, [apply(Ne, [weight, ZERO]), shifted, ZERO])
        return apply(exp, [scale(found.degree, auxiliary(SHIFTED, shifted))])

    def _largest_at(self, key: Sequence[Letter]) -> Use:
        return relabel(self.largest, dict(zip(self.letters, key, strict=True)))

    def _weighted(self, node: Contract) -> list[tuple[Use, Number]]:
        """The shifted factors of a product."""
        factors = [(self._best(use), exponent) for use, exponent in node.factors]
        for n, (use, exponent) in enumerate(node.factors):
            target = see_through(use)
            found = self._exponent(target.node)
            if found is None or exponent != 1 or found.argument.node not in self.families:  # entries of u at subscripts
                continue
            found, weight = found.placed(target.letters), found.family.weight
            if weight is None:
                continue
            weight = place(weight, found.argument.letters)
            if set(factors_of(weight)) <= set(node.factors):
                factors[n] = self._exponential(found, weight), S.One
        return factors

    def _function(self, node: Apply, head: object, args: Sequence[Use]) -> tuple[Degree, Use] | None:
        degrees = [self._degree(arg) for arg in args]
        if head is log and degrees[0]:
            largest = add([(d, self._largest_at(key)) for key, d in degrees[0].items()])
            return {}, add([(S.One, self._logarithm(args[0], largest)), (S.One, largest)])
        if head is Abs and degrees[0] is not None:
            return degrees[0], apply(Abs, [self._best(args[0])])
        if head is if_else and not degrees[0]:
            branches = [d for arg, d in zip(args[1:], degrees[1:], strict=True) if not is_zero(arg)]
            if branches and branches[0] is not None and all(d == branches[0] for d in branches):
                return branches[0], apply(if_else, [self._best(arg) for arg in args])
        return self._opaque(node)

    def _logarithm(self, argument: Use, largest: Use) -> Use:
        """log of the shifted argument; of 1 + s it is log1p, which loses nothing of a small s, where M is 0."""
        shifted = self._best(argument)
        if (S.One, ONE) not in terms_of(see_through(argument)):
            return apply(log, [shifted])
        down = scale(S.NegativeOne, largest)
        rest = subtract(shifted, apply(exp, [down]))
        return apply(log1p, [add([(S.One, rest), (S.One, apply(expm1, [down]))])])

    def _gathered(self, node: Gather, base: Use, subs: Sequence[Use]) -> tuple[Degree, Use] | None:
        """Of entries at subscripts M has to be at whole indices."""
        degree = self.degrees.get(base.node, {})
        if degree is None or any(self._degree(sub) for sub in subs):
            return None
        moved = [(_whole(node, axes), d) for axes, d in degree.items()]
        if any(key is None for key, _ in moved):
            return None
        image = rebuild(node, [self._best(base), *map(self._best, subs)])
        return _sum((key, d) for key, d in moved if key is not None), image


def _sum(parts: Iterable[tuple[tuple[Letter, ...], Number]]) -> Degree:
    total: dict[tuple[Letter, ...], Number] = {}
    for key, d in parts:
        total[key] = total.get(key, S.Zero) + d
    return {key: d for key, d in total.items() if d != 0}


def _whole(node: Gather, axes: Sequence[int]) -> tuple[Letter, ...] | None:
    """The letters that go along whole axes of what is gathered from; None if one of them is at other subscripts."""
    subs = [node.subs[-1 - node.base.letters[axis]] for axis in axes]
    if not all(is_plain(sub, node.base.node.shape[axis]) for sub, axis in zip(subs, axes, strict=True)):
        return None
    return tuple(sub.letters[0] for sub in subs)
