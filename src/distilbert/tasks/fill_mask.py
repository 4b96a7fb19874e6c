"""Fill-mask: the pieces of the vocabulary that fit a text's masks."""

from collections.abc import Iterable, Iterator

import numpy as np

from ..batch import in_chunks, run_each
from ..checkpoint import Head
from ..errors import InputError
from ..results import MaskFill
from .task import LongText, Task, characters, check_count, check_long_text, listed, softmax

__all__ = ["MaskFiller"]

Fills = list[MaskFill] | list[list[MaskFill]]


class MaskFiller(Task):
    """Fills masks. Made by `distilbert.load` from a DistilBertForMaskedLM."""

    task = "fill-mask"
    head = Head.MASKED_LM

    def __call__(
        self,
        texts: str | Iterable[str],
        *,
        top_k: int | None = 5,
        targets: str | Iterable[str] | None = None,
        long_text: LongText = "window",
    ) -> Fills | list[Fills]:
        """Fill the mask of one text, or of each of several."""
        results = list(self.stream(listed(texts), top_k=top_k, targets=targets, long_text=long_text))
        return results[0] if isinstance(texts, str) else results

    def stream(
        self,
        texts: Iterable[str],
        *,
        top_k: int | None = 5,
        targets: str | Iterable[str] | None = None,
        long_text: LongText = "window",
    ) -> Iterator[Fills]:
        """The same for a stream of any length, in bounded memory and in order."""
        check_count("top_k", top_k)
        check_long_text(long_text)
        if targets is not None:
            raise InputError("targets are not read yet")
        start = 0
        for chunk in in_chunks(texts, characters, self._chunk_characters):
            read = [encodings[0] for encodings in self._encode(chunk, "error", start)]
            places = [np.flatnonzero(encoding.ids == self.tokenizer.mask_token_id) for encoding in read]
            for index, own in enumerate(places):
                if not len(own):
                    mask = self.tokenizer.mask_token
                    raise InputError(f"text {start + index} has no mask; write {mask} where a word is missing")
            start += len(chunk)
            fills: list[Fills] = [[]] * len(chunk)
            ids = [encoding.ids for encoding in read]
            for index, rows in run_each(self.model.engine.run, ids, places, self.model.max_batch_tokens):
                scores = softmax(rows)
                best = np.argsort(-scores, kind="stable")[:, :top_k]
                offsets = read[index].offsets[places[index]].tolist()
                each = [
                    [self._fill(chunk[index], span, int(i), float(own[i])) for i in top]
                    for span, top, own in zip(offsets, best, scores, strict=True)
                ]
                fills[index] = each[0] if len(each) == 1 else each
            yield from fills

    def _fill(self, text: str, span: list[int], index: int, score: float) -> MaskFill:
        piece = self.tokenizer.token(index)
        before, after = text[: span[0]], text[span[1] :]
        filled = before.rstrip() + piece[2:] if piece.startswith("##") else before + piece
        return MaskFill(piece, index, score, filled + after)
