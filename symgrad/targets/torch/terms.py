"""Terms as statements for PyTorch, which computes with no truth values as if they were numbers."""

from symgrad.lowering.rolled import Rolled
from symgrad.lowering.validity import Validity
from symgrad.lowering.windows import Windows
from symgrad.targets.torch.functions import LACKS


class TorchTerms(Rolled, Windows, Validity):
    """Turns terms into statements: conditions among numbers become numbers."""

    target, lacks, strided, counting = "torch", LACKS, True, False
