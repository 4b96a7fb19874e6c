"""Model folders with one file damaged, each made from a seed alone: what fuzz/test_damaged_folders.py opens."""

import copy
import json
import os
import shutil
import string
from collections.abc import Callable, Iterator
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
from helpers.damaged_formats import archive_member, message_pack, numbers, onnx_graph

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


# damage -----------------------------------------------------------------------------------------------


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
        content, what = random.choice((_flip, _cut, _splice, _overwrite))(content, random)
        return Mutant(seed, prototype, file, what, content, same=True)
    if random.random() < 0.05:
        link = random.choice(("/dev/zero", "/dev/null", "/etc/passwd", "/proc/self/environ", ".", "nothing", path.name))
        return Mutant(seed, prototype, file, f"a link to {link}", b"", link=link)
    if random.random() < 0.08 and file.endswith((".json", ".txt")):
        content, what = _harmless(content, file, random)
        return Mutant(seed, prototype, file, what, content, same=True)
    content, what = damaged(content, file, random)
    return Mutant(seed, prototype, file, what, content)


def damaged(content: bytes, file: str, random: Random) -> tuple[bytes, str]:
    """The content of a file of this name after one to three kinds of damage, and what they were."""
    steps = []
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        content, step = random.choice(_ways(file))(content, random)
        steps.append(step)
    return content, " and ".join(steps)


Way = Callable[[bytes, Random], tuple[bytes, str]]


def _ways(file: str) -> list[Way]:
    of_kind = _WAYS.get(Path(file).suffix, [])
    return [*of_kind, _flip, _cut, _splice, _overwrite]


def _flip(content: bytes, random: Random) -> tuple[bytes, str]:
    damaged = bytearray(content)
    bits = [random.randrange(max(8 * len(content), 1)) for _ in range(random.choice((1, 1, 2, 8, 64)))]
    for bit in bits if content else []:
        damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged), f"bits {bits[:8]} flipped"


def _cut(content: bytes, random: Random) -> tuple[bytes, str]:
    length = random.choice((0, 1, random.randrange(len(content) + 1), max(len(content) - 1, 0)))
    return content[:length], f"cut to {length} bytes"


def _splice(content: bytes, random: Random) -> tuple[bytes, str]:
    """A part is put, or moved, somewhere else, or left out."""
    start, place = (random.randrange(len(content) + 1) for _ in range(2))
    stop = min(len(content), start + random.choice((1, 8, 100, 1000, len(content))))
    rest = content if random.random() < 0.5 else content[:start] + content[stop:]
    part = b"" if random.random() < 0.3 else content[start:stop]
    return rest[:place] + part + rest[place:], f"bytes {start} to {stop} spliced to {place}"


def _overwrite(content: bytes, random: Random) -> tuple[bytes, str]:
    start = random.randrange(len(content) + 1)
    length = min(random.choice((1, 4, 8, 64, 1000)), len(content) - start)
    filling = random.choice((bytes(length), b"\xff" * length, random.randbytes(length), b"[" * length, b'"' * length))
    return content[:start] + filling + content[start + length :], f"{length} bytes at {start} overwritten"


class _Raw(str):
    """Text to be put into JSON as it stands."""


NASTY: list[Any] = [
    None, True, False, 0, 1, -1, 2, 3, 7, 127, 1024, 2**31 - 1, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63),
    10**40, 0.5, -0.0, 1e308, float("nan"), float("inf"), float("-inf"), "", "0", "null", "a", "\0", "\ud800", "a\nb",
    "../../x", "/etc/passwd", "x" * 100_000, "%s%n{}", "gelu", "relu", "[UNK]", "bert", "F32", "BF16", [], [[]], {},
    {"a": 1}, [None], {"": None}, [0, 1], [-1, 4], list(range(1000)), {str(i): "x" for i in range(3)},
    _Raw("9" * 5000), _Raw("1e999999"), _Raw("[" * 90 + "]" * 90), _Raw("[" * 3000 + "]" * 3000), _Raw("undefined"),
]  # fmt: skip


def _json(content: bytes, random: Random) -> tuple[bytes, str]:
    """A value of the document is replaced, taken away, doubled, renamed, or changes places with another."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return _splice(content, random)
    what = _damage(document, random)
    return _dump(document).encode("utf-8", "surrogatepass"), what


def _header(content: bytes, random: Random) -> tuple[bytes, str]:
    """The same within the header of a safetensors file, whose length is made to fit again (mostly)."""
    length = int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8 : 8 + length])
    except (ValueError, RecursionError):
        return _splice(content, random)
    what = _damage(header, random)
    text = _dump(header).encode("utf-8", "surrogatepass")
    text += b" " * (-len(text) % 8)
    stated = len(text) if random.random() < 0.9 else random.choice((0, 1, len(text) + 1, 2**32, 2**63, 2**64 - 1))
    return stated.to_bytes(8, "little") + text + content[8 + length :], f"header: {what}"


def _damage(document: Any, random: Random) -> str:
    places = list(_places(document))
    if not places:
        return "nothing"
    holder, key = random.choice(places)
    # big documents are mostly leaves far down; what stands at the top matters more
    if random.random() < 0.5 and isinstance(document, dict | list):
        holder, key = document, random.choice(list(document) if isinstance(document, dict) else range(len(document)))
    value = holder[key]
    way = random.choice(("nasty", "nasty", "nasty", "number", "delete", "rename", "swap", "double"))
    if way == "number" and type(value) in (int, float):
        holder[key] = random.choice((value + 1, value - 1, -value, value * 2, value * 1000, value // 2, value + 0.5))
    elif way == "delete":
        del holder[key]
    elif way == "rename" and isinstance(holder, dict):
        holder[random.choice((key + "x", "", "hidden_size", "dim", "\ud800", key.upper()))] = holder.pop(key)
    elif way == "swap":
        other, place = random.choice(places)
        holder[key], other[place] = other[place], holder[key]
    elif way == "double" and isinstance(holder, list):
        holder.append(value)
    else:
        holder[key] = copy.deepcopy(random.choice(NASTY))  # a second step may damage it
    return f"{way} at {str(key)[:40]!r}: {str(value)[:40]} -> {str(holder[key])[:40] if way == 'nasty' else ''}"


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """(holder, key) of every value in a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in list(items):
        yield value, key
        yield from _places(child)


def _dump(value: Any) -> str:
    """JSON, with what is raw as it stands. A value that was put into itself ends in null."""

    def dump(value: Any, depth: int) -> str:
        if isinstance(value, _Raw):
            return str(value)
        if depth > 40 or not isinstance(value, dict | list):
            return json.dumps(None if isinstance(value, dict | list) else value)
        if isinstance(value, dict):
            return "{" + ", ".join(f"{json.dumps(str(k))}: {dump(v, depth + 1)}" for k, v in value.items()) + "}"
        return "[" + ", ".join(dump(each, depth + 1) for each in value) + "]"

    return dump(value, 0)


def _message_pack(content: bytes, random: Random) -> tuple[bytes, str]:
    return message_pack(content, lambda document: _damage(document, random)) or _splice(content, random)


def _member(content: bytes, random: Random) -> tuple[bytes, str]:
    ways = (_flip, _cut, _splice, _overwrite, numbers)
    return archive_member(content, random, random.choice(ways)) or _splice(content, random)


def _onnx(content: bytes, random: Random) -> tuple[bytes, str]:
    return onnx_graph(content, random) or _splice(content, random)


def _lines(content: bytes, random: Random) -> tuple[bytes, str]:
    lines = content.split(b"\n")
    index, other = random.randrange(len(lines)), random.randrange(len(lines))
    way = random.choice(("drop", "double", "swap", "blank", "nul", "long", "many", "shuffle", "special", "not UTF-8"))
    if way == "drop":
        del lines[index]
    elif way == "double":
        lines[index] = lines[other]
    elif way == "swap":
        lines[index], lines[other] = lines[other], lines[index]
    elif way == "many":
        lines += [b"piece%d" % number for number in range(random.choice((1, 1000, 50_000)))]
    elif way == "shuffle":
        random.shuffle(lines)
    elif way == "special":
        lines.remove(random.choice([line for line in lines if line.startswith(b"[")] or lines))
    else:
        lines[index] = {"blank": b"", "nul": b"a\0b", "long": b"x" * 100_000, "not UTF-8": b"\xff\xfe"}[way]
    return b"\n".join(lines), f"{way} at line {index}"


def _harmless(content: bytes, file: str, random: Random) -> tuple[bytes, str]:
    """Another way to write the same file."""
    if file.endswith(".txt"):
        return content.replace(b"\n", b"\r\n"), "other line ends"
    document = json.loads(content)
    if isinstance(document, dict) and file != INDEX and random.random() < 0.5:
        if file != "tokenizer.json":  # the library refuses what it does not know there
            document["no_such_key"] = [1, {"deep": None}]
        document = dict(random.sample(list(document.items()), len(document)))
        return json.dumps(document).encode(), "another order and a key more"
    return json.dumps(document, indent=random.randrange(6), ensure_ascii=False).encode(), "other spaces"


_WAYS: dict[str, list[Way]] = {
    ".json": [_json] * 4,
    ".txt": [_lines] * 4,
    ".safetensors": [_header] * 6,
    ".bin": [_member] * 6,
    ".ot": [_member] * 6,
    ".npz": [_member] * 6,
    ".msgpack": [_message_pack] * 4 + [numbers] * 2,
    ".onnx": [_onnx] * 4 + [numbers] * 2,
    ".h5": [numbers] * 6,
    ".index": [numbers] * 6,
}
