"""Shifts exponentials by their maximum where it cancels: log Σ w·exp(u), Σ v·exp(u) / Σ exp(u), and their derivatives.

`rewrite` knows logsumexp and softmax by their plain spelling; this is about what is left: sums with weights, quotients
of sums. Let M = max u over what a sum Σ w·exp(u) runs over. A term has the degree d if putting exp(u - M) for exp(u)
multiplies it by exp(-d·M): exp(c·u) has the degree c, degrees of factors add up, those of the terms of a sum have to
agree. A term of degree 0 may be computed with exp(u - M), and so may the logarithm of a term of degree d, to which d·M
is added then. Nothing overflows so, and the sum has a term as large as its weight.

Source: Blanchard, Higham and Higham, Accurately computing the log-sum-exp and softmax functions (2021).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sympy import Abs, Ne, Number, S, exp, log, oo

from symgrad.functions import MaxOver, MinOver, if_else
from symgrad.graph.axes import auxiliary, is_plain, reduce
from symgrad.graph.build import (
    ZERO,
    add,
    apply,
    const,
    is_zero,
    product_of_powers,
    scale,
    split_coefficient,
    subtract,
)
from symgrad.graph.letters import free_letters, relabel
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
from symgrad.graph.positive import is_positive
from symgrad.graph.transform import dependents, factors_of, own, place, rebuild, see_through
from symgrad.rewrite.record import BLANCHARD, record

Degree = Mapping[tuple[Letter, ...], Number]  # of M at these letters
_SHIFTED = "shifted"


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
        anchor = next((a for a in _anchors(current) if a.total not in done), None)
        if anchor is None:
            return current
        done.add(anchor.total)
        current = _Shift(anchor, current).roots


@dataclass(frozen=True)
class _Anchor:
    """A sum of w·exp(u), or of that where a condition holds: its node, u and w in the letters of the node's inside.

    `conditions` say where a term of the sum is not zero; M is the maximum over these.
    """

    total: Contract
    argument: Use
    weight: Use
    conditions: tuple[Use, ...]

    @property
    def guarded(self) -> bool:
        """Whether w may be zero."""
        return not is_positive(self.weight)

    def largest(self) -> Use:
        """M in the letters of the sum."""
        there = self.argument
        for condition in self.conditions:
            there = apply(if_else, [condition, there, const(-oo)])
        return reduce(MaxOver, there, {self.total.rank + k: length for k, length in enumerate(self.total.bound)})


def _anchors(roots: Sequence[Use]) -> list[_Anchor]:
    """The sums of exponentials that something is divided by, or whose logarithm is taken."""
    found: dict[Node, _Anchor] = {}
    for node in postorder([use.node for use in roots]):
        parts: list[Use] = []
        if isinstance(node, Contract):
            parts = [factor for factor, exponent in node.factors if exponent.is_negative]
        elif isinstance(node, Apply) and node.head is log:
            parts = [factor for factor, _ in factors_of(see_through(node.args[0]))]
        for part in parts:
            anchor = _anchor(see_through(part).node)
            if anchor is not None:
                found.setdefault(anchor.total, anchor)
    return list(found.values())


def _anchor(node: Node) -> _Anchor | None:
    if not isinstance(node, Contract) or not node.bound:
        return None
    bound = set(range(node.rank, node.rank + len(node.bound)))
    arguments: list[Use] = []
    conditions: list[Use] = []
    others = []
    for factor, exponent in node.factors:
        masked = see_through(factor)
        inside = [(factor, exponent)]
        if exponent == 1 and isinstance(masked.node, Apply) and masked.node.head is if_else:
            condition, yes, no = (place(arg, masked.letters) for arg in masked.node.args)
            if is_zero(no):
                inside = factors_of(see_through(yes))
                conditions.append(condition)
        for part, power in inside:
            target = see_through(part)
            if (
                power == 1
                and isinstance(target.node, Apply)
                and target.node.head is exp
                and set(target.letters) & bound
            ):
                arguments.append(place(target.node.args[0], target.letters))
            else:
                others.append((part, power))
    if len(arguments) != 1:
        return None
    weight = product_of_powers(others)
    conditions += [] if is_positive(weight) else [apply(Ne, [weight, ZERO])]
    plain = split_coefficient(arguments[0])[1]
    if (
        len(set(plain.letters)) < len(plain.letters)
        or not bound <= set(plain.letters)
        or not set(free_letters(conditions)) <= set(plain.letters)
        or (isinstance(plain.node, Named) and plain.node.name == _SHIFTED)
    ):
        return None
    return _Anchor(node, arguments[0], weight, tuple(conditions))


@dataclass
class _Shift:
    """The terms with the exponentials of one anchor shifted; every touched node has up to two images.

    The plain image of a node has its value; the shifted one, which only nodes with a degree have, exp(-degree·M) of it.
    """

    anchor: _Anchor
    given: Sequence[Use]
    degrees: dict[Node, Degree | None] = field(default_factory=dict)
    plain: dict[Node, Use] = field(default_factory=dict)
    shifted: dict[Node, Use] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.unit, base = split_coefficient(self.anchor.argument)
        self.family = base.node
        # M over the axes of u
        names = {letter: axis for axis, letter in enumerate(base.letters)}
        largest = self.anchor.largest()
        self.largest = Use(largest.node, tuple(names[letter] for letter in largest.letters))
        self.axes = tuple(dict.fromkeys(self.largest.letters))
        weight = self.anchor.weight
        self.weight = Use(weight.node, tuple(names.get(letter, letter) for letter in weight.letters))
        nodes = list(postorder([use.node for use in self.given]))
        touched = dependents([use.node for use in self.given], [n for n in nodes if self._exponent(n) is not None])
        for node in nodes:
            if node in touched:
                self._visit(node)

    @property
    def roots(self) -> list[Use]:
        return [place(self._plain(use.node), use.letters) for use in self.given]

    def _exponent(self, node: Node) -> tuple[Number, Use, tuple[Letter, ...]] | None:
        """c, u and the letters of M of a node exp(c·u), where u may be entries at subscripts."""
        if not isinstance(node, Apply) or node.head is not exp:
            return None
        c, argument = split_coefficient(node.args[0])
        if isinstance(argument.node, Gather) and argument.node.base.node is self.family:
            key = _whole(argument.node, self.axes)
            return None if key is None else (c / self.unit, argument, tuple(argument.letters[k] for k in key))
        if argument.node is not self.family:
            return None
        return c / self.unit, argument, tuple(argument.letters[axis] for axis in self.axes)

    def _plain(self, node: Node) -> Use:
        return self.plain.get(node, own(node))

    def _degree(self, use: Use) -> Degree | None:
        """That of an operand, {} for one that does not depend on the exponentials."""
        found = self.degrees.get(use.node, {})
        return None if found is None else {tuple(use.letters[k] for k in key): d for key, d in found.items()}

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
            c, argument, key = found
            return {key: c}, self._exponential(c, argument, key)
        match node:
            case Add(terms=terms):
                degrees = [self._degree(use) for _, use in terms]
                if any(degree is None or degree != degrees[0] for degree in degrees) or degrees[0] is None:
                    return self._opaque(node)
                return degrees[0], add([(c, self._best(use)) for c, use in terms])
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
        total: dict[tuple[Letter, ...], Number] = {}
        for use, exponent in node.factors:
            for key, d in (self._degree(use) or {}).items():
                total[key] = total.get(key, S.Zero) + exponent * d
        total = {key: d for key, d in total.items() if d != 0}
        if any(letter >= node.rank for key in total for letter in key):
            return None
        bound = {node.rank + k: length for k, length in enumerate(node.bound)}
        return total, product_of_powers(self._weighted(node), bound)

    def _exponential(self, c: Number, argument: Use, key: Sequence[Letter], weight: Use | None = None) -> Use:
        """exp(c·(u - M)); what is multiplied by a weight of zero, where u may be larger than M, is 1 instead."""
        shifted = subtract(scale(self.unit, argument), self._largest_at(key))
        if weight is not None:
            shifted = apply(if_else, [apply(Ne, [weight, ZERO]), shifted, ZERO])
        return apply(exp, [scale(c, auxiliary(_SHIFTED, shifted))])

    def _largest_at(self, key: Sequence[Letter]) -> Use:
        return relabel(self.largest, dict(zip(self.axes, key, strict=True)))

    def _weighted(self, node: Contract) -> list[tuple[Use, Number]]:
        """The shifted factors of a product."""
        factors = [(self._best(use), exponent) for use, exponent in node.factors]
        for n, (use, exponent) in enumerate(node.factors):
            target = see_through(use)
            found = self._exponent(target.node)
            if found is None or exponent != 1 or not self.anchor.guarded or found[1].node is not self.family:
                continue
            c, argument, key = found
            argument, key = place(argument, target.letters), tuple(target.letters[k] for k in key)
            weight = place(self.weight, argument.letters)
            if set(factors_of(weight)) <= set(node.factors):
                factors[n] = self._exponential(c, argument, key, weight), S.One
        return factors

    def _function(self, node: Apply, head: object, args: Sequence[Use]) -> tuple[Degree, Use] | None:
        degrees = [self._degree(arg) for arg in args]
        if head is log and degrees[0]:
            largest = [(d, self._largest_at(key)) for key, d in degrees[0].items()]
            return {}, add([(S.One, apply(log, [self._best(args[0])])), *largest])
        if head is Abs and degrees[0] is not None:
            return degrees[0], apply(Abs, [self._best(args[0])])
        if head is if_else and not degrees[0]:
            branches = [d for arg, d in zip(args[1:], degrees[1:], strict=True) if not is_zero(arg)]
            if branches and branches[0] is not None and all(d == branches[0] for d in branches):
                return branches[0], apply(if_else, [self._best(arg) for arg in args])
        return self._opaque(node)

    def _gathered(self, node: Gather, base: Use, subs: Sequence[Use]) -> tuple[Degree, Use] | None:
        """Of entries at subscripts M has to be at whole indices."""
        degree = self.degrees.get(base.node, {})
        if degree is None or any(self._degree(sub) for sub in subs):
            return None
        moved: dict[tuple[Letter, ...], Number] = {}
        for axes, d in degree.items():
            key = _whole(node, axes)
            if key is None:
                return None
            moved[key] = d
        return moved, rebuild(node, [self._best(base), *map(self._best, subs)])


def _whole(node: Gather, axes: Sequence[int]) -> tuple[Letter, ...] | None:
    """The letters that go along whole axes of what is gathered from; None if one of them is at other subscripts."""
    subs = [node.subs[-1 - node.base.letters[axis]] for axis in axes]
    if not all(is_plain(sub, node.base.node.shape[axis]) for sub, axis in zip(subs, axes, strict=True)):
        return None
    return tuple(sub.letters[0] for sub in subs)
