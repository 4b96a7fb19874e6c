"""Dropout as PyTorch's, with masks that a CPU draws several times faster."""

import torch
from torch import Tensor, nn

_BITS = 16  # of randomness a number: probabilities are exact to 1 / 65,536


class Dropout(nn.Dropout):
    """In training each number is 0 with probability `p`, or divided by 1 - p; in evaluation all stay as they are.

    Srivastava et al. 2014 (https://jmlr.org/papers/v15/srivastava14a.html), with the scale in training.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Of any shape."""
        dropped = round(self.p * 2**_BITS)
        ours = self.training and 0 < dropped < 2**_BITS and x.device.type == "cpu" and not torch.compiler.is_compiling()
        if not ours:
            return super().forward(x)
        words = torch.empty(-(-x.numel() * _BITS // 64), dtype=torch.int64).random_(-(2**63), None)
        kept = words.view(torch.int16)[: x.numel()].view(x.shape) >= dropped - 2 ** (_BITS - 1)
        return x * kept.to(x.dtype).mul_(2**_BITS / (2**_BITS - dropped))
