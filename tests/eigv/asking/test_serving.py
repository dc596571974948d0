"""What `eigv serve` needs, and the examples that it shows."""

import pandas as pd
import pytest

from base.errors import UserError
from eigv.asking.examples import Example, read_examples, write_examples
from eigv.commands import asking

CANDIDATES = {f"a{n}": f"answer {n}" for n in range(5)}
ROW = {"qid": "q", "question": "what moves?", "answer": "0", "type": "what"} | CANDIDATES


def test_without_gradio_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setattr(asking, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"needs Gradio.*pip install 'eigv\[serve\]'"):
        asking.serve("bundle")


@pytest.fixture
def videos(tmp_path):
    (tmp_path / "videos").mkdir()
    for name in ("a.mp4", "b.avi", "other.mp4"):
        (tmp_path / "videos" / name).write_bytes(name.encode())
    return tmp_path / "videos"


def test_examples_are_one_question_of_each_test_video_that_is_there(tmp_path, videos):
    table = pd.DataFrame([ROW | {"video_id": name} for name in ("a", "a", "b", "gone")])
    table.assign(question=[f"question {n}?" for n in range(4)]).to_csv(tmp_path / "test.csv", index=False)
    write_examples(tmp_path, videos, tmp_path / "bundle/examples")
    examples = tmp_path / "bundle/examples"
    candidates = tuple(CANDIDATES.values())
    assert read_examples(tmp_path / "bundle") == [
        Example(examples / "a.mp4", "question 0?", candidates),
        Example(examples / "b.avi", "question 2?", candidates),
    ]
    assert (examples / "b.avi").read_bytes() == b"b.avi"
    with pytest.raises(UserError, match="has none of the videos"):
        write_examples(tmp_path, tmp_path / "nowhere", examples)


@pytest.mark.parametrize("name", ["../videos/a.mp4", "/etc/hostname", "gone.mp4"])
def test_an_example_lies_in_its_folder(tmp_path, videos, name):
    (tmp_path / "examples").mkdir()
    pd.DataFrame([{"video": name, "question": "what moves?"}]).to_csv(tmp_path / "examples/examples.csv", index=False)
    with pytest.raises(UserError, match="do not lie beside it"):
        read_examples(tmp_path)
    assert read_examples(videos) == []
