"""Depthwise convolution with TensorFlow's SAME padding, trainable at a bearable speed on CPUs.

oneDNN's bfloat16 backward pass of depthwise convolutions in the channels-last layout is four to eight times
slower than its float32 one, and depthwise layers are half of this network's training time. So the forward
pass stays in bfloat16 under autocast and only the backward pass computes in float32.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 the name torch's own documentation uses
from torch import Tensor, nn


class DepthwiseConv2d(nn.Conv2d):
    """`groups == channels` convolution without bias, output ceil(H / stride) by ceil(W / stride)."""

    def __init__(self, channels: int, kernel: int, *, stride: int = 1) -> None:
        super().__init__(channels, channels, kernel, stride=stride, groups=channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve `[N, C, H, W]`."""
        x = F.pad(x, self._same(x))
        if self.training and x.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            dtype = torch.get_autocast_dtype("cpu")
            arguments = x.to(dtype), self.weight.to(dtype), self.stride[0]
            mixed: Tensor = _MixedPrecision.apply(*arguments)  # type: ignore[no-untyped-call]
            return mixed
        return super().forward(x)

    def _same(self, x: Tensor) -> list[int]:
        """Left, right, top, bottom; the odd pixel goes right and below, as the pretrained weights expect."""
        pads = []
        # Plain numbers: left to the tracing exporter, the division would become one that rounds towards zero,
        # and the graph would pad odd sizes by less than was learnt with.
        for size in (int(x.shape[-1]), int(x.shape[-2])):
            stride, kernel = self.stride[0], self.kernel_size[0]
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        return pads


class _MixedPrecision(torch.autograd.Function):
    """Depthwise convolution that computes its gradients in float32."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        return F.conv2d(x, weight, stride=stride, groups=x.shape[1])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        x, weight = ctx.saved_tensors
        grad_x, grad_weight, _ = torch.ops.aten.convolution_backward(
            grads[0].float(), x.float(), weight.float(), None, [ctx.stride] * 2, [0, 0], [1, 1],
            False, [0, 0], x.shape[1], [True, True, False],
        )  # fmt: skip
        return grad_x.to(x.dtype), grad_weight.to(weight.dtype), None
