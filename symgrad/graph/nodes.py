"""All kinds of nodes, each from the file that is its home, and what they share."""

from symgrad.graph.kinds.axes import AxisMap, Reduce
from symgrad.graph.kinds.functions import Apply
from symgrad.graph.kinds.leaves import Const, Delta, Input, Range, Size
from symgrad.graph.kinds.matrices import MatrixFunction
from symgrad.graph.kinds.names import Named
from symgrad.graph.kinds.products import Contract
from symgrad.graph.kinds.reshapes import Merge, Split
from symgrad.graph.kinds.scans import Past, Previous, Scan, State, Trajectory, Update
from symgrad.graph.kinds.solutions import Solution, Unknown
from symgrad.graph.kinds.subscripts import Gather, Scatter
from symgrad.graph.kinds.sums import Add
from symgrad.graph.node import Letter, Node, Shape, Use, intern, postorder

__all__ = [
    "Add",
    "Apply",
    "AxisMap",
    "Const",
    "Contract",
    "Delta",
    "Gather",
    "Input",
    "Letter",
    "MatrixFunction",
    "Merge",
    "Named",
    "Node",
    "Past",
    "Previous",
    "Range",
    "Reduce",
    "Scan",
    "Scatter",
    "Shape",
    "Size",
    "Solution",
    "Split",
    "State",
    "Trajectory",
    "Unknown",
    "Update",
    "Use",
    "intern",
    "postorder",
]
