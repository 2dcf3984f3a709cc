"""`Problem`: an objective under constraints and bounds, compiled, checked and solved.

Files: what is stated (`stated`, with `constraints`, their `ranges` and `bounds`), also as text (`written`), the model
that it stands on (`lagrangian`; its errors are told in the `words` of problems), its generated functions (`functions`),
its module (`compiled`), how the check sees it (`calls`), formulas (`conditions`), the report (`reported`), numbers for
solvers by one vector of all variables (`flat`), the solvers (`drivers`) and what they find (`solution`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from symgrad.calls import checked
from symgrad.problem.drivers import SolvedProblem
from symgrad.problem.written import bounds_of, for_all, parted


class Problem(SolvedProblem):
    """Minimise a scalar objective by its variables, under equations and inequalities and within bounds.

    The Lagrangian is factor·objective + Σ multiplier·(left side − right side) over all constraints.

    Parameters
    ----------
    objective : a scalar SymPy expression.
    variables : the symbols to minimise by, as the parameters of a `Model`.
    subject_to : relations `Eq(a, b)`, `Le(a, b)`, `Ge(a, b)`: of scalars; of entries, which hold for all free indices,
        over the range that their subscripts allow or that is stated, `(Eq(x[t + 1], f), (t, 0, N - 2))`; of matrices
        (`Le(A*x, b, evaluate=False)`, since SymPy compares no matrices). Pairs `(name, relation)` or a dictionary name
        the constraints; else they are called c0, c1 and so on.
    bounds : `{x: (low, high)}` with numbers, arrays, data, expressions of data (entry by entry), or None for no
        bound.
    where, facts, sizes : as for `Model`.
    name : the problem's name.

    Raises
    ------
    ModelError : something has no sense; of a constraint the message has the place and the text.
    UnsupportedError : legal mathematics that symgrad does not know.

    Examples
    --------
    >>> from sympy import Eq, symbols
    >>> from symgrad import Problem
    >>> x, y = symbols("x y", real=True)
    >>> problem = Problem(x**2 + y**2, [x, y], subject_to=[Eq(x + y, 1)])
    >>> found = problem.solve({x: 2, y: 0}, progress=False)
    >>> round(float(found.x.x), 6), round(float(found.multipliers["c0"]), 6)
    (0.5, -1.0)
    """

    @classmethod
    @checked('Problem.from_text("minimise x\'*x subject to A*x = b, x >= 0", ["x"])')
    def from_text(
        cls,
        text: Any,
        variables: Sequence[str] | str,
        *,
        shapes: Mapping[str, str] | None = None,
        sizes: Mapping[Any, int] | None = None,
        name: str | None = None,
    ) -> "Problem":
        """The problem that is written as on paper: `minimise f subject to g = 0, h <= 1`.

        An index that no sum binds means "for all": `sum[j] A[i,j]*x[j] <= c[i]`. What compares a variable with a number
        or with data, `x >= 0` or `0 <= x[i] <= u[i]`, is a bound.

        Parameters
        ----------
        text : the objective and what follows `subject to`, behind commas or in lines; see `symgrad.parse`, what that
            gives is taken, too.
        variables : the names of what to minimise by.
        shapes, sizes, name : as for `Model.from_text`.

        Raises
        ------
        FormulaError : the text is not in the grammar, its shapes do not fit, or it can be read in several ways; the
            message underlines the place.
        ModelError : what is written is no problem.

        Examples
        --------
        >>> problem = Problem.from_text("minimise norm2(x - p)^2 subject to h'*x = 1, x >= 0", "x")
        >>> print(str(problem.show()).partition("Lagrangian")[0].rstrip())
        Minimise
            f = ‖x − p‖²
        <BLANKLINE>
        subject to
            hᵀx = 1  (c0)
        <BLANKLINE>
        within
            0 ≤ x
        """
        # the parser's library takes time to import, and most problems are no text
        from symgrad.text.formula import parse

        formula = parse(text, shapes)
        by = [formula.symbol(one) for one in ([variables] if isinstance(variables, str) else variables)]
        lengths = {formula.size(size) if isinstance(size, str) else size: n for size, n in (sizes or {}).items()}
        subject_to, bounds = parted(formula.constraints, by, [one.lhs for one in formula.where])
        stated: dict[str, Any] = {"subject_to": subject_to, "bounds": bounds, "sizes": lengths, "name": name}
        return cls(formula.result, by, where=formula.where, facts=formula.facts, **stated)

    def to_text(self) -> str:
        """The problem as it is written in text, with a line for the shape of each symbol; `from_text` reads it.

        The names of constraints are not written.

        Raises
        ------
        UnsupportedError : the problem has a part that the grammar does not have; the message names it.

        Examples
        --------
        >>> print(Problem.from_text("minimise sum(exp(x)) subject to h'*x = 1, x >= 0", "x").to_text())
        x: vector(N)
        h: vector(N)
        minimise sum(exp(x))
        subject to h'*x = 1,
          x >= 0
        """
        # SymPy's classes of matrices in the tables of what is written are of no use to most problems
        from symgrad.text.writing import write

        demanded = [*map(for_all, self.constraints), *bounds_of(self.variables, self.bounds)]
        return write(self.objective, self.where, self.model.facts, demanded, minimised=True)
