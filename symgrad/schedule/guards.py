"""Keeps functions from being evaluated where a condition around them says that their value is not used.

`np.where(x > 0, np.log(x), 0)` evaluates the logarithm everywhere, and what multiplies a derivative that is zero there
must be finite. Wherever a term is chosen by a condition, or multiplied by a factor that vanishes where a condition does
not hold, the functions in it that are not finite for all real numbers get an argument that is safe where it does not:
`np.log(np.where(x > 0, x, 1))`.
"""

from collections.abc import Generator, Sequence
from typing import Any, NamedTuple

import sympy as sp
from sympy import Expr, Pow, S
from sympy.codegen import cfunctions

from symgrad.functions import MaxOver, MinOver, if_else
from symgrad.graph.axes import axis_map, gather, is_plain, named, reduce
from symgrad.graph.build import ONE, ZERO, add, apply, const, is_zero, product_of_powers, sizes_of
from symgrad.graph.letters import distinct, relabel
from symgrad.graph.nodes import (
    Add,
    Apply,
    AxisMap,
    Const,
    Contract,
    Gather,
    Input,
    Named,
    Node,
    Reduce,
    Scatter,
    Size,
    Use,
    postorder,
)
from symgrad.graph.transform import place, see_through, transform
from symgrad.rewrite.record import record

# Arguments at which functions that are not finite everywhere are finite, with their derivatives
_SAFE: dict[Any, Expr] = {
    **dict.fromkeys((sp.log, cfunctions.log2, cfunctions.log10, sp.gamma, sp.loggamma, sp.digamma), S.One),
    **dict.fromkeys((sp.csc, sp.cot, sp.csch, sp.coth), S.One),
    **dict.fromkeys((sp.exp, cfunctions.expm1, cfunctions.exp2, sp.sinh, sp.cosh, sp.tan, sp.sec), S.Zero),
    **dict.fromkeys((sp.asin, sp.acos, sp.atanh, sp.erfinv, cfunctions.log1p), S.Zero),
    sp.acosh: S(2),
    Pow: S.One,
}


class Guard(NamedTuple):
    """A term is used only where `condition` is `holds`."""

    condition: Use
    holds: bool

    def choose(self, use: Use, safe: Expr) -> Use:
        branches = [use, const(safe)] if self.holds else [const(safe), use]
        return apply(if_else, [self.condition, *branches])


Rewriting = Generator[Use, Use, Use]


@record(
    "f(u) if q else c = f(u if q else 1) if q else c",
    "functions are evaluated everywhere: log(0)·0 is not a number",
    "definition by cases",
)
def guard(roots: Sequence[Use]) -> list[Use]:
    """The terms with safe arguments under conditions and beside factors that vanish."""
    guarded = _Guarded()

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        if isinstance(node, Apply) and node.head is if_else:
            condition, yes, no = uses
            if is_zero(no) or is_zero(yes):  # where the other is zero, too, the condition does not matter
                for one in guarded.vanishes(yes if is_zero(no) else no):
                    condition = guarded.under(condition, one)
            branches = [guarded.under(yes, Guard(condition, True)), guarded.under(no, Guard(condition, False))]
            return apply(if_else, [condition, *branches])
        if isinstance(node, Contract):
            return guarded.beside_zeros(node, uses)
        return None

    return transform(roots, visit)


def is_risky(node: Node, known: dict[Node, bool] | None = None) -> bool:
    """Whether something below a node is not finite for all real numbers; what is `known` is kept there."""
    known = {} if known is None else known
    if node not in known:
        for below in postorder([node], known.keys()):
            own = isinstance(below, Apply) and below.head in _SAFE
            own = own or (isinstance(below, Contract) and any(_is_risky_power(*pair) for pair in below.factors))
            known[below] = own or any(known[use.node] for use in below.uses())
    return known[node]


def _is_risky_power(use: Use, exponent: Expr) -> bool:
    if exponent.is_Integer and exponent.is_positive:
        return False
    node = use.node.base.node if isinstance(use.node, Gather) else use.node  # what counts counts at every position
    return not (isinstance(node, Size | Const) or counts_ties(node))


def counts_ties(node: Node) -> bool:
    """How many entries equal their maximum or minimum: at least one, unless there are no entries."""
    if not (isinstance(node, Contract) and len(node.factors) == 1):
        return False
    hit = node.factors[0][0].node
    if not (isinstance(hit, Apply) and hit.head is if_else):
        return False
    condition = hit.args[0].node
    sides = [see_through(use).node for use in condition.uses()]
    largest = any(isinstance(side, Reduce) and side.head in (MaxOver, MinOver) for side in sides)
    return isinstance(condition, Apply) and condition.head is sp.Eq and largest


class _Guarded:
    """Rewrites terms under guards, each once."""

    def __init__(self) -> None:
        self._done: dict[tuple[Use, Guard], Use] = {}
        self._risky: dict[Node, bool] = {}
        self._vanishing: dict[Node, list[Guard]] = {}

    def beside_zeros(self, node: Contract, uses: tuple[Use, ...]) -> Use | None:
        """A product, each factor safe where another one vanishes."""
        found = {n: self.vanishes(use) for n, use in enumerate(uses) if node.factors[n][1].is_positive}
        if not any(found.values()):
            return None
        factors = []
        for m, (use, (_, exponent)) in enumerate(zip(uses, node.factors, strict=True)):
            for n, guards in found.items():
                for one in guards if n != m else ():
                    use = self.under(use, one)
                    if _is_risky_power(use, exponent):
                        use = one.choose(use, S.One)
            factors.append((use, exponent))
        return product_of_powers(factors, dict(enumerate(node.bound, node.rank)))

    def vanishes(self, use: Use) -> list[Guard]:
        """Guards outside which a term is zero."""
        for node in postorder([use.node], self._vanishing.keys()):
            self._vanishing[node] = [
                one for one in self._own_guards(node) if all(letter < node.rank for letter in one.condition.letters)
            ]
        return [Guard(place(one.condition, use.letters), one.holds) for one in self._vanishing[use.node]]

    def _own_guards(self, node: Node) -> list[Guard]:
        match node:
            case Named(arg=arg):
                return self.vanishes(arg)
            case Add(terms=((_, first), *rest)):
                return [one for one in self.vanishes(first) if all(one in self.vanishes(use) for _, use in rest)]
            case Contract(factors=factors):
                return [one for use, e in factors if e.is_positive for one in self.vanishes(use)]
            case Scatter(value=value):
                return self.vanishes(value)
            case Gather(base=base):
                return [one for one in self.vanishes(base) if not one.condition.letters]
            case Apply(head=head, args=(condition, yes, no)) if head is if_else:
                if is_zero(no):
                    return [Guard(condition, True), *self.vanishes(yes)]
                if is_zero(yes):
                    return [Guard(condition, False), *self.vanishes(no)]
        return []

    def under(self, use: Use, one: Guard) -> Use:
        """The term with safe arguments where it is not used."""
        stack: list[tuple[Use, Guard, Rewriting]] = []
        wanted: Use | None = use
        result: Use | None = None
        while wanted is not None or stack:
            if wanted is not None:
                outer = stack[-1][1] if stack else one
                near = self._near(wanted, outer) if is_risky(wanted.node, self._risky) else None
                known = wanted if near is None else self._done.get((wanted, near))
                if near is not None and known is None:
                    stack.append((wanted, near, self._rewriting(wanted, near)))
                wanted, result = None, known
            try:
                if stack:
                    wanted = next(stack[-1][2]) if result is None else stack[-1][2].send(result)
            except StopIteration as stop:
                finished, near, _ = stack.pop()
                result = self._done[finished, near] = stop.value
        assert result is not None
        return result

    def _near(self, use: Use, one: Guard) -> Guard | None:
        """The guard for a term: where the term lacks letters of the condition, it is used if any of their entries is.

        Given an entry for each of the condition's, it would be computed anew for each, through all the sums and names
        below it: the keys of a causal attention for every query. A condition on indices alone, as there, holds
        somewhere for every key. A term that is made of arguments entry by entry may grow.
        """
        missing = {x: n for x, n in sizes_of([one.condition]).items() if x not in use.letters}
        below = postorder([use.node])
        if not missing or not any(
            isinstance(node, Named | Reduce | AxisMap | Gather) or getattr(node, "bound", ()) for node in below
        ):
            return one
        if not any(isinstance(node, Input | Named) for node in postorder([one.condition.node])):
            return None
        used = apply(if_else, [one.condition, *((ONE, ZERO) if one.holds else (ZERO, ONE))])
        return Guard(apply(sp.Gt, [product_of_powers([(used, S.One)], missing), ZERO]), True)

    def _rewriting(self, use: Use, one: Guard) -> Rewriting:
        node = use.node
        bound = getattr(node, "bound", ())
        names = dict(enumerate(use.letters)) | {node.rank + k: (use, k) for k in range(len(bound))}
        lengths = {(use, k): length for k, length in enumerate(bound)}
        match node:
            case Named(name=name, symbol=symbol, arg=arg, properties=properties):
                inner = relabel(arg, names)
                made = yield inner
                if made == inner:
                    return use
                letters = distinct([*use.letters, *made.letters])
                sizes = sizes_of([use, made])
                axes = {letter: axis for axis, letter in enumerate(letters)}
                said = properties if letters == use.letters else ()  # of the last two axes
                shape = tuple(sizes[x] for x in letters)
                return Use(named(name, symbol, shape, relabel(made, axes), said), letters)
            case Add(terms=terms):
                parts = []
                for coefficient, part in terms:
                    parts.append((coefficient, (yield relabel(part, names))))
                return add(parts)
            case Contract(factors=factors):
                powers = []
                for part, exponent in factors:
                    made = yield relabel(part, names)
                    powers.append((one.choose(made, S.One) if _is_risky_power(part, exponent) else made, exponent))
                return product_of_powers(powers, lengths)
            case Apply(head=head, args=args):
                made_args = []
                for arg in args:
                    made_args.append((yield relabel(arg, names)))
                if head in _SAFE:
                    made_args[0] = one.choose(made_args[0], _SAFE[head])
                return apply(head, made_args)
            case Gather(base=base, subs=subs):
                entries = zip(base.letters, subs, base.node.shape, strict=True)
                whole = {use.letters[sub.letters[0]]: x for x, sub, length in entries if is_plain(sub, length)}
                if set(one.condition.letters) <= set(whole):
                    condition = Use(one.condition.node, tuple(whole[x] for x in one.condition.letters))
                    inner = self.under(base, one._replace(condition=condition))
                    if inner != base:
                        positions = dict(zip(base.letters, subs, strict=True))
                        return gather(inner, [relabel(positions[x], names) for x in inner.letters])
            case Reduce(head=head, arg=arg):
                return reduce(head, (yield relabel(arg, names)), lengths)
            case AxisMap(head=head, arg=arg, over=over):
                along = {use.letters[axis]: node.shape[axis] for axis in over}
                if set(along) & set(one.condition.letters) or len(set(use.letters)) < node.rank:
                    return use  # entries that are not used take part in the others
                return axis_map(head, (yield relabel(arg, names)), along)
        return use
