"""The heads against Transformers: logits, losses, gradients, dropout; and the packed way in."""

from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from conftest import Maker, small_config  # noqa: E402
from distilbert import DistilBertConfig  # noqa: E402
from distilbert.batch import Batch  # noqa: E402
from distilbert.folder.checkpoint import Head  # noqa: E402
from distilbert.nn import (  # noqa: E402
    DistilBertForMaskedLM,
    DistilBertForMultipleChoice,
    DistilBertForQuestionAnswering,
    DistilBertForSequenceClassification,
    Packed,
)
from distilbert.nn.heads import MODELS  # noqa: E402
from helpers.marks import slow_but_for  # noqa: E402
from helpers.peers import HEADS, LENGTHS, both, close, inputs, labels_of, logits_of, targets  # noqa: E402


def gradients(model: Any, loss: Any) -> dict[str, Any]:
    model.zero_grad()
    loss.backward()
    return {name: parameter.grad for name, parameter in model.named_parameters()}


def same_gradients(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Equal to 1e-5 of the largest number in the gradient."""
    assert ours.keys() == theirs.keys()
    limit = 1e-5 * max(gradient.abs().max().item() for gradient in theirs.values())
    for name, gradient in theirs.items():
        torch.testing.assert_close(ours[name], gradient, rtol=0, atol=limit, msg=lambda m, n=name: f"{n}: {m}")


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("head", HEADS)
def test_logits_loss_and_gradients_equal_transformers(make_checkpoint: Maker, head: Head, masked: bool) -> None:
    ours, theirs = both(make_checkpoint, head)
    ids, mask = inputs(head)
    given = mask if masked else None
    labels = targets(head, mask)
    a, b = ours(ids, given, **labels), theirs(ids, given, **labels)
    x, y = logits_of(a), logits_of(b)
    if masked and x.shape[:2] == mask.shape and head is not Head.MULTIPLE_CHOICE:  # a row for every token
        x, y = x[mask.bool()], y[mask.bool()]
    close(x, y)
    if masked and head is Head.QUESTION_ANSWERING:
        return  # theirs counts padding as a place where answers could be; see below
    close(a.loss, b.loss)
    same_gradients(gradients(ours, a.loss), gradients(theirs, b.loss))


def test_answers_are_sought_among_a_texts_own_tokens(make_checkpoint: Maker) -> None:
    ours, theirs = both(make_checkpoint, Head.QUESTION_ANSWERING)
    ids, mask = inputs()
    labels = targets(Head.QUESTION_ANSWERING, mask)
    loss = ours(ids, mask, **labels).loss
    alone = [
        theirs(ids[i : i + 1, :length], **{name: places[i : i + 1] for name, places in labels.items()}).loss
        for i, length in enumerate(LENGTHS)
    ]
    mean = torch.stack(alone).mean()
    close(loss, mean)
    same_gradients(gradients(ours, loss), gradients(theirs, mean))


def test_padding_is_never_the_best_answer(make_checkpoint: Maker) -> None:
    ours, _ = both(make_checkpoint, Head.QUESTION_ANSWERING)
    torch.nn.init.constant_(ours.qa_outputs.bias, -1000.0)
    ids, mask = inputs()
    with torch.no_grad():
        logits = logits_of(ours(ids, mask))
    assert logits.isfinite().all()
    assert (logits.argmax(1) < torch.tensor(LENGTHS)[:, None]).all()


@pytest.mark.parametrize("starts", [[9, 4, 6, 1], [50, 50, 50, 50], [-100, 4, 6, 1]])
def test_places_outside_a_text_are_not_counted(make_checkpoint: Maker, starts: list[int]) -> None:
    ours, theirs = both(make_checkpoint, Head.QUESTION_ANSWERING)
    ids, mask = inputs()
    ends = torch.tensor([2, 50, 50, 50])
    loss = ours(ids, mask, start_positions=torch.tensor(starts), end_positions=ends).loss
    # what is left: the first text's end, and its start where a negative place is clamped to 0
    first = theirs(ids[:1], start_positions=torch.tensor([max(starts[0], 0)]), end_positions=ends[:1])
    expected = torch.nn.functional.cross_entropy(first.end_logits, ends[:1]) / 2
    if starts[0] < 0:
        expected = first.loss
    close(loss, expected)


@pytest.mark.parametrize(
    ("problem", "count", "labels"),
    [
        (None, 3, torch.tensor([0, 2, 1, 2])),
        (None, 3, torch.tensor([0, 2, 1, 2], dtype=torch.int32)),
        ("single_label_classification", 3, torch.tensor([0, 2, -100, 2])),
        (None, 3, torch.tensor([[0.0, 1, 1], [0, 0, 0], [1, 1, 1], [0.5, 0, 1]])),
        ("multi_label_classification", 3, torch.tensor([[0.0, 1, 1], [0, 0, 0], [1, 1, 1], [0, 0, 1]])),
        (None, 1, torch.tensor([0.5, -1.0, 3.0, 2.5])),
        ("regression", 1, torch.tensor([[0.5], [-1.0], [3.0], [2.5]])),
        ("regression", 3, torch.tensor([[0.5, 1, 1], [-1.0, 2, 2], [3.0, 3, 3], [2.5, 4, 4]])),
    ],
)
def test_the_loss_of_texts_is_chosen_as_in_transformers(
    make_checkpoint: Maker, problem: str | None, count: int, labels: Any
) -> None:
    ours, theirs = both(make_checkpoint, Head.SEQUENCE_CLASSIFICATION, num_labels=count, problem_type=problem)
    ids, mask = inputs()
    a = ours(ids, mask, labels=labels)
    b = theirs(ids, mask, labels=labels.long() if labels.dtype == torch.int32 else labels)
    close(a.loss, b.loss)
    same_gradients(gradients(ours, a.loss), gradients(theirs, b.loss))
    assert ours.config.problem_type == problem  # and is not decided for ever by the first labels, as in Transformers


@pytest.mark.parametrize("head", HEADS)
def test_hidden_states_and_attentions_come_along(make_checkpoint: Maker, head: Head) -> None:
    ours, theirs = both(make_checkpoint, head)
    ids, mask = inputs(head)
    with torch.no_grad():
        a = ours(ids, mask, output_hidden_states=True, output_attentions=True)
        b = theirs(ids, mask, output_hidden_states=True, output_attentions=True)
    real = mask.flatten(0, -2)
    for x, y in zip(a.hidden_states, b.hidden_states, strict=True):
        close(x, y * real[..., None])
    for x, y in zip(a.attentions, b.attentions, strict=True):
        close(x, y * real[:, None, :, None])


# dropout --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", [Head.NONE, *HEADS])
def test_dropout_stands_where_transformers_has_it(make_checkpoint: Maker, head: Head) -> None:
    rates = {"dropout": 0.11, "attention_dropout": 0.12, "qa_dropout": 0.13, "seq_classif_dropout": 0.14}
    ours, theirs = both(make_checkpoint, head, **rates)
    ids, _ = inputs(head)

    def shrink(x: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
        return x * (1 - p) if training else x  # every dropout leaves a trace that chance has no part in

    def shrink_ours(module: Any, x: Any) -> Any:
        return shrink(x, module.p, module.training)

    with (
        torch.no_grad(),
        patch("torch.nn.functional.dropout", shrink),
        patch("distilbert.nn.dropout.Dropout.forward", shrink_ours),
    ):
        a = ours.train()(ids, output_attentions=True)
        b = theirs.train()(ids, output_attentions=True)
    close(logits_of(a), logits_of(b))
    assert not torch.equal(logits_of(a), logits_of(ours.eval()(ids)))


def test_attention_drops_out_in_training_only(make_checkpoint: Maker) -> None:
    ours, _ = both(make_checkpoint, Head.NONE, attention_dropout=0.25, dropout=0.0)
    for training in (True, False):
        ours.train(training)
        first, again = (ours(*inputs()).last_hidden_state for _ in range(2))
        assert torch.equal(first, again) is not training
        with torch.no_grad():  # by PyTorch's fused kernel
            first, again = (ours(*inputs()).last_hidden_state for _ in range(2))
        assert torch.equal(first, again) is not training


# packed -----------------------------------------------------------------------------------------------


def packed_inputs(head: Head) -> tuple[Packed, Any]:
    """`inputs` and `targets` as a training loop would pack them: only the rows that have a label are read."""
    ids, mask = inputs()
    texts = [ids[i, :length].numpy() for i, length in enumerate(LENGTHS)]
    if head in (Head.SEQUENCE_CLASSIFICATION, Head.MULTIPLE_CHOICE):
        return Packed.from_batch(Batch.pack(texts, [np.array([0])] * len(texts))), targets(head, mask)["labels"]
    labels = targets(head, mask)["labels"]
    rows = [(labels[i] != -100).nonzero().squeeze(1).numpy() for i in range(len(texts))]
    return Packed.from_batch(Batch.pack(texts, rows)), labels[labels != -100]


@pytest.mark.parametrize("head", [head for head in HEADS if head is not Head.QUESTION_ANSWERING])
def test_packed_training_has_the_same_loss_and_gradients(make_checkpoint: Maker, head: Head) -> None:
    ours, theirs = both(make_checkpoint, head)
    ids, mask = inputs(head)
    batch, labels = packed_inputs(head)
    logits = ours.run(batch)
    loss = ours.loss(logits.view(-1, 2) if head is Head.MULTIPLE_CHOICE else logits, labels)
    expected = theirs(ids, mask, **targets(head, mask)).loss
    close(loss, expected)
    same_gradients(gradients(ours, loss), gradients(theirs, expected))


def test_packed_questions_have_the_same_loss(make_checkpoint: Maker) -> None:
    ours, _ = both(make_checkpoint, Head.QUESTION_ANSWERING)
    ids, mask = inputs()
    labels = targets(Head.QUESTION_ANSWERING, mask)
    batch = Packed.from_batch(Batch.pack([ids[i, :length].numpy() for i, length in enumerate(LENGTHS)]))
    loss = ours.loss(ours.run(batch), batch, labels["start_positions"], labels["end_positions"])
    close(loss, ours(ids, mask, **labels).loss, 1e-6)


@pytest.mark.parametrize("head", HEADS)
def test_parts_of_a_step_add_up_to_the_whole(make_checkpoint: Maker, head: Head) -> None:
    ours, _ = both(make_checkpoint, head)
    ids, mask = inputs()
    labels = targets(head, mask)
    pairs = head is Head.MULTIPLE_CHOICE
    total = {Head.SEQUENCE_CLASSIFICATION: 4, Head.MULTIPLE_CHOICE: 2, Head.QUESTION_ANSWERING: 4}.get(head)
    if total is None:
        total = (labels["labels"] != -100).sum()

    def loss(texts: slice, total: Any) -> Any:
        batch = Packed.from_padded(ids[texts], mask[texts])
        untied = slice(texts.start // 2, texts.stop // 2) if pairs else texts
        given = [places[untied] for places in labels.values()]
        logits = ours.run(batch)
        if head is Head.QUESTION_ANSWERING:
            return ours.loss(logits, batch, *given, total=total)
        if head in (Head.MASKED_LM, Head.TOKEN_CLASSIFICATION):
            return ours.loss(logits, batch.labels(*given), total=total)
        logits = logits[batch.first]
        return ours.loss(logits.view(-1, 2) if pairs else logits, *given, total=total)

    whole = gradients(ours, loss(slice(0, 4), None))
    parts = gradients(ours, loss(slice(0, 2), total) + loss(slice(2, 4), total))
    same_gradients(parts, whole)


def test_nothing_to_learn_is_no_loss(make_checkpoint: Maker) -> None:
    ours, _ = both(make_checkpoint, Head.MASKED_LM)
    ids, mask = inputs()
    loss = ours(ids, mask, labels=torch.full_like(ids, -100)).loss
    assert loss.item() == 0
    assert not any(gradient.any() for gradient in gradients(ours, loss).values())
    none = np.array([], np.int64)
    unread = ours.run(Packed.from_batch(Batch.pack([np.array([5, 6]), np.array([7])], [none, none])))
    assert unread.shape == (0, 6000)
    loss = ours.loss(unread, torch.tensor([], dtype=torch.long))
    assert loss.item() == 0
    assert not any(gradient.any() for gradient in gradients(ours, loss).values())


@pytest.mark.parametrize("head", HEADS)
def test_a_fully_masked_text_never_gives_nan(make_checkpoint: Maker, head: Head) -> None:
    ours, _ = both(make_checkpoint, head)
    ids, mask = inputs(head)
    mask[1] = 0
    output = ours.train()(ids, mask, **targets(head, mask))
    assert logits_of(output).isfinite().all()
    assert output.loss.isfinite()
    assert all(gradient.isfinite().all() for gradient in gradients(ours, output.loss).values())


@pytest.mark.parametrize("head", slow_but_for([Head.QUESTION_ANSWERING], HEADS))
def test_compiles_to_one_graph_with_its_loss(make_checkpoint: Maker, head: Head) -> None:
    """With a mask; test_model.py has it without. The gradients are compiled, too, for one head."""
    ours = MODELS[head].from_pretrained(make_checkpoint(head, num_labels=labels_of(head), n_layers=1)).eval()
    ids, mask = inputs(head)
    labels = targets(head, mask)
    backend = "aot_eager" if head is Head.TOKEN_CLASSIFICATION else "eager"
    a, b = (call(ids, mask, **labels) for call in (torch.compile(ours, fullgraph=True, backend=backend), ours))
    close(logits_of(a), logits_of(b))
    close(a.loss, b.loss)
    same_gradients(gradients(ours, a.loss), gradients(ours, b.loss))


@pytest.mark.parametrize("head", HEADS)
def test_bfloat16_trains(make_checkpoint: Maker, head: Head) -> None:
    ours, _ = both(make_checkpoint, head)
    ids, mask = inputs(head)
    labels = targets(head, mask)
    exact = ours(ids, mask, **labels).loss.item()
    with torch.autocast("cpu", torch.bfloat16):
        mixed = ours(ids, mask, **labels).loss
    assert all(gradient.isfinite().all() for gradient in gradients(ours, mixed).values())
    half = ours.to(torch.bfloat16)(ids, mask, **labels).loss
    assert all(gradient.isfinite().all() for gradient in gradients(ours, half).values())
    assert [mixed.item(), half.item()] == pytest.approx([exact, exact], rel=0.05)


# what the heads are -----------------------------------------------------------------------------------


def test_the_projector_is_the_word_embeddings_unless_untied() -> None:
    tied = DistilBertForMaskedLM(small_config(Head.MASKED_LM))
    assert tied.vocab_projector.weight is tied.distilbert.embeddings.word_embeddings.weight
    untied = DistilBertForMaskedLM(small_config(Head.MASKED_LM, tie_word_embeddings=False))
    assert untied.vocab_projector.weight is not untied.distilbert.embeddings.word_embeddings.weight


def test_masked_lm_of_base_has_as_many_parameters_as_published() -> None:
    with torch.device("meta"):
        model = DistilBertForMaskedLM(DistilBertConfig())
    assert sum(parameter.numel() for parameter in model.parameters()) == 66_985_530


def test_a_question_answerer_has_a_start_and_an_end_whatever_the_labels() -> None:
    model = DistilBertForQuestionAnswering(small_config(num_labels=7))
    assert model.config.num_labels == 2
    assert DistilBertForMultipleChoice(small_config(num_labels=7)).classifier.out_features == 1


def test_fresh_heads_differ_by_seed_alone() -> None:
    def logits(seed: int) -> Any:
        torch.manual_seed(seed)
        return DistilBertForSequenceClassification(small_config()).eval()(*inputs()).logits

    assert torch.equal(logits(1), logits(1))
    assert not torch.equal(logits(1), logits(2))


def test_every_head_has_its_model() -> None:
    assert {head: kind.head for head, kind in MODELS.items()} == {head: head for head in Head}
