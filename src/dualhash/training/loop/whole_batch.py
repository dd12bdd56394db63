"""Parts of a batch in several processes, computed as if one process had the whole batch.

Process r of n has the images r, r + n, r + 2n, … of a batch. All compute the loss of the whole
batch, so any loss and any distribution of labels gives the gradients of a single process.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.distributed import all_reduce, get_rank, get_world_size, is_initialized
from torch.nn import functional
from torch.overrides import TorchFunctionMode


def whole_batch(part: Tensor, size: int) -> Tensor:
    """Returns the rows of all processes in the order of the batch.

    The gradient of a part is the sum over the losses of all processes. Their mean over the
    processes, which `DistributedDataParallel` takes, is the gradient of one loss.

    Args:
        part: The rows of this process, (n, m).
        size: N, the number of rows in the batch.

    Returns:
        (N, m).
    """
    if not is_initialized():
        return part
    whole = part.new_zeros(size, part.shape[1])
    whole[get_rank() :: get_world_size()] = part
    return total(whole)


class SynchronisedBatchNorm(TorchFunctionMode):
    """Batch normalisation in this block has mean and variance of the whole batch.

    It applies to every layer that calls `torch.nn.functional.batch_norm`, on every device;
    `torch.nn.SyncBatchNorm` needs a GPU and a layer in place of each.
    """

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Replaces batch normalisation in training if there are several processes."""
        given = kwargs or {}
        if function is functional.batch_norm and given["training"] and is_initialized():
            del given["training"]
            function = _batch_norm
        return function(*args, **given)


def _batch_norm(
    inputs: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    *,
    weight: Tensor | None,
    bias: Tensor | None,
    momentum: float,
    eps: float,
) -> Tensor:
    axes, shape = [0, *range(2, inputs.ndim)], [1, -1, *[1] * (inputs.ndim - 2)]
    values = inputs.float()
    here = values.new_tensor([values.numel() / values.shape[1]])
    sums = total(torch.cat([values.sum(axes), here]))
    number = sums[-1]
    mean = sums[:-1] / number
    centred = values - mean.view(shape)
    variance = total(centred.square().sum(axes)) / number
    if running_mean is not None and running_var is not None:
        running_mean.lerp_(mean.detach(), momentum)
        running_var.lerp_((variance * number / (number - 1)).detach(), momentum)
    outputs = centred * (variance + eps).rsqrt().view(shape)
    if weight is not None and bias is not None:
        outputs = outputs * weight.view(shape) + bias.view(shape)
    return outputs.to(inputs.dtype)


class _Total(Function):
    @staticmethod
    def forward(ctx: object, values: Tensor) -> Tensor:
        total = values.clone()
        all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        return total(gradient)


def total(values: Tensor) -> Tensor:
    """Returns the sum over all processes; its gradient is the sum of their gradients."""
    summed: Tensor = _Total.apply(values)
    return summed
