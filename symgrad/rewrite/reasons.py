"""What each rewrite states, why it is made, and where it is from: for those who read a derivation."""

from dataclasses import dataclass

from symgrad.rewrite.rules import RULES

_BLANCHARD = "Blanchard, Higham and Higham, Accurately computing the log-sum-exp and softmax functions (2021)"
_MATRICES = "Petersen and Pedersen, The Matrix Cookbook (2012)"
_LOGARITHM = "functional equation of the logarithm"
_SOFTMAX = "definition of softmax"


@dataclass(frozen=True)
class Reason:
    """An identity in words or signs, why it is used, and its source."""

    identity: str
    reason: str
    source: str


# Of the rewrites that are no records themselves, by the names that the trace has for them.
REASONS: dict[str, Reason] = {
    "diagonal": Reason("f(A)[i, i] = f(A[i, i])", "N numbers where f(A) has N²", "definition of f(A) by entries"),
    "log_sum_exp": Reason("log Σ exp(u) = logsumexp(u)", "exp(u) overflows beyond 709", _BLANCHARD),
    "softmax": Reason("exp(u)/Σ exp(u) = softmax(u)", "inf/inf for large u", _BLANCHARD),
    "shift_invariance": Reason(
        "softmax(u + c) = softmax(u), logsumexp(u + c) = logsumexp(u) + c",
        "what is the same for all entries cancels",
        _BLANCHARD,
    ),
    "log_softmax": Reason(
        "log(softmax(u)) = log_softmax(u)", "softmax(u) underflows, its logarithm does not", _BLANCHARD
    ),
    "log_softmax_of_difference": Reason(
        "u − logsumexp(u) = log_softmax(u)", "the maximum cancels exactly rather than by subtraction", _BLANCHARD
    ),
    "log_of_product": Reason(
        "log Π f = Σ log f for f > 0, log |Π f| = Σ log |f|", "a product of many factors underflows", _LOGARITHM
    ),
    "complement": Reason("σ(−u) = 1 − σ(u)", "one sigmoid of each argument", "definition of the logistic function"),
    "absolute_value": Reason(
        "|p·u| = p·|u| for p > 0, |u²| = u², |1/u| = 1/|u|", "p has no kink", "definition of the absolute value"
    ),
    "merge_conditions": Reason(
        "c·(a if q else b) + d·(e if q else f) = (c·a + d·e) if q else (c·b + d·f)",
        "one choice by each condition",
        "definition by cases",
    ),
    "hoist_mask": Reason(
        "(a if q else 0)·b = a·b if q else 0", "where q does not hold, b may be infinite", "definition by cases"
    ),
    "log_determinant": Reason("log det(A) = logdet(A)", "the determinant overflows, its logarithm does not", _MATRICES),
    "cancel_inverse": Reason("A⁻¹A = I", "fewer operations", _MATRICES),
    "orthogonal": Reason("QᵀQ = I for orthogonal Q", "a fact states it", _MATRICES),
    "inverse_of_orthogonal": Reason("Q⁻¹ = Qᵀ for orthogonal Q", "nothing is to be solved", _MATRICES),
    "determinant_of_orthogonal": Reason("log |det Q| = 0 for orthogonal Q", "nothing is to be factorised", _MATRICES),
    "determinant_of_triangular": Reason("det(L) = Π Lᵢᵢ for triangular L", "nothing is to be factorised", _MATRICES),
    "log_determinant_of_square": Reason("logdet(AAᵀ) = 2·logdet(A)", "a smaller factorisation", _MATRICES),
    "sum_over_merged": Reason("a sum over a merged axis is one over its parts", "axes stay apart", "definition"),
    "of_kronecker": Reason("(A⊗B)⁻¹ = A⁻¹⊗B⁻¹ and the like", "smaller factorisations", _MATRICES),
    "lift_merged": Reason("a function of merged axes is one of its parts", "axes stay apart", "definition"),
    "cross_entropy": Reason(
        "Σ logsumexp(u) − Σ t·u = −Σ t·log_softmax(u) where Σ t = 1", "large numbers cancel on the left", _SOFTMAX
    ),
    "fact": Reason("an equality among the facts", "the model states it", "the model's facts"),
    "sum of differences": Reason(
        "Σ (x − m) = 0 for the mean m of x", "it is zero by definition", "definition of the mean"
    ),
    "cancel": Reason(
        "a·b/b = a, as rational functions of the parts", "fewer operations", "SymPy: cancel, factor, expand"
    ),
    "name": Reason(
        "a quantity of where stands for its definition", "it is known from the forward pass", "the model's where"
    ),
    "definition": Reason(
        "the adjoint of a block is replaced by its formula", "what is left is no longer than the name", "substitution"
    ),
}


def reason_of(name: str) -> Reason:
    """What is known of a rewrite by its name in the trace."""
    for rule in RULES:
        if rule.name == name:
            return Reason(f"{rule.pattern} = {rule.replacement}".replace("**", "^"), rule.reason, rule.source)
    return REASONS.get(name, Reason("", "", ""))
