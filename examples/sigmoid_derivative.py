"""The derivative of the sigmoid, in scalars, from its plain spelling.

y = 1/(1 + e⁻ˣ),    dy/dx = y(1 − y)
"""

from sympy import Eq, exp, symbols

from symgrad import Model

x, y = symbols("x y", real=True)
model = Model(y, [x], where=[Eq(y, 1 / (1 + exp(-x)))], name="the sigmoid")
