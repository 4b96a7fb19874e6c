"""The files beside an encoder that make its folder one of sentence-transformers."""

from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from ..files import write_json, written_whole
from .layout import CONFIG, MODULES, SENTENCE_CONFIG, TRANSFORMER_CONFIGS, WEIGHTS


def write_sentence_folder(
    out: Path, dim: int, longest: int, *, dense: tuple[np.ndarray, np.ndarray] | None = None, lower_case: bool = False
) -> None:
    """What sentence-transformers, and this package, read of how vectors are made: the mean of states of width `dim`,
    a linear layer `dense` (weight [out, dim] and bias [out]) if there is one, and length 1.

    `longest` is the longest text in tokens; `lower_case` is whether texts are lower-cased before all else.
    """
    parts: list[tuple[str, dict[str, Any] | None]] = [
        ("Pooling", {"word_embedding_dimension": dim, "pooling_mode_mean_tokens": True})
    ]
    if dense is not None:
        identity = "torch.nn.modules.linear.Identity"
        width = len(dense[1])
        shape = {"in_features": dim, "out_features": width, "bias": True, "activation_function": identity}
        parts.append(("Dense", shape))
    parts.append(("Normalize", None))
    modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
    for place, (kind, values) in enumerate(parts, 1):
        name = f"{place}_{kind}"
        modules.append({"idx": place, "name": str(place), "path": name, "type": f"sentence_transformers.models.{kind}"})
        (out / name).mkdir(parents=True, exist_ok=True)
        if values is not None:
            write_json(out / name / CONFIG, values)
        if kind == "Dense" and dense is not None:
            arrays = dict(zip(("linear.weight", "linear.bias"), map(np.ascontiguousarray, dense), strict=True))
            with written_whole(out / name / WEIGHTS) as path:
                save_file(arrays, path)
    write_json(out / TRANSFORMER_CONFIGS[0], {"max_seq_length": longest, "do_lower_case": lower_case})
    write_json(out / SENTENCE_CONFIG, {"similarity_fn_name": "cosine"})
    write_json(out / MODULES, modules)
