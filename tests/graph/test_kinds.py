"""Every kind of node says what every pass wants to know: the table kind × pass, by trying each cell.

`python -m tests.graph.test_kinds` prints it.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import pytest
from sympy import Eq, IndexedBase, S, Sum, Symbol, sin, symbols

from symgrad import Model, solution
from symgrad.calculus.forward import forward
from symgrad.calculus.reverse import reverse
from symgrad.codegen.speller import Speller
from symgrad.errors import UnsupportedError
from symgrad.formula.indexed import IndexNames, IndexWriter
from symgrad.graph import facts
from symgrad.graph.build import ONE, delta, index, mul, size, subtract
from symgrad.graph.evaluation import GraphEvaluator
from symgrad.graph.kinds.loops import Entry, Loop
from symgrad.graph.kinds.pieces import pieces
from symgrad.graph.linear_maps import Entries
from symgrad.graph.node import Leaf, Local, Node, first_operand, free_of_cost, no_sign, nothing
from symgrad.graph.nodes import Input, Letter, Use, intern, postorder
from symgrad.graph.symmetry import sign_under
from symgrad.graph.transform import own
from symgrad.inspect.measure import _cost
from symgrad.lowering.slices import loops
from symgrad.lowering.solutions import solved
from symgrad.lowering.terms import Terms
from symgrad.lowering.values import Value
from symgrad.schedule.liveness import readings
from symgrad.schedule.vanishing import Vanishing
from symgrad.statements.arithmetic import operation
from symgrad.targets.jax.terms import JaxTerms
from symgrad.targets.numpy.functions import NUMPY
from symgrad.targets.numpy.terms import NumpyTerms
from symgrad.targets.torch.terms import TorchTerms
from tests.calculus.test_linear_maps import assert_derivative, assert_transposed

from .kind_samples import SAMPLES, values
from .random_terms import ARGUMENTS, SIZES, N

T = Symbol("T", integer=True, positive=True)
t, s = symbols("t s", integer=True)
h, x = IndexedBase("h", shape=(T + 1,)), IndexedBase("x", shape=(T,))
# each step refers to the one before, and to all before
STEPS = [Eq(h[0], 1), Eq(h[t], sin(x[t - 1]) * h[t - 1] + Sum(x[s] * h[s], (s, 0, t - 1)))]
RECURRENCE = Model(Sum(h[t] ** 2, (t, 1, T)), [x], where=STEPS).program.loss


def _kinds(base: type[Node] = Node) -> Iterator[type[Node]]:
    for kind in base.__subclasses__():
        if kind.__module__.startswith("symgrad."):
            # a dataclass with slots is a second class, which has replaced the first in its file
            if kind is not Leaf and getattr(sys.modules[kind.__module__], kind.__name__) is kind:
                yield kind
            yield from _kinds(kind)


z = IndexedBase("z", shape=(N,))
u = IndexedBase("x", shape=(N,))
EQUATIONS = {z: solution(z[t] + sin(Sum(z[s] * u[s], (s, 0, N - 1))) - u[t], z[t])}
SOLVED = own(next(iter(Model(Sum(z[t], (t, 0, N - 1)), [u], where=EQUATIONS).program.names.values())))

KINDS = {kind.__name__: kind for kind in _kinds()}
(LOOPED,) = loops([RECURRENCE])
ROOTS = [
    mul([size(N), index("i", N, S.One), delta("i", "j", N), Use(ARGUMENTS["x"], ("j",))]),
    delta("i", "j", N),
    SAMPLES["least"],  # rather than a logsumexp, which code writes with a maximum
    *SAMPLES.values(),
    RECURRENCE,
    SOLVED,
]


def samples() -> dict[str, tuple[Use, Node]]:
    """For every kind one of the smallest terms that have it, and the node."""
    found: dict[str, tuple[Use, Node]] = {}
    for root in sorted(ROOTS, key=lambda use: len(list(postorder([use.node])))):
        for node in postorder([root.node]):
            found.setdefault(type(node).__name__, (root, node))
    (loop,) = [node for node in postorder([LOOPED.node]) if isinstance(node, Loop)]
    entries = [node for node in postorder([update.term.node for update in loop.updates]) if isinstance(node, Entry)]
    (called,) = solved([SOLVED])
    made = {"Solving": (called, called.node.arg.node)}  # type: ignore[attr-defined]
    parts = pieces([(S.Zero, S.One, Use(ARGUMENTS["x"], ("part",)))], "i", {"i": N})
    made["Pieces"] = parts, parts.node
    return found | {"Loop": (LOOPED, loop), "Entry": (LOOPED, entries[0])} | made


FOUND = samples()


def _inputs() -> dict[str, Any]:
    return values(0) | {"x": np.array([0.5, -1.0, 2.0])}


def _names(root: Use) -> list[str]:
    return [node.name for node in postorder([root.node]) if isinstance(node, Input)]


def _rebuild(root: Use, node: Node) -> None:
    assert node.rebuild(node.uses()) == own(node)


def _derivative(root: Use, node: Node) -> None:
    for number in range(len(node.uses())):
        node.local(number)


def _modes(root: Use, node: Node) -> None:
    weights = intern(Input, root.node.shape, "weights", IndexedBase("weights") if root.letters else Symbol("w"), False)
    loss = mul([own(root.node), own(weights)], dict(enumerate(root.node.shape)))
    inputs = [part for part in postorder([root.node]) if isinstance(part, Input) and not part.integer]
    reverse(loss, inputs)
    forward([loss], {part: own(part) for part in inputs})


def _symmetry(root: Use, node: Node) -> None:
    order = tuple(reversed(range(node.rank)))
    node.sign(order)
    sign_under(node, order)


def _fact(name: str) -> Callable[[Use, Node], None]:
    def ask(root: Use, node: Node) -> None:
        facts._is(name, node)

    return ask


def _formula(root: Use, node: Node) -> None:
    at = {letter: Symbol(f"i{n}", integer=True) for n, letter in enumerate(dict.fromkeys(root.letters))}
    IndexWriter(IndexNames({})).write(root, at)


def _evaluator(root: Use, node: Node) -> None:
    with mpmath.workdps(20):
        GraphEvaluator(_inputs(), SIZES | {T: 3})(own(root.node), root.node.rank)


def _numpy(root: Use, node: Node) -> None:
    NumpyTerms(_names(root), [], lambda size: 3.0).compute({"out": solved(loops([root]))[0]})


def _jax(root: Use, node: Node) -> None:
    JaxTerms(_names(root), []).compute({"out": solved(loops([root]))[0]})


def _torch(root: Use, node: Node) -> None:
    TorchTerms(_names(root), []).compute({"out": solved(loops([root]))[0]})


def _operations(root: Use, node: Node) -> None:
    _cost(node, lambda size: 3.0)


PASSES: dict[str, Callable[[Use, Node], None]] = {
    "rebuild": _rebuild,
    "the derivative": _derivative,
    "both modes": _modes,
    "symmetry": _symmetry,
    "being nonnegative": _fact("nonnegative"),
    "being positive": _fact("positive"),
    "being never zero": _fact("never_zero"),
    "being a sum of squares": _fact("sum_of_squares"),
    "being a probability": _fact("probability"),
    "being integral": _fact("integral"),
    "infinities": _fact("infinite"),
    "counting operations": _operations,
    "formulas": _formula,
    "evaluation": _evaluator,
    "the target numpy": _numpy,
    "the target jax": _jax,
    "the target torch": _torch,
}
IN_STEPS = "its steps have one, which `calculus.recurrence` and `calculus.tangent` put together"
LATER = "it is made of a recurrence after derivatives and formulas, for code only"
OF_EQUATIONS = "it is made of equations after derivatives and formulas, for code only"
OF_RANGES = "it is made of choices after derivatives and formulas, for code only"
TRACED = "traced functions have no errors that depend on data, as where there is no solution"
# what a kind does not have, and why
ABSENT = {
    ("Scan", "the derivative"): IN_STEPS,
    ("Trajectory", "the derivative"): IN_STEPS,
    **{(kind, name): LATER for kind in ("Loop", "Entry") for name in ("the derivative", "both modes", "evaluation")},
    ("Loop", "rebuild"): LATER,
    **{("Pieces", name): OF_RANGES for name in ("the derivative", "both modes", "evaluation", "formulas")},
    **{("Pieces", f"the target {name}"): OF_RANGES for name in ("jax", "torch")},
    **{("Solving", name): OF_EQUATIONS for name in ("rebuild", "the derivative", "both modes", "evaluation")},
    **{
        (kind, f"the target {name}"): TRACED for kind in ("Solving", "Solution", "Unknown") for name in ("jax", "torch")
    },
}
ABSENT.pop(("Entry", "the derivative"))  # it has no operands


def cell(kind: str, name: str) -> str:
    """What is in the table: yes, or the error."""
    try:
        PASSES[name](*FOUND[kind])
    except UnsupportedError as error:
        return str(error)
    return "yes"


def test_every_kind_has_a_sample() -> None:
    assert set(FOUND) == set(KINDS)


@pytest.mark.parametrize("name", PASSES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_cell_is_there_or_declared_to_be_absent(kind: str, name: str) -> None:
    found = cell(kind, name)
    assert (found == "yes") == ((kind, name) not in ABSENT), found
    inside = {"Entry": "Loop", "Solution": "Solving", "Unknown": "Solving"}
    assert found == "yes" or kind in found or inside[kind] in found


# --- a kind that says nothing -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Toy(Node):
    """A kind of which nothing is said."""

    arg: Use

    def uses(self) -> tuple[Use, ...]:
        return (self.arg,)


@pytest.mark.parametrize("name", PASSES)
def test_what_a_kind_does_not_say_is_an_error_that_names_kind_and_pass(name: str) -> None:
    node = intern(Toy, (N,), Use(ARGUMENTS["x"], (0,)))
    wanted = "the derivative" if name == "both modes" else name
    with pytest.raises(UnsupportedError) as error:
        PASSES[name](own(node), node)
    assert "Toy" in str(error.value) and wanted in str(error.value)


def test_guards_take_a_kind_that_they_do_not_know_to_read_everything() -> None:
    node = intern(Toy, (N,), Use(ARGUMENTS["x"], (0,)))
    assert [reading.everywhere for reading in readings(node, Vanishing([own(node)]))] == [True]


# --- a kind that says all in one place --------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Reversed(Node):
    """The entries of a vector, the last one first."""

    arg: Use

    nonnegative = positive = never_zero = probability = integral = infinite = first_operand
    sum_of_squares = nothing
    operations = free_of_cost
    sign = no_sign

    def uses(self) -> tuple[Use, ...]:
        return (self.arg,)

    def rebuild(self, uses: Sequence[Use]) -> Use:
        return reversed_entries(uses[0], 0)

    def local(self, number: int) -> list[Local]:
        (length,) = self.shape
        last = subtract(size(length), ONE)
        entries = Entries({"from": length}, {"from": subtract(last, index(0, length))})
        return [Local(Use(self.arg.node, ("from",)), entries)]

    def evaluate(self, at: GraphEvaluator) -> Any:
        return at.aligned(self.arg, range(1))[::-1]


def reversed_entries(arg: Use, letter: Letter) -> Use:
    """The vector along a letter, from its end; what is constant along the letter stays as it is."""
    return Use(intern(Reversed, arg.node.shape, own(arg.node)), arg.letters) if letter in arg.letters else arg


@pytest.fixture
def reversed_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A case each of what writes statements and formulas of nodes."""
    lowered, written = Terms._print, IndexWriter.write

    def lower(self: Any, node: Node) -> Value:
        if not isinstance(node, Reversed):
            return lowered(self, node)
        return Value(operation("flip", self._use(node.arg).expression, axis=0), (0,))

    def write(self: Any, use: Use, at: Any) -> Any:
        if not isinstance(use.node, Reversed):
            return written(self, use, at)
        return self.write(use.node.arg, {0: use.node.shape[0] - 1 - at[use.letters[0]]})

    monkeypatch.setattr(Terms, "_print", lower)
    monkeypatch.setattr(IndexWriter, "write", write)


@pytest.mark.usefixtures("reversed_everywhere")
def test_a_kind_is_stated_in_one_file_and_shown_and_lowered_in_one_each() -> None:
    twice = mul([Use(ARGUMENTS["x"], ("i",)), Use(ARGUMENTS["s"], ())])
    root = mul([reversed_entries(twice, "i"), Use(ARGUMENTS["y"], ("i",))])
    node = next(node for node in postorder([root.node]) if isinstance(node, Reversed))
    for ask in PASSES.values():
        ask(root, node)
    assert assert_derivative(root, 1)
    assert all(assert_transposed(part, 1) for part in postorder([root.node]) if part.uses())
    printed = NumpyTerms(["s", "x", "y"], [], lambda size: 3.0)
    printed.compute({"out": root})
    assert Speller(NUMPY, "").text(printed._values[root.node].expression) == "np.flip(s * x, axis=0) * y"


def main() -> None:
    for name in PASSES:
        print(f"{name:24}", *(" " if cell(kind, name) == "yes" else "-" for kind in KINDS), sep=" ")
    for n, kind in enumerate(KINDS):
        print(" " * 25 + "| " * n + kind)


if __name__ == "__main__":
    main()
