"""The loss of a generated PyTorch module as autograd follows it: by the module's own gradient and its product."""

from typing import Any

import torch

from symgrad.runtime.declared import ARGUMENTS, PARAMETERS
from symgrad.targets.library import PRODUCT, value, value_and_gradient


def _followed(given: dict[str, Any]) -> Any:
    """The loss, with a place in autograd's graph if it follows one of the arguments."""
    asked = [name for name, one in given.items() if isinstance(one, torch.Tensor) and _is_followed(one)]
    for name in asked:
        if name not in PARAMETERS:
            raise ValueError(
                f"{name} requires a gradient, and the module has derivatives by {', '.join(PARAMETERS)} alone: use "
                f"{name}.detach(), or make {name} a parameter of the model"
            )
    if not asked:
        return value(**given)
    return _LossOnce.apply(*given.values()) if torch.compiler.is_compiling() else _Loss.apply(*given.values())[0]


def _is_followed(tensor: Any) -> bool:
    """Whether a tensor requires a gradient, or has a tangent in forward mode."""
    if tensor.requires_grad and torch.is_grad_enabled():
        return True
    if torch.compiler.is_compiling() or not tensor.dtype.is_floating_point:
        return False
    return torch.autograd.forward_ad.unpack_dual(tensor).tangent is not None


class _LossOnce(torch.autograd.Function):  # type: ignore[misc, unused-ignore]
    """The loss for `torch.compile`, which differentiates once and would compute what second derivatives need, too."""

    @staticmethod
    def forward(ctx: Any, *given: Any) -> Any:
        loss, slopes = value_and_gradient(**dict(zip(ARGUMENTS, given, strict=True)))
        ctx.save_for_backward(*slopes)
        return loss

    @staticmethod
    def backward(ctx: Any, by_loss: Any) -> Any:
        made = dict(zip(PARAMETERS, [by_loss * slope for slope in ctx.saved_tensors], strict=True))
        return tuple([made.get(name) for name in ARGUMENTS])


class _Loss(torch.autograd.Function):  # type: ignore[misc, unused-ignore]
    """The loss and its gradient; what is derived of the gradient is the product of the Hessian and a direction."""

    generate_vmap_rule = True

    @staticmethod
    def forward(*given: Any) -> Any:
        loss, slopes = value_and_gradient(**dict(zip(ARGUMENTS, given, strict=True)))
        # tangents of views need the layout of these
        return loss, *(slope.clone(memory_format=torch.contiguous_format) for slope in slopes)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.set_materialize_grads(False)
        ctx.places = [place for place, one in enumerate(inputs) if isinstance(one, torch.Tensor)]
        ctx.others = [None if isinstance(one, torch.Tensor) else one for one in inputs]
        tensors = [inputs[place] for place in ctx.places]
        ctx.save_for_backward(*tensors, *output[1:])
        ctx.save_for_forward(*tensors, *output[1:])

    @staticmethod
    def backward(ctx: Any, by_loss: Any, *by_slopes: Any) -> Any:
        given, slopes = _saved(ctx)
        found = [None if by_loss is None else by_loss * slope for slope in slopes]
        if any(one is not None for one in by_slopes):
            pairs = zip(by_slopes, slopes, strict=True)
            products = _Product.apply(*(torch.zeros_like(s) if one is None else one for one, s in pairs), *given)
            sums = zip(found, products, strict=True)
            found = [product if one is None else one + product for one, product in sums]
        made = dict(zip(PARAMETERS, found, strict=True))
        return tuple([made.get(name) for name in ARGUMENTS])

    @staticmethod
    def jvp(ctx: Any, *along: Any) -> Any:
        given, slopes = _saved(ctx)
        tangents = dict(zip(ARGUMENTS, along, strict=True))
        for name, one in tangents.items():
            if one is not None and name not in PARAMETERS:
                raise ValueError(f"the module has no derivative by {name}, but by {', '.join(PARAMETERS)} alone")
        pairs = [(tangents[name], slope) for name, slope in zip(PARAMETERS, slopes, strict=True)]
        directions = [torch.zeros_like(slope) if one is None else one for one, slope in pairs]
        loss = sum(torch.sum(one * slope) for one, (_, slope) in zip(directions, pairs, strict=True))
        return loss, *_Product.apply(*directions, *given)


def _saved(ctx: Any) -> tuple[list[Any], Any]:
    """All arguments, and the gradient."""
    given, count = list(ctx.others), len(ctx.places)
    for place, one in zip(ctx.places, ctx.saved_tensors[:count], strict=True):
        given[place] = one
    return given, ctx.saved_tensors[count:]


class _Product(torch.autograd.Function):  # type: ignore[misc, unused-ignore]
    """The Hessian times a direction, in which it is linear and symmetric."""

    generate_vmap_rule = True

    @staticmethod
    def forward(*given: Any) -> Any:
        if PRODUCT is None:
            raise RuntimeError("the module has no second derivatives: compile it with hvp=True")
        count = len(PARAMETERS)
        return tuple(PRODUCT(given[:count], **dict(zip(ARGUMENTS, given[count:], strict=True))))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        given = inputs[len(PARAMETERS) :]
        ctx.places = [place for place, one in enumerate(given) if isinstance(one, torch.Tensor)]
        ctx.others = [None if isinstance(one, torch.Tensor) else one for one in given]
        ctx.save_for_backward(*(given[place] for place in ctx.places))

    @staticmethod
    def backward(ctx: Any, *by_products: Any) -> Any:
        if any(ctx.needs_input_grad[len(PARAMETERS) :]):
            raise RuntimeError("the module has no third derivatives: detach the second ones")
        return *_Product.apply(*by_products, *_saved(ctx)[0]), *(None for _ in ARGUMENTS)
