"""The page in a real browser: the charts are drawn, and a stranger's words stay words."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from bouncelens.settings import Settings
from bouncelens.show.web.app import create_app

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not shutil.which("chromedriver"), reason="needs Chromium: make browser"),
]

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    # Nothing but the loopback address has a name here.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


@contextlib.contextmanager
def served(settings: Settings) -> Iterator[str]:
    """The site on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(create_app(settings), log_config=None, ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.02)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def url(web_settings: Settings) -> Iterator[str]:
    with served(web_settings) as address:
        yield address


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = shutil.which("chromedriver")
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield browser
    browser.quit()


def looked(browser: webdriver.Chrome, address: str) -> list[dict[str, Any]]:
    """Open a page, wait for its charts; what the console says."""
    browser.get(address)
    WebDriverWait(browser, 60).until(
        lambda b: (
            len(b.find_elements(By.CSS_SELECTOR, "figure.is-drawn"))
            == len(b.find_elements(By.CSS_SELECTOR, "figure[data-chart]"))
        )
    )
    return list(browser.get_log("browser"))


def test_charts_are_drawn_under_a_policy_without_unsafe_anything(
    chromium: webdriver.Chrome, url: str
) -> None:
    assert looked(chromium, f"{url}/") == []  # a violation of the policy would be in the console
    bars = chromium.find_elements(By.CSS_SELECTOR, ".chart svg .mark-rect path")
    assert len(bars) >= 3


def test_a_hostile_reply_runs_nothing(chromium: webdriver.Chrome, url: str) -> None:
    looked(chromium, f"{url}/")
    assert chromium.title.endswith("bouncelens")
    assert chromium.find_elements(By.CSS_SELECTOR, "pre *, iframe, img[onerror]") == []
    shown = [pre.get_attribute("textContent") for pre in chromium.find_elements(By.TAG_NAME, "pre")]
    assert any("<script>document.title='broken'</script>" in (text or "") for text in shown)


def test_nothing_is_loaded_from_elsewhere(chromium: webdriver.Chrome, url: str) -> None:
    looked(chromium, f"{url}/")
    loaded = chromium.execute_script(
        "return performance.getEntriesByType('resource').map(entry => entry.name)"
    )
    assert loaded
    assert [name for name in loaded if not name.startswith(f"{url}/static/")] == []


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_no_width_makes_the_page_scroll_sideways(
    chromium: webdriver.Chrome, url: str, width: int
) -> None:
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    looked(chromium, f"{url}/")
    assert chromium.execute_script("return document.documentElement.scrollWidth") <= width
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_enough_contrast(chromium: webdriver.Chrome, url: str, theme: str) -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1, measured on every element that has words of its own."""
    media = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    looked(chromium, f"{url}/")
    script = Path(__file__).with_name("contrast.js").read_text("utf-8")
    assert chromium.execute_script(script) == []
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_without_scripts_the_chart_is_a_picture(chromium: webdriver.Chrome, url: str) -> None:
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    chromium.get(f"{url}/")
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    picture = chromium.find_element(By.CSS_SELECTOR, "noscript img")
    assert "/charts/overview.svg?theme=light" in (picture.get_attribute("src") or "")
    assert picture.get_attribute("alt")
    assert picture.size["height"] > 100


def test_the_page_can_be_walked_by_keyboard(chromium: webdriver.Chrome, url: str) -> None:
    looked(chromium, f"{url}/")
    first = chromium.find_element(By.CSS_SELECTOR, "a.skip")
    assert first.get_attribute("href") == f"{url}/#main"
    scrolling = chromium.find_elements(By.CSS_SELECTOR, ".scroll, pre")
    assert all(area.get_attribute("tabindex") == "0" for area in scrolling)
    levels = chromium.execute_script(
        "return [...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))
    tables = chromium.find_elements(By.TAG_NAME, "table")
    assert len(tables) == len(chromium.find_elements(By.TAG_NAME, "caption"))
