"""What `load` says of a model that can do a task, and was trained for another."""

import warnings

import pytest

from conftest import Maker
from distilbert import CheckpointWarning, load
from distilbert.cli.main import main
from distilbert.folder.checkpoint import Head

SAYS_LITTLE = "its vectors say little of what texts mean; take a model of sentences, such as starter/embed"


@pytest.mark.parametrize("task", ["feature-extraction", "sentence-similarity"])
@pytest.mark.parametrize("head", list(Head))
def test_vectors_of_an_encoder_under_another_head_are_told(make_checkpoint: Maker, head: Head, task: str) -> None:
    folder = make_checkpoint(head)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        load(folder, task)
    assert [each.category for each in told] == ([] if head in (Head.NONE, Head.MASKED_LM) else [CheckpointWarning])
    for each in told:
        assert str(each.message).startswith(f"{folder}: is a {head.value}, whose encoder was trained for ")
        assert str(each.message).endswith(SAYS_LITTLE)
        assert each.filename == __file__


def test_vectors_that_a_classifier_reads_as_means_are_not_told(make_checkpoint: Maker) -> None:
    load(make_checkpoint(classifier_pooling="mean"), "feature-extraction")


@pytest.mark.parametrize(
    ("labels", "told"),
    [(("negative", "positive"), True), (("no", "yes"), False), (("irrelevant", "Relevant"), False), (None, False)],
)
def test_what_a_classifier_of_two_labels_ranks_by_is_told(
    make_checkpoint: Maker, labels: tuple[str, str] | None, told: bool
) -> None:
    folder = make_checkpoint(num_labels=2, **({"id2label": dict(enumerate(labels))} if labels else {}))
    if told:
        with pytest.warns(CheckpointWarning, match="orders documents by the score of its label positive; unless"):
            load(folder, "text-ranking")
    else:
        load(folder, "text-ranking")
    load(make_checkpoint(num_labels=1, name="one"), "text-ranking")


@pytest.mark.filterwarnings("default")
def test_the_commands_say_so_in_one_line(make_checkpoint: Maker, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_checkpoint(Head.TOKEN_CLASSIFICATION)
    assert main(["embed", "a text", "-m", str(folder)]) == 0
    assert capsys.readouterr().err == (
        f"distilbert: {folder}: is a DistilBertForTokenClassification, whose encoder was trained for "
        f"token-classification: {SAYS_LITTLE}\n"
    )
