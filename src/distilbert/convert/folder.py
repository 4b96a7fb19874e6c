"""What is around the weights of a model folder: the encoder's place, the files brought along, writing it whole."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .. import files
from ..config import DistilBertConfig
from ..errors import CheckpointError, InputError, TokenizerError, translated
from ..files import is_file, read_json, read_text, write_json
from ..folder.companions import copy_companions, copy_file
from ..folder.layout import CONFIG, ONNX, PYTORCH, TOKENIZER, TOKENIZER_CONFIG, VOCABULARY, WEIGHTS
from . import safetensors
from .formats import read_file
from .rounding import DType


def check_place(source: Path, out: Path) -> None:
    """Raises InputError for a place that is not new or empty, or that lies in the source."""
    files.check_folder_place(out)
    if out.resolve().is_relative_to(source.resolve()):
        raise InputError(f"{out}: lies in the source; give a folder outside of it")
    files.check_new_folder(out)


@contextmanager
def written_whole_folder(out: Path, source: Path) -> Iterator[Path]:
    """A new folder, made of `source`, that takes the place of `out` if the block succeeds and is removed if not.

    Raises CheckpointError where it cannot be written. What is wrong in a file that was brought along is told of the
    file in `source`.
    """
    unwritten = translated(OSError, CheckpointError, f"{out}: cannot be written")
    with unwritten, files.written_whole_folder(out, source) as temporary:
        yield temporary


def folder_around(file: Path) -> Path:
    """The model folder of a file of weights: an ONNX file may lie in a folder of its own below it."""
    beside = file.parent
    return beside.parent if beside.name == Path(ONNX[1]).parent.name and not is_file(beside / CONFIG) else beside


def keep_case(folder: Path) -> str | None:
    """Says in tokenizer_config.json that text keeps its case, where the vocabulary alone shows it; a note on that.

    Google's BERTs have no file that says so. Pieces with capital letters could never be found in lower-cased text.
    """
    vocabulary, settings = folder / VOCABULARY, folder / TOKENIZER_CONFIG
    if not is_file(vocabulary) or is_file(settings) or is_file(folder / TOKENIZER):
        return None
    pieces = read_text(vocabulary, TokenizerError).splitlines()
    if not any(piece != piece.lower() for piece in pieces if not piece.startswith("[")):
        return None
    write_json(settings, {"do_lower_case": False})
    return "the vocabulary has capital letters, so text keeps its case (tokenizer_config.json)"


def write_config(path: Path, config: DistilBertConfig, dtype: DType, more: Mapping[str, Any] | None = None) -> None:
    """Write a config.json that says `dtype` of the weights, where it says anything of them."""
    values = config.to_dict() | dict(more or {})
    for key in ("dtype", "torch_dtype"):
        if key in values:
            values[key] = dtype
    write_json(path, values)


def bring_along(root: Path, encoder: Path, out: Path, *, is_bert: bool) -> list[str]:
    """Copy tokenizer and sentence-transformers files into `out`; returns their names."""
    brought = copy_companions(root, encoder, out, copy=_copy)
    settings = encoder / TOKENIZER_CONFIG
    if is_bert and is_file(settings):
        _drop_token_types(settings, out / TOKENIZER_CONFIG)
    return brought


def _copy(path: Path, to: Path) -> Path:
    """Copy a file; the weights of a module, where they are pickled, become safetensors."""
    if path.name != PYTORCH:
        return copy_file(path, to)
    to = to.with_name(WEIGHTS)
    if not is_file(path.with_name(WEIGHTS)):
        safetensors.write(to, read_file(path), "F32")
    return to


def _drop_token_types(path: Path, to: Path) -> None:
    """Transformers must not give a DistilBERT the token types that BERT's tokenizer makes."""
    settings = read_json(path) | {"model_input_names": ["input_ids", "attention_mask"]}
    if str(settings.get("tokenizer_class", "")).startswith("BertTokenizer"):
        settings["tokenizer_class"] = f"Distil{settings['tokenizer_class']}"
    write_json(to, settings)
