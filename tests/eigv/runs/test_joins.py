"""Every question meets its own video, its own texts and its own answer, whatever the orders of the files."""

import itertools

import numpy as np
import pytest

from base.errors import UserError
from eigv.backbones import streams_of
from eigv.runs.data import Split, Videos
from tests.eigv import numbered

FORMS = pytest.mark.parametrize("multiple_choice", [True, False], ids=["multiple-choice", "open-ended"])


def read(folder, name: str, multiple_choice: bool, choice: str = "app+mot") -> Split:
    data = numbered.write(folder, multiple_choice=multiple_choice)
    videos = Videos.read(data["video"], choice)
    return Split.read(name, data["questions"], data["text"], videos, training=name == "train")


@FORMS
@pytest.mark.parametrize("name", ["train", "val", "test"])
def test_a_batch_holds_what_belongs_to_its_questions(tmp_path, name, multiple_choice):
    split = read(tmp_path, name, multiple_choice)
    order = np.array([4, 1, 3])
    batch = split.batch(order)
    A = 5 if multiple_choice else 1
    assert (batch.candidates, batch.size, batch.tokens.shape[0]) == (A, 3, 3 * A)
    for i, row in enumerate(order):
        question, video = (int(split.table[column].iloc[row][1:]) for column in ("qid", "video_id"))
        assert batch.qids[i] == f"q{question}"
        both = np.concatenate([numbered.appearance(video), numbered.motion(video)], axis=1)
        np.testing.assert_array_equal(batch.video[i].numpy(), both)
        assert batch.answer[i] == numbered.answer_of(question, multiple_choice)
        for j in range(A):
            length, tokens = int(batch.lengths[i * A + j]), batch.tokens[i * A + j]
            assert length == j + question % 3 + 1
            assert (tokens[:length] == 10 * question + j).all() and (tokens[length:] == 0).all()
    assert batch.tokens.shape[1] == batch.lengths.max()


@pytest.mark.parametrize(
    ("choice", "made_of"),
    [
        ("app", [numbered.appearance]),
        ("mot", [numbered.motion]),
        ("app+mot", [numbered.appearance, numbered.motion]),
    ],
)
def test_a_run_sees_the_features_of_its_choice_alone(tmp_path, choice, made_of):
    videos = Videos.read(numbered.write(tmp_path)["video"], choice)
    expected = [np.concatenate([make(video) for make in made_of], axis=1) for video in numbered.ORDER]
    np.testing.assert_array_equal(videos.features.numpy(), np.stack(expected))
    widths = {make.__name__: make(0).shape[1] for make in made_of}
    assert videos.widths.described() == {"appearance": 0, "motion": 0} | widths


@FORMS
def test_batches_are_all_questions_once_in_the_order_that_is_given(tmp_path, multiple_choice):
    split = read(tmp_path, "val", multiple_choice)
    in_order = [batch.qids for batch in split.batches(5)]
    assert [len(qids) for qids in in_order] == [5, 5, 2]
    assert list(itertools.chain(*in_order)) == split.table["qid"].tolist() == [f"q{m}" for m in range(20, 32)]


@FORMS
def test_the_bank_is_of_the_train_split_and_a_question_excludes_its_own_video(tmp_path, multiple_choice):
    split = read(tmp_path, "train", multiple_choice)
    rows, exclusions = split.bank("own-videos")
    videos = [numbered.ORDER[row] for row in rows]
    assert sorted(videos) == sorted(numbered.VIDEOS["train"])
    some = np.array([7, 0, 13, 4, 2])
    excluded = split.batch(some, exclusions).excluded
    assert excluded.shape == (5, 1)
    assert [f"v{videos[number]}" for number in excluded[:, 0]] == split.table["video_id"].iloc[some].tolist()
    assert (split.batch(some).excluded == -1).all()


def test_a_backbone_reads_the_streams_that_it_declares_and_no_others(tmp_path):
    path = numbered.write(tmp_path, frames=True)["video"]
    videos = Videos.read(path, streams_of("hcrn", "app+mot"))
    assert videos.widths == (0, 3, (numbered.FRAMES, 2), numbered.CLIPS) and videos.features.shape[2] == 3 + 8
    for row, video in enumerate(numbered.ORDER):
        views = videos.widths.views(videos.of(np.array([row])))
        np.testing.assert_array_equal(views["frames"][0], numbered.of_frames(video))
        np.testing.assert_array_equal(views["motion"][0], numbered.motion(video))
        assert set(views) == {"frames", "motion"}
    old = Videos.read(path, streams_of("hga", "app+mot"))
    assert old.widths.total == old.features.shape[2] == 5


def test_a_stream_that_is_not_there_is_refused_with_what_makes_it(tmp_path):
    path = numbered.write(tmp_path)["video"]
    with pytest.raises(UserError, match=r"no vectors of single frames.*`features.appearance.frames: every`"):
        Videos.read(path, streams_of("hcrn", "app+mot"))
    with pytest.raises(UserError, match=r"hcrn reads frames and motion.* not on `app`"):
        streams_of("hcrn", "app")


def test_texts_that_are_apart_come_as_questions_and_their_candidates(tmp_path):
    data = numbered.write(tmp_path, multiple_choice=True, apart=True)
    split = Split.read("val", data["questions"], data["text"], Videos.read(data["video"], "app"), training=False)
    batch = split.batch(np.array([4, 1, 3]))
    assert batch.candidates == 5 and batch.tokens.shape[0] == 15
    for i, qid in enumerate(batch.qids):
        question = int(qid[1:])
        length = int(batch.question_lengths[i])
        assert length == 10 + question % 3
        assert (batch.questions[i, :length] == 10 * question + 9).all()
        for j in range(5):
            size = int(batch.lengths[5 * i + j])
            assert size == j + question % 3 + 1 and (batch.tokens[5 * i + j, :size] == 10 * question + j).all()
    assert split.longest.tolist() == [10 + int(qid[1:]) % 3 for qid in split.table["qid"]]
