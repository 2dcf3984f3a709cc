"""What targets leave of the shares of a softmax, c·p − w with Σ w = c, where one share is near 1 and c·p − w cancels.

All entries add up to 0, so that of the largest share is minus the sum of the others, each of which has its digits. It
is the gradient of a cross-entropy, of labels as well as of soft targets, which tells a certain class from a sure one.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sympy import Expr, S

from symgrad.graph.build import BALANCED, SOFTMAX, add, is_zero, mul, product_of_powers, running, scale
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Add, AxisMap, Letter, Node, Range, Scatter, Use
from symgrad.graph.transform import factors_of, place, rebuilt, see_through, terms_of, transform
from symgrad.rewrite.facts import use_identity
from symgrad.rewrite.record import BLANCHARD, record
from symgrad.rewrite.summands import Term


@record(
    "c·p − w = −Σ (c·p − w) over all other entries where the share p is near 1 and Σ w = c",
    "the gradient of a cross-entropy cancels where a class is certain",
    BLANCHARD,
)
def balance(roots: Sequence[Use], identities: Sequence[tuple[Use, Use]] = ()) -> list[Use]:
    """The terms with differences of shares and targets that have the same sum along an axis as such."""

    def visit(node: Node, uses: tuple[Use, ...]) -> Use | None:
        made = rebuilt(node, uses) if isinstance(node, Add) and len(node.terms) > 1 else None
        return _balanced(made, identities) if made is not None and isinstance(made.node, Add) else None

    return transform(roots, visit)


class _Shares(NamedTuple):
    """c·p, with the letter along which the shares p add up to 1."""

    factor: Use
    share: Use
    letter: Letter
    length: Expr


def _balanced(use: Use, identities: Sequence[tuple[Use, Use]]) -> Use | None:
    made: list[Term] = []
    left = terms_of(use)
    while (found := _pair(left, identities)) is not None:
        left, one = found
        made.append(one)
    return add([*left, *made]) if made else None


def _pair(terms: Sequence[Term], identities: Sequence[tuple[Use, Use]]) -> tuple[list[Term], Term] | None:
    """A multiple of shares with all that has the same sum, as one term, and the terms that are left."""
    for n, (c, term) in enumerate(terms):
        for found in _shares(term):
            others = [pair for m, pair in enumerate(terms) if m != n and pair[1].letters.count(found.letter) == 1]
            for part in [[pair] for pair in others] + ([others] if len(others) > 1 else []):
                totals = [(d, _total(target, found.letter, found.length, identities)) for d, target in part]
                if is_zero(add([(c, found.factor), *totals])):
                    sign = c / abs(c)
                    taken = add([(-d * sign, target) for d, target in part])
                    made = running(BALANCED, scale(c * sign, term), found.letter, taken, found.share)
                    return [pair for m, pair in enumerate(terms) if m != n and pair not in part], (sign, made)
    return None


def _shares(term: Use) -> Iterator[_Shares]:
    """The ways to read a term as a multiple of shares."""
    factors = factors_of(term)
    for n, (factor, e) in enumerate(factors):
        share = see_through(factor)
        node = share.node
        if e != 1 or not (isinstance(node, AxisMap) and node.head == SOFTMAX and len(node.over) == 1):
            continue
        letter = share.letters[node.over[0]]
        rest = product_of_powers([pair for m, pair in enumerate(factors) if m != n])
        if share.letters.count(letter) == 1 and letter not in rest.letters:
            yield _Shares(rest, factor, letter, node.shape[node.over[0]])


def _total(use: Use, letter: Letter, length: Expr, identities: Sequence[tuple[Use, Use]]) -> Use:
    """The sum along a letter: of labels what is put at them, of targets what is known of it."""
    factors = factors_of(use)
    along = [(see_through(factor), e) for factor, e in factors if letter in factor.letters]
    rest = [pair for pair in factors if letter not in pair[0].letters]
    if len(along) == 1 and along[0][1] == 1 and isinstance(along[0][0].node, Scatter):
        put = _put(along[0][0], letter)
        if put is not None:
            return product_of_powers([*rest, (put, S.One)])
    total = mul([product_of_powers(along)], {letter: length})
    known = use_identity(total.node, identities)
    return product_of_powers([*rest, (total if known is None else place(known, total.letters), S.One)])


def _put(use: Use, letter: Letter) -> Use | None:
    """What is put at places along a letter, all of which are on it; None where other axes have places, too."""
    node = use.node
    assert isinstance(node, Scatter)
    axis = use.letters.index(letter)
    others = [(k, sub) for k, sub in enumerate(node.subs) if k != axis]
    if axis in node.value.letters or any(not isinstance(sub.node, Range) or sub.letters != (k,) for k, sub in others):
        return None
    if node.bound or axis in node.subs[axis].letters:
        return None
    return relabel(node.value, dict(enumerate(use.letters)))
