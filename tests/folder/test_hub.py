"""Names: a folder, the cache, the hub, in this order, and the network only where nothing else is left."""

import json
import os
import pickle
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import distilbert
from conftest import Maker
from distilbert import HubError
from distilbert.folder import hub as module
from distilbert.folder.checkpoint import Head
from distilbert.folder.hub import resolve
from distilbert.folder.layout import INDEX, WEIGHTS

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER = "89abcdef0123456789abcdef0123456789abcdef"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every attempt to reach the network, all of which fail."""
    attempts: list[str] = []

    def refuse(*arguments: Any, **_: Any) -> None:
        attempts.append(str(arguments[-1]))
        raise OSError("the network is off")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("getaddrinfo", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    return attempts


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    return tmp_path / "cache"


def put(cache: Path, name: str, source: Path, commit: str = COMMIT, ref: str = "main") -> Path:
    """A model as the hub's client caches it: blobs, links to them by commit, and the commit of a branch."""
    repo = cache / f"models--{name.replace('/', '--')}"
    snapshot = repo / "snapshots" / commit
    (repo / "blobs").mkdir(parents=True, exist_ok=True)
    (repo / "refs").mkdir(exist_ok=True)
    (repo / "refs" / ref).write_text(commit)
    for number, path in enumerate(sorted(path for path in source.rglob("*") if path.is_file())):
        blob = repo / "blobs" / f"{commit}{number}"
        shutil.copyfile(path, blob)
        link = snapshot / path.relative_to(source)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
    return snapshot


# no network where nothing must be fetched -------------------------------------------------------------


def test_a_folder_is_itself(tmp_path: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "owner" / "model"
    folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert resolve(folder) == resolve(str(folder)) == folder
    assert resolve("owner/model") == Path("owner/model")  # also where it could be a name on the hub
    assert resolve(".") == resolve(Path()) == Path()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve("~/owner") == tmp_path / "owner"
    assert calls == []


def test_loading_a_local_folder_touches_no_network(make_checkpoint: Maker, calls: list[str]) -> None:
    classifier = distilbert.load(make_checkpoint())
    assert classifier("a good film").score > 0
    assert distilbert.load(str(make_checkpoint(Head.NONE, name="encoder")))("a good film").shape == (32,)
    assert calls == []


NO_SOCKETS = """
import socket, sys
def refuse(*_, **__):
    raise SystemExit("a call to the network")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
import distilbert
print(distilbert.load(sys.argv[1])("a good film").label)
print([name for name in ("huggingface_hub", "requests", "httpx", "httpx2", "urllib3") if name in sys.modules])
"""


def test_a_local_folder_does_not_even_import_a_client(make_checkpoint: Maker) -> None:
    command = [sys.executable, "-c", NO_SOCKETS, str(make_checkpoint())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines()[1] == "[]"


def test_a_cached_model_is_used_without_the_network(make_checkpoint: Maker, cache: Path, calls: list[str]) -> None:
    folder = make_checkpoint()
    snapshot = put(cache, "owner/model", folder)
    assert resolve("owner/model") == snapshot
    put(cache, "model", folder)
    assert resolve("model").is_dir()
    here, cached = distilbert.load(folder), distilbert.load("owner/model")
    assert cached("a good film") == here("a good film")
    assert calls == []


def test_the_revision_chooses_among_cached_ones(make_checkpoint: Maker, cache: Path, calls: list[str]) -> None:
    folder = make_checkpoint()
    main, tagged = put(cache, "owner/model", folder), put(cache, "owner/model", folder, OTHER, "v1.0")
    assert resolve("owner/model") == resolve("owner/model", "main") == resolve("owner/model", COMMIT) == main
    assert resolve("owner/model", "v1.0") == resolve("owner/model", OTHER) == tagged
    assert calls == []


def list_files(cache: Path, names: list[str]) -> None:
    """What newer clients remember a commit to hold, cached or not."""
    files = {name: {"size": 5, "blob_id": "0" * 40} for name in names}
    (cache / "models--owner--model" / "trees").mkdir()
    listing = {"format_version": 1, "files": files}
    (cache / "models--owner--model" / "trees" / f"{COMMIT}.json").write_text(json.dumps(listing))


def test_files_that_are_not_ours_need_not_be_cached(make_checkpoint: Maker, cache: Path, calls: list[str]) -> None:
    folder = make_checkpoint()
    snapshot = put(cache, "owner/model", folder)
    others = ["pytorch_model.bin", "onnx/model.onnx", "onnx/config.json", "checkpoint-5/model.safetensors", "README.md"]
    list_files(cache, [*(path.name for path in folder.iterdir()), *others])
    assert resolve("owner/model") == snapshot
    assert calls == []


def test_modules_that_another_program_did_not_fetch_are_missed(
    make_checkpoint: Maker, cache: Path, calls: list[str]
) -> None:
    """Without them a sentence-transformers model would be pooled in another way, and nobody would see it."""
    folder = make_checkpoint(Head.NONE)
    put(cache, "owner/model", folder)
    list_files(cache, [*(path.name for path in folder.iterdir()), "modules.json", "1_Pooling/config.json"])
    with pytest.raises(HubError, match="no whole copy"):
        resolve("owner/model")
    assert calls


@pytest.mark.parametrize("form", ["shards", "tokenizer.json", "a module of its own"])
def test_other_forms_of_a_whole_model(form: str, make_checkpoint: Maker, cache: Path, calls: list[str]) -> None:
    folder = make_checkpoint()
    if form == "shards":
        (folder / WEIGHTS).rename(folder / "model-00001-of-00001.safetensors")
        (folder / INDEX).write_text(json.dumps({"weight_map": {"a": "model-00001-of-00001.safetensors"}}))
    elif form == "tokenizer.json":
        (folder / "vocab.txt").rename(folder / "tokenizer.json")
    else:  # as the first versions of sentence-transformers
        shutil.move(folder, folder.parent / "inner")
        folder.mkdir()
        shutil.move(folder.parent / "inner", folder / "0_Transformer")
        (folder / "modules.json").write_text("[]")
    snapshot = put(cache, "owner/model", folder)
    assert resolve("owner/model") == snapshot
    assert calls == []


# what is not here -------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["config.json", WEIGHTS, "vocab.txt"])
def test_a_copy_that_is_not_whole_is_fetched_again(
    missing: str, make_checkpoint: Maker, cache: Path, calls: list[str]
) -> None:
    snapshot = put(cache, "owner/model", make_checkpoint())
    (snapshot / missing).unlink()
    with pytest.raises(HubError) as caught:
        resolve("owner/model")
    assert calls  # it was tried
    assert missing in str(caught.value)
    assert_one_line(caught.value, "owner/model")


def test_a_copy_that_lacks_a_shard(make_checkpoint: Maker, cache: Path, calls: list[str]) -> None:
    folder = make_checkpoint()
    (folder / WEIGHTS).rename(folder / "one.safetensors")
    for index in ('{"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}', "{", "[]", '{"weight_map": 5}'):
        (folder / INDEX).write_text(index)
        shutil.rmtree(cache, ignore_errors=True)
        put(cache, "owner/model", folder)
        with pytest.raises(HubError, match=r"lacks (two|model)\.safetensors"):
            resolve("owner/model")
    assert calls


@pytest.mark.parametrize("cached", [True, False])
def test_a_hub_that_cannot_be_reached(cached: bool, make_checkpoint: Maker, cache: Path, calls: list[str]) -> None:
    if cached:  # but not in this revision
        put(cache, "owner/model", make_checkpoint())
    with pytest.raises(
        HubError, match=r"no such folder here, no whole copy in the hub's cache, and the hub "
    ) as caught:
        resolve("owner/model", "v2" if cached else None)
    assert calls
    assert_one_line(caught.value, "owner/model")
    assert "give a local folder, or try again" in str(caught.value)


def test_loading_says_so_as_well(cache: Path, calls: list[str]) -> None:
    with pytest.raises(HubError, match="owner/model: no such folder here"):
        distilbert.load("owner/model")


@pytest.mark.parametrize(
    "error", [OSError(), OSError(28, "No space left on device"), RuntimeError("a\n\nb"), TimeoutError()]
)
def test_any_failure_of_the_client_is_one_line(
    error: Exception, cache: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    real = huggingface_hub.snapshot_download

    def fail(*arguments: Any, local_files_only: bool = False, **options: Any) -> Any:
        if local_files_only:
            return real(*arguments, local_files_only=True, **options)
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(HubError) as caught:
        resolve("owner/model")
    assert_one_line(caught.value, "owner/model")


OFFLINE = """
import socket, sys
def refuse(*_, **__):
    raise SystemExit("a call to the network")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
from distilbert import HubError
from distilbert.folder.hub import resolve
try:
    print(resolve(sys.argv[1]))
except HubError as error:
    print(error)
"""


def test_offline_mode(make_checkpoint: Maker, tmp_path: Path) -> None:
    snapshot = put(tmp_path / "cache", "owner/model", make_checkpoint())
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path / "cache")}
    printed = {}
    for name in ("owner/model", "owner/other"):
        command = [sys.executable, "-c", OFFLINE, name]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert done.stderr == ""
        printed[name] = done.stdout.strip()
    assert printed["owner/model"] == str(snapshot)
    assert printed["owner/other"].startswith("owner/other: no such folder here, no whole copy in the hub's cache")
    assert "HF_HUB_OFFLINE is set" in printed["owner/other"]


# names that lead nowhere ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "a/b/c", "./model", "../model", "/no/such/model", "~/no/such/model", "~nobody-of-this-name/model", "", " ",
        "a b", "a..b", "a--b", "-model", "model.git", "owner/", "C:\\model", "é", "owner/模型", "a\0b", "\ud800",
        "a\nb", "x" * 97, "x" * 5000, "y/" * 3000, "http://example.org/model", "owner/model@main", "\x1b[31mred",
    ],
    ids=lambda name: repr(name[:25]),
)  # fmt: skip
def test_names_that_can_be_nothing(name: str, cache: Path, calls: list[str]) -> None:
    with pytest.raises(HubError) as caught:
        resolve(name)
    assert calls == []
    assert_one_line(caught.value, name[:20])
    str(caught.value).encode()  # can be printed


def test_what_is_a_file_is_no_folder(tmp_path: Path, calls: list[str]) -> None:
    (tmp_path / "model.safetensors").touch()
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(HubError, match=r"model\.safetensors: is a file; give the model's folder"):
        resolve(tmp_path / "model.safetensors")
    for name in ("loop", "pipe"):
        with pytest.raises(HubError, match="no such folder"):
            resolve(tmp_path / name)
    assert calls == []


def assert_one_line(error: HubError, name: str) -> None:
    message = str(error)
    assert "\n" not in message
    assert len(message) < 400
    assert name in message or repr(name).strip("'") in message


def test_a_cache_of_ones_own_and_nobody_asked(make_checkpoint: Maker, cache: Path, calls: list[str]) -> None:
    folder = put(cache.with_name("elsewhere"), "owner/name", make_checkpoint())
    assert distilbert.load("owner/name", cache_dir=cache.with_name("elsewhere")).model.folder == folder
    with pytest.raises(HubError, match=r"no whole copy in the hub's cache \(local_files_only\); give a local folder"):
        distilbert.load("owner/name", local_files_only=True)
    assert calls == []


def test_an_error_names_the_models_that_are_at_hand(make_checkpoint: Maker, cache: Path, calls: list[str]) -> None:
    put(cache, "owner/one", make_checkpoint())
    put(cache, "two", make_checkpoint(Head.NONE, name="two"))
    (put(cache, "owner/broken", make_checkpoint(name="three")) / WEIGHTS).unlink()
    bert = make_checkpoint(name="four")
    (bert / "config.json").write_text('{"model_type": "bert"}')
    put(cache, "owner/bert", bert)
    for options in ({}, {"local_files_only": True}):
        with pytest.raises(HubError, match=r"\(at hand: owner/one, two\); give a local folder"):
            distilbert.load("owner/other", **options)


def test_the_token_goes_to_the_hub_and_nowhere_else(
    make_checkpoint: Maker, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def download(name: str, **options: Any) -> str:
        asked.append(options.get("token"))
        if options.get("local_files_only"):
            raise huggingface_hub.errors.LocalEntryNotFoundError("nothing")
        return str(folder)

    import huggingface_hub

    folder = make_checkpoint()
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    task = distilbert.load("owner/private", token="hf_secret")
    assert asked == [None, "hf_secret"]
    assert b"hf_secret" not in pickle.dumps(task)
    assert "hf_secret" not in repr(module.HubAccess("hf_secret"))
