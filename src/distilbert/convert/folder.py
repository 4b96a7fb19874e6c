"""A model folder in another format or of another architecture -> a DistilBERT folder, whole or not at all."""

import dataclasses
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..checkpoint import PREFIX, WEIGHTS, Head, fit_weights, modern_name
from ..config import DistilBertConfig
from ..errors import CheckpointError, InputError
from ..files import is_file, read_json
from ..hub import resolve
from ..sentence_folder import modules_of, read_sentence_folder
from . import bert, safetensors
from .formats import FORMATS, Format, FormatName, read_file, read_folder
from .report import LeftOut, Mapped, Report
from .weight import STORED_AS, DType, Weight

__all__ = ["bring_along", "check_place", "convert", "transformer_of", "written_whole_folder"]

_TOKENIZER_FILES = (
    "added_tokens.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
)
_SENTENCE_FILES = ("config_sentence_transformers.json", "modules.json")
_PROJECTOR = "vocab_projector.weight"
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
        source: a model folder, a file of weights with its config.json beside it, or a name on the hub.
            A BERT is folded into a DistilBERT. No code of a file is ever run.
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
    if dtype not in STORED_AS:
        raise InputError(f"dtype must be one of {', '.join(STORED_AS)}, not {dtype!r}")
    if to not in FORMATS:
        raise InputError(f"to must be one of {', '.join(FORMATS)}, not {to!r}")
    source, out = Path(source), Path(out)
    is_one_file = is_file(source)
    root = source.parent if is_one_file else resolve(source, revision)
    check_place(root, out)
    inner = Path() if is_one_file else transformer_of(root)
    model = _read(root / inner, read_file(source) if is_one_file else read_folder(root / inner))
    if layers is not None:
        model = _choose_layers(model, layers)
    model = _tie(model, FORMATS[to])
    with written_whole_folder(out) as temporary:
        files = bring_along(root, inner, temporary, is_bert=model.is_bert)
        named = _write(temporary / inner, model, FORMATS[to], dtype)
        if to == "safetensors":
            read_sentence_folder(temporary)
    return Report(
        source=str(source),
        out=str(out),
        model=model.head.value,
        mapped=tuple(Mapped(w.name, name, w.shape, w.dtype, STORED_AS[dtype]) for name, w in named.items()),
        left_out=tuple(LeftOut(weight.name, weight.shape, weight.dtype, why) for weight, why in model.left_out),
        files=tuple(files),
        notes=model.notes,
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
    values = read_json(folder / "config.json")
    is_bert = bert.is_bert(values)
    modern = {modern_name(name): weight for name, weight in stored.items()}
    if len(modern) < len(stored):
        raise CheckpointError(f"{folder}: holds a weight under its old and its new name (gamma and weight, …)")
    if is_bert:
        folded = bert.fold(values, modern, folder)
        config, found, left_out, notes = folded.config, folded.weights, folded.left_out, folded.notes
    else:
        config, found, left_out, notes = DistilBertConfig.from_file(folder), modern, (), ()
    head, weights = fit_weights(config, found, folder)
    unread = [(weight, _why_unread(name)) for name, weight in found.items() if weight not in weights.values()]
    config = dataclasses.replace(config, architectures=(head.value,))
    return _Model(config, head, weights, (*left_out, *unread), notes, is_bert)


def _why_unread(name: str) -> str:
    return "a buffer, not a weight" if name.endswith("position_ids") else "belongs to the head of another task"


def _write(folder: Path, model: _Model, form: Format, dtype: DType) -> dict[str, Weight]:
    """Write weights and config.json, and check that they can be read again; returns the weights by their new names."""
    bare = model.head is Head.NONE and not form.for_rust  # as Transformers: the bare model has no prefix
    named = {name[len(PREFIX) if bare else 0 :]: weight for name, weight in model.weights.items()}
    values: dict[str, Any] = model.config.to_dict()
    for key in ("dtype", "torch_dtype"):
        if key in values:
            values[key] = dtype
    if form.for_rust:
        values["tie_weights_"] = model.config.tie_word_embeddings  # which rust-bert asks for
    (folder / "config.json").write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    form.write(folder / form.file, named, STORED_AS[dtype])
    fit_weights(DistilBertConfig.from_file(folder), form.read(folder / form.file), folder)
    return named


def check_place(source: Path, out: Path) -> None:
    if out.resolve() == source.resolve() or source.resolve() in out.resolve().parents:
        raise InputError(f"{out}: lies in the source; give a folder outside of it")
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise InputError(f"{out}: exists already; give a new or an empty folder")


@contextmanager
def written_whole_folder(out: Path) -> Iterator[Path]:
    """A new folder beside `out` that takes its place if the block succeeds and is removed if not."""
    temporary = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        for path in temporary.rglob("*"):
            if path.is_file():
                with path.open("rb") as file:
                    os.fsync(file.fileno())
        if out.is_dir():
            out.rmdir()  # fails unless it is still empty
        temporary.rename(out)
    except OSError as error:
        raise CheckpointError(f"{out}: cannot be written ({error})") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def transformer_of(source: Path) -> Path:
    """Where the encoder lies in a model folder: a sentence-transformers folder may keep it in a part of its own."""
    path = source / "modules.json"
    if not path.is_file():
        return Path()
    first = modules_of(path)[:1]
    return first[0][1].relative_to(source) if first else Path()


def _choose_layers(model: _Model, layers: Sequence[int]) -> _Model:
    """The model with these layers alone, renumbered."""
    config = model.config
    if not layers or list(layers) != sorted(set(layers)) or not 0 <= layers[0] <= layers[-1] < config.n_layers:
        raise InputError(f"layers must ascend within 0 to {config.n_layers - 1}, not {list(layers)}")
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
    words = weights[f"{PREFIX}embeddings.word_embeddings.weight"]
    own = weights.get(_PROJECTOR, words)
    tied = own is words or _equal(own.read(), words.read())
    if form.for_rust:
        weights[_PROJECTOR] = own
    elif tied and own is not words:
        del weights[_PROJECTOR]
        left_out = (*left_out, (own, "tied: the word embeddings again"))
    config = dataclasses.replace(model.config, tie_word_embeddings=tied)
    return dataclasses.replace(model, config=config, weights=weights, left_out=left_out)


def _equal(a: np.ndarray, b: np.ndarray) -> bool:
    """np.array_equal, by blocks of rows, so that no array of the size of the weights is made."""
    return all(np.array_equal(a[row : row + _BLOCK], b[row : row + _BLOCK]) for row in range(0, len(a), _BLOCK))


def bring_along(root: Path, inner: Path, out: Path, *, is_bert: bool) -> list[str]:
    """Copy tokenizer and sentence-transformers files into `out`; returns their names."""
    folder = root / inner
    files = [folder / name for name in _TOKENIZER_FILES]
    files += sorted(folder.glob("sentence_*_config.json"))
    files += [root / name for name in _SENTENCE_FILES]
    if is_file(root / "modules.json"):
        for _, part in modules_of(root / "modules.json"):
            if part not in (root, folder):
                files += sorted(path for path in part.rglob("*") if is_file(path))
    (out / inner).mkdir(parents=True, exist_ok=True)
    brought = []
    for path in files:
        if is_file(path):
            name = path.relative_to(root)
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            brought.append(_copy(path, out / name).relative_to(out).as_posix())
    settings = out / inner / "tokenizer_config.json"
    if is_bert and is_file(settings):
        _without_token_types(settings)
    return brought


def _copy(path: Path, to: Path) -> Path:
    """Copy a file; the weights of a module, where they are pickled, become safetensors."""
    if path.name != FORMATS["bin"].file:
        shutil.copyfile(path, to)
        return to
    to = to.with_name(WEIGHTS)
    if not is_file(path.with_name(WEIGHTS)):
        safetensors.write(to, read_file(path), "F32")
    return to


def _without_token_types(path: Path) -> None:
    """Transformers must not give a DistilBERT the token types that BERT's tokenizer makes."""
    settings = read_json(path) | {"model_input_names": ["input_ids", "attention_mask"]}
    if str(settings.get("tokenizer_class", "")).startswith("BertTokenizer"):
        settings["tokenizer_class"] = f"Distil{settings['tokenizer_class']}"
    path.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
