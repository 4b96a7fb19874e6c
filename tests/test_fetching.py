"""Models by name whose weights are in another format: fetched from a hub on loopback, converted once, and kept."""

import shutil
import string
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import distilbert
from conftest import Maker
from distilbert import CheckpointWarning, HubError
from distilbert.cli.main import main
from distilbert.convert import bin as pytorch
from distilbert.convert import convert, export_onnx
from distilbert.fetching import fetch
from distilbert.folder.layout import WEIGHTS
from distilbert.folder.weights import Weight
from helpers.fake_hub import COMMIT, fake_hub
from helpers.json_files import write
from helpers.sentence_folders import compose, write_sentence_folder


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of what a hub on loopback has as owner/model."""
    from huggingface_hub import constants

    root = tmp_path / "served"
    with fake_hub(root) as endpoint:
        monkeypatch.setattr(constants, "ENDPOINT", endpoint)
        template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr("huggingface_hub.hf_api.api.endpoint", endpoint)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setenv("DISTILBERT_CACHE", str(tmp_path / "ours"))
        places = {"HF_ENDPOINT": endpoint, "HF_HUB_CACHE": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "0"}
        for variable, value in places.items():  # for processes that a test starts
            monkeypatch.setenv(variable, value)
        yield root


@pytest.mark.parametrize("to", ["bin", "ot"])
def test_weights_in_another_format_are_converted_once(
    to: str, hub: Path, make_checkpoint: Maker, tmp_path: Path
) -> None:
    folder = make_checkpoint()
    convert(folder, hub, to=to)  # type: ignore[arg-type]
    assert not (hub / WEIGHTS).exists()
    with pytest.warns(CheckpointWarning, match="owner/model: has no weights in safetensors; converted, and kept in "):
        classifier = distilbert.load("owner/model")
    assert classifier("a good film").score == pytest.approx(distilbert.load(folder)("a good film").score, abs=1e-6)
    (kept,) = (tmp_path / "ours" / "converted").iterdir()
    assert COMMIT in kept.name
    assert not list((tmp_path / "cache").rglob(WEIGHTS))  # the hub's own cache is left as it was
    with warnings.catch_warnings(action="error"):
        assert fetch("owner/model") == kept


# a repository with weights of one other program alone -> what opens it by its name -----------------------

FOREIGN = Path(__file__).parent / "golden" / "foreign_weights"
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *string.ascii_lowercase, "good", "bad", "film"]
PIECES += [f"##{letter}" for letter in string.ascii_lowercase][: 60 - len(PIECES)]
TEXT = "a good film"


FORMATS = ["bin", "h5", "msgpack"]


@pytest.fixture(params=FORMATS)
def foreign(request: pytest.FixtureRequest, hub: Path, tmp_path: Path) -> Path:
    """The hub's repository in one of these formats, and the folder that it is as safetensors."""
    name = {"h5": "keras", "msgpack": "flax"}.get(request.param, "keras")
    pytest.importorskip("msgpack" if name == "flax" else "pyfive")
    source = tmp_path / "source"
    shutil.copytree(FOREIGN / f"{name}-ForSequenceClassification", source)
    (source / "expected.npz").unlink()
    (source / "vocab.txt").write_text("\n".join(PIECES) + "\n")
    convert(source, tmp_path / "local")
    if request.param == "bin":
        convert(source, hub, to="bin")
    else:
        shutil.copytree(source, hub)
    return tmp_path / "local"


def data_file(folder: Path) -> Path:
    path = folder / "data.tsv"
    path.write_text("text\tlabel\na good film\tLABEL_0\na bad film\tLABEL_1\n")
    return path


def by_load(name: Any, out: Path) -> np.ndarray:
    return distilbert.load(name).logits(TEXT)


def by_serve(name: Any, out: Path) -> np.ndarray:
    pytest.importorskip("fastapi")
    from distilbert.serve import open_models

    return open_models([f"served={name}"])["served"].logits(TEXT)  # type: ignore[attr-defined,no-any-return]


def by_nn(name: Any, out: Path) -> np.ndarray:
    pytest.importorskip("torch")
    from distilbert.nn import DistilBertForSequenceClassification

    model = DistilBertForSequenceClassification.from_pretrained(name)
    return np.array([weight.sum().item() for weight in model.parameters()])


def by_train(name: Any, out: Path) -> np.ndarray:
    pytest.importorskip("accelerate")
    from distilbert.train import FinetuneArguments, finetune

    data = data_file(out.parent)
    arguments = FinetuneArguments(task="text-classification", model=name, train=data, out=out, max_steps=1)
    return by_load(finetune(arguments, quiet=True).folder, out)


def by_distill(name: Any, out: Path) -> np.ndarray:
    pytest.importorskip("accelerate")
    from distilbert.distill import DistillArguments, distill

    arguments = DistillArguments(
        task="text-classification", teacher=name, train=data_file(out.parent), out=out, max_steps=1, layers=1
    )
    return by_load(distill(arguments, quiet=True).folder, out)


def by_distill_into(name: Any, out: Path) -> np.ndarray:
    pytest.importorskip("accelerate")
    from distilbert.distill import DistillArguments, distill

    teacher = out.parent / "local"
    arguments = DistillArguments(
        task="text-classification", teacher=teacher, student=name, train=data_file(out.parent), out=out, max_steps=1
    )
    return by_load(distill(arguments, quiet=True).folder, out)


@pytest.mark.parametrize(("way", "foreign"), [
    *((by_load, kind) for kind in FORMATS), (by_serve, "h5"), (by_nn, "msgpack"), (by_train, "bin"),
    (by_distill, "h5"), (by_distill_into, "msgpack"),
], indirect=["foreign"])  # fmt: skip
def test_every_entry_point_takes_it_by_name(way: Callable[[Any, Path], np.ndarray], foreign: Path) -> None:
    """The warning says that it was converted, and the numbers are those of the same model as a folder."""
    root = foreign.parent
    with pytest.warns(CheckpointWarning, match="owner/model: has no weights in safetensors; converted, and kept in "):
        found = way("owner/model", root / "of_hub")
    np.testing.assert_array_equal(found, way(foreign, root / "of_folder"))


COMMANDS = {
    "info": "info NAME",
    "classify": "classify TEXT -m NAME",
    "explain": "explain NAME TEXT",
    "evaluate": "evaluate NAME data.tsv --resamples 10",
    "quantize": "quantize NAME out --data texts.txt",
    "export": "export onnx NAME out",
    "bench": "bench NAME --file texts.txt --rounds 1",
    "bulk": "bulk text-classification data.tsv out -m NAME --column text --prefix its_",
    "train": "train --task text-classification --model NAME --train data.tsv --out out --max-steps 1",
    "distill": "distill --task text-classification --teacher NAME --train data.tsv --out out --max-steps 1 --layers 1",
}
QUICK = ("info", "classify", "evaluate", "quantize", "train")
NEEDS = {"explain": "torch", "train": "accelerate", "distill": "accelerate", "bulk": "pyarrow"}
SAYS = "distilbert: owner/model: has no weights in safetensors; converted, and kept in "


@pytest.mark.filterwarnings("always::distilbert.CheckpointWarning")  # as the command prints it
@pytest.mark.parametrize(("command", "foreign"), [
    *((command, "bin") for command in QUICK),
    *(pytest.param(command, "bin", marks=pytest.mark.slow) for command in COMMANDS if command not in QUICK),
    *(("classify", kind) for kind in ("h5", "msgpack")),
], indirect=["foreign"])  # fmt: skip
def test_every_command_takes_it_by_name(
    command: str, foreign: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says that it was converted, and only the first time; what is printed or written is the folder's."""
    if command in NEEDS:
        pytest.importorskip(NEEDS[command])
    monkeypatch.chdir(foreign.parent)
    data_file(foreign.parent)
    Path("texts.txt").write_text(f"{TEXT}\n" * 3)
    printed, made = [], []
    for name in ("owner/model", "owner/model", str(foreign)):
        words = [{"NAME": name, "TEXT": TEXT}.get(word, word) for word in COMMANDS[command].split()]
        assert main(words) == 0
        output = capsys.readouterr()
        assert output.err.count(SAYS) == (not printed), output.err
        printed.append(output.out)
        if Path("out").exists():
            made.append(sorted(path.relative_to("out") for path in Path("out").rglob("*")))
            shutil.rmtree("out")
    if command == "classify":
        assert len(set(printed)) == 1
    assert all(made)
    assert made[1:] == made[:-1]


@pytest.mark.parametrize("foreign", ["h5"], indirect=True)
def test_the_server_takes_it_by_name(foreign: Path) -> None:
    pytest.importorskip("fastapi")
    import httpx

    from helpers.live import until
    from helpers.process import Process

    with Process("owner/model") as process:
        until(process.warm)
        scores = httpx.post(f"{process.url}/predict", json={"inputs": TEXT}).json()
    assert max(label["score"] for label in scores) == pytest.approx(distilbert.load(foreign)(TEXT).score, abs=1e-6)
    assert any(SAYS.partition(": ")[2] in str(line["event"]) for line in process.log), process.log


def test_a_teacher_of_another_family_by_name(hub: Path, tmp_path: Path) -> None:
    """Transformers opens it as the hub has it: nothing is converted."""
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    from distilbert.distill.teacher import ForeignTeacher, fetch_teacher, open_teacher

    shape = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = transformers.BertConfig(vocab_size=60, max_position_embeddings=12, **shape)
    model = transformers.BertForSequenceClassification(config)
    model.config.architectures = ["BertForSequenceClassification"]
    hub.mkdir()
    model.config.save_pretrained(hub)
    torch.save(model.state_dict(), hub / "pytorch_model.bin")
    (hub / "vocab.txt").write_text("\n".join(PIECES) + "\n")
    with warnings.catch_warnings(action="error", category=CheckpointWarning):
        folder = fetch_teacher("owner/model")
    assert isinstance(open_teacher(folder, "text-classification"), ForeignTeacher)
    assert not (tmp_path / "ours").exists()


def test_convert_reads_it_by_name(foreign: Path, tmp_path: Path) -> None:
    convert("owner/model", tmp_path / "out")
    np.testing.assert_array_equal(by_load(tmp_path / "out", tmp_path), by_load(foreign, tmp_path))


def test_a_cache_that_others_may_write_to_is_not_used(hub: Path, make_checkpoint: Maker, tmp_path: Path) -> None:
    convert(make_checkpoint(), hub, to="bin")
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours").chmod(0o777)
    with pytest.raises(HubError, match="others may write to it, so nothing is kept there; `distilbert convert owner/"):
        fetch("owner/model")


def test_without_a_cache_the_way_out_is_named(
    hub: Path, make_checkpoint: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    convert(make_checkpoint(), hub, to="bin")
    monkeypatch.setenv("DISTILBERT_CACHE", "")
    with pytest.raises(HubError, match="`distilbert convert owner/model OUT` makes a folder of it"):
        fetch("owner/model")


@pytest.mark.parametrize("layout", ["optimum", "transformers.js"])
def test_a_repository_with_an_onnx_export_alone(layout: Any, hub: Path, make_checkpoint: Maker, tmp_path: Path) -> None:
    """As those that transformers.js reads are; their quantised files lie beside it, and are not fetched."""
    folder = make_checkpoint()
    path = export_onnx(folder, hub, layout=layout)
    (path.parent / "model_quantized.onnx").write_bytes(b"never read")
    with pytest.warns(CheckpointWarning, match="owner/model: has no weights in safetensors; converted, and kept in "):
        classifier = distilbert.load("owner/model")
    assert classifier("a good film").score == pytest.approx(distilbert.load(folder)("a good film").score, abs=1e-6)
    assert not list((tmp_path / "cache").rglob("model_quantized.onnx"))


@pytest.mark.parametrize(
    ("gone", "files", "message"),
    [
        (WEIGHTS, ["model.Q4_K_M.gguf"], f"the hub's repository of it has no {WEIGHTS}; this is a GGUF file of llama"),
        (WEIGHTS, ["onnx/model_quantized.onnx"], f"has no {WEIGHTS}; this is an exported ONNX model; .* not quantised"),
        (WEIGHTS, [], f"has no {WEIGHTS}; this is a config.json without weights"),
        ("config.json", ["adapter_config.json"], r"has no config\.json; this is an adapter \(LoRA, PEFT\)"),
        (
            "config.json",
            ["checkpoint-9/config.json"],
            r"has no config\.json; this is weights without their config\.json",
        ),
        ("vocab.txt", ["spiece.model"], r"has no tokenizer\.json or vocab\.txt; this is "),
    ],
)
def test_a_repository_that_is_no_model_says_what_it_is(
    gone: str, files: list[str], message: str, hub: Path, make_checkpoint: Maker, tmp_path: Path
) -> None:
    shutil.copytree(make_checkpoint(), hub)
    (hub / gone).unlink()
    for file in files:
        (hub / file).parent.mkdir(exist_ok=True)
        (hub / file).touch()
    for action in (lambda: distilbert.load("owner/model"), lambda: convert("owner/model", tmp_path / "out")):
        with pytest.raises(HubError, match=message):
            action()


def test_a_part_in_another_format_beside_an_encoder_in_safetensors(
    hub: Path, make_checkpoint: Maker, tmp_path: Path
) -> None:
    """As where a program made safetensors of a repository's encoder alone; what is there twice is fetched once."""
    folder = write_sentence_folder(make_checkpoint)
    compose(folder, {"": "Transformer", "1_Pooling": "Pooling", "2_Dense": "Dense"})
    write(folder / "2_Dense/config.json", {"in_features": 32, "out_features": 3, "bias": False})
    save_file({"linear.weight": np.eye(3, 32, dtype=np.float32)}, folder / "2_Dense" / WEIGHTS)
    shutil.copytree(folder, hub)
    weights = {
        name: Weight(name, (3, 32), "F32", folder, lambda: np.eye(3, 32, dtype=np.float32))
        for name in ["linear.weight"]
    }
    pytorch.write(hub / "2_Dense/pytorch_model.bin", weights, "F32")
    (hub / "2_Dense" / WEIGHTS).unlink()
    (hub / "pytorch_model.bin").write_bytes(b"never read")
    with pytest.warns(CheckpointWarning, match="owner/model: has no weights in safetensors; converted, and kept in "):
        embedder = distilbert.load("owner/model")
    np.testing.assert_allclose(embedder([TEXT]), distilbert.load(folder)([TEXT]), atol=1e-6)
    assert [path.parent.name for path in (tmp_path / "cache").rglob("pytorch_model.bin")] == ["2_Dense"]
