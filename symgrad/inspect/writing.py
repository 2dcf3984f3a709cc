"""Terms of the graph as formulas, in matrix notation where they have it and with subscripts where not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sympy import MatrixSymbol, S

from symgrad.errors import SymgradError
from symgrad.formula.indexed import IndexNames, IndexWriter, entry
from symgrad.formula.matrix import matrix_form
from symgrad.formula.network import NoMatrixForm
from symgrad.formula.text import text
from symgrad.frontend.program import index_symbols
from symgrad.graph.build import AUXILIARY
from symgrad.graph.nodes import Letter, Named, Node, Scan, Trajectory, Use
from symgrad.graph.transform import own, substitute, tree_size

# A term of more nodes is left out: it would fill pages, and writing it is recursive.
LONGEST = 150

_REFUSALS = (NotImplementedError, TypeError, ValueError, SymgradError)  # of an object to be built

Side = tuple[Letter | None, Any]  # the letter along a side (None: length one), and the length


@dataclass(frozen=True)
class Written:
    """A formula; in index notation `indices` are the index symbols of its letters, by letter."""

    formula: Any
    indices: Mapping[Letter, Any] | None = None


def _named(use: Use) -> tuple[set[Node], set[Node]]:
    """The names that a term refers to directly: those of the model and its adjoints, and those of parts of the code."""
    theirs: set[Node] = set()
    parts: set[Node] = set()
    seen: set[Node] = set()
    stack = [use.node]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if isinstance(node, Named):
            (parts if node.symbol is AUXILIARY else theirs).add(node)
        if node not in theirs:
            stack.extend(operand.node for operand in node.uses())
    return theirs, parts


def _renamed(use: Use, names: Mapping[Use, Use]) -> Use:
    """A term with names for what has one, and with its definition for every part that the compiler named for itself.

    What is behind a name is not shown, and stays as it is.
    """
    while True:
        if names:
            (use,) = substitute([use], names, _named(use)[0])
        theirs, parts = _named(use)
        if not parts:
            return use
        (use,) = substitute([use], {own(part): part.arg for part in parts if isinstance(part, Named)}, theirs)


def _length(use: Use) -> int:
    """How many nodes are written out; of a recurrence those of the equations of one state."""
    node = use.node
    if not isinstance(node, Trajectory) or not isinstance(scan := node.scan.node, Scan):
        return tree_size(use)
    first = scan.initial[node.number]
    terms = [update.term for update in scan.updates if update.state == node.number]
    terms += [term for number, _, term in scan.bases if number == node.number]
    return sum(map(tree_size, terms if first is None else [first, *terms]))


def sides_of(node: Node, order: Sequence[int] | None = None) -> list[Side]:
    """The sides along which a node's entries are written: those of the user's matrix, else its axes in some order."""
    axes: list[Side] = [(axis, size) for axis, size in enumerate(node.shape)]
    symbol = getattr(node, "symbol", None)
    if isinstance(symbol, MatrixSymbol):
        left = iter(axes)
        return [(None, S.One) if side == 1 else next(left) for side in symbol.shape]
    return axes if order is None else [axes[axis] for axis in order]


class Writer:
    """Writes terms of one model; nodes may be given names that stand for them wherever they occur."""

    def __init__(self, model: Any) -> None:
        self._indices = IndexNames(
            index_symbols([*([] if model.loss is None else [model.loss]), *model.where, *model.facts], model.program)
        )
        symbols = [*(argument.symbol for argument in model.arguments), *model.program.names]
        self._in_matrices = any(isinstance(symbol, MatrixSymbol) for symbol in symbols)
        self._names: dict[Use, Use] = {}

    def name(self, names: Mapping[Node, Use]) -> None:
        """From now on write these terms in place of the nodes."""
        self._names.update({own(node): name for node, name in names.items()})

    def write(self, use: Use, sides: Sequence[Side], *, inside: Node | None = None) -> Written | None:
        """A term over these sides; None if it is too long or has no such form.

        `inside` is a node whose own name is not used: its definition is what is wanted.
        """
        names = {term: name for term, name in self._names.items() if term.node is not inside}
        shown = _renamed(use, names)
        if _length(shown) > LONGEST:
            return None
        if len(sides) <= 2 and self._in_matrices and not isinstance(shown.node, Trajectory):
            rows, columns = [*sides, (None, S.One), (None, S.One)][:2]
            try:
                return Written(matrix_form(shown, rows, columns))
            except (NoMatrixForm, *_REFUSALS):  # SymPy refuses some products
                pass
        return self._entry(shown, [side for side in sides if side[0] is not None])

    def entry(self, use: Use, sides: Sequence[Side]) -> Written | None:
        """The entry of a term, with an index symbol along every side."""
        shown = _renamed(use, self._names)
        return None if _length(shown) > LONGEST else self._entry(shown, sides)

    def _entry(self, shown: Use, sides: Sequence[Side]) -> Written | None:
        taken: set[Any] = set()
        at = {}
        for letter, size in sides:
            at[letter] = self._indices.pick(size, taken)
            taken.add(at[letter])
        writer = IndexWriter(self._indices)
        write = writer.recursion if isinstance(shown.node, Trajectory) else writer.write
        try:
            return Written(write(shown, at), at)
        except (AssertionError, KeyError, *_REFUSALS):
            return None

    def text(self, node: Node) -> str:
        """What a node computes, as text."""
        definition = getattr(node, "arg", own(node)) if hasattr(node, "symbol") else own(node)
        found = self.write(definition, sides_of(node))
        return text(None if found is None else found.formula)


def entry_of(symbol: Any, indices: Sequence[Any]) -> Any:
    """The entry of a quantity at indices."""
    return entry(symbol, indices)


def shape_text(sides: Iterable[Any]) -> str:
    """N×M; nothing for a scalar."""
    return "×".join(str(side).replace("*", "·").replace(" ", "") for side in sides)
