"""TorchEngine: the PyTorch model behind the engine seam, for GPUs. The CPU's engine is ONNX Runtime."""

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
    """Runs the checkpoint's model, with `head` or as a bare encoder, in float32 on one device."""

    def __init__(self, checkpoint: Checkpoint, head: Head, *, device: str) -> None:
        self._model = MODELS[head].from_checkpoint(checkpoint).eval().to(device)
        self._device = device

    def run(self, batch: Batch) -> np.ndarray:
        check_batch(batch, self._model.config)
        with torch.inference_mode():
            output: np.ndarray = self._model.run(Packed.from_batch(batch, self._device)).cpu().numpy()
        return output
