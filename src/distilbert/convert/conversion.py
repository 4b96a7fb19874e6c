"""Weights in another format, or of a BERT -> a DistilBERT folder, with an account of every weight."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import int8
from ..config import DistilBertConfig
from ..errors import CheckpointError, InputError, check_one_of, short_repr
from ..files import is_file, path_given, read_json
from ..folder.checkpoint import Head, check_config_is_there, fit_weights, why_unread
from ..folder.companions import encoder_folder
from ..folder.hub import resolve
from ..folder.layout import CONFIG, GOOGLE_CONFIG
from ..folder.sentence import read_sentence_folder
from ..folder.weight_names import PREFIX, PROJECTOR, WORDS, by_modern_name
from ..folder.weights import Weight
from . import bert
from .folder import bring_along, check_place, folder_around, keep_case, write_config, written_whole_folder
from .formats import FORMATS, WRITTEN, Format, FormatName, format_of, notes_on, read_file, weights_file
from .report import LeftOut, Mapped, Report
from .rounding import STORED_AS, DType
from .tokenizer_json import write_tokenizer_json

_HELD_BY = {"F32": ("F32", "F16", "BF16"), "F16": ("F16",), "BF16": ("BF16",)}  # without rounding
_BLOCK = 4096  # rows compared at a time


def convert(
    source: str | Path,
    out: str | Path,
    *,
    layers: Sequence[int] | None = None,
    dtype: DType = "float32",
    to: FormatName = "safetensors",
    revision: str | None = None,
) -> Report:
    """Make a DistilBERT folder `out` from `source`, which is only read.

    Args:
        source: a model folder, a file of weights with its config.json beside it, or a name on the hub; FORMATS
            in formats.py lists what is read. A BERT is folded into a DistilBERT. No code of a file is ever run.
        out: the folder to write. It must not exist, or be empty; it appears whole or not at all.
        layers: keep only these layers, counted from 0, in ascending order.
        dtype: how the weights are stored: "float32", "float16" or "bfloat16".
        to: how they are kept: "safetensors" (what this package runs), "bin" (PyTorch), "ot" (rust-bert)
            or "npz" (NumPy).
        revision: a branch, tag or commit on the hub.

    Returns:
        What became of every weight.

    Raises:
        HubError, ConfigError, CheckpointError: naming the file and the reason; nothing is written.
        InputError: for an option, or an `out`, that cannot be.
    """
    check_one_of("dtype", dtype, STORED_AS)
    check_one_of("to", to, WRITTEN)
    source, out = path_given(source, "source must be a path or a name"), path_given(out, "out must be a path")
    is_one_file = is_file(source)
    if is_one_file:
        format_of(source)  # raises for a file of none
    root = folder_around(source) if is_one_file else resolve(source, revision, foreign=True)
    check_place(source if is_one_file else root, out)
    encoder = root if is_one_file else encoder_folder(root)
    if not is_file(encoder / GOOGLE_CONFIG):
        check_config_is_there(encoder, beside=source.name if is_one_file else "")
    file = source if is_one_file else weights_file(encoder)
    model = _read(encoder, read_file(file))
    if layers is not None:
        model = _choose_layers(model, layers)
    model = _tie(model, FORMATS[to])
    with written_whole_folder(out, root) as temporary:
        files = bring_along(root, encoder, temporary, is_bert=model.is_bert)
        case = keep_case(temporary) if is_file(encoder / GOOGLE_CONFIG) else None
        named = _write(temporary, model, FORMATS[to], dtype)
        tokenizer = write_tokenizer_json(temporary, encoder)
        if to == "safetensors":
            read_sentence_folder(temporary)  # what came along must be whole
    notes = [*notes_on(file), *model.notes, *(note for note in (case, tokenizer) if note)]
    if any(weight.dtype not in _HELD_BY[STORED_AS[dtype]] for weight in named.values()):
        notes.append(f"numbers are rounded to {dtype}")
    return Report(
        source=str(source),
        out=str(out),
        model=model.head.value,
        mapped=tuple(Mapped(w.name, name, w.shape, w.dtype, STORED_AS[dtype]) for name, w in named.items()),
        left_out=tuple(LeftOut(weight.name, weight.shape, weight.dtype, why) for weight, why in model.left_out),
        files=tuple(files),
        notes=tuple(notes),
    )


@dataclass(frozen=True, eq=False)
class _Model:
    """What is to be written, and what is not.

    Attributes:
        weights: by the names of the key table.
        left_out: weights of the source, and why they are not written.
        notes: where the result differs from the source.
    """

    config: DistilBertConfig
    head: Head
    weights: dict[str, Weight]
    left_out: tuple[tuple[Weight, str], ...]
    notes: tuple[str, ...]
    is_bert: bool


def _read(folder: Path, stored: dict[str, Weight]) -> _Model:
    """The model whose config.json lies in `folder`, by today's names, a BERT already folded."""
    is_google = not is_file(folder / CONFIG) and is_file(folder / GOOGLE_CONFIG)
    values = read_json(folder / (GOOGLE_CONFIG if is_google else CONFIG))
    if int8.is_ours(values.get(int8.KEY)):
        raise CheckpointError(f"{folder}: holds int8 weights, which cannot be turned back; {int8.FLOAT_MODEL}")
    is_bert = bert.is_bert(values)
    if is_bert:
        config, found, left_out, notes = bert.fold(values, by_modern_name(stored, folder), folder)
    else:
        config, found, left_out, notes = DistilBertConfig.from_file(folder), stored, (), ()
    fitted = fit_weights(config, found, folder)
    left_out = (*left_out, *((weight, why_unread(name)) for name, weight in fitted.unread.items()))
    config = dataclasses.replace(fitted.config, architectures=(fitted.head.value,))
    return _Model(config, fitted.head, fitted.weights, left_out, (*notes, *fitted.notes), is_bert)


def _write(folder: Path, model: _Model, form: Format, dtype: DType) -> dict[str, Weight]:
    """Write weights and config.json, and check that they can be read again; returns the weights by their new names."""
    bare = model.head is Head.NONE and not form.for_rust  # as Transformers: the bare model has no prefix
    named = {name[len(PREFIX) if bare else 0 :]: weight for name, weight in model.weights.items()}
    # rust-bert asks for a key of its own
    rust = {"tie_weights_": model.config.tie_word_embeddings} if form.for_rust else {}
    write_config(folder / CONFIG, model.config, dtype, rust)
    assert form.write is not None  # one of WRITTEN
    form.write(folder / form.file, named, STORED_AS[dtype])
    fit_weights(DistilBertConfig.from_file(folder), form.read(folder / form.file), folder)
    return named


def _choose_layers(model: _Model, layers: Sequence[int]) -> _Model:
    """The model with these layers alone, renumbered."""
    config = model.config
    numbers = range(config.n_layers)
    if not layers or any(layer not in numbers for layer in layers) or list(layers) != sorted(set(layers)):
        raise InputError(f"layers must ascend within 0 to {numbers[-1]}, not {short_repr(list(layers))}")
    prefix = f"{PREFIX}transformer.layer."
    kept: dict[str, Weight] = {}
    dropped: list[tuple[Weight, str]] = []
    for name, weight in model.weights.items():
        number, _, part = name.removeprefix(prefix).partition(".")
        if not name.startswith(prefix):
            kept[name] = weight
        elif int(number) in layers:
            kept[f"{prefix}{layers.index(int(number))}.{part}"] = weight
        else:
            dropped.append((weight, f"layer {number} was not chosen"))
    return dataclasses.replace(
        model,
        config=dataclasses.replace(config, n_layers=len(layers)),
        weights=kept,
        left_out=(*model.left_out, *dropped),
        notes=(*model.notes, f"only layers {', '.join(map(str, layers))}: a start for training, not the same model"),
    )


def _tie(model: _Model, form: Format) -> _Model:
    """A projector that repeats the word embeddings is left out, unless the format needs it; and config.json says so."""
    if model.head is not Head.MASKED_LM:
        return model
    weights, left_out = dict(model.weights), model.left_out
    words = weights[WORDS]
    projector = weights.get(PROJECTOR, words)
    tied = projector is words or _equal(projector.read(), words.read())
    if form.for_rust:
        weights[PROJECTOR] = projector
    elif tied and projector is not words:
        del weights[PROJECTOR]
        left_out = (*left_out, (projector, "tied: the word embeddings again"))
    config = dataclasses.replace(model.config, tie_word_embeddings=tied)
    return dataclasses.replace(model, config=config, weights=weights, left_out=left_out)


def _equal(a: np.ndarray, b: np.ndarray) -> bool:
    """np.array_equal, by blocks of rows, so that no array of the size of the weights is made."""
    return all(np.array_equal(a[row : row + _BLOCK], b[row : row + _BLOCK]) for row in range(0, len(a), _BLOCK))
