"""A slow, direct evaluator of a SymPy loss with mpmath: what the model says, read node by node, at any precision.

It is the oracle of the question "does the module compute the user's loss?", and therefore shares nothing with the
compiler: no graph, no rewriting, no shapes inferred. An expression is spelled as Python (`spelling`), in which a sum is
a comprehension and a matrix an array of mpf objects (`matrices`), and that is run (`evaluate`); it says which branches
it took and what it read (`trace`). What it does not know raises `UnsupportedError`.
"""

from symgrad.verify.reference.evaluate import Reading, evaluate, shortfall
from symgrad.verify.reference.trace import Place, Trace, branches_of

__all__ = ["Place", "Reading", "Trace", "branches_of", "evaluate", "shortfall"]
