"""What a split hands to training."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

from base.errors import UserError
from base.formats.questions import read_annotations
from base.formats.vocabulary import read_vocabulary, write_vocabulary
from eigv.method.draws import Draws
from eigv.method.memory_bank import MemoryBank
from eigv.runs.data import Split, Videos
from eigv.runs.shared_data import SharedData
from tests.eigv import synthetic


def train_split(folder: Path, *, multiple_choice: bool, videos: int = 60) -> Split:
    data = synthetic.write(folder, multiple_choice=multiple_choice, videos=videos)
    return Split.read("train", data["questions"], data["text"], Videos.read(data["video"], "app"), training=True)


@pytest.mark.parametrize("multiple_choice", [True, False])
def test_question_relevant_videos_are_those_that_share_the_answer(tmp_path, multiple_choice):
    split = train_split(tmp_path, multiple_choice=multiple_choice)
    bank_rows, excluded = split.bank("question-relevant")
    if multiple_choice:
        answers = [split.table[f"a{right}"].iloc[i] for i, right in enumerate(split.answers)]
    else:
        answers = split.table["answer"].tolist()
    every = np.arange(len(split))
    rows = split.bank("own-videos")[1].of(every)[:, 0]
    assert bank_rows.tolist() == sorted(set(split.video_row)) and len(bank_rows) == 30
    for question, answer in enumerate(answers):
        relevant = {rows[other] for other in range(len(answers)) if answers[other] == answer}
        (videos,) = excluded.of(every[question : question + 1])
        assert set(videos[videos >= 0]) == relevant
        assert rows[question] in relevant


@pytest.mark.parametrize("multiple_choice", [True, False])
def test_features_of_other_texts_are_refused(tmp_path, multiple_choice):
    data = synthetic.write(tmp_path, multiple_choice=multiple_choice)
    csv, videos = data["questions"] / "val.csv", Videos.read(data["video"], "app")
    table = read_annotations(csv)
    table.iloc[::-1].to_csv(csv, index=False)  # questions go by their ids
    assert len(Split.read("val", data["questions"], data["text"], videos, training=False)) == len(table)
    table.assign(question=["who", *table["question"][1:]]).to_csv(csv, index=False)
    with pytest.raises(UserError, match=r"text_val\.h5 was made from other texts"):
        Split.read("val", data["questions"], data["text"], videos, training=False)


def test_an_answer_of_every_video_leaves_no_substitute(tmp_path):
    split = train_split(tmp_path, multiple_choice=False, videos=12)
    split.table["answer"] = "yes"
    with pytest.raises(UserError, match="own-videos"):
        split.bank("question-relevant")
    assert np.array_equal(np.unique(split.bank("own-videos")[1].of(np.arange(len(split)))), np.arange(6))


def test_two_answers_are_refused_only_if_nothing_is_left(tmp_path):
    split = train_split(tmp_path, multiple_choice=False, videos=12)  # six training videos, a question each
    split.table["answer"] = ["a", "a", "a", "b", "b", "b"]
    with pytest.raises(UserError, match="shared by 3 and 3 of 6"):
        split.bank("question-relevant")
    split.table["answer"] = ["a", "a", "a", "a", "b", "c"]
    assert split.bank("question-relevant")[1].of(np.array([4])).tolist() == [[4, -1, -1, -1]]


def test_features_stay_as_they_are_stored_and_are_exact_in_a_batch_and_from_the_bank(tmp_path):
    split = train_split(tmp_path, multiple_choice=False)
    assert split.videos.features.dtype == torch.float16
    some = np.array([3, 0, 3])
    batch = split.batch(some)
    assert batch.video.dtype == batch.tokens.dtype == torch.float32
    assert torch.equal(batch.video, split.videos.features[split.video_row[some]].float())
    rows, _ = split.bank("own-videos")
    drawn = []
    for features in (split.videos.features, split.videos.features.float()):
        draws = Draws(0, "cpu")
        draws.seed(1)
        drawn.append(MemoryBank(features, rows).draw(batch.excluded, (2, 4), draws).to(batch.video))
    assert torch.equal(*drawn) and drawn[0].any()


def test_labels_are_of_a_share_of_the_videos_with_gold_clips_drawn_by_the_seed(tmp_path):
    split = train_split(tmp_path, multiple_choice=True)
    spans = {qid: [(0.0, 1.0)] for qid in split.table["qid"][split.video_row % 2 == 0]}
    rows = []
    for seed in (0, 0, 1):
        gold = split.with_labels(spans, 0.3, seed).gold
        labelled = np.unique(split.video_row[gold.any(axis=1)])
        assert len(labelled) == round(0.3 * len(np.unique(split.video_row[split.video_row % 2 == 0])))
        assert not (labelled % 2).any()
        rows.append(labelled.tolist())
    assert rows[0] == rows[1] != rows[2]
    assert np.array_equal(split.with_labels(spans, 1, 0).gold, split.with_labels(spans, 1, 5).gold)
    assert len(np.unique(split.video_row[split.with_labels(spans, 0.0001, 0).gold.any(axis=1)])) == 1
    with pytest.raises(UserError, match="no question of the split"):
        split.with_labels({}, 0.3, 0)


def test_the_checksum_of_the_data_copies_nothing(tmp_path):
    split = train_split(tmp_path, multiple_choice=True)
    copied = Videos(split.videos.store, split.videos.features.repeat(500, 1, 1), split.videos.widths)
    data = SharedData(tmp_path, tmp_path / "annotations", tmp_path)
    data._videos, data._kinds = copied, "app+mot"
    tracemalloc.start()
    data.digest("app+mot", split)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < copied.features.numel()  # a half of its bytes


def test_the_checksum_of_the_data_is_of_the_vocabulary_too(tmp_path):
    places = synthetic.write(tmp_path, multiple_choice=False)

    def digest() -> str:
        data = SharedData(**places)
        return data.digest("app", data.split("train", "app", training=True))

    before = digest()
    assert digest() == before
    write_vocabulary(places["questions"], [*read_vocabulary(places["questions"]), "another"])
    assert digest() != before
