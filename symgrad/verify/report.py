"""What a gradient check found: a verdict for every entry and property, and the report that prints them."""

import math
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from symgrad.calls import shortened
from symgrad.verify.table import COLUMNS, by_parameter, check_table

Verdict = Literal["pass", "fail", "inconclusive"]

TOLERANCE = 4.0
"""An entry fails where it differs from the numerical derivative by more than this many estimated errors. In 24,000
checks of right modules, with 880,000 derivatives, the furthest was off by 0.84 of them."""

_WIDTH = 100
_SHOWN_FAILURES = 12


@dataclass(frozen=True, slots=True)
class Entry:
    """One directional derivative: of one entry of a parameter, or along a random direction.

    Attributes
    ----------
    parameter : the parameter's name.
    label : the entry, `W[0, 3]`, or the direction.
    analytic : the generated gradient's.
    numeric : the numerical one.
    error : the estimated error of their difference: truncation and rounding, of both.
    verdict : fail where they differ by more than TOLERANCE errors; inconclusive where the error is so large that a
        wrong gradient could hide in it; else pass.
    zero : passed, but only because both vanish within the rounding errors of the loss.
    reason : why, where there is something to say.
    """

    parameter: str
    label: str
    analytic: float
    numeric: float
    error: float
    verdict: Verdict
    zero: bool = False
    reason: str = ""

    @property
    def ratio(self) -> float:
        """The difference in units of its estimated error; inf where that is not a number."""
        difference = abs(self.analytic - self.numeric)
        if difference == 0:
            return 0.0
        return difference / self.error if math.isfinite(difference) and self.error > 0 else math.inf

    def __str__(self) -> str:
        text = f"{self.label}: analytic {self.analytic!r}, numeric {self.numeric!r} ± {self.error:.1e}"
        return text + (f" ({self.reason})" if self.reason else "")


@dataclass(frozen=True, slots=True)
class Finding:
    """One property of the module other than a derivative.

    Attributes
    ----------
    name : the property, as a statement.
    verdict : whether it holds.
    detail : the numbers, where it does not.
    """

    name: str
    verdict: Verdict
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.detail or self.verdict}"


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the chain from the SymPy loss to the generated code: what it gives, compared with the link before.

    Attributes
    ----------
    name : the stage: reading, derivation, simplification, schedule, float64 code, float32 code.
    verdict : whether the two agree as well as they have to.
    ulps : the largest error of all numbers compared that was allowed, or that of the worst number where one was not.
    label : the worst number: "value", an entry `W[0, 3]`, or a direction.
    expected, got : that number before and after the link.
    reason : why, where there is something to say.
    """

    name: str
    verdict: Verdict
    ulps: float = 0.0
    label: str = ""
    expected: str = ""
    got: str = ""
    reason: str = ""

    def __str__(self) -> str:
        if not self.label:
            return f"link {self.name}: {self.reason or self.verdict}"
        return f"link {self.name}: {self.label} is {self.got}, should be {self.expected}; off by {self.ulps:.2g} ulp"


@dataclass(frozen=True, slots=True)
class Slope:
    """How fast the remainder of Taylor's first-order formula falls with the step along a random direction.

    Attributes
    ----------
    parameter : what moves.
    order : 2 (or more) where the derivative is right, 1 where it is not; nan where the remainder is lost in rounding.
    """

    parameter: str
    order: float

    def __str__(self) -> str:
        return f"{self.parameter} {self.order:.2f}"


Item = Entry | Finding | Link | Slope | str  # what a probe finds; a text is a note


@dataclass(frozen=True)
class Run:
    """What was found at one draw of inputs.

    Attributes
    ----------
    sizes : the dimensions, `M=2, N=3`.
    entries : derivatives.
    findings : other properties.
    notes : what the reader should know of the inputs.
    links : the links of the chain, where they were compared.
    slopes : of Taylor remainders, one for each parameter.
    beneath : how many operations lose digits of the gradient that the loss does not show, of an audit.
    """

    sizes: str
    entries: tuple[Entry, ...] = ()
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    slopes: tuple[Slope, ...] = ()
    beneath: int = 0

    @classmethod
    def of(cls, sizes: str, items: Iterable[Item]) -> "Run":
        """What was found at a draw, each kind of thing in order."""
        kinds: dict[type, list[Any]] = {Entry: [], Finding: [], str: [], Link: [], Slope: []}
        for item in items:
            kinds[type(item)].append(item)
        entries, findings, notes, links, slopes = map(tuple, kinds.values())
        return cls(sizes, entries, findings, notes, links, slopes)

    def and_also(self, items: Iterable[Item]) -> "Run":
        """The same with more."""
        every = (*self.entries, *self.findings, *self.notes, *self.links, *self.slopes, *items)
        return Run.of(self.sizes, every)

    @property
    def items(self) -> tuple[Entry | Finding | Link, ...]:
        """Everything with a verdict: links of the chain, properties, then derivatives."""
        return (*self.links, *self.findings, *self.entries)

    @property
    def failures(self) -> tuple[Entry | Finding | Link, ...]:
        """Everything that failed."""
        return tuple(item for item in self.items if item.verdict == "fail")


@dataclass(frozen=True, repr=False)
class CheckReport:
    """The outcome of a gradient check; printing it gives the report.

    Attributes
    ----------
    name : the model's.
    seed : of the inputs drawn.
    parameters : the names of all parameters.
    runs : one for each set of sizes.
    edges : where nothing is differentiated numerically, or nothing is left to: with an empty axis, and at a kink.
    unverified : what no draw reached, such as a branch of a condition, each as a statement.
    vanishing : parameters whose derivatives are zero by their formula, whatever the inputs.
    """

    name: str
    seed: int
    parameters: tuple[str, ...]
    runs: tuple[Run, ...]
    edges: tuple[Run, ...] = ()
    unverified: tuple[str, ...] = ()
    vanishing: frozenset[str] = frozenset()

    @property
    def everywhere(self) -> tuple[Run, ...]:
        """The runs and the edges."""
        return (*self.runs, *self.edges)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The derivatives of all runs, without those of the edges, which are zero where an axis is empty."""
        return tuple(entry for run in self.runs for entry in run.entries)

    @property
    def failures(self) -> tuple[Entry | Finding | Link, ...]:
        """Everything that failed, in the order found."""
        return self._items("fail")

    @property
    def undecided(self) -> tuple[Entry | Finding | Link, ...]:
        """Everything whose verdict is inconclusive."""
        return self._items("inconclusive")

    def _items(self, verdict: Verdict) -> tuple[Entry | Finding | Link, ...]:
        return tuple(item for run in self.everywhere for item in run.items if item.verdict == verdict)

    @property
    def zero(self) -> tuple[str, ...]:
        """The parameters all of whose derivatives passed as zeros."""
        entries = self.entries
        others = {entry.parameter for entry in entries if not entry.zero or entry.verdict != "pass"}
        seen = {entry.parameter for entry in entries} - others
        return tuple(parameter for parameter in self.parameters if parameter in seen)

    @property
    def unseen(self) -> tuple[str, ...]:
        """The parameters of whose gradients nothing is known.

        Those with no derivative that passed, except as a zero; unless their formula is zero whatever the inputs.
        """
        seen = {entry.parameter for entry in self.entries if entry.verdict == "pass" and not entry.zero}
        known = seen | (self.vanishing & set(self.zero))
        return tuple(parameter for parameter in self.parameters if parameter not in known)

    @property
    def verdict(self) -> Verdict:
        """pass: nothing failed, every parameter's gradient was seen to be right somewhere, and every branch was taken.

        fail: something failed. Else inconclusive: nothing is known against the module, but not enough for it either.
        Where the verdict is pass, single derivatives, properties or links may still be inconclusive; `undecided` has
        them.
        """
        if self.failures:
            return "fail"
        return "inconclusive" if self.unseen or self.unverified or not self.runs else "pass"

    @property
    def ok(self) -> bool:
        """Whether the verdict is pass; neither fail nor inconclusive is."""
        return self.verdict == "pass"

    def __bool__(self) -> bool:
        return self.ok

    def _repr_html_(self) -> str:
        return check_table(self)

    @property
    def conclusion(self) -> str:
        """The verdict in words, with what failed or is missing."""
        return "\n".join(self._conclusion())

    def __repr__(self) -> str:
        lines = [shortened(f"Gradient check of {self.name or 'the module'}, seed {self.seed}", _WIDTH)]
        for run in self.everywhere:
            lines += ["", *_wrap(f"at {run.sizes}", "")]
            lines += _table(run)
            lines += _slopes(run)
            lines += [line for note in run.notes for line in _wrap(f"note: {note}", "  ")]
            lines += _chain(run)
            lines += _properties(run)
        lines += ["", *self._conclusion()]
        return "\n".join(lines)

    def _conclusion(self) -> Iterator[str]:
        entries = self.entries
        if self.verdict == "fail":
            wrong = [entry for entry in entries if entry.verdict == "fail"]
            others = len(self.failures) - len(wrong)
            also = f" and {_count(others, 'other property', 'other properties')}" if others else ""
            yield from _wrap(f"FAILED: {len(wrong)} of {_count(len(entries), 'derivative', 'derivatives')}{also}", "")
            for run in self.everywhere:
                items = sorted(run.failures, key=lambda item: -item.ratio if isinstance(item, Entry) else -math.inf)
                for item in items[:_SHOWN_FAILURES]:
                    yield from _wrap(f"at {run.sizes}: {item}", "  ")
                if len(items) > _SHOWN_FAILURES:
                    yield f"  … and {len(items) - _SHOWN_FAILURES} more at {run.sizes}"
        elif self.verdict == "inconclusive":
            yield from self._inconclusive()
        else:
            passed = [entry for entry in entries if entry.verdict == "pass"]
            zeros = sum(entry.zero for entry in passed)
            text = f"{_count(len(passed), 'derivative', 'derivatives')} at {_count(len(self.runs), 'draw', 'draws')}"
            yield from _wrap(f"PASSED: {text}" + (f", {zeros} of them zero within rounding" if zeros else ""), "")
            yield from _wrap(self._open(), "")
            yield from _wrap(self._beneath(), "")

    def _inconclusive(self) -> Iterator[str]:
        """What is missing, and what would help."""
        missing = list(self.unverified)
        nothing = [f for run in self.runs for f in run.findings if not run.entries and f.verdict == "inconclusive"]
        missing += list(dict.fromkeys(finding.detail for finding in nothing))
        if self.unseen and not nothing:
            zero = [parameter for parameter in self.unseen if parameter in self.zero]
            others = [parameter for parameter in self.unseen if parameter not in zero]
            if zero:
                missing.append(f"all derivatives by {', '.join(zero)} are zero, which their formula is not everywhere")
            if others:
                missing.append(
                    f"no derivative by {', '.join(others)} could be told apart from a wrong one; give inputs= where "
                    "the loss is smooth and the gradient not tiny, or another seed="
                )
        first, *rest = missing or ["nothing was checked"]
        yield from _wrap(f"INCONCLUSIVE: {first}", "")
        for one in rest:
            yield from _wrap(one, "  ")
        if any("no draw took" in one for one in self.unverified):
            yield from _wrap("nothing is known of them: give inputs= that take them, or facts that rule them out", "")

    def _open(self) -> str:
        """What a verdict of pass does not speak of; empty if there is nothing."""
        kinds = {
            Entry: ("derivative", "derivatives"),
            Finding: ("property", "properties"),
            Link: ("link of the chain", "links of the chain"),
        }
        counts = [
            _count(number, *words)
            for kind, words in kinds.items()
            if (number := sum(isinstance(item, kind) for item in self.undecided))
        ]
        return f"undecided: {', '.join(counts)}; nothing is known of them" if counts else ""

    def _beneath(self) -> str:
        """What a verdict of pass allows for: digits that the gradient loses."""
        operations = sum(run.beneath for run in self.everywhere)
        lost = _count(operations, "operation loses", "operations lose")
        return f"{lost} digits of the gradient beneath the rounding of the loss: see the notes" if operations else ""


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _wrap(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False)


_ROW = "  {:<14} {:>4} {:>4} {:>7}  {:<20} {:>13} {:>13} {:>8} {:>6}"


def _table(run: Run) -> Iterator[str]:
    """A line for each parameter: how many derivatives got which verdict, and the worst of them."""
    if not run.entries:
        return
    yield _ROW.format(*COLUMNS).rstrip()
    for row in by_parameter(run.entries):
        yield _ROW.format(shortened(row.name, 14), *(shortened(cell, 20) for cell in row.cells(".6e")))
        if row.worst.verdict == "inconclusive" and row.worst.reason:
            yield from _wrap(f"{row.worst.label} is inconclusive: {row.worst.reason}", "    ")


def _slopes(run: Run) -> list[str]:
    """The orders of Taylor remainders; of linear functions there are none."""
    seen = [slope for slope in run.slopes if not math.isnan(slope.order)]
    if not seen:
        return []
    rest = ", the others are lost in rounding" if len(seen) < len(run.slopes) else ""
    return _wrap(f"orders of the Taylor remainders: {', '.join(map(str, seen))}{rest}", "  ")


_LINK = "  {:<{}} {:<12} {:>9}  {}"


def _chain(run: Run) -> Iterator[str]:
    """A line for each link of the chain from the SymPy loss to the code."""
    width = max((len(link.name) for link in run.links), default=0)
    if run.links:
        yield _LINK.format("link", width, "verdict", "error/ulp", "worst")
    for link in run.links:
        error = f"{link.ulps:.2g}" if link.label else ""
        yield shortened(_LINK.format(link.name, width, link.verdict, error, link.reason or link.label), _WIDTH).rstrip()


def _properties(run: Run) -> Iterator[str]:
    """One line for the properties that hold, and one for each that does not."""
    holding = sum(finding.verdict == "pass" for finding in run.findings)
    if holding:
        yield f"  and {_count(holding, 'property', 'properties')} of {len(run.findings)} besides"
    for finding in run.findings:
        if finding.verdict != "pass":
            yield from _wrap(f"{finding.verdict}: {finding}", "  ")
