"""Modules that import NumPy only, and `scipy.special` where NumPy lacks a function."""

from symgrad.generated import imported
from symgrad.targets import NUMPY, Target
from symgrad.targets.numpy.function import listed
from symgrad.targets.numpy.module import module_source

TARGET = Target(NUMPY, module_source, listed, imported, lambda module: module)
