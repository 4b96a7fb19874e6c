"""Slow: an object store (moto's S3 over HTTP) of which one call in twenty fails, each in another way."""

import random
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")
moto = pytest.importorskip("moto.server")
s3fs = pytest.importorskip("s3fs")

import pyarrow as pa  # noqa: E402
import pyarrow.csv as pacsv  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402

from distilbert.bulk import BulkSettings, run  # noqa: E402
from helpers.bulk import contents  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
BROKEN = b"<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"


class Faulty:
    """A WSGI application in front of another: one call in twenty is refused, breaks, or its answer ends too soon."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.chance, self.lock = inner, random.Random(11), threading.Lock()
        self.calls: Counter[str] = Counter()
        self.faults = False

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        with self.lock:
            kind = self.chance.choice(["refused", "broken", "cut"]) if self.chance.random() < 0.05 else "well"
        if not self.faults or (kind == "cut" and environ["REQUEST_METHOD"] != "GET"):
            kind = "well"
        self.calls[kind] += 1
        if kind == "well":
            answer: Iterable[bytes] = self.inner(environ, start_response)
            return answer
        if kind == "cut":
            start_response("200 OK", [("Content-Length", "100000")])
            return [b"the connection ends here"]
        start_response("503 Slow Down" if kind == "refused" else "500 Internal Server Error", [])
        return [SLOW_DOWN if kind == "refused" else BROKEN]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Faulty]:
    """A bucket named `bucket`, seen by all processes; its clients do not try again by themselves."""
    app = Faulty(moto.DomainDispatcherApplication(moto.create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    s3fs.S3FileSystem.clear_instance_cache()
    s3 = s3fs.S3FileSystem()
    s3.mkdir("bucket")
    yield app
    app.faults = False
    s3.rm("bucket", recursive=True)  # moto keeps what it has for the next server
    s3fs.S3FileSystem.clear_instance_cache()
    server.shutdown()


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_every_row_comes_once(store: Faulty, model: Path, sentences: list[str], tmp_path: Path, form: str) -> None:
    table = pa.table({"id": range(1200), "text": sentences * 3})
    local = tmp_path / f"in.{form}"
    if form == "csv":
        pacsv.write_csv(table, local)
    else:
        pq.write_table(table, local, row_group_size=40)
    s3 = s3fs.S3FileSystem()
    s3.put_file(str(local), f"bucket/in.{form}")
    settings = {"part_rows": 40, "workers": 2, "threads": 1}
    whole = run(model, "text-classification", local, tmp_path / "whole", settings=BulkSettings(**settings), quiet=True)

    store.faults = True
    merged = BulkSettings(**settings, merge=f"s3://bucket/all.{form}")
    done = run(model, "text-classification", f"s3://bucket/in.{form}", "s3://bucket/out", settings=merged, quiet=True)
    store.faults = False
    failed = store.calls.total() - store.calls["well"]
    assert failed > 0.03 * store.calls.total()
    assert min(store.calls[kind] for kind in ("refused", "broken", "cut")) > 0
    assert (done.rows, done.parts, done.errors, done.finished) == (1200, whole.parts, 0, True)

    s3.invalidate_cache()
    names = {name.rpartition("/")[2] for name in s3.ls("bucket/out", detail=False)}
    assert names == {*contents(tmp_path / "whole"), "_plan.json", "_done.json", "_counts"}
    for name, data in contents(tmp_path / "whole").items():
        assert s3.cat_file(f"bucket/out/{name}") == data
    (tmp_path / f"all.{form}").write_bytes(s3.cat_file(f"bucket/all.{form}"))
    read = pq.read_table if form == "parquet" else pacsv.read_csv
    assert read(tmp_path / f"all.{form}")["id"].to_pylist() == list(range(1200))
