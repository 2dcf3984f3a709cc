"""A slow, direct evaluator of a SymPy loss with mpmath: what the model says, read node by node, at any precision.

It is the oracle of the question "does the module compute the user's loss?", and therefore shares nothing with the
compiler: no graph, no rewriting, no shapes inferred. It lies below all that, where imports only go down. What an
expression means (`rules`), with matrices as arrays of mpf objects (`matrices`), is a function of inputs, sizes and
names (`evaluate`), which says what branches it took and what it read (`trace`). What it does not know raises
`UnsupportedError`.
"""

from symgrad.reference.evaluate import Reading, evaluate, shortfall
from symgrad.reference.trace import Place, Trace, branches_of

__all__ = ["Place", "Reading", "Trace", "branches_of", "evaluate", "shortfall"]
