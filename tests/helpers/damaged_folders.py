"""Model folders with one file damaged, each made from a seed alone: what fuzz/test_damaged_folders.py opens."""

import json
import os
import shutil
import string
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from safetensors.numpy import save_file

import distilbert
from conftest import DATA, random_weights, small_config
from distilbert.convert import convert, export_onnx, quantize
from distilbert.convert.quantizer import Quantizer, matrix_groups
from distilbert.folder.checkpoint import Head, open_checkpoint, save_checkpoint
from distilbert.folder.layout import INDEX, WEIGHTS
from distilbert.tasks.question_answering import QuestionAnswerer
from distilbert.tokenizer import BertTokenizer
from helpers.damage import OF_ANY_FILE, damaged, harmless

FOREIGN = Path(__file__).parents[1] / "golden" / "foreign_weights"
GRAPHS = "graphs"  # in a folder: the cache of graphs that it is opened with
TEXT = "A charming [MASK] and often affecting journey."


@dataclass(frozen=True)
class Mutant:
    """One damaged file of one of the prototypes; `same` says that the model must still be the same one.

    `link` is where the file leads, if it is a link.
    """

    seed: int
    prototype: str
    file: str
    what: str
    content: bytes
    same: bool = False
    link: str = ""

    def __str__(self) -> str:
        return f"seed {self.seed}: {self.prototype}/{self.file}, {self.what}"

    def write(self, prototypes: Path, folder: Path) -> Path:
        """The prototype with the damaged file in its place."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(prototypes / self.prototype, folder)
        if self.link:
            (folder / self.file).unlink()
            (folder / self.file).symlink_to(self.link)
        else:
            (folder / self.file).write_bytes(self.content)
        return folder


def run(folder: Path, converted: Path) -> np.ndarray:
    """Numbers of what the model in `folder` says of one sentence; `converted` is made of it where it must be."""
    os.environ["DISTILBERT_CACHE"] = str(folder / GRAPHS) if (folder / GRAPHS).is_dir() else ""
    if not any(folder.glob("*.safetensors")):
        shutil.rmtree(converted, ignore_errors=True)
        convert(folder, converted)
        folder = converted
    task = distilbert.load(folder, threads=1)
    if isinstance(task, QuestionAnswerer):
        answer = task("what is it?", TEXT)
        return np.array([answer.start, answer.end, answer.score])
    result: Any = task(TEXT)
    if isinstance(result, np.ndarray):
        return result
    return np.array([each.score for each in _flat(result)])


def _flat(result: Any) -> list[Any]:
    return [one for each in result for one in _flat(each)] if isinstance(result, list) else [result]


# prototypes -------------------------------------------------------------------------------------------


def write_prototypes(root: Path) -> None:
    """A small folder of every form that is read."""
    vocab = _small_vocab()
    for head in (
        Head.SEQUENCE_CLASSIFICATION, Head.TOKEN_CLASSIFICATION, Head.QUESTION_ANSWERING, Head.MASKED_LM, Head.NONE,
    ):  # fmt: skip
        config = small_config(
            head, vocab_size=vocab.count("\n"), dim=16, hidden_dim=24, id2label={"0": "bad", "1": "good"}
        )
        weights = random_weights(config, head)
        weights.pop("vocab_projector.weight", None)
        if head is Head.MASKED_LM:
            weights = {name: array.astype(np.float16) for name, array in weights.items()}
        folder = root / head.name.lower()
        save_checkpoint(folder, config, weights)
        (folder / "vocab.txt").write_text(vocab, encoding="utf-8")
        _write(
            folder / "tokenizer_config.json", {"do_lower_case": True, "model_max_length": 128, "strip_accents": None}
        )
        _write(folder / "special_tokens_map.json", {"mask_token": {"content": "[MASK]"}, "unk_token": "[UNK]"})
    _shard(root / "sequence_classification", root / "shards")
    _sentence_folder(root / "none", root / "sentences")
    for name in ("sequence_classification", "token_classification", "question_answering", "masked_lm", "sentences"):
        quantize(root / name, root / f"int8_{name}", data=[TEXT])
    for name in ("masked_lm", "token_classification"):
        _mixed_folder(root / name, root / f"mixed_{name}")
    _foreign_folders(root)
    shutil.copytree(root / "sequence_classification", root / "with_graphs")
    (root / "with_graphs" / GRAPHS).mkdir(mode=0o700)
    run(root / "with_graphs", root / "not needed")


def _mixed_folder(source: Path, out: Path) -> None:
    """Words in 4 bits, and some matrices in float32."""
    quantize(source, out, word_bits=4, data=[TEXT])
    checkpoint = open_checkpoint(source)
    Quantizer(checkpoint, word_bits=4).write(out, [name for group in matrix_groups(1)[::2] for name in group])


def _foreign_folders(root: Path) -> None:
    """The formats that `convert` reads: by its own writers, and as the programs they belong to wrote them."""
    for form in ("bin", "ot", "npz"):
        convert(root / "sequence_classification", root / form, to=form)
    export_onnx(root / "token_classification", root / "onnx")
    for name in ("keras-ForSequenceClassification", "flax-ForMaskedLM", "google-bert"):
        shutil.copytree(FOREIGN / name, root / name, ignore=shutil.ignore_patterns("expected.npz"))
        pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *string.ascii_lowercase, "."]
        pieces += [f"##{letter}" for letter in string.ascii_lowercase][: 60 - len(pieces)]
        (root / name / "vocab.txt").write_text("\n".join([*pieces, "a film", "journey"][:60]) + "\n", encoding="utf-8")


def _small_vocab() -> str:
    """The special tokens, letters and other single characters, and words, of tests/data/vocab.txt."""
    lines = (DATA / "vocab.txt").read_text(encoding="utf-8").split("\n")
    pieces = [line for line in lines if line.startswith("[") and "unused" not in line]
    pieces += [*string.ascii_lowercase, *(f"##{letter}" for letter in string.ascii_lowercase), *string.punctuation]
    return "\n".join(dict.fromkeys([*pieces, *lines[1996:2400]])) + "\n"


def _shard(source: Path, folder: Path) -> None:
    """The same in two shards, with a tokenizer.json."""
    shutil.copytree(source, folder)
    tensors = distilbert.folder.weights.read_header(folder / WEIGHTS)
    weight_map = {}
    for number in range(2):
        names = sorted(tensors)[number::2]
        file = f"model-{number + 1:05}-of-00002.safetensors"
        save_file({name: np.array(tensors[name].read()) for name in names}, folder / file)
        weight_map |= dict.fromkeys(names, file)
    (folder / WEIGHTS).unlink()
    _write(folder / INDEX, {"metadata": {"total_size": 1}, "weight_map": weight_map})
    BertTokenizer.from_folder(folder).backend.save(str(folder / "tokenizer.json"), pretty=False)
    (folder / "vocab.txt").unlink()


def _sentence_folder(source: Path, folder: Path) -> None:
    shutil.copytree(source, folder)
    kinds = {"": "base.modules.transformer.Transformer", "1_Pooling": "sentence_transformer.modules.pooling.Pooling"}
    kinds |= {"2_Dense": "base.modules.dense.Dense", "3_Normalize": "base.modules.normalize.Normalize"}
    _write(folder / "modules.json", [
        {"idx": idx, "name": str(idx), "path": path, "type": f"sentence_transformers.{kind}"}
        for idx, (path, kind) in enumerate(kinds.items())
    ])  # fmt: skip
    _write(
        folder / "1_Pooling/config.json", {"embedding_dimension": 16, "pooling_mode": "mean", "include_prompt": True}
    )
    activation = "torch.nn.modules.activation.Tanh"
    dense = {"in_features": 16, "out_features": 8, "bias": True, "activation_function": activation}
    _write(folder / "2_Dense/config.json", dense)
    rng = np.random.default_rng(0)
    arrays = {"linear.weight": rng.normal(size=(8, 16)), "linear.bias": rng.normal(size=8)}
    save_file({name: array.astype(np.float32) for name, array in arrays.items()}, folder / "2_Dense" / WEIGHTS)
    about = {"prompts": {"query": "find "}, "default_prompt_name": "query", "similarity_fn_name": "cosine"}
    _write(folder / "config_sentence_transformers.json", about)
    _write(folder / "sentence_bert_config.json", {"max_seq_length": 64, "do_lower_case": False})


def _write(path: Path, value: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, indent=2), encoding="utf-8")


# mutants -----------------------------------------------------------------------------------------------


def mutate(seed: int, prototypes: Path) -> Mutant:
    """The mutant of a seed: one file of one prototype, damaged in one to three ways."""
    random = Random(seed)
    prototype = random.choice(sorted(path.name for path in prototypes.iterdir()))
    files = sorted(path for path in (prototypes / prototype).rglob("*") if path.is_file())
    others = [path for path in files if path.suffix not in (".json", ".txt")]
    path = random.choice(others if random.random() < 0.4 else files)  # weights are few files
    content = path.read_bytes()
    file = path.relative_to(prototypes / prototype).as_posix()
    if path.parent.name == GRAPHS:  # a damaged graph is built anew
        content, what = random.choice(OF_ANY_FILE)(content, random)
        return Mutant(seed, prototype, file, what, content, same=True)
    if random.random() < 0.05:
        link = random.choice(("/dev/zero", "/dev/null", "/etc/passwd", "/proc/self/environ", ".", "nothing", path.name))
        return Mutant(seed, prototype, file, f"a link to {link}", b"", link=link)
    if random.random() < 0.08 and file.endswith((".json", ".txt")):
        content, what = harmless(content, file, random)
        return Mutant(seed, prototype, file, what, content, same=True)
    content, what = damaged(content, file, random)
    return Mutant(seed, prototype, file, what, content)
