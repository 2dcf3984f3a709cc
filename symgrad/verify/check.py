"""Checks a generated module against numerical gradients, at several sizes, on every branch and at the edges."""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from sympy import Basic

from symgrad.verify.branches import Branch, Coverage
from symgrad.verify.draws import draw_at, draw_inputs, fits, given_inputs, sampler_of
from symgrad.verify.edges import check_empty, check_kinks, empty_draw, empty_sizes
from symgrad.verify.extremes import extreme_draws
from symgrad.verify.guarded import guarded, quietly
from symgrad.verify.kink_points import MOST_NUMBERS
from symgrad.verify.point import Point
from symgrad.verify.probes import AGAINST_LOSS, CHAIN, DIGITS, PROBES, SECOND, VALUE_IS_LOSS, Probe, look
from symgrad.verify.real_data import MOST_OF_WHOLE, is_large, parts, whole_arrays
from symgrad.verify.report import CheckReport, Finding, Item, Run
from symgrad.verify.sampling import EMPTY, KINK, ORDINARY, SCALED, Draw, NoInputsError
from symgrad.verify.subject import Settings, Subject

_MOST_BRANCHES = 60  # that are solved for
_LARGER = (7, 11, 8)  # sizes of one, two or three dimensions
_MOST_OTHERS = 40  # draws that are looked at for a branch
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
            first = (*PROBES, CHAIN) if large or number == 0 else PROBES
            self._runs.append(self._run(draw, number, (*first, DIGITS) if large else first))
        if draws:
            self._take_missing_branches(draws)
            if settings.sizes is None and not settings.inputs:
                self._at_edges(draws)
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
        whole = whole_arrays(self._subject, self._settings)
        rng = np.random.default_rng([self._settings.seed, 0, 6])
        run = look(Point(whole.subject, whole.draw, rng, MOST_OF_WHOLE, self._workspace))
        found, reason = parts(self._subject, self._settings, whole.draw)
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
        return sampler_of(self._subject, draw.sizes, [self._settings.seed, 0, 4]).others(_MOST_OTHERS)

    def _is_legal(self, inputs: dict[str, Any], draw: Draw) -> bool:
        """Whether the facts hold for inputs and the loss has a value there."""
        reference = self._subject.reference
        if not sampler_of(self._subject, draw.sizes, [0]).satisfies(inputs) or not self._subject.is_regular(inputs):
            return False
        return reference is None or math.isfinite(reference(inputs, draw.sizes))

    def _large_draw(self, coverage: Coverage, branch: Branch, constants: list[int]) -> Draw | None:
        """A draw of sizes at which a condition on indices is met: beyond the numbers that it mentions.

        Where all indices of sizes beyond the largest of them do not meet it, it is never met.
        """
        complete = True
        for sizes in self._larger(constants):
            if math.prod(sizes.values()) > _MOST_ENTRIES or not fits(self._subject, sizes):
                complete = False
                continue
            seed = [self._settings.seed, *sizes.values()]
            try:
                draw = draw_at(self._subject, sampler_of(self._subject, sizes, seed), sizes)
            except NoInputsError:
                complete = False
                continue
            if coverage.takes(branch, draw):
                return replace(draw, where=f"for {branch.condition}")
        if complete:
            coverage.rule_out(branch)
        return None

    def _larger(self, constants: list[int]) -> Iterator[dict[Basic, int]]:
        """Sizes beyond some numbers: of one dimension after the other, then of all."""
        dimensions = self._subject.sized
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
        test = self._subject.vanishing
        labels = [label for label in found.zero if draws]
        if test is None:
            return frozenset(labels)
        failed: list[Finding] = []
        return frozenset(
            label
            for label in labels
            if guarded(label, lambda: test(label, draws), failed.append)  # noqa: B023
        )

    # --- at the edges -------------------------------------------------------------------------------------------------

    def _at_edges(self, draws: list[Draw]) -> None:
        failed: list[Finding] = []
        guarded("an empty axis", lambda: self._without_entries(draws), failed.append)
        if self._subject.kinks is not None:
            guarded("kinks", lambda: self._at_kinks(draws[0], len(draws)), failed.append)
        guarded("larger sizes", lambda: self._at_larger_sizes(draws[0], len(draws)), failed.append)
        guarded("extreme inputs", lambda: self._at_extremes(draws[0], len(draws)), failed.append)
        if failed:
            self._edges.append(Run("the edges", findings=tuple(failed)))

    def _at_larger_sizes(self, draw: Draw, number: int) -> None:
        """What is found at sizes beyond those of all draws, without second derivatives; nothing where they are many."""
        least = self._subject.minimum_sizes
        sizes = {d: max(least.get(d, 1), large) for d, large in zip(draw.sizes, _LARGER)}  # noqa: B905
        if not 0 < len(draw.sizes) <= len(_LARGER) or not fits(self._subject, sizes):
            return
        sampler = sampler_of(self._subject, sizes, [self._settings.seed, number, 7])
        with contextlib.suppress(NoInputsError):
            there = draw_at(self._subject, sampler, sizes)
            probes = [probe for probe in PROBES if probe is not SECOND]
            self._edges.append(self._run(there, number, probes))

    def _at_extremes(self, draw: Draw, number: int) -> None:
        """What is found at zeros and at numbers of other sizes; that nothing can be said there is nothing to say."""
        scaled: dict[tuple[str, str], Finding] = {}  # each kind of thing once
        for there in extreme_draws(self._subject, draw, [self._settings.seed, number, 5]):
            run = self._run(there, number)
            if there.kind == SCALED:
                for one in run.findings:
                    said = replace(one, detail=f"{there.where}, {one.detail}") if one.detail else one
                    scaled.setdefault((one.name, one.verdict), said)
            else:
                told: list[Item] = [item for item in run.entries if item.verdict != "inconclusive"]
                told += [item for item in run.findings if item.verdict != "inconclusive"]
                self._edges.append(Run.of(run.sizes, [*told, *run.notes, *run.slopes]))
        if scaled:
            self._edges.append(Run(f"{draw.said} with numbers of other sizes", findings=tuple(scaled.values())))

    def _without_entries(self, draws: list[Draw]) -> None:
        subject, number = self._subject, len(draws)

        def emptied(sizes: Mapping[Basic, int]) -> Iterator[Callable[[], Draw]]:
            sampler = sampler_of(subject, sizes, [self._settings.seed, number])
            yield lambda: draw_at(replace(subject, reference=None), sampler, sizes, near_kinks=True)
            yield sampler.draw  # nowhere finite

        for of_parameters in (False, True):
            sizes = empty_sizes(subject, draws[0].sizes, of_parameters)
            empty = empty_draw(sizes, emptied)
            if empty is not None:
                self._edges.append(check_empty(subject, *empty, lambda draw: self._run(draw, number)))

    def _at_kinks(self, draw: Draw, number: int) -> None:
        subject, kinks = self._subject, self._subject.kinks
        assert kinks is not None
        here = sampler_of(subject, draw.sizes, [self._settings.seed, number])
        small = sum(map(np.size, draw.inputs.values())) <= MOST_NUMBERS

        def at_kink(inputs: dict[str, Any]) -> bool:
            """Whether inputs satisfy the facts, and the loss has a value and a kink there."""
            try:
                near = subject.distance(inputs, draw.constraints) == 0
                if not near and (not small or kinks.exact is None or not self._tied(inputs, draw)):
                    return False
                if not here.satisfies(inputs) or not subject.is_regular(inputs):
                    return False
                return subject.reference is None or math.isfinite(subject.reference(inputs, draw.sizes))
            except (ArithmeticError, ValueError, IndexError):
                return False

        probes = (*PROBES, CHAIN)
        self._edges += check_kinks(subject, draw, at_kink, lambda there: self._run(there, number, probes))

    def _tied(self, inputs: dict[str, Any], draw: Draw) -> bool:
        kinks = self._subject.kinks
        return kinks is not None and bool(kinks.reached(inputs, draw.sizes, draw.constraints))
