"""Records of one array, which stand for that array in arithmetic."""

from typing import Any

import numpy as np
import numpy.typing as npt


class _OneArray(np.lib.mixins.NDArrayOperatorsMixin):
    """A record of one array: NumPy's functions and operators take it as that array."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        array: Any = tuple.__getitem__(self, 0)  # type: ignore[call-overload]
        return np.array(array, dtype=dtype, copy=copy)

    def __array_ufunc__(self, function: Any, method: str, *given: Any, **options: Any) -> Any:
        arrays = [np.asarray(one) if isinstance(one, _OneArray) else one for one in given]
        return getattr(function, method)(*arrays, **options)
