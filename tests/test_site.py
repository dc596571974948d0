"""The documentation as a site: opened from the disk, without a network, it can be searched."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.places import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_nothing_is_loaded_from_elsewhere(site):
    loaded = re.compile(r'<(?:script|img|iframe)[^>]* src="https?:[^>]*>|<link[^>]* href="https?:[^>]*>')
    assert not [found for page in site.rglob("*.html") for found in loaded.findall(page.read_text())]


def test_every_module_has_its_place(site):
    for file in (file for package in ("base", "extract", "eigv") for file in (ROOT / package).rglob("*.py")):
        if file.stem not in ("__init__", "cli"):
            page = site / f"reference/{file.parent.relative_to(ROOT)}.html"
            assert f'id="{".".join(file.relative_to(ROOT).with_suffix("").parts)}"' in page.read_text()


def test_the_search_finds_a_page(site, browser):
    browser.get(f"{(site / 'index.html').as_uri()}?q=preemption")
    found = WebDriverWait(browser, 20).until(
        lambda page: page.find_elements(By.CSS_SELECTOR, ".md-search-result__link[href*='cluster.html']")
    )
    assert "cluster" in found[0].get_attribute("textContent")


def test_a_mention_of_a_page_becomes_a_link_and_code_stays(site):
    configuration = (site / "reference/configuration.html").read_text()
    assert '<a href="../formats.html">docs/formats.md</a>' in configuration
    assert "<code>docs/" in (site / "contributing.html").read_text()
