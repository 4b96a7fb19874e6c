"""Engine: packed batch -> output rows. The seam never sees text.

`OnnxEngine` runs the graph of graph.py in ONNX Runtime on the CPU; `distilbert.nn.engine` runs the
PyTorch model behind the same one method.
"""

import os
from pathlib import Path
from typing import Protocol

import numpy as np

# the official builds of 1.29 and later report to Microsoft unless they are told not to before they are imported
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime

from .batch import Batch
from .checkpoint import Checkpoint, Head
from .config import DistilBertConfig
from .errors import CheckpointError, InputError, said
from .graph_cache import open_graph

__all__ = ["Engine", "OnnxEngine", "available_cpus", "check_batch", "open_engine"]

_MOST_THREADS = 1024  # a system may let a process start far more, and then stand still


class Engine(Protocol):
    """Runs one model with one head."""

    def run(self, batch: Batch) -> np.ndarray:
        """The head's output float32 [K, …] for the K rows that the batch reads, in order."""
        ...


def open_engine(
    checkpoint: Checkpoint, head: Head, *, all_rows: bool, precision: str | None, threads: int | None, device: str
) -> Engine:
    """The engine for a device: ONNX Runtime on the CPU, PyTorch elsewhere.

    Raises InputError for a precision or device that does not exist or is not here, MissingExtraError for a
    device other than "cpu" without PyTorch.
    """
    precision = precision or ("int8" if checkpoint.bits else "float32")
    if precision not in ("float32", "int8"):
        raise InputError(f"precision must be 'float32' or 'int8', not {precision!r}")
    if precision == "float32" and checkpoint.bits:
        raise InputError(
            f"{checkpoint.folder}: holds int8 weights; leave precision out, or load the folder it came from"
        )
    if threads is not None and (type(threads) is not int or not 1 <= threads <= _MOST_THREADS):
        raise InputError(f"threads must be a whole number from 1 to {_MOST_THREADS}, not {threads!r}")
    if device not in ("cpu", "cuda", "mps", "auto"):
        raise InputError(f"device must be 'cpu', 'cuda', 'mps' or 'auto', not {device!r}")
    if device != "cpu":
        from .nn.engine import TorchEngine, find_device  # not at the top: it needs PyTorch

        device = find_device(device)
    if device != "cpu":
        if precision == "int8":
            raise InputError(
                f"int8 runs on the CPU, not on {device!r}; leave device out, or choose precision='float32'"
            )
        return TorchEngine(checkpoint, head, device=device)
    return OnnxEngine(checkpoint, head, all_rows=all_rows, precision=precision, threads=threads or available_cpus())


class OnnxEngine:
    """The packed graph in ONNX Runtime. Safe to use from several threads at once.

    Attributes:
        precision: of the matrix products, "float32" or "int8".
    """

    def __init__(
        self, checkpoint: Checkpoint, head: Head, *, all_rows: bool, threads: int, precision: str = "float32"
    ) -> None:
        self.precision = precision
        self._config = checkpoint.config
        self._all_rows = all_rows
        graph = open_graph(checkpoint, head, all_rows=all_rows, precision=precision)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        # batches have every shape: planning memory by shape would only remember what never comes again
        options.enable_mem_pattern = False
        # spin between the operators of a run, where it pays, but not between runs, where it starves neighbours
        options.add_session_config_entry("session.force_spinning_stop", "1")
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(graph.folder))
        if graph.converted:
            values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in graph.converted.values()]
            options.add_external_initializers(list(graph.converted), values)
        try:
            self._session = onnxruntime.InferenceSession(
                graph.model,
                options,
                providers=["CPUExecutionProvider"],
                # measured: the fused residual + LayerNorm takes four times as long as the two operators
                disabled_optimizers=["SkipLayerNormFusion"],
            )
        except Exception as error:  # the runtime has no public base class of its errors
            raise CheckpointError(f"{checkpoint.folder}: the runtime cannot open the weights ({said(error)})") from None

    def run(self, batch: Batch) -> np.ndarray:
        check_batch(batch, self._config)
        output: np.ndarray = self._session.run(["output"], _feeds(batch, self._all_rows))[0]
        return output


def check_batch(batch: Batch, config: DistilBertConfig) -> None:
    """Raise InputError for a text or a token id that the model cannot read."""
    if batch.longest > config.max_position_embeddings:
        raise InputError(f"a text has {batch.longest} tokens; the model reads {config.max_position_embeddings} at most")
    if batch.ids.min() < 0 or batch.ids.max() >= config.vocab_size:
        worst = batch.ids.min() if batch.ids.min() < 0 else batch.ids.max()
        raise InputError(f"token id {worst} is outside the model's vocabulary of {config.vocab_size}")


def _feeds(batch: Batch, all_rows: bool) -> dict[str, np.ndarray]:
    """The graph's inputs; see graph.py."""
    pad, unpad = _padded_view(batch.starts, batch.lengths)
    feeds = {
        "ids": batch.ids,
        "positions": batch.positions,
        "pad": pad,
        "mask": (np.arange(batch.longest) < batch.lengths[:, None]).astype(np.int32),
        "unpad": unpad,
    }
    if not all_rows:
        if batch.rows is None:
            raise ValueError("this engine was opened for chosen rows, and the batch chooses none")
        counts = batch.row_counts
        feeds["rows"] = batch.rows
        feeds["pad_rows"], feeds["unpad_rows"] = _padded_view(np.cumsum(counts) - counts, counts)
    return feeds


def _padded_view(starts: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices [B, T] that spread packed rows into a padded view, and [N] that collect them again."""
    columns = np.arange(lengths.max())
    inside = columns < lengths[:, None]
    return np.where(inside, starts[:, None] + columns, 0), np.flatnonzero(inside)


def available_cpus() -> int:
    """The cores that this process may use: its affinity, and the quota of its cgroup where there is one."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    cpus = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = _cgroup_quota()
    return cpus if quota is None else max(1, min(cpus, int(quota)))


def _cgroup_quota(root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """CPUs that the container's cgroup (version 2 or 1) allows, None for no limit."""
    try:
        quota, period = (root / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (root / "cpu/cpu.cfs_quota_us").read_text()
            period = (root / "cpu/cpu.cfs_period_us").read_text()
        except OSError:
            return None
    try:
        return int(quota) / int(period) if int(quota) > 0 else None
    except (ValueError, ZeroDivisionError):  # "max": no limit
        return None
