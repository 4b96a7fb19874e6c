"""What sentence-transformers keeps beside an encoder of how it reads text: sentence_bert_config.json and its like."""

from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError, short_repr
from ..files import has_file
from .layout import TRANSFORMER_CONFIGS
from .module_list import Module
from .settings import Settings

# for each task what the encoder is asked for, and what it is called then
_OUTPUTS = {
    "feature-extraction": ("last_hidden_state", "token_embeddings"),
    "fill-mask": ("logits", "token_embeddings"),
    "sequence-classification": ("logits", "scores"),
}
# options of Transformers' own loading that change no number here: everything is computed in float32 on the CPU
_HARMLESS = ("trust_remote_code", "use_fast", "torch_dtype", "dtype", "attn_implementation", "use_safetensors",
             "low_cpu_mem_usage", "device_map", "clean_up_tokenization_spaces")  # fmt: skip


@dataclass(frozen=True)
class Expansion:
    """Queries made longer by masks whose states count too (ColBERT: Khattab and Zaharia 2020, arXiv 2004.12832).

    Attributes:
        length: in tokens; shorter queries are filled up to it.
        cuts: whether longer ones are cut to it.
        attend: whether the other tokens attend to the masks.
        token: what they are filled with; None for the tokenizer's mask.
    """

    length: int
    cuts: bool = True
    attend: bool = False
    token: str | None = None


@dataclass(frozen=True)
class TransformerSettings:
    """How the encoder reads text.

    Attributes:
        task: one of Transformers' names of tasks: "feature-extraction", "fill-mask" or "sequence-classification".
        max_length: in tokens; None where nothing is said.
        lower_case: whether texts are lower-cased before the tokenizer.
        query_length, document_length: in tokens, of late interaction alone.
        expansion: of queries, of late interaction alone.
    """

    task: str
    max_length: int | None = None
    lower_case: bool = False
    query_length: int | None = None
    document_length: int | None = None
    expansion: Expansion | None = None


def read_transformer_settings(module: Module) -> TransformerSettings:
    """Read what stands beside an encoder. Raises ConfigError naming the file and the key."""
    settings = transformer_file(module)
    task = settings.choice(
        "transformer_task", "fill-mask" if module.kind == "MLMTransformer" else "feature-extraction", _OUTPUTS
    )
    _check_output(settings, task)
    tokenizer = _loading(settings, ("processor_kwargs", "tokenizer_args"), ("model_max_length",))
    _loading(settings, ("config_kwargs", "config_args"), ())
    text = _processing(settings)
    lengths = [settings.whole("max_seq_length"), tokenizer.get("model_max_length"), text.get("max_length")]
    for name, length in (("model_max_length", lengths[1]), ("processing_kwargs", lengths[2])):
        if length is not None and (type(length) is not int or length < 1):
            raise ConfigError(f"{settings.path}: {name} must give a length of at least 1, not {short_repr(length)}")
    return TransformerSettings(
        task=task,
        # the call's own length wins over the tokenizer's, and that over the old key
        max_length=next((length for length in reversed(lengths) if length is not None), None),
        lower_case=settings.flag("do_lower_case", False),
        query_length=settings.whole("query_length"),
        document_length=settings.whole("document_length"),
        expansion=_expansion(settings),
    )


def transformer_file(module: Module) -> Settings:
    """The file beside an encoder: its name says which model sentence-transformers was first used with."""
    found = next((name for name in TRANSFORMER_CONFIGS if has_file(module.folder / name)), TRANSFORMER_CONFIGS[0])
    return Settings(module.folder / found, optional=True)


def _check_output(settings: Settings, task: str) -> None:
    output, name = _OUTPUTS[task]
    stated = settings.object("modality_config").get("text", {"method": "forward", "method_output_name": output})
    place = stated.get("method_output_name") if isinstance(stated, dict) else None
    if not isinstance(stated, dict) or stated.get("method") != "forward" or place not in (output, [output]):
        raise ConfigError(f"{settings.path}: modality_config must read {output} of forward, not {short_repr(stated)}")
    settings.choice("module_output_name", name, [name])


def _loading(settings: Settings, keys: tuple[str, str], honoured: tuple[str, ...]) -> dict[str, Any]:
    """Options for Transformers' loading, by their newer or older key: those that are honoured here."""
    stated = settings.object(keys[0]) or settings.object(keys[1])
    if others := [name for name in stated if name not in (*honoured, *_HARMLESS)]:
        key = keys[0] if settings.values.get(keys[0]) else keys[1]
        raise ConfigError(f"{settings.path}: {key} has {', '.join(others)}, which is not supported")
    return {name: stated[name] for name in honoured if name in stated}


def _processing(settings: Settings) -> dict[str, Any]:
    """What the tokenizer is called with for text."""
    stated = settings.object("processing_kwargs")
    text = stated.get("text") or {}
    if not isinstance(text, dict):
        raise settings.wrong("processing_kwargs", "objects by modality")
    harmless = {"padding", "max_length", "pad_to_multiple_of", "return_tensors"}
    if others := [name for name in text if name not in harmless and (name, text[name]) not in _AS_HERE]:
        raise ConfigError(f"{settings.path}: processing_kwargs has {', '.join(others)}, which is not supported")
    return text


_AS_HERE = [("truncation", True), ("truncation", "longest_first"), ("add_special_tokens", True)]


def _expansion(settings: Settings) -> Expansion | None:
    stated = settings.object("query_expansion")
    if not stated:
        return None
    strategy, length, attend = stated.get("strategy"), stated.get("length"), stated.get("attend", False)
    token = stated.get("token")
    right = strategy in ("fixed", "min") and isinstance(attend, bool) and isinstance(token, str | None)
    if not right or type(length) is not int or length < 1:
        raise settings.wrong("query_expansion", 'a strategy ("fixed" or "min"), a length, attend and token')
    return Expansion(length, cuts=strategy == "fixed", attend=attend, token=token)
