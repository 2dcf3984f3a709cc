"""The branches of a loss's conditions: which of them draws took, and inputs that take the others.

The loss is evaluated as it is written, which says of every `if_else`, `Piecewise`, maximum, absolute value and delta
which way it went. For what no draw took, inputs are solved for: along lines through a draw, one entry moving or a whole
argument, the point is sought where what the condition lacks vanishes.
"""

import itertools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from sympy import Abs, Add, Basic, Dummy, Eq, Ge, Gt, Indexed, Le, Lt, Max, Min, Piecewise, Symbol, sign
from sympy.logic.boolalg import Boolean, BooleanAtom, BooleanFalse

from symgrad.arguments import Argument
from symgrad.calls import shortened
from symgrad.dimensions import concrete
from symgrad.frontend.facts import SIGNS, outermost
from symgrad.frontend.names import label_of
from symgrad.functions import IndexedSoftmax, if_else, relu
from symgrad.reference import Place, branches_of
from symgrad.verify.arrays import Array, Inputs
from symgrad.verify.differences import typical_size
from symgrad.verify.directions import Tangents
from symgrad.verify.draw import KINK, Draw, NoInputsError
from symgrad.verify.guarded import guarded
from symgrad.verify.loss import StatedLoss
from symgrad.verify.report import Item
from symgrad.verify.sampling import Sampler
from symgrad.verify.subject import Settings, Subject

_MOST_BRANCHES = 60  # that are solved for
_MOST_OTHERS = 40  # draws that are looked at for a branch
_MOST_BORDERS = 8  # of conditions: each costs as much as a draw
_MOST_SIZE = 4000  # of the axes together, of sizes at which a condition on indices is first met
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

    def __str__(self) -> str:
        return f"{self.condition} in {shortened(str(self.site), 60)}"


@dataclass
class Coverage:
    """Which branches the draws of a check took.

    Attributes
    ----------
    subject, settings : what is checked, and how.
    loss : the model's.
    """

    subject: Subject
    settings: Settings
    loss: StatedLoss
    _places: dict[Basic, list[tuple[Place, Draw]]] = field(default_factory=dict)
    _seen: set[tuple[Basic, Any]] = field(default_factory=set)

    def added(self, draw: Draw, verified: bool, aim: Branch | None = None) -> Iterator[Item]:
        """Count the branches taken at a draw, if what was found there says something of them; there is nothing to say.

        At a kink that is said of branches that are taken at single points only: by an equality, or one that a draw was
        aimed at and that was met nowhere else.
        """
        for (site, key), places in self.loss.at(draw.inputs, draw.sizes).trace.taken.items():
            known = self._places.setdefault(site, [])
            known += [(place, draw) for place in places]
            there = Branch(site, key, branches_of(site)[key])
            if verified and (draw.kind != KINK or there.condition.atoms(Eq) or there == aim):
                self._seen.add((site, key))
        yield from ()

    def _takes(self, branch: Branch, inputs: Inputs, sizes: Mapping[Any, int]) -> bool:
        return (branch.site, branch.key) in self.loss.at(inputs, sizes).trace.taken

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

    # --- draws that take what is missing ------------------------------------------------------------------------------

    def missing_draws(self) -> Iterator[tuple[Branch, Draw]]:
        """A draw for each branch that no draw took, as far as inputs for it are found; to be added before the next."""
        tried: set[Branch] = set()
        while (left := [branch for branch in self.missing() if branch not in tried]) and len(tried) < _MOST_BRANCHES:
            tried.add(left[0])
            for there in guarded("a branch", map(self._draw_of, left[:1])):
                if isinstance(there, Draw):
                    yield left[0], there

    def _draw_of(self, branch: Branch) -> Draw | None:
        """Inputs that take a branch: larger ones of a condition on indices alone, else those that are solved for."""
        moving = self._moving(branch)
        if not moving:
            return self._large_draw(branch)
        where = f"where {branch.condition}"
        at_kink: Draw | None = None
        for inputs, draw in self._solutions(branch, moving):
            there = self.subject.moved(draw, inputs, where)
            if there.distance > 0:
                return there
            at_kink = at_kink or replace(there, kind=KINK)
        return at_kink

    def _solutions(self, branch: Branch, moving: tuple[Argument, ...]) -> Iterator[tuple[dict[str, Any], Draw]]:
        """Inputs that take a branch, each with the draw that they come from.

        What the caller gave is not moved if the rest suffices. More inputs of a draw's sizes are looked at last: facts
        may allow them in separate places only.
        """
        searches = sorted(
            (_Search(self.loss, branch, place, draw) for place, draw in self._places[branch.site]),
            key=lambda search: search.lack(search.draw.inputs),
        )[:_MOST_PLACES]
        choices = dict.fromkeys((tuple(a for a in moving if a.name not in (self.settings.inputs or ())), moving))
        near = ((search, inputs) for search in searches for some in choices for inputs in search.along_lines(some))
        samplers = ((one, Sampler(self.subject, one.draw.sizes, [self.settings.seed, 0, 4])) for one in searches)
        drawn = ((one, inputs) for one, sampler in samplers for inputs in sampler.others(_MOST_OTHERS))
        others = ((one, inputs) for one, inputs in drawn if one.lack(inputs) == 0)
        for search, inputs in itertools.chain(near, others):
            if self._is_legal(inputs, search.draw) and self._takes(branch, inputs, search.draw.sizes):
                yield inputs, search.draw

    def _is_legal(self, inputs: dict[str, Any], draw: Draw) -> bool:
        return Sampler(self.subject, draw.sizes, 0).allows(inputs)

    def _large_draw(self, branch: Branch) -> Draw | None:
        """A draw of sizes at which a condition on indices is met: beyond the integers that it mentions.

        Where all indices of sizes beyond the largest of them do not meet it, it is never met. Sizes without inputs, as
        of more labels than steps, say nothing where larger ones do.
        """
        numbers = {1, 2, *(abs(int(n)) for n in branch.condition.atoms() if n.is_Integer)}
        looked: list[Mapping[Basic, int]] = []
        for sizes in self._larger(numbers):
            if math.prod(sizes.values()) > _MOST_SIZE or not self.subject.fits(sizes):
                continue
            try:
                draw = Sampler(self.subject, sizes, [self.settings.seed, *sizes.values()]).draw()
            except NoInputsError:
                continue
            if self._takes(branch, draw.inputs, sizes):
                return replace(draw, where=f"for {branch.condition}")
            looked.append(sizes)
        if all(any(all(more[d] >= sizes[d] for d in sizes) for more in looked) for sizes in self._larger(numbers)):
            self._seen.add((branch.site, branch.key))
        return None

    def _larger(self, numbers: Collection[int]) -> Iterator[dict[Basic, int]]:
        """Sizes beyond some numbers: of one dimension after the other, then of all."""
        dimensions = self.subject.dimensions
        least = {d: max(2, self.subject.minimum_sizes.get(d, 1)) for d in dimensions}
        for number in sorted(numbers):
            for chosen in dict.fromkeys([*((d,) for d in dimensions), tuple(dimensions)]):
                yield {d: max(least[d], (number + 2) * (d in chosen)) for d in dimensions}

    def border_draws(self) -> Iterator[Draw]:
        """Draws at the border of conditions on data alone, whose two sides are equal there: c[n] = 1 of c[n] >= 1.

        Which branch is taken there, the difference of >= and >, no draw beside it shows. Only sums of inputs and whole
        numbers are compared, of which float64 says whether they are equal as exactly as the loss does.
        """
        borders = {
            Branch(site, None, Eq(*part.args, evaluate=False)): None
            for site in self._places
            for condition in branches_of(site).values()
            for part in condition.atoms(Gt, Ge, Lt, Le)
            if isinstance(site, if_else | Piecewise) and _is_compared_exactly(part)
        }
        found = itertools.chain.from_iterable(map(self._at_border, sorted(borders, key=str)))
        return (there for there in itertools.islice(found, _MOST_BORDERS) if there.distance > 0)

    def _at_border(self, branch: Branch) -> Iterator[Draw]:
        moving, (left, right) = self._moving(branch), branch.condition.args
        if not moving or any(a.role == "parameter" or a.name in (self.settings.inputs or ()) for a in moving):
            return
        for place, draw in self._places[branch.site][:_MOST_PLACES]:
            search = _Search(self.loss, branch, place, draw)
            found = (inputs for inputs in search.along_lines(moving) if self._is_legal(inputs, draw))
            if search.lack(draw.inputs) != 0 and (inputs := next(found, None)) is not None:
                yield self.subject.moved(draw, inputs, f"where {left} = {right}")
                return

    def _moving(self, branch: Branch) -> tuple[Argument, ...]:
        """The arguments that a branch's condition is about."""
        matrices = {matrix for place, _ in self._places[branch.site] for matrix, _ in place.entries.values()}
        names = self.loss.names_in([branch.condition, *matrices])
        return tuple(a for a in self.loss.arguments if a.role != "dimension" and label_of(a.symbol) in names)


def _is_compared_exactly(condition: Basic) -> bool:
    terms = [term.as_coeff_Mul() for side in condition.args for term in Add.make_args(side)]
    return all(c.is_Integer and (rest == 1 or isinstance(rest, Indexed | Symbol)) for c, rest in terms)


def _is_impossible(condition: Boolean) -> bool:
    """Whether SymPy knows of a condition that no real numbers satisfy it, such as x[i]**2 < 0."""
    shares = {part: Dummy(positive=True) for part in condition.atoms(IndexedSoftmax)}  # 0 at a score of −∞ only
    condition, numbers = condition.xreplace(shares), {}
    if isinstance(condition, BooleanAtom):
        return isinstance(condition, BooleanFalse)
    for part in outermost(condition):
        known = part.base.label if isinstance(part, Indexed) else part
        facts = {fact: True for fact in (*SIGNS, "integer") if getattr(known, f"is_{fact}", None)}
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

    def at(self, inputs: Inputs, t: float, tidy: bool = False) -> dict[str, Any]:
        """A point of the line; of a tidy one the numbers that move have few digits."""
        value = np.asarray(inputs[self.argument.name])
        moved = value + (t * self.vector).astype(value.dtype)
        if tidy and value.dtype.kind == "f":
            moved = np.where(self.vector != 0, np.vectorize(_tidy, otypes=[float])(moved), moved)
        if self.upper is not None:
            moved = np.clip(moved, 0, self.upper - 1)
        return {**inputs, self.argument.name: moved[()]}

    def steps(self) -> Iterator[float]:
        """Where to look far away, to both sides; on the way to zero, zero."""
        steps = [self.scale * 2.0**power for power in _POWERS]
        if self.argument.integer:
            steps = [1, 2, 3, *(step for step in steps if 1 <= step < 2.0**31)]
        if self.upper is not None:
            steps = list(range(1, self.upper))
        return (t for step in steps for t in (step, -step))


class _Search:
    """The search for inputs that satisfy the condition of a branch at one place."""

    def __init__(self, loss: StatedLoss, branch: Branch, place: Place, draw: Draw) -> None:
        self.draw = draw
        self._loss, self._branch, self._place = loss, branch, place
        self._tries = 0

    def lack(self, inputs: Inputs) -> float:
        """How far the condition is from holding; inf where that is not known."""
        self._tries += 1
        lack = self._loss.shortfall(self._branch.condition, True, self._place, inputs, self.draw.sizes)
        return lack if lack >= 0 else math.inf

    def along_lines(self, moving: Sequence[Argument]) -> Iterator[dict[str, Any]]:
        """Inputs on lines through the draw; where there are none, on lines through what lacks least, and so on."""
        self._tries = 0
        inputs, least = self.draw.inputs, self.lack(self.draw.inputs)
        for _ in range(_ROUNDS):
            best: tuple[float, dict[str, Any]] | None = None
            lines = list(self._lines(inputs, moving))
            near = (moved for line in lines for moved in self._roots(line, inputs, least))
            far = (line.at(inputs, t) for line in lines for t in line.steps())
            for moved in itertools.chain(near, far):
                lack = self.lack(moved)
                if lack == 0:
                    yield moved
                elif lack < (least if best is None else best[0]):
                    best = lack, moved
                if self._tries > _MOST_TRIES:
                    return
            if best is None:
                return
            least, inputs = best

    def _lines(self, inputs: Inputs, moving: Sequence[Argument]) -> Iterator[_Line]:
        """Each entry of an argument by itself (with what facts tie to it), all together, and all towards zero."""
        for argument in moving:
            value = np.asarray(inputs[argument.name])
            upper = None if argument.upper is None else concrete(argument.upper, self.draw.sizes)
            scale = 1.0 if argument.integer else float(np.max(typical_size(value), initial=0.0)) or 1.0
            for direction in Tangents(argument.name, value, self.draw.constraints).entries()[:_MOST_ENTRIES]:
                yield _Line(argument, direction.vector, scale, upper)
            if value.size > 1:
                yield _Line(argument, np.ones(value.shape), scale, upper)
            if np.any(value) and not argument.integer:
                yield _Line(argument, -value, 1.0, upper)

    def _roots(self, line: _Line, inputs: Inputs, lack: float) -> Iterator[dict[str, Any]]:
        """Points where what is lacking would vanish, were it linear; first some beyond, which are off the border."""
        whole = line.argument.integer
        small, beyond = (1.0, 1.0) if whole else (2.0**-20 * line.scale, 0.25 * line.scale)
        t = 0.0
        for _ in range(_NEWTON):
            slope = (self.lack(line.at(inputs, t + small)) - lack) / small
            if not math.isfinite(slope) or slope == 0:
                return
            t -= lack / slope
            side = math.copysign(1.0, t)
            t = side * math.ceil(abs(t)) if whole else t
            for further in (t + side * (beyond + 0.25 * abs(t)), t + side * small * 1024):
                yield line.at(inputs, further)
            yield line.at(inputs, t, tidy=True)
            yield line.at(inputs, t)
            lack = self.lack(line.at(inputs, t))
            if not 0 < lack < math.inf:
                return


def _tidy(number: float) -> float:
    """A number without what rounding has left behind its sixth place."""
    return float(f"{number:.6g}") if math.isfinite(number) else number
