"""What 16 clips allow on the rendered data sets, from their scripts alone: the table of docs/rationales.md."""

import numpy as np
import pytest

from eigv.rationales.against_gold import Explained, against_gold
from extract.config import FeaturesSettings
from extract.demo.questions import ask
from extract.demo.scenes import write_script
from extract.demo.settings import DemoSettings
from extract.videos.sampling import clip_frames
from tests.places import ROOT

EASY = DemoSettings(scenes=(1, 2), empty_scenes=(0, 0), questions=8)
"""Of `make methods`."""


def bounds(settings: DemoSettings, videos: int = 150) -> dict:
    """The section `gold` of a run that tosses coins, on the test split."""
    times, ends, durations, types, gold = [], [], [], [], []
    for index in range(videos):
        script = write_script(settings, "test", index)
        frames = clip_frames(script.frames, FeaturesSettings().sampling)
        for question in ask(script, settings.seed, index, settings.questions):
            times.append(frames / script.fps)
            ends.append((frames[:, -1] + 1) / script.fps)
            durations.append(script.duration)
            types.append(question.type)
            gold.append([(start, end) for start, end in question.seconds])
    tossed = np.random.default_rng(0).random(np.shape(ends))
    told = np.ones(len(gold), bool), np.array(types, dtype=object)
    run = Explained(tossed > 0.5, tossed, *told, np.array(times), np.array(ends), np.array(durations))
    return against_gold(run, gold)


@pytest.mark.parametrize(
    ("name", "settings", "all_clips", "clips", "parts", "ceiling"),
    [("default", DemoSettings(), 48, (83, 83), (96, 94), 95), ("easy", EASY, 73, (89, 89), (99, 98), 98)],
)
def test_the_table(name, settings, all_clips, clips, parts, ceiling):
    found = bounds(settings)
    seconds = found["seconds"]
    assert found["clips"]["all"]["iou"] == pytest.approx(all_clips, abs=0.6)
    for rule, (iop, iou) in (("clips", clips), ("parts", parts)):
        assert seconds[rule]["gold"]["iop"] == pytest.approx(iop, abs=0.6)
        assert seconds[rule]["gold"]["iou"] == pytest.approx(iou, abs=0.6)
    assert seconds["parts"]["ceiling"]["iou"] == pytest.approx(ceiling, abs=0.6)
    row = f"| {name} | {all_clips} | {clips[0]} / {clips[1]} | {parts[0]} / {parts[1]} | {ceiling} |"
    assert row in (ROOT / "docs/rationales.md").read_text()
