"""Products of matrices over shared indices, contracted index by index into one matrix expression."""

from collections.abc import Collection, Sequence
from typing import Any

from sympy import Add as SymAdd
from sympy import Expr, MatAdd, MatMul, S, Trace, Transpose, preorder_traversal
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf
from sympy.matrices.expressions.dotproduct import DotProduct
from sympy.matrices.expressions.hadamard import HadamardPower, HadamardProduct
from sympy.matrices.expressions.special import Identity, OneMatrix

from symgrad.formula.algebra import product, times, transposed
from symgrad.functions import total
from symgrad.functions.common import is_matrix
from symgrad.graph.nodes import Letter


class Inner(DotProduct):  # type: ignore[misc]
    """The inner product of two vectors. A real number: SymPy leaves open whether a `DotProduct` commutes."""

    is_commutative = True

    def doit(self, **hints: Any) -> "Inner":
        """Itself: written out as a sum over a placeholder it would not be a formula."""
        return self

    def _xreplace(self, rule: Any) -> Any:
        """Without what SymPy puts for the sums of matrices inside, to take a sign out of them: scalars."""
        return super()._xreplace({old: new for old, new in rule.items() if not is_matrix(old) or is_matrix(new)})

    def _sympystr(self, printer: Any) -> str:
        return f"DotProduct({', '.join(printer.doprint(arg) for arg in self.args)})"


class Diagonal(DiagMatrix):  # type: ignore[misc]
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
            return scalar * Diagonal(MatMul(*matrices))
        return Diagonal(vector.arg) if isinstance(vector, Transpose) else self


class NoMatrixForm(Exception):
    """The term has no matrix notation."""


Side = tuple[Letter | None, Expr]  # the letter along a side (None: length one), and the length


class Piece:
    """A matrix with the letters along its sides; a vector has none along its second."""

    def __init__(self, matrix: Any, row: Letter, column: Letter | None, symmetric: bool = False) -> None:
        self.matrix, self.row, self.column, self._symmetric = matrix, row, column, symmetric

    def along(self, row: Letter | None, column: Letter | None) -> Any:
        straight = self._symmetric or (self.row, self.column) == (row, column)
        return self.matrix if straight else transposed(self.matrix)

    @property
    def letters(self) -> set[Letter]:
        return {self.row} | ({self.column} if self.column is not None else set())


class Network:
    """Pieces over shared letters, contracted letter by letter."""

    def __init__(self, lengths: dict[Letter, Expr], bound: Collection[Letter]) -> None:
        self._lengths = lengths
        self._bound = bound
        self._pieces: list[Piece] = []

    def add(self, piece: Piece, exponent: Expr) -> None:
        if exponent == 2 and piece.column is None:
            self._pieces.extend((piece, piece))
        else:
            matrix = piece.matrix if exponent == 1 else HadamardPower(piece.matrix, exponent)
            self._pieces.append(Piece(matrix, piece.row, piece.column))

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
            return [Trace(product(full[0].along(other, letter), full[1].along(letter, other)))]
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
                return [_summed(vectors[0])]
            return [_inner(_hadamard(vectors[:-1]), vectors[-1])]
        if len(matrices) == 1:
            left = matrices[0].along(ends[0], letter)
            right = _hadamard(vectors) if vectors else OneMatrix(self._lengths[letter], 1)
            self._pieces.append(Piece(product(left, right), ends[0], None))
            return []
        left, right = matrices[0].along(ends[0], letter), matrices[1].along(letter, ends[1])
        middle = product(left, *([Diagonal(_hadamard(vectors))] if vectors else []), right)
        if ends[0] == ends[1]:
            raise NoMatrixForm("a trace over an index that stays")
        self._pieces.append(Piece(middle, ends[0], ends[1]))
        return []

    def _is_trace(self, pieces: Sequence["Piece"], letter: Letter) -> bool:
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
            return transposed(_hadamard(across))
        if not full:
            return product(_hadamard(down), transposed(_hadamard(across)))
        if len(full) == 1 and isinstance(full[0], Identity) and (down or across):
            diagonal = _hadamard([*down, *across])
            return HadamardProduct(diagonal.arg, full[0]) if isinstance(diagonal, DiagonalOf) else Diagonal(diagonal)
        body = _hadamard(full)
        if down:
            body = product(Diagonal(_hadamard(down)), body)
        return product(body, Diagonal(_hadamard(across))) if across else body


def _merged(pieces: Sequence[Piece]) -> list[Piece]:
    """Matrices over the same two letters, multiplied entry by entry."""
    groups: dict[frozenset[Letter], list[Piece]] = {}
    for piece in pieces:
        groups.setdefault(frozenset(piece.letters), []).append(piece)
    return [
        Piece(_hadamard([piece.along(group[0].row, group[0].column) for piece in group]), group[0].row, group[0].column)
        for group in groups.values()
    ]


def _summed(vector: Any) -> Expr:
    """The sum of a vector's entries; of a sum of diagonals and products that of each."""
    if isinstance(vector, DiagonalOf):
        return Trace(vector.arg)
    if isinstance(vector, MatAdd) and any(_core(term)[1].func in (DiagonalOf, HadamardProduct) for term in vector.args):
        terms = [_core(term) for term in vector.args]
        return SymAdd(*(scalar * _summed(term) for scalar, term in terms))
    if isinstance(vector, HadamardProduct) and len(vector.args) == 2:
        return _inner(*vector.args)
    return total(vector)


def _core(term: Any) -> tuple[Expr, Any]:
    scalar, factors = term.as_coeff_matrices() if isinstance(term, MatMul) else (S.One, [term])
    return scalar, factors[0] if len(factors) == 1 else MatMul(*factors)


def _inner(left: Any, right: Any) -> Expr:
    """leftᵀ·right; of uᵀ(Aᵀv) and vᵀ(A u), which are the same, the one with fewer transposes."""
    spellings = [(left, right)]
    for one, other in ((left, right), (right, left)):
        if isinstance(other, MatMul) and other.args[-1].shape[1] == 1:
            scale, (*matrices, vector) = other.as_coeff_matrices()
            if matrices:
                spellings.append((vector, times(times(scale, transposed(product(*matrices))), one)))
    return Inner(*min(spellings, key=lambda pair: sum(map(_transposes, pair))))


def _upright(matrix: Any) -> Any:
    """The matrix or its transpose, whichever has fewer transposes in it."""
    turned = transposed(matrix)
    return turned if _transposes(turned) < _transposes(matrix) else matrix


def _transposes(matrix: Any) -> int:
    return sum(isinstance(part, Transpose) for part in preorder_traversal(matrix))


def _hadamard(matrices: Sequence[Any]) -> Any:
    if all(isinstance(matrix, DiagonalOf) for matrix in matrices) and len(matrices) > 1:
        return DiagonalOf(_hadamard([matrix.arg for matrix in matrices]))
    return matrices[0] if len(matrices) == 1 else HadamardProduct(*matrices)
