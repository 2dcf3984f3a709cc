"""Formulas of block matrices: blocks and parts of matrices, as text and LaTeX, and what they compute."""

import numpy as np
import pytest
from sympy import Abs, BlockDiagMatrix, BlockMatrix, Determinant, Eq, MatrixSymbol, Trace, log, symbols
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad import Model, norm2
from symgrad.reference import evaluate

N, M, K = symbols("N M K", integer=True, positive=True)
A, B, C, D = MatrixSymbol("A", N, N), MatrixSymbol("B", N, M), MatrixSymbol("C", M, N), MatrixSymbol("D", M, M)
z, G, T = MatrixSymbol("z", N + M, 1), MatrixSymbol("G", N + M, N + M), MatrixSymbol("T", N + M, N + M)
x, y, w, W = MatrixSymbol("x", N, 1), MatrixSymbol("y", M, 1), MatrixSymbol("w", K, 1), MatrixSymbol("W", K, N + M)
BLOCKS, STACKED = BlockMatrix([[A, B], [C, D]]), BlockMatrix([[x], [y]])
LOG_DET = log(Abs(Determinant(T))) + Trace(z.T * T.I * z)

CASES = {  # a model and the formulas of its gradient
    "log det": (
        Model(log(Abs(Determinant(BLOCKS))), [A, B]),
        ("[[Aᵀ, Cᵀ], [Bᵀ, Dᵀ]]⁻¹[:N,:N]", "[[Aᵀ, Cᵀ], [Bᵀ, Dᵀ]]⁻¹[:N,N:]"),
    ),
    "quadratic": (Model(z.T * BLOCKS * z, [B, C]), ("z[:N] z[N:]ᵀ", "z[N:] z[:N]ᵀ")),
    "stacked": (
        Model(STACKED.T * G * STACKED, [x, y]),
        ("(G + Gᵀ)[:N,:] [[x], [y]]", "(G + Gᵀ)[N:,:] [[x], [y]]"),
    ),
    "distance": (Model(Trace((BLOCKS - T).T * (BLOCKS - T)), [A, B]), ("2A − 2T[:N,:N]", "2B − 2T[:N,N:]")),
    "trace": (Model(Trace(G * BLOCKS), [A, D]), ("G[:N,:N]ᵀ", "G[N:,N:]ᵀ")),
    "inverse": (
        Model(z.T * BLOCKS.I * z, [C]),
        ("−[[Aᵀ, Cᵀ], [Bᵀ, Dᵀ]]⁻¹[N:,:] z zᵀ[[Aᵀ, Cᵀ], [Bᵀ, Dᵀ]]⁻¹[:,:N]",),
    ),
    "layer": (
        Model(norm2(W * STACKED - w) ** 2, [y, W]),
        ("2W[:,N:]ᵀ(W [[x], [y]] − w)", "2(W [[x], [y]] − w)[[xᵀ, yᵀ]]"),
    ),
    "diagonal": (Model(log(Abs(Determinant(BlockDiagMatrix(A, D)))), [A]), ("[[Aᵀ, 0], [0, Dᵀ]]⁻¹[:N,:N]",)),
    "name": (Model(LOG_DET, [A, B], where=[Eq(T, BLOCKS)]), ("∂L/∂T[:N,:N]", "∂L/∂T[:N,N:]")),
}


@pytest.mark.parametrize("name", CASES)
def test_gradients_by_blocks_are_written_with_blocks(name):
    model, expected = CASES[name]
    lines = model.show().split("Gradient\n")[1].splitlines()
    assert tuple(line.split(" = ")[1] for line in lines) == expected


@pytest.mark.parametrize("name", [name for name in CASES if name != "name"])
def test_they_are_the_gradients(name):
    model, _ = CASES[name]
    sizes = {N: 2, M: 3, K: 2}
    rng = np.random.default_rng(1)
    shapes = {a.name: [int(side.subs(sizes)) for side in a.shape] for a in model.arguments}
    arrays = {argument: rng.normal(size=shape) for argument, shape in shapes.items()}
    values = {argument.symbol: arrays[argument.name] for argument in model.arguments}
    found = model.compile(check=False).gradient(**arrays)
    for parameter in model.parameters:
        formula = model.gradient(parameter)
        rows, columns = shapes[parameter.name]
        written = [[evaluate(MatrixElement(formula, i, j), values, sizes) for j in range(columns)] for i in range(rows)]
        np.testing.assert_allclose(
            np.array(written, dtype=float), getattr(found, parameter.name), rtol=1e-12, atol=1e-12
        )


def test_names_and_losses_are_written_with_blocks():
    text = CASES["name"][0].show()
    assert "    T = [[A, B], [C, D]]\n" in text
    latex = CASES["log det"][0].show("latex")
    assert r"\det \left(\begin{bmatrix}A & B \\ C & D\end{bmatrix}\right)" in latex
    assert r"{\begin{bmatrix}A^{\top} & C^{\top} \\ B^{\top} & D^{\top}\end{bmatrix}}^{-1}\right)[:N, N:]" in latex
    assert r"\begin{bmatrix}A & 0 \\ 0 & D\end{bmatrix}" in CASES["diagonal"][0].show("latex")
    assert "<mtable><mtr><mtd><mi>A</mi></mtd><mtd><mi>B</mi></mtd></mtr>" in CASES["quadratic"][0].show("html")
