"""The tokenizer.json of a folder that is written: all that programs without Transformers read of a tokenizer."""

import json
import warnings
from pathlib import Path
from typing import Any

import tokenizers

from ..encoding import read_template
from ..errors import TokenizerError, TokenizerWarning
from ..files import is_file, read_json, read_text, written_whole
from ..folder.added_tokens import library_errors
from ..folder.layout import TOKENIZER, VOCABULARY
from ..folder.tokenizer_files import no_tokenizer
from ..tokenizer import BertTokenizer

_CUTTING = ("model", "added_tokens", "normalizer", "pre_tokenizer")  # keys that say how a text is cut
_LENGTHS = ("truncation", "padding")  # which BertTokenizer leaves to its caller


def write_tokenizer_json(folder: Path, source: Path) -> str | None:
    """Write it where there is none, or where it says less than the files beside it; returns a note on that.

    `folder` is being made of `source`. One without a tokenizer stays so, and one whose tokenizer cannot be read is no
    error here: the note says why.
    """
    path = folder / TOKENIZER
    has_one = is_file(path)
    if not has_one and not is_file(folder / VOCABULARY):
        return f"there is no tokenizer, so only token ids can be read, not text ({no_tokenizer(source)})"
    try:
        with warnings.catch_warnings(action="ignore", category=TokenizerWarning):  # `load` says it of the folder
            ours = BertTokenizer.from_folder(folder).backend
        if has_one and _cut_alike(ours, path):
            return None
        stated = read_json(path, TokenizerError) if has_one else {}
    except TokenizerError as error:
        return f"no {TOKENIZER} could be made: {str(error).replace(f'{folder}/', '')}"
    content = _content(ours) | {key: stated.get(key) for key in _LENGTHS}
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return f"{TOKENIZER} is made of all that the tokenizer's files say"


def _cut_alike(ours: tokenizers.Tokenizer, path: Path) -> bool:
    """Whether a tokenizer.json by itself cuts texts, and puts special tokens around them, as `ours` does."""
    try:
        with library_errors(str(path)):
            theirs = tokenizers.Tokenizer.from_str(read_text(path, TokenizerError))
        theirs.no_truncation()
        theirs.no_padding()
        around = [read_template(backend) for backend in (ours, theirs)]
    except TokenizerError:
        return False
    before, after = _content(ours), _content(theirs)
    if any(before[key] != after[key] for key in _CUTTING):
        return False
    ids, other_ids = ([part.tolist() for part in (*template.single, *template.pair)] for template in around)
    return ids == other_ids


def _content(backend: tokenizers.Tokenizer) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(backend.to_str())
    return content
