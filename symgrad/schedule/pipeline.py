"""The order in which the terms of every generated function are made ready for code.

There is one: value and gradient, Hessians, products with them, Jacobians, named quantities, distances from kinks and
from singular matrices all go through `PHASES` from first to last. Each phase says why it stands where it does.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from symgrad.graph.nodes import Use
from symgrad.graph.symmetry import as_known
from symgrad.graph.transform import own, transform
from symgrad.rewrite.engine import Trace
from symgrad.rewrite.pipeline import near_certainty, stabilise
from symgrad.schedule.added import add_first
from symgrad.schedule.balanced import balance
from symgrad.schedule.centred import centre
from symgrad.schedule.cumulative import accumulate
from symgrad.schedule.exponentials import shift_exponentials
from symgrad.schedule.factorise import factorise
from symgrad.schedule.guards import guard
from symgrad.schedule.invariant import take_out
from symgrad.schedule.labels import place_labels
from symgrad.schedule.lower import lower
from symgrad.schedule.masks import split_masks
from symgrad.schedule.norms import norms
from symgrad.schedule.products import distribute, share, sum_first
from symgrad.schedule.steps import keep_steps
from symgrad.schedule.sums import share_sums
from symgrad.schedule.symmetric import squares
from symgrad.schedule.vectors import share_vectors
from symgrad.schedule.weighted_logarithms import weigh_logarithms
from symgrad.schedule.zero_probabilities import zero_probabilities


@dataclass(frozen=True)
class Known:
    """What phases may know beside the terms.

    Attributes
    ----------
    identities : pairs of terms that are equal by a fact.
    adjoints : whether the first term is the loss, and those after it are derivatives of it.
    parameters : the names of the arrays that derivatives are by, and of directions of these.
    loss : what is differentiated, where the terms are derivatives of it alone.
    """

    identities: Sequence[tuple[Use, Use]] = ()
    adjoints: bool = False
    parameters: Collection[str] = ()
    loss: Use | None = None


@dataclass(frozen=True)
class Phase:
    """One step on the way from terms to code.

    Attributes
    ----------
    name : what it is called.
    reason : why it is there, and why there.
    function : the terms as they are after it.
    together : whether it is applied to the terms of several functions at once, so that these agree to the last digit;
        else to those of each function by itself, since it counts what occurs how often there.
    """

    name: str
    reason: str
    function: Callable[[Sequence[Use], Known], list[Use]]
    together: bool = True


PHASES: tuple[Phase, ...] = (
    Phase(
        "near certainty",
        "the logarithm of a mixture is near 0 where that is near 1; first, as long as its weights add up to 1",
        lambda terms, known: near_certainty(terms),
    ),
    Phase(
        "shift exponentials",
        "sums of exponentials overflow; before what follows takes their quotients apart",
        lambda terms, known: shift_exponentials(terms),
    ),
    Phase(
        "stabilise",
        "1 - sigmoid(z) is for reading, sigmoid(-z) for computing",
        lambda terms, known: stabilise(terms, Trace()),
    ),
    Phase(
        "weigh logarithms",
        "y·log(x) is 0 where y is, a condition as any other; after log1p has been found",
        lambda terms, known: weigh_logarithms(terms, known.loss),
    ),
    Phase(
        "guard",
        "what a condition leaves out is computed all the same, and must be finite; before conditions disappear in sums",
        lambda terms, known: guard(terms, known.parameters),
    ),
    Phase(
        "accumulate",
        "a sum that another index ends is a cumulative sum, as long as no mask has become a factor of it",
        lambda terms, known: accumulate(terms),
    ),
    Phase(
        "place labels",
        "a sum over entries that are equal to a label is an array that values are added to",
        lambda terms, known: place_labels(terms),
    ),
    Phase(
        "split masks",
        "a condition on indices is one more factor of a product; of what is safe without it",
        lambda terms, known: split_masks(terms),
    ),
    Phase(
        "centre",
        "a difference from a mean by a softmax is one function; while its terms are those of the mean",
        lambda terms, known: transform(terms, centre),
    ),
    Phase(
        "balance",
        "what targets leave of a softmax adds up to 0; as long as labels are places, and a softmax is one function",
        lambda terms, known: balance(terms, known.identities),
    ),
    Phase(
        "zero probabilities",
        "log 0 is meant inside of a softmax, and beside it 0·(−∞) is 0; as long as it is one function",
        lambda terms, known: zero_probabilities(terms),
    ),
    Phase(
        "lower",
        "softmax, logsumexp, sigmoid and softplus share the steps that they are made of",
        lambda terms, known: lower(terms),
    ),
    Phase(
        "factorise",
        "a matrix is factorised once for its log-determinant and all solves with it",
        lambda terms, known: factorise(terms),
    ),
    Phase(
        "square",
        "a product of an array with itself is half the work; after solves have been found",
        lambda terms, known: squares(terms),
    ),
    Phase(
        "share vectors",
        "a vector that is part of several products is computed once; of products with one array, which squares are",
        lambda terms, known: share_vectors(terms),
    ),
    Phase(
        "distribute",
        "a sum of terms over different indices is multiplied out, so that no array over all of them is needed",
        lambda terms, known: distribute(terms, known.identities),
    ),
    Phase(
        "take out",
        "a term that is the same for all entries of a sum needs no pass over them; as soon as sums are multiplied out",
        lambda terms, known: take_out(terms, known.parameters),
    ),
    Phase(
        "sum first",
        "a sum over rows of a product needs no product of all rows, where nothing else asks for that",
        lambda terms, known: sum_first(terms),
    ),
    Phase(
        "add first",
        "values for the same positions are added up before they are put there, in sums as they will be",
        lambda terms, known: add_first(terms),
        together=False,
    ),
    Phase(
        "keep steps",
        "what a loop computes and others need is kept, in functions that have such others",
        lambda terms, known: keep_steps(terms),
        together=False,
    ),
    Phase(
        "share",
        "a product that occurs in several products of a function is computed once; last, when products are what they "
        "will be",
        lambda terms, known: share(terms, known.adjoints),
        together=False,
    ),
    Phase(
        "share sums",
        "a sum that is part of another is computed once; when products are what they will be",
        lambda terms, known: share_sums(terms),
        together=False,
    ),
    Phase(
        "norms",
        "a norm has digits where its square is no number; when nothing reads the sums of squares any more",
        lambda terms, known: norms(terms),
    ),
    Phase(
        "transpose nothing symmetric",
        "a symmetric array is its own transpose, so that no transposed copy is returned",
        lambda terms, known: [as_known(term, [own(term.node)]) for term in terms],
        together=False,
    ),
)
"""The phases, in their order."""


def schedule(
    functions: Sequence[Sequence[Use]],
    identities: Sequence[tuple[Use, Use]] = (),
    adjoints: bool = False,
    parameters: Iterable[str] = (),
) -> list[list[Use]]:
    """The results of several functions as code should compute them.

    Parameters
    ----------
    functions : for each function the terms that it returns.
    identities : pairs of terms that are equal by a fact.
    adjoints : whether the first term of each is the loss, and those after it are derivatives of it.
    parameters : the names of the arrays that derivatives are by, and of directions of these.
    """
    *_, (_, last) = after_each_phase(functions, Known(identities, adjoints, frozenset(parameters)))
    return last


def after_each_phase(functions: Sequence[Sequence[Use]], known: Known) -> Iterator[tuple[str, list[list[Use]]]]:
    """The terms of the functions after each phase, by its name."""
    current = [list(terms) for terms in functions]
    for phase in PHASES:
        if phase.together:
            before = list(dict.fromkeys(term for terms in current for term in terms))
            after = dict(zip(before, phase.function(before, known), strict=True))
            current = [[after[term] for term in terms] for terms in current]
        else:
            current = [phase.function(terms, known) for terms in current]
        yield phase.name, current
