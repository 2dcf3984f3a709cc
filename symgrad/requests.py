"""What may be asked of a generated module beside value and gradient: functions of second order, ready to be printed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sympy import Expr, symbols

from symgrad.calculus.forward import densified
from symgrad.calculus.structure import Block, Hits, Ties, blocks, total
from symgrad.codegen.module import GeneratedFunction
from symgrad.codegen.second_order import (
    INDICES,
    Array,
    Function,
    Given,
    Pattern,
    Result,
    Sparse,
    is_slice,
    print_function,
    refuse_taken_names,
    uses_of,
)
from symgrad.codegen.slices import loops
from symgrad.compiler import Derivation
from symgrad.formula.indexed import IndexNames, IndexWriter
from symgrad.graph.letters import relabel
from symgrad.graph.nodes import Shape, Use
from symgrad.graph.transform import own
from symgrad.schedule.pipeline import schedule
from symgrad.second_order import direction, hessian, hessian_vector_product, jacobian

Formulas = Callable[[Any, Any], str | None]  # the text of the derivative of one thing by another, for docstrings

_INDEX_SYMBOLS = symbols(" ".join(INDICES), integer=True)
_FORMULA = IndexWriter(IndexNames({}))  # of subscripts, in the letters that docstrings use

HESSIAN, COMPACT, PRODUCT = "hessian", "hessian_compact", "hessian_vector_product"


@dataclass(frozen=True)
class Request:
    """Which functions of second order are wanted.

    Attributes
    ----------
    hessian : `hessian`, and `hessian_compact` where there is structure.
    hvp : `hessian_vector_product`.
    jacobian : names of `where`; `jacobian_NAME` for each.
    """

    hessian: bool = False
    hvp: bool = False
    jacobian: tuple[Any, ...] = ()

    def __bool__(self) -> bool:
        return self.hessian or self.hvp or bool(self.jacobian)


def requested(derivation: Derivation, request: Request, formulas: Formulas) -> list[GeneratedFunction]:
    """The functions, printed.

    Raises
    ------
    UnsupportedError : a derivative has no rule.
    ModelError : an argument has a name that these functions need.
    """
    program = derivation.program
    made: list[Function] = []
    if request.hessian:
        made += _hessians(derivation, formulas)
    if request.hvp:
        made.append(_product(derivation))
    made += [_jacobian(derivation, name, formulas) for name in request.jacobian]
    printed = [print_function(_lowered(function, derivation), program.dimensions, program.sizes) for function in made]
    taken = {"direction", "Blocks"} | {name for function in printed for name, _ in function.types}
    refuse_taken_names(program.arguments, taken)
    return printed


def quantity(derivation: Derivation, name: Any) -> GeneratedFunction:
    """The function `quantity_NAME` that computes a name of `where`; the check of its Jacobian needs it."""
    node = derivation.program.names[name]
    array = Array(node.shape, (Block((), (), own(node)),))
    arguments = derivation.program.arguments
    made = Function(f"quantity_{node.name}", (f"{node.name}.",), "Quantity", {node.name: array}, "out", arguments)
    return print_function(_lowered(made, derivation), derivation.program.dimensions, derivation.program.sizes)


# --- the functions ----------------------------------------------------------------------------------------------------


def _hessians(derivation: Derivation, formulas: Formulas) -> list[Function]:
    nodes = derivation.program.parameters
    found = {(p, q): _sliced(hessian(derivation, p, q), nodes[p].shape + nodes[q].shape) for p in nodes for q in nodes}
    full: dict[str, dict[str, Result]] = {node.name: {} for node in nodes.values()}
    compact: dict[str, dict[str, Result]] = {}
    doc, rules = [], []
    for (p, q), parts in found.items():
        first, second = nodes[p].name, nodes[q].name
        shape = nodes[p].shape + nodes[q].shape
        full[first][second] = Array(shape, parts)
        doc.append(_doc_line(f"H.{first}.{second}", formulas(p, q), shape))
        small = _compact(parts, shape)
        if small is not None:
            compact.setdefault(first, {})[second] = small[0] if len(small) == 1 else small
            rules.append(_rule(f"{first}.{second}", parts, shape, small))
    text = "The second derivatives of the loss: H.p.q has the axes of p, then those of q."
    arguments = derivation.program.arguments
    made = [Function(HESSIAN, (text, *doc), "Hessian", full, "hessian", arguments)]
    if compact:
        text = "The factors of those second derivatives that are structured; where the deltas are 0, so is H."
        made.append(Function(COMPACT, (text, *rules), "CompactHessian", compact, "compact", arguments))
    return made


def _product(derivation: Derivation) -> Function:
    program = derivation.program
    parameters = [a for a in program.arguments if a.role == "parameter"]
    directions = []
    for argument, (symbol, node) in zip(parameters, program.parameters.items(), strict=True):
        along = direction(symbol, node)
        directions.append(replace(argument, name=along.name, symbol=along.symbol, role="direction"))
    products = hessian_vector_product(derivation)
    results = {a.name: Given(d, use) for a, d, use in zip(parameters, directions, products, strict=True)}
    doc = (
        "The Hessian times a direction, at the cost of a gradient.",
        "direction : an array for each parameter, as a tuple (or a `Parameters`, or a `Gradient`); where there is one",
        "parameter a lone array will do. What comes back has the shapes of the direction.",
    )
    return Function(PRODUCT, doc, "Gradient", results, "product", program.arguments, tuple(directions))


def _jacobian(derivation: Derivation, name: Any, formulas: Formulas) -> Function:
    node = derivation.program.names[name]
    results: dict[str, Result] = {}
    doc = []
    for q, parameter in derivation.program.parameters.items():
        shape = node.shape + parameter.shape
        parts = jacobian(derivation, name, q)
        label = f"J.{parameter.name}"
        if all(part.tied for part in parts) and shape:
            patterns = _patterns(parts, node.rank, shape)
            results[parameter.name] = Sparse(shape, node.rank, patterns)
            doc += _pattern_lines(label, node.rank, patterns, shape)
        else:
            results[parameter.name] = Array(shape, _sliced(parts, shape))
            doc.append(_doc_line(label, formulas(name, q), shape))
    text = f"The derivatives of {node.name}: J.q has the axes of {node.name}, then those of the parameter q."
    record = f"Jacobian_{node.name}"
    return Function(f"jacobian_{node.name}", (text, *doc), record, results, "jacobian", derivation.program.arguments)


def factors(derivation: Derivation) -> dict[tuple[str, str], list[tuple[Ties, list[int]]]]:
    """How the arrays of `hessian_compact` combine: for each of an entry's arrays its deltas, and its axes among H's."""
    nodes = derivation.program.parameters
    made: dict[tuple[str, str], list[tuple[Ties, list[int]]]] = {}
    for p, q in ((p, q) for p in nodes for q in nodes):
        parts = hessian(derivation, p, q)
        if _is_structured(parts):
            common = _common(parts)
            groups = [(common, parts)] if common else [(part.ties, [part]) for part in parts]
            made[nodes[p].name, nodes[q].name] = [(ties, _axes(group, ties)) for ties, group in groups]
    return made


# --- structure --------------------------------------------------------------------------------------------------------


def _compact(parts: Sequence[Block], shape: Shape) -> tuple[Array, ...] | None:
    """The factors of a structured array beside its deltas: one array where all parts share deltas, else one a part."""
    if not _is_structured(parts):
        return None
    common = _common(parts)
    if not common:
        return tuple(_reduced([part], part.ties, shape) for part in parts)
    return (_reduced(parts, common, shape),)


def _is_structured(parts: Sequence[Block]) -> bool:
    return bool(parts) and all(part.ties and not part.hits for part in parts)


def _common(parts: Sequence[Block]) -> Ties:
    return tuple(tie for tie in parts[0].ties if all(tie in part.ties for part in parts))


def _sliced(parts: Sequence[Block], shape: Shape) -> tuple[Block, ...]:
    """The blocks with subscripts that are data, of which no view can be taken, added into zeros."""
    return tuple(blocks(densified(total(parts, shape), is_slice), range(len(shape))))


def _patterns(parts: Sequence[Block], rank: int, shape: Shape) -> tuple[Pattern, ...]:
    """Sparse blocks. Short axes, those whose length is a number, stay whole inside of a block where another is tied."""
    groups: dict[tuple[Ties, Hits], list[Block]] = {}
    for part in parts:
        short = {axis for axis in part.tied if axis >= rank and shape[axis].is_Integer}
        short -= {axis for axis, sub in part.hits if not is_slice(sub)}
        if short == part.tied:
            short = set()
        ties = tuple(tie for tie in part.ties if tie[1] not in short)
        hits = tuple(hit for hit in part.hits if hit[0] not in short)
        inner = Block(
            tuple(tie for tie in part.ties if tie[1] in short),
            tuple(hit for hit in part.hits if hit[0] in short),
            part.cofactor,
        )
        groups.setdefault((ties, hits), []).append(inner)
    made = []
    for (ties, hits), group in groups.items():
        gone = {column for _, column in ties} | {axis for axis, _ in hits}
        numbers = {axis: place for place, axis in enumerate(axis for axis in range(len(shape)) if axis not in gone)}
        values = tuple(
            Block(
                tuple((numbers[row], numbers[column]) for row, column in part.ties),
                tuple((numbers[axis], relabel(sub, numbers)) for axis, sub in part.hits),
                relabel(part.cofactor, numbers),
            )
            for part in group
        )
        made.append(Pattern(ties, hits, Array(tuple(shape[axis] for axis in numbers), values)))
    return tuple(made)


def _axes(parts: Sequence[Block], common: Ties) -> list[int]:
    """The axes that what is left beside the common deltas depends on."""
    letters = {letter for part in parts for letter in part.cofactor.letters}
    letters |= {letter for part in parts for tie in part.ties if tie not in common for letter in tie}
    return sorted(letters)


def _reduced(parts: Sequence[Block], common: Ties, shape: Shape) -> Array:
    axes = _axes(parts, common)
    numbers = {axis: place for place, axis in enumerate(axes)}
    reduced = [
        Block(
            tuple((numbers[row], numbers[column]) for row, column in part.ties if (row, column) not in common),
            (),
            relabel(part.cofactor, numbers),
        )
        for part in parts
    ]
    return Array(tuple(shape[axis] for axis in axes), tuple(reduced))


# --- docstrings -------------------------------------------------------------------------------------------------------


def _shape_text(shape: Iterable[Expr]) -> str:
    sides = [str(side) for side in shape]
    return f"({sides[0]},)" if len(sides) == 1 else f"({', '.join(sides)})"


def _doc_line(label: str, formula: str | None, shape: Shape) -> str:
    return f"{label} : {_shape_text(shape)}" + (f", = {formula}" if formula else "")


def _subscripts(axes: Iterable[int]) -> str:
    inside = ", ".join(INDICES[axis] for axis in axes)
    return f"[{inside}]" if inside else ""


def _deltas(ties: Iterable[tuple[int, int]]) -> str:
    return "·".join(f"δ[{INDICES[row]}, {INDICES[column]}]" for row, column in ties)


def _rule(label: str, parts: Sequence[Block], shape: Shape, small: Sequence[Array]) -> str:
    """How the factors combine."""
    left = f"H.{label}{_subscripts(range(len(shape)))}"
    if len(small) == 1:
        common = _common(parts)
        return f"{left} = {_deltas(common)}·compact.{label}{_subscripts(_axes(parts, common))}"
    terms = [
        f"{_deltas(part.ties)}·compact.{label}[{n}]{_subscripts(_axes([part], part.ties))}"
        for n, part in enumerate(parts)
    ]
    return f"{left} = {' + '.join(terms)}"


def _pattern_lines(label: str, rank: int, patterns: Sequence[Pattern], shape: Shape) -> list[str]:
    """Where a sparse Jacobian is not zero."""
    left = f"{label}{_subscripts(range(rank))}{_subscripts(range(rank, len(shape)))}"
    if not patterns:
        return [f"{left} : zero"]
    lines = []
    for pattern in patterns:
        conditions = [f"{INDICES[row]} = {INDICES[column]}" for row, column in pattern.ties]
        conditions += [f"{INDICES[letter]} = {_sub_text(sub)}" for letter, sub in pattern.hits]
        values = _shape_text(pattern.values.shape)
        lines.append(f"{left} : sparse, non-zero only where {' and '.join(conditions)}; values {values}")
    return lines


def _sub_text(sub: Use) -> str:
    """A subscript in a docstring, `camera[i]`."""
    name = getattr(sub.node, "name", None)
    return f"{name}{_subscripts(sub.letters)}" if name else _FORMULA.write(sub, dict(enumerate(_INDEX_SYMBOLS)))


def _lowered(function: Function, derivation: Derivation) -> Function:
    """The function's terms as code should compute them."""

    def uses(results: Mapping[str, Any]) -> list[Use]:
        return [
            use
            for result in results.values()
            for use in (uses(result) if isinstance(result, Mapping) else uses_of(result))
        ]

    before = list(dict.fromkeys(uses(function.results)))
    (terms,) = schedule([before], derivation.program.identities)
    after = dict(zip(before, loops(terms), strict=True))

    def changed(result: Any) -> Any:
        if isinstance(result, Mapping):
            return {name: changed(part) for name, part in result.items()}
        if isinstance(result, tuple):
            return tuple(changed(part) for part in result)
        if isinstance(result, Given):
            return replace(result, use=after[result.use])
        if isinstance(result, Block):
            return replace(result, cofactor=after[result.cofactor])
        if isinstance(result, Pattern):
            return replace(result, hits=tuple((x, after[sub]) for x, sub in result.hits), values=changed(result.values))
        if isinstance(result, Sparse):
            return replace(result, patterns=changed(result.patterns))
        return replace(result, parts=changed(result.parts))

    return replace(function, results=changed(function.results))
