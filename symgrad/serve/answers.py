"""What the page is told: an answer to each question, a dictionary of texts, numbers and lists."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from symgrad.deep import with_room
from symgrad.errors import FormulaError, ModelError, SymgradError
from symgrad.formula.latex import latex
from symgrad.formula.layout import layout
from symgrad.formula.mathml import in_lines
from symgrad.formula.sheet import Formula as Line
from symgrad.formula.text import is_long, line
from symgrad.inspect.code import coloured
from symgrad.inspect.page import steps_html
from symgrad.inspect.steps import steps
from symgrad.inspect.svg import svg
from symgrad.serve.asked import Asked, Stated, formula_of, stated
from symgrad.targets import NUMPY, target_names
from symgrad.text import declared
from symgrad.text.formula import Formula, depth_of
from symgrad.text.readings import Reading, SymbolShape
from symgrad.walk import depth

Answer = dict[str, Any]

# What a symbol may be chosen to be, in the words of a formula's declarations.
CHOICES = (
    *(declared.SCALAR, f"{declared.POSITIVE} {declared.SCALAR}", declared.VECTOR, f"{declared.POSITIVE} vector"),
    *(declared.ROW, declared.MATRIX, f"{declared.SYMMETRIC} matrix", f"{declared.DEFINITE} matrix"),
)
# Names of what is usually differentiated by; where none of them occurs it is the first symbol that is no scalar.
_USUAL = ("w", "x", "theta", "θ", "beta", "β", "W", "X")
_WORDS = '<em class="words">{}</em>'
_OF_ARRAYS = "the result is no number; its Jacobian has no {}"


def answer(request: Mapping[str, Any]) -> Answer:
    """The answer to a request.

    Parameters
    ----------
    request : `ask`, one of QUESTIONS, and the formula: `text`, `shapes` by name, `by`, a list of names.

    Returns
    -------
    What the question's function gives, or `error`: its `message`, `start` and `end` where it has a place in the text,
    and `choices` where the formula can be read in several ways.

    Examples
    --------
    >>> answer({"ask": "derivative", "text": "x^2", "shapes": {"x": "scalar"}, "by": ["x"]})["text"]
    '∂C/∂x = 2·x'
    """
    try:
        question = QUESTIONS.get(str(request.get("ask")))
        if question is None:
            raise ModelError(f"a request asks for one of {', '.join(QUESTIONS)}")
        return question(Asked.of(request), request)
    except SymgradError as error:
        return {"error": _told(error)}
    except (MemoryError, RecursionError):
        return {"error": {"message": "the formula is too large for this page"}}
    except Exception as error:  # a fault of ours: the page says so, and goes on
        said = f"{type(error).__name__}: {error}"[:300]
        return {"error": {"message": f"symgrad cannot handle this formula, and should have said why: {said}"}}


def warm(questions: Sequence[str]) -> None:
    """Import and cache what these questions need, so that the first user need not wait for it."""
    for question in questions:
        if question != "check":
            answer({"ask": question, "text": "norm2(X*w - y)^2", "shapes": {}, "by": ["w"]})
        if question in ("derivative", "code"):
            answer({"ask": question, "text": "minimise x'*x subject to h'*x = 1", "shapes": {}, "by": ["x"]})


def _told(error: SymgradError) -> Answer:
    if not isinstance(error, FormulaError):
        return {"message": str(error)}
    told: Answer = {"message": error.message.partition("\n")[0], "start": error.start, "end": error.end}
    told["operator"] = list(error.operator) if error.operator else None
    told["source"] = error.source  # of a wrong choice of shapes that is not the formula
    readings = [choice for choice in error.choices if isinstance(choice, Reading)]
    if readings:
        differing = [shapes for shapes in zip(*(one.symbols for one in readings), strict=True) if len(set(shapes)) > 1]
        names = {shapes[0].name for shapes in differing if len({shape.declared.kind for shape in shapes}) > 1}
        told["message"] = f"{' and '.join(sorted(names))} can be read in several ways; choose one:"
        told["choices"] = [
            {shape.name: {"kind": _kind(shape), "text": shape.text} for shape in one.symbols if shape.name in names}
            for one in readings
        ]
        told["math"] = _typeset(Formula(readings[0].program, readings[0]))
    return told


def _kind(shape: SymbolShape) -> str:
    return declared.Declared("", shape.declared.kind, (), shape.declared.properties).text.removeprefix(": ")


# --- the formula ------------------------------------------------------------------------------------------------------


def formula(asked: Asked, request: Mapping[str, Any]) -> Answer:
    """The formula typeset, the shapes of its symbols with their reasons, and what to differentiate it by."""
    found = formula_of(asked.text, asked.shapes)
    symbols = [_symbol(shape) for shape in found.reading.symbols]
    names = [shape.name for shape in found.reading.symbols]
    by = [name for name in asked.by if name in names] or _usual(found.reading)
    rows, columns = found.reading.result
    return {
        "math": _typeset(found),
        "symbols": symbols,
        "quantities": [shape.text for shape in found.reading.quantities],
        "result": "a number" if found.reading.is_scalar else f"{rows}×{columns}",
        "by": by,
    }


def _symbol(shape: SymbolShape) -> Answer:
    return {
        "name": shape.name,
        "kind": _kind(shape),
        "text": shape.text.partition(": ")[2],
        "reason": shape.reason,
        "chosen": shape.given,
    }


def _usual(reading: Reading) -> list[str]:
    names = [shape.name for shape in reading.symbols]
    arrays = [shape.name for shape in reading.symbols if shape.declared.kind != declared.SCALAR]
    return [*(name for name in _USUAL if name in names), *arrays, *names][:1]


def _typeset(found: Formula) -> str:
    """The definitions and the result as HTML, as they were written."""

    def shown() -> str:
        rows = [in_lines(layout(equation.lhs), _box(equation.rhs)) for equation in found.where]
        if found.program.minimised:
            rows.append(_WORDS.format("minimise"))
        rows.append(in_lines(None, _box(found.result), ""))
        if found.constraints:
            rows.append(_WORDS.format("subject to"))
        return "\n".join([*rows, *(in_lines(None, layout(relation), "") for relation, *_ in found.constraints)])

    room = max(depth_of(found.program), depth([found.result, *found.where]))
    return with_room(room, shown)


def _box(value: Any) -> Any:
    return None if is_long(value) else layout(value)


# --- derivatives ------------------------------------------------------------------------------------------------------


def derivative(asked: Asked, request: Mapping[str, Any]) -> Answer:
    """The gradient, or the Jacobian of a result that is no number: typeset, and as text, LaTeX and SymPy to copy."""
    found = stated(asked)
    if found.problem is not None:
        return _conditions(found.problem)
    lines = found.model.lines(jacobian=found.jacobian)
    shown = [one for one in lines if one.title not in ("Loss", "where")]
    first = [one for one in shown if one.title != "Adjoints"]
    return {
        **_written(first),
        "adjoints": _rows([one for one in shown if one.title == "Adjoints"]),
        "sympy": str(found.model.show("sympy", jacobian=found.jacobian)),
        "loss": found.result is None,
    }


def _conditions(problem: Any) -> Answer:
    """The Lagrangian of a problem and the conditions of its minima."""
    sections = problem.conditions()
    rows = []
    for title, formulas in sections:
        shown = [
            in_lines(None, one.formula, "") + (_WORDS.format(escape(one.said)) if one.said else "") for one in formulas
        ]
        rows.append("\n".join([_WORDS.format(escape(title)), *shown]))
    return {
        "rows": rows,
        "text": problem.written_conditions(),
        "latex": problem.written_conditions("latex"),
        "adjoints": [],
        "sympy": str(problem.model.show("sympy")),
        "loss": True,
    }


def hessian(asked: Asked, request: Mapping[str, Any]) -> Answer:
    """The second derivatives, typeset, and as text and LaTeX to copy."""
    found = _with_loss(asked, "second derivatives here")
    return _written([one for one in found.model.lines(hessian=True) if one.title == "Hessian"])


def _with_loss(asked: Asked, what: str) -> Stated:
    found = stated(asked)
    if found.result is not None:
        raise ModelError(_OF_ARRAYS.format(what))
    return found


def _written(lines: Sequence[Line]) -> Answer:
    """Formulas typeset, as text and as LaTeX."""
    whole = [one for one in lines if one.right is not None]
    return {
        "rows": _rows(lines),
        "text": "\n".join(f"{line(one.left)} = {line(one.right)}" for one in whole if one.right is not None),
        "latex": " \\\\\n".join(f"{latex(one.left)} = {latex(one.right)}" for one in whole if one.right is not None),
    }


def _rows(lines: Sequence[Line]) -> list[str]:
    note = ' <em class="words">too long to show; the code has it</em>'
    return [in_lines(one.left, one.right) + ("" if one.right is not None else note) for one in lines]


# --- how it came about, and what can be had of it ---------------------------------------------------------------------


def derivation(asked: Asked, request: Mapping[str, Any]) -> Answer:
    """The steps of the derivation as HTML."""
    return {"html": steps_html(steps(_with_loss(asked, "steps to tell").model))}


def graph(asked: Asked, request: Mapping[str, Any]) -> Answer:
    """The graph as SVG."""
    return {"svg": svg(_with_loss(asked, "graph").model, "graph")}


def code(asked: Asked, request: Mapping[str, Any]) -> Answer:
    """The generated module for a `target`, as text, and its lines as HTML."""
    target = request.get("target", NUMPY)
    if target not in target_names():
        raise ModelError(f"there is code for {', '.join(target_names())}")
    found = stated(asked)
    if found.problem is not None:
        source = found.problem.source(target=target)
    else:
        source = found.model.source(quantities=found.jacobian, jacobian=found.jacobian, target=target)
    return {"source": source, "lines": coloured(source), "target": target}


def check(asked: Asked, request: Mapping[str, Any]) -> Answer:
    """The verdict of the check of the generated module against numerical derivatives, and its report."""
    found = stated(asked)
    if found.problem is not None:
        report = found.problem.check()
    else:
        report = found.model.check(quantities=found.jacobian, jacobian=found.jacobian)
    verdict = "pass" if report.ok else "fail" if report.failures else "inconclusive"
    return {"verdict": verdict, "conclusion": report.conclusion, "report": str(report)}


Question = Callable[[Asked, Mapping[str, Any]], Answer]
QUESTIONS: dict[str, Question] = {
    "formula": formula,
    "derivative": derivative,
    "hessian": hessian,
    "steps": derivation,
    "graph": graph,
    "code": code,
    "check": check,
}
