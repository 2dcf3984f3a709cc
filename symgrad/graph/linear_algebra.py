"""Names."""

from symgrad.graph.kinds.matrices import (
    ADJUGATE,
    CHOLESKY,
    DET,
    INVERSE,
    KEEPS_SHAPE,
    LOG_ABS_DET,
    LOGDET,
    SIGN_DET,
    diagonal_of_triangular,
    inverse,
    matrix_function,
    matrix_of,
    sides_of,
)

__all__ = [
    "ADJUGATE",
    "CHOLESKY",
    "DET",
    "INVERSE",
    "KEEPS_SHAPE",
    "LOGDET",
    "LOG_ABS_DET",
    "SIGN_DET",
    "diagonal_of_triangular",
    "inverse",
    "matrix_function",
    "matrix_of",
    "sides_of",
]
