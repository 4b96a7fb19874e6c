"""Weights of another kind than a DistilBERT's in floating point, known by their names: refused with the next step."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from .. import int8
from ..errors import CheckpointError, name_list, short_repr
from .weight_names import WORD_EMBEDDINGS, is_buffer

_USUAL = ("", "distilbert.", "bert.")  # what stands before the name of an encoder that is a model's only one
# how the names end of what programs that quantise store beside a matrix, or in its place
_BESIDE_INTEGERS = (
    *(".SCB", ".absmax", ".quant_map", ".quant_state.bitsandbytes__nf4", ".quant_state.bitsandbytes__fp4"),
    *(".qweight", ".qzeros", ".g_idx"),  # GPTQ, AWQ
    *(".weight_scale", ".weight_scale_inv", ".weight_packed"),  # compressed-tensors, 8-bit floats
    *(".weight._data", ".weight._scale"),  # Quanto
    *(".int8", ".int4"),  # ours, where config.json does not say so
    *("_fake_quant.scale", "_fake_quant.zero_point"),  # PyTorch's, while it trains for it
)
_PLAIN = (".weight", ".bias", ".gamma", ".beta")
# how PyTorch, and movement pruning, keep a matrix that is made of others at each call
_MADE_OF = (".weight_orig", ".weight_mask", ".weight_g", ".weight_v", ".mask_scores")


def refuse_other_kinds(names: Collection[str], config: Mapping[str, Any], place: Path) -> None:
    """Raises CheckpointError, naming `place`, for weights that show another kind. `config` are keys of config.json."""
    if what := _other_kind(names, config, place):
        raise CheckpointError(f"{place}: {what}")


def _other_kind(names: Collection[str], config: Mapping[str, Any], place: Path) -> str:
    if "linear.weight" in names and "linear.bias" not in names:  # a layer without bias makes its tokens' vectors
        return (
            "has linear.weight beside an encoder, as Stanford's ColBERT does; open it with PyLate, save it there, and "
            "load that folder"
        )
    values = config.get(int8.KEY)
    beside = [name for name in names if name.endswith(_BESIDE_INTEGERS)]
    if isinstance(values, Mapping) and not beside:  # by a program whose names are not known here
        beside = [name for name in names if ".layer." in name and not name.endswith(_PLAIN) and not is_buffer(name)]
    if beside and not int8.is_ours(values):
        method = values.get("quant_method") if isinstance(values, Mapping) else None
        program = f"by {short_repr(method)}" if method else "by another program"
        return (
            f"weights were quantised {program} (it has {name_list(beside[:1])}), which is not read; take the model "
            "that they were made from, or save it in float (Transformers: `model.dequantize()`, then `save_pretrained`)"
        )
    if any("lora_" in name or ".modules_to_save." in name for name in names):
        return "weights hold an adapter (LoRA) that was not merged; call PEFT's merge_and_unload() and save anew"
    if made := [name for name in names if name.endswith(_MADE_OF) or ".parametrizations." in name]:
        return (
            f"weights have masks or norms beside them (it has {name_list(made[:1])}); make them plain matrices "
            "(torch.nn.utils.prune.remove, torch.nn.utils.parametrize.remove_parametrizations), and save anew"
        )
    is_torch = any(name.endswith(f"{WORD_EMBEDDINGS}weight") for name in names)
    if not is_torch and any(name.endswith((".kernel", "/kernel:0")) for name in names):
        return f"weights have the names of TensorFlow or Flax, which `distilbert convert {place} OUT` reads"
    encoders = sorted({name.partition(WORD_EMBEDDINGS)[0] for name in names if WORD_EMBEDDINGS in name})
    if len(encoders) > 1 and not set(encoders) & set(_USUAL):
        return f"weights hold several encoders ({name_list(encoders)}); save one of them as a model of its own"
    return ""
