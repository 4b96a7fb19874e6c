"""A hub on loopback that has one repository, owner/model: the files of a folder."""

import contextlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextlib.contextmanager
def fake_hub(root: Path) -> Iterator[str]:
    """Serves the files of `root` as long as the block runs; gives the endpoint's URL."""

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
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
