"""Tests the checker by mutation: wrong gradients of all examples, and how many of them it finds.

    python tests/verify/mutation.py [--mutants 600] [--runs 2000] [--page tests/verify/MUTATION.md]

What a mutant does is measured without the checker, against the right module at inputs and sizes that the check does not
use: a mutant that changes no derivative there is equivalent and left out. An error above 1e-6 of the parameter's
largest derivative has to be found, whatever made it. Right modules are checked with many seeds, the cheap ones more
often than the expensive; no check may fail or be inconclusive.
"""

import argparse
import copy
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from symgrad import Model  # noqa: E402
from symgrad.cli.model_file import ModelReference, load_model  # noqa: E402
from symgrad.verify.check import check_module  # noqa: E402
from symgrad.verify.draws import draw_inputs  # noqa: E402
from symgrad.verify.subject import Settings  # noqa: E402

if __name__ == "__main__":
    from mutants import Mutant, imported, mutants
else:
    from .mutants import Mutant, imported, mutants

EXAMPLES = (
    "alphago", "attention", "blocks", "bundle_adjustment", "cox", "cycle", "dcgan", "dcgan.py:discriminator",
    "detection", "dqn", "factorisation", "gaussian_process", "gpt", "graph", "gru", "handwriting", "lenet", "logistic",
    "logistic.py:likelihood", "logistic.py:log_likelihood", "mixture", "multilayer", "poisson", "residual", "ridge",
    "sigmoid_derivative", "softmax", "style",
)  # fmt: skip
VISIBLE = 1e-6
EQUIVALENT = 1e-12  # of a parameter's largest derivative: below it lie the rounding errors of another order of terms
ELSEWHERE = 10_000  # added to the seed for inputs that the check does not use
FEWEST_RUNS, MOST_RUNS = 10, 200  # of one model: gpt takes a hundred times as long as ridge


class Trial:
    """One model with its right module, and the check of wrong ones."""

    def __init__(self, name: str) -> None:
        file, _, attribute = name.partition(".py")
        self.name = name
        self.model: Model = load_model(ModelReference.parse(str(ROOT / "examples" / f"{file}.py{attribute}")))
        self.source = self.model.source()
        self.module = imported(self.source)
        self._subject = self.model._checking.subject(self.module)

    @cached_property
    def mutants(self) -> list[Mutant]:
        shapes = [argument.shape for argument in self.model.arguments if argument.role == "parameter"]
        return mutants(self.source, self.module, [len(s) > 1 and s[-1] == s[-2] for s in shapes])

    @cached_property
    def elsewhere(self) -> list[tuple[dict[str, Any], list[Any]]]:
        """Inputs, and the right gradients there."""
        draws = self.draws(ELSEWHERE)
        return [(draw.inputs, [np.array(part) for part in self.module.gradient(**draw.inputs)]) for draw in draws]

    def draws(self, seed: int) -> list[Any]:
        return draw_inputs(self._subject, Settings(seed))

    def check(self, module: Any, seed: int) -> Any:
        """The report on a module; the chain of stages is compared where it is the right one."""
        if module is self.module:
            return check_module(self._subject, Settings(seed))
        kinks = self._subject.kinks and replace(self._subject.kinks, exact=None)
        return check_module(replace(self._subject, module=module, kinks=kinks), Settings(seed, chain=False))

    def error(self, wrong: Any) -> float:
        """The largest error of a wrong gradient, relative to the parameter's largest derivative; inf if it raises."""
        errors = [0.0]
        for inputs, right in self.elsewhere:
            own = copy.deepcopy(inputs)  # what is wrong may write to them
            with np.errstate(all="ignore"):
                try:
                    parts = [np.asarray(part) for part in wrong.gradient(**own)]
                except Exception:
                    return np.inf
            for part, expected in zip(parts, right, strict=True):
                if part.shape != expected.shape or not np.all(np.isfinite(part)):
                    return np.inf
                size = float(np.max(np.abs(expected), initial=0.0))
                errors.append(float(np.max(np.abs(part - expected), initial=0.0)) / (size or 1.0))
        return max(errors)


@dataclass
class Counts:
    """What became of the mutants of one kind."""

    made: int = 0
    found: int = 0
    smaller: int = 0
    smaller_found: int = 0
    equivalent: int = 0
    raising: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


@dataclass
class Detection:
    """How many mutants of each kind there were and were found, and those that were not found."""

    counts: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    missed: list[str] = field(default_factory=list)

    @property
    def total(self) -> Counts:
        return sum(self.counts.values(), Counts())


def detect(trials: Sequence[Trial], count: int, seed: int = 0) -> Detection:
    """Check visible mutants, as many of each model, and of each kind in turn."""
    found = Detection()
    for trial in trials:
        rng = np.random.default_rng([seed, len(trial.source)])
        by_kind: dict[str, list[Mutant]] = defaultdict(list)
        for number in rng.permutation(len(trial.mutants)):
            by_kind[trial.mutants[number].kind].append(trial.mutants[number])
        wanted = -(-count // len(trials))
        while wanted > 0 and by_kind:
            for kind in sorted(by_kind):
                if wanted > 0 and not _one(trial, by_kind, kind, seed, found):
                    continue
                wanted -= 1
        print(f"mutants of {trial.name}: {found.total}", file=sys.stderr, flush=True)
    return found


def _one(trial: Trial, by_kind: dict[str, list[Mutant]], kind: str, seed: int, found: Detection) -> bool:
    """Check one mutant of a kind that does something; whether there was one."""
    counts = found.counts[kind]
    while by_kind.get(kind):
        mutant = by_kind[kind].pop()
        module = mutant.make()
        error = trial.error(module)
        if error == np.inf:
            counts.raising += 1
        elif error <= EQUIVALENT:
            counts.equivalent += 1
        else:
            alarm = not trial.check(module, seed).ok
            if error <= VISIBLE:
                counts.smaller += 1
                counts.smaller_found += alarm
                if kind != "float32 leak":
                    continue
            else:
                counts.made += 1
                counts.found += alarm
                if not alarm:
                    found.missed.append(f"{trial.name}: {kind}, off by {error:.2g}: {mutant.change}")
                    print(found.missed[-1], file=sys.stderr, flush=True)
            return True
    by_kind.pop(kind, None)
    return False


@dataclass
class Alarms:
    """Checks of right modules: how many there were of each model, and those that did not pass."""

    runs: dict[str, int]
    wrong: list[str]
    unclear: int
    entries: int
    seconds: float


def alarms(trials: Sequence[Trial], runs: int, first_seed: int = 1000) -> Alarms:
    """Check right modules; the time of a first check decides how often a model has its turn."""
    durations = []
    for trial in trials:
        start = time.process_time()
        trial.check(trial.module, first_seed - 1)
        durations.append(time.process_time() - start)
    rates = 1 / np.maximum(durations, 1e-3)
    shares = np.clip(runs * rates / np.sum(rates), min(FEWEST_RUNS, runs / len(trials)), max(MOST_RUNS, runs / 10))
    shares = np.ceil(shares * runs / np.sum(shares)).astype(int)
    found = Alarms({}, [], 0, 0, 0.0)
    start = time.process_time()
    for trial, share in zip(trials, shares, strict=True):
        for seed in range(first_seed, first_seed + share):
            report = trial.check(trial.module, seed)
            found.entries += len(report.entries)
            found.unclear += sum(entry.verdict == "inconclusive" for entry in report.entries)
            if not report.ok:
                found.wrong.append(f"{trial.name}, seed {seed}:\n{report}")
                print(found.wrong[-1], file=sys.stderr, flush=True)
        found.runs[trial.name] = int(share)
        print(f"{share} checks of {trial.name}", file=sys.stderr, flush=True)
    found.seconds = time.process_time() - start
    return found


def page(detection: Detection, calm: Alarms) -> str:
    """The numbers as Markdown."""
    total = detection.total
    lines = [
        "# The checker, tested by mutation",
        "",
        "Written by `python tests/verify/mutation.py --page tests/verify/MUTATION.md`, whose docstring says what a",
        "mutant is and how its error is measured. Left out are mutants that raise, return other shapes or no finite",
        "numbers at all, and those that change nothing (equivalent). Errors of at most 1e-6 need not be found.",
        "",
        "| mistake | above 1e-6 | found | smaller | found | equivalent | raising |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind, c in [*sorted(detection.counts.items()), ("**all**", total)]:
        lines.append(
            f"| {kind} | {c.made} | {c.found} | {c.smaller} | {c.smaller_found} | {c.equivalent} | {c.raising} |"
        )
    lines += ["", f"Detection rate above 1e-6: {100 * total.found / max(total.made, 1):.1f} %."]
    lines += [f"* missed: {missed}" for missed in detection.missed]
    runs = sum(calm.runs.values())
    lines += [
        "",
        f"{runs} checks of right modules with as many seeds ({len(calm.runs)} models, the chain of stages included): ",
        f"{len(calm.wrong)} alarms. Of {calm.entries} derivatives {calm.unclear} were inconclusive. A check took "
        f"{calm.seconds / max(runs, 1):.2f} s of CPU time on average.",
        "",
        "| model | runs |",
        "|---|---|",
        *(f"| {name} | {count} |" for name, count in calm.runs.items()),
        "",
    ]
    return "\n".join(line.rstrip() for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=600)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--models", nargs="*", default=EXAMPLES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--page", type=Path)
    options = parser.parse_args()
    trials = [Trial(name) for name in options.models]
    detection = detect(trials, options.mutants, options.seed)
    calm = alarms(trials, options.runs, 1000 + options.seed)
    text = page(detection, calm)
    print(text)
    if options.page is not None:
        options.page.write_text(text, encoding="utf-8")
    return 1 if detection.missed or calm.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
