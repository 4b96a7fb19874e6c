"""A headless Chromium for the tests of the server's page; they are skipped where it or its driver is missing."""

import importlib.resources
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from helpers.patience import PATIENCE

COLOURS = ("light", "dark")
WIDTHS = (360, 768, 1600)


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """Debian has it in the packages chromium and chromium-driver."""
    webdriver = pytest.importorskip("selenium.webdriver")
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not program or not driver:
        pytest.skip("chromium or chromedriver is not installed (Debian: chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    found = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield Browser(found)
    finally:
        found.quit()


class Browser:
    """What the tests do with a page."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, url: str) -> None:
        """Also where only the fragment differs from the page that is open."""
        self.driver.get("about:blank")
        self.driver.get(url)

    def view(self, colours: str, width: int) -> None:
        """As a reader's device has it."""
        scheme = {"name": "prefers-color-scheme", "value": colours}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def all(self, css: str) -> list[Any]:
        return self.driver.find_elements("css selector", css)

    def wait(self, css: str, text: str = "") -> Any:
        """The first element that a selector finds, as soon as there is one with this text."""
        from selenium.common.exceptions import StaleElementReferenceException
        from selenium.webdriver.support.ui import WebDriverWait

        waiting = WebDriverWait(self.driver, PATIENCE, ignored_exceptions=[StaleElementReferenceException])
        return waiting.until(
            lambda _: next((found for found in self.all(css) if text in found.text), None), f"{css}: {text}"
        )

    def run(self) -> str:
        """Send the form; the text of the result."""
        self.wait(".send").click()
        self.wait("[role=status]", "ms")
        return self.wait(".result > *").text

    def violations(self) -> list[str]:
        """What axe-core finds wrong for those who cannot see, or not well. Skips where it is not installed."""
        if importlib.util.find_spec("axe_playwright_python") is None:
            pytest.skip("axe-core is not installed (it is in axe-playwright-python)")
        script = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
        self.driver.execute_script(script)
        found = self.driver.execute_async_script("axe.run().then(arguments[0])")
        assert found["passes"], "axe has looked at something"
        return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found["violations"]]
