"""What data sets, collections and folders may be called, and paths below the home folder."""

from pathlib import Path

import pytest

from base.errors import UserError
from extract.config import Dataset, VideoCollection
from tests.eigv.plan.small import plan


@pytest.mark.parametrize("name", ["a b", "it's", '"x"', "$HOME; rm", "é", "数据", "a=b", "a..b", "50 %", "x" * 200])
def test_names_are_any_text_that_a_folder_can_have(name):
    asked = plan(videos={name: {"folder": "v"}}, datasets={}, tables={})
    assert asked.paths.video(name) == f"results/small/videos/{name}/video.h5"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("a/b", "it has a slash"),
        ("..", "it begins with a full stop"),
        (".hidden", "it begins with a full stop"),
        ("-x", "it begins with a dash"),
        (" a", "begins or ends with a blank"),
        ("a{b}", "it has a brace"),
        ("a\nb", "it has a line break"),
        ("a\0", "it has a line break"),
        ("", "it is empty"),
        ("é" * 101, "longer than 200 bytes"),
    ],
)
def test_other_names_are_refused_in_a_sentence(name, problem):
    for part in (
        {"videos": {name: {"folder": "v"}}, "datasets": {}},
        {"datasets": {name: {"format": "nextqa", "annotations": "a", "videos": "raw"}}},
    ):
        with pytest.raises(UserError, match=problem) as error:
            plan(**part, tables={})
        assert "give it another name" in str(error.value) and "[key]" not in str(error.value)
    with pytest.raises(UserError, match=problem):
        one = {"format": "nextqa", "annotations": "a", "videos": "raw", "shifted_test": name}
        plan(datasets={"one": one}, tables={})


@pytest.mark.parametrize("key", ["results", "output"])
@pytest.mark.parametrize(("folder", "problem"), [("{x}/r", "a brace"), ("-r", "a dash"), ("r ", "a blank")])
def test_a_folder_of_results_that_a_rule_cannot_name_is_refused(key, folder, problem):
    with pytest.raises(UserError, match=problem):
        plan(**{key: folder})


def test_a_path_below_the_home_folder_is_spelled_out(monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    assert VideoCollection(folder=Path("~/my videos")).folder == Path("/home/someone/my videos")
    dataset = Dataset(format="~/own.py:READER", annotations="~", videos="~", tokens="~/t/{split}.h5")
    assert (dataset.format, dataset.tokens) == ("/home/someone/own.py:READER", "/home/someone/t/{split}.h5")
    assert dataset.annotations == Path("/home/someone") and dataset.videos == "~"
    with pytest.raises(UserError, match="write the folder out"):
        plan(results="~no-such-user/results")
