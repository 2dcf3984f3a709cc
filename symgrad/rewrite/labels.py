"""Scores of a class that is data, u[n, y[n]] − logsumexp(u)[n], where u is written out: Σ x[n, m]·w[m, y[n]]."""

from collections.abc import Iterator

from symgrad.functions import LogSumExp
from symgrad.graph.build import LOG_SOFTMAX, add, apply, axis_map, gather, index, product_of_powers
from symgrad.graph.letters import relabel, sizes_of
from symgrad.graph.nodes import Add, Apply, Contract, Gather, Letter, Range, Reduce, Use
from symgrad.graph.transform import factors_of, opened, own, place, see_through, terms_of
from symgrad.rewrite.record import BLANCHARD, record

_CLASS = "class"


@record("u(y) − logsumexp(u) = log_softmax(u)[y]", "the score of a class that is certain cancels", BLANCHARD)
def log_softmax_at_label(use: Use) -> Use | None:
    """The score of a label less the logsumexp of all scores, however many terms the score has."""
    if not isinstance(use.node, Add):
        return None
    terms = terms_of(use)
    labels: list[Use] | None = None
    for n, (coefficient, term) in enumerate(terms):
        reduction = see_through(term)
        if not (isinstance(reduction.node, Reduce) and reduction.node.head is LogSumExp):
            continue
        labels = list(dict.fromkeys(labels_of(use))) if labels is None else labels
        rank, bound = reduction.node.rank, reduction.node.bound
        scores = relabel(reduction.node.arg, {**dict(enumerate(reduction.letters)), rank: _CLASS})
        for label in labels if len(bound) == 1 and scores.letters.count(_CLASS) == 1 else ():
            found = at_label(see_through(scores), _CLASS, label)
            wanted = [(-coefficient * c, part) for c, part in terms_of(found)]
            rest = [pair for m, pair in enumerate(terms) if m != n and pair not in wanted]
            if len(rest) + len(wanted) + 1 == len(terms):
                logs = axis_map(LOG_SOFTMAX, scores, {_CLASS: bound[0]})
                return add([(-coefficient, _entry(logs, _CLASS, label)), *rest])
    return None


def labels_of(use: Use) -> Iterator[Use]:
    """What arrays are looked up at in the factors of a sum's terms."""
    for _, term in terms_of(use):
        names, _ = opened(term, term.node.bound if isinstance(term.node, Contract) else ())
        factors = [(relabel(f, names), e) for f, e in term.node.factors] if isinstance(term.node, Contract) else []
        for factor, _ in factors or factors_of(term):
            if isinstance(factor.node, Gather):
                subs = [place(sub, factor.letters) for sub in factor.node.subs]
                yield from (
                    sub for sub in subs if not isinstance(sub.node, Range) and set(sub.letters) <= set(use.letters)
                )


def at_label(use: Use, letter: Letter, label: Use) -> Use:
    """A term at a label in place of a letter."""
    node = use.node
    if letter not in use.letters:
        return use
    match node:
        case Add(terms=terms):
            return add([(c, at_label(place(term, use.letters), letter, label)) for c, term in terms])
        case Contract(factors=factors):
            names, bound = opened(use, node.bound, label.letters)
            return product_of_powers([(at_label(relabel(f, names), letter, label), e) for f, e in factors], bound)
        case Apply(head=head, args=args):
            return apply(head, [at_label(place(arg, use.letters), letter, label) for arg in args])
        case Gather(base=base, subs=subs):
            return gather(own(base.node), [at_label(place(sub, use.letters), letter, label) for sub in subs])
        case Range():
            return label
    return _entry(use, letter, label)


def _entry(use: Use, letter: Letter, label: Use) -> Use:
    sizes = sizes_of([use])
    return gather(use, [label if x == letter else index(x, sizes[x]) for x in use.letters])
