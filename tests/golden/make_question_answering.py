"""Writes question_answering.jsonl: what the question-answering pipeline of Transformers 4 says.

Transformers 5 has no such pipeline, and 4 does not go with this package's huggingface-hub, so this runs in an
environment of its own, from the top of the repository:

    python -m venv /tmp/golden
    /tmp/golden/bin/pip install transformers==4.57.6 torch==2.13.0 onnx onnxruntime pytest
    PYTHONPATH=src:tests /tmp/golden/bin/python tests/golden/make_question_answering.py

Each line is a checkpoint, the number of a question in data/squad.json, options, and answers (start, end, score). The
checkpoints are made of seeds by conftest.py, here and in the test, which compares with this file. `scale`
multiplies the head's weights: a large one gives scores as sharp as a trained model's.
"""

import itertools
import json
import tempfile
from pathlib import Path

import torch
import transformers

from conftest import DATA, random_weights, small_config
from distilbert.folder.checkpoint import Head, save_checkpoint

CHECKPOINTS = [{"seed": 1, "scale": 1}, {"seed": 2, "scale": 8}, {"seed": 3, "scale": 30}]
OPTIONS = [
    {},
    {"top_k": 5},
    {"align_to_words": False},
    {"align_to_words": False, "top_k": 5, "max_answer_len": 4},
    {"handle_impossible_answer": True, "top_k": 3},
    {"max_seq_len": 128, "doc_stride": 32},
    {"max_seq_len": 128, "doc_stride": 32, "handle_impossible_answer": True, "align_to_words": False, "top_k": 5},
]


def save(folder: Path, seed: int, scale: float) -> None:
    config = small_config(Head.QUESTION_ANSWERING, max_position_embeddings=512)
    weights = random_weights(config, Head.QUESTION_ANSWERING, seed)
    weights["qa_outputs.weight"] *= scale
    save_checkpoint(folder, config, weights)


def main() -> None:
    transformers.logging.set_verbosity_error()
    paragraphs = json.loads((DATA / "squad.json").read_text(encoding="utf-8"))
    pairs = [(paragraph["context"], question) for paragraph in paragraphs for question in paragraph["questions"]]
    tokenizer = transformers.DistilBertTokenizerFast(str(DATA / "vocab.txt"), do_lower_case=True, model_max_length=512)
    cases = []
    for checkpoint in CHECKPOINTS:
        with tempfile.TemporaryDirectory() as folder:
            save(Path(folder), **checkpoint)
            model = transformers.DistilBertForQuestionAnswering.from_pretrained(folder)
        answerer = transformers.pipeline("question-answering", model=model, tokenizer=tokenizer, device="cpu")
        for options, (number, (context, question)) in itertools.product(OPTIONS, enumerate(pairs)):
            answers = answerer(question=question, context=context, **options)
            places = [(a["start"], a["end"], a["score"]) for a in (answers if isinstance(answers, list) else [answers])]
            cases.append(checkpoint | {"pair": number, "options": options, "answers": places})
    versions = {"transformers": transformers.__version__, "torch": torch.__version__}
    lines = [json.dumps(case, ensure_ascii=False) for case in [versions, *cases]]
    Path(__file__).with_name("question_answering.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
