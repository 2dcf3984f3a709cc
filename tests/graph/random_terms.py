"""Random terms of the graph, of all kinds of nodes, in which letters change places more often than by chance.

What is claimed of them is compared with `many` of them: 60, always the same, and with the environment variable
SYMGRAD_EXAMPLES three for every two models.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from sympy import (
    Abs,
    And,
    Eq,
    Expr,
    Ge,
    IndexedBase,
    Integer,
    Lt,
    Max,
    Min,
    Ne,
    Not,
    Or,
    Product,
    Rational,
    S,
    Symbol,
    cos,
    exp,
    log,
    sign,
    sin,
)

from symgrad.functions import LogSumExp, MaxOver, MinOver, if_else, relu, sigmoid, softplus
from symgrad.graph.build import (
    ADJUGATE,
    CHOLESKY,
    DET,
    INVERSE,
    LOG_SOFTMAX,
    ONE,
    PRODUCT_OF_OTHERS,
    SIGN_DET,
    SOFTMAX,
    SUM_FROM,
    SUM_UP_TO,
    ZERO,
    add,
    apply,
    auxiliary,
    axis_map,
    const,
    delta,
    gather,
    index,
    matrix_function,
    merge,
    mul,
    product_of_powers,
    reduce,
    scale,
    scatter,
    split,
)
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Input, Use, intern

N = Symbol("N", integer=True, positive=True)
M = Symbol("M", integer=True, positive=True)  # as long, but no part of the terms says so
SIZES = {N: 3, M: 3}
LETTERS = ("i", "j", "k")

many = settings(
    max_examples=int(os.environ.get("SYMGRAD_EXAMPLES", "15")) * 3 // 2,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def argument(name: str, rank: int, integer: bool = False, properties: tuple[str, ...] = (), **more: Any) -> Input:
    symbol = IndexedBase(name, **more) if rank else Symbol(name, real=True, **more)
    return intern(Input, (N,) * rank, name, symbol, integer, *([properties] if properties else []))


ARGUMENTS = {
    node.name: node
    for node in (
        argument("s", 0),
        argument("x", 1),
        argument("y", 1),
        argument("p", 1, positive=True),
        argument("c", 1, integer=True),
        argument("A", 2),
        argument("B", 2, properties=("symmetric",)),
        argument("D", 2, properties=("positive_definite",)),
        argument("T", 3),
    )
}


def inputs(seed: int) -> dict[str, Any]:
    """Values with ties and zeros, which tell `>` from `>=` and conventions at kinks from one another."""
    rng = np.random.default_rng(seed)
    made: dict[str, Any] = {}
    for name, node in ARGUMENTS.items():
        value = rng.integers(-4, 5, (3,) * node.rank) / 2
        made[name] = value + np.swapaxes(value, -1, -2) if node.properties else value
    made["D"] = made["A"] @ made["A"].T + np.eye(3)
    made["p"], made["c"] = np.abs(made["p"]) + 0.5, rng.integers(0, 3, 3)
    return made


FUNCTIONS = (sin, cos, exp, Abs, sign, relu, sigmoid, softplus, log)
EXPONENTS = (2, 2, 3, 4, -1, -2, S.Half, Rational(3, 2), Rational(2, 3), Rational(-1, 2))
RELATIONS = (Lt, Ge, Eq, Ne)


class Drawer:
    """Draws terms over given letters, all of one length."""

    def __init__(self, draw: Callable[..., Any]) -> None:
        self.draw = draw
        self.fresh = 0

    def pick(self, choices: Any) -> Any:
        return self.draw(st.sampled_from(list(choices)))

    def letter(self, letters: tuple[Any, ...]) -> Any:
        return self.pick(letters)

    def leaf(self, letters: tuple[Any, ...]) -> Use:
        names = ["s", "number", *(["x", "y", "p", "A", "A", "B", "D", "T", "delta", "index"] if letters else [])]
        name = self.pick(names)
        if name == "number":
            return const(self.pick([S.One, Integer(2), S.Half, S.NegativeOne, S.Zero]))
        if name == "delta":
            return delta(self.letter(letters), self.letter(letters), N)
        if name == "index":
            return index(self.letter(letters), N, self.pick([S.Zero, S.One, S.NegativeOne]))
        node = ARGUMENTS[name]
        return Use(node, tuple(self.letter(letters) for _ in range(node.rank)))

    def bound(self) -> Any:
        self.fresh += 1
        return ("bound", self.fresh)

    def term(self, letters: tuple[Any, ...], depth: int) -> Use:
        if depth == 0:
            return self.leaf(letters)

        def below(inside: tuple[Any, ...] = letters) -> Use:
            return self.term(inside, depth - 1)

        kind = self.pick(KINDS)
        if kind in OVER_LETTERS and not letters:
            kind = "product"
        match kind:
            case "sum":
                return add([(self.pick([1, -1, 2, Rational(-1, 2)]) * S.One, below()), (S.One, below())])
            case "product":
                return mul([below(), below()])
            case "exchanged":  # u ± u with two letters exchanged, and products of the two
                return self.exchanged(below(), letters)
            case "power":
                return product_of_powers([(self.nonzero(below()), self.pick(EXPONENTS) * S.One)])
            case "function":
                return apply(self.pick(FUNCTIONS), [below()])
            case "extremum":
                return apply(self.pick([Max, Min]), [below(), below()])
            case "condition":
                return apply(if_else, [self.condition(letters, depth - 1), *self.branches(below)])
            case "contraction":
                more = [self.bound() for _ in range(self.pick([1, 1, 2]))]
                inside = (*letters, *more)
                return mul([below(inside), below(inside)], dict.fromkeys(more, N))
            case "reduction":
                more = [self.bound()]
                return reduce(self.pick([MaxOver, MinOver, LogSumExp, Product]), below((*letters, *more)), {more[0]: N})
            case "axis map":
                over = dict.fromkeys({self.letter(letters), self.letter(letters)}, N)
                heads = [SOFTMAX, LOG_SOFTMAX, PRODUCT_OF_OTHERS, SUM_UP_TO, SUM_FROM]
                return axis_map(self.pick(heads), below(), over)
            case "matrix function":
                return self.matrix_function(letters, below)
            case "gather":
                inside = tuple(self.bound() for _ in range(self.pick([1, 2])))
                base = below(inside)
                subs = {x: Use(ARGUMENTS["c"], (self.letter(letters),)) for x in base.letters}
                order = {x: n for n, x in enumerate(base.letters)}
                return gather(relabel(base, order), [subs[x] for x in base.letters]) if base.letters else base
            case "scatter":
                return self.scatter(letters, below)
            case "reshape":
                one, two, row = self.bound(), self.bound(), self.letter(letters)
                merged = merge(below((*letters, one, two)), one, two, "merged", (N, N))
                return mul([split(merged, "merged", row, one, (N, N)), below((*letters, one))], {one: N})
            case _:
                return auxiliary("name", below())

    def nonzero(self, use: Use) -> Use:
        """With another term where it is zero by its form, as a denominator may not be."""
        return add([(S.One, use), (S.One, ONE)]) if use == ZERO else use

    def branches(self, below: Callable[[], Use]) -> list[Use]:
        one = below()
        return self.pick([[one, ZERO], [ZERO, one], [one, below()], [one, scale(S.NegativeOne, one)]])

    def exchanged(self, use: Use, letters: tuple[Any, ...]) -> Use:
        one, other = (self.letter(letters), self.letter(letters)) if letters else (0, 0)
        turned = relabel(use, {one: other, other: one})
        kind = self.pick(["sum", "difference", "difference", "product", "condition", "extremum", "equal"])
        if kind == "product":
            return mul([use, turned])
        if kind == "extremum":
            return apply(self.pick([Max, Min]), [use, turned])
        difference = add([(S.One, use), (S.NegativeOne, turned)])
        if kind == "condition":
            return apply(if_else, [self.condition(letters, 0), *self.pick([[ZERO, difference], [difference, ZERO]])])
        if kind == "equal":
            return apply(if_else, [apply(self.pick(RELATIONS), [use, turned]), ONE, difference])
        return difference if kind == "difference" else add([(S.One, use), (S.One, turned)])

    def condition(self, letters: tuple[Any, ...], depth: int) -> Use:
        plain = apply(self.pick(RELATIONS), [self.term(letters, depth), self.term(letters, depth)])
        kind = self.pick(["plain", "plain", "and", "or", "not"])
        if plain.node.uses() == () or kind == "plain":  # SymPy has decided it
            return plain
        if kind == "not":
            return apply(Not, [plain])
        other = apply(self.pick(RELATIONS), [self.term(letters, depth), self.term(letters, depth)])
        return plain if other.node.uses() == () else apply(And if kind == "and" else Or, [plain, other])

    def matrix_function(self, letters: tuple[Any, ...], below: Callable[..., Use]) -> Use:
        row, column = self.bound(), self.bound()
        at = {row: self.letter(letters), column: self.letter(letters)}
        body = below((*letters, row, column))
        gram = [
            (
                S.One,
                mul([relabel(body, {column: "inner"}), relabel(body, {row: column, column: "inner"})], {"inner": N}),
            ),
            (S.One, delta(row, column, N)),
        ]
        difference = [(S.One, body), (S.NegativeOne, relabel(body, {row: column, column: row}))]
        shifted = [*self.pick([gram, difference, [(S.One, body)]]), (Integer(5), Use(ARGUMENTS["D"], (row, column)))]
        head = self.pick([INVERSE, INVERSE, DET, SIGN_DET, ADJUGATE, CHOLESKY])
        made = matrix_function(head, add(gram if head == CHOLESKY else shifted), row, column, N)
        return relabel(made, at)

    def scatter(self, letters: tuple[Any, ...], below: Callable[..., Use]) -> Use:
        more = self.bound(), self.bound()
        value = below((*letters, *more))
        value = mul([value], {x: N for x in value.letters if x not in more})
        subs = [Use(ARGUMENTS["c"], (x,)) for x in more]
        made = scatter(value, subs, (N, N), ["first", "second"], dict.fromkeys(more, N))
        return relabel(made, {"first": self.letter(letters), "second": self.letter(letters)})


OVER_LETTERS = {"axis map", "gather", "scatter", "matrix function", "reshape"}
KINDS = (
    *(["sum", "product", "exchanged", "exchanged", "power", "function", "function", "condition", "contraction"] * 2),
    *("extremum", "reduction", "axis map", "matrix function", "gather", "scatter", "reshape", "name"),
)


@st.composite
def terms(draw: Any, depth: int = 3) -> Use:
    """A term over up to three letters of one length."""
    return Drawer(draw).term(LETTERS[: draw(st.integers(1, 3))], draw(st.integers(1, depth)))


def lengths(use: Use) -> Mapping[Any, Expr]:
    return dict(zip(use.letters, use.node.shape, strict=True))
