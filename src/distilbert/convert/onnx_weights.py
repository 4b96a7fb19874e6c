"""The weights of a model that was exported to ONNX. Nothing of its graph is run.

PyTorch's exporter keeps the names of embeddings, biases and LayerNorms. A matrix that is multiplied from the right is
stored transposed under a number; the bias that is added to the product tells whose it is.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto

from ..errors import CheckpointError, short_repr, translated
from ..folder.weights import NUMBERS, Weight, mapped
from ..links import check_read
from .foreign_names import transposed

_TYPES: dict[int, str] = {
    TensorProto.FLOAT: "F32",
    TensorProto.DOUBLE: "F64",
    TensorProto.FLOAT16: "F16",
    TensorProto.BFLOAT16: "BF16",
    TensorProto.INT64: "I64",
    TensorProto.INT32: "I32",
    TensorProto.INT8: "I8",
    TensorProto.UINT8: "U8",
    TensorProto.BOOL: "BOOL",
}
_QUANTISED = ("DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "QLinearMatMul", "MatMulNBits")


def read(path: Path) -> dict[str, Weight]:
    """The weights by PyTorch's names; constants of the graph that are no weights are left out.

    Raises CheckpointError naming the file and what is wrong with it.
    """
    # the parser's own errors are another package's
    with translated(Exception, CheckpointError, f"{path}: not a whole ONNX file"):
        graph = onnx.load(str(path), load_external_data=False).graph
    names = [tensor.name for tensor in graph.initializer]
    names += [name for node in graph.node for name in (node.op_type, *node.input, *node.output)]
    if not all(isinstance(name, str) for name in names):  # what is no Unicode comes as bytes
        raise CheckpointError(f"{path}: not a whole ONNX file (a name is not Unicode)")
    if kind := next((node.op_type for node in graph.node if node.op_type in _QUANTISED), None):
        raise CheckpointError(f"{path}: is quantised ({kind}); convert the model that it was made from")
    if any(node.domain == "com.microsoft" and node.op_type.endswith("Attention") for node in graph.node):
        raise CheckpointError(f"{path}: its attention is fused for one runtime; convert the export from before that")
    stored = {tensor.name: _weight(path, tensor) for tensor in _tensors(graph)}
    weights = {name: weight for name, weight in stored.items() if name.endswith((".weight", ".bias"))}
    for bias, matrix, is_transposed in _products(graph):
        name = f"{bias.removesuffix('.bias')}.weight"
        if matrix in stored and name not in weights:
            weights[name] = transposed(stored[matrix]) if is_transposed else stored[matrix]
    if not weights:
        raise CheckpointError(f"{path}: none of its tensors has a name that a weight has; export it from PyTorch anew")
    return weights


def _tensors(graph: onnx.GraphProto) -> Iterator[TensorProto]:
    """Initializers, and constants that stand among the nodes."""
    yield from graph.initializer
    for node in graph.node:
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.name == "value":
                    attribute.t.name = node.output[0]
                    yield attribute.t


def _products(graph: onnx.GraphProto) -> Iterator[tuple[str, str, bool]]:
    """(bias, matrix, whether the matrix is [inputs, outputs]) of each product that a bias is added to."""
    made = {output: node for node in graph.node for output in node.output}
    for node in graph.node:
        if node.op_type == "Gemm" and len(node.input) == 3:
            is_transposed = not any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
            yield node.input[2], node.input[1], is_transposed
        elif node.op_type == "Add" and len(node.input) == 2:
            for bias, product in (tuple(node.input), tuple(node.input)[::-1]):
                source = made.get(product)
                if bias.endswith(".bias") and source is not None and source.op_type == "MatMul":
                    matrix = source.input[1]
                    turned = made.get(matrix)
                    if turned is not None and turned.op_type == "Transpose":
                        yield bias, turned.input[0], False
                    else:
                        yield bias, matrix, True


def _weight(path: Path, tensor: TensorProto) -> Weight:
    """A tensor of the file, or of a file of numbers beside it."""
    shape = tuple(tensor.dims)
    dtype = _TYPES.get(tensor.data_type, f"type {tensor.data_type}")
    weight = Weight(tensor.name, shape, dtype, path, partial(_numbers, path, tensor))
    if dtype not in NUMBERS:
        return weight
    size = math.prod(shape) * NUMBERS[dtype].itemsize
    if tensor.data_location == TensorProto.EXTERNAL:
        place = {entry.key: entry.value for entry in tensor.external_data}
        name, offset = place.get("location", ""), place.get("offset", "0")
        if Path(name).name != name or name in ("", ".", ".."):
            raise CheckpointError(f"{path}: {short_repr(tensor.name)} lies in {short_repr(name)}, outside the folder")
        file = path.with_name(name)
        check_read(file, CheckpointError)
        if not offset.isdecimal() or not file.is_file() or file.stat().st_size < int(offset) + size:
            raise CheckpointError(f"{file}: must lie beside {path.name}, and reach as far as it says")
        stored = partial(mapped, file, int(offset), shape, NUMBERS[dtype])
        return replace(weight, path=file, stored=stored, offset=int(offset))
    if tensor.raw_data and len(tensor.raw_data) != size:
        raise CheckpointError(
            f"{path}: {short_repr(tensor.name)} has {len(tensor.raw_data)} bytes, which its shape {list(shape)} has not"
        )
    return weight


def _numbers(path: Path, tensor: TensorProto) -> np.ndarray:
    dtype = _TYPES[tensor.data_type]
    shape = tuple(tensor.dims)
    if tensor.raw_data:
        return np.frombuffer(tensor.raw_data, NUMBERS[dtype]).reshape(shape)
    if len(tensor.float_data) == math.prod(shape) and dtype == "F32":
        return np.array(tensor.float_data, "<f4").reshape(shape)
    raise CheckpointError(f"{path}: {short_repr(tensor.name)} holds no numbers that are read here")
