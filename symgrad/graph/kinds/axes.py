"""Functions of whole axes: reductions, which bind them, and softmax, running sums and so on, which keep them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import mpmath
from sympy import Abs, And, Eq, Expr, Or, Product, S, log

from symgrad.arrays import Array, np
from symgrad.errors import UnsupportedError
from symgrad.functions import LargestOver, LogSumExp, LogTotalOver, MaxOver, MinOver, NormOver, if_else
from symgrad.functions.values import reduction_of, softmax
from symgrad.graph.evaluation import GraphEvaluator, of_lists, together
from symgrad.graph.kinds.functions import apply
from symgrad.graph.kinds.leaves import ONE
from symgrad.graph.kinds.products import mul, power, reciprocal
from symgrad.graph.kinds.sums import ZERO, add, const, index, size, subtract
from symgrad.graph.letters import arranged, distinct, free_letters, numbered, relabel, sizes_of
from symgrad.graph.linear_maps import Covariance, axes_of, times
from symgrad.graph.masks import is_masked, masks_some
from symgrad.graph.node import Known, Lengths, Letter, Local, Node, Order, Shape, SignRule, Use, intern, nothing, own
from symgrad.graph.symmetry import between, moved, renamings

SOFTMAX, LOG_SOFTMAX, PRODUCT_OF_OTHERS = "softmax", "log_softmax", "product_of_others"
# of code only: entry i is the sum of the entries up to i, or of those from i on
SUM_UP_TO, SUM_FROM = "sum_up_to", "sum_from"
# the largest entry so far, and Σ w[k]·exp(u[k] - m[q]) over the entries k up to q, or from q on, with m = that of u
LARGEST_UP_TO, LARGEST_FROM = "largest_up_to", "largest_from"
EXPONENTIALS_UP_TO, EXPONENTIALS_FROM = "exponentials_up_to", "exponentials_from"
RUNNING = (LARGEST_UP_TO, LARGEST_FROM, EXPONENTIALS_UP_TO, EXPONENTIALS_FROM)
CENTRED = "centred"  # of code only: u - Σ w·u with shares w
BALANCED = "balanced"  # of code only: u - w, with w and shares p (or what these are divided by) as weights, u = c·p

_OF_LISTS: dict[str, Callable[[list[Any]], list[Any]]] = {
    SOFTMAX: softmax,
    LOG_SOFTMAX: lambda terms: [mpmath.log(part) for part in softmax(terms)],
    PRODUCT_OF_OTHERS: lambda terms: [mpmath.fprod(terms[:n] + terms[n + 1 :]) for n in range(len(terms))],
    SUM_UP_TO: lambda terms: [mpmath.fsum(terms[: n + 1]) for n in range(len(terms))],
    SUM_FROM: lambda terms: [mpmath.fsum(terms[n:]) for n in range(len(terms))],
    LARGEST_UP_TO: lambda terms: [max(terms[: n + 1]) for n in range(len(terms))],
    LARGEST_FROM: lambda terms: [max(terms[n:]) for n in range(len(terms))],
}


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Reduce(Node):
    """max, min, logsumexp, product or norm of one operand over the bound letters; `known` is a sum that it can use."""

    shares_letters = True

    head: Any
    arg: Use
    bound: Shape
    known: tuple[Use, ...] = ()

    def uses(self) -> tuple[Use, ...]:
        return (self.arg, *self.known)

    never_zero = sum_of_squares = probability = integral = nothing

    def operations(self) -> Expr:
        return prod((*self.shape, *self.bound), start=S.One)

    def rebuild(self, uses: Sequence[Use]) -> Use:
        bound = dict(enumerate(self.bound, self.rank))
        return log_total(uses[0], uses[1], bound) if self.known else reduce(self.head, uses[0], bound)

    def local(self, number: int) -> Sequence[Local]:
        bound, use = dict(enumerate(self.bound, self.rank)), self.arg
        if self.head is LogSumExp:  # Σ softmax(u)·u̇
            return [times(self, use, [axis_map(SOFTMAX, use, bound)], bound)]
        if self.head is Product:  # the product of all others, which is right where entries are zero
            return [times(self, use, [axis_map(PRODUCT_OF_OTHERS, use, bound)], bound)]
        if self.head in (MaxOver, MinOver):  # entries that tie share equally
            hit = apply(if_else, [apply(Eq, [use, own(self)]), ONE, ZERO])
            return [times(self, use, [hit, reciprocal(mul([hit], bound))], bound)]
        raise UnsupportedError(f"no derivative rule for the reduction {self.head.__name__}")

    def evaluate(self, at: GraphEvaluator) -> Array:
        value = at.operand(self.arg, (*self.shape, *self.bound))
        return of_lists(reduction_of(self.head), together(value, self.rank))  # type: ignore[arg-type]

    def sign(self, order: Order) -> SignRule:
        for letters in renamings(order, self.rank, self.bound):
            if (yield from between(moved(self.arg, letters), self.arg)) == 1:
                return 1
        return None

    def nonnegative(self, known: Known) -> bool:
        # a product, a greatest or a least entry
        return self.head is NormOver or (self.head is not LogSumExp and known(self.arg.node))

    def positive(self, known: Known) -> bool:
        return self.head in (Product, MaxOver, MinOver) and known(self.arg.node)

    def infinite(self, known: Known) -> bool:
        if self.head not in (LargestOver, MaxOver, MinOver, LogSumExp):
            return False
        bound = dict(enumerate(self.bound, self.rank))
        return known(self.arg.node) or (is_masked(self.arg) and masks_some(self.arg, bound))


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class AxisMap(Node):
    """A function of whole axes that keeps the shape: softmax, log-softmax, the product of all others, cumulative sums.

    Letter `k` is axis `k`; `over` lists the axes that act together. `weights` has one operand where the argument is an
    exponent, of which weighted exponentials are added up, or is centred by a weighted mean.
    """

    shares_letters = True

    head: Any
    arg: Use
    over: tuple[int, ...]
    weights: tuple[Use, ...] = ()

    def uses(self) -> tuple[Use, ...]:
        return (self.arg, *self.weights)

    never_zero = sum_of_squares = probability = integral = nothing

    def operations(self) -> Expr:
        """Those of a softmax: the maximum, the difference, the exponential, the quotient."""
        return prod(self.shape, start=S.One) * 4

    def rebuild(self, uses: Sequence[Use]) -> Use:
        if self.head in RUNNING or self.weights:
            return running(self.head, uses[0], self.over[0], *uses[1:])
        return axis_map(self.head, uses[0], {axis: self.shape[axis] for axis in self.over})

    def local(self, number: int) -> Sequence[Local]:
        over = {axis: self.shape[axis] for axis in self.over}
        if self.head == SOFTMAX:  # p·(u̇ - Σ p·u̇)
            return [Local(self.arg, Covariance(axes_of(self), own(self), over))]
        if self.head == LOG_SOFTMAX:  # u̇ - Σ p·u̇
            names = {axis: ("over", axis) for axis in over}
            weights = relabel(axis_map(SOFTMAX, self.arg, over), names)
            bound = {names[axis]: length for axis, length in over.items()}
            mean = times(self, relabel(self.arg, names), [const(S.NegativeOne), weights], bound)
            return [times(self, self.arg, []), mean]
        if self.head == PRODUCT_OF_OTHERS:
            return [_of_two_left_out(self, over)]
        raise UnsupportedError(f"no derivative rule for {self.head}, which is of code only")

    def evaluate(self, at: GraphEvaluator) -> Array:
        last = tuple(range(self.rank - len(self.over), self.rank))
        value, *weights = (np.moveaxis(at.operand(use, self.shape), self.over, last) for use in self.uses())
        if self.head == BALANCED:
            found = value - weights[0]
        elif weights:
            found = (_centred if self.head == CENTRED else _exponentials)(self, weights[0], value)
        else:
            lists = together(value, last[0])
            found = np.empty_like(lists)
            for place in np.ndindex(lists.shape[:-1]):
                found[place] = _OF_LISTS[self.head](list(lists[place]))
        return np.moveaxis(found.reshape(value.shape), last, self.over)

    def sign(self, order: Order) -> SignRule:
        if self.head in RUNNING or self.weights:
            return None  # along an axis, in its order
        linear = self.head in (SUM_UP_TO, SUM_FROM)  # they have the sign of their operand
        over = [order[axis] for axis in self.over]
        if sorted(over) != sorted(self.over) or (linear and over != list(self.over)):
            return None  # cumulative sums go along axes in their order
        sign = yield from between(moved(self.arg, order), self.arg)
        return sign if sign == 1 or linear else None

    def nonnegative(self, known: Known) -> bool:
        return bool(self.head == SOFTMAX)

    positive = nonnegative

    def infinite(self, known: Known) -> bool:
        return self.head in (LOG_SOFTMAX, SUM_UP_TO, SUM_FROM) and known(self.arg.node)

    def summed(self, use: Use, bound: Lengths) -> Use | None:
        """The entries of a softmax sum to one."""
        axes = [axis for axis, letter in enumerate(use.letters) if letter in bound]
        whole = axes == list(self.over) and len(bound) == len(axes)  # no diagonal
        return ONE if self.head == SOFTMAX and whole else None


def _exponentials(node: AxisMap, weights: Array, exponents: Array) -> Array:
    """Σ w[k]·exp(u[k] - m[q]) over the entries from one end of the last axis to q, with the largest u of them as m."""
    step = -1 if node.head == EXPONENTIALS_FROM else 1
    w, u = weights[..., ::step], exponents[..., ::step]
    found = np.empty_like(u)
    for place in np.ndindex(u.shape):
        row, last = place[:-1], place[-1] + 1
        largest = max(u[row][:last])
        pairs = zip(w[row][:last], u[row][:last], strict=True)
        found[place] = mpmath.fsum(a * mpmath.exp(b - largest) for a, b in pairs)
    return found[..., ::step]


def _centred(node: AxisMap, shares: Array, values: Array) -> Array:
    """u - Σ w·u along the last axis."""
    centred: Array = values - of_lists(mpmath.fsum, shares * values)[..., None]
    return centred


def _of_two_left_out(node: AxisMap, over: Mapping[Letter, Expr]) -> Local:
    """Of y[i] = Π u[j] over j ≠ i: Σ over k ≠ i of Π u[j] over j ≠ i, k · u̇[k], right where entries are zero, too."""
    names = {axis: ("over", axis) for axis in over}
    bound = {names[axis]: length for axis, length in over.items()}
    ties = [apply(Eq, [index(axis, length), index(names[axis], length)]) for axis, length in over.items()]
    same = apply(And, ties)
    operand = relabel(node.arg, names)
    others = axis_map(PRODUCT_OF_OTHERS, apply(if_else, [same, ONE, operand]), bound)
    return times(node, operand, [apply(if_else, [same, ZERO, others])], bound)


def reduce(head: Any, arg: Use, bound: Mapping[Letter, Expr]) -> Use:
    """max, min, logsumexp or product of `arg` over the bound letters; of a condition, whether any holds."""
    for letter, length in bound.items():
        if letter in arg.letters or head in (MaxOver, MinOver, Or):
            continue  # an operand that does not depend on the letter repeats itself along it
        if head is LogSumExp:
            arg = add([(S.One, arg), (S.One, apply(log, [size(length)]))])
        elif head is NormOver:
            arg = mul([arg, power(size(length), const(S.Half))])
        else:
            arg = power(arg, size(length))
    present = [letter for letter in distinct(arg.letters) if letter in bound]  # in an order that names do not change
    if not present:
        return apply(Abs, [arg]) if head is NormOver else arg
    free = [letter for letter in distinct(arg.letters) if letter not in bound]
    numbers = {letter: n for n, letter in enumerate([*free, *present])}
    sizes = sizes_of([arg])
    node = intern(Reduce, tuple(sizes[x] for x in free), head, numbered(arg, numbers), tuple(sizes[x] for x in present))
    return Use(node, tuple(free))


def log_total(arg: Use, total: Use, bound: Mapping[Letter, Expr]) -> Use:
    """log Σ arg over the bound letters with Σ arg as `total`, of code only; the largest entry is 1."""
    made = reduce(LogTotalOver, arg, bound)
    node = made.node
    if not isinstance(node, Reduce) or node.head is not LogTotalOver:
        return apply(log, [total])
    sums = (relabel(total, {letter: n for n, letter in enumerate(made.letters)}),)
    return Use(intern(Reduce, node.shape, node.head, node.arg, node.bound, sums), made.letters)


def axis_map(head: str, arg: Use, over: Mapping[Letter, Expr]) -> Use:
    """A function of whole axes, such as softmax, of `arg` along the letters `over` (given with their lengths)."""
    for letter, length in over.items():
        if letter not in arg.letters:  # constant along the letter: the entries share what is left
            rest = {other: n for other, n in over.items() if other != letter}
            if head in (SUM_UP_TO, SUM_FROM):
                return mul(
                    [
                        arg,
                        index(letter, length, S.One)
                        if head == SUM_UP_TO
                        else subtract(size(length), index(letter, length)),
                    ]
                )
            if head == SOFTMAX:
                return mul([reciprocal(size(length)), axis_map(head, arg, rest)])
            if head == LOG_SOFTMAX:
                return subtract(axis_map(head, arg, rest), apply(log, [size(length)]))
            repeats = subtract(size(length), size(S.One))
            return mul([power(reduce(Product, arg, rest), repeats), axis_map(head, arg, rest)])
    if not over:
        return ZERO if head == LOG_SOFTMAX else size(S.One)
    arg = Use(arg.node, arranged(arg, {letter: letter in over for letter in arg.letters}))
    letters = distinct(arg.letters)
    numbers = {letter: n for n, letter in enumerate(letters)}
    sizes = sizes_of([arg])
    axes = tuple(sorted(numbers[letter] for letter in over))
    return Use(intern(AxisMap, tuple(sizes[x] for x in letters), head, relabel(arg, numbers), axes), letters)


def running(head: str, arg: Use, letter: Letter, *weights: Use) -> Use:
    """The largest entries, or weighted sums of exponentials, along a letter from one end on; or centred entries."""
    letters = free_letters([arg, *weights])
    numbers = {one: n for n, one in enumerate(letters)}
    sizes = sizes_of([arg, *weights])
    parts = [relabel(part, numbers) for part in (arg, *weights)]
    fields = (head, parts[0], (numbers[letter],), *([tuple(parts[1:])] if weights else []))
    return Use(intern(AxisMap, tuple(sizes[x] for x in letters), *fields), tuple(letters))
