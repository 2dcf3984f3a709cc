"""The functions of a generated module beside its formulas.

Most are those of `symgrad.runtime`, with PyTorch's names in place of NumPy's; what PyTorch has to do in another way is
in `runtime` beside this file, how autograd follows the loss in `autograd`. Both import PyTorch; neither is imported.
"""

from dataclasses import replace
from functools import cache

from symgrad.codegen.runtime import Sources, renamed_sources

LIBRARIES = {
    "np": "torch",
    "scipy": "torch",
    "np.maximum": "_maximum",  # of a number, too
    "np.minimum": "_minimum",
    "np.cbrt": "_cbrt",
    "np.random": "numpy.random",  # batches are NumPy's for all
}

OWN_FILES = tuple(f"symgrad.targets.torch.{file}" for file in ("runtime", "windows", "autograd"))


@cache
def sources() -> Sources:
    """All functions that there are."""
    found = renamed_sources(LIBRARIES, *OWN_FILES).known
    return Sources({n: replace(one, source=one.source.replace(".astype(", ".to(")) for n, one in found.items()})
