"""The files beside an encoder that make its folder one of sentence-transformers."""

import json
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import nn

from ..files import written_whole
from ..folder.layout import WEIGHTS


def write_sentence_folder(out: Path, dim: int, last: nn.Module | None, longest: int, lower_case: bool) -> None:
    """What sentence-transformers, and this package, read of how vectors are made: the mean of states of width `dim`,
    a Dense if `last` is a linear layer, and length 1.
    """
    pooling = {"word_embedding_dimension": dim, "pooling_mode_mean_tokens": True}
    parts: list[tuple[str, str, dict[str, Any] | None]] = [("Pooling", "1_Pooling", pooling)]
    if isinstance(last, nn.Linear):
        identity = "torch.nn.modules.linear.Identity"
        about = {"in_features": dim, "out_features": last.out_features, "bias": True, "activation_function": identity}
        parts.append(("Dense", "2_Dense", about))
    parts.append(("Normalize", f"{len(parts) + 1}_Normalize", None))
    modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
    for place, (kind, name, values) in enumerate(parts, 1):
        modules.append({"idx": place, "name": str(place), "path": name, "type": f"sentence_transformers.models.{kind}"})
        (out / name).mkdir(exist_ok=True)
        if values is not None:
            _write_json(out / name / "config.json", values)
        if kind == "Dense" and isinstance(last, nn.Linear):
            with written_whole(out / name / WEIGHTS) as path:
                save_file({f"linear.{n}": weight.detach().contiguous() for n, weight in last.named_parameters()}, path)
    _write_json(out / "sentence_bert_config.json", {"max_seq_length": longest, "do_lower_case": lower_case})
    _write_json(out / "config_sentence_transformers.json", {"similarity_fn_name": "cosine"})
    _write_json(out / "modules.json", modules)


def _write_json(path: Path, values: Any) -> None:
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
