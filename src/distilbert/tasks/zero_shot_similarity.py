"""Zero-shot classification by similarity: a text's vector compared with that of each label's sentence."""

from collections.abc import Iterable, Iterator
from typing import Unpack

import numpy as np

from ..errors import InputError
from ..folder.checkpoint import Head
from ..results import Classification
from .embedding import Embedder, EmbedderOptions
from .inputs import check_strings, listed
from .numbers import largest, logistic, softmax
from .task import Model
from .zero_shot import TemplateKeyword, ZeroShotClassifier, ZeroShotOptions, read_labels


class SimilarityClassifier(ZeroShotClassifier):
    """Labels texts with labels of the caller's, by an encoder that `load` opened for "zero-shot-classification".

    The score of a label is the softmax over labels of cosine / `temperature`; with `multi_label`, or a single label,
    the logistic function of (cosine - `even`) / `temperature`. Vectors are as the folder pools them, of length 1.

    Attributes:
        temperature: how far apart scores are for cosines that differ; less is farther. 0.05 fits models that
            are trained with cosines times 20, sentence-transformers' default.
        even: the cosine at which a label by itself is as likely right as wrong.
    """

    head = Head.NONE
    all_rows = True
    makes_vectors = True
    pools = True
    temperature = 0.05
    even = 0.2

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.entailment = self.contradiction = None
        self._embedder = Embedder(model)

    def logits(
        self, texts: str | Iterable[str], labels: str | Iterable[str], **options: Unpack[TemplateKeyword]
    ) -> np.ndarray:
        """The cosines, float32 [B, labels, 1]; [labels, 1] for one text."""
        rows = [row for row, _, _ in self._cosines(listed(texts), read_labels(labels), ZeroShotOptions(**options))]
        cosines = np.array(rows, np.float32).reshape(len(rows), -1, 1)
        return cosines[0] if isinstance(texts, str) else cosines

    def _results(
        self, texts: Iterable[str], labels: str | Iterable[str], options: ZeroShotOptions
    ) -> Iterator[list[Classification]]:
        names = read_labels(labels)
        if options.entailment is not None:
            raise InputError("entailment is an option of models of inference; this one compares vectors")
        for cosines, tokens, truncated in self._cosines(texts, names, options):
            if options.multi_label or len(names) == 1:
                scores = logistic((cosines - self.even) / self.temperature)
            else:
                scores = softmax(cosines / self.temperature)
            yield [
                Classification(names[index], float(scores[index]), tokens, truncated)
                for index in largest(scores, None).tolist()
            ]

    def _cosines(
        self, texts: Iterable[str], labels: list[str], options: ZeroShotOptions
    ) -> Iterator[tuple[np.ndarray, int, bool]]:
        """Of each text: its cosines with the labels' sentences [labels], its tokens, and whether it was cut."""
        self._warn_of_unknown(labels)
        sentences = [options.hypothesis_template.format(label) for label in labels]
        of_labels = self._embedder(sentences, normalize=True, long_text="error")
        unit = EmbedderOptions(normalize=True)
        prefix = self._embedder.sentence.prompts.text()
        for start, chunk in self._chunks(texts):
            check_strings(chunk, start)
            parts = self._encode([prefix + text for text in chunk], options.long_text, start)
            vectors = self._embedder._finish(self._embedder._pooled(parts, prefix), unit)
            for encodings, cosines in zip(parts, vectors @ of_labels.T, strict=True):
                yield cosines, sum(map(len, encodings)), any(encoding.truncated for encoding in encodings)
