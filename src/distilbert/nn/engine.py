"""TorchEngine: a PyTorch model behind the engine seam, on a GPU or while it is trained. Else ONNX Runtime runs."""

from typing import Any, Self

import numpy as np
import torch

from ..batch import Batch
from ..engine.seam import check_batch
from ..errors import InputError
from ..folder.checkpoint import Checkpoint, Head
from .heads import MODELS
from .packed import Packed


def find_device(name: str) -> str:
    """The name itself of "cuda" or "mps", if it is here; for "auto" CUDA if there is one, else the CPU.

    Raises InputError for a device that is not here.
    """
    cuda = torch.cuda.is_available()
    if name == "auto":
        return "cuda" if cuda else "cpu"
    if not (cuda if name == "cuda" else torch.backends.mps.is_available()):
        raise InputError(f"device {name!r} is not here: PyTorch {torch.__version__} finds none; use 'cpu' or 'auto'")
    return name


class TorchEngine:
    """Runs a module of `distilbert.nn` as it is now, on its device."""

    def __init__(self, model: Any) -> None:
        self._model = model

    @classmethod
    def open(cls, checkpoint: Checkpoint, head: Head, *, device: str) -> Self:
        """Opens the checkpoint's model, with `head` or as a bare encoder, in float32 on one device."""
        return cls(MODELS[head].from_checkpoint(checkpoint).eval().to(device))

    def run(self, batch: Batch) -> np.ndarray:
        check_batch(batch, self._model.config)
        with torch.inference_mode():
            packed = Packed.from_batch(batch, next(self._model.parameters()).device)
            output: np.ndarray = self._model.run(packed).float().cpu().numpy()
        return output
