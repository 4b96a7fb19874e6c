"""Who may ask, what answers and the log tell, and what names on requests lead to."""

import json
import logging
from pathlib import Path

import pytest

pytest.importorskip("fastapi")


from distilbert.serve.log import JsonFormatter
from distilbert.tasks.task import Task
from helpers.live import Live, check_error, serving, until

pytestmark = pytest.mark.filterwarnings("ignore::distilbert.LongTextWarning", "ignore::distilbert.LabelWarning")

TEXT = "a charming and often affecting journey"


def test_the_key_is_asked_for(tasks: dict[str, Task]) -> None:
    with serving({"embed": tasks["embed"]}, api_key="swordfish") as server:
        for headers in (
            {},
            {"Authorization": "swordfish"},
            {"Authorization": "Bearer swordfis"},
            {"Authorization": "Bearer é"},
        ):
            for method, path in (
                ("POST", "/embed"),
                ("GET", "/metrics"),
                ("GET", "/models"),
                ("POST", "/"),
                ("GET", "/openapi.json"),
            ):
                encoded = {name: value.encode() for name, value in headers.items()}
                answer = server.http.request(method, path, headers=encoded)
                check_error(answer, 401, "Validation")
                assert answer.headers["www-authenticate"] == "Bearer"
        assert server.http.get("/health").status_code == 200
        for right in (
            {"Authorization": "Bearer swordfish"},
            {"Authorization": "bearer  swordfish"},
            {"api-key": "swordfish"},
        ):
            assert server.http.post("/embed", json={"inputs": "a"}, headers=right).status_code == 200


def test_security_headers_are_on_every_answer(server: Live) -> None:
    for answer in (
        server.http.get("/health"),
        server.post("/embed", inputs=3),
        server.http.get("/no"),
        server.send(b"{"),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["cache-control"] == "no-store"
        assert len(answer.headers["x-request-id"]) == 32
        assert "access-control-allow-origin" not in answer.headers


def test_request_ids_are_taken_over_if_they_are_plain(server: Live) -> None:
    assert server.http.get("/health", headers={"X-Request-Id": "abc-1"}).headers["x-request-id"] == "abc-1"
    evil = server.http.get("/health", headers={"X-Request-Id": 'a"}{"b'})
    assert len(evil.headers["x-request-id"]) == 32


def test_origins_are_allowed_one_by_one(tasks: dict[str, Task]) -> None:
    with serving({"embed": tasks["embed"]}, cors="https://Good.example/", api_key="k") as server:
        headers = "authorization,content-type,x-stainless-os,x-stainless-retry-count"  # as npm's openai sends them
        ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": headers}
        good = server.http.options("/embed", headers=ask | {"Origin": "https://good.example"})
        assert good.status_code == 200
        assert good.headers["access-control-allow-origin"] == "https://good.example"
        assert good.headers["access-control-allow-headers"] == headers
        evil = server.http.options("/embed", headers=ask | {"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in evil.headers
        near = server.http.options(
            "/embed", headers=ask | {"Origin": "https://good.example", "Access-Control-Request-Private-Network": "true"}
        )
        assert near.headers["access-control-allow-private-network"] == "true"


@pytest.mark.parametrize("name", ["..%2f..%2fetc", "%2e%2e", "bert-base-uncased", "starter%2Fx", "sentiment%00"])
def test_names_on_requests_lead_nowhere_but_to_what_is_served(server: Live, name: str) -> None:
    assert server.post(f"/models/{name}", inputs=TEXT).status_code == 404
    assert server.post("/v1/embeddings", input=TEXT, model=name).status_code == 404


def test_no_path_of_the_machine_is_told(server: Live, tasks: dict[str, Task]) -> None:
    folder = str(Path(tasks["embed"].model.folder).parent)
    told = [server.http.get(path).text for path in ("/info", "/v1/models", "/metrics", "/openapi.json")]
    told += [server.post("/models/qa", inputs=TEXT).text, server.post("/", inputs=3).text]
    assert not any(folder in text for text in told)


def test_the_log_tells_of_requests_but_not_of_texts(server: Live, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "distilbert.serve"):
        answer = server.post("/models/nli/predict", inputs="a very private text")
        until(lambda: caplog.records)
    line = json.loads(JsonFormatter().format(caplog.records[-1]))
    assert line["event"] == "request"
    assert line["id"] == answer.headers["x-request-id"]
    assert (line["method"], line["path"], line["status"]) == ("POST", "/models/nli/predict", 200)
    assert (line["model"], line["texts"]) == ("nli", 1)
    assert line["tokens"] > 3
    assert line["ms"] >= line["ran_ms"] > 0
    assert "private" not in json.dumps(line)
