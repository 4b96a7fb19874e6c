"""OnnxEngine: the packed graph of graph.py, run by ONNX Runtime on the CPU."""

import ctypes
import os
from pathlib import Path

import numpy as np

# the official builds of 1.29 and later report to Microsoft unless they are told not to before they are imported
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime

from ..batch import Batch
from ..errors import CheckpointError, translated
from .graph_cache import Graph, open_graph
from .seam import CpuEngine


class OnnxEngine(CpuEngine):
    """The packed graph in ONNX Runtime."""

    name = "onnx"

    def _open(self) -> None:
        graph = open_graph(self._checkpoint, self._head, all_rows=self._all_rows, precision=self.precision)
        self._session = open_session(graph, self._checkpoint.folder, self.threads)
        self._process = os.getpid()

    def _output(self, batch: Batch) -> np.ndarray:
        if self._process != os.getpid():  # forked: the threads of the session stayed behind
            self._open()
        output: np.ndarray = self._session.run(["output"], feeds_of(batch, self._all_rows))[0]
        return output

    def _leave(self) -> None:
        """Never free the session, which would wait for threads that are not there; a new one is made when it is run."""
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._session))


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
    # the runtime has no public base class of its errors
    with translated(Exception, CheckpointError, f"{folder}: the runtime cannot open the weights"):
        return onnxruntime.InferenceSession(
            graph.model,
            options,
            providers=["CPUExecutionProvider"],
            # measured: the fused residual + LayerNorm takes four times as long as the two operators
            disabled_optimizers=["SkipLayerNormFusion"],
        )


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
        assert batch.rows is not None
        counts = batch.row_counts
        feeds["rows"] = batch.rows
        feeds["pad_rows"], feeds["unpad_rows"] = _padded_view(np.cumsum(counts) - counts, counts)
    return feeds


def _padded_view(starts: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices [B, T] that spread packed rows into a padded view, and [N] that collect them again."""
    columns = np.arange(lengths.max())
    inside = columns < lengths[:, None]
    return np.where(inside, starts[:, None] + columns, 0), np.flatnonzero(inside)
