"""Terms as SymPy matrix expressions, where they have that form."""

from collections.abc import Collection, Sequence
from typing import Any

from sympy import (
    Abs,
    BlockMatrix,
    Determinant,
    Dummy,
    Expr,
    ImmutableDenseMatrix,
    Lambda,
    MatAdd,
    MatMul,
    MatrixSymbol,
    Mul,
    Rational,
    S,
    Symbol,
    Trace,
    Transpose,
    ZeroMatrix,
    expand,
    log,
    preorder_traversal,
    sign,
)
from sympy import Add as SymAdd
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf
from sympy.matrices.expressions.dotproduct import DotProduct
from sympy.matrices.expressions.hadamard import HadamardPower, HadamardProduct
from sympy.matrices.expressions.slice import MatrixSlice
from sympy.matrices.expressions.special import Identity, OneMatrix

from symgrad.formula.collect import collected, scaled
from symgrad.functions import softmax, total
from symgrad.functions.entrywise import EntryByEntry
from symgrad.functions.norms import reciprocal_root
from symgrad.functions.spelled import Spelled, spelled
from symgrad.graph.affine import along_one
from symgrad.graph.axes import LOG_SOFTMAX, SOFTMAX
from symgrad.graph.blocks import Grid, Place, grid_of
from symgrad.graph.build import add, scale
from symgrad.graph.letters import distinct
from symgrad.graph.linear_algebra import DET, LOGDET, SIGN_DET, sides_of
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
    Scatter,
    Size,
    Use,
    postorder,
)
from symgrad.graph.symmetry import symmetric
from symgrad.graph.transform import place
from symgrad.matrix_functions import LogDet, cholesky


class Inner(DotProduct):  # type: ignore[misc]
    """The inner product of two vectors. A real number: SymPy leaves open whether a `DotProduct` commutes."""

    is_commutative = True

    def doit(self, **hints: Any) -> "Inner":
        """Itself: written out as a sum over a placeholder it would not be a formula."""
        return self

    def _sympystr(self, printer: Any) -> str:
        return f"DotProduct({', '.join(printer.doprint(arg) for arg in self.args)})"


class _Diagonal(DiagMatrix):  # type: ignore[misc]
    """A `DiagMatrix` while a formula is put together.

    SymPy evaluates both factors of a product anew, and a `DiagMatrix` asks each time whether its vector is a diagonal
    matrix: seconds of deduction for a long vector.
    """

    def doit(self, **hints: Any) -> Any:
        """What `DiagMatrix` makes of a vector: numbers in front, no transpose; itself else."""
        (vector,) = self.args
        if vector.shape == (1, 1):
            return vector
        scalar, matrices = vector.as_coeff_matrices() if vector.is_MatMul else (S.One, [vector])
        if scalar != 1:
            return scalar * _Diagonal(MatMul(*matrices))
        return _Diagonal(vector.arg) if isinstance(vector, Transpose) else self


class NoMatrixForm(Exception):
    """The term has no matrix notation."""


Side = tuple[Letter | None, Expr]  # the letter along a side (None: length one), and the length


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
    symbols = [node.symbol for node in postorder([use.node]) if isinstance(node, Input | Named) and symmetric(node)]
    plain = expr.xreplace({symbol.T: symbol for symbol in symbols if isinstance(symbol, MatrixSymbol)})
    while found := plain.atoms(_Diagonal):
        innermost = [diagonal for diagonal in found if not diagonal.args[0].atoms(_Diagonal)]
        plain = plain.xreplace({diagonal: DiagMatrix(*diagonal.args) for diagonal in innermost})
    return plain


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
            return (
                self.scalar(use) * OneMatrix(rows[1], columns[1]) if (row, column) != (None, None) else self.scalar(use)
            )
        if row is not None and row not in use.letters:
            return OneMatrix(rows[1], 1) * self.matrix(use, (None, S.One), columns)
        if column is not None and column not in use.letters:
            return self.matrix(use, rows, (None, S.One)) * OneMatrix(1, columns[1])
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
                    else softmax(self.matrix(inner, columns, rows)).T
                )
                return along if node.head == SOFTMAX else along.applyfunc(log)
        raise NoMatrixForm(type(node).__name__)

    def _symbol(self, node: Any, letters: Sequence[Letter], row: Letter | None, column: Letter | None) -> Any:
        symbol = node.symbol
        if not isinstance(symbol, MatrixSymbol):
            raise NoMatrixForm(node.name)
        if len(set(letters)) < len(letters):
            return DiagonalOf(symbol) if column is None else DiagonalOf(symbol).T
        left = list(letters)
        own = tuple(None if side == 1 else left.pop(0) for side in symbol.shape)
        if own == (row, column):
            return symbol
        if own == (column, row):
            return symbol if symmetric(node) else symbol.T
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
        return _cut(whole, *cuts)

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
        entry = Dummy("x", real=True)
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
        if set(letters) != {rows[0], columns[0]}:
            raise NoMatrixForm("a stack of inverses")
        # the inverse over (row, column) is that of the matrix over (row, column): see graph.linear_algebra
        return self.matrix(place(node.arg, letters), rows, columns).inverse()

    def _cholesky(self, node: MatrixFunction, letters: Sequence[Letter], rows: Side, columns: Side) -> Any:
        if set(letters) != {rows[0], columns[0]}:
            raise NoMatrixForm("a stack of Cholesky factors")
        factor = cholesky(self.matrix(place(node.arg, letters), rows, columns))
        return factor if letters == (rows[0], columns[0]) else factor.T

    def _contract(self, node: Contract, letters: Sequence[Letter], rows: Side, columns: Side) -> Any:
        names: dict[Any, Any] = dict(enumerate(letters)) | {
            node.rank + k: ("bound", node, k) for k in range(len(node.bound))
        }
        lengths = {("bound", node, k): length for k, length in enumerate(node.bound)}
        lengths |= {side[0]: side[1] for side in (rows, columns) if side[0] is not None}
        factors = [(place(factor, [names[x] for x in range(len(names))]), e) for factor, e in node.factors]
        scalars = [self.scalar(factor) ** e for factor, e in factors if not factor.letters]
        network = _Network(lengths, [("bound", node, k) for k in range(len(node.bound))])
        for factor, e in factors:
            if factor.letters:
                network.add(self._piece(factor, lengths), e)
        for k in range(len(node.bound)):
            scalars.extend(network.eliminate(("bound", node, k)))
        return scaled(Mul(*scalars), network.finish(rows, columns))

    def _piece(self, use: Use, lengths: dict[Letter, Expr]) -> "_Piece":
        letters = distinct(use.letters)
        if len(letters) > 2:
            raise NoMatrixForm("more than two indices")
        if len(letters) == 1 and len(use.letters) == 2:
            side = (letters[0], lengths[letters[0]])
            other = ("other side", letters[0])
            whole = self.matrix(Use(use.node, (letters[0], other)), side, (other, side[1]))
            return _Piece(DiagonalOf(whole), letters[0], None)
        first, second = letters[0], letters[1] if len(letters) == 2 else None
        sides = ((first, lengths[first]), (second, lengths[second] if second is not None else S.One))
        return _Piece(self.matrix(use, *sides), first, second, second is not None and symmetric(use.node))

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


class _Piece:
    """A matrix with the letters along its sides; a vector has none along its second."""

    def __init__(self, matrix: Any, row: Letter, column: Letter | None, symmetric: bool = False) -> None:
        self.matrix, self.row, self.column, self._symmetric = matrix, row, column, symmetric

    def along(self, row: Letter | None, column: Letter | None) -> Any:
        straight = self._symmetric or (self.row, self.column) == (row, column)
        return self.matrix if straight else self.matrix.T

    @property
    def letters(self) -> set[Letter]:
        return {self.row} | ({self.column} if self.column is not None else set())


class _Network:
    """Pieces over shared letters, contracted letter by letter."""

    def __init__(self, lengths: dict[Letter, Expr], bound: Collection[Letter]) -> None:
        self._lengths = lengths
        self._bound = bound
        self._pieces: list[_Piece] = []

    def add(self, piece: _Piece, exponent: Expr) -> None:
        if exponent == 2 and piece.column is None:
            self._pieces.extend((piece, piece))
        else:
            matrix = piece.matrix if exponent == 1 else HadamardPower(piece.matrix, exponent)
            self._pieces.append(_Piece(matrix, piece.row, piece.column))

    def eliminate(self, letter: Letter) -> list[Expr]:
        """Sum over a letter; what becomes a scalar is returned."""
        touching = [piece for piece in self._pieces if letter in piece.letters]
        if not touching:
            return []
        self._pieces = [piece for piece in self._pieces if letter not in piece.letters]
        vectors = [piece.matrix for piece in touching if piece.column is None]
        full = [piece for piece in touching if piece.column is not None]
        if len(full) == 2 and not vectors and self._is_trace(full, letter):
            other = full[0].row if full[0].column == letter else full[0].column
            return [Trace(full[0].along(other, letter) * full[1].along(letter, other))]
        matrices = _merged(full)
        if len(matrices) == 1 and not vectors:
            (other,) = matrices[0].letters - {letter}
            if other in self._bound and all(other not in piece.letters for piece in self._pieces):
                return [total(_upright(matrices[0].matrix))]
        if len(matrices) > 2:
            raise NoMatrixForm("an index that three matrices share")
        ends = [piece.row if piece.column == letter else piece.column for piece in matrices]
        if not matrices:
            if len(vectors) == 1:
                diagonal = isinstance(vectors[0], DiagonalOf)
                return [Trace(vectors[0].arg) if diagonal else total(vectors[0])]
            return [_inner(_hadamard(vectors[:-1]), vectors[-1])]
        if len(matrices) == 1:
            left = matrices[0].along(ends[0], letter)
            right = _hadamard(vectors) if vectors else OneMatrix(self._lengths[letter], 1)
            self._pieces.append(_Piece(left * right, ends[0], None))
            return []
        left, right = matrices[0].along(ends[0], letter), matrices[1].along(letter, ends[1])
        middle = left * _Diagonal(_hadamard(vectors)) * right if vectors else left * right
        if ends[0] == ends[1]:
            raise NoMatrixForm("a trace over an index that stays")
        self._pieces.append(_Piece(middle, ends[0], ends[1]))
        return []

    def _is_trace(self, pieces: Sequence["_Piece"], letter: Letter) -> bool:
        """Whether Σ A[i,j] B[j,i] over both letters is what two matrices make: one stands as it is, one transposed."""
        first, second = pieces
        (other,) = first.letters - {letter}
        alone = all(other not in piece.letters for piece in self._pieces)
        return second.letters == first.letters and first.row == second.column and alone and other in self._bound

    def finish(self, rows: Side, columns: Side) -> Any:
        """What is left as one matrix."""
        row, column = rows[0], columns[0]
        if not self._pieces:
            return S.One
        full = [piece.along(row, column) for piece in self._pieces if piece.column is not None]
        down = [piece.matrix for piece in self._pieces if piece.column is None and piece.row == row]
        across = [piece.matrix for piece in self._pieces if piece.column is None and piece.row == column]
        if len(full) + len(down) + len(across) != len(self._pieces):
            raise NoMatrixForm("a diagonal")
        if column is None:
            return _hadamard(down)
        if row is None:
            return _hadamard(across).T
        if not full:
            return _hadamard(down) * _hadamard(across).T
        if len(full) == 1 and isinstance(full[0], Identity) and (down or across):
            diagonal = _hadamard([*down, *across])
            return HadamardProduct(diagonal.arg, full[0]) if isinstance(diagonal, DiagonalOf) else _Diagonal(diagonal)
        body = _hadamard(full)
        if down:
            body = _Diagonal(_hadamard(down)) * body
        return body * _Diagonal(_hadamard(across)) if across else body


def _cut(matrix: Any, rows: tuple[Expr, Expr], columns: tuple[Expr, Expr]) -> Any:
    """The part between two rows and two columns; of a product that of its first and last factors."""
    if all(expand(stop - start - side) == 0 for (start, stop), side in zip((rows, columns), matrix.shape, strict=True)):
        return matrix
    if isinstance(matrix, Transpose):
        return _cut(matrix.arg, columns, rows).T
    if isinstance(matrix, BlockMatrix) and (found := _cut_blocks(matrix, rows, columns)) is not None:
        return found
    if isinstance(matrix, MatAdd) and any(isinstance(part, BlockMatrix) for part in matrix.args):
        return MatAdd(*(_cut(part, rows, columns) for part in matrix.args))
    if isinstance(matrix, MatMul):
        scale, matrices = matrix.as_coeff_matrices()
        whole = [(S.Zero, side) for side in (matrices[0].shape[1], matrices[-1].shape[0])]
        if len(matrices) == 1:
            return scaled(scale, _cut(matrices[0], rows, columns))
        first, last = _cut(matrices[0], rows, whole[0]), _cut(matrices[-1], whole[1], columns)
        return scaled(scale, MatMul(first, *matrices[1:-1], last))
    return MatrixSlice(matrix, rows, columns)


def _cut_blocks(matrix: BlockMatrix, *ranges: tuple[Expr, Expr]) -> Any | None:
    """The blocks between two rows and two columns; None if these cut through blocks."""
    kept = []
    for lengths, (start, stop) in zip((matrix.rowblocksizes, matrix.colblocksizes), ranges, strict=True):
        ends = [expand(sum(lengths[:n], S.Zero)) for n in range(len(lengths) + 1)]
        if expand(start) not in ends or expand(stop) not in ends:
            return None
        kept.append(slice(ends.index(expand(start)), ends.index(expand(stop))))
    blocks = matrix.blocks[kept[0], kept[1]]
    return blocks[0, 0] if blocks.shape == (1, 1) else BlockMatrix(blocks)


def _merged(pieces: Sequence[_Piece]) -> list[_Piece]:
    """Matrices over the same two letters, multiplied entry by entry."""
    groups: dict[frozenset[Letter], list[_Piece]] = {}
    for piece in pieces:
        groups.setdefault(frozenset(piece.letters), []).append(piece)
    return [
        _Piece(
            _hadamard([piece.along(group[0].row, group[0].column) for piece in group]), group[0].row, group[0].column
        )
        for group in groups.values()
    ]


def _inner(left: Any, right: Any) -> Expr:
    """leftᵀ·right; of uᵀ(Aᵀv) and vᵀ(A u), which are the same, the one with fewer transposes."""
    spellings = [(left, right)]
    for one, other in ((left, right), (right, left)):
        if isinstance(other, MatMul) and other.args[-1].shape[1] == 1:
            scale, (*matrices, vector) = other.as_coeff_matrices()
            if matrices:
                spellings.append((vector, scale * MatMul(*matrices).doit(deep=False).T * one))
    return Inner(*min(spellings, key=lambda pair: sum(map(_transposes, pair))))


def _upright(matrix: Any) -> Any:
    """The matrix or its transpose, whichever has fewer transposes in it."""
    turned = matrix.T
    return turned if _transposes(turned) < _transposes(matrix) else matrix


def _transposes(matrix: Any) -> int:
    return sum(isinstance(part, Transpose) for part in preorder_traversal(matrix))


def _by_entries(matrix: Any, function: Any) -> Any:
    """A function of all entries; of a diagonal, the diagonal of the function."""
    if isinstance(matrix, DiagonalOf):
        return DiagonalOf(matrix.arg.applyfunc(function))
    return _by_entries(matrix.arg, function).T if isinstance(matrix, Transpose) else matrix.applyfunc(function)


def _hadamard(matrices: Sequence[Any]) -> Any:
    if all(isinstance(matrix, DiagonalOf) for matrix in matrices) and len(matrices) > 1:
        return DiagonalOf(_hadamard([matrix.arg for matrix in matrices]))
    return matrices[0] if len(matrices) == 1 else HadamardProduct(*matrices)
