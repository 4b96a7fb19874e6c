"""The matrix products of an encoder and nothing else: what a runtime can do at most, and how many are useful."""

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import distilbert


def multiply_adds(config: distilbert.DistilBertConfig, lengths: list[int]) -> int:
    """What a classifier needs of the encoder: all layers for all tokens, but in the last one query row a text."""
    d, f = config.dim, config.hidden_dim
    total = 0
    for t in lengths:
        total += (config.n_layers - 1) * (t * (4 * d * d + 2 * d * f) + 2 * d * t * t)
        total += 2 * t * d * d + 2 * d * d + 2 * d * f + 2 * d * t
    return total


class MatrixProducts:
    """The same products of the same shapes and nothing else: what the runtime can do at most."""

    def __init__(self, config: distilbert.DistilBertConfig, precision: str, threads: int) -> None:
        self.config = config
        self.dtype = np.float32 if precision == "float32" else np.uint8
        d, f = config.dim, config.hidden_dim
        rng = np.random.default_rng(0)
        nodes, weights, inputs = [], {}, {"tokens": d, "rows": d, "wide_tokens": f, "wide_rows": f}

        def linear(x: str, wide: int) -> None:
            name, into = f"y{len(nodes)}", inputs[x]
            weight = rng.normal(0, 30, (into, wide))
            if precision == "float32":
                weights[f"w{name}"] = weight.T.astype(np.float32)
                weights[f"b{name}"] = np.zeros(wide, np.float32)
                nodes.append(helper.make_node("Gemm", [x, f"w{name}", f"b{name}"], [name], transB=1))
            else:
                weights[f"w{name}"] = weight.clip(-127, 127).astype(np.int8)
                weights[f"s{name}"] = np.ones(wide, np.float32)
                operands = [x, f"w{name}", "step", f"s{name}", "middle", "zero"]
                nodes.append(helper.make_node("MatMulIntegerToFloat", operands, [name], domain="com.microsoft"))

        if precision == "int8":
            weights |= {"step": np.float32(0.01), "middle": np.uint8(128), "zero": np.zeros(1, np.int8)}
        for layer in range(config.n_layers):
            x = "rows" if layer == config.n_layers - 1 else "tokens"
            for source, wide in (("tokens", d), ("tokens", d), (x, d), (x, d), (x, f), (f"wide_{x}", d)):
                linear(source, wide)
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(self.dtype))
        graph = helper.make_graph(
            nodes,
            "products",
            [helper.make_tensor_value_info(name, kind, [None, width]) for name, width in inputs.items()],
            [helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, None) for node in nodes],
            [numpy_helper.from_array(np.asarray(array), name) for name, array in weights.items()],
        )
        opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(model.SerializeToString(), options)

    def run(self, tokens: int, rows: int) -> None:
        d, f = self.config.dim, self.config.hidden_dim
        shapes = {"tokens": (tokens, d), "rows": (rows, d), "wide_tokens": (tokens, f), "wide_rows": (rows, f)}
        self.session.run(None, {name: np.ones(shape, self.dtype) for name, shape in shapes.items()})

    def multiply_adds(self, tokens: int, rows: int) -> int:
        d, f = self.config.dim, self.config.hidden_dim
        full = tokens * (4 * d * d + 2 * d * f)
        return (self.config.n_layers - 1) * full + tokens * 2 * d * d + rows * (2 * d * d + 2 * d * f)
