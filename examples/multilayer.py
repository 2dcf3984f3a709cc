"""A multilayer network of any depth that classifies, and its backward recursion.

Z⁽ˡ⁾ = H⁽ˡ⁻¹⁾W⁽ˡ⁾ + 1b⁽ˡ⁾,    H⁽ˡ⁾ = tanh Z⁽ˡ⁾,    P = softmax Z⁽ᴸ⁾,    C = −Σ T ∘ log P

With δ⁽ˡ⁾ = ∂C/∂Z⁽ˡ⁾: δ⁽ᴸ⁾ = P − T, δ⁽ˡ⁾ = δ⁽ˡ⁺¹⁾W⁽ˡ⁺¹⁾ᵀ ∘ (1 − H⁽ˡ⁾²), ∂C/∂W⁽ˡ⁾ = H⁽ˡ⁻¹⁾ᵀδ⁽ˡ⁾. Run as a script
(`python multilayer.py 5`), it prints that recursion as derived for a network of the given depth.
"""

import sys

from sympy import Eq, HadamardProduct, MatrixExpr, MatrixSymbol, OneMatrix, default_sort_key, log, symbols, tanh

from symgrad import Model, softmax, total
from symgrad.formula.text import text


def network(depth: int) -> Model:
    """A network of `depth` layers: all but the last with tanh, the last with softmax and cross-entropy.

    Parameters: W1 (n0 × n1), b1 (1 × n1), W2 (n1 × n2), ...; data: X (N × n0) and the one-hot targets T.
    """
    if depth < 1:
        raise ValueError(f"a network has at least one layer, not {depth}")
    N = symbols("N", integer=True, positive=True)
    sides = symbols(f"n:{depth + 1}", integer=True, positive=True)
    ones = OneMatrix(N, 1)
    T, P = MatrixSymbol("T", N, sides[depth]), MatrixSymbol("P", N, sides[depth])

    layer = MatrixSymbol("X", N, sides[0])
    parameters, blocks = [], []
    for level in range(1, depth + 1):
        W = MatrixSymbol(f"W{level}", sides[level - 1], sides[level])
        b = MatrixSymbol(f"b{level}", 1, sides[level])
        Z = MatrixSymbol(f"Z{level}", N, sides[level])
        parameters += [W, b]
        blocks.append(Eq(Z, layer * W + ones * b))
        if level < depth:
            layer = MatrixSymbol(f"H{level}", N, sides[level])
            blocks.append(Eq(layer, Z.applyfunc(tanh)))
    blocks.append(Eq(P, softmax(Z)))
    one_hot = Eq(T * OneMatrix(sides[depth], 1), ones)
    return Model(
        -total(HadamardProduct(T, P.applyfunc(log))),
        parameters,
        where=blocks,
        facts=[one_hot],
        name=f"a network of {depth} layers",
    )


def recursion(depth: int) -> list[str]:
    """The backward recursion of `network(depth)`, a line an equation, each δ in terms of the one before it."""
    derived = network(depth)
    deltas = {}  # what stands for each ∂C/∂Z⁽ˡ⁾ that is known already
    lines = []
    for name in reversed([equation.lhs for equation in derived.where]):
        if name.name.startswith("Z"):
            derivative = _ordered(derived.adjoint(name))
            delta = MatrixSymbol(name.name.replace("Z", "δ"), *name.shape)
            lines.append(f"{delta} = {text(derivative.xreplace(deltas))}")
            deltas[derivative] = delta
    for parameter in derived.parameters:
        lines.append(f"∂C/∂{parameter} = {text(_ordered(derived.gradient(parameter)).xreplace(deltas))}")
    return lines


def _ordered(formula: MatrixExpr) -> MatrixExpr:
    """The factors of every ∘ product in one order, so that equal formulas are equal objects wherever they stand."""
    return formula.replace(
        lambda part: isinstance(part, HadamardProduct),
        lambda part: HadamardProduct(*sorted(part.args, key=default_sort_key)),
    )


model = network(3)

if __name__ == "__main__":
    for line in recursion(int(sys.argv[1]) if len(sys.argv) > 1 else 3):
        print(line)
