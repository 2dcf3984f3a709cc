"""A model's formulas under titles, and as lines of text aligned at their equals signs."""

from typing import Any, NamedTuple

from sympy import Dummy, Lambda, Sum

from symgrad.formula.boxes import written_name
from symgrad.formula.idiom import KnownSums
from symgrad.formula.matrix import scalar_form
from symgrad.formula.network import NoMatrixForm
from symgrad.formula.text import TOO_LONG, is_long, text
from symgrad.frontend.names import base_symbol, label_of
from symgrad.graph.build import AUXILIARY
from symgrad.graph.nodes import Add, Apply, Named, Node, Use
from symgrad.walk import Preorder

WIDEST = 240  # characters of a formula in a generated module's docstring
WIDTH = 80


def known_sums(model: Any) -> KnownSums:
    """The sums of matrices that the user wrote."""
    written = [*([] if model.loss is None else [model.loss]), *(equation.rhs for equation in model.where)]
    parts = [part for expr in written if not is_long(expr) for part in Preorder(expr)]
    return KnownSums(part for part in parts if getattr(part, "is_MatAdd", False))


class Second(NamedTuple):
    """The left side ∂²C/∂p∂q, or ∂p/∂q where p is a name of `where`."""

    p: Any
    q: Any
    of_loss: bool


Blocks = list[tuple[str, list[tuple[Any, Any]]]]


def shown_formulas(model: Any, short: bool) -> Blocks:
    """What is shown, under titles: pairs of a left side and a formula."""
    names = list(dict.fromkeys(base_symbol(equation.lhs) for equation in model.where))
    blocks: Blocks = []
    if model.loss is not None:
        blocks.append(("Loss", [(model.program.loss_name, _as_written(model.loss, model.program.loss))]))
    if names:
        found = model.program.names
        terms = [found[base_symbol(equation.lhs)].arg for equation in model.where]
        sides = [_as_written(equation.rhs, term) for equation, term in zip(model.where, terms, strict=True)]
        blocks.append(("where", [(equation.lhs, side) for equation, side in zip(model.where, sides, strict=True)]))
        if not short and model.loss is not None:
            blocks.append(("Adjoints", [(quantity, model.block(quantity)) for quantity in names]))
    if model.loss is not None:
        gradient = model.derivation.gradient
        shown = [not short or _least_width(gradient[quantity]) <= WIDEST for quantity in model.parameters]
        block = model._unmeasured_block if short else model.block  # which is measured as text, as `formulas` does, too
        sides = [block(quantity) if one else None for quantity, one in zip(model.parameters, shown, strict=True)]
        blocks.append(("Gradient", list(zip(model.parameters, sides, strict=True))))
    return blocks


def _least_width(term: Use) -> int:
    """A line of text of a term has about so many characters at least; to find out how many takes far longer.

    A letter for each leaf, signs between operands, and brackets around what functions are of.
    """
    widths: dict[Node, int] = {}
    stack = [term.node]
    while stack:
        node = stack[-1]
        parts = [] if isinstance(node, Named) and node.symbol is not AUXILIARY else node.uses()
        missing = [part.node for part in parts if part.node not in widths]
        if missing:
            stack.extend(missing)
            continue
        signs = (3 if isinstance(node, Add) else 1) * (len(parts) - 1) + (2 if isinstance(node, Apply) else 0)
        widths[stack.pop()] = sum(widths[part.node] for part in parts) + signs if parts else 1
    return widths[term.node]


def _as_written(expr: Any, term: Use) -> Any:
    """A formula of the model; an entry of a product of matrices, which SymPy writes out as a sum, as the product."""
    made = {part for part in Preorder(expr) if isinstance(part, Sum) and isinstance(part.variables[0], Dummy)}
    if not made or term.letters:
        return expr
    try:
        return scalar_form(term)
    except NoMatrixForm:
        return expr


def formulas(model: Any, short: bool = False, more: Blocks | None = None) -> str:
    """The loss, the names with their adjoints, and the gradient, aligned at the equals signs.

    `short` leaves out the adjoints of the names, and formulas that are WIDEST. `more` are further formulas, with a
    `Second` on their left.
    """
    lines: list[str] = []
    known, loss = known_sums(model), model.program.loss_name
    for title, pairs in [*shown_formulas(model, short), *(more or [])]:
        rows = [(_label(title, left, value, loss), text(body_of(value), known)) for left, value in pairs]
        if short:
            rows = [(label, value if len(value) <= WIDEST else TOO_LONG) for label, value in rows]
        width = max(len(label) for label, _ in rows)
        lines += ["", title] if lines else [title]
        for label, value in rows:
            lines.append(f"    {label:<{width}} = {value}")
    return "\n".join(lines)


def fitted(text: str, width: int = WIDTH) -> str:
    """Formulas as `formulas` gives them, long ones continued on further lines below their equals signs."""
    lines = []
    for line in text.splitlines():
        left, equals, value = line.partition(" = ")
        if len(line) <= width or not equals or not left.startswith(" "):
            lines.append(line)
            continue
        first, *others = folded(value, width - len(left) - 3)
        lines += [f"{left} = {first}", *(" " * (len(left) + 3) + part for part in others)]
    return "\n".join(lines)


def folded(formula: str, width: int) -> list[str]:
    """A formula in lines of at most `width` characters where it can be broken: before the outermost operators."""
    lines = []
    while len(formula) > width:
        depth = 0
        best: tuple[int, int] | None = None  # how far inside, and the place
        for place, character in enumerate(formula[: width + 1]):
            depth += (character in "([{") - (character in ")]}")
            inside = 2 * depth + (character not in "+−")
            if place > 0 and character in "+−<>=≤≥≠∧∨·∘⊘" and (best is None or inside <= best[0]):
                best = (inside, place)
        if best is None:
            break
        lines.append(formula[: best[1]].rstrip())
        formula = formula[best[1] :]
    return [*lines, formula]


def _label(title: str, left: Any, value: Any, loss: str) -> str:
    if title in ("Loss", "where"):
        return left if isinstance(left, str) else text(left)
    indices = f"[{','.join(map(str, value.variables))}]" if isinstance(value, Lambda) else ""
    if isinstance(left, Second):
        above = f"∂²{loss}/∂{label_of(left.p)}" if left.of_loss else f"∂{label_of(left.p)}/"
        return written_name(f"{above}∂{label_of(left.q)}") + indices
    return written_name(f"∂{loss}/∂{label_of(left)}") + indices


def body_of(value: Any) -> Any:
    """A formula without the indices that it is a function of."""
    return value.expr if isinstance(value, Lambda) else value
