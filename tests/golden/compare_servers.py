"""The server of this checkout against that of another: the answers of every route byte for byte, and the OpenAPI page.

    PYTHONPATH=src:tests python tests/golden/compare_servers.py OTHER

OTHER is the root of another checkout, as `git worktree add OTHER COMMIT` makes it. Both serve the same small models of
every task, and are asked the requests below, right and wrong ones, and for every model and route of the other's OpenAPI
page a body of the page's examples. What is told: each request whose answers differ, and what the page of this one lacks
or says otherwise; what it has besides is counted. The exit status is 1 if there is any of the former.
"""

import argparse
import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from conftest import DATA
from helpers.live import make_folders

THIS = Path(__file__).parents[2]
TEXTS = [line.split("\t")[1] for line in (DATA / "sentence_polarity.tsv").read_text(encoding="utf-8").splitlines()]
LONG = "the " * 100  # longer than the models read
Ask = tuple[str, str, Any]  # method, path, body

REQUESTS: list[Ask] = [
    ("POST", "/models/embed/embed", {"inputs": TEXTS[:20]}),
    ("POST", "/models/embed/embed", {"inputs": TEXTS[0], "normalize": False, "prompt_name": "query"}),
    ("POST", "/models/embed/embed", {"inputs": [LONG, ""], "truncate": True, "truncation_direction": "Left"}),
    ("POST", "/models/embed/embed", {"inputs": LONG}),
    ("POST", "/models/embed/embed", {"inputs": [[5, 6, 7], [8]], "dimensions": 8}),
    ("POST", "/models/embed/embed_all", {"inputs": TEXTS[:3]}),
    ("POST", "/models/sparse/embed_sparse", {"inputs": TEXTS[:3]}),
    ("POST", "/models/embed/similarity", {"inputs": {"source_sentence": TEXTS[0], "sentences": TEXTS[1:5]}}),
    ("POST", "/models/sentiment/predict", {"inputs": TEXTS[0]}),
    ("POST", "/models/sentiment/predict", {"inputs": [[text] for text in TEXTS[:10]], "raw_scores": True}),
    ("POST", "/models/nli/predict", {"inputs": [[TEXTS[0], TEXTS[1]]]}),
    ("POST", "/models/rerank/rerank", {"query": TEXTS[0], "texts": TEXTS[1:9], "return_text": True}),
    ("POST", "/models/rerank/rerank", {"query": TEXTS[0], "documents": TEXTS[1:9], "top_n": 3}),
    ("POST", "/v1/rerank", {"model": "rerank", "query": TEXTS[0], "documents": TEXTS[1:9]}),
    ("POST", "/models/embed/tokenize", {"inputs": TEXTS[:5]}),
    ("POST", "/models/embed/tokenize", {"inputs": "naïve 東京 🎬", "add_special_tokens": False}),
    ("POST", "/models/embed/decode", {"ids": [[5, 6, 7], [8]], "skip_special_tokens": False}),
    ("POST", "/v1/embeddings", {"model": "embed", "input": TEXTS[:5]}),
    ("POST", "/v1/embeddings", {"model": "embed", "input": TEXTS[0], "encoding_format": "base64", "dimensions": 8}),
    ("POST", "/models/sentiment", {"inputs": TEXTS[:5]}),
    ("POST", "/models/sentiment", {"inputs": TEXTS[0], "parameters": {"top_k": 1, "function_to_apply": "none"}}),
    ("POST", "/models/ner", {"inputs": TEXTS[0]}),
    ("POST", "/models/ner", {"inputs": TEXTS[0], "parameters": {"aggregation_strategy": "first", "stride": 4}}),
    ("POST", "/models/mlm", {"inputs": "a [MASK] film", "parameters": {"top_k": 3, "targets": ["good", "bad"]}}),
    ("POST", "/models/qa", {"inputs": {"question": "what is it?", "context": " ".join(TEXTS[:9])}}),
    (
        "POST",
        "/models/qa",
        {
            "inputs": {"question": "what is it?", "context": " ".join(TEXTS[:9])},
            "parameters": {"top_k": 3, "handle_impossible_answer": True, "doc_stride": 16},
        },
    ),
    ("POST", "/models/nli", {"inputs": TEXTS[0], "parameters": {"candidate_labels": ["art", "war"]}}),
    (
        "POST",
        "/models/nli",
        {"inputs": TEXTS[0], "parameters": {"candidate_labels": ["art", "war"], "multi_label": True}},
    ),
    ("POST", "/models/embed", {"inputs": {"source_sentence": TEXTS[0], "sentences": TEXTS[1:5]}}),
    ("POST", "/models/choice", {"inputs": {"prompt": TEXTS[0], "choices": TEXTS[1:4]}}),
    ("POST", "/models/embed/pipeline/feature-extraction", {"inputs": TEXTS[:2]}),
    ("GET", "/v1/models", None),
    ("GET", "/health", None),
    ("GET", "/ping", None),
    ("GET", "/info", None),
    ("GET", "/models/sentiment/info", None),
    ("GET", "/nothing", None),
    ("PUT", "/embed", {}),
    ("POST", "/models/nobody/embed", {"inputs": "a"}),
    ("POST", "/models/qa/embed", {"inputs": "a"}),
    ("POST", "/models/embed/embed", {"inputs": []}),
    ("POST", "/models/embed/embed", {"inputs": [1.5]}),
    ("POST", "/models/embed/embed", {"inputs": "a", "unknown": 1}),
    ("POST", "/models/embed/embed", []),
    ("POST", "/models/embed/embed", {"inputs": ["a"] * 5000}),
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("other", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folders = make_folders(Path(temporary))
        with serving(args.other.resolve(), folders) as other, serving(THIS, folders) as this:
            before, after = (client.get("/openapi.json").json() for client in (other, this))
            asks = [*examples(before, [*folders, "sparse"]), *REQUESTS]
            different = [ask for ask in asks if not same(ask, other, this)]
    print(f"{len(asks) - len(different)} of {len(asks)} answers are the same, byte for byte")
    old, new = flat(before), flat(after)
    changed = {place: (value, new.get(place)) for place, value in old.items() if new.get(place) != value}
    for (value, now), places in places_of(changed).items():
        print(f"{value!r} -> {now!r} at {places[0]} and {len(places) - 1} other places")
    print(f"the OpenAPI page: {len(changed)} of {len(old)} values changed, {len(new.keys() - old.keys())} new")
    return 1 if different or changed else 0


@contextlib.contextmanager
def serving(tree: Path, folders: dict[str, Path]) -> Iterator[httpx.Client]:
    """A server with that checkout's sources, warm."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    models = [f"{name}={folder}" for name, folder in folders.items()] + [f"sparse={folders['mlm']}"]
    command = [sys.executable, "-m", "distilbert", "serve", *models, "--task", "sparse=sparse-encoding"]
    server = subprocess.Popen(
        [*command, "--port", str(port), "--threads", "1"],
        env={**os.environ, "PYTHONPATH": str(tree / "src")},
        stderr=subprocess.DEVNULL,
    )
    try:
        with httpx.Client(base_url=f"http://localhost:{port}", timeout=60) as client:
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if client.get("/health").status_code == 200:
                        break
                if server.poll() is not None:
                    raise SystemExit(f"the server of {tree} ended with {server.returncode}")
                time.sleep(0.1)
            yield client
    finally:
        server.terminate()
        server.wait()


def examples(page: dict[str, Any], models: list[str]) -> list[Ask]:
    """A request for each route, each model and each kind of body of the page."""
    asks: list[Ask] = []
    for path, methods in page["paths"].items():
        content = methods.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json")
        for schema in content["schema"].get("oneOf", [content["schema"]]) if content else []:
            body = example(schema, page)
            asks += [("POST", path.replace("{name}", name), body) for name in (models if "{name}" in path else [""])]
    return asks


def example(schema: dict[str, Any], page: dict[str, Any]) -> Any:
    """The example of a schema, or one put together from those of its required fields."""
    if "$ref" in schema:
        schema = page["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    if schema.get("examples"):
        return schema["examples"][0]
    return {name: example(schema["properties"][name], page) for name in schema.get("required", ())}


def same(ask: Ask, other: httpx.Client, this: httpx.Client) -> bool:
    """Whether both answer with the same status and the same bytes; prints what differs."""
    method, path, body = ask
    answers = [client.request(method, path, json=body) for client in (other, this)]
    seen = [(answer.status_code, answer.headers.get("content-type"), steady(answer.text)) for answer in answers]
    if seen[0] == seen[1]:
        return True
    print(f"{method} {path} {json.dumps(body)[:200]}")
    for name, (status, kind, content) in zip(("other", "this "), seen, strict=True):
        print(f"  {name} {status} {kind} {content[:400]}")
    return False


def steady(answer: str) -> str:
    """Without what is another in every answer: the time, durations, and ids."""
    return re.sub(r'"(?:created|total_duration)":\d+|"id":"(?:\w+-)?\w{32}"', "", answer)


def places_of(changed: dict[str, tuple[Any, Any]]) -> dict[tuple[Any, Any], list[str]]:
    """The places of each change: many routes share a description."""
    places: dict[tuple[Any, Any], list[str]] = {}
    for place, change in changed.items():
        places.setdefault(change, []).append(place)
    return places


def flat(value: Any, place: str = "") -> dict[str, Any]:
    """The values in nested objects and lists, by their places."""
    if not isinstance(value, dict | list):
        return {place: value}
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    return {inner: found for key, part in parts for inner, found in flat(part, f"{place}/{key}").items()}


if __name__ == "__main__":
    sys.exit(main())
