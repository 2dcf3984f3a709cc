"""A slow, direct evaluator of a SymPy loss with mpmath: what the model says, read node by node, at any precision.

It is the oracle of the question "does the module compute the user's loss?", and therefore shares nothing with the
compiler: no graph, no rewriting, no shapes inferred. A sum is a Python loop; a matrix is an array of mpf objects, made
entry by entry. All it remembers is what it has already evaluated. A node without a rule raises `UnsupportedError`.
"""

from symgrad.verify.reference.evaluate import differences, evaluate, shortfall
from symgrad.verify.reference.trace import Place, Trace, branches_of

__all__ = ["Place", "Trace", "branches_of", "differences", "evaluate", "shortfall"]
