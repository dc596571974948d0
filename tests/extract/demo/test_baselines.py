"""The rules that see no frame: chance, habit, and the background of the right scene."""

from pathlib import Path

import pytest

from base.errors import UserError
from extract.demo.baselines import baselines
from extract.demo.settings import DemoSettings


@pytest.fixture
def unrendered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set without its videos: no rule looks at them."""
    from extract.demo import dataset

    monkeypatch.setattr(dataset, "render_video", lambda *arguments: None)
    dataset.generate(tmp_path, DemoSettings(train=100, val=1, test=300, test_shifted=300, bias=0.7, processes=1))
    return tmp_path


def test_the_background_gives_the_answer_in_test_and_not_in_test_shifted(unrendered: Path) -> None:
    column = "background of the gold scene"
    assert baselines(unrendered, "test")[column]["all"] == pytest.approx(0.7 + 0.3 / 6, abs=0.04)
    assert baselines(unrendered, "test-shifted")[column]["all"] == pytest.approx(1 / 6, abs=0.04)


def test_habit_is_worth_little(unrendered: Path) -> None:
    table = baselines(unrendered, "test")
    assert 1500 < table["questions"]["all"] < 1800
    for column in ("candidates, most frequent", "open, most frequent"):
        assert table[column]["all"] == pytest.approx(0.2, abs=0.05)
    assert table["places in view"]["action"] < 0.45


def test_a_missing_data_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        baselines(tmp_path, "test")
