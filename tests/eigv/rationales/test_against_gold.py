"""The section `gold` of a run's metrics, by hand: four clips of one second, two seconds apart, in videos of ten."""

from dataclasses import replace

import numpy as np
import pytest

from base.formats.video_features import VideoFeatures
from base.reading import read_csv
from eigv.rationales.against_gold import Explained, against_gold
from extract.annotations.gold import read_gold

STARTS = np.array([0.5, 3.0, 5.5, 8.0])


def explained(*selected: str, correct: str = "", types: str = "") -> Explained:
    """Two frames a clip, at its start and its middle; a selected clip is likelier than another."""
    chosen = np.array([[letter == "1" for letter in row] for row in selected])
    count = len(selected)
    return Explained(
        chosen,
        0.25 + 0.5 * chosen,
        np.array([letter == "1" for letter in correct or "1" * count]),
        np.array(list(types or "x" * count), dtype=object),
        np.repeat(np.stack([STARTS, STARTS + 0.5], axis=1)[None], count, axis=0),
        np.repeat(STARTS[None] + 1, count, axis=0),
        np.full(count, 10.0),
    )


def near(**values: float) -> dict:
    return {name: pytest.approx(100 * value) for name, value in values.items()}


def test_clip_by_clip():
    run = explained("1100", "0000", "1110", correct="110", types="aab")
    found = against_gold(run, [[(0, 2)], [(5, 20)], [(3, 7)]])["clips"]  # gold 1000, 0011, 0110
    assert found["selected"] == near(
        iop=(1 / 2 + 0 + 2 / 3) / 3,
        recall=(1 + 0 + 1) / 3,
        iou=(1 / 2 + 0 + 2 / 3) / 3,
        share=5 / 12,
        acc_gqa=1 / 3,  # the second has no IoP, the third no right answer
        auc=((1 + 1 + 0.5) / 3 + 1 / 2 + (1 + 0.5 + 1 + 0.5) / 4) / 3,
    )
    assert found["gold"] == near(iop=1, recall=1, iou=1, share=5 / 12, acc_gqa=2 / 3)
    assert found["all"] == near(iop=5 / 12, recall=1, iou=5 / 12, share=1, acc_gqa=1 / 3)
    random = {"iop": (1 / 4 + 0 + 2 / 4) / 3, "recall": (2 / 4 + 0 + 3 / 4) / 3, "share": 5 / 12}
    # IoU: half of the pairs hold the one gold clip; three clips hold both gold ones or one, each half of the time.
    assert found["random"] | near(**random, iou=(1 / 2 * 1 / 2 + 0 + (2 / 3 + 1 / 4) / 2) / 3) == found["random"]
    # The likeliest clip (the first of those that are as likely) is gold but for the second question, and so on.
    assert found["likeliest"] == {
        "clips": [1, 2, 3, 4],
        "iop": pytest.approx([100 / 3, 100 / 3 * (1 / 2 + 0 + 1 / 2), 100 / 3 * (1 / 3 + 1 / 3 + 2 / 3), 500 / 12]),
        "recall": pytest.approx([100 / 3, 100 / 3 * (1 + 0 + 1 / 2), 100 / 3 * (1 + 1 / 2 + 1), 100]),
        "iou": pytest.approx([100 / 3, 100 / 3 * (1 / 2 + 0 + 1 / 3), 100 / 3 * (1 / 3 + 1 / 4 + 2 / 3), 500 / 12]),
    }
    assert found["by_type"] == {
        "a": {"questions": 2, **near(iop=1 / 4, recall=1 / 2, iou=1 / 4, auc=((1 + 1 + 0.5) / 3 + 1 / 2) / 2)},
        "b": {"questions": 1, **near(iop=2 / 3, recall=1, iou=2 / 3, auc=3 / 4)},
    }


def test_in_seconds_and_by_the_benchmark():
    found = against_gold(explained("1011"), [[(0.5, 1.0), (6.0, 9.0)]])
    by_clips = found["seconds"]["clips"]  # 0.5-1.5, 5.5-6.5 and 8-9 share 0.5, 0.5 and 1 seconds with 3.5 of gold
    assert by_clips["selected"] == near(iop=2 / 3, recall=2 / 3.5, iou=2 / 4.5)
    assert by_clips["all"] == near(iop=2 / 4, recall=2 / 3.5, iou=2 / 5.5)
    assert by_clips["gold"] == by_clips["selected"]  # of each of the three at least half is gold
    # The last clip, all of it gold, alone has the best precision; all three the best recall and overlap.
    assert by_clips["ceiling"] == near(iop=1, recall=2 / 3.5, iou=2 / 4.5)
    hull = found["seconds"]["hull"]["selected"]  # 0.5 to 9
    assert hull == near(iop=3.5 / 8.5, recall=1, iou=3.5 / 8.5)
    longest = found["nextgqa"]["longest-run"]["selected"]  # 5.5 to 9, with the second segment
    assert longest["mIoP"] == pytest.approx(100 * 3 / 3.5) and longest["IoU@0.5"] == 100
    # Of three seconds 1.5 lie in the second segment, for both: 1.5 more of that and 1.5 of the clips beside it.
    assert found["nextgqa"]["clips"]["selected"] == {
        "Acc@GQA": 100,
        **near(mIoP=1.5 / 3, mIoU=1.5 / 4.5),
        "IoP@0.3": 100,
        "IoP@0.5": 100,
        "IoU@0.3": 100,
        "IoU@0.5": 0,
    }
    assert found["nextgqa"]["parts"]["all"]["mIoP"] == pytest.approx(30)


def test_what_cannot_be_scored_is_counted():
    run = explained("1000", "0100", "1100", "0000")
    times = run.frame_time.copy()
    times[2] = np.nan
    gold = [[], [(3.1, 3.2)], [(0, 9)], [(0, 9)]]  # none; none of a clip's frames; no times
    found = against_gold(replace(run, frame_time=times), gold)
    counts = {"questions": 2, "without_gold": 1, "without_times": 1, "without_gold_clip": 1, "empty": 1}
    assert counts.items() <= found.items()
    assert found["accuracy"] == 100
    assert found["clips"]["selected"] == near(iop=0, recall=0, iou=0, share=0, acc_gqa=0) | {"auc": None}
    assert found["seconds"]["clips"]["selected"]["iop"] == pytest.approx(100 * 0.1 / 2)
    assert against_gold(run, [[]] * 4) == {"questions": 0, "without_gold": 4, "without_times": 0}
    assert against_gold(explained("1000"), [[(3.1, 3.2)]])["clips"] == {}


def test_the_ceiling_is_over_every_selection_and_random_ones_have_its_size():
    source = np.random.default_rng(1)
    rows = ["".join(row) for row in source.choice(["0", "1"], (200, 4))]
    starts, seconds = source.uniform(0, 6, 200), source.uniform(1, 4, 200)
    found = against_gold(explained(*rows), [[pair] for pair in zip(starts, starts + seconds, strict=True)])["seconds"]
    for rule in ("clips", "parts"):
        bounds = [found[rule][name]["iou"] for name in ("selected", "random", "all", "gold")]
        assert max(bounds) <= found[rule]["ceiling"]["iou"]
        assert found[rule]["random"]["iou"] == pytest.approx(found[rule]["selected"]["iou"], abs=4)  # itself random


def test_real_questions_with_gold_spans(shared):
    folder = shared / "data/real/nextqa"
    store, gold = VideoFeatures.read(folder / "video.h5"), read_gold(folder / "gold.json")
    table = read_csv(folder / "questions_official.csv", ["qid", "video", "type"])
    table = table[table["qid"].isin(gold.keys())]
    video = np.array([{name: row for row, name in enumerate(store.ids)}[name] for name in table["video"]])
    count, clips = len(table), store.frame_time.shape[1]
    tossed = np.random.default_rng(0).random((count, clips))
    times = store.frame_time[video], store.clip_end[video], store.duration[video]
    run = Explained(tossed > 0.5, tossed, np.ones(count, bool), table["type"].to_numpy(dtype=object), *times)
    found = against_gold(run, [[(start, end) for start, end in gold[qid]] for qid in table["qid"]])
    assert (found["questions"], found["without_gold"], found["without_gold_clip"]) == (3358, 0, 349)
    selected, random = (found["clips"][name] for name in ("selected", "random"))
    for name in ("iop", "recall", "iou", "acc_gqa"):
        assert selected[name] == pytest.approx(random[name], abs=1.5)
    assert selected["auc"] == pytest.approx(50, abs=1.5)
    for rows in found["seconds"].values():
        assert rows["gold"]["iou"] < rows["ceiling"]["iou"] < 100 and rows["all"]["iou"] < rows["gold"]["iou"]
