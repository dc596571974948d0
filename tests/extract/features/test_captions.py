"""Texts about moments become features, with the times of their clips."""

import json

import h5py
import numpy as np
import pytest
import torch

from base.errors import UserError
from extract.config import CaptionSettings, ImportedFeatures
from extract.layouts.captions import Texts, clips_of, read_captions, timing_of
from extract.text.encoder import load_encoder
from extract.text.sentences import SentenceEncoder
from tests.extract.features.test_imported import run
from tests.extract.small_fine_tuning import MINILM, tiny

SAYS = ["a dog runs", "it jumps over the [SEP] fence", "people clap"]
TIMED = [
    {"start": 0, "end": 3, "text": "a dog runs"},
    {"start": 3, "end": 4, "text": "it jumps"},
    {"start": 6, "end": 8, "text": "people clap"},
]

STATIC = {"10354698406": "playing cello", "10001787725": "shaking head", "10030609934": "eating ice cream"}
"""What is said of some videos of `nextqa_static`."""


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return tiny(tmp_path_factory.mktemp("encoder") / "tiny")


def written(folder, encoder=MINILM, reduce="middle", appearance=None, motion=None, **captions) -> ImportedFeatures:
    """Settings of files with these texts; without `motion` there is one file, of appearance alone."""
    folder.mkdir(exist_ok=True)
    (folder / "appearance.json").write_text(json.dumps({"v": SAYS} if appearance is None else appearance))
    if motion is not None:
        (folder / "motion.json").write_text(json.dumps(motion))
    said = CaptionSettings(encoder=encoder, **captions)
    path = folder / "appearance.json" if motion is None else folder
    return ImportedFeatures(layout="captions", path=path, reduce=reduce, captions=said)


def by_hand(encoder: str, text: str, pooling: str) -> np.ndarray:
    """The vector of one text by itself, without padding, its words alone between [CLS] and [SEP]."""
    tokenizer, model = load_encoder(encoder)
    words = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    ids = torch.tensor([[tokenizer.cls_token_id, *words, tokenizer.sep_token_id]])
    with torch.inference_mode():
        states = model.eval()(input_ids=ids).last_hidden_state[0]
    return (states[0] if pooling == "first" else states.mean(dim=0)).numpy()


@pytest.mark.parametrize("pooling", ["mean", "first"])
@pytest.mark.parametrize("unit", [True, False])
def test_a_text_has_the_vector_of_its_tokens_also_among_longer_ones(encoder, pooling, unit):
    found = SentenceEncoder(encoder, pooling, unit).encode(SAYS)
    expected = np.stack([by_hand(encoder, text, pooling) for text in SAYS])
    if unit:
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_text_that_is_too_long_is_cut_and_said(encoder, caplog):
    vectors = SentenceEncoder(encoder, "mean", True).encode(["dog " * 600, "dog " * 510])
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-6)
    assert "1 texts are cut to the 512 tokens" in caplog.text


@pytest.mark.parametrize(("rule", "texts"), [("middle", [0, 1, 1, 2]), ("first", [0, 0, 1, 2])])
def test_a_clip_has_the_text_that_the_rule_takes(tmp_path, encoder, rule, texts):
    """Four clips of three texts tell of the thirds 0-.75, .75-1.5, 1.5-2.25, 2.25-3."""
    settings = written(tmp_path / "c", encoder, rule, motion={"v": ["all of it"]}, rate=0.5, clips=4)
    store = run(tmp_path, settings, {"train": ["v"]})
    vectors = SentenceEncoder(encoder, "mean", True).encode([*SAYS, "all of it"])
    np.testing.assert_allclose(store.features["appearance"][0], vectors[texts], atol=1e-5)
    np.testing.assert_allclose(store.features["motion"][0], vectors[[3] * 4], atol=1e-5)
    assert store.fps[0] == 0.5 and store.duration[0] == 6
    frames = [[0, 0, 0], [0, 1, 1], [1, 1, 2], [2, 2, 2]]
    np.testing.assert_array_equal(store.frame_index[0], frames)
    np.testing.assert_array_equal(store.frame_time[0], np.array(frames) * 2)
    np.testing.assert_array_equal(store.clip_end[0], [2, 4, 6, 6])
    with h5py.File(tmp_path / "video.h5") as file:
        np.testing.assert_array_equal(file["appearance_index"][0, :, 0], texts)
    assert store.attributes["appearance_network"]["network"].endswith("of appearance.json")
    assert len(store.attributes["imported_files"]) == 2


@pytest.mark.parametrize(("rule", "whole"), [("mean", np.mean), ("max", np.max)])
def test_of_several_texts_a_clip_the_mean_or_the_maximum_is_taken(tmp_path, encoder, rule, whole):
    store = run(tmp_path, written(tmp_path / "c", encoder, rule, rate=1, clips=1), {"train": ["v"]})
    vectors = SentenceEncoder(encoder, "mean", True).encode(SAYS)
    np.testing.assert_allclose(store.features["appearance"][0], [whole(vectors, axis=0)], atol=1e-5)
    with h5py.File(tmp_path / "video.h5") as file:
        assert file["motion"].shape == (1, 1, 0) and file["appearance_index"].shape == (1, 1, 3)


def test_several_files_stand_side_by_side(tmp_path, encoder):
    (tmp_path / "c").mkdir()
    (tmp_path / "c/objects.json").write_text(json.dumps({"v": ["dog, fence"]}))
    settings = written(tmp_path / "c", encoder, motion={"v": TIMED}, rate=1, clips=2)
    said = settings.captions.model_copy(update={"appearance": ("appearance.json", "objects.json")})
    store = run(tmp_path, settings.model_copy(update={"captions": said}), {"train": ["v"]})
    a, b = SentenceEncoder(encoder, "mean", True).encode([SAYS[0], "dog, fence"])
    assert store.features["appearance"].shape == (1, 2, 64)
    np.testing.assert_allclose(store.features["appearance"][0, 0], np.concatenate([a, b]), atol=1e-5)


@pytest.mark.parametrize(
    ("appearance", "motion", "seconds"),
    [
        (TIMED, [{"start": 0, "end": 16, "text": "a walk"}], 16),
        (["a walk"], TIMED, 8),
        (["a walk"] * 20, TIMED, 20),
        (TIMED, ["a walk"] * 20, 8),
    ],
)
def test_a_video_lasts_until_the_last_text_of_any_file_with_times_ends(tmp_path, encoder, appearance, motion, seconds):
    settings = written(tmp_path / "c", encoder, appearance={"v": appearance}, motion={"v": motion}, rate=1, clips=4)
    store = run(tmp_path, settings, {"train": ["v"]})
    assert store.duration[0] == store.clip_end[0, -1] == seconds
    told = settings.path / ("motion.json" if len(appearance) == 1 else "appearance.json")
    (texts,) = read_captions(told, settings).values()
    words = [texts.texts[i] for i in clips_of(texts, 4, seconds).index[:, 1]]
    vectors = SentenceEncoder(encoder, "mean", True).encode(words)
    np.testing.assert_allclose(store.features[told.stem][0], vectors, atol=1e-5)


def test_one_file_may_have_any_name(tmp_path, encoder):
    settings = written(tmp_path / "c", encoder, rate=1)
    other = settings.path.rename(tmp_path / "c/captions.txt")
    assert run(tmp_path, settings.model_copy(update={"path": other}), {"train": ["v"]}).ids == ["v"]


def test_texts_with_times_tell_of_the_clips_that_they_overlap():
    """Clips of two seconds; nothing is said from 4 to 6, of which the middle, 5, is as near to 4 as to 6."""
    spans = np.array([[item["start"], item["end"]] for item in TIMED], float)
    texts = Texts([str(item["text"]) for item in TIMED], spans)
    clips = clips_of(texts, 4, 8.0)
    assert clips.index.tolist() == [[0, 0, 0], [0, 1, 1], [1, 1, 1], [2, 2, 2]]
    timing = timing_of(texts, CaptionSettings(rate=10, clips=4), "middle")
    assert (timing.fps, timing.duration) == (10, 8)
    np.testing.assert_allclose(timing.frame_time, [[0, 1, 1.5], [2, 3, 3.5], [4, 5, 5.5], [6, 7, 7.5]])
    np.testing.assert_array_equal(timing.frame_index, timing.frame_time * 10)
    np.testing.assert_array_equal(timing.appearance_index[:, 0], [10, 30, 50, 70])
    np.testing.assert_allclose(timing.clip_end, [2, 4, 6, 8])


def spoiled(**change):
    return [TIMED[0], TIMED[1] | change, TIMED[2]]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ([], "v has .*, expected a list of its texts"),
        ("a dog", "expected a list of its texts"),
        (["a", "  "], "v: text 2 is '  ', expected words"),
        (["a", None], "v: text 2 is None, expected words"),
        (["a", 3], "v: text 2 is 3, expected words"),
        (["a", TIMED[0]], "v: text 2 is written in another form"),
        (spoiled(text=""), "v: text 2 is '', expected words"),
        (spoiled(start=2), r"v: text 2 is from 2.0 to 4.0 s, after one that ends at 3.0 s; texts must follow"),
        (spoiled(end=7), r"v: text 3 is from 6.0 to 8.0 s, after one that ends at 7.0 s"),
        (spoiled(end=3), "v: text 2 is from 3.0 to 3.0 s"),
        (TIMED[::-1], "v: text 2 is from 3.0 to 4.0 s, after one that ends at 8.0 s"),
        (spoiled(end=float("nan")), "`end` of text 2 is nan, expected seconds"),
        (spoiled(start=float("inf")), "`start` of text 2 is inf"),
        (spoiled(start=-1), "`start` of text 2 is -1"),
        (spoiled(start="3"), "`start` of text 2 is '3'"),
        (spoiled(end=1e10), r"`end` of text 2 is 10000000000.0, expected seconds .*, 0 to 1,000,000"),
        (spoiled(end=10**400), "`end` of text 2 is 1000"),
        (["a", "\u200b"], "v: text 2 is .*, expected words"),
        (["a", "b\0"], "v: text 2 holds a NUL character"),
        (["a \ud83d"], r"v: text 1 holds half a character, '\\ud83d'"),
        (spoiled(end=True), "`end` of text 2 is True"),
        (spoiled(stop=4), "v: text 2 has the keys start, end, text, stop, expected start, end, text"),
        ([{"start": 0, "text": "a"}], "text 1 has the keys start, text"),
    ],
)
def test_what_cannot_be_is_named(tmp_path, said, message):
    settings = written(tmp_path / "c", appearance={"v": said}, rate=1)
    with pytest.raises(UserError, match=message):
        read_captions(settings.path, settings)


def test_lists_of_texts_need_a_rate_and_texts_with_times_none(tmp_path):
    settings = written(tmp_path / "c")
    with pytest.raises(UserError, match=r"v has texts without times: set `captions\.rate`"):
        read_captions(settings.path, settings)
    settings = written(tmp_path / "c", appearance={"v": TIMED})
    assert read_captions(settings.path, settings)["v"].texts == [item["text"] for item in TIMED]
    for rate in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="rate"):
            CaptionSettings(rate=rate)


def test_videos_that_are_not_told_of_are_named(tmp_path, encoder):
    settings = written(tmp_path / "c", encoder, rate=1)
    with pytest.raises(UserError, match=r"for 1 of 2 videos that the annotations ask for .*: other"):
        run(tmp_path, settings, {"train": ["v", "other"]})
    settings = written(tmp_path / "c", encoder, motion={"other": SAYS}, rate=1)
    with pytest.raises(UserError, match=r"2 videos have texts in only one of .*: other, v"):
        run(tmp_path, settings, {"train": ["v"]})
    with pytest.raises(UserError, match=r"captions: .* does not hold an object but a list"):
        run(tmp_path, written(tmp_path / "c", encoder, appearance=[SAYS], rate=1), {"train": ["v"]})
    (tmp_path / "c/appearance.json").unlink()
    with pytest.raises(UserError, match=r"(?s)not there:.*appearance\.json"):
        run(tmp_path, settings, {"train": ["v"]})


@pytest.mark.parametrize(
    ("folder", "rule", "ends"), [("nextqa", "middle", True), ("msvd", "first", True), ("msrvtt", "first", False)]
)
def test_stored_features_of_texts_have_these_frames(shared, folder, rule, ends):
    """In msrvtt a clip between two texts was noted as of the first alone; the feature is of the same frame."""
    path = shared / "data/real" / folder / "video.h5"
    if not path.is_file():
        pytest.skip("the features of real videos are not there")
    with h5py.File(path) as file:
        read = {name: file[name][:] for name in ("duration", "fps", "frame_index", "appearance_index")}
    said = CaptionSettings(rate=1)
    for row in range(0, len(read["fps"]), 7):
        timing = timing_of(Texts(["a"] * int(read["duration"][row])), said, rule)
        assert (timing.fps, timing.duration) == (read["fps"][row], read["duration"][row])
        np.testing.assert_array_equal(timing.appearance_index, read["appearance_index"][row])
        if ends:
            np.testing.assert_array_equal(timing.frame_index, read["frame_index"][row])


def test_texts_give_the_stored_features(shared, tmp_path):
    """The motion features of these videos are of one name of Kinetics-400 each; some are written down here."""
    path = shared / "data/real/nextqa_static/video.h5"
    if not path.is_file():
        pytest.skip("the features of real videos are not there")
    with h5py.File(path) as file:
        ids = file["ids"].asstr()[:].tolist()
        stored = {name: file["motion"][ids.index(name)] for name in STATIC}
    settings = written(tmp_path / "c", appearance={name: [text] for name, text in STATIC.items()}, rate=1)
    store = run(tmp_path, settings, {"train": list(STATIC)})
    for row, name in enumerate(store.ids):
        np.testing.assert_allclose(store.features["appearance"][row], stored[name], atol=2e-3)
        assert np.dot(store.features["appearance"][row, 0], stored[name][0].astype(np.float32)) > 0.9995
