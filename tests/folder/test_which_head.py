"""Which head a checkpoint has: what config.json says, what the weights show, and how many labels there are."""

import json

import pytest

import distilbert
from conftest import Maker, random_weights
from distilbert import CheckpointError, ConfigError
from distilbert.folder.checkpoint import Head, open_checkpoint
from distilbert.folder.layout import CONFIG
from helpers.tiny_folders import HEADS, PROJECTOR, WITH_LABELS, WORDS, MakeTiny, check_equal, tiny, write_weights


@pytest.mark.parametrize("head", HEADS)
def test_every_head_is_recognised(head: Head, make_tiny: MakeTiny) -> None:
    folder, _, weights = make_tiny(head)
    check_equal(folder, weights, head)


@pytest.mark.parametrize("head", [head for head in HEADS if head is not Head.MULTIPLE_CHOICE])
def test_every_head_is_recognised_by_its_weights_alone(head: Head, make_tiny: MakeTiny) -> None:
    folder, _, weights = make_tiny(head)
    write_weights(folder, tiny(head, architectures=None), weights)
    check_equal(folder, weights, head)
    # a name that is none of ours says nothing
    write_weights(folder, tiny(head, architectures=["MyDistilBertModel"]), weights)
    check_equal(folder, weights, head)


@pytest.mark.parametrize("head", HEADS)
def test_the_encoder_of_any_head_can_be_asked_for_alone(head: Head, make_tiny: MakeTiny) -> None:
    """The published base models name no head and keep the masked-LM head's weights."""
    folder, _, weights = make_tiny(head)
    write_weights(folder, tiny(Head.NONE), weights)
    check_equal(folder, weights, Head.NONE)


def test_the_weights_of_another_head_are_left_unread(make_tiny: MakeTiny) -> None:
    folder, config, weights = make_tiny(Head.QUESTION_ANSWERING)
    write_weights(folder, config, weights | random_weights(tiny(Head.MASKED_LM), Head.MASKED_LM) | weights)
    check_equal(folder, weights, Head.QUESTION_ANSWERING)


@pytest.mark.parametrize("stored", HEADS)
@pytest.mark.parametrize("declared", HEADS)
def test_a_config_that_says_another_head_than_the_weights(declared: Head, stored: Head, make_tiny: MakeTiny) -> None:
    folder, _, weights = make_tiny(stored)
    write_weights(folder, tiny(declared), weights)
    if declared in (Head.NONE, stored):
        assert open_checkpoint(folder).head is declared
    elif (declared, stored) == (Head.SEQUENCE_CLASSIFICATION, Head.MULTIPLE_CHOICE):  # they differ in a shape alone
        assert open_checkpoint(folder).config.num_labels == 1
    elif (declared, stored) == (Head.MULTIPLE_CHOICE, Head.SEQUENCE_CLASSIFICATION):
        with pytest.raises(CheckpointError, match=r"classifier\.weight has shape \[\d, 4\], but .* asks for \[\d, 4\]"):
            open_checkpoint(folder)
    else:
        with pytest.raises(CheckpointError, match=f"config.json says {declared.value}, but the weights (lack|hold) "):
            open_checkpoint(folder)


def test_a_config_that_was_left_as_it_was_for_another_head_is_told_how_to_be_mended(make_tiny: MakeTiny) -> None:
    """As where weights are saved by themselves, beside the base model's config.json."""
    folder, _, weights = make_tiny(Head.SEQUENCE_CLASSIFICATION)
    write_weights(folder, tiny(Head.MASKED_LM), weights)
    with pytest.raises(CheckpointError, match="; if this is a DistilBertForSequenceClassification, say so in its arch"):
        open_checkpoint(folder)
    write_weights(folder, tiny(Head.TOKEN_CLASSIFICATION), weights)
    with pytest.raises(
        CheckpointError, match="hold pre_classifier; if this is a DistilBertForSequenceClassification, say"
    ):
        open_checkpoint(folder)
    del weights["classifier.weight"], weights["classifier.bias"]  # a head that is not whole is no other head
    write_weights(folder, tiny(Head.SEQUENCE_CLASSIFICATION), weights)
    with pytest.raises(CheckpointError, match=r"lack classifier; beside the encoder they hold pre_[^;]*$"):
        open_checkpoint(folder)


def test_a_task_whose_head_is_there_and_not_named(make_checkpoint: Maker) -> None:
    folder = make_checkpoint()
    values = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(values | {"architectures": ["DistilBertModel"]}))
    message = (
        "this is a DistilBertModel .*; its weights hold a DistilBertForSequenceClassification, too: name it in config"
    )
    with pytest.raises(CheckpointError, match=message):
        distilbert.load(folder, "text-classification")
    with pytest.raises(CheckpointError, match=r"\(its task is 'feature-extraction'\)$"):
        distilbert.load(folder, "question-answering")


def test_a_tied_matrix_that_is_kept_as_the_projector(make_tiny: MakeTiny) -> None:
    folder, _, weights = make_tiny(Head.MASKED_LM, tie_word_embeddings=True)
    weights[PROJECTOR] = weights[WORDS]
    expected = dict(weights)
    del weights[WORDS]
    write_weights(folder, tiny(Head.MASKED_LM, tie_word_embeddings=True), weights)
    check_equal(folder, expected, Head.MASKED_LM)
    write_weights(folder, tiny(Head.MASKED_LM, tie_word_embeddings=False), weights)
    with pytest.raises(CheckpointError, match=r"weights lack distilbert\.embeddings\.word_embeddings\.weight"):
        open_checkpoint(folder)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("stored", [True, False])
def test_tied_and_untied_projectors(tied: bool, stored: bool, make_tiny: MakeTiny) -> None:
    folder, config, weights = make_tiny(Head.MASKED_LM, tie_word_embeddings=tied)
    if not stored:
        del weights[PROJECTOR]
        write_weights(folder, config, weights)
    if stored or tied:
        check_equal(folder, weights, Head.MASKED_LM)
        assert (PROJECTOR in open_checkpoint(folder).tensors) is stored
    else:
        with pytest.raises(CheckpointError, match=f"lack {PROJECTOR} of a DistilBertForMaskedLM"):
            open_checkpoint(folder)


@pytest.mark.parametrize("head", WITH_LABELS)
def test_labels_that_do_not_match_the_head(head: Head, make_tiny: MakeTiny) -> None:
    folder, _, weights = make_tiny(head)
    write_weights(folder, tiny(head, id2label={"0": "a", "1": "b"}, num_labels=2), weights)
    with pytest.raises(ConfigError, match=r"config\.json: id2label names 2 labels, but the classifier has 3"):
        open_checkpoint(folder)
    write_weights(folder, tiny(head, num_labels=2), weights)
    assert open_checkpoint(folder).config.labels == ("LABEL_0", "LABEL_1", "LABEL_2")
