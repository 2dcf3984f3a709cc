"""Autograd follows the loss of a module by the module's own gradient and the product of its Hessian."""

import sys
from typing import Any

import numpy as np
import pytest
from sympy import IndexedBase, Sum, symbols, tanh

from symgrad import Model, as_autograd, sigmoid
from symgrad.errors import ModelError
from tests.targets.models import MODELS, RECURRENCE, SERIES

torch = pytest.importorskip("torch")

from .comparison import example, modules, tensors  # noqa: E402

rng = np.random.default_rng(0)
X = torch.tensor(rng.normal(size=(7, 3)))
t = torch.tensor(rng.integers(0, 2, size=7))
W = torch.tensor(rng.normal(size=(4, 3)))


def _parameters(module: Any, given: dict[str, Any]) -> list[Any]:
    return [given[name].clone().requires_grad_() for name in module.PARAMETERS]


def _of_parameters(module: Any, given: dict[str, Any]) -> Any:
    def loss(*parameters: Any) -> Any:
        return module.differentiable_value(**given | dict(zip(module.PARAMETERS, parameters, strict=True)))

    return loss


@pytest.fixture(scope="module")
def logistic() -> Any:
    return modules(example("logistic.py"), hvp=True, hessian=True)[1]


N, H, L = symbols("N H L", integer=True, positive=True)
n, i, j, p, q = symbols("n i j p q", integer=True)
x, w, y = IndexedBase("x", (N, H, L)), IndexedBase("w", (3, 2)), IndexedBase("y", (N,))

CHECKED = {
    "a recurrence": RECURRENCE,
    "subscripts": MODELS["subscripts by data, each several times"],
    "matrices": MODELS["inverses, diagonals and Kronecker products"],
    "sums": MODELS["sums up to an index"],
    "windows, with gradients that are views": (
        Model(
            Sum(
                y[n] * tanh(Sum(w[p, q] * x[n, i + p, j + q], (p, 0, 2), (q, 0, 1))),
                (i, 0, H - 3),
                (j, 0, L - 2),
                (n, 0, N - 1),
            ),
            [w, x],
        ),
        {"x": rng.normal(size=(2, 5, 4)), "w": rng.normal(size=(3, 2)), "y": rng.normal(size=2)},
    ),
}


@pytest.mark.parametrize("name", CHECKED)
def test_first_and_second_derivatives_pass_the_checks_of_torch(name: str):
    model, inputs = CHECKED[name]
    module = modules(model, hvp=True)[1]
    given = tensors(inputs)
    parameters = _parameters(module, given)
    loss = _of_parameters(module, given)
    assert torch.autograd.gradcheck(loss, parameters, check_batched_grad=True, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(loss, parameters, atol=1e-4)


def test_a_gradient_is_that_of_the_module_and_reaches_what_the_parameters_are_made_of(logistic: Any):
    raw = W[0].clone().requires_grad_()
    loss = 3 * logistic.differentiable_value(2 * raw, X, t) + torch.sum(raw)
    loss.backward()
    wanted = 6 * logistic.gradient(2 * W[0], X, t).w + 1
    torch.testing.assert_close(raw.grad, wanted)
    assert not logistic.differentiable_value(W[0], X, t).requires_grad


def test_second_derivatives_are_those_of_the_module(logistic: Any):
    hessian = logistic.hessian(W[0], X).w.w
    loss = lambda w: logistic.differentiable_value(w, X, t)  # noqa: E731
    for found in (
        torch.autograd.functional.hessian(loss, W[0]),
        torch.func.hessian(loss)(W[0]),
        torch.func.jacrev(torch.func.jacrev(loss))(W[0]),
        torch.func.jacrev(torch.func.grad(loss))(W[0]),
    ):
        torch.testing.assert_close(found, hessian)
    direction = W[1]
    _, product = torch.func.jvp(torch.func.grad(loss), (W[0],), (direction,))
    torch.testing.assert_close(product, hessian @ direction)


def test_it_works_for_many_parameters_at_once(logistic: Any):
    losses = torch.func.vmap(logistic.differentiable_value, in_dims=(0, None, None))(W, X, t)
    slopes = torch.func.vmap(torch.func.grad(logistic.differentiable_value), in_dims=(0, None, None))(W, X, t)
    bends = torch.func.vmap(torch.func.hessian(logistic.differentiable_value), in_dims=(0, None, None))(W, X, t)
    for k, w in enumerate(W):
        torch.testing.assert_close(losses[k], logistic.value(w, X, t))
        torch.testing.assert_close(slopes[k], logistic.gradient(w, X, t).w)
        torch.testing.assert_close(bends[k], logistic.hessian(w, X).w.w)
    each = torch.func.vmap(torch.func.grad(logistic.differentiable_value), in_dims=(None, 0, 0))(
        W[0], X[:, None], t[:, None]
    )
    torch.testing.assert_close(each.sum(0), logistic.gradient(W[0], X, t).w)
    batched = W.clone().requires_grad_()
    torch.func.vmap(logistic.differentiable_value, in_dims=(0, None, None))(batched, X, t).sum().backward()
    torch.testing.assert_close(batched.grad, slopes)


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_it_compiles_as_one_graph(logistic: Any, backend: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, logistic.__name__, logistic)  # PyTorch 2.13 imports by its name what it compiles
    torch._dynamo.reset()
    w = W[0].clone().requires_grad_()
    compiled = torch.compile(logistic.differentiable_value, backend=backend, fullgraph=True)
    compiled(w, X, t).backward()
    torch.testing.assert_close(w.grad, logistic.gradient(W[0], X, t).w)
    whole = torch.compile(logistic.value_and_gradient, backend=backend, fullgraph=True)
    loss, slope = whole(W[0], X, t)
    torch.testing.assert_close((loss, slope.w), (logistic.value(W[0], X, t), w.grad))
    each = torch.func.vmap(torch.func.grad(logistic.differentiable_value), in_dims=(0, None, None))
    torch.testing.assert_close(torch.compile(each, backend=backend, fullgraph=True)(W, X, t)[0], w.grad)


def test_a_loop_over_a_data_loader_trains(logistic: Any):
    w = torch.nn.Parameter(torch.zeros(3, dtype=torch.float64))
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, t), batch_size=4)
    optimiser = torch.optim.SGD([w], lr=0.1)
    before = logistic.value(w.detach(), X, t)
    for rows, labels in [batch for _ in range(20) for batch in data]:
        optimiser.zero_grad()
        logistic.differentiable_value(w, rows, labels).backward()
        optimiser.step()
    assert logistic.value(w.detach(), X, t) < before - 0.1
    closure = torch.optim.LBFGS([w], line_search_fn="strong_wolfe", max_iter=100)

    def again() -> Any:
        closure.zero_grad()
        loss = logistic.differentiable_value(w, X, t) + torch.sum(w * w)
        loss.backward()
        return loss

    closure.step(again)
    torch.testing.assert_close(logistic.gradient(w.detach(), X, t).w, -2 * w.detach(), atol=1e-4, rtol=1e-4)


def test_what_has_no_derivative_is_an_error_that_says_what_to_do(logistic: Any):
    with pytest.raises(ValueError, match="X requires a gradient, and the module has derivatives by w alone"):
        logistic.differentiable_value(W[0].clone().requires_grad_(), X.clone().requires_grad_(), t)
    with pytest.raises(ValueError, match="X requires a gradient"):
        torch.func.grad(logistic.differentiable_value, argnums=1)(W[0], X, t)
    with pytest.raises(ValueError, match="X requires a gradient"):
        torch.func.jvp(lambda rows: logistic.differentiable_value(W[0], rows, t), (X,), (X,))
    with pytest.raises(
        ValueError, match=r"w requires a gradient, which autograd cannot follow .* differentiable_value"
    ):
        logistic.value(W[0].clone().requires_grad_(), X, t)
    with torch.no_grad():
        assert torch.isfinite(logistic.value(W[0].clone().requires_grad_(), X, t))
    first = modules(example("logistic.py"))[1]
    with pytest.raises(RuntimeError, match="no second derivatives: compile it with hvp=True"):
        torch.autograd.functional.hessian(lambda w: first.differentiable_value(w, X, t), W[0])
    w = W[0].clone().requires_grad_()
    (slope,) = torch.autograd.grad(logistic.differentiable_value(w, X, t), w, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), w, create_graph=True)
    with pytest.raises(RuntimeError, match="no third derivatives"):
        bend.sum().backward()


def test_sizes_and_several_parameters_are_passed_on():
    N, K = symbols("N K", integer=True, positive=True)
    n, k = symbols("n k", integer=True)
    a, b = (IndexedBase(name, shape=(K,)) for name in "ab")
    model = Model(Sum(sigmoid(n * a[k]) * b[k] ** 2, (n, 0, N - 1), (k, 0, K - 1)), [a, b], name="sized")
    module = modules(model, hvp=True)[1]
    assert "N" in module.ARGUMENTS
    given = {"a": torch.tensor(SERIES), "b": torch.tensor(SERIES[::-1].copy()), "N": 3}
    loss, parameters = _of_parameters(module, given), _parameters(module, given)
    assert torch.autograd.gradcheck(loss, parameters) and torch.autograd.gradgradcheck(loss, parameters, atol=1e-4)
    (only,) = torch.autograd.grad(loss(*parameters), parameters[1])  # of one of the two
    torch.testing.assert_close(only, module.gradient(**given).b)


def test_it_is_had_from_a_module_of_torch_and_from_none_of_numpy(logistic: Any):
    assert as_autograd(logistic) is logistic.differentiable_value
    with pytest.raises(ModelError, match=r'as_autograd: .* make it with compile\(target="torch"\) or'):
        as_autograd(example("logistic.py").compile(check=False))
