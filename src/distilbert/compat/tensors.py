"""Between NumPy and PyTorch, which is not needed."""

from typing import Any

import numpy as np


def rows(vectors: Any) -> np.ndarray:
    """Vectors [B, D] of arrays, tensors, or lists of them; one vector is [1, D]."""
    listed = [np.asarray(vector) for vector in vectors] if isinstance(vectors, list | tuple) else vectors
    return np.atleast_2d(np.asarray(listed))


def tensor(values: np.ndarray) -> Any:
    import torch

    return torch.from_numpy(np.ascontiguousarray(values))


def tensor_where_there_is_torch(values: np.ndarray) -> Any:
    """As the peer's results are; the array itself in an environment without torch."""
    try:
        return tensor(values)
    except ImportError:
        return values
