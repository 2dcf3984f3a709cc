"""Models over the whole language: each is derived, compiled, and agrees with numerical gradients and the SymPy loss."""

from functools import cache

import pytest
from sympy import *

from symgrad import *
from tests.families import one_in

N, M, K = symbols("N M K", integer=True, positive=True)
i, j, k, n = symbols("i j k n", integer=True)
X, w, t, b = MatrixSymbol("X", N, M), MatrixSymbol("w", M, 1), MatrixSymbol("t", N, 1), MatrixSymbol("b", 1, M)
W1, H, A = MatrixSymbol("W1", M, K), MatrixSymbol("H", N, K), MatrixSymbol("A", N, N)
x, z, lab = (IndexedBase(name, shape=(N,)) for name in ("x", "z", "lab"))
v, W, Y = IndexedBase("v", shape=(M,)), IndexedBase("W", shape=(M, K)), IndexedBase("Y", shape=(N, M))
c = IndexedBase("c", shape=(N,), integer=True)
s, r = symbols("s r")
I1, J1 = Idx("i", N), Idx("j", M)

# fmt: off
MODELS = {
    "const": lambda: Model(Sum(constant(sin(x[n])) * 0 + exp(x[n]) * s**2, (n, 0, N - 1)), [x, s]),
    "idx": lambda: Model(Sum(Sum(Y[I1,J1]*v[J1],J1)**2,I1),[v,Y]),
    "idx2": lambda: Model(Sum(sin(Sum(Y[I1,J1]*v[J1],(J1,0,M-1))),(I1,0,N-1)),[v]),
    "mixed": lambda: Model(Sum(H[n,k]**2*x[n],(n,0,N-1),(k,0,K-1)),[W1,x],where=[Eq(H,(X*W1).applyfunc(tanh))]),
    "A11": lambda: Model(A[1,1]**2+Trace(A),[A]),
    "elem of product": lambda: Model(((X*W1).applyfunc(sin))[0,0]**2,[W1]),
    "intdata": lambda: Model(Sum(x[n]**2*c[n],(n,0,N-1)),[x]),
    "intscalar": lambda: Model(s**2*Symbol('c',integer=True),[s]),
    "labels": lambda: Model(-Sum(log(softmax(Y[n,j],(j,0,M-1))).subs(j,lab[n]),(n,0,N-1)),[Y]),
    "gather logp": lambda: Model(-Sum(log(IndexedBase('p',shape=(N,M))[n,lab[n]]),(n,0,N-1)),[Y],where=[Eq(IndexedBase('p',shape=(N,M))[n,j],softmax(Y[n,j],(j,0,M-1)))]),
    "minmax": lambda: Model(Sum(MaxOver(Y[n,j],(j,0,M-1))*MinOver(Y[n,j]**2,(j,0,M-1)),(n,0,N-1)),[Y]),
    "diag rep": lambda: Model(Sum(A[n,n]**2*x[n],(n,0,N-1)),[A,x]),
    "pow xy": lambda: Model(Sum(Symbol('a',positive=True)**x[n],(n,0,N-1)),[x,Symbol('a',positive=True)]),
    "outer": lambda: Model(Sum(sin(x[n]*v[j]),(n,0,N-1),(j,0,M-1)),[x,v]),
    "pair": lambda: Model(Sum(exp(-(x[n]-x[i])**2),(n,0,N-1),(i,0,N-1)),[x]),
    "diagm": lambda: Model(total(DiagMatrix(w)*W1),[w,W1]),
    "diagmat2": lambda: Model((w.T*DiagMatrix(w)*w),[w]),
    "rowbias": lambda: Model(total((X+OneMatrix(N,1)*b).applyfunc(sin)),[b,X]),
    "hpow": lambda: Model(total(HadamardPower(X,3)),[X]),
    "hpow half": lambda: Model(total(HadamardPower(X.applyfunc(exp),-Rational(1,2))),[X]),
    "trace3": lambda: Model(Trace(A*A*A.T*A),[A]),
    "matpow": lambda: Model(Trace(A**3),[A]),
    "identity": lambda: Model(Trace((A+s*Identity(N))*A),[A,s]),
    "tri prod": lambda: Model(Sum(Product(x[j],(j,0,n)),(n,0,N-1)),[x]),
    "lse tri": lambda: Model(Sum(LogSumExp(x[j],(j,0,n)),(n,0,N-1)),[x]),
    "mean var": lambda: Model(Sum((x[n]-Symbol('m'))**2,(n,0,N-1))/N,[x],where=[Eq(Symbol('m'),Sum(x[n],(n,0,N-1))/N)]),
    "norm": lambda: Model(sqrt(Sum(x[n]**2,(n,0,N-1))),[x]),
    "kron": lambda: Model(Sum(KroneckerDelta(n,i)*x[n]*x[i]**2,(n,0,N-1),(i,0,N-1)),[x]),
    "cond values": lambda: Model(Sum(if_else(x[n]>z[n],x[n]**2*z[n],sin(x[n])),(n,0,N-1)),[x,z]),
    "cond idx": lambda: Model(Sum(if_else(Eq(n,0),x[n]**2,x[n]**3),(n,0,N-1)),[x]),
    "and": lambda: Model(Sum(if_else(And(x[n]>0,x[n]<1),x[n]**2,0),(n,0,N-1)),[x]),
    "atan2": lambda: Model(Sum(atan2(x[n],z[n]),(n,0,N-1)),[x]),
    "numbers": lambda: Model(pi*s**2+sqrt(2)*exp(s)*E+Rational(1,3)*s+0.1*s,[s]),
    "index value": lambda: Model(Sum(n*x[n]**2/(n+1),(n,0,N-1)),[x]),
    "lo1": lambda: Model(Sum(x[n-1]*n,(n,1,N)),[x]),
    "stride": lambda: Model(Sum(IndexedBase('q',shape=(2*N,))[2*n+1]**2,(n,0,N-1)),[IndexedBase('q',shape=(2*N,))]),
    "conv2": lambda: Model(Sum(sin(Sum(Y[n+i,k+j]*IndexedBase('g',shape=(2,2))[i,j],(i,0,1),(j,0,1))),(n,0,N-2),(k,0,M-2)),[IndexedBase('g',shape=(2,2)),Y]),
    "slice": lambda: Model(total(X[1:3,:].applyfunc(sin)),[X]),
    "softmaxT": lambda: Model(total(HadamardProduct(softmax(X.T),X.T)),[X]),
    "fact poly": lambda: Model(s**2*r,[s],facts=[r>0]),
    "poisson": lambda: Model(Sum(exp(z[n])-c[n]*z[n],(n,0,N-1)),[v],where=[Eq(z[n],Sum(Y[n,j]*v[j],(j,0,M-1)))]),
    "gmm": lambda: Model(-Sum(LogSumExp(log(IndexedBase('pi_',shape=(K,),positive=True)[k])-(x[n]-IndexedBase('mu',shape=(K,))[k])**2/2,(k,0,K-1)),(n,0,N-1)),[IndexedBase('mu',shape=(K,)),IndexedBase('pi_',shape=(K,),positive=True)]),
    "4index": lambda: Model(Sum(IndexedBase('T4',shape=(N,M,K))[n,j,k]*x[n]*v[j]*IndexedBase('u',shape=(K,))[k],(n,0,N-1),(j,0,M-1),(k,0,K-1)),[x,v]),
    "batched": lambda: Model(Sum(sin(Sum(IndexedBase('Q',shape=(K,N,M))[k,n,j]*IndexedBase('R',shape=(K,M,N))[k,j,i],(j,0,M-1))),(k,0,K-1),(n,0,N-1),(i,0,N-1)),[IndexedBase('Q',shape=(K,N,M))]),
    "batnorm": lambda: Model(total(X.applyfunc(lambda u:u/(1+Abs(u)))),[X]),
    "unused where": lambda: Model(s**2,[s],where=[Eq(r,sin(s))]),
    "huber": lambda: Model(Sum(Piecewise((x[n]**2/2,Abs(x[n])<=1),(Abs(x[n])-Rational(1,2),True)),(n,0,N-1)),[x]),
    "gelu": lambda: Model(Sum(x[n]*(1+erf(x[n]/sqrt(2)))/2,(n,0,N-1)),[x]),
    "mult names": lambda: Model(r*sin(r),[s],where=[Eq(r,s**2)]),
    "sum times sum": lambda: Model(Sum(x[n]*Sum(x[j],(j,0,N-1)),(n,0,N-1)),[x]),
    "sum over its square": lambda: Model(Sum(exp(x[n])/Sum(exp(x[i]),(i,0,N-1))**2,(n,0,N-1)),[x]),
    "three equal sums": lambda: Model(Sum(Sum(x[i],(i,0,N-1))*x[i]*Sum(x[i]**2,(i,0,N-1)),(i,0,N-1)),[x]),
    "normalised": lambda: Model(Sum(z[n]*x[n]/Sum(x[i],(i,0,N-1)),(n,0,N-1)),[x],facts=[x[n]>0]),
    "cosine": lambda: Model((w.T*MatrixSymbol("u",M,1))[0,0]/sqrt((w.T*w)[0,0]),[w]),
    "two quadratic forms": lambda: Model(exp((t.T*t)[0,0])*(t.T*A*t)[0,0]+s*exp(Trace(A)),[t,A]),
    "exp of log_sigmoid": lambda: Model(Sum(exp(log_sigmoid(x[n]))*z[n],(n,0,N-1)),[x]),
}
# fmt: on
MODELS = {name: cache(build) for name, build in MODELS.items()}  # derived once for all tests


@pytest.mark.parametrize("name", one_in(18, MODELS))
def test_a_model_compiles_and_is_right(name, assert_gradient):
    assert_gradient(MODELS[name]())


@pytest.mark.parametrize("name", one_in(27, [name for name in MODELS if name != "tri prod"]))
def test_its_second_derivatives_are_right(name, assert_gradient):
    model = MODELS[name]()
    assert_gradient(model, hessian=True, hvp=True, jacobian=list(model.program.names))


def test_a_constant_is_not_differentiated():
    model = Model(Sum(constant(sin(x[n])) * x[n], (n, 0, N - 1)), [x])
    assert model.gradient(x[n]) == constant(sin(x[n]))


HELD = {
    "by the parameter itself": lambda: Model(Sum(constant(sin(x[n])) * x[n], (n, 0, N - 1)), [x]),
    "of a name": lambda: Model(Sum((constant(z[n] ** 2) - z[n]) ** 2, (n, 0, N - 1)), [v], where=[Eq(z[n], Sum(Y[n, j] * v[j], (j, 0, M - 1)))]),
    "of a matrix": lambda: Model(Trace(constant(A * A) * A), [A]),
    "beside a kink of what is held": lambda: Model(Sum((constant(relu(x[n])) - x[n] * s) ** 2, (n, 0, N - 1)), [s, x]),
    "of an earlier state": lambda: Model(z[N - 1] ** 2, [s, x], where=[Eq(z[0], s), Eq(z[n], tanh(z[n - 1] + s * constant(z[n - 1] * s) + x[n]))]),
    "under names that are taken": lambda: Model(constant(s) * s * Symbol("s_held"), [s]),
}  # fmt: skip


@pytest.mark.parametrize("name", one_in(3, HELD))
def test_the_check_holds_constants_while_it_moves_parameters(name, assert_gradient):
    assert_gradient(HELD[name]())


def test_the_check_sees_what_is_wrong_beside_a_constant(monkeypatch):
    model = HELD["of a name"]()
    right = Model._source
    assert model.check().ok
    wrong = lambda self, *rest: right(self, *rest).replace("grad_v = ", "grad_v = 1.001 * ")  # noqa: E731
    monkeypatch.setattr(Model, "_source", wrong)
    assert not model.check().ok


def test_a_test_file_is_refused_where_constants_hold_parameters():
    with pytest.raises(UnsupportedError, match="constant"):
        HELD["of a matrix"]().test_source("module")
    assert "def test_" in Model(constant(r) * s**2, [s]).test_source("module")


def test_comparisons_of_data_are_no_kinks():
    # a time compared with itself is at no distance from its equal
    model = Model(-Sum(LogSumExp(if_else(z[i] >= z[n], x[i], -oo), (i, 0, N - 1)), (n, 0, N - 1)), [x])
    report = model.check()
    assert report.ok
    assert "kink" not in str(report)


def test_folded_numbers_are_numbers_not_truths():
    # Python's 1 == True once made exp(0) a condition
    module = Model(s * Max(1, 0) + s * exp(0 * s) + exp(s - s) * s, [s]).compile()
    assert module.gradient(2.0).s == 3.0


def test_equal_factors_inside_and_outside_a_sum_are_both_counted():
    gradient = Model(Sum(x[n] * Sum(x[j], (j, 0, N - 1)), (n, 0, N - 1)), [x]).gradient(x[n])
    assert gradient == 2 * Sum(x[i], (i, 0, N - 1)) or gradient.as_dummy() == (2 * Sum(x[i], (i, 0, N - 1))).as_dummy()
