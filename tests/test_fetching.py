"""Models by name whose weights are in another format: fetched from a hub on loopback, converted once, and kept."""

import json
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

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


def test_convert_reads_it_by_name(hub: Path, make_checkpoint: Maker, tmp_path: Path) -> None:
    convert(make_checkpoint(), hub, to="bin")
    convert("owner/model", tmp_path / "out")
    assert distilbert.load(tmp_path / "out")("a good film").score > 0


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
