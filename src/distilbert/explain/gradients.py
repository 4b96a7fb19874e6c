"""Integrated gradients and the attention rollout, through `distilbert.nn`. Needs the extra `torch`."""

from ..errors import CheckpointError, MissingExtraError

try:
    import torch
except ImportError:
    raise MissingExtraError(
        "integrated gradients and attention need PyTorch: pip install 'distilbert[torch]', or use leave-one-out"
    ) from None

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from torch import Tensor

from .. import int8
from ..nn.heads import MODELS
from ..nn.packed import Packed
from ..tasks.task import Task
from .leave_one_out import masked
from .targets import Target

TOLERANCE = 0.01  # of the difference from the baseline, or of 1 where that is less
_FEWEST_STEPS, _MOST_STEPS = 32, 1024
_TOKENS = 4096  # that run at once


class GradientModel:
    """A task's model in PyTorch, read from its folder. Raises CheckpointError for int8: it would be another."""

    def __init__(self, task: Task) -> None:
        if task.config.extra.get(int8.KEY):
            raise CheckpointError(
                f"{task.model.folder}: holds int8 weights, which have no gradients; {int8.FLOAT_MODEL}"
            )
        self._model: Any = MODELS[task.head].from_pretrained(task.model.folder)
        self._model.requires_grad_(False)
        self._encoder: Any = getattr(self._model, "distilbert", self._model)

    def integrated_gradients(self, target: Target, places: np.ndarray, mask: int) -> tuple[np.ndarray, float]:
        """What each token added to the number's difference from where `places` are masked, float64 [T]; and the gap.

        The gradient by the word embeddings is integrated along the straight line from [MASK]'s to the text's, and
        multiplied by their difference: Sundararajan, Taly and Yan 2017, https://arxiv.org/abs/1703.01365. The values
        add up to the difference in the limit; steps (of Gauss and Legendre) are doubled until the gap is within
        `TOLERANCE`, up to 1,024.
        """
        words = self._encoder.embeddings.word_embeddings
        ids = target.encoding.ids
        here, base = words(torch.tensor(ids)), words(torch.tensor(masked(ids, places, mask)))
        with torch.no_grad():
            difference = float(self._number(target, here[None])[0] - self._number(target, base[None])[0])
        steps = _FEWEST_STEPS
        while True:
            values = ((here - base) * self._mean_gradient(target, base, here - base, steps)).sum(-1)
            values = values.numpy().astype(np.float64)
            gap = abs(float(values.sum()) - difference)
            if gap <= TOLERANCE * max(1.0, abs(difference)) or steps == _MOST_STEPS:
                return values, gap
            steps *= 2

    def _mean_gradient(self, target: Target, base: Tensor, change: Tensor, steps: int) -> Tensor:
        """[T, D]: the gradient along the line from `base` to `base + change`, its mean by quadrature."""
        places, shares = np.polynomial.legendre.leggauss(steps)
        total = torch.zeros_like(base)
        at_once = max(1, _TOKENS // len(base))
        for start in range(0, steps, at_once):
            part = slice(start, start + at_once)
            along = torch.tensor((places[part] + 1) / 2, dtype=base.dtype)[:, None, None]
            share = torch.tensor(shares[part] / 2, dtype=base.dtype)
            points = (base + along * change).requires_grad_()
            (gradient,) = torch.autograd.grad((share * self._number(target, points)).sum(), points)
            total += gradient.sum(0)
        return total

    def _number(self, target: Target, embeddings: Tensor) -> Tensor:
        """[S, T, D] word embeddings -> [S]."""
        hidden = self._encoder.run(Packed.from_padded(None, None, embeddings))
        output = self._model.score(hidden) if self._model is not self._encoder else hidden
        rows = torch.tensor(target.rows)
        output = output.view(*embeddings.shape[:2], *output.shape[1:])
        return torch.stack([target.number(each[rows], torch) for each in output])

    def attention(self, target: Target) -> np.ndarray:
        """float64 [T]: how much of each token reaches the tokens that the number is read from, by attention rollout.

        The layers' weights, the mean over heads, are halved for the residual connection and multiplied: Abnar and
        Zuidema 2020, https://arxiv.org/abs/2005.00928.
        """
        with torch.inference_mode():
            batch = Packed.from_padded(torch.tensor(target.encoding.ids)[None])
            layers = self._encoder.trace(batch, False, True)[2]
        rollout = np.eye(len(target.encoding))
        for weights in layers:
            mean = weights[0].mean(0).numpy().astype(np.float64)
            rollout = (mean + np.eye(len(mean))) / 2 @ rollout
        reached: np.ndarray = rollout[target.rows].mean(0)
        return reached


_opened: WeakKeyDictionary[Task, GradientModel] = WeakKeyDictionary()


def gradient_model(task: Task) -> GradientModel:
    """The task's model in PyTorch, kept as long as the task is."""
    if task not in _opened:
        _opened[task] = GradientModel(task)
    return _opened[task]
