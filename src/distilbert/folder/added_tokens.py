"""Special and added tokens that files declare beside the vocabulary, merged as Transformers 5 merges them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import AddedToken

from ..errors import TokenizerError, error_text, short_repr
from ..files import has_file, is_text, read_json
from .layout import ADDED_TOKENS, SPECIAL_TOKENS, TOKENIZER_CONFIG

# the roles of special tokens, in the order in which missing ones are added to a vocabulary
_ROLE_KEYS = [f"{role}_token" for role in ("bos", "eos", "unk", "sep", "pad", "cls", "mask")]
BERT_TOKENS = {"unk": "[UNK]", "sep": "[SEP]", "pad": "[PAD]", "cls": "[CLS]", "mask": "[MASK]"}
_EXTRA, _SPECIFIC = "extra_special_tokens", "model_specific_special_tokens"
_FLAGS = ("lstrip", "normalized", "rstrip", "single_word", "special")


@dataclass
class Declared:
    """The tokens that files declare beside the vocabulary."""

    named: dict[str, str | AddedToken | None] = field(default_factory=dict)  # "cls_token" -> token
    extra: list[str | AddedToken] = field(default_factory=list)
    listed: dict[int, AddedToken] = field(default_factory=dict)  # id -> token
    source: Path = Path()  # the file that lists them


@contextmanager
def library_errors(message: str) -> Iterator[None]:
    """Turn what the tokenizers library raises, panics of its Rust code included, into a TokenizerError."""
    try:
        yield
    except TokenizerError:
        raise
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":  # a class that no module exports
            raise TokenizerError(f"{message} ({error_text(error)})") from None
        raise


def read_declared(
    settings: Mapping[str, Any], content: Mapping[str, Any], folder: Path, path: Path
) -> tuple[dict[str, Any], Declared]:
    """What all files declare: the settings with those of special_tokens_map.json merged in, and the tokens.

    The order of the steps is that of Transformers, and which of two declarations wins follows from it.
    `content` is that of the tokenizer.json `path`, empty where there is none.
    """
    source = folder / TOKENIZER_CONFIG
    declared = Declared(source=source)
    merged = dict(settings)
    if "additional_special_tokens" in merged and not merged.get(_EXTRA):
        merged[_EXTRA] = merged.pop("additional_special_tokens")
    specific = {key: merged.pop(key) for key in list(merged) if _names_token(key, merged[key])}
    specific |= _taken_dict(merged)
    if specific:
        merged[_SPECIFIC] = specific
    if "added_tokens_decoder" in merged:
        declared.listed = _listed(merged["added_tokens_decoder"], source)
    else:
        _merge_map(merged, folder / SPECIAL_TOKENS)
        _read_added_tokens(declared, merged, content, folder, path)
    if _EXTRA not in merged and "additional_special_tokens" in merged:
        merged[_EXTRA] = merged["additional_special_tokens"]

    by_content = {token.content: token for token in declared.listed.values()}
    for key in _ROLE_KEYS:
        if key in merged:
            token = _token(merged[key], key, source)
            declared.named[key] = token if token is None else by_content.get(content_of(token), token)
    specific = merged.get(_SPECIFIC) or {}
    if not isinstance(specific, dict):
        raise TokenizerError(f"{source}: {_SPECIFIC} must be an object, not {short_repr(specific)}")
    others = {key: value for key, value in merged.items() if _names_token(key, value) or isinstance(value, AddedToken)}
    for key, value in (others | specific).items():
        if key not in _ROLE_KEYS:
            declared.named[key] = _token(value, key, source)
    extra = merged.get(_EXTRA) or []
    if not isinstance(extra, list):
        raise TokenizerError(f"{source}: {_EXTRA} must be a list or an object, not {short_repr(extra)}")
    declared.extra = [token for value in extra if (token := _token(value, _EXTRA, source)) is not None]
    return merged, declared


def _names_token(key: str, value: object) -> bool:
    """Whether a key names a token that is none of the usual roles."""
    marked = isinstance(value, dict) and value.get("__type") == "AddedToken"
    return key.endswith("_token") and key not in _ROLE_KEYS and (isinstance(value, str) or marked)


def _taken_dict(merged: dict[str, Any]) -> dict[str, Any]:
    """Extra special tokens that are an object of names and tokens, taken out of the settings."""
    taken: dict[str, Any] = merged.pop(_EXTRA) if isinstance(merged.get(_EXTRA), dict) else {}
    return taken


def _merge_map(merged: dict[str, Any], path: Path) -> None:
    """Merge special_tokens_map.json into the settings, in place."""
    for key, value in read_optional(path).items():
        if key == _EXTRA and isinstance(value, list):
            tokens = [_token(token, key, path) for token in value]
            before = merged.get(_EXTRA) if isinstance(merged.get(_EXTRA), list) else []
            merged[_EXTRA] = [*(before or []), *tokens]
        elif key.endswith("_token") and isinstance(value, dict):
            merged[key] = _token({**value, "special": True}, key, path)
        else:
            merged[key] = value
    if taken := _taken_dict(merged):
        merged[_SPECIFIC] = {**(merged.get(_SPECIFIC) or {}), **taken}


def _read_added_tokens(
    declared: Declared, merged: Mapping[str, Any], content: Mapping[str, Any], folder: Path, path: Path
) -> None:
    """Tokens of added_tokens.json, and those of tokenizer.json."""
    older = folder / ADDED_TOKENS
    values = [merged.get(key) for key in _ROLE_KEYS]
    values += merged[_EXTRA] if isinstance(merged.get(_EXTRA), list) else []
    special = {content_of(value) for value in values if isinstance(value, str | AddedToken)}
    if pieces := read_optional(older):
        declared.source = older
        tokens = {
            index: {"content": token, "normalized": token not in special, "special": token in special}
            for token, index in pieces.items()
            if isinstance(index, int)
        }
        if len(tokens) < len(pieces):
            raise TokenizerError(f"{older}: each token must have an id of its own, a whole number")
        declared.listed = _listed(tokens, older)
    if added := content.get("added_tokens"):
        declared.source = declared.source if pieces else path
        if not isinstance(added, list) or not all(isinstance(token, dict) for token in added):
            raise TokenizerError(f"{path}: added_tokens must be a list of objects")
        declared.listed |= _listed({token.get("id"): token for token in added}, path)


def _listed(tokens: Any, path: Path) -> dict[int, AddedToken]:
    try:
        return {int(index): _added_token(token) for index, token in tokens.items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        raise TokenizerError(f"{path}: added tokens must each have an index and a content") from None


def _added_token(fields: Mapping[str, Any]) -> AddedToken:
    return AddedToken(fields["content"], **{name: fields[name] for name in _FLAGS if name in fields})


def _token(value: object, key: str, path: Path) -> str | AddedToken | None:
    """A token as text or with its flags; None for null."""
    if value is None or isinstance(value, AddedToken) or (is_text(value) and value):
        return value  # type: ignore[return-value]
    if isinstance(value, dict) and is_text(value.get("content")) and value["content"]:
        try:
            return _added_token(value)
        except TypeError:
            pass
    raise TokenizerError(f"{path}: {key} must be text, not {short_repr(value)}")


def content_of(token: str | AddedToken) -> str:
    """The text of a token."""
    return token if isinstance(token, str) else token.content


def add_declared(backend: tokenizers.Tokenizer, declared: Declared) -> None:
    """Add them in the order of Transformers, from which the ids of new tokens follow.

    Raises TokenizerError where a token that the vocabulary lacks does not get the id that it is listed with.
    """
    new: list[str | AddedToken] = [token for _, token in sorted(declared.listed.items())]
    known = {token.content for token in backend.get_added_tokens_decoder().values()} | set(map(content_of, new))
    named = [token for key in (*_ROLE_KEYS, *declared.named) if (token := declared.named.get(key)) is not None]
    for token in (*named, *declared.extra):
        if content_of(token) not in known and token not in new:
            new.append(token)  # the same with other flags is not equal, and the last one wins
    names = set(map(content_of, named))
    tokens = [AddedToken(token, special=True) if isinstance(token, str) else token for token in new]
    for each in tokens:
        each.special = each.special or each.content in names
    with library_errors(f"{declared.source}: the added tokens cannot be read"):
        backend.add_tokens(tokens)
    wrong = {
        token.content: index
        for index, token in declared.listed.items()
        if backend.token_to_id(token.content) != index and backend.model.token_to_id(token.content) is None
    }
    if wrong:
        raise TokenizerError(
            f"{declared.source}: added tokens {short_repr(wrong)} do not follow the vocabulary with their index"
        )


def role_tokens(declared: Declared) -> dict[str, str | None]:
    """Role -> special token, by its usual name where the files name none; None where they say that there is none."""
    found: dict[str, str | None] = dict(BERT_TOKENS)
    for role in BERT_TOKENS:
        if f"{role}_token" in declared.named:
            token = declared.named[f"{role}_token"]
            found[role] = None if token is None else content_of(token)
    return found


def read_optional(path: Path) -> dict[str, Any]:
    """A JSON object from a file, an empty one where there is no file."""
    return read_json(path, TokenizerError) if has_file(path, TokenizerError) else {}
