"""The clips of a video for a browser: whole ones alone, whatever kills the process that writes them."""

import signal
import subprocess
import sys

import av
import numpy as np

from eigv.asking.clips import Job, write_clips
from tests.extract.videos.make import write
from tests.places import ROOT

KILLED_IN_THE_LAST_CLIP = """
import os, signal, sys
from pathlib import Path
import numpy as np
from eigv.asking import clips

whole = clips.encode

def encode(frames, fps, width, height, path):
    whole(frames, fps, width, height, path)
    if "1" in path.name.split("."):
        path.write_bytes(path.read_bytes()[:500])
        os.kill(os.getpid(), signal.SIGKILL)

clips.encode = encode
video, out = map(Path, sys.argv[1:])
clips.write_clips(clips.Job(video, 1.0, np.arange(8, dtype=np.int32).reshape(2, 4), 25, out))
"""


def test_a_kill_leaves_no_half_film_that_the_next_question_would_show(tmp_path):
    video, out = write(tmp_path / "video.mp4", 8), tmp_path / "clips"
    out.mkdir()
    ended = subprocess.run([sys.executable, "-c", KILLED_IN_THE_LAST_CLIP, video, out], cwd=ROOT, timeout=120)
    assert ended.returncode == -signal.SIGKILL
    assert [path.name for path in sorted(out.glob("[!.]*.mp4"))] == ["0.mp4"]
    write_clips(Job(video, 1.0, np.arange(8, dtype=np.int32).reshape(2, 4), 25, out))
    assert sorted(path.name for path in out.iterdir()) == ["0.jpg", "0.mp4", "1.jpg", "1.mp4"]
    with av.open(str(out / "1.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 4
