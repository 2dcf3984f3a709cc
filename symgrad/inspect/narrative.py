"""The steps of a derivation as text for a terminal, and as LaTeX."""

from collections.abc import Sequence

from symgrad.formula.latex import latex, prose
from symgrad.formula.listing import WIDTH, folded
from symgrad.inspect.story import Equation, Rewrite, Section, Shown, Step


def as_text(sections: Sequence[Section]) -> str:
    """Sections as text of WIDTH columns."""
    lines: list[str] = []
    for section in sections:
        lines += ["", section.title] if lines else [section.title]
        lines += [line.strip() for line in _wrapped(section.words)]
        for step in section.steps:
            lines += _step(step)
    return "\n".join(lines)


def _step(step: Step) -> list[str]:
    if step.is_plain:
        return _sides(step.equations[0].left.text, step.equations[0].right.text, "    ")
    counts = f"    [{count(step.operations)}]" if step.operations is not None else ""
    lines = ["", f"  {step.title.text}{counts}"]
    simplified = [equation for equation in step.equations if equation.words == "simplified"]
    for equation in step.equations:
        if equation not in simplified:
            lines += [f"    {equation.words}", *_sides(equation.left.text, equation.right.text, "      ")]
    for rewrite in step.rewrites:
        lines.append(f"    rewrite “{rewrite.name}”  [{count(rewrite.operations)}]")
        lines += _sides(rewrite.before.text, rewrite.after.text, "      ")
        reason = f"{rewrite.reason.identity}: {rewrite.reason.reason} ({rewrite.reason.source})"
        lines += [f"      {part.strip()}" for part in _wrapped(reason)] if rewrite.reason.identity else []
    for equation in simplified:
        lines += [f"    {equation.words}", *_sides(equation.left.text, equation.right.text, "      ")]
    return lines


def _sides(left: str, right: str, indent: str) -> list[str]:
    if len(left) > WIDTH // 3:
        parts = [*folded(left, WIDTH - len(indent)), *folded(f"= {right}", WIDTH - len(indent))]
        return [indent + part for part in parts]
    first, *rest = folded(right, WIDTH - len(indent) - len(left) - 3)
    return [f"{indent}{left} = {first}", *(" " * (len(indent) + len(left) + 3) + part for part in rest)]


def _wrapped(words: str) -> list[str]:
    lines = [""]
    for word in words.split():
        if len(lines[-1]) + len(word) + 7 > WIDTH:
            lines.append("")
        lines[-1] += f" {word}"
    return lines


def count(operations: tuple[int, int]) -> str:
    """How many operations, before and after."""
    before, after = operations
    noun = "operation" if after == 1 else "operations"
    return f"{before} → {after} {noun}" if before != after else f"{after} {noun}"


def as_latex(sections: Sequence[Section]) -> str:
    """Sections as a LaTeX fragment with its own headings."""
    parts = []
    for section in sections:
        parts += [rf"\subsection*{{{prose(section.title)}}}", prose(section.words)]
        plain = [step.equations[0] for step in section.steps if len(step.equations) == 1 and not step.rewrites]
        if all(not equation.words for equation in plain) and len(plain) == len(section.steps):
            parts.append(_aligned([f"{_box(e.left)} &= {_box(e.right)}" for e in plain]))
            continue
        for step in section.steps:
            parts.append(rf"\paragraph{{\({_box(step.title)}\)}}")
            rows = [_row(equation) for equation in step.equations]
            rows += [_rewritten(rewrite) for rewrite in step.rewrites]
            parts += [_aligned(rows)] if rows else []
    return "\n".join(parts)


def _aligned(rows: Sequence[str]) -> str:
    inside = " \\\\\n".join(f"  {row}" for row in rows)
    return f"\\begin{{align*}}\n{inside}\n\\end{{align*}}"


def _row(equation: Equation) -> str:
    return rf"{_box(equation.left)} &= {_box(equation.right)} && \text{{{prose(equation.words)}}}"


def _rewritten(rewrite: Rewrite) -> str:
    return rf"{_box(rewrite.before)} &\to {_box(rewrite.after)} && \text{{{prose(rewrite.name)}}}"


def _box(shown: Shown) -> str:
    return r"\dots" if shown.box is None else latex(shown.box)
