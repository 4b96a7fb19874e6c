"""The five heads and their losses.

Every head is a function of single rows: `score` takes hidden states [K, D] to logits [K, …]. So there
are two ways in:

    forward   padded tensors and labels, as in Transformers; the padding is dropped inside
    run       a `Packed` batch, and logits for the rows alone that it reads: for training loops and the engine

A loss is a mean over the rows that have a label. Where one step is spread over several batches or
processes, `total`, the number of such rows in all of them, makes their losses add up to the mean of the whole.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # as everyone calls it

from ..config import DistilBertConfig
from ..folder.checkpoint import Head
from .dropout import Dropout
from .model import EPSILON, DistilBertModel, activation_function
from .packed import IGNORE, Packed
from .pretrained import Pretrained, initialise


@dataclass(frozen=True, eq=False)
class HeadOutput:
    """What a head gives.

    Attributes:
        loss: a scalar; None without labels.
        logits: float [B, T, V] for masked LM and [B, T, labels] for token classification, zero at padding;
            [B, labels] for sequence classification; [B, choices] for multiple choice.
        hidden_states, attentions: as in `EncoderOutput`.
    """

    loss: Tensor | None
    logits: Tensor
    hidden_states: tuple[Tensor, ...] | None
    attentions: tuple[Tensor, ...] | None


@dataclass(frozen=True, eq=False)
class QuestionAnsweringOutput:
    """Where an answer starts and ends, its last token included.

    Attributes:
        loss: a scalar; None without positions.
        start_logits, end_logits: float [B, T], the lowest finite number at padding, so that neither a softmax
            nor a maximum over the tokens finds it.
        hidden_states, attentions: as in `EncoderOutput`.
    """

    loss: Tensor | None
    start_logits: Tensor
    end_logits: Tensor
    hidden_states: tuple[Tensor, ...] | None
    attentions: tuple[Tensor, ...] | None


torch.export.register_dataclass(HeadOutput)
torch.export.register_dataclass(QuestionAnsweringOutput)


class _WithHead(Pretrained):
    """An encoder and a head on it."""

    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__(config)
        self.distilbert = DistilBertModel(config)

    def score(self, x: Tensor) -> Tensor:
        """Hidden states [K, D] -> logits [K, …]."""
        raise NotImplementedError

    def run(self, batch: Packed) -> Tensor:
        """Logits [K, …] of the rows that the batch reads."""
        return self.score(self.distilbert.run(batch))


class _WithLabels(_WithHead):
    """A head that has one kind of labels."""

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        position_ids: Tensor | None = None,
        labels: Tensor | None = None,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
    ) -> HeadOutput:
        """As `DistilBertModel.forward`; `labels` as `loss` takes them, those of tokens as int64 [B, T]."""
        batch = Packed.from_padded(input_ids, attention_mask, inputs_embeds, position_ids)
        x, hidden_states, attentions = self.distilbert.trace(batch, output_hidden_states, output_attentions)
        loss, logits = self._output(batch, x, labels)
        return HeadOutput(loss, logits, hidden_states, attentions)

    def _output(self, batch: Packed, x: Tensor, labels: Tensor | None) -> tuple[Tensor | None, Tensor]:
        """Loss and logits of all hidden states [N, D], as `HeadOutput` has them."""
        raise NotImplementedError


class _PerToken(_WithLabels):
    """A head whose every row is a prediction of its own."""

    def loss(self, logits: Tensor, labels: Tensor, *, total: Tensor | int | None = None) -> Tensor:
        """Cross-entropy of logits [K, V or labels] with true token ids or labels int64 [K]; -100 is not counted."""
        return _cross_entropy(logits, labels, total)

    def _output(self, batch: Packed, x: Tensor, labels: Tensor | None) -> tuple[Tensor | None, Tensor]:
        logits = self.score(x)
        loss = None if labels is None else self.loss(logits, batch.labels(labels))
        return loss, batch.padded(logits)


class _PerText(_WithLabels):
    """A head that reads each text's first token: linear, ReLU, linear."""

    def __init__(self, config: DistilBertConfig, outputs: int) -> None:
        super().__init__(config)
        self.pre_classifier = nn.Linear(config.dim, config.dim)
        self.dropout = Dropout(config.seq_classif_dropout)
        self.classifier = nn.Linear(config.dim, outputs)
        initialise(config, self.pre_classifier, self.classifier)

    def score(self, x: Tensor) -> Tensor:
        """First tokens [K, D] -> [K, outputs]."""
        return self.classifier(self.dropout(F.relu(self.pre_classifier(x))))


class DistilBertForMaskedLM(_PerToken):
    """Which word stands behind each token: linear, activation, LayerNorm, projector onto the vocabulary.

    The projector is the word embeddings themselves, unless the checkpoint has its own or the config unties them.
    """

    head = Head.MASKED_LM

    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__(config)
        self.vocab_transform = nn.Linear(config.dim, config.dim)
        self.activation = activation_function(config.activation)
        self.vocab_layer_norm = nn.LayerNorm(config.dim, EPSILON)
        self.vocab_projector = nn.Linear(config.dim, config.vocab_size)
        initialise(config, self.vocab_transform, self.vocab_projector)
        if config.tie_word_embeddings:
            self.vocab_projector.weight = self.distilbert.embeddings.word_embeddings.weight

    def score(self, x: Tensor) -> Tensor:
        """[K, D] -> [K, V]."""
        return self.vocab_projector(self.vocab_layer_norm(self.activation(self.vocab_transform(x))))


class DistilBertForTokenClassification(_PerToken):
    """A label for every token, as for named entities."""

    head = Head.TOKEN_CLASSIFICATION

    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__(config)
        self.dropout = Dropout(config.dropout)
        self.classifier = nn.Linear(config.dim, config.num_labels)
        initialise(config, self.classifier)

    def score(self, x: Tensor) -> Tensor:
        """[K, D] -> [K, labels]."""
        return self.classifier(self.dropout(x))


class DistilBertForQuestionAnswering(_WithHead):
    """Where in a context the answer to a question starts and ends."""

    head = Head.QUESTION_ANSWERING

    def __init__(self, config: DistilBertConfig) -> None:
        if config.num_labels != 2:  # start and end; another head's labels mean nothing here
            config = replace(config, labels=DistilBertConfig.labels)
        super().__init__(config)
        self.dropout = Dropout(config.qa_dropout)
        self.qa_outputs = nn.Linear(config.dim, 2)
        initialise(config, self.qa_outputs)

    def score(self, x: Tensor) -> Tensor:
        """[K, D] -> [K, 2]: start and end."""
        return self.qa_outputs(self.dropout(x))

    def loss(
        self, logits: Tensor, batch: Packed, starts: Tensor, ends: Tensor, *, total: Tensor | int | None = None
    ) -> Tensor:
        """The mean of two cross-entropies, over each text's own tokens, of logits [N, 2] with places int64 [B]:
        those of the answer's first and last token.

        A place beyond the text is not counted, as for an answer that lies in another window.
        """
        lowest = torch.finfo(logits.dtype).min
        by_text = batch.padded(logits, lowest)  # [B, T, 2]
        both = [
            _cross_entropy(by_text[..., side], _inside(batch, places), total)
            for side, places in enumerate((starts, ends))
        ]
        return (both[0] + both[1]) / 2

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        position_ids: Tensor | None = None,
        start_positions: Tensor | None = None,
        end_positions: Tensor | None = None,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
    ) -> QuestionAnsweringOutput:
        """As `DistilBertModel.forward`; `start_positions`, `end_positions`: int64 [B], as `loss` takes them."""
        batch = Packed.from_padded(input_ids, attention_mask, inputs_embeds, position_ids)
        x, hidden_states, attentions = self.distilbert.trace(batch, output_hidden_states, output_attentions)
        logits = self.score(x)
        loss = None
        if start_positions is not None and end_positions is not None:
            loss = self.loss(logits, batch, start_positions, end_positions)
        starts, ends = batch.padded(logits, torch.finfo(logits.dtype).min).unbind(-1)
        return QuestionAnsweringOutput(loss, starts, ends, hidden_states, attentions)


class DistilBertForSequenceClassification(_PerText):
    """Labels of whole texts, read off their first token (or as the mean over all, by the config's
    `classifier_pooling`): one label, several at once, or a number.
    """

    head = Head.SEQUENCE_CLASSIFICATION

    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__(config, config.num_labels)

    def loss(self, logits: Tensor, labels: Tensor, *, total: Tensor | int | None = None) -> Tensor:
        """By `config.problem_type`, or else as Transformers guesses it from the number of labels and their dtype:

        regression (one label): mean squared error with float [B] or [B, labels];
        single label (whole numbers): cross-entropy with indices [B], -100 not counted;
        several labels at once: binary cross-entropy with 0 and 1, float [B, labels].
        """
        problem = self.config.problem_type
        if problem == "single_label_classification" or (
            problem is None and self.config.num_labels > 1 and labels.dtype in (torch.int64, torch.int32)
        ):
            return _cross_entropy(logits, labels.view(-1).long(), total)
        logits, labels = logits.float(), labels.view_as(logits).float()
        if problem == "regression" or (problem is None and self.config.num_labels == 1):
            each = F.mse_loss(logits, labels, reduction="none")
        else:
            each = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
        return each.mean(-1).sum() / (len(each) if total is None else total)

    def _output(self, batch: Packed, x: Tensor, labels: Tensor | None) -> tuple[Tensor | None, Tensor]:
        if self.config.classifier_pooling == "mean":
            counts = batch.padded(x.new_ones(len(x), 1)).sum(1)
            logits = batch.padded(self.score(x)).sum(1) / counts
        else:
            logits = self.score(x.index_select(0, batch.first))
        return None if labels is None else self.loss(logits, labels), logits


class DistilBertForMultipleChoice(_PerText):
    """Which of several endings fits: every (prompt, choice) pair is a text, read off its first token."""

    head = Head.MULTIPLE_CHOICE

    def __init__(self, config: DistilBertConfig) -> None:
        super().__init__(config, 1)

    def loss(self, logits: Tensor, labels: Tensor, *, total: Tensor | int | None = None) -> Tensor:
        """Cross-entropy of logits [B, choices] with the right choice's index, int64 [B]; -100 is not counted."""
        return _cross_entropy(logits, labels, total)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        position_ids: Tensor | None = None,
        labels: Tensor | None = None,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
    ) -> HeadOutput:
        """As `DistilBertModel.forward`, but [B, choices, T] for [B, T]; `labels`: int64 [B], the right choices."""
        given = (input_ids, attention_mask, inputs_embeds, position_ids)
        batch = Packed.from_padded(*(None if x is None else x.flatten(0, 1) for x in given))
        x, hidden_states, attentions = self.distilbert.trace(batch, output_hidden_states, output_attentions)
        choices = next(x.shape[1] for x in (input_ids, inputs_embeds) if x is not None)
        logits = self.score(x.index_select(0, batch.first)).view(-1, choices)
        loss = None if labels is None else self.loss(logits, labels)
        return HeadOutput(loss, logits, hidden_states, attentions)


MODELS: dict[Head, type[DistilBertModel | _WithHead]] = {
    kind.head: kind
    for kind in (
        DistilBertModel,
        DistilBertForMaskedLM,
        DistilBertForSequenceClassification,
        DistilBertForTokenClassification,
        DistilBertForQuestionAnswering,
        DistilBertForMultipleChoice,
    )
}


def _cross_entropy(logits: Tensor, labels: Tensor, total: Tensor | int | None) -> Tensor:
    """The sum over rows with a label, in float32, by `total` or their number; 0 where there is none."""
    summed = F.cross_entropy(logits.float(), labels, ignore_index=IGNORE, reduction="sum")
    return summed / ((labels != IGNORE).sum().clamp(min=1) if total is None else total)


def _inside(batch: Packed, places: Tensor) -> Tensor:
    """Places int64 [B] in texts; those beyond their text become -100."""
    places = places.view(-1).clamp(0, batch.view.longest)
    if batch.mask is None:
        return places.masked_fill(places == batch.view.longest, IGNORE)
    tokens = F.pad(batch.mask, (0, 1)).gather(1, places[:, None]).squeeze(1)
    return places.masked_fill(~tokens, IGNORE)
