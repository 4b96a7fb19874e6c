"""OnnxEngine: the packed graph of graph.py, run by ONNX Runtime on the CPU."""

import ctypes
import os
import weakref
from pathlib import Path

import numpy as np

# the official builds of 1.29 and later report to Microsoft unless they are told not to before they are imported
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime

from ..batch import Batch
from ..errors import CheckpointError, error_text
from ..folder.checkpoint import Checkpoint, Head
from ..folder.fingerprint import OpenFiles
from .cpus import available_cpus
from .graph_cache import Graph, open_graph
from .seam import CpuEngine, check_batch, check_rows


class OnnxEngine(CpuEngine):
    """The packed graph in ONNX Runtime. Several threads may use it at once, and processes forked from this one."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        head: Head,
        *,
        all_rows: bool,
        threads: int,
        precision: str = "float32",
        reason: str = "",
    ) -> None:
        files = OpenFiles(checkpoint.weights_files)
        super().__init__("onnx", reason, precision, min(threads, available_cpus()), files)
        self._checkpoint = checkpoint
        self._head = head
        self._all_rows = all_rows
        self._session = self._open()
        self._process = os.getpid()
        _engines.add(self)

    def _open(self) -> onnxruntime.InferenceSession:
        graph = open_graph(self._checkpoint, self._head, all_rows=self._all_rows, precision=self.precision)
        return open_session(graph, self._checkpoint.folder, self.threads)

    def run(self, batch: Batch) -> np.ndarray:
        check_batch(batch, self._checkpoint.config)
        self.files.check()
        if self._process != os.getpid():  # forked: the threads of the session stayed behind
            self._session, self._process = self._open(), os.getpid()
        output: np.ndarray = self._session.run(["output"], feeds_of(batch, self._all_rows))[0]
        return check_rows(output, self._checkpoint.folder)


def open_session(graph: Graph, folder: Path, threads: int) -> onnxruntime.InferenceSession:
    """A graph in the runtime. Raises CheckpointError naming `folder`, which it was made of."""
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
        return onnxruntime.InferenceSession(
            graph.model,
            options,
            providers=["CPUExecutionProvider"],
            # measured: the fused residual + LayerNorm takes four times as long as the two operators
            disabled_optimizers=["SkipLayerNormFusion"],
        )
    except Exception as error:  # the runtime has no public base class of its errors
        raise CheckpointError(f"{folder}: the runtime cannot open the weights ({error_text(error)})") from None


_engines: weakref.WeakSet[OnnxEngine] = weakref.WeakSet()


def _keep_sessions() -> None:
    """In a forked process: never free a session, which would wait for threads that are not there."""
    for engine in _engines:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(engine._session))


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_keep_sessions)


def feeds_of(batch: Batch, all_rows: bool) -> dict[str, np.ndarray]:
    """The graph's inputs; see graph.py."""
    pad, unpad = _padded_view(batch.starts, batch.lengths)
    feeds = {
        "ids": batch.ids,
        "positions": batch.positions,
        "pad": pad,
        "mask": batch.mask.astype(np.int32),
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
