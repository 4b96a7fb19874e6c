"""The page of each task: the figures of a case that is known, nothing from elsewhere, and a bounded size."""

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from conftest import Maker
from distilbert.cli.main import main
from distilbert.data.examples import Data, LabelledText
from distilbert.errors import InputError
from distilbert.evaluation.evaluations import Evaluation
from distilbert.folder.checkpoint import Head
from distilbert.report import write_evaluation
from distilbert.report.predictions_section import predictions_section
from helpers import reports
from helpers.marks import slow_but_for
from helpers.reports import PAGES, TEXTS, Page


def page_of(evaluation: Evaluation, folder: Path, **options: Any) -> Page:
    write_evaluation(folder / "report.html", evaluation, **options)
    return Page(folder / "report.html")


@pytest.mark.drawn
@pytest.mark.parametrize("kind", slow_but_for(("entities", "training"), PAGES))
def test_the_page_stands_alone_and_its_texts_are_texts(kind: str, tmp_path: Path) -> None:
    reports.write(kind, tmp_path / "report.html")
    page = Page(tmp_path / "report.html")
    assert "http:" not in page.source
    assert "https:" not in page.source
    assert not re.search(r"@import|url\((?!#)", page.source)
    for tag, attributes in page.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base", "form")
        assert "src" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        assert (attributes.get("href") or "#").startswith("#")
    scripts = [attributes for tag, attributes in page.tags if tag == "script"]
    data = [] if kind == "quantization" else ["application/json"]
    assert [attributes.get("type") for attributes in scripts] == [*data, None]
    policies = [attributes["content"] or "" for _, attributes in page.tags if "http-equiv" in attributes]
    assert policies[0].startswith("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-")
    assert "Made again by:distilbert " in page.text
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    places = {attributes["href"] for tag, attributes in page.tags if tag == "a"}
    assert places <= {f"#{name}" for name in ids}
    assert all(attributes.get("aria-label") for tag, attributes in page.tags if tag == "svg")
    assert page.tables["Each metric"][1:]


def test_a_single_label(tmp_path: Path) -> None:
    evaluation = reports.single_label()
    page = page_of(evaluation, tmp_path)
    score = evaluation.scores["accuracy"]
    assert page.tables["Each metric"][1][:5] == [
        "accuracy",
        "0.6667",
        f"{score.low:.4f} to {score.high:.4f}",
        "",
        "0.5000",
    ]
    assert page.tables["How often each label stands there"][1:] == [["pos", "3", "50.0%"], ["neg", "3", "50.0%"]]
    assert page.tables["Each class"][1:] == [
        ["neg", "0.667", "0.667", "0.667", "3"],
        ["pos", "0.667", "0.667", "0.667", "3"],
    ]
    assert page.tables["Confusion, as shares of the true labels"] == [
        ["", "neg", "pos"],
        ["neg", "67%2", "33%1"],
        ["pos", "33%1", "67%2"],
    ]
    shown = TEXTS[2].replace("\x00", "�")
    assert page.tables["True pos, predicted neg"][1:] == [[shown, "worst", "0.950", "0.050"]]
    assert page.tables["True neg, predicted pos"][1:] == [["dull but fine", "worst", "0.520", "0.480"]]
    # thresholds: 0.6933 of neg, 0.5833 of pos
    assert page.tables["The first 1 of them"][1:] == [[shown, "pos", "neg", "0.950"]]
    assert "2 of 6 are wrong" in page.text
    assert page.tables["By the number of words"][1:3] == [
        ["all", "6", "0.333", "0.097 to 0.700"],
        ["1 to 8", "5", "0.400", "0.118 to 0.769"],
    ]
    # 0.95, 0.9, 0.9, 0.8, 0.7 and 0.52 sure; 4 of 6 right
    assert "The model is sure by 0.795 on average, and 0.667 of its predictions are right" in page.text
    assert page.tables["Bins of confidence"][1][:3] == ["0.520", "0.000", "1"]


def test_a_single_label_that_is_always_right(tmp_path: Path) -> None:
    outcome: Any = reports.single_label().details.outcome
    examples = [LabelledText(text, ("neg", "pos")[label]) for text, label in zip(TEXTS, outcome.scores.argmax(1))]
    page = page_of(reports.labelled(dataclasses.replace(outcome.data, examples=examples), outcome.scores), tmp_path)
    assert "By what is taken for what" not in page.text
    assert page.tables["Each metric"][1][1] == "1.0000"


@pytest.mark.drawn
def test_a_calibrated_model_stands_beside_its_raw_logits(tmp_path: Path) -> None:
    outcome: Any = reports.single_label().details.outcome
    page = page_of(reports.labelled(outcome.data, outcome.scores, temperature=3.0), tmp_path)
    errors = {row[0]: float(row[1]) for row in page.tables["Each metric"][1:] if "calibration" in row[0]}
    assert len(set(errors.values())) == len(errors) == 2
    assert re.search(r"<text[^>]*>raw</text>", page.source)
    assert re.search(r"<text[^>]*>calibrated</text>", page.source)


def test_several_labels(tmp_path: Path) -> None:
    page = page_of(reports.several_labels(), tmp_path)
    assert page.tables["Each label"][1:] == [
        ["film", "0.667", "1.000", "0.800", "2"],
        ["cast", "1.000", "0.500", "0.667", "2"],
    ]
    assert page.tables["Thresholds"][1][:5] == ["film", "0.800", "1.000", "1.000", "1.000"]
    assert [row[:3] for row in page.tables["The worst mistakes"][1:]] == [
        ["dull and slow", "cast", "film, cast"],
        ["good, if long", "film, cast", "film"],
    ]


def test_numbers_and_similarities(tmp_path: Path) -> None:
    page = page_of(reports.numbers(), tmp_path)
    assert page.tables["Each metric"][3][:2] == ["rmse", "0.6124"]  # √((0.25 + 0 + 1 + 0.25) / 4)
    assert page.tables["The worst mistakes"][1][1:] == ["3", "2", "1"]
    assert page.tables["By the number of words"][1][:3] == ["all", "4", "0.500"]
    least = [row[3].partition(" to ")[0] for row in page.tables["By the number of words"][1:]]
    assert all(float(low) >= 0 for low in least)  # no distance is below 0
    assert "On average the prediction is +0.000 from the true value." in page.source
    page = page_of(reports.similarities(), tmp_path)
    assert page.tables["Each metric"][2][:2] == ["spearman", "0.8000"]
    assert "cosine similarity by true score" in page.text


def test_entities_are_marked_in_their_text(tmp_path: Path) -> None:
    page = page_of(reports.entities(), tmp_path)
    assert page.tables["Entities"][1:] == [
        ["LOC", "0.000", "0.000", "0.000", "2"],
        ["PER", "1.000", "1.000", "1.000", "1"],
    ]
    assert "1 of 2 sentences have an entity that is not right" in page.text
    off = " (not on the other line)"
    assert f"true Amy LeePER left RomeLOC{off} for New YorkLOC{off}predicted" in page.text
    assert f"predicted Amy LeePER left Rome for New YorkLOC{off}" in page.text
    marks = [attributes["class"] for tag, attributes in page.tags if tag == "mark"]
    assert marks == ["k1", "k0 off", "k0 off", "k1", "k0 off"]


def test_answers_are_marked_in_their_context(tmp_path: Path) -> None:
    page = page_of(reports.answers(), tmp_path)
    assert page.tables["Answers by their length"][1:] == [
        ["no answer", "1", "1.000", "1.000", "1"],
        ["1 word", "1", "1.000", "1.000", "0"],
        ["2 to 3 words", "1", "0.000", "0.400", "0"],
    ]
    assert "1 of 3 answers have an F1 below 1" in page.text
    assert "New  (true)York (true and predicted) in May (predicted)." in page.text
    assert "predicted: York in May (score 0.600, F1 0.40)" in page.text


def test_long_contexts_are_cut_between_the_answers(tmp_path: Path) -> None:
    first = reports.answers()
    outcome: Any = first.details.outcome
    context = "word " * 2000 + "Rome" + " word" * 2000
    example = dataclasses.replace(outcome.data.examples[0], context=context, answers=(("Rome", 10_000),))
    answer = dataclasses.replace(outcome.predicted[0], text="word", start=0, end=4)
    data = dataclasses.replace(outcome.data, examples=[example])
    changed = dataclasses.replace(outcome, data=data, predicted=[answer], errors=outcome.errors[:1])
    page = page_of(dataclasses.replace(first, details=dataclasses.replace(first.details, outcome=changed)), tmp_path)
    assert "Rome (true)" in page.text
    assert page.text.count("word") < 120


def test_two_models_stand_side_by_side(tmp_path: Path) -> None:
    first, second = reports.single_label(), dataclasses.replace(reports.single_label(), model="b/model")
    page = page_of(first, tmp_path, other=second, differences={})
    assert page.tables["Each metric"][0][4:7] == ["baseline", "b/model", "difference"]
    assert page.tables["Each metric"][1][5] == "0.6667"
    page = page_of(first, tmp_path, other=dataclasses.replace(second, model="a/model", precision="float32"))
    assert page.tables["Each metric"][0][5] == "a/model (float32)"


def test_a_run_of_training(tmp_path: Path) -> None:
    reports.write("training", tmp_path / "report.html")
    page = Page(tmp_path / "report.html")
    assert page.text.count("Distillation: text-classification") == 2
    assert [row[:3] for row in page.tables["Examples, and their words"][1:]] == [
        [part, "reviews.csv", "6"] for part in ("train", "evaluation", "test")
    ]
    assert page.tables["Teacher and student on the evaluation examples"][1] == ["accuracy", "0.8000", "0.6667", "83.3%"]
    assert page.tables["The last evaluations"][1:] == [["5", "0.8000", "0.7000"], ["10", "0.9000", "0.6000"]]
    assert page.tables["Each metric on the test data"][1][:2] == ["accuracy", "0.6667"]
    assert "These are the weights of step 5, the best by accuracy" in page.text
    assert ["columns", '{"text": "review"}'] in page.tables["Settings and versions"]
    assert "The training loss ends at 0.4, the evaluation loss at 0.9." in page.source
    assert "time1 min 1 s" in page.text
    assert page.tables["By the share of words that stand in no text that was trained on"][1:] == [
        ["all", "6", "0.333", "0.097 to 0.700"],
        ["none", "6", "0.333", "0.097 to 0.700"],
    ]


# the download ---------------------------------------------------------------------------------------


def embedded(page: Page) -> str:
    found = re.search(r'<script type="application/json" id="predictions-data">(.*?)</script>', page.source, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_the_predictions_are_in_the_page(tmp_path: Path) -> None:
    lines = embedded(page_of(reports.single_label(), tmp_path)).splitlines()
    assert lines[0] == "text,label,predicted,score,right,score neg,score pos"
    assert lines[1].startswith("a fine film,pos,pos,0.")
    assert float(lines[1].split(",")[3]) == pytest.approx(0.9)
    assert len(lines) == 7
    assert "<script>alert(1)</script>" in lines[3]


@pytest.mark.parametrize("length", [200, 1_000_000])
def test_the_size_is_bounded_and_said(length: int, tmp_path: Path) -> None:
    first = reports.single_label(("a" * length, *("word " * (length // 5) for _ in range(5))))

    def rows() -> Iterator[dict[str, Any]]:
        return ({"text": "w" * length, "label": "pos"} for _ in range(1_000_000))

    details = dataclasses.replace(first.details, predictions=rows, examples=1_000_000)
    section = predictions_section(details, "distilbert evaluate has them.")
    assert section is not None
    count = (4 << 20) // len(json.dumps(next(rows())))
    assert f"The first {count:,} of 1,000,000 predictions" in section.content
    page = page_of(dataclasses.replace(first, details=details), tmp_path)
    assert len(page.source) < 5_000_000
    assert len(embedded(page).splitlines()) == count + 1


def test_a_large_file_gives_a_small_page(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    examples = [LabelledText(f"text number {index} of many", ("no", "yes")[index % 2]) for index in range(20_000)]
    data: Data[LabelledText] = Data("many.csv", examples, ("no", "yes"), reports.PROBLEMS[0])
    evaluation = reports.labelled(data, rng.dirichlet([1, 1], len(examples)))
    details = dataclasses.replace(evaluation.details, predictions=lambda: iter(()))
    assert len(page_of(dataclasses.replace(evaluation, details=details), tmp_path).source) < 200_000


# the commands ---------------------------------------------------------------------------------------


def test_evaluate_and_quantize_write_it(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_checkpoint(Head.SEQUENCE_CLASSIFICATION, id2label={"0": "neg", "1": "pos"})
    data = tmp_path / "my reviews.csv"
    rows = [f"{text!r},{'neg' if index % 2 else 'pos'}" for index, text in enumerate(sentences[:12])]
    data.write_text("\n".join(["text,label", *(row.replace(",", "", row.count(",") - 1) for row in rows)]))
    place = tmp_path / "evaluation.html"
    assert main(["evaluate", str(folder), str(data), "--report", str(place), "--resamples", "20"]) == 0
    assert f"{place}: the report" in capsys.readouterr().out
    page = Page(place)
    assert f"distilbert evaluate {folder} '{data}' --report {place} --resamples 20" in page.text
    assert len(embedded(page).splitlines()) == 13
    place = tmp_path / "int8.html"
    assert main(["quantize", str(folder), str(tmp_path / "int8"), "--report", str(place), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    page = Page(place)
    assert page.tables["Each metric"][1][:2] == ["same_decisions", f"{printed['decisions']:.4f}"]
    assert page.tables["Each metric"][2][:2] == ["cosine", f"{printed['cosine']:.4f}"]
    assert page.tables["The least alike"][1][1] == f"{printed['worst_cosine']:.4f}"
    assert "compared" not in printed


@pytest.mark.parametrize("command", [["evaluate"], ["quantize"]])
def test_a_place_that_cannot_be_written_is_found_before_anything_runs(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "nowhere" / "report.html"
    assert main([*command, str(tmp_path / "model"), str(tmp_path / "x"), "--report", str(place)]) == 1
    assert f"{place}: cannot be written" in capsys.readouterr().err


def test_a_page_that_cannot_be_written_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_evaluation(tmp_path / "nowhere" / "report.html", reports.single_label())
