"""Modules of tensors that import PyTorch only, for any device and floating type, with a loss that autograd can follow.

What it cannot do: a workspace, and functions that `torch.special` lacks, such as Bessel functions of any order.
"""

from functools import partial

from symgrad.codegen.library import Library
from symgrad.codegen.library_module import module_source
from symgrad.targets import Target
from symgrad.targets.torch.calling import imported, on_arrays
from symgrad.targets.torch.functions import TORCH, TorchSpeller
from symgrad.targets.torch.sources import LIBRARIES, sources
from symgrad.targets.torch.terms import TorchTerms

_LIBRARY = Library(
    target="torch",
    title="PyTorch",
    reserved=frozenset({"torch", "numpy", "like", "direction", "parts", "PRODUCT"}),
    dialect=TORCH,
    speller=TorchSpeller,
    terms=TorchTerms,
    shape='_array("{name}", {name}).shape',
    dtype="torch.get_default_dtype()",
    sources=sources,
    libraries=LIBRARIES,
    always=("_one_device",),
    with_loss=("_followed",),
    no_workspace="PyTorch keeps the memory of intermediate tensors itself",
)
TARGET = Target("torch", partial(module_source, _LIBRARY), _LIBRARY.listed, imported, on_arrays)
