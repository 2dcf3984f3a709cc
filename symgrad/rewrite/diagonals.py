"""Diagonals: f(A)[i, i] = f(A[i, i]), N numbers where f(A) has N², and sums of what stands there, which cancel.

Shares of a softmax do not change if all scores do by the same, so that the rows of second derivatives by the scores add
up to 0, and the entry on a diagonal is minus the sum of the others. These have a factor p[i]·p[j], that one 1 − p[i].
"""

from collections.abc import Iterator

from sympy import Expr, Ne, Number, S

from symgrad.functions import if_else, sigmoid
from symgrad.graph.build import ONE, SOFTMAX, ZERO, add, apply, index, is_zero, mul, product_of_powers, scale
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Add, Apply, AxisMap, Contract, Letter, Named, Node, Range, Scatter, Use, postorder
from symgrad.graph.transform import factors_of, opened, place, rebuilt, terms_of, transform
from symgrad.rewrite.record import BLANCHARD, HIGHAM, record
from symgrad.rewrite.summands import Term, opened_factors

# Sums of more terms than this, multiplied out, are not looked at, nor those that take more steps.
_MOST_TERMS = 200
_MOST_STEPS = 1000


@record("f(A)[i, i] = f(A[i, i])", "N numbers where f(A) has N²", "definition of f(A) by entries")
def diagonal(use: Use) -> Use | None:
    """An operand with an index twice, with the index inside its functions, sums and products."""
    operands = use.node.uses()
    moved = tuple(inwards(operand) for operand in operands)
    return None if moved == operands else place(use.node.rebuild(moved), use.letters)


def inwards(use: Use) -> Use:
    """A term with an index twice, with the index inside it as far as its operations go entry by entry."""
    node = use.node
    if len(set(use.letters)) == len(use.letters):
        return use
    match node:
        case Add(terms=terms):
            return add([(c, inwards(place(term, use.letters))) for c, term in terms])
        case Contract(factors=factors, bound=lengths):
            names, bound = opened(use, lengths)
            return product_of_powers([(inwards(relabel(factor, names)), e) for factor, e in factors], bound)
        case Apply(head=head, args=args):
            return apply(head, [inwards(place(arg, use.letters)) for arg in args])
    return use


@record(
    "a·(x − y) + b·(2y − 2x) = (a − 2b)·(x − y)",
    "x − y, of which little may be left, is found once and is no difference of products",
    HIGHAM,
)
def common_difference(use: Use) -> Use | None:
    """A sum of products all of which have multiples of the same difference as a factor."""
    terms = terms_of(use) if isinstance(use.node, Add) else []
    if len(terms) < 2:
        return None
    (first, one), *others = terms
    for difference, e in factors_of(one):
        if e != 1 or not _is_difference(difference):
            continue
        rest = [(first, product_of_powers([pair for pair in factors_of(one) if pair[0] != difference]))]
        for c, term in others:
            found = next(
                ((factor, r) for factor, k in factors_of(term) if k == 1 and (r := _multiple(factor, difference))), None
            )
            if found is not None:
                factor, ratio = found
                left = product_of_powers([pair for pair in factors_of(term) if pair[0] != factor])
                rest.append((c * ratio, left))
        if len(rest) == len(terms):
            return mul([difference, add(rest)])
    return None


def _is_difference(use: Use) -> bool:
    return isinstance(use.node, Add) and len({bool(c.is_positive) for c, _ in terms_of(use)}) > 1


def _multiple(use: Use, of: Use) -> Number | None:
    """The number r with use = r·of, for sums; None if there is none."""
    if not isinstance(use.node, Add):
        return None
    ((c, term), *_), known = terms_of(of), {term: c for c, term in terms_of(use)}
    ratio = known.get(term, S.Zero) / c
    return ratio if ratio and scale(ratio, of) == use else None


@record(
    "d[i]·δ[i, j] + a[i, j] = −Σ_{k≠i} a[i, k] at j = i, where d[i] = −Σ_k a[i, k]",
    "what a share of 1, or its derivatives, leaves cancels there, and nowhere else",
    BLANCHARD,
)
def minus_the_others(
    together: Use, diagonal: Use, everywhere: Use, tie: tuple[Letter, Letter], length: Expr
) -> Use | None:
    """All that stands on a diagonal, by the other entries of its rows.

    `together` is that all; `diagonal` is d, without the column of the tie, and `everywhere` a. None where rows have
    another sum than 0, or no softmax in them.
    """
    row, column = tie
    if not {*tie} <= {*everywhere.letters} or SOFTMAX not in together.node.contents:
        return None
    plain, put, in_columns = _without_labels(everywhere, row, column, length)
    if not {*tie} <= {*plain.letters}:
        return None
    apart = add([(S.One, diagonal), (S.One, in_columns)])
    known_apart, known = _without_complements(*_without_names_of_softmax(apart, plain))
    total = add((c, mul([term], {column: length})) for c, term in _multiplied_out(known))
    if not is_zero(add([*_multiplied_out(total), *_multiplied_out(known_apart)])):
        return None
    others = apply(if_else, [apply(Ne, [index(row, length), index(column, length)]), plain, ZERO])
    rest = [(S.NegativeOne, mul([others], {column: length})), (S.NegativeOne, in_columns)]
    return add([*rest, (S.One, inwards(relabel(put, {column: row})))])


def _without_labels(everywhere: Use, row: Letter, column: Letter, length: Expr) -> tuple[Use, Use, Use]:
    """The entries without what is put at labels, that, and what is put into one column of each row.

    Rows of labels have no part in the sums of all others, in which shares of what the labels leave stand.
    """
    terms = terms_of(everywhere)
    put = [(c, term) for c, term in terms if isinstance(term.node, Scatter) and {row, column} <= {*term.letters}]
    in_columns = [
        (c, mul([term], {column: length}))
        for c, term in put
        if isinstance(term.node, Scatter) and isinstance(term.node.subs[term.letters.index(row)].node, Range)
    ]
    return add([pair for pair in terms if pair not in put]), add(put), add(in_columns)


def _is_named_softmax(node: Node) -> bool:
    return isinstance(node, Named) and isinstance(node.arg.node, AxisMap) and node.arg.node.head == SOFTMAX


def _without_names_of_softmax(*uses: Use) -> list[Use]:
    """The terms with softmax itself in place of its names, whose sums are known to be 1."""
    nodes = postorder([use.node for use in uses])
    opaque = {node for node in nodes if isinstance(node, Named) and not _is_named_softmax(node)}
    return transform(uses, lambda node, parts: parts[0] if _is_named_softmax(node) else None, opaque)


def _without_complements(*uses: Use) -> list[Use]:
    """The terms with 1 − σ(u) in place of σ(−u), one of each pair of arguments."""

    def visit(node: Node, parts: tuple[Use, ...]) -> Use | None:
        if not (isinstance(node, Apply) and node.head is sigmoid):
            return None
        argument = rebuilt(node, parts)
        (exponent,) = argument.node.uses()
        mirrored = place(scale(S.NegativeOne, exponent), argument.letters)
        if mirrored.node.digest < exponent.node.digest:
            return add([(S.One, ONE), (S.NegativeOne, apply(sigmoid, [mirrored]))])
        return None

    return transform(uses, visit) if any(sigmoid in use.node.contents for use in uses) else list(uses)


def _multiplied_out(use: Use, room: Iterator[int] | None = None) -> list[Term]:
    """The terms of a sum of products without sums in them, also inside of sums over an index; as it is if too long.

    `room` has an element for every step that may still be taken, those for sums inside among them.
    """
    room = iter(range(_MOST_STEPS)) if room is None else room
    made: list[Term] = []
    left = terms_of(use)
    while left:
        c, term = left.pop()
        factors, bound = opened_factors(term) if isinstance(term.node, Contract) else ([(term, S.One)], {})
        found = ((n, parts) for n, pair in enumerate(factors) if (parts := _parts(*pair, term, room)))
        n, parts = next(found, (0, []))
        others = [(f, e - int(m == n)) for m, (f, e) in enumerate(factors)]
        left += [(c * d, product_of_powers([*others, (part, S.One)], bound)) for d, part in parts]
        made += [] if parts else [(c, term)]
        if len(made) + len(left) > _MOST_TERMS or next(room, None) is None:
            return [(S.One, use)]
    return made


def _parts(factor: Use, exponent: Number, term: Use, room: Iterator[int]) -> list[Term]:
    """The terms of a factor that is a sum; none of any other, and of the term itself."""
    if isinstance(factor.node, Add) and exponent.is_Integer and exponent.is_positive:
        return terms_of(factor)
    if isinstance(factor.node, Contract) and factor.node.bound and exponent == 1 and factor != term:
        parts = _multiplied_out(factor, room)
        return parts if len(parts) > 1 else []
    return []
