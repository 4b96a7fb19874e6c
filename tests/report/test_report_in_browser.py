"""Reports in a browser: every kind of page at three widths, light and dark, for screen readers too."""

import dataclasses
import json
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

from distilbert.report import write_evaluation
from helpers.browser import COLOURS, WIDTHS, Browser
from helpers.marks import slow_but_for
from helpers.reports import KINDS, PAGES, write

A4 = 718  # pixels between its margins

pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.drawn]


@pytest.mark.parametrize("kind", slow_but_for(("entities", "training"), PAGES))
def test_pages_are_well_laid_out(kind: str, browser: Browser, tmp_path: Path) -> None:
    write(kind, tmp_path / "report.html")
    browser.driver.get_log("performance")
    browser.open((tmp_path / "report.html").as_uri())
    for colours, width in zip((*COLOURS, COLOURS[0]), WIDTHS):
        browser.view(colours, width)
        if width < WIDTHS[-1]:  # light and dark; it is slow
            assert browser.violations() == []
        wider = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert browser.driver.execute_script(wider) == 0
    browser.view("light", A4)
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert browser.driver.execute_script(wider) == 0, "what is wider than the paper is cut"
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert not [entry for entry in browser.driver.get_log("browser") if entry["level"] == "SEVERE"]
    events = [json.loads(entry["message"])["message"] for entry in browser.driver.get_log("performance")]
    urls = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert not [url for url in urls if not url.startswith(("file:", "about:"))]


def test_a_long_name_of_a_file_is_cut_into_lines(browser: Browser, tmp_path: Path) -> None:
    evaluation = dataclasses.replace(KINDS["single label"](), data="/a/folder" * 12 + "/reviews_of_films.csv")
    write_evaluation(tmp_path / "report.html", evaluation)
    browser.open((tmp_path / "report.html").as_uri())
    browser.view("light", WIDTHS[0])
    wider = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert browser.driver.execute_script(wider) == 0


def test_the_predictions_are_downloaded_as_they_are(browser: Browser, tmp_path: Path) -> None:
    write_evaluation(tmp_path / "report.html", KINDS["single label"]())
    browser.open((tmp_path / "report.html").as_uri())
    assert browser.driver.title == "Evaluation: text-classification"  # the script among the texts did not run
    browser.driver.execute_script(
        "const make = URL.createObjectURL; URL.createObjectURL = (blob) => { window.made = blob; return make(blob); }"
    )
    browser.wait("button", "Download predictions.csv").click()
    text = browser.driver.execute_async_script("window.made.text().then(arguments[0])")
    assert text.startswith("text,label,predicted,score,right,score neg,score pos\r\na fine film,pos,pos,0.")
    assert "<script>alert(1)</script>" in text


def test_without_colours_for_the_screen_it_prints_light(browser: Browser, tmp_path: Path) -> None:
    write_evaluation(tmp_path / "report.html", KINDS["single label"]())
    browser.open((tmp_path / "report.html").as_uri())
    browser.view("dark", 768)
    ground = "return getComputedStyle(document.body).backgroundColor"
    assert browser.driver.execute_script(ground) == "rgb(20, 23, 27)"
    scheme = {"name": "prefers-color-scheme", "value": "dark"}
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": [scheme]})
    assert browser.driver.execute_script(ground) == "rgb(255, 255, 255)"
    assert not browser.driver.execute_script("return document.querySelector('nav').offsetHeight")
    inside = "return document.querySelector('details:not([open]) td').checkVisibility({contentVisibilityAuto: true})"
    assert browser.driver.execute_script(inside), "what is closed on a screen is printed"
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
