"""The page to try the server with, in a browser: every task, by keyboard, for screen readers, self-contained."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")

from distilbert.tasks.task import Task
from helpers.browser import COLOURS, WIDTHS, Browser
from helpers.live import Live, serving, until
from helpers.marks import slow_but_for
from helpers.patience import PATIENCE

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

VIEWS = {
    "sentiment/text-classification": "Labels, best first",
    "nli/zero-shot-classification": "travel",
    "ner/token-classification": "moved",
    "qa/question-answering": "Answers, best first",
    "mlm/fill-mask": "Paris is the",
    "embed/feature-extraction": "Cosine similarity of the vectors, of 32 numbers each",
    "sparse/sparse-encoding": "greatest of",
    "rerank/text-ranking": "It rains in Amsterdam.",
    "choice/multiple-choice": "It had begun to rain.",
    "late/late-interaction": "MaxSim",
    "qa/tokens": "tokens",
}


@pytest.mark.parametrize("path", ["/", "/docs", "/docs/"])
def test_the_page_allows_nothing_inline_and_nothing_from_elsewhere(server: Live, path: str) -> None:
    page = server.http.get(path)
    assert page.headers["content-type"].startswith("text/html")
    (policy,) = page.headers.get_list("content-security-policy")
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'")
    assert "style=" not in page.text
    assert "://" not in page.text
    for name, kind in (
        ("page.css", "text/css"),
        ("colours.css", "text/css"),
        ("page.js", "text/javascript"),
        ("results.js", "text/javascript"),
    ):
        base = path if path.endswith("/") else path.rsplit("/", 1)[0] + "/"
        assert server.http.get(f"{base}page/{name}").headers["content-type"].startswith(kind)
    assert server.http.get("/page/page.py").status_code == 404
    assert server.http.get("/page/..%2fpage.py").status_code == 404


def test_what_answers_cost_is_in_their_headers(server: Live) -> None:
    answer = server.post("/embed", inputs="a film")
    assert int(answer.headers["x-compute-tokens"]) == 4
    assert answer.headers["server-timing"].startswith("wait;dur=")
    assert "x-compute-tokens" not in server.http.get("/health").headers


@pytest.mark.parametrize("view", slow_but_for(("qa/question-answering", "rerank/text-ranking"), VIEWS))
def test_every_task_has_a_form_that_works(server: Live, browser: Browser, view: str) -> None:
    browser.open(f"{server.url}/#/{view}")
    assert VIEWS[view] in browser.run()
    assert browser.wait(".status").text.startswith("200: ")
    for colours, width in zip(COLOURS, WIDTHS):
        browser.view(colours, width)
        _well_laid_out(browser)
    assert not [entry for entry in browser.driver.get_log("browser") if entry["level"] == "SEVERE"]


def _well_laid_out(browser: Browser) -> None:
    """For screen readers, in contrast, and in width."""
    assert browser.violations() == []
    wider = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert browser.driver.execute_script(wider) == 0


def test_results_are_those_of_the_server(server: Live, browser: Browser) -> None:
    browser.open(f"{server.url}/#/sentiment/text-classification")
    browser.run()
    labels = server.post("/models/sentiment", inputs="A charming and often affecting journey.").json()[0]
    rows = [row.find_elements("css selector", "th, .number") for row in browser.all("tbody tr")]
    assert [[cell.text for cell in row] for row in rows] == [[each["label"], f"{each['score']:.3f}"] for each in labels]
    browser.open(f"{server.url}/#/qa/question-answering")
    until(lambda: len(browser.all("textarea")) == 2)
    context = browser.all("textarea")[1]
    context.clear()
    context.send_keys("Zürich — näher am Fluß")
    browser.driver.execute_script("arguments[0].value = '🎬🎬 ' + arguments[0].value", context)
    browser.run()
    answer = server.post(
        "/models/qa", inputs={"question": "Where does Amy live?", "context": "🎬🎬 Zürich — näher am Fluß"}
    )
    assert browser.wait("mark").text == answer.json()["answer"], "places count characters"


def test_options_come_from_the_description_and_are_sent(server: Live, browser: Browser) -> None:
    browser.open(f"{server.url}/#/mlm/fill-mask")
    browser.wait("summary", "Options").click()
    browser.wait("input[type=number]").send_keys("2")
    browser.run()
    assert len(browser.all(".fills li")) == 2
    assert '"top_k":2' in browser.wait("pre", "curl -s").text


def test_errors_are_the_servers_own(server: Live, browser: Browser) -> None:
    browser.open(f"{server.url}/#/mlm/fill-mask")
    text = browser.wait("textarea")
    text.clear()
    text.send_keys("no mask here")
    browser.run()
    error = server.post("/models/mlm", inputs="no mask here")
    assert error.json()["error"] in browser.wait("[role=alert]").text
    assert browser.wait(".status").text.startswith(f"{error.status_code}: ")


def test_the_keyboard_is_enough(server: Live, browser: Browser) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.open(f"{server.url}/")
    browser.wait(".send")

    def press(*keys: str) -> Any:
        browser.driver.switch_to.active_element.send_keys(*keys)
        return browser.driver.switch_to.active_element

    browser.driver.execute_script("document.body.focus()")
    assert press(Keys.TAB).text == "Skip to the content"
    for _ in range(40):
        if "embed" in press(Keys.TAB).text.split("\n"):
            break
    press(Keys.ENTER)
    browser.wait("main h2", "embed")
    for _ in range(20):
        if press(Keys.TAB).tag_name == "textarea":
            break
    press(Keys.CONTROL, Keys.ENTER)
    browser.wait(".heat caption")


def test_a_key_is_typed_into_it(tasks: dict[str, Task], browser: Browser) -> None:
    with serving({"sentiment": tasks["sentiment"]}, api_key="swordfish") as server:
        browser.open(f"{server.url}/")
        for key, told in (("wrong", "The server does not take this key."), ("swordfish", "In use until")):
            browser.wait("#key-input").send_keys(key)
            browser.wait("#key button").click()
            browser.wait("#key-about", told)
        assert "Labels" in browser.run()
        assert "$KEY" in browser.wait("pre", "curl -s").text
        assert "swordfish" not in browser.driver.page_source
        browser.wait("#pages a", "Routes").click()
        browser.wait(".route")
        browser.wait("a", "openapi.json").click()
        browser.wait("pre", '"/models/{name}/embed"')
        browser.driver.back()
        browser.wait(".route")
        assert browser.driver.execute_script("return localStorage.length + document.cookie.length") == 0
        browser.wait("#key-forget").click()
        browser.wait("[role=alert]", "send the key")


def test_all_routes_of_a_model_can_be_tried(server: Live, browser: Browser) -> None:
    browser.open(f"{server.url}/docs")
    browser.wait("option", "qa (question-answering)").click()
    browser.wait("summary", "POST /models/qa/tokenize").click()
    browser.wait(".route[open] button", "Send").click()
    assert "What" in browser.wait(".route[open] .result pre").text
    _well_laid_out(browser)
    browser.wait(".route[open] summary", "Fields").click()
    assert "add_special_tokens boolean" in browser.wait(".route[open] li", "add_special_tokens").text
    routes = {path.text for path in browser.all(".route > summary code")}
    paths = server.http.get("/openapi.json").json()["paths"]
    assert routes == {
        f"{method.upper()} {path.replace('{name}', 'qa')}"
        for path, methods in paths.items()
        for method in methods
        if path.startswith("/models/{name}")
    }


def test_nothing_is_asked_of_other_machines(server: Live, browser: Browser) -> None:
    browser.driver.get_log("performance")
    browser.open(f"{server.url}/#/embed/feature-extraction")
    browser.run()
    browser.open(f"{server.url}/docs")
    browser.wait(".route")
    events = [json.loads(entry["message"])["message"] for entry in browser.driver.get_log("performance")]
    urls = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert len(urls) > 10
    assert not [url for url in urls if not url.startswith((server.url, "data:", "about:"))]


@pytest.mark.slow
@pytest.mark.parametrize("view", [f"#/{view}" for view in VIEWS] + ["docs"])
@pytest.mark.parametrize("colours", COLOURS)
def test_every_size_and_colour(server: Live, browser: Browser, view: str, colours: str) -> None:
    browser.open(f"{server.url}/{view}")
    if view != "docs":
        browser.run()
    for width in WIDTHS:
        browser.view(colours, width)
        _well_laid_out(browser)


@pytest.mark.parametrize("language", ["curl", "Python", "JavaScript", pytest.param("Java", marks=pytest.mark.slow)])
def test_the_request_as_a_program(server: Live, browser: Browser, language: str, tmp_path: Path) -> None:
    browser.open(f"{server.url}/#/sentiment/text-classification")
    text = browser.wait("textarea")
    text.clear()
    text.send_keys('It\'s "good", $HOME \\ {0} naïve')
    browser.wait(".choice label", language)
    next(label for label in browser.all(".choice label") if label.text == language).click()  # JavaScript is not Java
    program = browser.wait("pre", {"curl": "curl -s", "JavaScript": "await"}.get(language, "import"))
    names = {"curl": "ask.sh", "Python": "ask.py", "JavaScript": "ask.mjs", "Java": "Ask.java"}
    commands = {"curl": "sh", "Python": sys.executable, "JavaScript": "node", "Java": "java"}
    if not shutil.which(commands[language]) or not shutil.which("curl"):
        pytest.skip(f"{commands[language]} is not installed")
    file = tmp_path / names[language]
    file.write_text(program.text)
    done = subprocess.run([commands[language], file], capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    right = server.post("/models/sentiment", inputs=text.get_attribute("value")).json()[0]
    for each in right:
        assert each["label"] in done.stdout
        assert str(each["score"])[:8] in done.stdout
