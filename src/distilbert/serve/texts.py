"""From the inputs of embedding requests to texts, and from vectors to what is sent."""

import base64
from collections.abc import Iterator, Sequence

import numpy as np

from ..errors import InputError
from ..tasks.embedding import Embedder
from ..tasks.sparse import SparseEncoder
from ..tasks.task import Task
from ..tokenizer import BertTokenizer
from .errors import Fault, RequestError


def text_of(tokenizer: BertTokenizer, ids: Sequence[int]) -> str:
    """The text of token ids, special ones around it left out. Raises RequestError for ids that are not known."""
    if ids and max(ids) >= tokenizer.vocab_size:
        raise RequestError(
            Fault.UNPROCESSABLE, f"token id {max(ids)} is not in the vocabulary of {tokenizer.vocab_size}"
        )
    start = 1 if ids and ids[0] == tokenizer.cls_token_id else 0
    stop = len(ids) - 1 if ids and ids[-1] == tokenizer.sep_token_id else len(ids)
    return tokenizer.decode(ids[start:stop], skip_special_tokens=False)


def prompt_of(task: Embedder | SparseEncoder, name: str | None) -> str:
    """What stands before each text. Raises RequestError for a name that the model does not have."""
    prompts = task.sentence.prompts
    if name is not None and name not in prompts.by_name:
        have = ", ".join(prompts.by_name) or "none"
        raise RequestError(Fault.UNPROCESSABLE, f"the model has no prompt of this name; it has {have}")
    return prompts.text(prompt_name=name)


def side_of(task: Embedder, input_type: str | None) -> Embedder:
    """The task as it reads queries, or documents, where texts are said to be such."""
    if input_type in ("query", "search_query"):
        return task.encode_query
    return task.encode_document if input_type in ("document", "passage", "search_document") else task


def fitted(task: Task, texts: Sequence[str], direction: str, before: str = "") -> list[str]:
    """The texts; where they are to be cut on the left, without the words there that the model has no room for."""
    if direction.lower() == "right":
        return list(texts)
    tokenizer = task.tokenizer
    room = task.model.max_length - len(tokenizer.encode(before))
    kept = []
    for text, encoding in zip(texts, tokenizer.encode_batch(texts), strict=True):
        tokens = len(encoding) - tokenizer.special_count
        if tokens > room:
            opening = tokenizer.opening_count
            words = encoding.word_ids[opening : opening + tokens]
            first = int(np.searchsorted(words, words[tokens - room - 1], "right"))
            text = text[encoding.offsets[opening + first, 0] :] if first < tokens else ""
        kept.append(text)
    return kept


def beginning(task: Task, text: str, tokens: int) -> str:
    """As much of a text as comes to so many tokens, special ones counted."""
    encoding = task.tokenizer.encode(text)
    if len(encoding) <= tokens:
        return text
    opening = task.tokenizer.opening_count
    last = opening + tokens - task.tokenizer.special_count - 1
    return text[: encoding.offsets[last, 1]] if last >= opening else ""


def embedded(
    task: Embedder, texts: Sequence[str], *, prompt_name: str | None, normalize: bool | None, dimensions: int | None
) -> list[np.ndarray]:
    """A vector [D] a text. Raises RequestError for more dimensions than there are."""
    if dimensions is not None and dimensions > task.dim:
        raise RequestError(Fault.UNPROCESSABLE, f"dimensions must be at most {task.dim}, not {dimensions}")
    vectors = task(texts, prompt_name=prompt_name, normalize=normalize, truncate_dim=dimensions)
    if not np.isfinite(vectors).all():
        raise InputError("the model gives vectors that are not numbers; are its weights whole?")
    return list(vectors)


def sent(vectors: Sequence[np.ndarray], encoding_format: str | None = None) -> Iterator[object]:
    """Vectors as JSON has them, one after the other: lists of numbers, or little-endian float32 in base64."""
    if encoding_format == "base64":
        return (base64.b64encode(vector.astype("<f4").tobytes()).decode() for vector in vectors)
    return (vector.tolist() for vector in vectors)
