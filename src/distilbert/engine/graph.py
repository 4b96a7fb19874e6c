"""Config, weights and head -> an ONNX graph: the whole model, once, for the CPU.

The graph works on a packed batch (see batch.py). Every matrix product runs on exactly N rows; only
attention sees a padded view. The last layer computes queries, and all that follows, for the rows
alone that the head reads. Weights are not copied into the graph: it points into the safetensors file.

    inputs:  ids, positions                    int64 [N]
             pad                               int64 [B, T]   padded view: index into N, 0 for padding
             mask                              int32 [B, T]   1 = token that is attended to, 0 = padding
             unpad                             int64 [N]      index of each token in the B·T padded view
             rows, pad_rows [B, R], unpad_rows int64 [K]      the same for the rows read, R most of a text
    output:  output                            float32 [K, …]
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .. import int8
from ..activations import Activation
from ..folder.checkpoint import HEAD_LAYERS, Checkpoint, Head
from ..folder.weight_names import PREFIX, PROJECTOR, WORDS
from ..folder.weights import NUMBERS, Weight

_MICROSOFT = "com.microsoft"  # ONNX Runtime's own operators
_EPSILON = 1e-12
_OPSET = 20
_IR_VERSION = 9


def build_graph(
    checkpoint: Checkpoint, head: Head, *, all_rows: bool, precision: str = "float32"
) -> tuple[bytes, dict[str, np.ndarray]]:
    """The graph of the encoder with `head`, which must be the checkpoint's head or `Head.NONE`.

    `precision` is that of the matrix products, "float32" or "int8". With `all_rows` every token's output
    is computed and the three inputs about rows are left out.

    Returns:
        The serialised ModelProto, whose external data are files in the checkpoint's `weights_folder`, and
        the weights by name that these files do not hold as the graph needs them.
    """
    return (_Int8Builder if precision == "int8" else Builder)(checkpoint, all_rows).build(head)


@dataclass(frozen=True)
class _HeadView:
    """Indices between packed rows of heads [N·H, D/H] and their padded view [B, H, T, D/H].

    Attributes:
        spread: int64 [B, H, T], which packed row goes to each place.
        collect: int64 [N, H], at which place of the view each packed row is.
    """

    spread: str
    collect: str


class Builder:
    """Collects nodes and weights; each method appends its part and returns its output's name."""

    def __init__(self, checkpoint: Checkpoint, all_rows: bool) -> None:
        self.checkpoint = checkpoint
        self.config = checkpoint.config
        self.folder = checkpoint.weights_folder
        self.all_rows = all_rows
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, TensorProto] = {}
        self.converted: dict[str, np.ndarray] = {}

    def build(self, head: Head) -> tuple[bytes, dict[str, np.ndarray]]:
        self.view = self.head_view("pad", "unpad")
        self.row_view = self.view if self.all_rows else self.head_view("pad_rows", "unpad_rows")
        self.mask = self.additive_mask("mask")
        x = self.embeddings()
        for index in range(self.config.n_layers):
            x = self.layer(index, x, last=index == self.config.n_layers - 1)
        self.nodes.append(helper.make_node("Identity", [self.head(head, x)], ["output"]))
        inputs = {"ids": ["N"], "positions": ["N"], "pad": ["B", "T"], "mask": ["B", "T"], "unpad": ["N"]}
        if not self.all_rows:
            inputs |= {"rows": ["K"], "pad_rows": ["B", "R"], "unpad_rows": ["K"]}
        kinds = {"mask": TensorProto.INT32}
        graph = helper.make_graph(
            self.nodes,
            "distilbert",
            [helper.make_tensor_value_info(n, kinds.get(n, TensorProto.INT64), s) for n, s in inputs.items()],
            [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["K", None])],
            list(self.initializers.values()),
        )
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_MICROSOFT, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
        return model.SerializeToString(), self.converted

    # the model, bottom-up -----------------------------------------------------------------------

    def embeddings(self) -> str:
        """Word + position embeddings, normalised: [N, D]."""
        name = f"{PREFIX}embeddings"
        words = self.rows_of(WORDS, "ids")
        positions = self.rows_of(f"{name}.position_embeddings.weight", "positions")
        return self.norm(self.op("Add", words, positions), f"{name}.LayerNorm")

    def layer(self, index: int, x: str, *, last: bool) -> str:
        """One transformer block, post-norm: [N, D] -> [N, D], or [K, D] where the last is cut to the rows read."""
        name = f"{PREFIX}transformer.layer.{index}"
        cut = last and not self.all_rows
        residual = self.op("Gather", x, "rows") if cut else x
        attended = self.attention(f"{name}.attention", x, residual, cut=cut)
        x = self.norm(attended, f"{name}.sa_layer_norm", residual)
        hidden = self.activation(self.linear(x, f"{name}.ffn.lin1"))
        return self.norm(self.linear(hidden, f"{name}.ffn.lin2"), f"{name}.output_layer_norm", x)

    def attention(self, name: str, x: str, queries: str, *, cut: bool) -> str:
        """Multi-head self-attention of `queries` [Q, D] over all tokens `x` [N, D] -> [Q, D].

        Each head's rows are gathered straight into the padded view [B, H, T, D/H], and back.
        """
        view = self.row_view if cut else self.view
        q = self.op("Gather", self.heads(self.linear(queries, f"{name}.q_lin")), view.spread)
        k = self.op("Gather", self.heads(self.linear(x, f"{name}.k_lin")), self.view.spread)
        v = self.op("Gather", self.heads(self.linear(x, f"{name}.v_lin")), self.view.spread)
        scale = float(self.config.head_dim**-0.5)
        scores = self.op("FusedMatMul", q, k, domain=_MICROSOFT, transB=1, alpha=scale)
        weights = self.op("Softmax", self.op("Add", scores, self.mask), axis=-1)
        context = self.op("Gather", self.heads(self.op("MatMul", weights, v)), view.collect)
        return self.linear(self.op("Reshape", context, self.integers(-1, self.config.dim)), f"{name}.out_lin")

    def heads(self, x: str) -> str:
        """[…] -> rows of one head [-1, D/H]."""
        return self.op("Reshape", x, self.integers(-1, self.config.head_dim))

    def head_view(self, pad: str, unpad: str) -> "_HeadView":
        """From the padded view of tokens [B, T] and back [N] to that of their heads' rows."""
        heads = self.config.n_heads
        columns = self.op("Unsqueeze", pad, self.integers(1))
        rows = self.op("Mul", columns, self.integers(heads))
        spread = self.op("Add", rows, self.constant(np.arange(heads).reshape(1, heads, 1)))
        # token t of text b, head h, stands at row (b·H + h)·T + t of the view, and unpad = b·T + t
        longest = self.op("Gather", self.op("Shape", pad), self.integers(1))
        place = self.op("Mod", unpad, longest)
        text = self.op("Mul", self.op("Sub", unpad, place), self.integers(heads))
        first = self.op("Unsqueeze", self.op("Add", text, place), self.integers(1))
        head = self.op("Mul", longest, self.constant(np.arange(heads).reshape(1, heads)))
        return _HeadView(spread, self.op("Add", first, head))

    def additive_mask(self, mask: str) -> str:
        """[B, T] -> float32 [B, 1, 1, T]: 0 at tokens, a number that no score outweighs at padding."""
        below = self.op("Sub", self.op("Cast", mask, to=TensorProto.FLOAT), self.constant(np.array([1], np.float32)))
        above = self.op("Mul", below, self.constant(np.array([1e9], np.float32)))
        return self.op("Unsqueeze", above, self.integers(1, 2))

    def head(self, head: Head, x: str) -> str:
        """[K, D] -> the head's logits [K, …]; the hidden states themselves for Head.NONE."""
        if head is Head.NONE:
            return x
        if head is Head.MASKED_LM:
            transform, norm, projector = HEAD_LAYERS[head]
            x = self.norm(self.activation(self.linear(x, transform)), norm)
            return self.linear(x, projector, weight=PROJECTOR if PROJECTOR in self.checkpoint.tensors else WORDS)
        *before, last = HEAD_LAYERS[head]
        for name in before:
            x = self.op("Relu", self.linear(x, name))
        return self.linear(x, last)

    # parts ----------------------------------------------------------------------------------------

    def rows_of(self, table: str, indices: str) -> str:
        return self.op("Gather", self.weight(table), indices)

    def linear(self, x: str, name: str, weight: str | None = None) -> str:
        weight = weight or f"{name}.weight"
        return self.op("Gemm", x, self.weight(weight), self.weight(f"{name}.bias"), transB=1)

    def norm(self, x: str, name: str, residual: str | None = None) -> str:
        """LayerNorm of x, of x + residual where one is given."""
        x = x if residual is None else self.op("Add", x, residual)
        weights = (self.weight(f"{name}.weight"), self.weight(f"{name}.bias"))
        return self.op("LayerNormalization", x, *weights, axis=-1, epsilon=_EPSILON)

    def activation(self, x: str) -> str:
        match self.config.activation:
            case Activation.gelu:
                return self.op("Gelu", x)
            case Activation.gelu_new | Activation.gelu_pytorch_tanh | Activation.gelu_fast:
                return self.op("Gelu", x, approximate="tanh")
            case Activation.quick_gelu:
                return self.op("QuickGelu", x, domain=_MICROSOFT, alpha=1.702)
            case Activation.silu:
                return self.op("QuickGelu", x, domain=_MICROSOFT, alpha=1.0)
            case Activation.relu:
                return self.op("Relu", x)
            case Activation.mish:
                return self.op("Mish", x)
            case Activation.tanh:
                return self.op("Tanh", x)
        return x

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        output = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], domain=domain, **attributes))
        return output

    def integers(self, *values: int) -> str:
        return self.constant(np.array(values))

    def constant(self, array: np.ndarray) -> str:
        name = f"constant_{array.dtype}_{array.tolist()}"
        self.initializers.setdefault(name, numpy_helper.from_array(array, name))
        return name

    def weight(self, name: str) -> str:
        """The initializer of a weight in float32, which the runtime maps from the file where it is stored so."""
        tensor = self.checkpoint.tensors[name]
        return self.initializer(name, tensor, tensor.read, as_stored=tensor.dtype == "F32")

    def stored(self, name: str) -> str:
        """The initializer of numbers in the type in which they are stored."""
        tensor = self.checkpoint.tensors[name]
        return self.initializer(name, tensor, tensor.stored, as_stored=True)

    def initializer(self, name: str, tensor: Weight, numbers: Callable[[], np.ndarray], *, as_stored: bool) -> str:
        if name not in self.initializers:
            if as_stored and tensor.mappable:
                self.initializers[name] = _external(name, tensor, self.folder)
            else:
                self.array(name, numbers())
        return name

    def array(self, name: str, array: np.ndarray) -> None:
        """An initializer whose numbers are handed to the runtime in memory."""
        kind = helper.np_dtype_to_tensor_dtype(array.dtype)
        proto = TensorProto(name=name, data_type=kind, dims=array.shape, data_location=TensorProto.EXTERNAL)
        proto.external_data.add(key="location", value="memory")  # must be there; never opened
        self.converted.setdefault(name, array)
        self.initializers.setdefault(name, proto)


class _Int8Builder(Builder):
    """The same model with int8 weights and one scale for each token's activations (see int8.py)."""

    def __init__(self, checkpoint: Checkpoint, all_rows: bool) -> None:
        super().__init__(checkpoint, all_rows)
        self.quantized: dict[str, tuple[str, str]] = {}
        self.smoothed: dict[tuple[str, str], str] = {}

    def rows_of(self, table: str, indices: str) -> str:
        base = table.removesuffix(".weight")
        if f"{base}.int4" in self.checkpoint.tensors:
            rows, scale = self.unpacked_rows(f"{base}.int4", indices), self.stored(f"{base}.row_scale")
        else:
            values, scale = self.int8_table(table)
            rows = self.op("Cast", self.op("Gather", values, indices), to=TensorProto.FLOAT)
        scales = self.op("Cast", self.op("Gather", scale, indices), to=TensorProto.FLOAT)
        return self.op("Mul", rows, self.op("Unsqueeze", scales, self.integers(1)))

    def unpacked_rows(self, table: str, indices: str) -> str:
        """The rows [N, D] of embeddings in 4 bits, without their scales."""
        rows = self.op("Gather", self.stored(table), indices)
        lower = self.op("BitwiseAnd", rows, self.constant(np.array(15, np.uint8)))
        upper = self.op("BitShift", rows, self.constant(np.array(4, np.uint8)), direction="RIGHT")
        both = self.op("Cast", self.op("Concat", lower, upper, axis=1), to=TensorProto.FLOAT)
        if self.config.dim % 2:
            both = self.op("Slice", both, self.integers(0), self.integers(self.config.dim), self.integers(1))
        return self.op("Sub", both, self.constant(np.array(8, np.float32)))

    def linear(self, x: str, name: str, weight: str | None = None) -> str:
        weight = weight or f"{name}.weight"
        scheme = self.checkpoint.scheme
        if not int8.is_quantized(weight, (0, 0)) or (scheme and name in scheme.float32):
            return super().linear(x, name, weight)
        if scheme and scheme.smoothed and (smoothing := int8.smoothing_of(name)):
            x = self.smoothed_input(x, smoothing)
        values, scale = self.int8_matrix(weight)
        rows, largest = self.int8_rows(x)
        zero = self.constant(np.array([0], np.int8))
        inputs = (rows, values, self.step, scale, self.middle, zero)
        product = self.op("MatMulIntegerToFloat", *inputs, domain=_MICROSOFT)
        return self.op("Add", self.op("Mul", product, largest), self.weight(f"{name}.bias"))

    def smoothed_input(self, x: str, smoothing: str) -> str:
        """x [N, D] times its vector. Once for each x."""
        key = (x, smoothing)
        if key not in self.smoothed:
            self.smoothed[key] = self.op("Mul", x, self.weight(smoothing))
        return self.smoothed[key]

    def int8_rows(self, x: str) -> tuple[str, str]:
        """x as uint8 [N, D] around 128, and what 127 stands for in each row, float32 [N, 1]. Once for each x."""
        if x not in self.quantized:
            largest = self.op("ReduceMax", self.op("Abs", x), self.integers(-1), keepdims=1)
            largest = self.op("Max", largest, self.constant(np.array(1e-9, np.float32)))  # a row of zeros
            unit = self.op("Mul", x, self.op("Reciprocal", largest))
            self.quantized[x] = (self.op("QuantizeLinear", unit, self.step, self.middle), largest)
        return self.quantized[x]

    @property
    def step(self) -> str:
        return self.constant(np.array(1 / 127, np.float32))

    @property
    def middle(self) -> str:
        return self.constant(np.array(128, np.uint8))

    def int8_table(self, name: str) -> tuple[str, str]:
        """The initializers of the int8 rows and scales of embeddings, which have 8 bits on every CPU."""
        base = name.removesuffix(".weight")
        values, scale = f"{base}.int8", f"{base}.scale"
        if values in self.checkpoint.tensors:
            return self.stored(values), self.weight(scale)
        if values not in self.initializers:
            pair = self.checkpoint.int8_weight(name, 8)
            self.array(values, pair[0])
            self.array(scale, pair[1])
        return values, scale

    def int8_matrix(self, name: str) -> tuple[str, str]:
        """The initializers of a matrix's int8 values and scales, mapped from the file where they fit as they are."""
        base = name.removesuffix(".weight")
        values, scale = f"{base}.int8", f"{base}.scale"
        bits, tensors = self.checkpoint.bits, self.checkpoint.tensors
        turned = int8.is_embedding(name)  # a projector that is tied to the embeddings
        if bits and bits <= int8.fitting_bits() and values in tensors and not turned:
            return self.stored(values), self.weight(scale)
        values, scale = f"{values}.multiplied", f"{scale}.multiplied"
        pair = self.checkpoint.int8_weight(name, int8.fitting_bits())
        self.array(values, np.ascontiguousarray(pair[0].T) if turned else pair[0])
        self.array(scale, pair[1])
        return values, scale


def _external(name: str, tensor: Weight, folder: Path) -> TensorProto:
    kind = helper.np_dtype_to_tensor_dtype(NUMBERS[tensor.dtype])
    proto = TensorProto(name=name, data_type=kind, dims=tensor.shape, data_location=TensorProto.EXTERNAL)
    proto.external_data.add(key="location", value=tensor.path.relative_to(folder).as_posix())
    proto.external_data.add(key="offset", value=str(tensor.offset))
    proto.external_data.add(key="length", value=str(tensor.nbytes))
    return proto
