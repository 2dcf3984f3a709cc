"""`Problem`: an objective under constraints and bounds, compiled, checked and solved.

Files: what is stated (`stated`, with `constraints`, their `ranges` and `bounds`), the model that it stands on
(`lagrangian`), its generated functions (`functions`), its module (`compiled`) and how the check sees it (`calls`),
formulas (`conditions`), the report (`reported`), numbers for solvers by one vector of all variables (`flat`), the
solvers (`drivers`) and what they find (`solution`).
"""

from symgrad.problem.drivers import SolvedProblem


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
    bounds : `{x: (low, high)}` with numbers, arrays, symbols of data, or None for no bound.
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
