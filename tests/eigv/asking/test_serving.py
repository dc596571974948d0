"""What `eigv serve` needs, the examples that it shows, and how it ends."""

import socket
import subprocess
import sys

import pandas as pd
import pytest

from base.errors import UserError
from eigv.asking.examples import Example, read_examples, write_examples
from eigv.commands import asking
from tests.places import ROOT

CANDIDATES = {f"a{n}": f"answer {n}" for n in range(5)}
ROW = {"qid": "q", "question": "what moves?", "answer": "0", "type": "what"} | CANDIDATES


def test_without_gradio_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setattr(asking, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"needs Gradio.*pip install 'eigv\[serve\]'"):
        asking.serve("bundle")


STOPPED = """
import sys, threading, types
import torch
from eigv.commands import asking

def answer(started):
    video, network = torch.zeros(1, 3, 8, 64, 64), torch.nn.Conv3d(3, 16, 3)
    while True:
        network(video)
        started.set()

def serve(*arguments, **more):
    started = threading.Event()
    threading.Thread(target=answer, args=[started], daemon=True).start()
    started.wait()
    print("stopped")

asking.find_spec = lambda name: name
sys.modules["eigv.asking.page"] = types.SimpleNamespace(serve=serve)
asking.serve("bundle", device="cpu", threads=1)
"""


def test_stopped_in_the_middle_of_an_answer_it_ends_well():
    ended = subprocess.run([sys.executable, "-c", STOPPED], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stdout) == (0, "stopped\n"), ended.stderr


def test_an_address_that_is_taken_or_not_of_this_machine_is_said_at_once():
    pytest.importorskip("gradio", reason="needs the extra serve")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(UserError, match=f"cannot listen on 127.0.0.1, port {port}: .*give another"):
            asking.serve("bundle", port=port, device="cpu", threads=1)
    with pytest.raises(UserError, match=r"cannot listen on 256\.1\.1\.1: .*give another"):
        asking.serve("bundle", host="256.1.1.1", device="cpu", threads=1)


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
    with pytest.raises(UserError, match="has any of the videos"):
        write_examples(tmp_path, tmp_path / "nowhere", examples)


def test_examples_are_found_by_the_names_that_the_extraction_finds_videos_by(tmp_path, videos):
    names = ("a.srt", "B.MP4", "c.take.mkv", "part/deep/d.webm", "part/e.mov", ".trash/f.mp4")
    for name in names:
        (videos / name).parent.mkdir(parents=True, exist_ok=True)
        (videos / name).write_bytes(name.encode())
    table = pd.DataFrame([ROW | {"video_id": name} for name in ("f", "a.mp4", "gone", "c.take", "d", "e.mov", "other")])
    table.to_csv(tmp_path / "test.csv", index=False)
    write_examples(tmp_path, videos, tmp_path / "bundle/examples")
    found = [example.video.name for example in read_examples(tmp_path / "bundle")]
    assert found == ["a.mp4", "c.take.mkv", "d.webm", "e.mov"]
    table.assign(video_id=[*"aBfffff"]).to_csv(tmp_path / "test.csv", index=False)
    write_examples(tmp_path, videos, tmp_path / "other/examples")
    assert [example.video.name for example in read_examples(tmp_path / "other")] == ["a.mp4", "B.MP4"]
    (videos / "a.mov").touch()
    with pytest.raises(UserError, match=r"the video a can be .*take all but one away"):
        write_examples(tmp_path, videos, tmp_path / "third/examples")


@pytest.mark.parametrize("name", ["../videos/a.mp4", "/etc/hostname", "gone.mp4"])
def test_an_example_lies_in_its_folder(tmp_path, videos, name):
    (tmp_path / "examples").mkdir()
    pd.DataFrame([{"video": name, "question": "what moves?"}]).to_csv(tmp_path / "examples/examples.csv", index=False)
    with pytest.raises(UserError, match="do not lie beside it"):
        read_examples(tmp_path)
    assert read_examples(videos) == []
