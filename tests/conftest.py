"""What several tests use: the shared real data, if it is there; and how they run side by side."""

import os
import shutil
from pathlib import Path

import pytest

from tests.workflow import tiny

# Tests run side by side; threads that wait for each other's cores slow small tensors down a hundredfold.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
# Snakemake removes the locks of all that are at work in a folder when one of them ends.
os.environ["SNAKEMAKE_PROFILE"] = str(ROOT / "tests/workflow/side_by_side")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """For `--dist loadgroup`: the tests of a file stay together, and so do all that use the tiny demo."""
    for item in items:
        group = "tiny demo" if "tiny_demo" in getattr(item, "fixturenames", ()) else item.location[0]
        item.add_marker(pytest.mark.xdist_group(group))


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
    """A headless Chromium without network, 1400 x 900; skips where it or its driver is not installed."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("needs Chromium and its driver (Debian: apt-get install chromium chromium-driver)")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "window-size=1400,900"):
        options.add_argument(f"--{argument}")
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield chrome
    chrome.quit()
