"""The page to browse predictions, in a real browser, from the file system, with 10,000 questions."""

import io
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from base.errors import UserError
from base.formats.predictions import Rationale, Scored
from eigv.config.targets import Explorer
from eigv.paper.answered_questions import AnsweredQuestion
from eigv.paper.figures.strips import Strip
from eigv.paper.pages.explorer import page, write_explorer
from extract.demo.render import encode

CLIPS = 16
VIDEOS, A_VIDEO = 1000, 10
PATHS = ("nextqa/hga/eigv/app+mot/seed0", "nextqa/hga/erm/app+mot/seed0")
TIMES = 0.5 * np.arange(CLIPS)[:, None] + np.arange(4) / 8
"""Of four frames a clip."""
HOW = Explorer.model_validate({"runs": PATHS})


RATIONALE = Rationale(
    clips=(3, 4, 9),
    spans=((1.5, 2.5), (4.5, 5.0)),
    probability=tuple(0.52 if k in (3, 4, 9) else 0.5 for k in range(CLIPS)),
)


def answers(method: str) -> list[AnsweredQuestion]:
    rng = np.random.default_rng(len(method))
    rows = []
    for n in range(VIDEOS * A_VIDEO):
        scores = rng.dirichlet(np.ones(5)).round(4)
        answer, prediction = int(rng.integers(5)), int(scores.argmax())
        candidates = tuple(f"candidate {i} of {n}" for i in range(5))
        rows.append(
            AnsweredQuestion(
                qid=f"v{n // A_VIDEO}_{n % A_VIDEO}",
                video_id=f"v{n // A_VIDEO}",
                type=["CW", "TN", "DL"][n % 3],
                question=f"why does person {n} say <b>no</b> & leave?",
                candidates=candidates,
                answer=answer,
                prediction=prediction,
                is_right=answer == prediction,
                scored=tuple(map(Scored, candidates, scores.tolist())),
                rationale=RATIONALE if method == "eigv" else None,
                gold=((1.5, 2.25),) if n % 2 else (),
                post_hoc={"gradients": (3, 5, 9)} if n % 2 and method == "eigv" else {},
            )
        )
    return rows


@pytest.fixture(scope="module")
def runs() -> list[list[AnsweredQuestion]]:
    return [answers("eigv"), answers("erm")]


@pytest.fixture(scope="module")
def made(runs, tmp_path_factory):
    frames = [np.full((54, 96, 3), 10 * k, np.uint8) for k in range(CLIPS)]
    strips = {f"v{v}": Strip(f"v{v}", frames, [0.5 * k for k in range(CLIPS)], TIMES) for v in range(VIDEOS)}
    strips["v999"] = None
    folder = tmp_path_factory.mktemp("explorer")
    film = folder / "videos of #1/v 0.mp4"
    film.parent.mkdir()
    moving = (np.full((54, 96, 3), 3 * n, np.uint8) for n in range(8 * CLIPS // 2))
    encode(moving, 8, 96, 54, film)
    strips["v0"] = replace(strips["v0"], path=film)
    strips["v1"] = replace(strips["v1"], path=folder / "gone.mp4")
    out = folder / "pages/page.html"
    out.parent.mkdir()
    out.write_text(page(HOW, runs, strips, out.parent), encoding="utf-8")
    return out


@pytest.fixture
def opened(browser, made):
    browser.get("about:blank")
    started = time.perf_counter()
    browser.get(made.as_uri())
    assert time.perf_counter() - started < 15  # 2 s on a quiet machine
    yield browser
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def text(browser, selector: str) -> str:
    return browser.find_element("css selector", selector).text


def click(browser, selector: str) -> None:
    browser.find_element("css selector", selector).click()


def test_a_filter_a_question_its_rationale(opened, runs):
    assert text(opened, "#count").startswith("10,000 of 10,000 questions")
    click(opened, "#verdict-0-wrong")
    click(opened, "#verdict-1-right")
    expected = [mine for mine, theirs in zip(*runs, strict=True) if not mine.is_right and theirs.is_right]
    assert text(opened, "#count").startswith(f"{len(expected):,} of 10,000")
    click(opened, ".item")
    assert text(opened, "article h2") == expected[0].question  # as text, not as HTML
    assert "Rests on 3 of 16 clips: 1.50–2.50, 4.50–5.00 s" in text(opened, "article")
    assert len(opened.find_elements("css selector", ".clip .frame")) == 3
    assert len(opened.find_elements("css selector", ".bars .bar")) == CLIPS


def test_gold_seconds_stand_under_the_frames_that_show_them(opened, runs):
    opened.find_element("css selector", "#search").send_keys("candidate 3 of 4711")
    click(opened, ".item")
    assert "gold: 1.50–2.25 s" in text(opened, "article")
    cells = opened.find_elements("css selector", ".gold-bar div")
    marked = {k: cell.find_elements("css selector", "i") for k, cell in enumerate(cells)}
    assert [k for k, parts in marked.items() if parts] == [3, 4]  # 1.5 to 1.875 and 2.0 to 2.125
    cell, half = cells[4].rect, marked[4][0].rect
    assert abs(half["width"] - cell["width"] / 2) < 1 and abs(half["x"] - cell["x"]) < 1
    click(opened, "#reset")
    assert opened.find_elements("css selector", ".gold-bar") != []  # the question that is open stays
    click(opened, ".item")
    assert opened.find_elements("css selector", ".gold-bar") == []  # the first has no gold


def test_post_hoc_selections_stand_beside_the_rationale_and_play(opened):
    assert opened.find_elements("css selector", ".post-hoc-bar") == []  # the first has no gold, and none were made
    opened.execute_script("location.hash = 'v0_1'")
    cells = opened.find_elements("css selector", ".post-hoc-bar div")
    assert [k for k, cell in enumerate(cells) if cell.find_elements("css selector", "i")] == [3, 5, 9]
    (button,) = (b for b in opened.find_elements("css selector", "button.play") if "post hoc: gradients" in b.text)
    button.click()
    assert text(opened, "#player") == "clip 3, 5, 9"  # as in explanations.csv


def test_two_methods_side_by_side(opened):
    runs = opened.find_elements("css selector", ".run")
    assert [run.find_element("css selector", "h3").text.split("\n")[-1][1:].strip() for run in runs] == [
        "HGA + EIGV",
        "HGA plain",
    ]
    boxes = [run.rect for run in runs]
    assert boxes[0]["y"] == boxes[1]["y"] and boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    assert "This method gives no rationale" in runs[1].text
    assert all(len(run.find_elements("css selector", ".tag.gold")) == 1 for run in runs)


def test_type_confidence_and_words(opened, runs):
    click(opened, "#types button")  # CW
    of_type = [question for question in runs[0] if question.type == "CW"]
    assert text(opened, "#count").startswith(f"{len(of_type):,} of")
    opened.execute_script("const b = document.getElementById('low'); b.value = 60; b.dispatchEvent(new Event('input'))")
    sure = [question for question in of_type if question.confidence >= 0.6]
    assert text(opened, "#count").startswith(f"{len(sure):,} of")
    click(opened, "#reset")
    opened.find_element("css selector", "#search").send_keys("candidate 3 of 4711")
    assert text(opened, "#count").startswith("1 of 10,000")


def test_the_list_holds_only_what_is_in_sight_and_scrolls_to_the_end(opened):
    assert len(opened.find_elements("css selector", ".item")) < 60
    opened.execute_script("const l = document.getElementById('list'); l.scrollTop = l.scrollHeight")
    time.sleep(0.2)
    assert "person 9999 say" in text(opened, "#list")


def test_arrow_keys_go_on(opened):
    before = text(opened, "article h2")
    opened.find_element("css selector", "#list").send_keys("\ue015\ue015")  # down twice
    assert "person 2 " in text(opened, "article h2") and text(opened, "article h2") != before


def shows(browser, start, end):
    """Waits until the player of the page runs between two seconds."""
    state = "const v = document.querySelector('#player video'); return v && !v.paused && v.currentTime"
    until = time.monotonic() + 60
    while time.monotonic() < until:
        now = browser.execute_script(state)
        if now and start <= now < end + 0.3:  # the browser tells the time four times a second
            return
        time.sleep(0.05)
    raise AssertionError(f"the player does not show {start} to {end} s but {now}: {text(browser, 'article')}")


def test_clips_of_a_video_beside_the_page_play(opened):
    opened.find_elements("css selector", "button.clip")[12].click()
    shows(opened, 6.0, 6.5)
    assert text(opened, "#player") == "clip 12"
    opened.find_elements("css selector", "button.clip")[2].send_keys("\ue007")  # by the keyboard
    shows(opened, 1.0, 1.5)
    (button,) = opened.find_elements("css selector", ".play")  # the other run rests on nothing
    button.click()
    assert text(opened, "#player") == "clip 3, 4, 9"
    for start in (1.5, 2.0, 4.5, 1.5):
        shows(opened, start, start + 0.5)


def test_a_video_that_is_gone_is_said(opened):
    opened.get(opened.current_url.partition("#")[0] + "#v1_0")
    click(opened, "button.clip")
    until = time.monotonic() + 60
    while "cannot play ../gone.mp4" not in text(opened, "#player") and time.monotonic() < until:
        time.sleep(0.05)
    assert "cannot play ../gone.mp4" in text(opened, "#player")
    assert any("gone.mp4" in entry["message"] for entry in opened.get_log("browser"))


def test_a_link_opens_its_question(opened):
    link = opened.find_element("css selector", "article .meta a").get_attribute("href")
    assert link.endswith("#v0_0")
    opened.get(link.replace("#v0_0", "#v31_4"))  # the page itself stays
    assert "person 314 " in text(opened, "article h2")
    assert opened.find_elements("css selector", "button.clip") == []  # no video of it lies beside the page
    assert "person 314 " in text(opened, ".item[aria-selected=true]")  # the list goes there, too


def test_a_link_to_no_question_opens_the_first(browser, made):
    browser.get("about:blank")
    browser.get(f"{made.as_uri()}#100%")
    assert "person 0 " in text(browser, "article h2")


def test_the_list_is_saved_as_csv(opened, runs):
    opened.find_element("css selector", "#search").send_keys("candidate 3 of 471")
    catch = "URL.createObjectURL = (blob) => { blob.text().then((t) => { window.saved = t; }); return 'data:,'; }"
    opened.execute_script(catch)
    click(opened, "#save")
    found = pd.read_csv(io.StringIO(opened.execute_async_script("arguments[0](window.saved)")), keep_default_na=False)
    wanted = [q for q in runs[0] if "candidate 3 of 471" in " ".join(q.candidates)]
    assert found["qid"].tolist() == [q.qid for q in wanted] and len(wanted) == 11
    assert found["question"].tolist() == [q.question for q in wanted]
    assert found["answer"].tolist() == [q.candidates[q.answer] for q in wanted]
    assert found[f"prediction: {PATHS[0]}"].tolist() == [q.candidates[q.prediction] for q in wanted]
    assert found[f"right: {PATHS[0]}"].tolist() == [int(q.is_right) for q in wanted]
    assert found[f"seconds: {PATHS[0]}"].unique().tolist() == ["1.50–2.50, 4.50–5.00"]
    assert found[f"seconds: {PATHS[1]}"].unique().tolist() == [""]


def test_a_video_without_pictures_says_so(opened):
    opened.find_element("css selector", "#search").send_keys("v999_0")
    click(opened, ".item")
    assert "could not be read" in text(opened, "article")


def test_it_looks_like_something(opened):
    opened.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")  # it is drawn
    picture = np.asarray(Image.open(io.BytesIO(opened.get_screenshot_as_png())).convert("L"))
    assert picture.shape[1] >= 1400 and picture.std() > 15
    # Nothing is cut off at the side.
    assert opened.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")


def test_nothing_is_loaded_from_elsewhere(made):
    content = made.read_text(encoding="utf-8")
    assert "http://" not in content and "https://" not in content and "<link" not in content


def test_runs_of_other_questions_are_refused(tmp_path):
    for path, qid in zip(PATHS, ("q1", "q2"), strict=True):
        (tmp_path / path).mkdir(parents=True)
        row = f"qid,video_id,type,answer,prediction,correct,top\n{qid},v,what,a,a,1,a:0.9000\n"
        (tmp_path / path / "predictions.csv").write_text(row)
    (tmp_path / "test.csv").write_text("qid,video_id,question,type,answer\nq1,v,x,what,a\nq2,v,x,what,a\n")
    with pytest.raises(UserError, match="answers other questions"):
        write_explorer(HOW, tmp_path, tmp_path, tmp_path / "m.csv", tmp_path / "v.h5", tmp_path / "out.html")
    others = [tmp_path / "another/explanations.csv"]
    with pytest.raises(UserError, match=r"no run of the page has these explanations: .*another"):
        write_explorer(HOW, *[tmp_path] * 5, explanations=others)


def test_the_data_can_not_end_its_script_element(runs):
    odd = [[replace(run[0], question="</script><script>alert(1)</script><!--"), *run[1:10]] for run in runs]
    content = page(HOW, odd, {"v0": None}, Path())
    data = content.split('id="data">')[1].split("</script>")[0]
    assert json.loads(data)["questions"][0]["text"] == "</script><script>alert(1)</script><!--"
