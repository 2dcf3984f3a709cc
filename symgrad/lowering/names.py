"""What variables of generated code are called where nothing else names them, and what has one in any case."""

from symgrad.graph.build import ADJUGATE, CHOLESKY, DET, INVERSE, LOG_ABS_DET, LOGDET, SIGN_DET

# An expression in which there is more to read (`operations.weight`) is split by giving its parts names of their own.
HEAVIEST = 20
# What is read several times needs no name if it is a part of an array with no more to read than that.
LIGHTEST = 6

MATRIX_LABELS: dict[str, str] = {
    **{INVERSE: "inv", CHOLESKY: "chol", ADJUGATE: "adj", DET: "det"},
    **{LOGDET: "logdet", LOG_ABS_DET: "logdet", SIGN_DET: "sign_det"},
}
