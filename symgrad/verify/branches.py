"""The branches of a loss's conditions: which of them draws took, and inputs that take the others.

The loss is evaluated as it is written, which says of every `if_else`, `Piecewise`, maximum, absolute value and delta
which way it went. For what no draw took, inputs are solved for: along lines through a draw, one entry moving or a whole
argument, the point is sought where what the condition lacks vanishes.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from sympy import Abs, Basic, Dummy, Eq, Indexed, Max, Min, sign
from sympy.logic.boolalg import Boolean, BooleanAtom, BooleanFalse
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.arguments import Argument
from symgrad.frontend.facts import outermost
from symgrad.functions import relu
from symgrad.graph.dimensions import concrete
from symgrad.verify.arrays import Array
from symgrad.verify.differences import typical_size
from symgrad.verify.directions import Tangents
from symgrad.verify.draw import Draw
from symgrad.verify.loss import StatedLoss
from symgrad.verify.reference import Place, branches_of

_MOST_PLACES = 3  # at which a condition is tried to be changed
_MOST_ENTRIES = 6  # of one argument that are moved by themselves
_MOST_TRIES = 1000  # of one branch: a condition costs a tenth of a millisecond, or a millisecond
_ROUNDS = 4  # of lines, one after the other: a condition on the sum of several arguments needs several
_POWERS = range(-4, 44, 2)  # of two, in units of what moves
_NEWTON = 3

_FAMILIES = ((Abs, sign), (Max, Min, relu))  # functions that a compiler makes of each other


class Branch(NamedTuple):
    """A branch of an expression of the loss, and the condition under which it is taken."""

    site: Basic
    key: Any
    condition: Boolean

    @property
    def by_equality(self) -> bool:
        """Whether it is taken at single points only."""
        return bool(self.condition.atoms(Eq))

    def __str__(self) -> str:
        return f"{self.condition} in {_shortened(str(self.site))}"


@dataclass
class Coverage:
    """Which branches the draws of a check took.

    Attributes
    ----------
    loss : the model's.
    """

    loss: StatedLoss
    _places: dict[Basic, list[tuple[Place, Draw]]] = field(default_factory=dict)
    _seen: set[tuple[Basic, Any]] = field(default_factory=set)

    def add(self, draw: Draw, verified: bool, at_kink: bool = False, aim: Branch | None = None) -> None:
        """Count the branches taken at a draw, if what was found there says something of them.

        At a kink that is said of branches that are taken at single points only: by an equality, or one that a draw was
        aimed at and that was met nowhere else.
        """
        for (site, key), places in self.loss.at(draw.inputs, draw.sizes).trace.taken.items():
            known = self._places.setdefault(site, [])
            known += [(place, draw) for place in places]
            there = Branch(site, key, branches_of(site)[key])
            if verified and (not at_kink or there.by_equality or there == aim):
                self._seen.add((site, key))

    def takes(self, branch: Branch, draw: Draw) -> bool:
        """Whether a draw takes a branch."""
        return (branch.site, branch.key) in self.loss.at(draw.inputs, draw.sizes).trace.taken

    def rule_out(self, branch: Branch) -> None:
        """A branch that no inputs take."""
        self._seen.add((branch.site, branch.key))

    def missing(self) -> list[Branch]:
        """The branches that no draw took, of expressions that some draw came to."""
        found = []
        for site in self._places:
            for key, condition in branches_of(site).items():
                if (site, key) not in self._seen and self._is_kept(site) and not _is_impossible(condition):
                    found.append(Branch(site, key, condition))
        return sorted(found, key=str)

    def _is_kept(self, site: Basic) -> bool:
        """Whether the compiler has kept what chooses: log|det A| has no absolute value in code."""
        families = [family for family in _FAMILIES if isinstance(site, family)]
        return self.loss.heads is None or not families or bool(self.loss.heads & set(families[0]))

    def constants(self, branch: Branch) -> list[int] | None:
        """The integers in a condition that is on indices alone; None of one that is on inputs as well."""
        if self._moving(branch):
            return None
        numbers = {abs(int(number)) for number in branch.condition.atoms() if number.is_Integer}
        return sorted(numbers | {1, 2})

    def solve(
        self,
        branch: Branch,
        allowed: Callable[[dict[str, Any], Draw], bool],
        others: Callable[[Draw], Iterable[dict[str, Any]]],
        given: Sequence[str] = (),
    ) -> Iterator[tuple[dict[str, Any], Draw]]:
        """Inputs that take a branch, each with the draw that they come from.

        Parameters
        ----------
        branch : what to take.
        allowed : whether inputs will do beside that.
        others : more inputs of a draw's sizes, which are looked at last: facts may allow them in separate places only.
        given : the arguments that are not moved if others suffice.
        """
        names = self._moving(branch)
        places = self._places[branch.site]
        nearest = sorted(range(len(places)), key=lambda n: (self._lack(branch, *places[n]), n))
        for number in nearest[:_MOST_PLACES]:
            place, draw = places[number]
            for chosen in dict.fromkeys((tuple(n for n in names if n not in given), names)):
                for inputs in _Search(self.loss, branch, place, draw, chosen, allowed).run():
                    yield inputs, draw
        for number in nearest[:_MOST_PLACES]:
            place, draw = places[number]
            search = _Search(self.loss, branch, place, draw, names, allowed)
            for inputs in others(draw):
                if search.lack(inputs) == 0 and search.accepted(inputs):
                    yield inputs, draw

    def _lack(self, branch: Branch, place: Place, draw: Draw) -> float:
        lack = self.loss.shortfall(branch.condition, True, place, draw.inputs, draw.sizes)
        return lack if lack >= 0 else math.inf

    def _moving(self, branch: Branch) -> tuple[str, ...]:
        """The arguments that a branch's condition is about."""
        definitions: dict[str, list[Basic]] = {}
        for equation in self.loss.where:
            definitions.setdefault(_name(equation.args[0]), []).append(equation.args[1])
        matrices = {matrix for place, _ in self._places[branch.site] for matrix, _ in place.entries.values()}
        names: set[str] = set()
        waiting: list[Basic] = [branch.condition, *matrices]
        while waiting:
            for symbol in waiting.pop().free_symbols:
                name = _name(symbol)
                if name not in names:
                    names.add(name)
                    waiting += definitions.get(name, [])
        return tuple(a.name for a in self.loss.arguments if a.role != "dimension" and _name(a.symbol) in names)


def _name(symbol: Basic) -> str:
    if isinstance(symbol, Indexed | MatrixElement):
        symbol = symbol.args[0]
    return str(getattr(symbol, "label", None) or getattr(symbol, "name", symbol))


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"


def _is_impossible(condition: Boolean) -> bool:
    """Whether SymPy knows of a condition that no real numbers satisfy it, such as x[i]**2 < 0."""
    if isinstance(condition, BooleanAtom):
        return isinstance(condition, BooleanFalse)
    numbers = {}
    for part in outermost(condition):
        known = part.base.label if isinstance(part, Indexed) else part
        facts = {fact: True for fact in ("positive", "negative", "nonnegative", "nonpositive", "integer")
                 if getattr(known, f"is_{fact}", None)}  # fmt: skip
        numbers[part] = Dummy(**{"real": True, **facts})
    try:
        return isinstance(condition.xreplace(numbers), BooleanFalse)
    except (TypeError, ValueError):
        return False


class _Line(NamedTuple):
    """A line through inputs, along which one argument moves; `upper` is the length of the axis that it subscripts."""

    argument: Argument
    vector: Array
    scale: float
    upper: int | None


class _Search:
    """The search for inputs that take one branch at one place."""

    def __init__(
        self,
        loss: StatedLoss,
        branch: Branch,
        place: Place,
        draw: Draw,
        names: Sequence[str],
        allowed: Callable[[dict[str, Any], Draw], bool],
    ) -> None:
        self._loss, self._branch, self._place, self._draw, self._allowed = loss, branch, place, draw, allowed
        self._moving = [a for a in loss.arguments if a.name in names]
        self._tries = 0

    def run(self) -> Iterator[dict[str, Any]]:
        """Inputs that satisfy the condition and will do."""
        inputs = dict(self._draw.inputs)
        least = self.lack(inputs)
        for _ in range(_ROUNDS):
            best: tuple[float, dict[str, Any]] | None = None
            lines = list(self._lines(inputs))
            near = (self._roots(line, inputs, least) for line in lines)
            far = (self._steps(line, inputs) for line in lines)
            for lack, moved in itertools.chain.from_iterable((*near, *far)):
                if lack == 0 and self.accepted(moved):
                    yield moved
                if 0 < lack < (least if best is None else best[0]):
                    best = lack, moved
                if self._tries > _MOST_TRIES:
                    return
            if best is None:
                return
            least, inputs = best

    def lack(self, inputs: dict[str, Any]) -> float:
        self._tries += 1
        lack = self._loss.shortfall(self._branch.condition, True, self._place, inputs, self._draw.sizes)
        return lack if lack >= 0 else math.inf

    def accepted(self, inputs: dict[str, Any]) -> bool:
        if not self._allowed(inputs, self._draw):
            return False
        trace = self._loss.at(inputs, self._draw.sizes).trace
        return (self._branch.site, self._branch.key) in trace.taken

    def _lines(self, inputs: dict[str, Any]) -> Iterator[_Line]:
        """Each entry of an argument by itself (with what facts tie to it), all together, and all towards zero."""
        for argument in self._moving:
            value = np.asarray(inputs[argument.name])
            upper = None if argument.upper is None else concrete(argument.upper, self._draw.sizes)
            scale = 1.0 if argument.integer else float(np.max(typical_size(value), initial=0.0)) or 1.0
            for direction in itertools.islice(Tangents(argument.name, value, self._draw.constraints), _MOST_ENTRIES):
                yield _Line(argument, direction.vector, scale, upper)
            if value.size > 1:
                yield _Line(argument, np.ones(value.shape), scale, upper)
            if np.any(value) and not argument.integer:
                yield _Line(argument, -value, 1.0, upper)

    def _at(self, line: _Line, inputs: dict[str, Any], t: float, tidy: bool = False) -> tuple[float, dict[str, Any]]:
        """What is lacking at a point of a line; a tidy one has few digits."""
        value = np.asarray(inputs[line.argument.name])
        moved = value + (t * line.vector).astype(value.dtype)
        if tidy and value.dtype.kind == "f":
            moved = np.where(line.vector != 0, np.vectorize(_tidy, otypes=[float])(moved), moved)
        if line.upper is not None:
            moved = np.clip(moved, 0, line.upper - 1)
        there = {**inputs, line.argument.name: moved[()]}
        return self.lack(there), there

    def _roots(self, line: _Line, inputs: dict[str, Any], lack: float) -> Iterator[tuple[float, dict[str, Any]]]:
        """Points where what is lacking would vanish, were it linear; first some beyond, which are off the border."""
        small = 1.0 if line.argument.integer else 2.0**-20 * line.scale
        beyond = 1.0 if line.argument.integer else 0.25 * line.scale
        t, here = 0.0, lack
        for _ in range(_NEWTON):
            slope = (self._at(line, inputs, t + small)[0] - here) / small
            if not math.isfinite(slope) or slope == 0:
                return
            t -= here / slope
            side = math.copysign(1.0, t)
            t = side * math.ceil(abs(t)) if line.argument.integer else t
            for further in (t + side * (beyond + 0.25 * abs(t)), t + side * small * 1024):
                yield self._at(line, inputs, further)
            yield self._at(line, inputs, t, tidy=True)
            found = self._at(line, inputs, t)
            yield found
            here = found[0]
            if not 0 < here < math.inf:
                return

    def _steps(self, line: _Line, inputs: dict[str, Any]) -> Iterator[tuple[float, dict[str, Any]]]:
        """Points that lie further and further away to both sides; on the way to zero, zero."""
        steps = [line.scale * 2.0**power for power in _POWERS]
        if line.argument.integer:
            steps = [step for step in steps if 1 <= step < 2.0**31]
            steps = list(range(1, line.upper)) if line.upper is not None else [1, 2, 3, *steps]
        for step in steps:
            for t in (step, -step):
                yield self._at(line, inputs, t)


def _tidy(number: float) -> float:
    """A number without what rounding has left behind its sixth place."""
    return float(f"{number:.6g}") if math.isfinite(number) else number
