"""What the bridges take to no effect, and what they refuse rather than follow wrongly."""

import json
from typing import Any

import numpy as np
import pytest

from conftest import Maker
from distilbert import InputError, LongTextWarning, UnknownOptionError, load
from distilbert.compat import CrossEncoder, SentenceTransformer, TextEmbedding, pipeline, util
from distilbert.folder.checkpoint import Head


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trust_remote_code": True}, "no code of a model folder is ever run"),
        ({"torch_dtype": "float16"}, "dtype must be float32, not float16"),
        ({"tokenizer": "other/name"}, "the model's own is used"),
        ({"device": "tpu"}, "device must be"),
        ({"candidate_labels": ["a"]}, "there is no argument candidate_labels"),
        ({"device": 0, "device_map": "auto"}, "give device or device_map"),
        ({"model_kwargs": {}}, "there is no argument model_kwargs: precision="),
    ],
)
def test_what_a_pipeline_cannot_follow(make_checkpoint: Maker, options: Any, message: str) -> None:
    for task in ("text-classification", "feature-extraction"):
        with pytest.raises(InputError, match=message):
            pipeline(task, model=make_checkpoint(), **options)


def test_a_pipeline_names_no_model_of_its_own() -> None:
    with pytest.raises(InputError, match="name the model"):
        pipeline("ner")


def test_an_option_of_another_pipeline_is_refused_at_the_call(make_checkpoint: Maker) -> None:
    classify = pipeline("text-classification", model=make_checkpoint())
    with pytest.raises(UnknownOptionError, match="no argument aggregation_strategy"):
        classify("a text", aggregation_strategy="simple")


def test_a_long_text_is_refused_unless_it_may_be_cut(make_checkpoint: Maker) -> None:
    classify = pipeline(model=make_checkpoint())
    with pytest.raises(InputError, match="longer than"):
        classify("film " * 300)
    assert classify("film " * 300, truncation=True)[0]["label"]


def test_question_answering_is_that_of_version_4(make_checkpoint: Maker) -> None:
    folder = make_checkpoint(Head.QUESTION_ANSWERING)
    context = "Amy lives in Amsterdam and works by the sea."
    answer = pipeline("question-answering", model=folder)
    found = answer(question="Where does Amy live?", context=context)
    expected = load(folder)("Where does Amy live?", context, max_seq_len=128, doc_stride=64)
    assert found == {"score": expected.score, "start": expected.start, "end": expected.end, "answer": expected.text}
    assert answer({"question": "Where does Amy live?", "context": context}) == found
    several = answer(question=["Where?", "Who?"], context=context, top_k=2, handle_impossible_answer=True)
    assert [len(each) for each in several] == [2, 2]
    with pytest.raises(InputError, match="give a question and a context"):
        answer(question="Where?")


def test_sentences(make_checkpoint: Maker) -> None:
    folder = make_checkpoint(Head.NONE)
    model = SentenceTransformer(folder)
    with pytest.raises(InputError, match="output_value must be one of sentence_embedding, token_embeddings, not None"):
        model.encode("a", output_value=None)
    with pytest.raises(InputError, match="similarity_fn_name must be one of cosine, dot"):
        model.similarity_fn_name = "angle"
    with pytest.raises(UnknownOptionError, match="no argument model_kwargs: precision="):
        SentenceTransformer(folder, model_kwargs={})
    with pytest.raises(InputError, match="score_function must be one of util"):
        util.semantic_search([[1.0, 0.0]], [[1.0, 0.0]], score_function=max)
    with pytest.raises(InputError, match="encode has int8"):
        util.quantize_embeddings([[1.0, 0.0]], "int8")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="name the model"):
        TextEmbedding()
    with pytest.raises(InputError, match="max_length must be a whole number above 2"):
        model.max_seq_length = 2
    with pytest.warns(LongTextWarning):
        model.encode("film " * 300)
    (vector,) = TextEmbedding(folder).embed("a film")
    np.testing.assert_allclose(vector, model.encode("a film", normalize_embeddings=True), rtol=1e-6)


def test_ranking_needs_one_output(make_checkpoint: Maker) -> None:
    model = CrossEncoder(make_checkpoint(num_labels=3))
    with pytest.raises(InputError, match="rank needs a model with one output, not 3 labels"):
        model.rank("a", ["b"])
    with pytest.raises(InputError, match="num_labels must be 3"):
        CrossEncoder(model.task.model.folder, num_labels=1)
    with pytest.raises(InputError, match="pairs"):
        model.predict([("a", "b", "c")])


def test_a_ranker_reads_as_its_folder_says_and_as_it_is_told(make_checkpoint: Maker) -> None:
    folder = make_checkpoint(num_labels=1)
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"}
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").write_text(
        '{"max_seq_length": 12, "transformer_task": "sequence-classification"}'
    )
    (folder / "config_sentence_transformers.json").write_text('{"model_type": "CrossEncoder"}')
    pair = ("a film about love", "a long and moving film about love and war " * 3)
    ranker = load(folder, "text-ranking")
    (expected,) = ranker(pair[0], [pair[1]])
    assert expected.truncated
    score = CrossEncoder(folder).predict(pair)
    np.testing.assert_allclose(score, expected.score, rtol=1e-6)
    shorter = CrossEncoder(folder, max_length=10)
    np.testing.assert_allclose(shorter.rank(pair[0], [pair[1]])[0]["score"], shorter.predict(pair), rtol=1e-6)
    assert shorter.predict(pair) != score
    assert CrossEncoder(folder).rank("a", []) == []
