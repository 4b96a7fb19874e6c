"""`export_onnx`: a model folder -> an ONNX file that any runtime runs, laid out and named as Optimum does it.

The graph of graph.py works on packed tokens and some of ONNX Runtime's own operators; this one is the
same model on padded texts, with the operators of the ONNX standard alone.

    inputs:   input_ids        int64 [B, T]     ([B, choices, T] for multiple choice)
              attention_mask   int64 [B, T]     1 = token, 0 = padding
    outputs:  last_hidden_state [B, T, D], or logits [B, labels] or [B, T, labels or V], or start_logits and
              end_logits [B, T]; float32
"""

import math
import warnings
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .. import int8
from ..activations import Activation
from ..engine.graph import Builder
from ..errors import CheckpointError, TokenizerWarning, check_one_of
from ..fetching import fetch
from ..files import is_file, path_given
from ..folder.checkpoint import Checkpoint, Head, open_checkpoint, outputs_of
from ..folder.companions import copy_companions, encoder_folder
from ..folder.layout import CONFIG, ONNX, TOKENIZER
from ..folder.sentence import read_sentence_folder
from ..folder.weight_names import PREFIX
from .folder import check_place, write_config, written_whole_folder
from .tokenizer_json import write_tokenizer_json

_OPSET = 17  # the first that has LayerNormalization
_IR_VERSION = 8
_MOST_BYTES = (1 << 31) - (1 << 24)  # a protocol buffer ends at 2 GB


Layout = Literal["optimum", "transformers.js"]
LAYOUTS: dict[Layout, str] = {"optimum": ONNX[0], "transformers.js": ONNX[1]}  # where the graph lies in the folder


def export_onnx(model: str | Path, out: str | Path, *, layout: Layout = "optimum", revision: str | None = None) -> Path:
    """Write a model.onnx with the weights in it, config.json and the tokenizer's files; `model` is only read.

    Args:
        model: a DistilBERT folder, or a name on the hub.
        out: the folder to write. It must not exist, or be empty; it appears whole or not at all.
        layout: "optimum" puts the graph beside config.json, "transformers.js" into the folder `onnx` below it.
        revision: a branch, tag or commit on the hub.

    Returns:
        The path of model.onnx.

    Raises:
        HubError, ConfigError, CheckpointError: naming the file and the reason; nothing is written.
        InputError: for a layout that does not exist, and an `out` that cannot be.
    """
    check_one_of("layout", layout, LAYOUTS)
    root, out = fetch(model, revision), path_given(out, "out must be a path")
    check_place(root, out)
    read_sentence_folder(root)  # so that what comes along is known to be whole
    encoder = encoder_folder(root)
    checkpoint = open_checkpoint(encoder)
    if checkpoint.bits:
        raise CheckpointError(f"{root}: holds int8 weights, which cannot be turned back; {int8.FLOAT_MODEL}")
    if 4 * checkpoint.parameters > _MOST_BYTES:
        raise CheckpointError(f"{root}: has {checkpoint.parameters} parameters, more than one ONNX file can hold")
    with written_whole_folder(out, root) as temporary:
        copy_companions(root, encoder, temporary)
        write_config(temporary / CONFIG, checkpoint.config, "float32")
        note = write_tokenizer_json(temporary, encoder)
        if note and not is_file(temporary / TOKENIZER):
            warnings.warn(f"{out}: {note}", TokenizerWarning, stacklevel=2)
        (temporary / LAYOUTS[layout]).parent.mkdir(exist_ok=True)
        onnx.save(_PaddedBuilder(checkpoint).model(), str(temporary / LAYOUTS[layout]))
    return out / LAYOUTS[layout]


class _PaddedBuilder(Builder):
    """The graph on padded texts. Between embeddings and head a hidden state is [B·T, D], as if packed."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(checkpoint, all_rows=True)

    def model(self) -> onnx.ModelProto:
        """The whole model, weights included."""
        head = self.checkpoint.head
        of_choices = head is Head.MULTIPLE_CHOICE
        axes = ["batch_size", "num_choices", "sequence_length"] if of_choices else ["batch_size", "sequence_length"]
        self.length = self.op("Shape", "input_ids", start=-1)  # [1]: T
        flat = self.op("Concat", self.integers(-1), self.length, axis=0)
        self.ids = self.op("Reshape", "input_ids", flat) if of_choices else "input_ids"
        self.texts = self.op("Shape", self.ids, end=1)  # [1]: B, or B · choices
        given = self.op("Reshape", "attention_mask", flat) if of_choices else "attention_mask"
        self.mask = self.additive_mask(given)
        x = self.embeddings()
        for index in range(self.config.n_layers):
            x = self.layer(index, x, last=False)
        outputs = self.outputs(head, x)
        graph = helper.make_graph(
            self.nodes,
            "distilbert",
            [helper.make_tensor_value_info(n, TensorProto.INT64, axes) for n in ("input_ids", "attention_mask")],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
            list(self.initializers.values()),
        )
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", _OPSET)],
            ir_version=_IR_VERSION,
            producer_name="distilbert",
        )

    def embeddings(self) -> str:
        """Word + position embeddings, normalised: [B·T, D]."""
        name = f"{PREFIX}embeddings"
        scalar = self.op("Squeeze", self.length, self.integers(0))
        zero, one = self.constant(np.array(0)), self.constant(np.array(1))
        positions = self.rows_of(f"{name}.position_embeddings.weight", self.op("Range", zero, scalar, one))
        x = self.op("Add", self.rows_of(f"{name}.word_embeddings.weight", self.ids), positions)
        return self.norm(self.op("Reshape", x, self.integers(-1, self.config.dim)), f"{name}.LayerNorm")

    def attention(self, name: str, x: str, queries: str, *, cut: bool) -> str:
        """Multi-head self-attention of all tokens: [B·T, D] -> [B·T, D]."""
        q = self.op("Transpose", self.split(self.linear(queries, f"{name}.q_lin")), perm=[0, 2, 1, 3])
        k = self.op("Transpose", self.split(self.linear(x, f"{name}.k_lin")), perm=[0, 2, 3, 1])
        v = self.op("Transpose", self.split(self.linear(x, f"{name}.v_lin")), perm=[0, 2, 1, 3])
        scores = self.op("Mul", self.op("MatMul", q, k), self.number(self.config.head_dim**-0.5))
        weights = self.op("Softmax", self.op("Add", scores, self.mask), axis=-1)
        context = self.op("Transpose", self.op("MatMul", weights, v), perm=[0, 2, 1, 3])
        return self.linear(self.op("Reshape", context, self.integers(-1, self.config.dim)), f"{name}.out_lin")

    def split(self, x: str) -> str:
        """[B·T, D] -> [B, T, H, D/H]."""
        tail = self.integers(self.config.n_heads, self.config.head_dim)
        return self.op("Reshape", x, self.op("Concat", self.texts, self.length, tail, axis=0))

    def mean_of_tokens(self, x: str) -> str:
        """[B, T, C] -> [B, C], without padding."""
        mask = self.op("Unsqueeze", self.op("Cast", "attention_mask", to=TensorProto.FLOAT), self.integers(-1))
        total, count = (
            self.op("ReduceSum", each, self.integers(1), keepdims=0) for each in (self.op("Mul", x, mask), mask)
        )
        return self.op("Div", total, count)

    def outputs(self, head: Head, x: str) -> dict[str, list[str | int]]:
        """Makes the outputs from the last hidden state; their names and shapes."""
        batch: list[str | int] = ["batch_size"]
        tokens = [*batch, "sequence_length"]
        if head is Head.SEQUENCE_CLASSIFICATION and self.config.classifier_pooling == "mean":
            logits = self.mean_of_tokens(self.unflatten(self.head(head, x), self.config.num_labels))
            return self.name("logits", logits, [*batch, self.config.num_labels])
        if head is Head.SEQUENCE_CLASSIFICATION or head is Head.MULTIPLE_CHOICE:
            x = self.op("Gather", self.unflatten(x, self.config.dim), self.constant(np.array(0)), axis=1)
            logits = self.head(head, x)
            if head is Head.MULTIPLE_CHOICE:
                choices = self.op("Shape", "input_ids", end=2)
                return self.name("logits", self.op("Reshape", logits, choices), [*batch, "num_choices"])
            return self.name("logits", logits, [*batch, self.config.num_labels])
        x = self.head(head, x)
        if head is Head.QUESTION_ANSWERING:
            found: dict[str, list[str | int]] = {}
            for index, name in enumerate(("start_logits", "end_logits")):
                column = self.op("Gather", self.unflatten(x, 2), self.constant(np.array(index)), axis=2)
                found |= self.name(name, column, tokens)
            return found
        width, name = outputs_of(head, self.config), "last_hidden_state" if head is Head.NONE else "logits"
        return self.name(name, self.unflatten(x, width), [*tokens, width])

    def unflatten(self, x: str, width: int) -> str:
        """[B·T, width] -> [B, T, width]."""
        return self.op("Reshape", x, self.op("Concat", self.texts, self.length, self.integers(width), axis=0))

    def name(self, name: str, x: str, shape: list[str | int]) -> dict[str, list[str | int]]:
        self.nodes.append(helper.make_node("Identity", [x], [name]))
        return {name: shape}

    def activation(self, x: str) -> str:
        """From operators that the standard has in every version that is in use."""
        match self.config.activation:
            case Activation.gelu:
                inner = self.op("Erf", self.op("Mul", x, self.number(math.sqrt(0.5))))
                return self.half_gated(x, inner)
            case Activation.gelu_new | Activation.gelu_pytorch_tanh | Activation.gelu_fast:
                cube = self.op("Mul", self.op("Mul", x, self.op("Mul", x, x)), self.number(0.044715))
                inner = self.op("Mul", self.op("Add", x, cube), self.number(math.sqrt(2 / math.pi)))
                return self.half_gated(x, self.op("Tanh", inner))
            case Activation.quick_gelu:
                return self.op("Mul", x, self.op("Sigmoid", self.op("Mul", x, self.number(1.702))))
            case Activation.silu:
                return self.op("Mul", x, self.op("Sigmoid", x))
            case Activation.mish:
                return self.op("Mul", x, self.op("Tanh", self.op("Softplus", x)))
        return super().activation(x)

    def half_gated(self, x: str, gate: str) -> str:
        """0.5 · x · (1 + gate)."""
        return self.op("Mul", self.op("Mul", x, self.number(0.5)), self.op("Add", gate, self.number(1)))

    def number(self, value: float) -> str:
        return self.constant(np.array(value, np.float32))

    def weight(self, name: str) -> str:
        """The initializer of a weight, its numbers in the file itself."""
        if name not in self.initializers:
            self.initializers[name] = numpy_helper.from_array(self.checkpoint.tensors[name].read(), name)
        return name
