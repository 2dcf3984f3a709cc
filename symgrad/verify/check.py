"""Checks a generated module against numerical gradients, at several sizes, on every branch and at the edges."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from sympy import Basic

from symgrad.dimensions import format_sizes
from symgrad.verify.accuracy import audit
from symgrad.verify.branches import Branch, Coverage
from symgrad.verify.draw import EMPTY, KINK, ORDINARY, SCALED, ZEROS, Draw, NoInputsError
from symgrad.verify.draws import draw_inputs, given_inputs
from symgrad.verify.edges import empty_draws, extreme_draws, kink_draws, larger_draws
from symgrad.verify.guarded import guarded, quietly
from symgrad.verify.point import Point
from symgrad.verify.probes import AGAINST_LOSS, CHAIN, DIGITS, PROBES, SECOND, VALUE_IS_LOSS, Probe, look
from symgrad.verify.real_data import MOST_OF_WHOLE, is_large, parts, whole_arrays
from symgrad.verify.report import CheckReport, Finding, Item, Run
from symgrad.verify.sampling import Sampler
from symgrad.verify.subject import Settings, Subject

_MOST_BRANCHES = 60  # that are solved for
_MOST_OTHERS = 40  # draws that are looked at for a branch
_MOST_BORDERS = 8  # of conditions: each costs as much as a draw
_MOST_ENTRIES = 4000  # of the axes together, of sizes at which a condition on indices is first met


def check_module(subject: Subject, settings: Settings | None = None) -> CheckReport:
    """Check a generated module.

    At each set of sizes inputs are drawn that satisfy the facts, `value_and_gradient` is compared with numerical
    derivatives of `value`, and the functions of the module are compared with each other, in float64 and in float32.
    Branches of conditions that no draw took are solved for. Where sizes and inputs are not given, the check is also
    done with an axis of the data empty, and (without numerical derivatives) at kinks.

    Whatever goes wrong inside is a finding of the report, never an error.

    Raises
    ------
    ModelError
        If `inputs` or `sizes` of the settings do not fit, or a fact is false as it stands.
    """
    with quietly():
        return _Check(subject, settings or Settings()).report()


class _Check:
    def __init__(self, subject: Subject, settings: Settings) -> None:
        self._subject, self._settings = subject, settings
        self._coverage = None if subject.stated is None else Coverage(subject.stated)
        self._runs: list[Run] = []
        self._edges: list[Run] = []
        self._workspace = subject.module.Workspace() if hasattr(subject.module, "Workspace") else None

    def report(self) -> CheckReport:
        """The report on everything."""
        subject, settings = self._subject, self._settings
        large = is_large(subject, settings)
        try:
            draws = self._parts() if large else draw_inputs(subject, settings)
        except NoInputsError as problem:
            self._runs.append(Run("no inputs", findings=(Finding("there are inputs", "inconclusive", str(problem)),)))
            draws = []
        for number, draw in enumerate(draws):
            first = (*PROBES, CHAIN) if settings.chain and (large or number == 0) else PROBES
            self._runs.append(self._run(draw, number, (*first, DIGITS) if large else first))
        if draws:
            self._take_missing_branches(draws)
            if settings.sizes is None and not settings.inputs:
                self._at_edges(draws[0], len(draws))
                failed: list[Finding] = []
                guarded("borders", partial(self._at_borders, len(draws)), failed.append)
                self._edges += [Run("the borders of conditions", findings=tuple(failed))] if failed else []
            if settings.accuracy:
                failed = []
                audited = guarded("the digits", partial(audit, subject, draws[0]), failed.append)
                self._edges.append(audited or Run("the digits", findings=tuple(failed)))
        labels = subject.second.labels(subject.parameters) if subject.second is not None else ()
        found = CheckReport(
            subject.name,
            settings.seed,
            (*subject.parameters, *labels),
            tuple(self._runs),
            tuple(self._edges),
            self._unverified(),
        )
        vanishing = self._vanishing(found, draws)
        return replace(found, vanishing=vanishing)

    # --- on arrays of the user's own ---------------------------------------------------------------------------------

    def _parts(self) -> list[Draw]:
        """Check all of large arrays as far as their size allows; parts of them for everything else."""
        light, whole = whole_arrays(self._subject, self._settings)
        rng = np.random.default_rng([self._settings.seed, 0, 6])
        run = look(Point(light, whole, rng, MOST_OF_WHOLE, self._workspace))
        found, reason = parts(self._subject, self._settings, whole)
        none = [] if found else [Finding("parts of the arrays are inputs", "inconclusive", reason)]
        self._runs.append(run.and_also(none))
        return found

    # --- at a draw ----------------------------------------------------------------------------------------------------

    def _run(self, draw: Draw, number: int, probes: Sequence[Probe] = PROBES, aim: Branch | None = None) -> Run:
        """What the probes find at a draw; `aim` is the branch that it was found for."""
        # A generator for each run: what it chooses does not depend on the others.
        rng = np.random.default_rng([self._settings.seed, number, 1])
        run = look(Point(self._subject, draw, rng, workspace=self._workspace), probes)
        coverage, at_kink = self._coverage, draw.kind == KINK
        if coverage is None or draw.kind in (EMPTY, SCALED):
            return run
        verified = at_kink or any(entry.verdict == "pass" for entry in run.entries)
        failed: list[Item] = []
        guarded("branches", lambda: coverage.add(draw, verified, at_kink, aim), failed.append)
        return run.and_also(failed)

    # --- on every branch ----------------------------------------------------------------------------------------------

    def _take_missing_branches(self, draws: list[Draw]) -> None:
        """Check on the branches that no draw took, as far as inputs for them are found."""
        coverage, tried = self._coverage, set[tuple[Basic, Any]]()
        for number in range(len(draws), len(draws) + _MOST_BRANCHES):
            left = [] if coverage is None else [b for b in coverage.missing() if (b.site, b.key) not in tried]
            if coverage is None or not left:
                return
            branch = left[0]
            tried.add((branch.site, branch.key))
            there = guarded("a branch", partial(self._draw_of, coverage, branch), lambda finding: None)
            if there is not None:
                self._runs.append(self._run(there, number, aim=branch))

    def _draw_of(self, coverage: Coverage, branch: Branch) -> Draw | None:
        """Inputs that take a branch: larger ones of a condition on indices alone, else those that are solved for."""
        constants = coverage.constants(branch)
        if constants is not None:
            return self._large_draw(coverage, branch, constants)
        given = tuple(given_inputs(self._subject, self._settings))
        found = coverage.solve(branch, self._is_legal, self._others, given)
        at_kink: Draw | None = None
        for inputs, draw in found:
            distance = self._subject.distance(inputs, draw.constraints)
            kind = ORDINARY if distance > 0 else KINK
            where = f"where {branch.condition}"
            there = replace(draw, inputs=inputs, distance=distance, notes=(), where=where, kind=kind)
            if distance > 0:
                return there
            at_kink = at_kink or there
        return at_kink

    def _others(self, draw: Draw) -> Iterator[dict[str, Any]]:
        return Sampler(self._subject, draw.sizes, [self._settings.seed, 0, 4]).others(_MOST_OTHERS)

    def _is_legal(self, inputs: dict[str, Any], draw: Draw) -> bool:
        return Sampler(self._subject, draw.sizes, 0).allows(inputs)

    def _large_draw(self, coverage: Coverage, branch: Branch, constants: list[int]) -> Draw | None:
        """A draw of sizes at which a condition on indices is met: beyond the numbers that it mentions.

        Where all indices of sizes beyond the largest of them do not meet it, it is never met.
        """
        complete = True
        for sizes in self._larger(constants):
            if math.prod(sizes.values()) > _MOST_ENTRIES or not self._subject.fits(sizes):
                complete = False
                continue
            try:
                draw = Sampler(self._subject, sizes, [self._settings.seed, *sizes.values()]).draw()
            except NoInputsError:
                complete = False
                continue
            if coverage.takes(branch, draw.inputs, sizes):
                return replace(draw, where=f"for {branch.condition}")
        if complete:
            coverage.rule_out(branch)
        return None

    def _larger(self, constants: list[int]) -> Iterator[dict[Basic, int]]:
        """Sizes beyond some numbers: of one dimension after the other, then of all."""
        dimensions = self._subject.dimensions
        least = {d: max(2, self._subject.minimum_sizes.get(d, 1)) for d in dimensions}
        for number in constants:
            for chosen in dict.fromkeys([*((d,) for d in dimensions), tuple(dimensions)]):
                yield {d: max(least[d], (number + 2) * (d in chosen)) for d in dimensions}

    def _unverified(self) -> tuple[str, ...]:
        """What the verdict cannot speak of: the value, if it was compared nowhere; branches that were not taken."""
        seen = [f for run in self._runs for f in run.findings if f.name == VALUE_IS_LOSS]
        found = []
        looked = any(run.entries for run in self._runs)
        if self._subject.reference is not None and looked and not any(f.verdict != "inconclusive" for f in seen):
            crashed = [f for run in self._runs for f in run.findings if f.name.startswith(AGAINST_LOSS)]
            why = next((f": {f.detail}" for f in (*seen, *crashed)), "")
            found.append(f"the value could not be compared with the loss{why}")
        missing = [] if self._coverage is None else self._coverage.missing()
        return (*found, *(f"no draw took the branch {branch}" for branch in missing))

    def _vanishing(self, found: CheckReport, draws: list[Draw]) -> frozenset[str]:
        """Of what has derivatives of zero only, the parameters whose formula is zero for all inputs."""
        compiled = self._subject.compiled
        labels = [label for label in found.zero if draws]
        if compiled is None:
            return frozenset(labels)
        failed: list[Finding] = []
        return frozenset(n for n in labels if guarded(n, partial(compiled.vanishes, n, draws), failed.append))

    # --- at the edges -------------------------------------------------------------------------------------------------

    def _at_edges(self, draw: Draw, number: int) -> None:
        failed: list[Finding] = []
        for place, draws, stream, probes in _EDGES:
            there = draws(self._subject, draw, [self._settings.seed, number, stream])
            kept = [probe for probe in probes if probe is not CHAIN or self._settings.chain]
            guarded(place, partial(self._run_all, there, number, kept), failed.append)
        if failed:
            self._edges.append(Run("the edges", findings=tuple(failed)))

    def _at_borders(self, number: int) -> None:
        if self._coverage is None:
            return
        given = tuple(given_inputs(self._subject, self._settings))
        found = self._coverage.at_borders(self._is_legal, given)
        for condition, inputs, draw in itertools.islice(found, _MOST_BORDERS):
            distance = self._subject.distance(inputs, draw.constraints)
            where = f"where {condition.args[0]} = {condition.args[1]}"
            there = replace(draw, inputs=inputs, distance=distance, notes=(), where=where)
            if distance > 0:
                self._edges.append(self._run(there, number, [probe for probe in PROBES if probe is not SECOND]))

    def _run_all(self, draws: Iterator[Draw | Run], number: int, probes: Sequence[Probe]) -> None:
        scaled: dict[tuple[str, str], Finding] = {}  # each kind of thing once
        for there in draws:
            run = there if isinstance(there, Run) else self._run(there, number, probes)
            if isinstance(there, Draw) and there.kind == SCALED:
                said_sizes = format_sizes(there.sizes)
                for one in run.findings:
                    said = replace(one, detail=f"{there.where}, {one.detail}") if one.detail else one
                    scaled.setdefault((one.name, one.verdict), said)
            elif isinstance(there, Draw) and there.kind == ZEROS:  # that nothing can be said there is nothing to say
                told = [item for item in run.items if item.verdict != "inconclusive"]
                self._edges.append(Run.of(run.sizes, [*told, *run.notes, *run.slopes]))
            else:
                self._edges.append(run)
        if scaled:
            self._edges.append(Run(f"{said_sizes} with numbers of other sizes", findings=tuple(scaled.values())))


_EDGES: tuple[tuple[str, Callable[[Subject, Draw, Sequence[int]], Iterator[Draw | Run]], int, Sequence[Probe]], ...] = (
    ("an empty axis", empty_draws, 3, PROBES),
    ("kinks", kink_draws, 0, (*PROBES, CHAIN)),
    ("larger sizes", larger_draws, 7, [probe for probe in PROBES if probe is not SECOND]),
    ("extreme inputs", extreme_draws, 5, PROBES),
)
"""Draws beyond the ordinary, the stream of their random numbers, and what is looked at there. Of large sizes second
derivatives would take long."""
