"""Checks a generated module against numerical gradients, at several sizes, on every branch and at the edges."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from symgrad.dimensions import format_sizes
from symgrad.verify.accuracy import audit
from symgrad.verify.branches import Branch, Coverage
from symgrad.verify.draw import EMPTY, KINK, SCALED, ZEROS, Draw, NoInputsError
from symgrad.verify.draws import draw_inputs
from symgrad.verify.edges import empty_draws, extreme_draws, kink_draws, larger_draws
from symgrad.verify.guarded import guarded
from symgrad.verify.point import Point
from symgrad.verify.probes import AGAINST_LOSS, CHAIN, DIGITS, PROBES, SECOND, Probe, look
from symgrad.verify.real_data import MOST_OF_WHOLE, is_large, parts, whole_arrays
from symgrad.verify.report import CheckReport, Finding, Run
from symgrad.verify.stated import VALUE_IS_LOSS
from symgrad.verify.subject import Settings, Subject


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
    # No warning of a generated module reaches the terminal.
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore", category=RuntimeWarning):
        return _Check(subject, settings or Settings()).report()


class _Check:
    def __init__(self, subject: Subject, settings: Settings) -> None:
        self._subject, self._settings = subject, settings
        self._coverage = None if subject.stated is None else Coverage(subject, settings, subject.stated)
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
            self._runs.append(Run.of("no inputs", [Finding("there are inputs", "inconclusive", str(problem))]))
            draws = []
        for number, draw in enumerate(draws):
            first = (*PROBES, CHAIN) if settings.chain and (large or number == 0) else PROBES
            self._runs.append(self._run(draw, number, (*first, DIGITS) if large else first))
        if draws:
            missing = iter(()) if self._coverage is None else self._coverage.missing_draws()
            for number, (branch, draw) in enumerate(missing, start=len(draws)):
                self._runs.append(self._run(draw, number, aim=branch))
            if settings.sizes is None and not settings.inputs:
                self._at_edges(draws[0], len(draws))
            if settings.accuracy:
                self._at_edge("the digits", map(partial(audit, subject), draws[:1]))
        labels = subject.second.labels(subject.parameters)
        found = CheckReport(
            subject.name,
            settings.seed,
            (*subject.parameters, *labels),
            tuple(self._runs),
            tuple(self._edges),
            self._unverified(),
        )
        return replace(found, vanishing=self._vanishing(found, draws))

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
        if self._coverage is None or draw.kind in (EMPTY, SCALED):
            return run
        verified = draw.kind == KINK or any(entry.verdict == "pass" for entry in run.entries)
        return run.and_also(guarded("branches", self._coverage.added(draw, verified, aim)))

    def _at_edges(self, draw: Draw, number: int) -> None:
        for place, draws, stream, probes in _EDGES:
            kept = [probe for probe in probes if probe is not CHAIN or self._settings.chain]
            self._at_edge(place, draws(self._subject, draw, [self._settings.seed, number, stream]), number, kept)
        if self._coverage is not None:
            self._at_edge("borders", self._coverage.border_draws(), number, _FIRST_ORDER)

    def _at_edge(
        self, place: str, found: Iterable[Draw | Run], number: int = 0, probes: Sequence[Probe] = PROBES
    ) -> None:
        """What the probes find at draws of one kind, of which those of large and small numbers are told together."""
        scaled: dict[tuple[str, str], Finding] = {}  # each kind of thing once
        for there in guarded(place, found):
            if not isinstance(there, Draw):
                self._edges.append(Run.of("the edges", [there]) if isinstance(there, Finding) else there)
                continue
            run = self._run(there, number, probes)
            if there.kind == SCALED:
                said_sizes = format_sizes(there.sizes)
                for one in run.findings:
                    said = replace(one, detail=f"{there.where}, {one.detail}") if one.detail else one
                    scaled.setdefault((one.name, one.verdict), said)
            elif there.kind == ZEROS:  # that nothing can be said there is nothing to say
                told = [item for item in run.items if item.verdict != "inconclusive"]
                self._edges.append(Run.of(run.sizes, [*told, *run.notes, *run.slopes]))
            else:
                self._edges.append(run)
        if scaled:
            self._edges.append(Run.of(f"{said_sizes} with numbers of other sizes", scaled.values()))

    # --- what is left -------------------------------------------------------------------------------------------------

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
        compiled, labels = self._subject.compiled, found.zero if draws else ()
        if compiled is None:
            return frozenset(labels)
        vanishes = partial(compiled.vanishes, draws=draws)
        return frozenset(name for name in labels if True in guarded(name, map(vanishes, [name])))


_FIRST_ORDER = [probe for probe in PROBES if probe is not SECOND]
_EDGES: tuple[tuple[str, Callable[[Subject, Draw, Sequence[int]], Iterator[Draw | Run]], int, Sequence[Probe]], ...] = (
    ("an empty axis", empty_draws, 3, PROBES),
    ("kinks", kink_draws, 0, (*PROBES, CHAIN)),
    ("larger sizes", larger_draws, 7, _FIRST_ORDER),
    ("extreme inputs", extreme_draws, 5, PROBES),
)
"""Draws beyond the ordinary, the stream of their random numbers, and what is looked at there. Of large sizes second
derivatives would take long."""
