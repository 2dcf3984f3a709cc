"""Terms as SymPy matrix expressions, where they have that form."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from sympy import (
    Abs,
    BlockMatrix,
    Determinant,
    Dummy,
    Expr,
    ImmutableDenseMatrix,
    Lambda,
    MatrixSymbol,
    Mul,
    Rational,
    S,
    Symbol,
    Transpose,
    ZeroMatrix,
    log,
    sign,
)
from sympy import Add as SymAdd
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf
from sympy.matrices.expressions.hadamard import HadamardPower
from sympy.matrices.expressions.special import Identity, OneMatrix

from symgrad.formula.algebra import times, transposed
from symgrad.formula.collect import collected, scaled
from symgrad.formula.network import Diagonal, Network, NoMatrixForm, Piece, Side
from symgrad.formula.slices import cut
from symgrad.functions import if_else, softmax
from symgrad.functions.entrywise import EntryByEntry
from symgrad.functions.norms import reciprocal_root
from symgrad.functions.spelled import Spelled, spelled
from symgrad.graph.affine import along_one
from symgrad.graph.blocks import Grid, Place, grid_of
from symgrad.graph.build import DET, LOG_SOFTMAX, LOGDET, SIGN_DET, SOFTMAX, add, scale
from symgrad.graph.kinds.matrices import sides_of
from symgrad.graph.letters import distinct
from symgrad.graph.nodes import (
    Add,
    Apply,
    AxisMap,
    Const,
    Contract,
    Delta,
    Gather,
    Input,
    Letter,
    MatrixFunction,
    Named,
    Node,
    Scatter,
    Size,
    Use,
)
from symgrad.graph.symmetry import symmetric
from symgrad.graph.transform import place
from symgrad.matrix_functions import LogDet, cholesky


def matrix_form(use: Use, rows: Side, columns: Side) -> Any:
    """The term as a matrix with these sides.

    Raises
    ------
    NoMatrixForm : it has none, or refers to objects that are no matrices.
    """
    return _plain(_Writer().matrix(use, rows, columns), use)


def scalar_form(use: Use) -> Expr:
    """A term without letters as an expression of matrices.

    Raises
    ------
    NoMatrixForm : it has none, or refers to objects that are no matrices.
    """
    return _plain(_Writer().scalar(use), use)


def _plain(expr: Any, use: Use) -> Any:
    """The expression in classes of SymPy; transposes dropped of matrices that SymPy does not know to be symmetric."""
    turned = {part.arg for part in expr.atoms(Transpose) if isinstance(part.arg, MatrixSymbol)}
    plain = expr.xreplace({node.symbol.T: node.symbol for node in _nodes_of(turned, use) if symmetric(node)})
    while found := plain.atoms(Diagonal):
        innermost = [diagonal for diagonal in found if not diagonal.args[0].atoms(Diagonal)]
        plain = plain.xreplace({diagonal: DiagMatrix(*diagonal.args) for diagonal in innermost})
    return plain


def _nodes_of(symbols: set[Any], use: Use) -> Iterator[Input | Named]:
    """The nodes that symbols in the formula of a term are for: they are near it, however much is below."""
    left, waiting, seen = set(symbols), deque([use.node]), {use.node}
    while left and waiting:
        node = waiting.popleft()
        if isinstance(node, Input | Named) and node.symbol in left:
            left.remove(node.symbol)
            yield node
        below = [part.node for part in node.uses() if part.node not in seen]
        seen.update(below)
        waiting.extend(below)


class _Writer:
    def __init__(self) -> None:
        self._memo: dict[tuple[Use, Side, Side], Any] = {}

    def matrix(self, use: Use, rows: Side, columns: Side) -> Any:
        key = (use, rows, columns)
        if key not in self._memo:
            self._memo[key] = self._matrix(use, rows, columns)
        return self._memo[key]

    def _matrix(self, use: Use, rows: Side, columns: Side) -> Any:
        row, column = rows[0], columns[0]
        if not use.letters:
            scalar = self.scalar(use)
            return scalar if (row, column) == (None, None) else times(scalar, OneMatrix(rows[1], columns[1]))
        if row is not None and row not in use.letters:
            return times(OneMatrix(rows[1], 1), self.matrix(use, (None, S.One), columns))
        if column is not None and column not in use.letters:
            return times(self.matrix(use, rows, (None, S.One)), OneMatrix(1, columns[1]))
        node = use.node
        match node:
            case Input() | Named():
                return self._symbol(node, use.letters, row, column)
            case Delta():
                return Identity(rows[1])
            case Gather():
                return self._part(node, use.letters, rows, columns)
            case Add() if (grid := grid_of(node)) is not None:
                return self._blocks(grid, use.letters, rows, columns)
            case Add(terms=terms):
                blocks = [pair for pair in terms if isinstance(pair[1].node, Scatter)]
                if blocks:  # beside something else, or they would be a grid
                    rest = [pair for pair in terms if pair not in blocks]
                    if not rest:
                        raise NoMatrixForm("values at positions")
                    both = [place(add(part), use.letters) for part in (blocks, rest)]
                    return collected([self.matrix(part, rows, columns) for part in both])
                parts = [scaled(c, self.matrix(place(term, use.letters), rows, columns)) for c, term in terms]
                return collected(parts)
            case Apply():
                return self._apply(node, use.letters, rows, columns)
            case Contract():
                return self._contract(node, use.letters, rows, columns)
            case MatrixFunction(head="inverse"):
                return self._inverse(node, use.letters, rows, columns)
            case MatrixFunction(head="cholesky"):
                return self._cholesky(node, use.letters, rows, columns)
            case AxisMap(over=(axis,)) if node.head in (SOFTMAX, LOG_SOFTMAX) and len(set(use.letters)) == node.rank:
                inner = place(node.arg, use.letters)
                over = use.letters[axis]
                along = (
                    softmax(self.matrix(inner, rows, columns))
                    if over == column
                    else transposed(softmax(self.matrix(inner, columns, rows)))
                )
                return along if node.head == SOFTMAX else along.applyfunc(log)
        raise NoMatrixForm(type(node).__name__)

    def _symbol(self, node: Any, letters: Sequence[Letter], row: Letter | None, column: Letter | None) -> Any:
        symbol = node.symbol
        if not isinstance(symbol, MatrixSymbol):
            raise NoMatrixForm(node.name)
        if len(set(letters)) < len(letters):
            return DiagonalOf(symbol) if column is None else transposed(DiagonalOf(symbol))
        left = list(letters)
        own = tuple(None if side == 1 else left.pop(0) for side in symbol.shape)
        if own == (row, column):
            return symbol
        if own == (column, row):
            return symbol if symmetric(node) else transposed(symbol)
        raise NoMatrixForm(node.name)

    def _blocks(self, grid: Grid, letters: Sequence[Letter], rows: Side, columns: Side) -> Any:
        """A matrix of blocks, or vectors one below or beside the other."""
        sides = {x: side for side in (rows, columns) for x in grid.letters if letters[x] == side[0]}
        if len(sides) < len(letters) or all(length == 1 for line in grid.lines for _, length in line):
            raise NoMatrixForm("a matrix of numbers")
        lines = {side: grid.lines[grid.letters.index(x)] for x, side in sides.items()}

        def block(*places: Place) -> Any:
            at = dict(zip((rows, columns), places, strict=True))
            found = grid.blocks.get(tuple(at[sides[x]] for x in grid.letters))
            if found is None:
                return ZeroMatrix(*(length for _, length in places))
            parts = [(None if n == 1 else side[0], n) for side, (_, n) in zip((rows, columns), places, strict=True)]
            made = scaled(found[0], self.matrix(place(found[1], letters), *parts))
            return made if getattr(made, "is_Matrix", False) else ImmutableDenseMatrix([[made]])

        one: list[Place] = [(S.Zero, S.One)]
        down, across = lines.get(rows, one), lines.get(columns, one)
        return BlockMatrix([[block(row, column) for column in across] for row in down])

    def _part(self, node: Gather, letters: Sequence[Letter], rows: Side, columns: Side) -> Any:
        """A part of a matrix between two rows and two columns."""
        base = node.base.node
        found: list[tuple[Letter | None, Expr]] = []
        for sub in node.subs:
            one = along_one(sub)
            if one is None or (one[0] is not None and one[1] != 1):
                raise NoMatrixForm("entries at positions")
            found.append((None if one[0] is None else letters[one[0]], one[2]))
        places = [[axis for axis, (x, _) in enumerate(found) if x == side[0]] for side in (rows, columns)]
        counts = [len(axes) for axes in places]
        if base.rank > 2 or rows[0] == columns[0] or max(counts) > 1 or sum(counts) < base.rank:
            raise NoMatrixForm("entries at positions")
        cuts, sides = [], []
        for axes, (_, length) in zip(places, (rows, columns), strict=True):
            start = found[axes[0]][1] if axes else S.Zero
            cuts.append((start, start + length))
            sides.append((("part", axes[0]), base.shape[axes[0]]) if axes else (None, S.One))
        whole = self.matrix(Use(base, tuple(("part", axis) for axis in range(base.rank))), *sides)
        return cut(whole, *cuts)

    def _apply(self, node: Apply, letters: Sequence[Letter], rows: Side, columns: Side) -> Any:
        args = [place(arg, letters) for arg in node.args]
        arrays = [arg for arg in args if arg.letters]
        if not arrays or (rows[0] is None and columns[0] is None):
            raise NoMatrixForm(str(node.head))
        if len(arrays) > 1:
            return self._of_entries(place(Use(node, tuple(range(node.rank))), letters), rows, columns)
        (array,) = arrays
        inner = self.matrix(array, rows, columns)
        if len(args) == 1 and not issubclass(node.head, Spelled):
            return _by_entries(inner, node.head)
        chooses = node.head is if_else and args[0] is array
        entry = Dummy("x") if chooses else Dummy("x", real=True)
        function = Lambda(entry, spelled(node.head, [entry if arg is array else self.scalar(arg) for arg in args]))
        return _by_entries(inner, function)

    def _of_entries(self, use: Use, rows: Side, columns: Side) -> Any:
        """A function of functions of the same entries, such as if_else(|r| ≤ 1, r, sign(r))."""
        entries: dict[Use, Any] = {}

        def entry(part: Use) -> Any:
            if not part.letters:
                return self.scalar(part)
            if part in entries:
                return entries[part]
            if (negated := scale(S.NegativeOne, part)) in entries:
                return -entries[negated]
            if isinstance(part.node, Apply):
                return spelled(part.node.head, [entry(place(arg, part.letters)) for arg in part.node.args])
            if set(part.letters) != set(use.letters):
                raise NoMatrixForm("a function of rows and of columns")
            entries[part] = Dummy("x", real=True)
            return entries[part]

        body = entry(use)
        matrices = [self.matrix(part, rows, columns) for part in entries]
        if len(matrices) == 1:
            return _by_entries(matrices[0], Lambda(*entries.values(), body))
        return EntryByEntry(Lambda(tuple(entries.values()), body), *matrices)

    def _inverse(self, node: MatrixFunction, letters: Sequence[Letter], rows: Side, columns: Side) -> Any:
        if len(set(letters)) == 1 and rows[0] != columns[0]:
            return self._diagonal(node, letters, rows, columns)
        if set(letters) != {rows[0], columns[0]}:
            raise NoMatrixForm("a stack of inverses")
        # the inverse over (row, column) is that of the matrix over (row, column): see graph.linear_algebra
        return self.matrix(place(node.arg, letters), rows, columns).inverse()

    def _cholesky(self, node: MatrixFunction, letters: Sequence[Letter], rows: Side, columns: Side) -> Any:
        if len(set(letters)) == 1 and rows[0] != columns[0]:
            return self._diagonal(node, letters, rows, columns)
        if set(letters) != {rows[0], columns[0]}:
            raise NoMatrixForm("a stack of Cholesky factors")
        factor = cholesky(self.matrix(place(node.arg, letters), rows, columns))
        return factor if letters == (rows[0], columns[0]) else transposed(factor)

    def _diagonal(self, node: Node, letters: Sequence[Letter], rows: Side, columns: Side) -> Any:
        """The diagonal of a matrix as a column, or as a row."""
        side = rows if rows[0] is not None else columns
        other = ("other side", letters[0])
        whole = DiagonalOf(self.matrix(Use(node, (letters[0], other)), side, (other, side[1])))
        return whole if side is rows else transposed(whole)

    def _contract(self, node: Contract, letters: Sequence[Letter], rows: Side, columns: Side) -> Any:
        names: dict[Any, Any] = dict(enumerate(letters)) | {
            node.rank + k: ("bound", node, k) for k in range(len(node.bound))
        }
        lengths = {("bound", node, k): length for k, length in enumerate(node.bound)}
        lengths |= {side[0]: side[1] for side in (rows, columns) if side[0] is not None}
        factors = [(place(factor, [names[x] for x in range(len(names))]), e) for factor, e in node.factors]
        scalars = [self.scalar(factor) ** e for factor, e in factors if not factor.letters]
        network = Network(lengths, [("bound", node, k) for k in range(len(node.bound))])
        for factor, e in factors:
            if factor.letters:
                network.add(self._piece(factor, lengths), e)
        for k in range(len(node.bound)):
            scalars.extend(network.eliminate(("bound", node, k)))
        return scaled(Mul(*scalars), network.finish(rows, columns))

    def _piece(self, use: Use, lengths: dict[Letter, Expr]) -> "Piece":
        letters = distinct(use.letters)
        if len(letters) > 2:
            raise NoMatrixForm("more than two indices")
        if len(letters) == 1 and len(use.letters) == 2:
            side = (letters[0], lengths[letters[0]])
            other = ("other side", letters[0])
            whole = self.matrix(Use(use.node, (letters[0], other)), side, (other, side[1]))
            return Piece(DiagonalOf(whole), letters[0], None)
        first, second = letters[0], letters[1] if len(letters) == 2 else None
        sides = ((first, lengths[first]), (second, lengths[second] if second is not None else S.One))
        return Piece(self.matrix(use, *sides), first, second, second is not None and symmetric(use.node))

    # --- scalars ------------------------------------------------------------------------------------------------------

    def scalar(self, use: Use) -> Expr:
        node = use.node
        match node:
            case Const(value=value) | Size(value=value):
                return value
            case Input() | Named():
                if isinstance(node.symbol, MatrixSymbol):
                    return node.symbol[0, 0]
                if isinstance(node.symbol, Symbol):
                    return node.symbol
            case Add(terms=terms):
                return SymAdd(*(c * self.scalar(term) for c, term in terms))
            case Apply(head=head, args=(arg,)) if head is reciprocal_root and not arg.letters:
                return self.scalar(arg) ** Rational(-1, 2)
            case Apply(head=head, args=args) if all(not arg.letters for arg in args):
                return spelled(head, [self.scalar(arg) for arg in args])
            case Contract():
                found = self._contract(node, (), (None, S.One), (None, S.One))
                return found
            case MatrixFunction(head=head, arg=arg):
                first, second, length = sides_of(node)
                matrix = self.matrix(arg, (first, length), (second, length))
                if head == LOGDET:
                    return LogDet(matrix)
                if head == SIGN_DET:
                    return sign(Determinant(matrix))
                return Determinant(matrix) if head == DET else log(Abs(Determinant(matrix)))
        raise NoMatrixForm(type(node).__name__)


def _by_entries(matrix: Any, function: Any) -> Any:
    """A function of all entries; of a diagonal, the diagonal of the function."""
    if isinstance(matrix, DiagonalOf):
        return DiagonalOf(_by_entries(matrix.arg, function))
    if isinstance(matrix, Transpose):
        return transposed(_by_entries(matrix.arg, function))
    if isinstance(function, Lambda) and function.expr.is_Pow:
        base, exponent = function.expr.args
        if (base,) == function.variables and not exponent.has(base):
            return HadamardPower(matrix, exponent)
    return matrix.applyfunc(function)
