"""The model card as the hub's own parser reads it."""

from pathlib import Path

from huggingface_hub import ModelCard

from distilbert.evaluation.intervals import Interval
from distilbert.model_card import write_card


def test_the_hub_reads_it(tmp_path: Path) -> None:
    facts = {
        "task": "text-classification",
        "made": "Fine-tuned",
        "from": "distilbert/distilbert-base-uncased",
        "command": "distilbert train",
        "settings": {"train": "train.tsv", "eval": "dev.tsv"},
        "labels": ["no", "yes: so"],
        "train_examples": 10,
        "eval_examples": 5,
        "steps": 3,
        "best_step": 2,
        "versions": {"distilbert": "0.1.0"},
    }
    scores = {
        name: Interval(value, 0.5, 1.0)
        for name, value in (("accuracy", 0.875), ("f1_macro", 0.86), ("auc", float("nan")))
    }
    write_card(tmp_path, facts, scores)
    card = ModelCard.load(tmp_path / "README.md")
    assert card.data.base_model == "distilbert/distilbert-base-uncased"
    assert (card.data.pipeline_tag, card.data.library_name) == ("text-classification", "distilbert")
    assert card.data.eval_results is not None
    found = {each.metric_name: (each.metric_type, each.metric_value) for each in card.data.eval_results}
    assert found == {"accuracy": ("accuracy", 0.875), "f1_macro": ("f1", 0.86)}
    assert {each.dataset_name for each in card.data.eval_results} == {"dev.tsv"}
    assert card.content.count("# A DistilBERT for text-classification") == 1

    source = tmp_path / "source"
    source.mkdir()
    (source / "README.md").write_text("---\nlicense: apache-2.0\nlanguage: en\nbase_model: a/b\n---\n# A model\n")
    write_card(tmp_path, facts | {"from": str(source)}, {})
    data = ModelCard.load(tmp_path / "README.md").data
    assert (data.license, data.language, data.base_model, data.eval_results) == ("apache-2.0", "en", "a/b", None)
