"""What several tests use: the shared real data, if it is there; and how they run side by side."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from tests.places import ROOT, SHARED
from tests.workflow import tiny

# Tests run side by side; threads that wait for each other's cores slow small tensors down a hundredfold.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Snakemake removes the locks of all that are at work in a folder when one of them ends.
os.environ["SNAKEMAKE_PROFILE"] = str(ROOT / "tests/workflow/side_by_side")


MADE_ONCE = ("tiny_demo", "asked_runs")
"""Fixtures of the session that cost much."""


class Together(LoadFileScheduling):
    """Hands out whole files, those that use the same costly fixture all to one worker."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        text = (ROOT / file).read_text()
        return next((fixture for fixture in MADE_ONCE if fixture in text), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """For `-n 2 --dist loadfile`."""
    return Together(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real annotations and clips beside the repository; tests that need it skip without it."""
    if not SHARED.is_dir():
        pytest.skip(f"the real data are not there: {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def tiny_demo() -> Path:
    """The results of the demo at its smallest, everything of it, made anew on this machine: `results/tiny`."""
    return tiny.make()


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium, 1400 x 900, that reaches this machine alone; skips where it or its driver is not there."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("needs Chromium and its driver (Debian: apt-get install chromium chromium-driver)")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "window-size=1400,900"):
        options.add_argument(f"--{argument}")
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield chrome
    chrome.quit()
