"""Functions of a module for rows that come in chunks: what is asked of the rows, and what is made of the answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sympy import Symbol

from symgrad.codegen.arguments import length_lines
from symgrad.codegen.lines import wrapped
from symgrad.codegen.rows import is_counted, rows_of
from symgrad.codegen.speller import Speller
from symgrad.errors import UnsupportedError
from symgrad.frontend.program import Program
from symgrad.graph.build import AUXILIARY
from symgrad.graph.nodes import Input, Named, Node, Use, postorder
from symgrad.lowering.slices import loops
from symgrad.outputs.first_order import BOTH
from symgrad.outputs.function import Sparse, arrays_of, terms_of
from symgrad.outputs.requirements import lengths_of
from symgrad.outputs.second_order import COMPACT, HESSIAN, PRODUCT
from symgrad.schedule.chunks import chunk_plan
from symgrad.schedule.rows import Tie
from symgrad.statements.statements import Rows
from symgrad.targets.numpy.function import PrintedFunction, print_chunks
from symgrad.targets.numpy.parts import PrintedParts, printed_parts

IN_CHUNKS = (BOTH, HESSIAN, COMPACT, PRODUCT)
FUNCTIONS = ("Sums", "partial", "combine", "finish", "over_chunks", "joined", "batches")  # as a module shows them


@dataclass(frozen=True)
class PrintedChunks:
    """A function for rows that come in chunks.

    Attributes
    ----------
    printed : its statements.
    dimension : how many rows there are in all.
    rounds : how often it reads them.
    parts : its lines, which ask for what is made of rows, and the functions that the ordinary one lacks.
    """

    printed: PrintedFunction
    dimension: Symbol
    rounds: int
    parts: PrintedParts

    @property
    def name(self) -> str:
        return self.printed.function.name

    @property
    def head(self) -> list[str]:
        """Its first lines."""
        return wrapped(f"def _{self.name}_rounds(", [f"{name}: Any" for name in self.printed.takes], ") -> Any:")

    @property
    def lines(self) -> list[str]:
        """The lines that read dimensions off arrays, but for that of rows, and its statements."""
        lengths, said = lengths_of(self.printed.arguments), self.printed.body.dimensions - {self.dimension}
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


def without_functions(program: Program, printed: Sequence[PrintedFunction]) -> Chunks:
    """What the loss would be summed over in functions for chunks, of a module that has none of these."""
    both = next((one for one in printed if one.function.name == BOTH), None)
    return Chunks() if both is None else Chunks(rows_of(both.function, both.body.dimensions, program))


def chunk_functions(program: Program, printed: Sequence[PrintedFunction]) -> Chunks:
    """Value and gradient, and what there is of second order, for rows in chunks.

    Raises
    ------
    UnsupportedError : rows depend on each other; it names the quantity that ties them.
    """
    if BOTH not in {one.function.name for one in printed}:
        raise UnsupportedError("a model without a loss has nothing to be summed over chunks of rows")
    made: list[PrintedChunks] = []
    left: list[str] = []
    for one in printed:
        if one.function.name not in IN_CHUNKS:
            continue
        if any(isinstance(array, Sparse) for array in arrays_of(one.function.result)):
            left.append(f"`{one.function.name}` does not split: its places depend on all rows")
            continue
        found = print_chunks(one.function, program)
        if isinstance(found, PrintedFunction):
            made.append(_with_parts(found, one))
        elif one.function.name == BOTH:
            said = _reason(program, one, found) or "no data have an axis of their own to come first"
            raise UnsupportedError(f"the model does not split into chunks of rows: {said}")
        else:
            said = _reason(program, one, [tie for tie in found if tie.dimension == made[0].dimension])
            left.append(f"`{one.function.name}` does not split: {said or 'it reads no rows'}")
    apart = [one for one in made if one.dimension != made[0].dimension]
    left += [f"`{one.name}` splits over {one.dimension} alone" for one in apart]
    return Chunks(made[0].dimension, tuple(one for one in made if one not in apart), tuple(left))


def _with_parts(found: PrintedFunction, ordinary: PrintedFunction) -> PrintedChunks:
    """A function with its parts; those of the ordinary function serve where they are the same."""
    body = found.body
    rows = [one for one in body.body.statements if isinstance(one, Rows)]
    parts = printed_parts(body.body, body.speller, body.returns, asks=True)
    if parts.functions == ordinary.body.parts.functions:
        parts = replace(parts, functions=())
    else:
        old = body.speller
        speller = Speller(old.dialect, old.dtype, function=f"{found.function.name}_chunk", typed=old.typed)
        parts = printed_parts(body.body, speller, body.returns, asks=True)
    dimension = rows[0].dimension
    assert isinstance(dimension, Symbol)
    counted = any("yield None" in line.text for line in parts.lines)
    return PrintedChunks(found, dimension, len(rows) + counted, parts)


# --- why rows are not computed apart ---------------------------------------------------------------------------------


def _reason(program: Program, one: PrintedFunction, ties: Sequence[Tie]) -> str:
    """What ties rows together, in the words of the model."""
    roots, of = loops([program.loss]), "the loss"
    plain = chunk_plan(roots, program.arguments)
    if isinstance(plain, list):
        ties = plain
    else:
        roots, of = loops(terms_of(one.function.result)), one.function.name
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
