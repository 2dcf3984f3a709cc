"""What `Model.show` gives, format by format."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from sympy import Basic, Idx, Indexed, Symbol

from symgrad.errors import ModelError
from symgrad.formula import latex, mathml
from symgrad.formula.listing import Blocks, formulas
from symgrad.formula.sheet import sheet
from symgrad.formula.spelled import spelled
from symgrad.inspect import narrative
from symgrad.inspect.display import HTML, LATEX, SVG, Display, framed, in_display_style
from symgrad.inspect.steps import steps
from symgrad.inspect.svg import svg
from symgrad.later import Later

if TYPE_CHECKING:
    from symgrad.inspect import page
else:
    page = Later("symgrad.inspect.page")

Format = Callable[[Any, Blocks], str]

# Each is given the model and further formulas to show, of second derivatives.
FORMATS: dict[str, Format] = {
    "text": lambda model, more: formulas(model, more=more),
    "latex": lambda model, more: f"{_origin(model)}{latex.fragment(sheet(model, more))}",
    "sympy": spelled,
    "html": lambda model, more: mathml.fragment(sheet(model, more)),
    "svg": lambda model, more: svg(model),
}
STEPS: dict[str, Format] = {
    "text": lambda model, more: f"{formulas(model, more=more)}\n\n{narrative.as_text(steps(model))}",
    "latex": lambda model, more: narrative.as_latex(steps(model)),
    "html": lambda model, more: mathml.fragment(sheet(model, more)) + page.steps_html(steps(model)),
}
DOCUMENTS: dict[str, Callable[[Any, Blocks, bool], str]] = {
    "latex": lambda model, more, with_steps: latex.document(
        sheet(model, more), model.name, narrative.as_latex(steps(model)) if with_steps else ""
    ),
    "html": lambda model, more, with_steps: page.formulas_page(model, sheet(model, more), with_steps),
}


def show(model: Any, format: str, with_steps: bool, standalone: bool, more: Blocks) -> Display:
    """The model's formulas in one of the FORMATS, with the steps of the derivation, or as a document of its own.

    Raises
    ------
    ModelError : there is no such format, or it has no steps or no document of its own.
    """
    asked: list[tuple[bool, str, Mapping[str, object]]] = [
        (True, "", FORMATS),
        (with_steps, "steps", STEPS),
        (standalone, "standalone", DOCUMENTS),
    ]
    for wanted, what, known in asked:
        if wanted and format not in known:
            problem = f"has no {what} form" if what and format in FORMATS else "is not known"
            raise ModelError(f"format {format!r} {problem}; choose {', '.join(known)}")
    if standalone:
        document = DOCUMENTS[format](model, more, with_steps)
        return Display(document, {HTML: lambda: framed(document, model.name)} if format == "html" else None)
    made = (STEPS if with_steps else FORMATS)[format](model, more)
    forms = _forms(model, format, with_steps, more, made)
    return Display(made, {kind: partial(model._run, make) for kind, make in forms.items()})


def _origin(model: Any) -> str:
    """A comment that says what computed subscripts count from, for whoever reads the formulas again."""
    stated = [one for one in (getattr(model, "loss", None), *getattr(model, "where", ())) if isinstance(one, Basic)]
    entries = {entry for one in stated for entry in one.atoms(Indexed)}
    computed = any(not isinstance(sub, Symbol | Idx) for entry in entries for sub in entry.indices)
    return "% subscripts from 0\n" if computed else ""


def _forms(model: Any, format: str, with_steps: bool, more: Blocks, made: str) -> dict[str, Callable[[], str]]:
    """What a notebook may show for a text: of a form that it can draw that one, of text the typeset formulas."""
    if format in ("html", "svg"):
        return {HTML if format == "html" else SVG: lambda: made}
    formulas = {LATEX: lambda: in_display_style(latex.fragment(sheet(model, more)))}
    if format == "latex":
        return {} if with_steps else formulas
    html = (STEPS if with_steps else FORMATS)["html"]
    return {**formulas, HTML: lambda: html(model, more)} if format == "text" else {}
