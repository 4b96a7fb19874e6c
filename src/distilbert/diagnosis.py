"""What lies where a model was looked for, and the next step: phrases for the messages of errors."""

import json
import re
from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from pathlib import Path

from .errors import name_list, printable_name
from .folder import layout

_AGAIN = "not the file itself; download it again"
# how what stands in place of a file begins
_STAND_INS: tuple[tuple[bytes, str], ...] = (
    (b"version https://git-lfs", "a git-lfs pointer, not the file itself; run `git lfs pull` in its repository"),
    (b"<!doctype html", f"an HTML page, {_AGAIN}"),
    (b"<html", f"an HTML page, {_AGAIN}"),
    (b"<?xml", f"an XML page, {_AGAIN}"),
    (b"entry not found", f"a server's answer that there is no such file, {_AGAIN}"),
    (b"repository not found", f"a server's answer that there is no such repository, {_AGAIN}"),
    (b"invalid username or password", f"a server's refusal, {_AGAIN}"),
    (b"access to model", f"a server's refusal, {_AGAIN} with leave"),
    (b'{"error":', f"a server's error, {_AGAIN}"),
)
# and files of other kinds
_KINDS: tuple[tuple[bytes, str], ...] = (
    (b"gguf", "a GGUF file of llama.cpp; take the safetensors that it was made from"),
    (b"pk\3\4", "a zip archive; unpack it, or, if it is PyTorch's, call it .bin and let `distilbert convert` read it"),
    (b"\x1f\x8b", "a gzip archive; unpack it"),
    (b"\x89hdf", "an HDF5 file of Keras; call it .h5 and let `distilbert convert` read it"),
    (b"\x80\2", "a pickle of PyTorch; call it .bin and let `distilbert convert` read it"),
)
_ENOUGH = 300  # bytes, to know a file by

# files (or their endings) -> what the folder is; the first that is there counts
_FOLDERS: tuple[tuple[tuple[str, ...], str], ...] = (
    ((layout.SETFIT_HEAD, "config_setfit.json"),
     "a SetFit model: its head is a pickle, which is never run; its encoder can be loaded for feature-extraction, "
     "and `distilbert train` makes a classifier of it"),
    ((".incomplete", ".part", ".partial", ".crdownload", ".download", ".aria2"),
     "a download that was not finished; download it again"),
    (("zero_to_fp32.py", "latest"), "a checkpoint of DeepSpeed; make one file of it first, with its zero_to_fp32.py"),
    ((".distcp", "pytorch_model_fsdp_0"),
     "a checkpoint of FSDP in parts; `accelerate merge-weights` makes one file of them"),
    (("saved_model.pb", "saved_model", "keras_metadata.pb", "model.weights.h5", ".keras"),
     "a model saved by TensorFlow or Keras; save it with Transformers' save_pretrained first"),
    (("hparams.yaml", "lightning_logs"),
     "a run of PyTorch Lightning; put config.json and tokenizer of the model that it began with beside its .ckpt file, "
     "which `distilbert convert` reads"),
    (("config.pbtxt",), "a repository of Triton; take the folder that its model was exported from"),
    (("config.cfg", "meta.json"), "a pipeline of spaCy, which spaCy loads"),
    ((".gguf",), "a GGUF file of llama.cpp; take the safetensors that it was made from"),
    ((".mlmodel", ".mlpackage", "coreml"), "a Core ML model; take the folder that it was made from"),
    ((".tflite",), "a TensorFlow Lite model; take the folder that it was made from"),
    (("openvino_model.xml", "openvino_model_qint8_quantized.xml", "openvino"),
     "an OpenVINO model; take the folder that it was exported from"),
    ((".onnx", "onnx"),
     "an exported ONNX model; with config.json beside it, `distilbert convert FILE OUT` makes a model folder of one "
     "that is not quantised"),
    (("optimizer.pt", "trainer_state.json", "training_args.bin", "scheduler.pt", "rng_state.pth"),
     "what a Trainer keeps to resume a run, without the model; give the folder that the model was saved to"),
    ((layout.HUB_SNAPSHOTS,), "a repository in the hub's cache; give its name, or the folder below snapshots/"),
    ((".tar", ".tgz", ".gz", ".zip", ".mar", ".xz", ".bz2"), "an archive; unpack it and give the model's folder"),
    (("dataset_info.json", ".parquet", ".arrow"), "a data set, not a model"),
    ((".joblib", ".pkl", ".pickle"), "a pickle, which is never run"),
    ((".pt2",), "a program of torch.export; save the model with Transformers' save_pretrained instead"),
    ((layout.CONFIG,), f"a config.json without weights; bring along {layout.WEIGHTS} from its source"),
    ((layout.WEIGHTS, layout.PYTORCH), "weights without their config.json; bring it along from their source"),
    ((layout.TOKENIZER, layout.VOCABULARY), "a tokenizer without its model"),
)  # fmt: skip
_ADAPTER = layout.ADAPTER_CONFIG.removesuffix("config.json")  # how names of its files begin
_UNMERGED = (
    " (LoRA, PEFT), not a whole model; merge it into its base first: "
    "`AutoPeftModel….from_pretrained(…).merge_and_unload().save_pretrained(OUT)`"
)
_MOST_LISTED = 1000


def stand_in_name(start: bytes) -> str:
    """What stands in place of a file, by its first bytes, and the next step; "" where it may be the file itself."""
    return _by_start(start, _STAND_INS)


def file_name(path: Path) -> str:
    """What a file is that is not what it should be, and the next step; "" where that is not known."""
    try:
        with path.open("rb") as file:
            start = file.read(_ENOUGH)
    except OSError:
        return ""
    return _by_start(start, _STAND_INS + _KINDS)


def _by_start(start: bytes, table: tuple[tuple[bytes, str], ...]) -> str:
    start = start.lstrip(b"\xef\xbb\xbf \t\r\n")[:_ENOUGH].lower()
    return next((what for magic, what in table if start.startswith(magic)), "")


def other_name(path: Path) -> str:
    """ " (there is NAME: …)" where a file, or its folder, has this name as people and programs alter it; "" for none.

    Config.json, "config (1).json", config.json.txt, and bert-base-uncased-vocab.txt, as the first Transformers had it.
    """
    if not path.parent.exists():
        path = path.parent
    try:
        others = (each.name for each in path.parent.iterdir() if each.name != path.name)
        names = sorted(name for name in others if _is_altered(name.lower(), path.name.lower()))
    except OSError:
        return ""
    return f" (there is {printable_name(names[0])}: call it {path.name})" if names else ""


def _is_altered(name: str, wanted: str) -> bool:
    without_copies = re.sub(r" ?\(\d+\)|( -)?[ _-]copy\b", "", name).removesuffix(".txt")
    return without_copies == wanted.removesuffix(".txt") or name.endswith(f"-{wanted}")


def folder_name(folder: Path) -> str:
    """What a folder is that holds no model that can be opened, and the next step."""
    try:
        names = sorted(path.name for path, _ in zip(folder.iterdir(), range(_MOST_LISTED), strict=False))
    except OSError:
        return "a folder that cannot be looked into"
    if not names:
        return "an empty folder"
    if any(name.startswith(_ADAPTER) for name in names):
        return _adapter(folder)
    if "MLmodel" in names:
        return (
            f"a model of MLflow; give the folder in it that has the {layout.CONFIG}, with the tokenizer's files (of "
            "components/tokenizer/) copied into it"
        )
    return _model_within(folder, "*") or _kind(names) or _model_within(folder, "*/*") or _no_model(names)


def listing_name(files: Iterable[str]) -> str:
    """What a repository is that holds no model that can be opened, by the paths of its files, and the next step."""
    names = sorted({path.partition("/")[0] for path in files})
    if any(name.startswith(_ADAPTER) for name in names):
        return f"an adapter{_UNMERGED}"
    return _kind(names) or _no_model(names)


def _kind(names: Collection[str]) -> str:
    """What a folder with files and folders of these names is, of what is known; "" for anything else."""
    if any(name.startswith(layout.HUB_REPOSITORY) for name in names):
        return "the hub's cache; give a model's name"
    for marks, what in _FOLDERS:
        if any(name == mark or (mark[0] == "." and name.endswith(mark)) for mark in marks for name in names):
            return what
    return ""


def _no_model(names: Sequence[str]) -> str:
    return f"no model folder: it holds {name_list(names)}"


def _model_within(folder: Path, pattern: str) -> str:
    """What a folder is that has model folders within; "" where it has none. Of checkpoints the last one is named."""

    def numbers(name: str) -> list[tuple[int, str]]:
        return [(int(part) if part.isdecimal() else -1, part) for part in re.split(r"(\d+)", name)]

    found = islice(folder.glob(f"{pattern}/{layout.CONFIG}"), _MOST_LISTED)
    names = [path.parent.relative_to(folder).as_posix() for path in found if path.is_file()]
    models = sorted((name for name in names if not name[:1].isdigit()), key=numbers)
    return f"a folder of model folders; give one of them, such as {printable_name(models[-1])}" if models else ""


def _adapter(folder: Path) -> str:
    try:
        values = json.loads((folder / layout.ADAPTER_CONFIG).read_text(encoding="utf-8")[:100_000])
        base = values["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        base = None
    return f"an adapter{f' of {printable_name(base)}' if isinstance(base, str) and base else ''}{_UNMERGED}"
