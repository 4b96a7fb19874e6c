"""TorchEngine: a PyTorch model behind the engine seam, on a GPU or while it is trained. Else ONNX Runtime runs."""

from collections.abc import Collection
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from ..batch import Batch
from ..engine.seam import check_batch, check_rows
from ..errors import InputError
from ..folder.checkpoint import Checkpoint, Head
from ..folder.fingerprint import OpenFiles
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
    """Runs a module of `distilbert.nn` as it is now, on its device.

    `folder` and `files` are where its weights were read from: numbers that are none, and what is written into the
    files later, are found out as in OnnxEngine. A model in memory has neither.
    """

    def __init__(self, model: Any, folder: Path | None = None, files: Collection[Path] = ()) -> None:
        self._model = model
        self._folder = folder
        self.files = OpenFiles(files)

    @classmethod
    def open(cls, checkpoint: Checkpoint, head: Head, *, device: str) -> Self:
        """Opens the checkpoint's model, with `head` or as a bare encoder, in float32 on one device."""
        model = MODELS[head].from_checkpoint(checkpoint).eval().to(device)
        return cls(model, checkpoint.folder, checkpoint.weights_files)

    def run(self, batch: Batch) -> np.ndarray:
        check_batch(batch, self._model.config)
        self.files.check()
        with torch.inference_mode():
            packed = Packed.from_batch(batch, next(self._model.parameters()).device)
            output: np.ndarray = self._model.run(packed).float().cpu().numpy()
        return check_rows(output, self._folder) if self._folder else output
