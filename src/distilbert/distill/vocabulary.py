"""A smaller vocabulary: the pieces that a corpus uses, with the ids that follow from leaving the others out."""

import json
import math
import tempfile
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..errors import InputError, TokenizerError
from ..files import is_file, read_json, written_whole
from ..folder.layout import TOKENIZER, TOKENIZER_CONFIG, VOCABULARY
from ..tokenizer import BertTokenizer

_PREFIX = "##"
_CHUNK = 4096  # texts
_COVERED = 0.98  # of the tokens
ENOUGH_TEXTS = 2000  # fewer do not tell which pieces other texts will use


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """A student's vocabulary.

    Attributes:
        pieces: int64 [V], the teacher's id of each of its pieces.
        files: the tokenizer's files, by name, as far as they are not those of the teacher's folder.
        unknown: the share of the corpus' tokens that are unknown to it.
        longer: how many tokens the corpus has, by how many it had.
    """

    tokenizer: BertTokenizer
    pieces: np.ndarray
    files: dict[str, str]
    unknown: float = 0.0
    longer: float = 1.0

    def write(self, folder: Path) -> None:
        for name, content in self.files.items():
            with written_whole(folder / name) as path:
                path.write_text(content, encoding="utf-8")


def same_pieces(student: BertTokenizer, teacher: BertTokenizer, size: int) -> np.ndarray:
    """int64 [size]: the teacher's id of each of the student's pieces; -1 for one that the teacher does not have."""
    pieces = np.full(size, -1)
    for index in range(min(size, student.vocab_size)):
        found = teacher.token_id(student.token(index))
        pieces[index] = -1 if found is None else found
    return pieces


def cut_vocabulary(
    folder: Path, tokenizer: BertTokenizer, texts: Sequence[str], size: int | Literal["auto"]
) -> Vocabulary:
    """The `size` pieces that `texts` use most, of the WordPiece vocabulary in `folder`; all of them if they are fewer.

    "auto": as many as make up 98 % of the tokens.

    Special and added tokens stay, and so does every single character that the texts have, so that a word whose piece is
    gone is spelled with shorter ones. Ids keep their order.

    Raises InputError for a size that has no room for these, TokenizerError for a vocabulary of another kind.
    """
    backend: dict[str, Any] = json.loads(tokenizer.backend.to_str())
    if backend["model"].get("type") != "WordPiece":
        raise TokenizerError(f"{folder}: only a WordPiece vocabulary can be cut; leave out vocab_size")
    ids: dict[str, int] = backend["model"]["vocab"]
    counts = _token_counts(tokenizer, texts)
    names = {index: piece for piece, index in ids.items()}
    letters = {letter for index in counts for letter in names.get(index, "").removeprefix(_PREFIX)}
    embedded = tokenizer.embedded or math.inf  # a token behind the embeddings, which no text may use, is not kept
    backend["added_tokens"] = [token for token in backend["added_tokens"] if token["id"] < embedded]
    added = {token["content"]: token["id"] for token in backend["added_tokens"]}
    kept = {index for index in (*added.values(), *tokenizer.special_ids) if index < embedded}
    kept |= {index for piece, index in ids.items() if piece.removeprefix(_PREFIX) in letters}
    most = max(len(kept), _enough(counts)) if size == "auto" else size
    if len(kept) > most:
        raise InputError(f"vocab_size={most} has no room for the {len(kept)} special tokens and single characters")
    for index, _ in counts.most_common():
        if len(kept) == most:
            break
        kept.add(index)
    pieces = np.array(sorted(kept))
    new = {int(old): place for place, old in enumerate(pieces)}

    backend["model"]["vocab"] = {piece: new[index] for piece, index in ids.items() if index in new}
    for token in backend["added_tokens"]:
        token["id"] = new[token["id"]]
    _renumber(backend["post_processor"], {names.get(old, ""): place for old, place in new.items()}, added, new)
    settings = _settings(folder, new)
    files = {
        TOKENIZER: json.dumps(backend, ensure_ascii=False),
        TOKENIZER_CONFIG: json.dumps(settings, indent=2, ensure_ascii=False) + "\n",
    }
    if len(added.keys() - ids.keys()) == 0:  # vocab.txt has no place for tokens that were added behind it
        listed = sorted(backend["model"]["vocab"], key=backend["model"]["vocab"].__getitem__)
        files[VOCABULARY] = "\n".join(listed) + "\n"
    with tempfile.TemporaryDirectory() as temporary:
        vocabulary = Vocabulary(tokenizer, pieces, files)
        vocabulary.write(Path(temporary))
        with warnings.catch_warnings(action="ignore"):  # what is odd was said of `folder`
            cut = BertTokenizer.from_folder(temporary)
    after = _token_counts(cut, texts)
    unknown = after[cut.unk_token_id] / after.total() if cut.unk_token_id is not None else 0.0
    return Vocabulary(cut, pieces, files, unknown, after.total() / counts.total())


def _token_counts(tokenizer: BertTokenizer, texts: Sequence[str]) -> Counter[int]:
    counts = Counter[int]()
    for start in range(0, len(texts), _CHUNK):
        for encoding in tokenizer.encode_batch(texts[start : start + _CHUNK]):
            counts.update(encoding.ids.tolist())
    return counts


def _enough(counts: Counter[int]) -> int:
    """How many of the most frequent pieces make up the share of all tokens that is kept."""
    shares = np.cumsum([count for _, count in counts.most_common()]) / counts.total()
    return int(np.searchsorted(shares, _COVERED)) + 1


def _settings(folder: Path, new: dict[int, int]) -> dict[str, Any]:
    """tokenizer_config.json, its ids renumbered."""
    path = folder / TOKENIZER_CONFIG
    settings = read_json(path, TokenizerError) if is_file(path) else {}
    if listed := settings.get("added_tokens_decoder"):
        settings["added_tokens_decoder"] = {
            str(new[int(index)]): token for index, token in listed.items() if int(index) in new
        }
    return settings


def _renumber(processor: Any, by_name: dict[str, int], added: dict[str, int], new: dict[int, int]) -> None:
    """Put new ids into the post-processor that adds the special tokens, in place."""

    def id_of(token: str) -> int:
        return new[added[token]] if token in added else by_name[token]

    match processor:
        case {"type": "TemplateProcessing", "special_tokens": special}:
            for token in special.values():
                token["ids"] = [id_of(name) for name in token["tokens"]]
        case {"type": "BertProcessing" | "RobertaProcessing"}:
            for end in ("sep", "cls"):
                processor[end] = [processor[end][0], id_of(processor[end][0])]
        case {"type": "Sequence", "processors": parts}:
            for part in parts:
                _renumber(part, by_name, added, new)
