"""What variables of generated code are called where nothing else names them, and how long its lines are."""

from symgrad.graph.linear_algebra import ADJUGATE, CHOLESKY, DET, INVERSE, LOG_ABS_DET, LOGDET, SIGN_DET

MAX_LINE = 100  # a line longer than this is split by giving its parts names of their own

MATRIX_LABELS: dict[str, str] = {
    **{INVERSE: "inv", CHOLESKY: "chol", ADJUGATE: "adj", DET: "det"},
    **{LOGDET: "logdet", LOG_ABS_DET: "logdet", SIGN_DET: "sign_det"},
}
