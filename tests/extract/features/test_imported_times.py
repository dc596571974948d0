"""A feature file of ours that is imported keeps its frames and times, and what is wrong with them is said."""

import h5py
import numpy as np
import pytest

from base.errors import UserError
from base.formats.store import attributes
from base.formats.video_features import VideoFeatures
from extract.config import ImportedFeatures
from extract.features.inspection import inspect
from tests.extract import feature_files as make
from tests.extract.features.test_imported import NAMES, convert, run, spoil

FRAMES = np.arange(4 * make.CLIPS * 2, dtype=np.int32).reshape(4, make.CLIPS, 2)
"""Of each video, clip and frame a number of its own."""
FPS = np.array([25, 12.5, 1, 30])


def theirs(tmp_path, **changed) -> ImportedFeatures:
    """A file with frames and times of its own; `changed` are datasets, or attributes by name."""
    path = make.write_ours(tmp_path / "theirs.h5", make.made_up(NAMES))
    values = {
        "fps": FPS,
        "duration": 200 / FPS,
        "frame_index": FRAMES,
        "appearance_index": FRAMES[:, :, 1:],
        "frame_time": FRAMES / FPS[:, None, None] + 0.01,
        "clip_end": (FRAMES[:, :, 1] + 1) / FPS[:, None],
    }
    with h5py.File(path, "r+") as file:
        for name, value in (values | changed).items():
            if name.endswith("_network"):
                file.attrs[name] = value
                continue
            if name in file:
                del file[name]
            if value is not None:
                file[name] = value
    return ImportedFeatures(layout="eigv", path=path)


def test_frames_and_times_are_kept_by_id(tmp_path):
    wanted = [NAMES[2], NAMES[0]]
    store = run(tmp_path, theirs(tmp_path), {"train": wanted})
    rows = [NAMES.index(name) for name in store.ids]
    np.testing.assert_array_equal(store.fps, FPS[rows])
    np.testing.assert_array_equal(store.duration, 200 / FPS[rows])
    np.testing.assert_array_equal(store.frame_index, FRAMES[rows])
    np.testing.assert_array_equal(store.frame_time, (FRAMES / FPS[:, None, None] + 0.01)[rows])
    np.testing.assert_array_equal(store.clip_end, ((FRAMES[:, :, 1] + 1) / FPS[:, None])[rows])
    with h5py.File(tmp_path / "video.h5") as file:
        np.testing.assert_array_equal(file["appearance_index"][:], FRAMES[rows][:, :, 1:])
    assert store.attributes["sampling"] == {}


def test_an_import_of_an_import_is_the_same(tmp_path):
    first = convert(tmp_path, theirs(tmp_path))
    (tmp_path / "again").mkdir()
    again = VideoFeatures.read(convert(tmp_path / "again", ImportedFeatures(layout="eigv", path=first)))
    before = VideoFeatures.read(first)
    assert again.ids == before.ids
    for name in ("frame_index", "frame_time", "clip_end", "fps", "duration", "joined"):
        np.testing.assert_array_equal(getattr(again, name), getattr(before, name))


def test_a_file_from_before_there_were_times_has_those_of_its_rate(tmp_path, caplog):
    store = run(tmp_path, theirs(tmp_path, frame_time=None, clip_end=None))
    rows = [NAMES.index(name) for name in store.ids]
    np.testing.assert_allclose(store.frame_time, (FRAMES / FPS[:, None, None])[rows])
    np.testing.assert_allclose(store.clip_end, ((FRAMES[:, :, 1] + 1) / FPS[:, None])[rows])
    assert "does not say when its frames are shown" in caplog.text


def test_whole_numbers_are_rates_too_and_nan_stays_not_known(tmp_path):
    fps, duration = np.array([25, 12, 1, 30]), np.array([8.0, np.nan, 200, 7])
    frames = np.where(np.arange(4)[:, None, None] == 1, -1, FRAMES).astype(np.int64)
    settings = theirs(tmp_path, fps=fps, duration=duration, frame_index=frames, frame_time=None, clip_end=None)
    store = run(tmp_path, settings)
    rows = [NAMES.index(name) for name in store.ids]
    np.testing.assert_array_equal(store.fps, fps[rows])
    np.testing.assert_array_equal(store.duration, duration[rows])
    np.testing.assert_array_equal(np.isnan(store.frame_time).all(axis=(1, 2)), [row == 1 for row in rows])


@pytest.mark.parametrize("absent", ["frame_index", "appearance_index", "fps", "duration"])
def test_what_a_file_does_not_hold_is_not_known_and_the_rest_is_kept(tmp_path, absent):
    store = run(tmp_path, theirs(tmp_path, **{absent: None}))
    found = {"frame_index": store.frame_index, "fps": store.fps, "duration": store.duration}
    with h5py.File(tmp_path / "video.h5") as file:
        found["appearance_index"] = file["appearance_index"][:]
    for name, values in found.items():
        assert (np.isnan(values) | (values == -1)).all() == (name == absent), name


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"fps": np.array([b"25"] * 4)}, r"`fps` holds \|S2, expected numbers \(-1 or NaN: not known\)"),
        ({"duration": np.array(["8"] * 4, dtype=h5py.string_dtype())}, "`duration` holds object, expected numbers"),
        ({"frame_index": FRAMES.astype(float)}, "`frame_index` holds float64, expected whole numbers"),
        ({"frame_index": FRAMES[:, :, 0]}, r"'frame_index' has shape \(4, 4\), expected \(videos, clips, frames\)"),
        ({"frame_index": FRAMES[:, :3]}, r"`frame_index` has shape \(4, 3, 2\), for 4 videos of 4 clips"),
        ({"frame_index": FRAMES[:3]}, r"`frame_index` has shape \(3, 4, 2\), for 4 videos"),
        ({"frame_index": FRAMES[:, :, :0]}, r"`frame_index` has shape \(4, 4, 0\)"),
        ({"frame_index": FRAMES[:, :, :1]}, r"`frame_time` has shape \(4, 4, 2\) and `frame_index` \(4, 4, 1\)"),
        ({"clip_end": np.ones((4, 3))}, r"`clip_end` has shape \(4, 3\)"),
        ({"fps": np.float64(25)}, r"'fps' has shape \(\), expected \(videos\)"),
        ({"fps": np.array([25, 0, 25, 25])}, r"`fps` of row 2 is 0\.0; a number above 0 is needed, or NaN"),
        ({"duration": np.array([1, 1, -3, 1])}, r"`duration` of row 3 is -3\.0"),
        ({"fps": np.array([np.inf, 1, 1, 1])}, r"`fps` of row 1 is inf"),
        ({"frame_index": FRAMES - 2}, r"`frame_index` of row 1 holds -2; 0 or more is needed, or -1"),
        ({"frame_index": FRAMES.astype(np.int64) + 2**40}, r"`frame_index` of row 1 holds 1099511627776"),
        ({"frame_time": FRAMES - 3.0}, r"`frame_time` of row 1 holds -3\.0; 0 or more is needed, or NaN"),
        ({"clip_end": np.full((4, make.CLIPS), np.inf)}, r"`clip_end` of row 1 holds inf"),
        ({"motion": np.zeros((3, make.CLIPS, 8))}, "`motion` has 3 rows for 4 ids"),
        ({"appearance": np.zeros((5, make.CLIPS, 8))}, "`appearance` has 5 rows for 4 ids"),
        ({"appearance": np.full((4, make.CLIPS, 8), b"x")}, r"appearance feature of \d+ holds \|S1, expected numbers"),
        ({name: np.zeros((4, make.CLIPS, 0)) for name in ("appearance", "motion")}, "appearance and motion are 0 wide"),
        ({"frames": np.zeros((3, make.CLIPS, 2, 24))}, "`frames` has 3 rows for 4 ids"),
        (
            {"frames": np.zeros((4, make.CLIPS, 24))},
            r"'frames' has shape \(4, 4, 24\), expected \(videos, clips, frames",
        ),
        ({"status": np.zeros(4)}, "`status` holds float64, expected texts"),
        ({"status": None}, "has no dataset 'status'"),
        ({"ids": None}, "has no dataset 'ids'"),
        ({"motion": None}, "has no dataset 'motion'"),
        ({"ids": np.array([1.5, 2, 3, 4])}, r"the id .*1\.5.* is neither text nor a whole number"),
        ({"ids": np.array([np.nan, 2, 3, 4])}, r"the id .*nan.* is neither text nor a whole number"),
        ({"ids": np.array([np.inf, 2, 3, 4])}, r"the id .*inf.* is neither text nor a whole number"),
        ({"ids": np.array([b"caf\xe9", b"b", b"c", b"d"])}, r"the id .*caf.* is not UTF-8"),
        ({"motion_network": 3}, "the attribute `motion_network` is .*3.*, expected a JSON object"),
        ({"appearance_network": "[1]"}, r"the attribute `appearance_network` is \[1\], expected a JSON object"),
        ({"appearance_network": "null"}, "the attribute `appearance_network` is None"),
    ],
)
def test_what_cannot_be_is_named(tmp_path, changed, message):
    with pytest.raises(UserError, match=message):
        run(tmp_path, theirs(tmp_path, **changed))
    assert not (tmp_path / "video.h5").exists()


def test_a_file_without_its_number_of_form_is_named(tmp_path):
    settings = theirs(tmp_path)
    with h5py.File(settings.path, "r+") as file:
        del file.attrs["schema"]
    with pytest.raises(UserError, match="has schema none, this version reads 1"):
        run(tmp_path, settings)


@pytest.mark.parametrize("said", ["CLIP of a friend", '"CLIP of a friend"', b"CLIP of a friend"])
def test_a_network_in_words_is_an_object_with_these_words(tmp_path, said):
    path = convert(tmp_path, theirs(tmp_path, appearance_network=said))
    with h5py.File(path) as file:
        network = attributes(file)["appearance_network"]
    assert network == {"weights": "imported", "sha256": "", "network": "CLIP of a friend"}
    assert "CLIP of a friend" in inspect(tmp_path / "theirs.h5").text


@pytest.mark.parametrize(("said", "read"), [(np.arange(2), [0, 1]), (np.bytes_(b"16 clips"), "16 clips")])
def test_attributes_of_other_types_are_kept_as_json_has_them(tmp_path, said, read):
    settings = theirs(tmp_path)
    with h5py.File(settings.path, "r+") as file:
        file.attrs["sampling"] = said
    assert run(tmp_path, settings).attributes["sampling"] == read


def test_ids_that_are_numbers_are_read(tmp_path):
    settings = theirs(tmp_path, ids=np.array([int(name) for name in NAMES]))
    assert set(run(tmp_path, settings).ids) == set(NAMES)


def test_a_file_that_knows_nothing_takes_what_the_videos_give(shared, tmp_path):
    names = ["nine_frames", "one_frame"]
    path = make.write_ours(tmp_path / "theirs.h5", make.made_up(names))
    spoil(path, "fps", lambda values: values * np.nan)
    spoil(path, "duration", lambda values: values * np.nan)
    spoil(path, "frame_time", lambda values: values * np.nan)
    spoil(path, "frame_index", lambda values: values * 0 - 1)
    settings = ImportedFeatures(layout="eigv", path=path)
    store = run(tmp_path, settings, {"train": names}, folder=shared / "data/videos/awkward")
    assert store.frame_index[0].max() == 8 and "assumed" in str(store.attributes["sampling"])


def test_seconds_become_frames_of_the_video_that_is_there(shared, tmp_path):
    """Frames that are counted at one a second (captions) stay seconds; their numbers become those of the video's."""
    names = ["decord_video_90", "nine_frames"]
    path = make.write_ours(tmp_path / "theirs.h5", make.made_up(names))
    seconds = np.tile(np.arange(make.CLIPS)[:, None], (2, 1, 2)).astype(np.int32)
    spoil(path, "fps", lambda values: np.ones(2))
    spoil(path, "frame_index", lambda values: seconds)
    spoil(path, "appearance_index", lambda values: seconds[:, :, :1])
    spoil(path, "frame_time", lambda values: seconds.astype(float))
    settings = ImportedFeatures(layout="eigv", path=path)
    store = run(tmp_path, settings, {"train": names}, folder=shared / "data/videos/awkward")
    with h5py.File(tmp_path / "video.h5") as file:
        seen = file["appearance_index"][:]
    for row, name in enumerate(store.ids):
        np.testing.assert_array_equal(store.frame_time[row], seconds[0])
        expected = np.minimum(np.floor(seconds[0] * store.fps[row] + 1e-6), {"nine_frames": 8}.get(name, 1e9))
        assert store.fps[row] > 20
        np.testing.assert_array_equal(store.frame_index[row], np.minimum(expected, store.frame_index[row].max()))
        np.testing.assert_array_equal(seen[row], store.frame_index[row][:, :1])
