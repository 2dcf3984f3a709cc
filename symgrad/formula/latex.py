"""Formulas as LaTeX: a fragment for a document with amsmath, and a document of its own."""

from collections.abc import Sequence
from itertools import groupby

from symgrad.formula.boxes import GREEK, Box, Cases, Fence, Fraction, Root, Row, Script, Sign, Table, drawn, is_tall
from symgrad.formula.sheet import Formula

_COMMANDS = {
    "−": "-", "·": r"\cdot ", "⊙": r"\odot ", "⊘": r"\oslash ", "⊗": r"\otimes ",
    "𝟏": r"\mathbf{1}", "⊤": r"\top ", "∂": r"\partial ",
    "∑": r"\sum", "∏": r"\prod", "≠": r"\neq ", "≤": r"\leq ", "≥": r"\geq ", "∧": r"\wedge ", "∨": r"\vee ",
    "¬": r"\neg ", "↦": r"\mapsto ", "∞": r"\infty ", "−∞": r"-\infty ", "|": "|", "‖": r"\|", "⋯": r"\cdots ",
    "′": r"\prime ",
}  # fmt: skip
# Greek capitals that look like Latin ones have no command; none is among the names above.
_COMMANDS |= {letter: rf"\{name} " for name, letter in GREEK.items() if name not in ("lam", "lamda")}
_COMMANDS |= {"ε": r"\varepsilon ", "φ": r"\varphi "}
_OPERATORS = {"log", "exp", "sin", "cos", "tan", "sinh", "cosh", "tanh", "max", "min", "det", "arg"}
_ESCAPED = {c: rf"\{c}" for c in "#$%&_{}"} | {"~": r"\sim ", "^": r"\hat{}", "\\": r"\backslash "}


def latex(box: Box) -> str:
    """A box as LaTeX, for math mode."""
    return _tidy(_latex(drawn(box)))


def _latex(box: Box) -> str:
    match box:
        case Sign(kind=kind, text=text):
            return _sign(kind, text)
        case Row(parts=parts):
            return "".join(_latex(part) for part in parts)
        case Script(base=base, sub=sub, sup=sup):
            inner = _latex(base)
            whole = inner if isinstance(base, Sign) else f"{{{inner}}}"
            whole += f"_{{{_tidy(_latex(sub))}}}" if sub is not None else ""
            return whole + (f"^{{{_tidy(_latex(sup))}}}" if sup is not None else "") + ("\\," if box.limits else "")
        case Fraction(top=top, bottom=bottom):
            return rf"\frac{{{_tidy(_latex(top))}}}{{{_tidy(_latex(bottom))}}}"
        case Root(body=body):
            return rf"\sqrt{{{_tidy(_latex(body))}}}"
        case Fence(body=body, left=left, right=right):
            inside, left, right = _tidy(_latex(body)), _COMMANDS.get(left, left), _COMMANDS.get(right, right)
            return rf"\left{left}{inside}\right{right}" if is_tall(body) else f"{left}{inside}{right}"
        case Cases(rows=rows):
            lines = r" \\ ".join(f"{_tidy(_latex(value))} & {_condition(condition)}" for value, condition in rows)
            return rf"\begin{{cases}}{lines}\end{{cases}}"
        case Table(rows=entries):
            lines = r" \\ ".join(" & ".join(_tidy(_latex(entry)) for entry in line) for line in entries)
            return rf"\begin{{bmatrix}}{lines}\end{{bmatrix}}"
    raise AssertionError(type(box).__name__)


def _condition(box: Box) -> str:
    if isinstance(box, Sign) and box.text == "otherwise":
        return r"\text{otherwise}"
    return rf"\text{{if}}\;{_tidy(_latex(box))}"


def _sign(kind: str, text: str) -> str:
    if text in _COMMANDS:
        return _COMMANDS[text]
    if text == ",":
        return ", "
    escaped = "".join(_COMMANDS.get(c, _ESCAPED.get(c, c)) for c in text)
    if kind == "name":
        return f"\\{text} " if text in _OPERATORS else rf"\operatorname{{{escaped}}}"
    if kind == "word":
        return rf"\mathrm{{{escaped}}}"
    return f" {escaped} " if kind == "operator" and text in "+=<>" else escaped


def _tidy(text: str) -> str:
    """Without the spaces that end a command where something else ends it."""
    for after in "_^{}()[]|,\\":
        text = text.replace(f" {after}", after) if after not in "([|\\" else text
    return " ".join(text.split())


def fragment(formulas: Sequence[Formula]) -> str:
    """The formulas as one aligned block, to be put into display math."""
    inside = " \\\\\n".join(f"  {_line(formula)}" for formula in formulas)
    return f"\\begin{{aligned}}\n{inside}\n\\end{{aligned}}"


def document(formulas: Sequence[Formula], name: str, rest: str = "") -> str:
    """A LaTeX document with the formulas under their titles, and the rest of its body."""
    sections = []
    for title, group in groupby(formulas, key=lambda formula: formula.title):
        inside = " \\\\\n".join(f"  {_line(formula)}" for formula in group)
        heading = title[0].upper() + title[1:]
        sections.append(f"\\section*{{{heading}}}\n\\begin{{align*}}\n{inside}\n\\end{{align*}}")
    body = "\n\n".join([*sections, rest])
    return _DOCUMENT.replace("TITLE", prose(name)).replace("BODY", body)


def _line(formula: Formula) -> str:
    right = r"\dots" if formula.right is None else latex(formula.right)
    return f"{latex(formula.left)} &= {right}"


def prose(text: str) -> str:
    """Plain text as LaTeX, outside math mode."""
    return "".join(rf"\({_COMMANDS[c].strip()}\)" if c in _COMMANDS else _ESCAPED.get(c, c) for c in text)


_DOCUMENT = r"""\documentclass{article}
\usepackage[utf8]{inputenc}
\usepackage[a4paper,margin=2cm]{geometry}
\usepackage{amsmath}
\usepackage{amssymb}
\allowdisplaybreaks
\setlength{\parindent}{0pt}

\title{TITLE}
\date{}

\begin{document}
\maketitle

BODY

\end{document}
"""
