"""Expressions in messages: as they are written in a model, not as SymPy has them inside."""

from typing import Any

from sympy import Function, Lambda, MatMul, Max, Min, Symbol, Transpose
from sympy.printing.str import StrPrinter


def written(expr: Any) -> str:
    """The text of an expression by the names of functions of matrices, such as tanh(X*w).

    Examples
    --------
    >>> from sympy import MatrixSymbol, OneMatrix, tanh
    >>> from symgrad import sumsq
    >>> X, w = MatrixSymbol("X", 3, 2), MatrixSymbol("w", 2, 1)
    >>> written(sumsq((X*w).applyfunc(tanh) - OneMatrix(3, 1)))
    'sumsq(tanh(X*w) - OneMatrix(3, 1))'
    """
    return str(_Written().doprint(expr))


class _Written(StrPrinter):  # type: ignore[misc]
    """SymPy's text with what models are written in; methods are found by the names of classes."""

    def _call(self, name: str, *args: Any) -> str:
        return f"{name}({', '.join(arg if isinstance(arg, str) else self._print(arg) for arg in args)})"

    def _sides(self, expr: Any) -> str:
        return self._call(type(expr).__name__, *expr.shape)

    def _print_OneMatrix(self, expr: Any) -> str:
        return self._sides(expr)

    def _print_ZeroMatrix(self, expr: Any) -> str:
        return self._sides(expr)

    def _print_Identity(self, expr: Any) -> str:
        return self._call("Identity", expr.shape[0])

    def _print_ImmutableDenseMatrix(self, expr: Any) -> str:
        return self._call("Matrix", str(expr.tolist()))

    _print_MutableDenseMatrix = _print_ImmutableDenseMatrix

    def _print_Inverse(self, expr: Any) -> str:
        return f"{self.parenthesize(expr.arg, 100)}.I"

    def _print_HadamardPower(self, expr: Any) -> str:
        return self._call("power", expr.base, expr.exp)

    def _print_Total(self, expr: Any) -> str:
        (inside,) = expr.args
        if type(inside).__name__ == "HadamardPower" and inside.exp == 2:
            return self._call("sumsq", inside.base)
        return self._call("total", inside)

    def _print_Softmax(self, expr: Any) -> str:
        return self._call("softmax", expr.args[0])

    def _print_LogDet(self, expr: Any) -> str:
        return self._call("logdet", expr.args[0])

    def _print_CholeskyFactor(self, expr: Any) -> str:
        return self._call("cholesky", expr.args[0])

    def _print_ElementwiseApplyFunction(self, expr: Any) -> str:
        function, matrix = expr.function, expr.expr
        if isinstance(function, Lambda) and isinstance(function.expr, Function | Max | Min):
            return self._of_entries(function, [matrix])
        return f"{self.parenthesize(matrix, 100)}.applyfunc({self._print(function)})"

    def _print_EntryByEntry(self, expr: Any) -> str:
        return self._of_entries(expr.args[0], expr.args[1:])

    def _of_entries(self, function: Lambda, matrices: Any) -> str:
        """A function of entries with matrices in the place of its variables."""
        body = function.expr
        name = {"Max": "maximum", "Min": "minimum", "Pow": "power", "Abs": "abs"}.get(type(body).__name__)
        texts = {variable: self._print(matrix) for variable, matrix in zip(function.variables, matrices, strict=True)}
        args = sorted(body.args, key=lambda arg: not arg.has(*texts))
        args = args if isinstance(body, Max | Min) else body.args
        named = {variable: Symbol(text) for variable, text in texts.items()}
        return self._call(name or type(body).__name__, *(arg.xreplace(named) for arg in args))

    def _print_MatrixSlice(self, expr: Any) -> str:
        cuts = []
        for (start, stop, step), side, whole in zip(
            (expr.rowslice, expr.colslice), expr.shape, expr.parent.shape, strict=True
        ):
            if side == 1:
                cuts.append(self._print(start))
                continue
            ends = ["" if start == 0 else self._print(start), "" if stop == whole else self._print(stop)]
            cuts.append(":".join(ends if step == 1 else [*ends, self._print(step)]))
        return f"{self.parenthesize(expr.parent, 100)}[{', '.join(cuts)}]"

    def _print_MatAdd(self, expr: Any) -> str:
        if any(isinstance(part, MatMul) for part in expr.args) and all(map(is_transposed, expr.args)):
            return f"({self._print(expr.T)}).T"  # SymPy takes the transpose of a sum inside
        return str(super()._print_Add(expr))


def is_transposed(part: Any) -> bool:
    """Whether SymPy has taken a transpose into all factors of a product, or it is one itself."""
    if isinstance(part, MatMul):
        return all(isinstance(one, Transpose) or not getattr(one, "is_Matrix", False) for one in part.args)
    return isinstance(part, Transpose)
