"""Audits the digits of all example models, on a logarithmic grid of each input, and says what loses them.

    python tests/verify/digits.py [--models logistic cox …] [--seed 0] [--page tests/verify/DIGITS.md]

For each model it is `Model.check(accuracy=True)` without the rest of the check: value and gradient at inputs scaled
from 1e-300 to 1e300, as far as the facts allow it, against the formula at so many digits that none of the last sixteen
is lost. A line for each operation that loses digits has where that begins and the worst number that was met. With
`--page` the models that are audited replace what the page has of them.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from symgrad import Model  # noqa: E402
from symgrad.cli.model_file import ModelReference, load_model  # noqa: E402
from symgrad.verify.accuracy import audit as audit_of  # noqa: E402
from symgrad.verify.draws import draw_inputs  # noqa: E402
from symgrad.verify.report import Finding, Run  # noqa: E402
from symgrad.verify.subject import Settings  # noqa: E402
from tests.verify.mutants import imported  # noqa: E402
from tests.verify.mutation import EXAMPLES  # noqa: E402

TEMPLATES = tuple(f"templates/{path.stem}" for path in sorted((ROOT / "templates" / "models").glob("*.py")))
MODELS = (*EXAMPLES, *TEMPLATES)


@dataclass(frozen=True)
class Audited:
    """One model, what its audit found, and how many seconds that took."""

    name: str
    run: Run
    seconds: float

    @property
    def lost(self) -> tuple[Finding, ...]:
        """The entries whose digits are lost somewhere."""
        return tuple(finding for finding in self.run.findings if finding.verdict == "fail")

    @property
    def verdict(self) -> str:
        """In a few words."""
        if self.lost:
            return f"{_kinds(len(self.lost))} of lost digits"
        (finding,) = self.run.findings
        if finding.verdict != "pass":
            return finding.detail or finding.verdict
        if self.run.beneath:
            return f"all digits kept that the loss shows; {_kinds(self.run.beneath)} beneath its rounding"
        return "all digits kept"


def _kinds(count: int) -> str:
    return f"{count} kind{'s' * (count != 1)}"


def model_of(name: str) -> Model:
    """The example `NAME`, `NAME.py:ATTRIBUTE`, or `templates/NAME`."""
    file, _, attribute = name.partition(".py")
    folder, _, file = f"examples/{file}".rpartition("/")
    path = ROOT / ("templates/models" if folder.endswith("templates") else "examples") / f"{file}.py{attribute}"
    return load_model(ModelReference.parse(str(path)))


def audit(names: Sequence[str], seed: int = 0) -> Iterator[Audited]:
    """The audits of some models, one after the other."""
    for name in names:
        start = time.perf_counter()
        model = model_of(name)
        subject = model._checking.subject(imported(model.source()))
        run = audit_of(subject, draw_inputs(subject, Settings(seed))[0])
        yield Audited(name, run, time.perf_counter() - start)


HEAD = """# Digits of the example models

Written by `python tests/verify/digits.py --page tests/verify/DIGITS.md`, which takes an hour on two cores; with
`--models NAME …` the lines of these are made anew.

Value and gradient are compared with the formula at hundreds of digits, with every input in turn, and all together,
scaled to 10^k for k from -300 to 300. What is named is the operation that, computed in float64 by itself, makes the
result as wrong as it is, where that begins, and the worst of it.

"""
COLUMNS = "| model | value and gradient on the grid | |\n|---|---|--:|\n"


def page(audits: Sequence[Audited], before: str = "") -> str:
    """What was found, as Markdown; what a page says of other models is kept."""
    parts = read(before)
    for one in audits:
        row = f"| {one.name} | {one.verdict} | {one.seconds:.0f} s |"
        told = [*(f"{finding.name}: {finding.detail}" for finding in one.lost), *one.run.notes]
        parts[one.name] = (row, "".join(f"* {line}\n" for line in told))
    order = sorted(parts, key=lambda name: MODELS.index(name) if name in MODELS else len(MODELS))
    rows = "".join(f"{parts[name][0]}\n" for name in order)
    sections = "".join(f"\n## {name}\n\n{parts[name][1]}" for name in order if parts[name][1])
    return HEAD + COLUMNS + rows + sections


def read(text: str) -> dict[str, tuple[str, str]]:
    """The row and the lines of each model on a page."""
    _, *sections = text.split("\n## ")
    lines = dict(section.split("\n\n", 1) for section in sections)
    rows = [line for line in text.splitlines() if line.startswith("| ") and line not in COLUMNS]
    names = [row.split(" | ")[0].removeprefix("| ") for row in rows]
    return {name: (row, lines.get(name, "")) for name, row in zip(names, rows, strict=True)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="*", default=MODELS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--page", type=Path)
    options = parser.parse_args()
    audits = []
    for one in audit(options.models, options.seed):
        audits.append(one)
        print(f"{one.name}: {one.verdict} ({one.seconds:.0f} s)", flush=True)
        for finding in one.lost:
            print(f"    {finding.name}: {finding.detail}", flush=True)
        for note in one.run.notes:
            print(f"    {note}", flush=True)
        if options.page is not None:
            before = options.page.read_text(encoding="utf-8") if options.page.exists() else ""
            options.page.write_text(page([one], before), encoding="utf-8")
    return 1 if any(one.lost for one in audits) else 0


if __name__ == "__main__":
    raise SystemExit(main())
