"""Functions of a module for rows that come in chunks: what is asked of the rows, and what is made of the answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sympy import Symbol

from symgrad.codegen.arguments import length_lines
from symgrad.codegen.lines import wrapped
from symgrad.codegen.parts import PrintedParts, printed_parts
from symgrad.codegen.rows import corrected, is_counted, rows_of, with_rows
from symgrad.codegen.signature import Called, Signature, signature
from symgrad.codegen.speller import Speller
from symgrad.errors import UnsupportedError
from symgrad.frontend.program import Program
from symgrad.graph.build import AUXILIARY
from symgrad.graph.nodes import Input, Named, Node, Use, postorder
from symgrad.lowering.slices import loops
from symgrad.outputs.first_order import BOTH
from symgrad.outputs.function import Function, Sparse, arrays_of, changed, terms_of
from symgrad.outputs.requirements import lengths_of
from symgrad.outputs.second_order import COMPACT, HESSIAN, PRODUCT
from symgrad.schedule.chunks import chunk_plan, without_count
from symgrad.schedule.own_rows import with_own_conditions
from symgrad.schedule.rows import RowPlan, Tie
from symgrad.statements.statements import Body, Rows

IN_CHUNKS = (BOTH, HESSIAN, COMPACT, PRODUCT)
FUNCTIONS = ("Sums", "partial", "combine", "finish", "over_chunks", "joined", "batches")  # as a module shows them


@dataclass(frozen=True)
class PrintedChunks:
    """A function for rows that come in chunks.

    Attributes
    ----------
    printed : how it is called.
    body : its statements.
    parts : its lines, which ask for what is made of rows, and the functions that the ordinary one lacks.
    """

    printed: Called
    body: Body
    parts: PrintedParts

    @property
    def name(self) -> str:
        return self.printed.function.name

    @property
    def dimension(self) -> Symbol:
        """How many rows there are in all."""
        found = next(one.dimension for one in self.body.statements if isinstance(one, Rows))
        assert isinstance(found, Symbol)
        return found

    @property
    def rounds(self) -> int:
        """How often it reads them."""
        return self.parts.counted + sum(isinstance(one, Rows) for one in self.body.statements)

    @property
    def head(self) -> list[str]:
        """Its first lines."""
        return wrapped(f"def _{self.name}_rounds(", [f"{name}: Any" for name in self.printed.takes], ") -> Any:")

    @property
    def lines(self) -> list[str]:
        """The lines that read dimensions off arrays, but for that of rows, and its statements."""
        lengths, said = lengths_of(self.printed.arguments), self.body.dimensions - {self.dimension}
        if is_counted(lengths, said, self.dimension):
            raise UnsupportedError(
                f"rows do not come in chunks where other sizes follow from their number, {self.dimension}"
            )
        return [*length_lines(lengths, said), *(line.text for line in self.parts.lines)]


@dataclass(frozen=True)
class Chunks:
    """What the loss is summed over, its functions for rows that come in chunks, and why others are none of these.

    Attributes
    ----------
    dimension : how many rows there are in all; None if the loss is no sum over rows.
    functions : those that were asked for.
    left_out : in words, which others do not split.
    """

    dimension: Symbol | None = None
    functions: tuple[PrintedChunks, ...] = ()
    left_out: tuple[str, ...] = ()

    def remark(self, program: Program) -> list[str]:
        """What a module says of the rows that its loss is made of sums over."""
        if self.dimension is None:
            return []
        rows = ", ".join(with_rows(program.arguments, self.dimension))
        taken = "`over_chunks` takes" if self.functions else "compiled with `chunks`, the module takes"
        said = f"Rows: the loss is made of sums over the {self.dimension} rows of {rows}; {taken} these in chunks."
        return [" ".join([said, *([f"{'; '.join(self.left_out)}."] if self.left_out else [])])]


def without_functions(program: Program, both: Function, body: Body) -> Chunks:
    """What the loss would be summed over in functions for chunks, of a module that has none of these.

    `both` gives value and gradient, and `body` are its statements.
    """
    return Chunks(rows_of(both, body.dimensions, program))


def chunk_functions(
    program: Program, functions: Sequence[Function], in_chunks: Callable[[Function], PrintedChunks | list[Tie]]
) -> Chunks:
    """Value and gradient, and what there is of second order, for rows in chunks.

    `in_chunks` prints a function so, or gives what ties rows together along each axis that data begin with.

    Raises
    ------
    UnsupportedError : rows depend on each other; it names the quantity that ties them.
    """
    if BOTH not in {one.name for one in functions}:
        raise UnsupportedError("a model without a loss has nothing to be summed over chunks of rows")
    made: list[PrintedChunks] = []
    left: list[str] = []
    for one in functions:
        if one.name not in IN_CHUNKS:
            continue
        if any(isinstance(array, Sparse) for array in arrays_of(one.result)):
            left.append(f"`{one.name}` does not split: its places depend on all rows")
            continue
        found = in_chunks(one)
        if isinstance(found, PrintedChunks):
            made.append(found)
        elif one.name == BOTH:
            said = _reason(program, one, found) or "no data have an axis of their own to come first"
            raise UnsupportedError(f"the model does not split into chunks of rows: {said}")
        else:
            said = _reason(program, one, [tie for tie in found if tie.dimension == made[0].dimension])
            left.append(f"`{one.name}` does not split: {said or 'it reads no rows'}")
    apart = [one for one in made if one.dimension != made[0].dimension]
    left += [f"`{one.name}` splits over {one.dimension} alone" for one in apart]
    return Chunks(made[0].dimension, tuple(one for one in made if one not in apart), tuple(left))


def split(function: Function, program: Program, otherwise: str) -> tuple[Signature, RowPlan] | list[Tie]:
    """A function for rows that come in chunks: what is computed before their number is known does without it.

    `otherwise` is the floating type of one that takes integers only. If rows cannot be computed apart, what ties them
    together along each axis that data begin with.
    """
    function = corrected(function, program)
    plain = signature(function, program, otherwise)
    plan = chunk_plan(list(plain.roots.values()), plain.arguments)
    if isinstance(plan, list):
        return plan
    dimension = plan.dimension
    result = changed(function.result, lambda terms: without_count(with_own_conditions(terms, dimension), dimension))
    made = signature(replace(function, result=result), program, plain.dtype)
    again = chunk_plan(list(made.roots.values()), made.arguments)
    assert isinstance(again, RowPlan) and again.dimension == dimension
    return made, again


def chunk_parts(body: Body, speller: Speller, returns: str, known: PrintedParts | None = None) -> PrintedParts:
    """The text of a function for chunks; the parts of the ordinary function, if `known`, serve where they are alike."""
    parts = printed_parts(body, speller, returns, asks=True)
    if known is None:
        return parts
    if parts.functions == known.functions:
        return replace(parts, functions=())
    apart = speller.inside(speller.typed, speller.arrays, f"{speller.function}_chunk")
    return printed_parts(body, apart, returns, asks=True)


# --- why rows are not computed apart ---------------------------------------------------------------------------------


def _reason(program: Program, one: Function, ties: Sequence[Tie]) -> str:
    """What ties rows together, in the words of the model."""
    roots, of = loops([program.loss]), "the loss"
    plain = chunk_plan(roots, program.arguments)
    if isinstance(plain, list):
        ties = plain
    else:
        roots, of = loops(terms_of(one.result)), one.name
    return "; ".join(f"over {tie.dimension}, {_quantity(tie.node, roots, of)}{tie.reason}" for tie in ties)


def _quantity(node: Node | None, roots: Sequence[Use], of: str) -> str:
    """The name of a node, or of the quantity of the model that it is a part of."""
    if node is None:
        return ""
    if isinstance(node, Input) or (isinstance(node, Named) and node.symbol is not AUXILIARY):
        return f"{node.name} "
    above, names = {node}, _below(node)
    for other in postorder([use.node for use in roots]):
        if any(use.node in above for use in other.uses()):
            above.add(other)
            if isinstance(other, Named) and other.symbol is not AUXILIARY:
                return f"a part of {other.name} "
            names = names or _below(other)  # of a condition on indices alone, what it is on
    return f"a part of {of}, made of {', '.join(names)}, " if names else f"a part of {of} "


def _below(node: Node) -> list[str]:
    """The names of the arrays that a node is computed from, of the model or of its data."""
    names: dict[str, None] = {}
    stack, seen = [use.node for use in node.uses()], {node}
    while stack:
        one = stack.pop()
        if isinstance(one, Input | Named) and one.symbol is not AUXILIARY:
            names.update({str(one.name): None} if one.shape else {})
        elif one not in seen:
            seen.add(one)
            stack += [use.node for use in one.uses()]
    return sorted(names)
