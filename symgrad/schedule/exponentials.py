"""Shifts exponentials by their maximum where it cancels: log Σ w·exp(u), Σ v·exp(u) / Σ exp(u), and their derivatives.

`rewrite` knows logsumexp and softmax by their plain spelling; this is about what is left: sums with weights, sums of a
few terms, quotients of sums. Let M = max u over the terms w·exp(u) of a sum. A term has the degree d if putting
exp(u - M) for exp(u) multiplies it by exp(-d·M): exp(c·u) has the degree c, degrees of factors add up, those of what is
added up have to agree. A term of degree 0 may be computed with exp(u - M), and so may the logarithm of a term of degree
d, to which d·M is added then. Nothing overflows so, and the sum has a term as large as its weight. A sum may have a
constant: of 1 + Σ exp(u) one u is 0, and the constant becomes exp(-M).

M varies along indices, and the degree says at which. Of a u that is symmetric in i and j the exponential may be shifted
by M[i], by M[j], or by half of each, and which it is shows only where it meets what it is divided by. So a term has an
image for each degree that it may have.

Where M is −∞, as of sums over nothing, exponentials are shifted by a finite number instead; they are 0, and 1 stands
for what would be divided by, or have a logarithm. So the logarithm is −∞, and the quotient 0.

Source: Blanchard, Higham and Higham, Accurately computing the log-sum-exp and softmax functions (2021).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product

from sympy import Abs, Expr, Number, S, exp, log

from symgrad.functions import MaxOver, MinOver, if_else, sigmoid
from symgrad.graph.build import (
    ZERO,
    add,
    apply,
    const,
    is_zero,
    mul,
    product_of_powers,
    scale,
    split_coefficient,
)
from symgrad.graph.letters import distinct
from symgrad.graph.nodes import (
    Add,
    Apply,
    Contract,
    Gather,
    Letter,
    Named,
    Node,
    Reduce,
    Scatter,
    Use,
    postorder,
)
from symgrad.graph.transform import dependents, factors_of, own, place, see_through, terms_of
from symgrad.rewrite.record import BLANCHARD, record
from symgrad.schedule.degrees import NOTHING, Degree, Images, degree_of, images_of_sum, placed, times, total_degree
from symgrad.schedule.exponential_sums import Anchor, anchors, families, mirrored
from symgrad.schedule.exponents import Exponent, exponents_of, opened_shares, whole_letters
from symgrad.schedule.masked_exponentials import Masked, Rows, rows_of, under
from symgrad.schedule.maxima import Maximum

# Choices of an image for each factor of a product that are tried; without symmetry there is one.
MOST_CHOICES = 64


@record(
    "log Σ w·exp(u) = m + log Σ w·exp(u − m), Σ v·exp(u)/Σ w·exp(u) = Σ v·exp(u − m)/Σ w·exp(u − m) with m = max u",
    "exp(u) overflows beyond 709, and where all u are below −745 the sums are zero",
    BLANCHARD,
)
def shift_exponentials(roots: Sequence[Use]) -> list[Use]:
    """The terms with exponentials shifted by their maxima wherever these cancel."""
    current = mirrored(roots)
    done: set[Node] = set()
    while True:
        found = anchors(current)
        anchor = next((a for a in found if a.total not in done), None)
        if anchor is None:
            return current
        done.add(anchor.total)
        largest = anchor.largest().node
        others = {other.total for other in found if other.total != anchor.total and other.largest().node != largest}
        rows = rows_of(anchor) if anchor.overall else None
        shift = _Shift(anchor, current, others, rows=rows)
        current = (shift if shift.is_complete() else _Shift(anchor, current, others)).roots


@dataclass
class _Shift:
    """The terms with the exponentials of one anchor shifted; every touched node has several images.

    The plain image of a node has its value; a shifted one, of a degree, exp(-degree·M) of it. A node that has the
    degree 0 has nothing but a plain image, unless it is in `both`: a sigmoid is a number like others, too. The `others`
    are sums with maxima of their own, which may be far smaller: quotients by them, and their logarithms, are for these.
    """

    anchor: Anchor
    given: Sequence[Use]
    others: set[Node] = field(default_factory=set)
    plain: dict[Node, Use] = field(default_factory=dict)
    shifted: dict[Node, dict[Degree, Use]] = field(default_factory=dict)
    both: set[Node] = field(default_factory=set)

    rows: Rows | None = None  # of a sum whose condition takes in another index

    def __post_init__(self) -> None:
        self.maximum = Maximum(self.anchor, self.rows.largest if self.rows else self.anchor.largest())
        self.families = {} if self.rows else families(self.maximum.largest, self.anchor.parts)
        # a term may get the factor exp(-M) if M is at least the 0 of a constant, or the u of another part
        self.raising = self.anchor.constant or any(part.plain.node not in self.families for part in self.anchor.parts)
        nodes = list(postorder([use.node for use in self.given]))
        found = self.rows.families if self.rows else self.families
        sources = [node for node in nodes if exponents_of(node, found)[0]]
        self.touched = dependents([use.node for use in self.given], sources)
        for node in nodes:
            if node in self.touched:
                self._visit(node)

    @property
    def roots(self) -> list[Use]:
        return [place(self._plain(use.node), use.letters) for use in self.given]

    def _plain(self, node: Node) -> Use:
        return self.plain.get(node, own(node))

    def _options(self, use: Use, divided: bool = False) -> Images:
        """The images of an operand: shifted ones, or the plain one if it has no degree, or is `divided` by as it is."""
        found = self.shifted.get(use.node)
        if found is None or (divided and self._is_left(use)):
            return {NOTHING: place(self._plain(use.node), use.letters)}
        return {placed(degree, use.letters): place(image, use.letters) for degree, image in found.items()}

    def _is_left(self, use: Use) -> bool:
        """Whether the logarithm of a term, or what is divided by it, is for another sum."""
        return any(see_through(factor).node in self.others for factor, _ in factors_of(see_through(use)))

    def _best(self, use: Use) -> Use:
        return next(iter(self._options(use).values()))

    def _visit(self, node: Node) -> None:
        images = {
            degree: image
            for degree, image in self._images(node).items()
            if all(letter in range(node.rank) for key, _ in degree for letter in key)
        }
        in_part = None
        if isinstance(node, Contract) and NOTHING not in images:
            in_part = self._in_part(node.factors, dict(enumerate(node.bound, node.rank)))
        plain = in_part or node.rebuild([place(self._plain(use.node), use.letters) for use in node.uses()])
        is_sigmoid = isinstance(node, Apply) and node.head is sigmoid
        if images and (is_sigmoid or any(use.node in self.both for use in node.uses())):
            self.both.add(node)
            images = images | {NOTHING: plain} if is_sigmoid else images
        self.plain[node] = images.get(NOTHING, plain)
        if images and (NOTHING not in images or (node in self.both and len(images) > 1)):
            self.shifted[node] = images

    def _images(self, node: Node) -> Images:
        """The shifted images of a node by degree; none for a node with which the shift does not commute."""
        found, rest = exponents_of(node, self.families)
        if found:
            return self._of_exponentials(found, rest)
        match node:
            case Add(terms=terms):
                return self._added(terms)
            case Contract(factors=factors, bound=bound):
                return self._product(factors, dict(enumerate(bound, node.rank)))
            case Apply():
                return self._function(node)
            case Reduce(head=head, arg=arg) if head in (MaxOver, MinOver):
                return {degree: node.rebuild([image]) for degree, image in self._options(arg).items()}
            case Named(arg=arg) if arg.node in self.shifted:
                return self._options(arg)
            case Gather(base=base, subs=subs):
                return self._gathered(node, base, subs)
            case Scatter(value=value, subs=subs):
                places = [self._best(sub) for sub in subs]
                return {degree: node.rebuild([image, *places]) for degree, image in self._options(value).items()}
        return {}

    def is_complete(self) -> bool:
        """Whether no exponential of the anchor is left as it was."""
        left = postorder([use.node for use in self.roots])
        return self.rows is None or not any(self.rows.is_exponential(own(node)) for node in left)

    def _under_condition(self, masked: Masked) -> Images:
        """The images of a product with an exponential of the anchor, under the condition of the sum."""
        one = frozenset({(masked.key, S.One)})
        inside = self._product(masked.rest, {})
        return {
            total_degree([degree, one]): product_of_powers(under(masked, image)) for degree, image in inside.items()
        }

    def _joined(self, rows: Rows, factors: Sequence[tuple[Use, Number]], bound: Mapping[Letter, Expr]) -> Images:
        """The images of a product whose exponential goes under a condition that is beside it, or in a sum there."""
        found: dict[Degree, Use] = {}
        for joined in rows.pairs(factors):
            outside = self._product(joined.others, {})
            for (one, image), (other, rest) in product(self._under_condition(joined.masked).items(), outside.items()):
                found.setdefault(total_degree([one, other]), mul([image, rest], {**bound, **joined.bound}))
        return found

    def _product(self, factors: Sequence[tuple[Use, Number]], bound: Mapping[Letter, Expr]) -> Images:
        if self.rows and any(e == 1 and self.rows.is_exponential(factor) for factor, e in factors):
            under_conditions = self._joined(self.rows, factors, bound) or self._multiplied_out(factors, bound)
            if under_conditions:
                return under_conditions
        choices: list[list[tuple[Degree, Use]]] = []
        for use, exponent in factors:
            divided = exponent.is_negative
            options = (self._beside(use, factors) if exponent == 1 else {}) or self._options(use, divided)
            choices.append(
                [(times(d, exponent), self.maximum.divisor(use, d, i) if divided else i) for d, i in options.items()]
            )
        found: dict[Degree, Use] = {}
        for choice in islice(product(*choices), MOST_CHOICES):
            total = total_degree(degree for degree, _ in choice)
            if total not in found:
                powers = [(image, exponent) for (_, image), (_, exponent) in zip(choice, factors, strict=True)]
                found[total] = product_of_powers(powers, bound)
        return found if NOTHING in found else found | self._multiplied_out(factors, bound)

    def _in_part(self, factors: Sequence[tuple[Use, Number]], bound: Mapping[Letter, Expr]) -> Use | None:
        """A product with an exponential of which a part alone belongs to the sum: exp(2·u)/(Σ exp(u)·Σ exp(v))."""
        for n, (use, exponent) in enumerate(factors):
            parts, rest = exponents_of(use.node, self.families) if exponent == 1 else ([], ZERO)
            several = len(parts) > 1 or any(one.degree != 1 for part in parts for one in part)
            if not several or any(len(part) > 1 for part in parts):
                continue
            others = [self._options(other, e.is_negative) for m, (other, e) in enumerate(factors) if m != n]
            if any(len(options) > 1 for options in others):
                continue
            wanted = total_degree(
                times(next(iter(options)), -e)
                for options, (_, e) in zip(others, [pair for m, pair in enumerate(factors) if m != n], strict=True)
            )
            below = set(postorder([o.node for o, e in factors if e.is_negative and o.node not in self.shifted]))
            mine = sorted(
                (one for (one,) in parts), key=lambda one: one.argument.node in below
            )  # what no other sum has
            image = self._with_degree([one.placed(use.letters) for one in mine], place(rest, use.letters), wanted)
            if image is None:
                continue
            made = [(image, e) if m == n else (self._divided(other, e), e) for m, (other, e) in enumerate(factors)]
            return product_of_powers(made, bound)
        return None

    def _divided(self, use: Use, exponent: Number) -> Use:
        """The image of a factor that has one."""
        ((degree, image),) = self._options(use, exponent.is_negative).items()
        return self.maximum.divisor(use, degree, image) if exponent.is_negative else image

    def _with_degree(self, parts: Sequence[Exponent], rest: Use, wanted: Degree) -> Use | None:
        """One exponential of which as much is shifted as makes its degree the wanted one."""
        left = dict(wanted)
        terms = [(c, place(self._plain(term.node), term.letters)) for c, term in terms_of(rest)]
        for one in parts:
            share = min(left.get(one.key, S.Zero), one.degree)
            if share.is_negative:
                return None
            left[one.key] = left.get(one.key, S.Zero) - share
            if share != 0:
                terms.append((S.One, self.maximum.shifted(one._replace(degree=share), {one.key: S.One})))
            terms.append((one.degree - share, scale(one.family.unit, one.argument)))
        return apply(exp, [add(terms)]) if all(d == 0 for d in left.values()) else None

    def _multiplied_out(self, factors: Sequence[tuple[Use, Number]], bound: Mapping[Letter, Expr]) -> Images:
        """A product with a sum of terms of different degrees, exp(u)·(1/Σ_j exp(u) + 1/Σ_i exp(u)), term by term.

        Where only some of the terms have the degree 0, the others are as they are, for another sum to shift.
        """
        for n, (use, exponent) in enumerate(factors):
            whole = exponent.is_Integer and exponent.is_positive and use.node not in self.shifted
            target = see_through(use)
            rest = [*factors[:n], (use, exponent - 1), *factors[n + 1 :]]
            if whole and _is_choice(target.node):
                chosen = self._multiplied_in(target, rest)
                if chosen is not None:
                    return {NOTHING: mul([chosen], bound)}
            terms = terms_of(target) if whole else []
            if len(terms) > 1 and any(self._may_shift(term.node) for _, term in terms):
                products = [(c, self._cancelled([*rest, *factors_of(see_through(term))])) for c, term in terms]
                images = [(c, self._product(product, bound)) for c, product in products]
                shared = images_of_sum(images)
                if shared:
                    return shared
                parts = [
                    (c, found.get(NOTHING) or self._in_part(product, bound) or self._unshifted(product, bound))
                    for (c, found), (_, product) in zip(images, products, strict=True)
                ]
                return {NOTHING: add(parts)}
        return {}

    def _multiplied_in(self, choice: Use, rest: Sequence[tuple[Use, Number]]) -> Use | None:
        """A product with a choice between terms of different degrees, exp(u)·(1/S if c else 1/T), in each branch."""
        condition, *branches = (place(arg, choice.letters) for arg in choice.node.uses())
        if not any(self._may_shift(branch.node) for branch in branches):
            return None
        products = [self._cancelled([*rest, *factors_of(see_through(branch))]) for branch in branches]
        images = [self._product(factors, {}) for factors in products]
        if not any(NOTHING in found for found in images):
            return None
        made = [
            found.get(NOTHING) or self._unshifted(factors, {}) for found, factors in zip(images, products, strict=True)
        ]
        return apply(if_else, [self._best(condition), *made])

    def _cancelled(self, factors: Sequence[tuple[Use, Number]]) -> list[tuple[Use, Number]]:
        """The factors of a product without those that cancel, each with its images."""
        made = product_of_powers(opened_shares(factors))
        families = self.rows.families if self.rows else self.families
        for node in postorder([made.node]):
            if node not in self.touched and (
                exponents_of(node, families)[0] or any(use.node in self.touched for use in node.uses())
            ):
                self.touched.add(node)
                self._visit(node)
        coefficient, product = split_coefficient(made)
        return [(const(coefficient), S.One), *factors_of(product)] if coefficient != 1 else factors_of(product)

    def _may_shift(self, node: Node) -> bool:
        """Whether a node has a shifted image, or may have one under a sum, or in a branch."""
        within = self.rows is not None if isinstance(node, Contract) else _is_choice(node)
        return node in self.shifted or (within and node in self.touched)

    def _unshifted(self, factors: Sequence[tuple[Use, Number]], bound: Mapping[Letter, Expr]) -> Use:
        return product_of_powers([(place(self._plain(use.node), use.letters), e) for use, e in factors], bound)

    def _beside(self, use: Use, factors: Sequence[tuple[Use, Number]]) -> Images:
        """The images of an exponential beside a weight that may be zero, where u may be larger than M."""
        target = see_through(use)
        found: dict[Degree, Use] = {}
        parts, rest = exponents_of(target.node, self.families)
        for exponent in parts[0] if len(parts) == 1 and is_zero(rest) else ():
            weight = exponent.family.weight
            if weight is not None and exponent.argument.node in self.families:  # not entries of u at subscripts
                one = exponent.placed(target.letters)
                weight = place(weight, one.argument.letters)
                if set(factors_of(weight)) <= set(factors):
                    safe = apply(exp, [self.maximum.shifted(one, {one.key: S.One}, weight)])
                    found.setdefault(degree_of({one.key: one.degree}), safe)
        return found

    def _added(self, terms: Sequence[tuple[Number, Use]]) -> Images:
        options = [self._options(use) for _, use in terms]
        found = images_of_sum([(c, option) for (c, _), option in zip(terms, options, strict=True)])
        if found or not self.raising or not terms:
            return found
        known = [dict(next(iter(option))) for option in options]
        keys = distinct(key for degree in known for key in degree)
        highest = {key: max(degree.get(key, S.Zero) for degree in known) for key in keys}
        raised = [
            (c, self.maximum.raised(self._best(use), {key: d - degree.get(key, S.Zero) for key, d in highest.items()}))
            for (c, use), degree in zip(terms, known, strict=True)
        ]
        return {degree_of(highest): add(raised)}

    def _of_exponentials(self, parts: Sequence[Sequence[Exponent]], rest: Use) -> Images:
        found: dict[Degree, Use] = {}
        rest = add([(c, place(self._plain(term.node), term.letters)) for c, term in terms_of(rest)])
        for choice in islice(product(*(self.maximum.exponents(part).items() for part in parts)), MOST_CHOICES):
            shifted = [(S.One, rest), *((S.One, use) for _, use in choice)]
            found.setdefault(total_degree(degree for degree, _ in choice), apply(exp, [add(shifted)]))
        return found

    def _function(self, node: Apply) -> Images:
        head, args = node.head, node.args
        options = [self._options(arg) for arg in args]
        if head is log and args[0].node in self.shifted and not self._is_left(args[0]):
            degree, image = next(iter(options[0].items()))
            return {NOTHING: self.maximum.logarithm(args[0], degree, image)}
        if head is Abs:
            return {degree: apply(Abs, [image]) for degree, image in options[0].items()}
        masked = self.rows.masked(node) if self.rows else None
        if masked is not None:
            return self._under_condition(masked)
        if head is if_else and args[0].node not in self.shifted:
            branches = [option for arg, option in zip(args[1:], options[1:], strict=True) if not is_zero(arg)]
            shared = [degree for degree in branches[0] if all(degree in other for other in branches)]
            return {
                degree: apply(if_else, [self._best(args[0]), *(option.get(degree, ZERO) for option in options[1:])])
                for degree in shared
            }
        return {}

    def _gathered(self, node: Gather, base: Use, subs: Sequence[Use]) -> Images:
        """Of entries at subscripts M has to be at whole indices."""
        found: dict[Degree, Use] = {}
        if any(sub.node in self.shifted for sub in subs):
            return found
        places = [self._best(sub) for sub in subs]
        for degree, image in self.shifted.get(base.node, {}).items():
            moved = [(whole_letters(node, axes), d) for axes, d in degree]
            if all(key is not None for key, _ in moved):
                found[degree_of({key: d for key, d in moved if key is not None})] = node.rebuild(
                    [place(image, base.letters), *places]
                )
        return found


def _is_choice(node: Node) -> bool:
    return isinstance(node, Apply) and node.head is if_else
