"""A folder's tokenizer files -> the tokenizer that they ask for, cut for cut as Transformers 5 reads them.

Where `tokenizer_class` is one of BERT's (or nothing names a class), the tokenizer is BERT's own over the vocabulary of
tokenizer.json or vocab.txt, and tokenizer_config.json says how it normalizes; any other class is what its
tokenizer.json says, and cannot be read from a vocab.txt. A tokenizer.json that is no WordPiece is read as it is under
any class.

What each key of each file does is told in docs/model_folders.md.
"""

import json
import os
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece

from ..diagnosis import other_name
from ..errors import TokenizerError, TokenizerWarning, short_repr
from ..files import has_file, is_file, is_text, read_json, read_text
from .added_tokens import (
    BERT_TOKENS,
    Declared,
    add_declared,
    content_of,
    library_errors,
    read_declared,
    read_optional,
    role_tokens,
)
from .layout import BYTE_PAIRS, CONFIG, SENTENCE_PIECE, TOKENIZER, TOKENIZER_CONFIG, VOCABULARY

# keys of tokenizer_config.json -> BertNormalizer's
_NORMALIZER = {
    "do_lower_case": "lowercase",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}
# classes that are BERT's WordPiece, without "Tokenizer" and "TokenizerFast"
_BERT_CLASSES = (
    "Bert", "ConvBert", "DPRContextEncoder", "DPRQuestionEncoder", "DistilBert", "Electra", "LayoutLM", "Lxmert",
    "MobileBert", "SqueezeBert",
)  # fmt: skip
_LEGACY = "BertTokenizerLegacy"  # BERT's in Python, which reads two keys more
_BERT_NAMES = {*(f"{name}Tokenizer" for name in _BERT_CLASSES), _LEGACY}
_FILE_DECIDES = ("PreTrainedTokenizer", "TokenizersBackend", "PythonBackend")
# why a class cannot be read from a vocab.txt, by a part of its name
_REASONS = {
    "Japanese": "cuts Japanese into words with MeCab first",
    "KoBert|XLMR|Albert|Camembert|T5|XLNet|Barthez|Deberta|Llama|BigBird|Rembert|FNet": "cuts with SentencePiece",
    "Roberta|GPT2|Bart|Longformer|BPE": "cuts into byte pairs",
    "MPNet|Funnel|Splinter|Tapas": "has special tokens of its own",
}
_NOT_READ = f"not a tokenizer that can be read by tokenizers {tokenizers.__version__}"


@dataclass(frozen=True)
class TokenizerFiles:
    """What a folder's files say of its tokenizer.

    Attributes:
        path: the file that the vocabulary comes from.
        special_tokens: role -> token; None for a role that the files say nobody has.
        max_length: the longest text in tokens, None where nothing bounds it.
        cut_left: whether a text that is too long loses its first tokens, not its last.
    """

    path: Path
    backend: tokenizers.Tokenizer
    special_tokens: dict[str, str | None]
    max_length: int | None
    cut_left: bool


def read_tokenizer_files(folder: Path) -> TokenizerFiles:
    """The tokenizer of a folder. Raises TokenizerError, naming the file, for one that cannot be read right."""
    config = folder / TOKENIZER_CONFIG
    settings = read_optional(config)
    kind = _tokenizer_class(folder, settings)
    is_bert = kind is None or kind in _BERT_NAMES
    file = folder / _json_name(settings, folder)
    if has_file(file, TokenizerError):
        path, content = file, read_json(file, TokenizerError)
        is_bert = is_bert and _is_word_piece(content)
    elif has_file(path := folder / VOCABULARY, TokenizerError):
        content = {}
        if not is_bert or settings.get("word_tokenizer_type", "basic") != "basic":
            raise TokenizerError(_no_word_piece(path, kind or "BertJapaneseTokenizer"))
    else:
        raise TokenizerError(no_tokenizer(folder))
    if kind == _LEGACY and (settings.get("do_basic_tokenize") is False or settings.get("never_split")):
        raise TokenizerError(
            f"{config}: {_LEGACY} with do_basic_tokenize false or never_split is not supported; take BertTokenizer, "
            "where they are without effect"
        )
    settings, declared = read_declared(settings, content, folder, path)
    if not is_bert:
        with library_errors(f"{path}: {_NOT_READ}"):
            backend = tokenizers.Tokenizer.from_str(read_text(path, TokenizerError))
        add_declared(backend, declared)
    else:
        normalizer = _normalizer(settings, config)
        backend = _bert(_json_vocab(content, path) if content else _read_vocab(path), declared, normalizer, path)
        if content:
            _check_rest(content, normalizer, settings, path)
    backend.encode_special_tokens = settings.get("split_special_tokens") is True
    return TokenizerFiles(
        path=path,
        backend=backend,
        special_tokens=role_tokens(declared),
        max_length=_max_length(settings, config),
        cut_left=_cut_left(settings, content, config),
    )


# vocabularies and BERT's own tokenizer -----------------------------------------------------------------


def _read_vocab(path: Path) -> dict[str, int]:
    """Piece -> id from a vocab.txt: one piece a line; of a piece that is there twice, the last."""
    lines = read_text(path, TokenizerError).split("\n")
    if lines[-1] == "":
        lines.pop()
    vocab = {piece.rstrip(): index for index, piece in enumerate(lines)}
    if not any(piece.startswith("##") for piece in vocab) and any(piece[:1] in "▁Ġ" and piece[1:] for piece in vocab):
        raise TokenizerError(
            f"{path}: has no '##' pieces but some that begin with '▁' or 'Ġ', so it is no WordPiece vocabulary; "
            "bring along the model's tokenizer.json"
        )
    return vocab


def bert_tokenizer(path: Path, normalizer: normalizers.BertNormalizer) -> tokenizers.Tokenizer:
    """BERT's own tokenizer over a vocab.txt, its special tokens by their usual names.

    Raises TokenizerError naming the file if it cannot be read or lacks [UNK], [CLS] or [SEP].
    """
    return _bert(_read_vocab(path), Declared(), normalizer, path)


def _bert(
    vocab: dict[str, int], declared: Declared, normalizer: normalizers.BertNormalizer, path: Path
) -> tokenizers.Tokenizer:
    """BERT's own tokenizer over a vocabulary and the tokens declared beside it."""
    for role, usual in BERT_TOKENS.items():
        if usual in vocab or role in ("unk", "cls", "sep"):  # what nobody names and the vocabulary lacks is not added
            declared.named.setdefault(f"{role}_token", usual)
    unk, cls, sep = (_required(declared, role, path) for role in ("unk", "cls", "sep"))
    added = {token.content for token in declared.listed.values()}
    lacking = [unk] * (unk not in vocab) + [token for token in (cls, sep) if token not in vocab and token not in added]
    if lacking:
        raise TokenizerError(f"{path}: lacks {', '.join(map(short_repr, lacking))}; is it the vocabulary of a BERT?")
    with library_errors(f"{path}: not a vocabulary that can be read"):
        backend = tokenizers.Tokenizer(WordPiece(vocab, unk_token=unk, max_input_chars_per_word=100))
    backend.normalizer = normalizer
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    add_declared(backend, declared)
    ids = {token: index for token in (sep, cls) if (index := backend.token_to_id(token)) is not None}
    backend.post_processor = processors.BertProcessing((sep, ids[sep]), (cls, ids[cls]))
    return backend


def _required(declared: Declared, role: str, path: Path) -> str:
    token = declared.named[f"{role}_token"]
    if token is None:
        raise TokenizerError(f"{path}: {role}_token is null beside it, and BERT's tokenizer needs one")
    return content_of(token)


def _normalizer(settings: Mapping[str, Any], path: Path) -> normalizers.BertNormalizer:
    values: dict[str, bool | None] = {"lowercase": True, "strip_accents": None, "handle_chinese_chars": True}
    for key, name in _NORMALIZER.items():
        value = settings.get(key)
        if value is not None and not isinstance(value, bool):
            raise TokenizerError(f"{path}: {key} must be true, false or null, not {short_repr(value)}")
        values[name] = values[name] if value is None else value
    return normalizers.BertNormalizer(**values)  # type: ignore[arg-type]


# tokenizer.json ----------------------------------------------------------------------------------------


def _json_name(settings: Mapping[str, Any], folder: Path) -> str:
    """tokenizer.json, or of the `fast_tokenizer_files` that are there the newest for up to Transformers 5."""
    found = {}
    names = settings.get("fast_tokenizer_files")
    for name in names if isinstance(names, list) else []:
        if isinstance(name, str) and (match := re.fullmatch(r"tokenizer\.(\d+)((?:\.\d+)*)\.json", name)):
            version = tuple(map(int, (match[1] + match[2]).split(".")))
            if version < (6,) and is_file(folder / name):
                found[version] = name
    return found[max(found)] if found else TOKENIZER


def _is_word_piece(content: Mapping[str, Any]) -> bool:
    model = content.get("model")
    if not isinstance(model, dict):
        return True  # an error either way
    return model.get("type", "WordPiece" if "continuing_subword_prefix" in model else None) == "WordPiece"


def _json_vocab(content: Mapping[str, Any], path: Path) -> dict[str, int]:
    """The vocabulary of a WordPiece tokenizer.json, whose other parts must be such as the library reads."""
    message = f"{path}: {_NOT_READ}"
    model = content.get("model")
    vocab = model.get("vocab") if isinstance(model, dict) else None
    if not isinstance(model, dict) or not isinstance(vocab, dict):
        raise TokenizerError(f"{message} (it has no vocabulary)")
    ids = vocab.values()
    if set(map(type, ids)) - {int} or (ids and not 0 <= min(ids) <= max(ids) < 2**32):
        raise TokenizerError(f"{message} (ids of pieces must be whole numbers from 0 on)")
    with library_errors(message):
        tokenizers.Tokenizer.from_str(json.dumps({**content, "model": {**model, "vocab": {}}, "added_tokens": []}))
    return vocab


def _check_rest(
    content: Mapping[str, Any], normalizer: normalizers.BertNormalizer, settings: Mapping[str, Any], path: Path
) -> None:
    """Warn where a tokenizer.json asks for another way of cutting than the BERT class that it stands under."""
    model, theirs, cutter = content["model"], _part(content, "normalizer"), _part(content, "pre_tokenizer")
    others = []
    stated = [name for key, name in _NORMALIZER.items() if key not in settings]
    if theirs.get("type") != "BertNormalizer" or any(theirs.get(name) != getattr(normalizer, name) for name in stated):
        others.append("normalizer")
    if cutter.get("type") != "BertPreTokenizer":
        others.append("pre_tokenizer")
    if model.get("continuing_subword_prefix", "##") != "##":
        others.append("continuing_subword_prefix")
    if others:
        warnings.warn(
            f"{path}: its {' and '.join(others)} {'are' if len(others) > 1 else 'is'} not used: under a BERT class "
            'text is cut as BERT does, as in Transformers 5; to cut as the file says, put "tokenizer_class": '
            '"PreTrainedTokenizerFast" into tokenizer_config.json',
            TokenizerWarning,
            stacklevel=5,
        )


def _part(content: Mapping[str, Any], key: str) -> dict[str, Any]:
    """A part of a tokenizer.json; an empty one where it is in none of the forms that are written.

    The library reads lists, too, as the fields of a part in their order.
    """
    part = content.get(key)
    return part if isinstance(part, dict) else {}


# single keys and refusals -------------------------------------------------------------------------------


def _tokenizer_class(folder: Path, settings: Mapping[str, Any]) -> str | None:
    """The class without "Fast", as tokenizer_config.json or else config.json names it."""
    path, name = folder / TOKENIZER_CONFIG, settings.get("tokenizer_class")
    if not name:
        path = folder / CONFIG
        name = read_optional(path).get("tokenizer_class")
    if name is not None and not is_text(name):
        raise TokenizerError(f"{path}: tokenizer_class must be text, not {short_repr(name)}")
    return name.removesuffix("Fast") if name else None


def _no_word_piece(path: Path, kind: str) -> str:
    if kind in _FILE_DECIDES:
        return f"{path}: tokenizer_class {short_repr(kind)} is what its tokenizer.json says, and there is none; add it"
    reasons = [reason for names, reason in _REASONS.items() if re.search(names, kind)]
    return (
        f"{path}: tokenizer_class {short_repr(kind)} {(reasons or ['is no WordPiece tokenizer of BERT'])[0]}, "
        "which a vocab.txt does not tell; bring along a tokenizer.json"
    )


def no_tokenizer(folder: Path) -> str:
    """What a folder without a tokenizer has in its place, and the next step."""
    for names, what in ((SENTENCE_PIECE, "a SentencePiece model"), (BYTE_PAIRS, "a part of a byte-pair tokenizer")):
        for name in names:
            if is_file(folder / name):
                return (
                    f"{folder}: {name} is {what}, which is not read; bring along a {TOKENIZER}, as Transformers' "
                    "AutoTokenizer.from_pretrained(…).save_pretrained(OUT) writes it"
                )
    other = other_name(folder / TOKENIZER) or other_name(folder / VOCABULARY)
    for pattern in ("*", ".."):  # as MLflow and diffusers lay it out; beside the checkpoints of a training
        for place in sorted((*folder.glob(f"{pattern}/{VOCABULARY}"), *folder.glob(f"{pattern}/{TOKENIZER}"))):
            name = os.path.relpath(place, folder)
            other = other or f" (there is {name}: put it, and what of a tokenizer lies beside it, here)"
    return f"{folder}: no {TOKENIZER} and no {VOCABULARY}{other}; bring along the model's tokenizer"


def _max_length(settings: Mapping[str, Any], path: Path) -> int | None:
    key = "model_max_length" if "model_max_length" in settings else "max_len"
    length = settings.get(key)
    if length is None:
        return None
    if type(length) not in (int, float) or not length >= 1:
        raise TokenizerError(f"{path}: {key} must be a number of at least 1, not {short_repr(length)}")
    return int(length) if length < 2**31 else None  # Transformers writes 1e30 for "no limit"


def _cut_left(settings: Mapping[str, Any], content: Mapping[str, Any], path: Path) -> bool:
    truncation = content.get("truncation")
    stored = truncation.get("direction") if isinstance(truncation, dict) else None
    side = settings.get("truncation_side")
    side = str(stored or "right").lower() if side is None else side
    if side not in ("left", "right"):
        raise TokenizerError(f"{path}: truncation_side must be 'left' or 'right', not {short_repr(side)}")
    return bool(side == "left")
