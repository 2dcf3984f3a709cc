"""NumPy's modules with their work in kernels that Numba compiles: loops that read each block of data once.

What it cannot do: a workspace, and sparse data in a kernel.
"""

from symgrad.targets import Target
from symgrad.targets.numba.calling import imported
from symgrad.targets.numba.module import module_source
from symgrad.targets.numpy.function import listed

TARGET = Target("numba", module_source, listed, imported, lambda module: module)
