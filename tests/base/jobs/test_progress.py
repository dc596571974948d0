"""The log of a long run stays short enough to be read."""

import re
from itertools import pairwise

import pytest
import tqdm.std

from base.jobs.progress import duration, progress


@pytest.mark.parametrize(
    ("seconds", "lines"), [(1.0, range(300, 600)), (300.0, range(100, 288))], ids=["steps", "epochs"]
)
def test_a_log_of_a_day_is_short_and_never_long_without_a_line(monkeypatch, capsys, seconds, lines):
    clock = [0.0]
    monkeypatch.setattr(tqdm.std, "time", lambda: clock[0])
    for _ in progress(range(int(24 * 3600 / seconds)), label="a day", unit="step"):
        clock[0] += seconds
    said = capsys.readouterr().err.splitlines()
    assert len(said) in lines
    found = re.findall(r"\[([\d:]+)<", "\n".join(said))
    times = [sum(int(part) * 60**n for n, part in enumerate(reversed(elapsed.split(":")))) for elapsed in found]
    assert all(later - earlier <= max(10, 0.01 * later) + seconds for earlier, later in pairwise(times))
    assert "100%" in said[-1] and "[24:00:00<00:00" in said[-1]


def test_every_item_is_counted_once(capsys):
    assert list(progress(iter("abc"), total=3, label="letters")) == ["a", "b", "c"]
    assert "3/3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "words"), [(7.46, "7.5 s"), (59.7, "1 min 00 s"), (3661, "1 h 01 min"), (90_000, "25 h 00 min")]
)
def test_a_duration_in_words(seconds, words):
    assert duration(seconds) == words


def test_a_bar_within_a_bar_is_plain_lines_in_a_log(capsys):
    for _ in progress("ab", total=2, label="epochs"):
        for _ in progress("cd", total=2, label="steps"):
            pass
    said = capsys.readouterr().err
    assert "\x1b" not in said and all(line.startswith(("epochs: ", "steps: ")) for line in said.splitlines())


@pytest.mark.parametrize(("seconds", "shown"), [(1.0, False), (4.0, True)])
def test_a_line_within_another_comes_only_where_it_lasts(monkeypatch, capsys, seconds, shown):
    clock = [0.0]
    monkeypatch.setattr(tqdm.std, "time", lambda: clock[0])
    for _ in progress(range(6), total=8, label="epoch 2", unit="step", done=2, about=lambda: "loss 0.5"):
        clock[0] += seconds
    said = capsys.readouterr().err.splitlines()
    assert bool(said) == shown
    if shown:
        assert said[0].startswith("epoch 2:") and "5/8 [00:12<00:12" in said[0]
        assert "s/step, loss 0.5]" in said[0]
