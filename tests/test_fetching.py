"""Models by name whose weights are in another format: fetched from a hub on loopback, converted once, and kept."""

import json
import shutil
import string
import warnings
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

import distilbert
from conftest import Maker
from distilbert import CheckpointWarning, HubError
from distilbert.convert import convert
from distilbert.fetching import fetch
from distilbert.folder.layout import WEIGHTS

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A hub on loopback that has one repository, owner/model: the files of this folder."""
    from huggingface_hub import constants

    root = tmp_path / "served"

    class Hub(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            files = sorted(path for path in root.rglob("*") if path.is_file())
            name = self.path.partition(f"/resolve/{COMMIT}/")[2]
            if "/tree/" in self.path:
                listed = [
                    {"type": "file", "path": str(f.relative_to(root)), "size": f.stat().st_size, "oid": "0" * 40}
                    for f in files
                ]
                content = json.dumps(listed).encode()
            elif name:
                content = (root / name).read_bytes()
            else:
                siblings = [{"rfilename": path.relative_to(root).as_posix()} for path in files]
                content = json.dumps({"id": "owner/model", "sha": COMMIT, "siblings": siblings}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{name.replace("/", "-")}-{len(content)}"')
            self.end_headers()
            if body:
                self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr("huggingface_hub.hf_api.api.endpoint", endpoint)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("DISTILBERT_CACHE", str(tmp_path / "ours"))
    yield root
    server.shutdown()
    server.server_close()


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


@pytest.fixture(params=["bin", "h5", "msgpack"])
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


@pytest.mark.parametrize("way", [by_load, by_serve, by_nn, by_train, by_distill, by_distill_into])
def test_every_entry_point_takes_it_by_name(way: Callable[[Any, Path], np.ndarray], foreign: Path) -> None:
    """The warning says that it was converted, and the numbers are those of the same model as a folder."""
    root = foreign.parent
    with pytest.warns(CheckpointWarning, match="owner/model: has no weights in safetensors; converted, and kept in "):
        found = way("owner/model", root / "of_hub")
    np.testing.assert_array_equal(found, way(foreign, root / "of_folder"))


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
