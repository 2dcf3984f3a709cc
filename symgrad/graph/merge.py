"""Names."""

from symgrad.graph.kinds.reshapes import kronecker_factors, merge, split

__all__ = ["kronecker_factors", "merge", "split"]
