"""Makes docs/images/dashboard.png: the demo's year of bounces, in Debian's Chromium.

python docs/screenshot.py [--out FILE] [--width 1280] [--height 1150] [--theme light|dark]
"""

from __future__ import annotations

import argparse
import base64
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from bouncelens.service.demo import Wanted, demo
from bouncelens.settings import Settings
from bouncelens.show.web.app import create_app

IMAGE = Path(__file__).parent / "images" / "dashboard.png"
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
)
MOST_BYTES = 300_000


def main() -> int:
    """Run the demo, look at its page, write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=IMAGE)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=1150, help="0: the whole page")
    parser.add_argument("--theme", choices=["light", "dark"], default="light")
    parser.add_argument("--query", default="", help="filters, such as ?group=address")
    parser.add_argument("--bounces", type=int, default=60_000, help="fewer are quicker")
    asked = parser.parse_args()
    with demo(Wanted(seed=7, bounces=asked.bounces)) as run, served(run.workspace.settings) as url:
        picture = photographed(f"{url}/{asked.query}", asked)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_bytes(picture)
    sys.stderr.write(f"{asked.out}: {len(picture):,} bytes\n")
    return 0 if asked.height == 0 or len(picture) <= MOST_BYTES else 1


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """The dashboard on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(create_app(settings), log_config=None, ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.02)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def photographed(url: str, asked: argparse.Namespace) -> bytes:
    """The page as a PNG, once its charts are drawn."""
    options = webdriver.ChromeOptions()
    with tempfile.TemporaryDirectory() as profile:
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        browser = webdriver.Chrome(options=options, service=service)
        try:
            return _shot(browser, url, asked)
        finally:
            browser.quit()


def _shot(browser: webdriver.Chrome, url: str, asked: argparse.Namespace) -> bytes:
    size = {
        "width": asked.width,
        "height": asked.height or 1000,
        "deviceScaleFactor": 1,
        "mobile": asked.width < 500,
    }
    theme = {"features": [{"name": "prefers-color-scheme", "value": asked.theme}]}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", theme)
    browser.get(url)
    WebDriverWait(browser, 60).until(
        lambda page: page.find_elements(By.CSS_SELECTOR, "figure.is-drawn")
    )
    whole = {"captureBeyondViewport": asked.height == 0, "format": "png"}
    shot = browser.execute_cdp_cmd("Page.captureScreenshot", whole)
    return base64.b64decode(shot["data"])


if __name__ == "__main__":
    sys.exit(main())
