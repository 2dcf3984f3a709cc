"""Text that displays itself: as it is in a terminal, typeset in a notebook, which chooses among several forms."""

from collections.abc import Callable, Collection, Mapping
from html import escape
from typing import Any

from sympy import Basic

from symgrad.deep import with_room
from symgrad.errors import ModelError
from symgrad.formula.latex import latex
from symgrad.formula.layout import layout
from symgrad.formula.mathml import mathml
from symgrad.formula.text import TOO_LONG, is_long, text
from symgrad.walk import depth

LATEX, HTML, SVG = "text/latex", "text/html", "image/svg+xml"


class Display(str):
    """A text with its other forms, each made when a front end asks for it.

    It is a text like any other: it can be printed, searched, compared and written to a file; copies and pickles of it
    are plain. At the prompt it shows as itself, not as a literal.

    Parameters
    ----------
    text : the text.
    forms : by MIME type what makes another form of it.
    """

    _forms: Mapping[str, Callable[[], str]]

    def __new__(cls, text: str, forms: Mapping[str, Callable[[], str]] | None = None) -> "Display":
        made = super().__new__(cls, text)
        made._forms = dict(forms or {})
        return made

    def __repr__(self) -> str:
        return str(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return str, (str(self),)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))

    def _repr_latex_(self) -> str | None:
        return self._forms[LATEX]() if LATEX in self._forms else None

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, str]:
        wanted = [kind for kind in self._forms if include is None or kind in include]
        found = {kind: self._forms[kind]() for kind in wanted if kind not in (exclude or ())}
        return {"text/plain": str(self), **found}


def framed(page: str, title: str) -> str:
    """A whole page as a piece of another one, whose styles and scripts it neither gets nor changes."""
    style = "width: 100%; height: 85vh; border: 0"
    return f'<iframe title="{escape(title)}" style="{style}" srcdoc="{escape(page)}"></iframe>'


def in_display_style(formula: str) -> str:
    """LaTeX of math mode as notebooks expect it."""
    return rf"$\displaystyle {formula}$"


def typeset(formula: Any) -> Display:
    """Any formula as text that a notebook shows typeset, in the notation of `Model.show`.

    Parameters
    ----------
    formula : a SymPy object, such as `Model.gradient`, `adjoint` and `hessian` give.

    Returns
    -------
    Display : a text, with LaTeX and MathML for notebooks.

    Raises
    ------
    ModelError : it is no SymPy object.

    Examples
    --------
    >>> from sympy import MatrixSymbol, symbols
    >>> from symgrad import Model, typeset
    >>> N, M = symbols("N M", integer=True, positive=True)
    >>> X, w, y = MatrixSymbol("X", N, M), MatrixSymbol("w", M, 1), MatrixSymbol("y", N, 1)
    >>> print(typeset(Model((X*w - y).T*(X*w - y), [w]).gradient("w")))
    2Xᵀ(X w − y)
    """
    if not isinstance(formula, Basic):
        raise ModelError(f"{formula!r} is no formula: typeset takes a SymPy object, such as model.gradient(w)")
    if is_long(formula):
        return Display(TOO_LONG)

    def box() -> Any:
        return layout(formula)

    room = depth([formula])
    return Display(
        with_room(room, lambda: text(formula)),
        {
            LATEX: lambda: with_room(room, lambda: in_display_style(latex(box()))),
            HTML: lambda: with_room(room, lambda: mathml(box(), display=True)),
        },
    )


def load_ipython_extension(shell: Any) -> None:
    """Typeset every SymPy object that a cell gives as `typeset` does; `%load_ext symgrad` calls this."""
    shell.display_formatter.formatters[LATEX].for_type(Basic, lambda formula: typeset(formula)._repr_latex_())
