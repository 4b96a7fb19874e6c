"""A model folder in another format or of another architecture -> a DistilBERT folder, whole or not at all."""

import dataclasses
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..checkpoint import PREFIX, WEIGHTS, Head, fit_weights, modern_name, open_checkpoint, stored_tensors
from ..config import DistilBertConfig
from ..errors import InputError
from ..files import read_json
from ..hub import resolve
from ..sentence_folder import modules_of, read_sentence_folder
from . import bert, safetensors
from .report import LeftOut, Mapped, Report
from .weight import STORED_AS, DType, Weight

__all__ = ["convert"]

_TOKENIZER_FILES = (
    "added_tokens.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
)
_SENTENCE_FILES = ("config_sentence_transformers.json", "modules.json")
_BLOCK = 4096  # rows compared at a time


def convert(
    source: str | Path,
    out: str | Path,
    *,
    layers: Sequence[int] | None = None,
    dtype: DType = "float32",
    revision: str | None = None,
) -> Report:
    """Make a DistilBERT folder `out` from `source`; the source is only read.

    Args:
        source: a model folder, or a name on the hub. A BERT is folded into a DistilBERT.
        out: the folder to write. It must not exist, or be empty; it appears whole or not at all.
        layers: keep only these layers, counted from 0, in ascending order.
        dtype: how the weights are stored: "float32", "float16" or "bfloat16".
        revision: a branch, tag or commit on the hub.

    Returns:
        What became of every weight.

    Raises:
        HubError, ConfigError, CheckpointError: naming the file and the reason; nothing is written.
        InputError: for an option, or an `out`, that cannot be.
    """
    if dtype not in STORED_AS:
        raise InputError(f"dtype must be one of {', '.join(STORED_AS)}, not {dtype!r}")
    source, out = resolve(source, revision), Path(out)
    _check_place(source, out)
    inner = _transformer(source)
    folder = source / inner
    values = read_json(folder / "config.json")
    stored = safetensors.from_tensors(stored_tensors(folder))
    if bert.is_bert(values):
        folded = bert.fold(values, {modern_name(name): weight for name, weight in stored.items()}, folder)
        config, found, left_out, notes = folded.config, folded.weights, dict(folded.left_out), list(folded.notes)
    else:
        config, found, left_out, notes = DistilBertConfig.from_file(folder), stored, {}, []
    head, weights = fit_weights(config, found, folder)
    left_out |= {weight.name: _why_unread(name) for name, weight in found.items() if weight not in weights.values()}
    config = dataclasses.replace(config, architectures=(head.value,))
    if layers is not None:
        config, weights, dropped = _choose_layers(config, weights, layers)
        left_out |= dropped
        notes.append(f"layers {', '.join(map(str, layers))} of the source: a start for training, not the same model")
    config, weights, tied = _tie(config, weights)
    left_out |= tied
    stored_as = STORED_AS[dtype]
    with written_whole_folder(out) as temporary:
        files = _bring_along(source, inner, temporary, is_bert=bert.is_bert(values))
        strip = len(PREFIX) if head is Head.NONE else 0  # as Transformers: the bare model has no prefix
        named = {name[strip:]: weight for name, weight in weights.items()}
        safetensors.write(temporary / inner / WEIGHTS, named, stored_as)
        _write_config(temporary / inner / "config.json", config, dtype)
        open_checkpoint(temporary / inner)
        read_sentence_folder(temporary)
    return Report(
        source=str(source),
        out=str(out),
        model=head.value,
        mapped=tuple(Mapped(w.name, name, w.shape, w.dtype, stored_as) for name, w in named.items()),
        left_out=tuple(
            LeftOut(w.name, w.shape, w.dtype, left_out[w.name]) for w in stored.values() if w.name in left_out
        ),
        files=tuple(files),
        notes=tuple(notes),
    )


def _check_place(source: Path, out: Path) -> None:
    if out.resolve() == source.resolve() or source.resolve() in out.resolve().parents:
        raise InputError(f"{out}: lies in the source; give a folder outside of it")
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise InputError(f"{out}: exists already; give a new or an empty folder")


@contextmanager
def written_whole_folder(out: Path) -> Iterator[Path]:
    """A new folder beside `out` that takes its place if the block succeeds and is removed if not."""
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.parent / f".{out.name}.{uuid.uuid4().hex}"
    temporary.mkdir()
    try:
        yield temporary
        for path in temporary.rglob("*"):
            if path.is_file():
                with path.open("rb") as file:
                    os.fsync(file.fileno())
        if out.is_dir():
            out.rmdir()  # fails unless it is still empty
        temporary.rename(out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _transformer(source: Path) -> Path:
    """Where the encoder lies in a model folder: a sentence-transformers folder may keep it in a part of its own."""
    path = source / "modules.json"
    if not path.is_file():
        return Path()
    first = modules_of(path)[:1]
    return first[0][1].relative_to(source) if first else Path()


def _why_unread(name: str) -> str:
    return "a buffer, not a weight" if name.endswith("position_ids") else "belongs to a head of another task"


def _choose_layers(
    config: DistilBertConfig, weights: Mapping[str, Weight], layers: Sequence[int]
) -> tuple[DistilBertConfig, dict[str, Weight], dict[str, str]]:
    """The config and weights of these layers alone, renumbered; and what was dropped, with the reason."""
    if not layers or list(layers) != sorted(set(layers)) or not 0 <= layers[0] <= layers[-1] < config.n_layers:
        raise InputError(
            f"layers must ascend within 0 to {config.n_layers - 1}, the layers that there are, not {list(layers)}"
        )
    place = {old: new for new, old in enumerate(layers)}
    prefix = f"{PREFIX}transformer.layer."
    kept: dict[str, Weight] = {}
    dropped: dict[str, str] = {}
    for name, weight in weights.items():
        if not name.startswith(prefix):
            kept[name] = weight
            continue
        number, _, rest = name.removeprefix(prefix).partition(".")
        if int(number) in place:
            kept[f"{prefix}{place[int(number)]}.{rest}"] = weight
        else:
            dropped[weight.name] = f"layer {number} was not chosen"
    return dataclasses.replace(config, n_layers=len(layers)), kept, dropped


def _tie(
    config: DistilBertConfig, weights: dict[str, Weight]
) -> tuple[DistilBertConfig, dict[str, Weight], dict[str, str]]:
    """A projector that repeats the word embeddings is left out; one of its own makes the config say so."""
    own = weights.get("vocab_projector.weight")
    if own is None:
        return config, weights, {}
    if not _equal(own.read(), weights[f"{PREFIX}embeddings.word_embeddings.weight"].read()):
        return dataclasses.replace(config, tie_word_embeddings=False), weights, {}
    weights = {name: weight for name, weight in weights.items() if weight is not own}
    return dataclasses.replace(config, tie_word_embeddings=True), weights, {own.name: "tied: the word embeddings again"}


def _equal(a: np.ndarray, b: np.ndarray) -> bool:
    """np.array_equal, by blocks of rows."""
    return all(np.array_equal(a[row : row + _BLOCK], b[row : row + _BLOCK]) for row in range(0, len(a), _BLOCK))


def _bring_along(source: Path, inner: Path, out: Path, *, is_bert: bool) -> list[str]:
    """Copy tokenizer, sentence-transformers files and licence; returns their names."""
    folder = source / inner
    files = [folder / name for name in _TOKENIZER_FILES]
    files += sorted(folder.glob("sentence_*_config.json"))
    files += [source / name for name in _SENTENCE_FILES]
    if (source / "modules.json").is_file():
        for _, part in modules_of(source / "modules.json"):
            if part not in (source, folder):
                files += sorted(path for path in part.rglob("*") if path.is_file())
    (out / inner).mkdir(parents=True, exist_ok=True)
    brought = []
    for path in files:
        if path.is_file():
            name = path.relative_to(source)
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, out / name)
            brought.append(name.as_posix())
    if is_bert and (path := out / inner / "tokenizer_config.json").is_file():
        _without_token_types(path)
    return brought


def _without_token_types(path: Path) -> None:
    """Transformers must not give the model the token types that BERT's tokenizer makes."""
    settings = read_json(path) | {"model_input_names": ["input_ids", "attention_mask"]}
    if str(settings.get("tokenizer_class", "")).startswith("BertTokenizer"):
        settings["tokenizer_class"] = f"Distil{settings['tokenizer_class']}"
    path.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def _write_config(path: Path, config: DistilBertConfig, dtype: DType) -> None:
    values: dict[str, Any] = config.to_dict()
    for key in ("torch_dtype", "dtype"):
        if key in values:
            values[key] = dtype
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
