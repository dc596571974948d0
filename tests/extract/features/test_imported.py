"""Features of other people: every layout is read, checked, written as ours, and written back."""

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from base.errors import UserError
from base.formats.manifest import read_manifest
from base.formats.video_features import VideoFeatures
from base.reading import sha256
from extract.annotations.questions import video_ids
from extract.config import LAYOUTS as LAYOUTS_BY_NAME
from extract.config import FeaturesSettings, ImportedFeatures, VideoCollection
from extract.features.exported import export_features
from extract.features.imported import import_features
from extract.layouts import Layout, layout_of, open_layout, recognise
from tests.examples import python_in
from tests.extract import feature_files as make
from tests.extract.features.test_shards import run_all
from tests.places import ROOT

NAMES = ["4010069381", "12", "345", "6"]
SPLITS = {"train": NAMES[:2], "val": NAMES[2:3], "test": NAMES[3:]}
FEATURES = FeaturesSettings(storage="float32")


def annotations(folder: Path, splits=SPLITS) -> Path:
    folder.mkdir(exist_ok=True)
    for split, names in splits.items():
        pd.DataFrame({"qid": names, "video_id": names}).to_csv(folder / f"{split}.csv", index=False)
    return folder


def convert(tmp_path, settings, splits=SPLITS, **collection) -> Path:
    where = VideoCollection(features=settings, **collection)
    questions = annotations(tmp_path / "questions", splits)
    import_features(video_ids([questions]), where, FEATURES, tmp_path / "video.h5", tmp_path / "manifest.csv", 1)
    return tmp_path / "video.h5"


def run(tmp_path, settings, splits=SPLITS, **collection) -> VideoFeatures:
    return VideoFeatures.read(convert(tmp_path, settings, splits, **collection))


def write(layout: str, folder: Path, features: dict, type_: str = "int") -> ImportedFeatures:
    if layout == "nextqa":
        return make.write_nextqa(folder, features, SPLITS, type_)
    if layout == "hcrn":
        return make.write_hcrn(folder, features, NAMES, type_)
    if layout == "npy":
        return make.write_npy(folder, features, NAMES)
    return ImportedFeatures(layout="eigv", path=make.write_ours(folder / "theirs.h5", features))


LAYOUTS = [
    *(("nextqa", type_) for type_ in ("int", "bytes", "str")),
    *(("hcrn", type_) for type_ in ("int", "bytes", "str")),
    ("npy", "name"),
    ("eigv", "str"),
]


@pytest.mark.parametrize(("layout", "type_"), LAYOUTS)
def test_every_layout_comes_out_by_id_and_goes_back(tmp_path, layout, type_):
    features = make.made_up(NAMES)
    store = run(tmp_path, write(layout, tmp_path / "official", features, type_))
    assert set(store.ids) == set(NAMES) and set(store.status) == {"ok"}
    for kind in features:
        for row, name in enumerate(store.ids):
            np.testing.assert_array_equal(store.features[kind][row], features[kind][name])
    known = layout == "eigv"
    assert np.isfinite(store.fps).all() == known and (store.frame_index >= 0).all() == known
    assert set(read_manifest(tmp_path / "manifest.csv")["status"]) == {"ok"}
    with open_layout(recognise(tmp_path / "video.h5")) as source:
        export_features(layout, source, tmp_path / "back", tmp_path / "questions")
    written = recognise(tmp_path / "back" / "video.h5" if layout == "eigv" else tmp_path / "back")
    with open_layout(written.model_copy(update={"widths": make.WIDTHS})) as back:
        assert set(back.ids) == set(NAMES)
        for kind in features:
            for name in NAMES:
                np.testing.assert_array_equal(back.read[kind](name), features[kind][name])


@pytest.mark.parametrize(("rule", "offset"), [("middle", 0), ("first", -1), ("mean", 1), ("max", 4)])
def test_frame_vectors_become_one_by_the_named_rule(tmp_path, rule, offset):
    features = make.made_up(NAMES)
    settings = make.write_hcrn(tmp_path / "official", features, NAMES).model_copy(update={"reduce": rule})
    store = run(tmp_path, settings)
    expected = np.stack([features["appearance"][name] for name in store.ids]) + offset
    np.testing.assert_allclose(store.features["appearance"], expected, rtol=1e-5)
    assert store.attributes["imported"]["reduce"] == rule


@pytest.mark.parametrize("layout", ["nextqa", "npy", "eigv"])
def test_a_clip_stands_for_its_frames_where_files_have_none(tmp_path, layout):
    features = make.made_up(NAMES)
    settings = write(layout, tmp_path / "official", features, "str").model_copy(update={"frames": 4})
    run(tmp_path, settings)
    store = VideoFeatures.read(tmp_path / "video.h5", ("frames", "motion"))
    for row, name in enumerate(store.ids):
        expected = np.repeat(features["appearance"][name][:, None], 4, axis=1)
        np.testing.assert_array_equal(store.features["frames"][row], expected)


def test_frames_that_files_have_are_not_made_up(tmp_path):
    settings = make.write_hcrn(tmp_path / "official", make.made_up(NAMES), NAMES).model_copy(update={"frames": 4})
    with pytest.raises(UserError, match=r"`frames: 4` is for files of one .* it has the vectors of frames"):
        run(tmp_path, settings)


def test_ids_are_translated_by_a_pattern_and_a_mapping(tmp_path):
    features = make.made_up(["1", "2"])
    (tmp_path / "youtube_mapping.txt").write_text("clipA vid1\nclipB vid2\n")
    settings = make.write_hcrn(tmp_path / "official", features, ["1", "2"])
    settings = settings.model_copy(update={"ids": "vid{}", "mapping": tmp_path / "youtube_mapping.txt"})
    store = run(tmp_path, settings, {"train": ["clipB"], "test": ["clipA"]})
    row = store.ids.index("clipA")
    np.testing.assert_array_equal(store.features["motion"][row], features["motion"]["1"])
    with pytest.raises(UserError, match=r"no entry for the id '1'"):
        run(tmp_path, settings.model_copy(update={"ids": "{}"}), {"train": ["clipB"]})


def test_a_mapping_of_ids_that_is_a_list_is_refused(tmp_path):
    settings = make.write_hcrn(tmp_path / "official", make.made_up(NAMES), NAMES)
    (tmp_path / "map.json").write_text('["clipA"]')
    with pytest.raises(UserError, match=r"map\.json does not hold an object but a list; expected"):
        convert(tmp_path, settings.model_copy(update={"mapping": tmp_path / "map.json"}))


def spoil(path: Path, name: str, change) -> None:
    with h5py.File(path, "r+") as file:
        values = change(file[name][:])
        del file[name]
        file[name] = values


@pytest.mark.parametrize(
    ("spoiled", "message"),
    [
        (lambda folder: (folder / "app_mot_val.h5").unlink(), r"(?s)not there:.*app_mot_val.h5.*github.com/doc-doc"),
        (lambda folder: (folder / "app_mot_val.h5").write_text("no"), "not a whole HDF5 file"),
        (lambda folder: spoil(folder / "app_mot_train.h5", "feat", lambda v: v[..., :-1]), "39 wide, expected 40"),
        (lambda folder: spoil(folder / "app_mot_train.h5", "feat", lambda v: v[:, 0]), r"shape \(2, 40\), expected"),
        (lambda folder: spoil(folder / "app_mot_val.h5", "feat", lambda v: v[:, :2]), "2 clips a video, the split"),
        (lambda folder: spoil(folder / "app_mot_train.h5", "ids", lambda v: v[:1]), "1 ids for 2 videos"),
        (lambda folder: spoil(folder / "app_mot_train.h5", "ids", lambda v: v[[0, 0]]), "more than once: 4010069381"),
        (lambda folder: spoil(folder / "app_mot_val.h5", "ids", lambda v: np.array([12])), "all splits together.*12"),
        (lambda folder: spoil(folder / "app_mot_val.h5", "ids", lambda v: v + 0.5), "neither text nor a whole number"),
        (lambda folder: spoil(folder / "app_mot_val.h5", "ids", lambda v: v + 1), "for 1 of 4 videos.*345"),
        (lambda folder: spoil(folder / "app_mot_val.h5", "feat", lambda v: v * np.nan), "345 is not finite"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, spoiled, message):
    settings = make.write_nextqa(tmp_path / "official", make.made_up(NAMES), SPLITS)
    spoiled(tmp_path / "official")
    with pytest.raises(UserError, match=message):
        run(tmp_path, settings)
    assert not (tmp_path / "video.h5").exists()


def test_videos_with_one_kind_of_features_are_named(tmp_path):
    settings = make.write_npy(tmp_path / "official", make.made_up(NAMES), NAMES)
    (tmp_path / "official/motion/345.npy").unlink()
    with pytest.raises(UserError, match="only one of the two folders: 345"):
        run(tmp_path, settings)


def test_arrays_are_never_unpickled(tmp_path):
    settings = make.write_npy(tmp_path / "official", make.made_up(NAMES), NAMES)
    np.save(tmp_path / "official/motion/345.npy", np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match=r"345.npy is not an array that can be read"):
        run(tmp_path, settings)


def test_features_of_other_videos_show_both_kinds_of_ids(tmp_path):
    settings = make.write_nextqa(tmp_path / "official", make.made_up(NAMES), SPLITS)
    with pytest.raises(UserError, match=r"look like 4010069381.*those of the annotations like video7"):
        run(tmp_path, settings, {"train": ["video7"]}, missing="skip")


@pytest.mark.parametrize(("policy", "rows"), [("skip", 4), ("zeros", 5)])
def test_missing_videos_follow_the_policy(tmp_path, policy, rows):
    settings = make.write_nextqa(tmp_path / "official", make.made_up(NAMES), SPLITS)
    store = run(tmp_path, settings, SPLITS | {"val": ["345", "absent"]}, missing=policy)
    assert len(store.ids) == rows
    manifest = read_manifest(tmp_path / "manifest.csv").set_index("video_id")
    assert manifest.loc["absent", "status"] == "missing"
    if policy == "zeros":
        row = store.ids.index("absent")
        assert store.status[row] == "zeros" and not store.features["motion"][row].any()


@pytest.mark.parametrize("status", ["zeros", "failed"])
def test_a_video_without_features_in_a_file_of_ours_follows_the_policy_again(tmp_path, status):
    path = make.write_ours(tmp_path / "theirs.h5", make.made_up(NAMES))
    with h5py.File(path, "r+") as file:
        file["status"][1] = status
    settings = ImportedFeatures(layout="eigv", path=path)
    with pytest.raises(UserError, match=r"has no features for 1 of 4 videos.*: 12"):
        convert(tmp_path, settings)
    assert "12" not in run(tmp_path, settings, missing="skip").ids
    store = run(tmp_path, settings, missing="zeros")
    assert store.status[store.ids.index("12")] == "zeros" and store.status.count("ok") == 3
    assert read_manifest(tmp_path / "manifest.csv").set_index("video_id").loc["12", "status"] == "missing"


def test_with_the_videos_clips_have_their_times(shared, tmp_path):
    names = ["nine_frames", "one_frame", "text_named"]
    settings = make.write_npy(tmp_path / "official", make.made_up(names), names)
    store = run(tmp_path, settings, {"train": names}, folder=shared / "data/videos/awkward")
    rows = [store.ids.index(name) for name in names]
    assert [store.frame_index[row].max() for row in rows] == [8, 0, -1]
    assert round(store.fps[rows[0]], 2) == 23.98
    assert store.frame_time[rows[0]].max() == pytest.approx(8 / 23.976, rel=1e-4) and store.clip_end[rows[0]].min() > 0
    assert np.isnan(store.frame_time[rows[2]]).all()
    manifest = read_manifest(tmp_path / "manifest.csv").set_index("video_id")
    assert manifest.loc["text_named", "reason"].startswith("video: Invalid data")


def test_ids_with_accents_or_a_suffix_are_the_same_on_both_sides(tmp_path):
    theirs = ["cafe\u0301", "clip"]
    settings = make.write_npy(tmp_path / "official", make.made_up(theirs), theirs)
    store = run(tmp_path, settings, {"train": ["caf\u00e9", "clip.mp4"]})
    assert store.ids == ["caf\u00e9", "clip.mp4"] and store.status == ["ok", "ok"]


def contract(path: Path) -> tuple[dict[str, str], set[str]]:
    """The datasets of a feature file with their types, and its attributes."""
    with h5py.File(path) as file:
        return {name: str(data.dtype) for name, data in file.items()}, set(file.attrs)


def test_an_imported_and_an_extracted_file_hold_the_same(shared, tmp_path):
    run_all(shared, tmp_path)
    extracted, said = contract(tmp_path / "video.h5")
    (tmp_path / "import").mkdir()
    settings = make.write_nextqa(tmp_path / "official", make.made_up(NAMES), SPLITS)
    half = FEATURES.model_copy(update={"storage": "float16"})
    wanted, video = video_ids([annotations(tmp_path / "questions")]), tmp_path / "import/video.h5"
    import_features(wanted, VideoCollection(features=settings), half, video, tmp_path / "import/m.csv", 1)
    imported, also_said = contract(video)
    assert imported == extracted
    assert also_said == said | {"imported", "imported_files"}


@pytest.mark.parametrize(("rule", "seen"), [("middle", 1), ("first", 1), ("mean", 16), ("max", 16)])
def test_what_the_appearance_network_saw_follows_the_rule_that_made_one_vector(shared, tmp_path, rule, seen):
    names = ["decord_video_90", "text_named"]
    settings = make.write_hcrn(tmp_path / "official", make.made_up(names), names, "str")
    settings = settings.model_copy(update={"reduce": rule})
    path = convert(tmp_path, settings, {"train": names}, folder=shared / "data/videos/awkward")
    with h5py.File(path) as file:
        frames, index = file["frame_index"][:], file["appearance_index"][:]
        prints = file["fingerprint"].asstr()[:].tolist()
    assert index.shape == (2, make.CLIPS, seen) and (index[1] == -1).all()
    expected = {"middle": frames[0, :, 8:9], "first": frames[0, :, :1]}.get(rule, frames[0])
    np.testing.assert_array_equal(index[0], expected)
    assert len(prints[0]) == 64 and prints[1] == read_manifest(tmp_path / "manifest.csv")["sha256"][1]


def test_both_kinds_are_of_the_same_clips(tmp_path):
    features = make.made_up(NAMES)
    features["motion"] = {name: values[:3] for name, values in features["motion"].items()}
    with pytest.raises(UserError, match="appearance features of 4 clips and motion features of 3"):
        run(tmp_path, make.write_npy(tmp_path / "official", features, NAMES))


def test_memory_does_not_grow_with_the_number_of_videos(tmp_path):
    peaks = []
    for count in (50, 800):
        names = [str(n) for n in range(count)]
        folder = tmp_path / str(count)
        folder.mkdir()
        wide = {kind: {n: np.ones((16, 512), np.float32) for n in names} for kind in ("appearance", "motion")}
        settings = make.write_nextqa(folder / "official", wide, {"train": names})
        tracemalloc.start()
        convert(folder, settings.model_copy(update={"widths": (512, 512)}), {"train": names})
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # 750 more videos are 49 MB of features; a few hundred bytes of each (its id, its row of the manifest) stay.
    assert peaks[1] - peaks[0] < 5e6


def test_the_command_says_what_is_wrong_without_a_traceback(tmp_path):
    settings = '{"collection": {"features": {"layout": "nextqa", "path": "/nowhere"}}, "features": {}}'
    questions = str(annotations(tmp_path / "questions"))
    command = ["import", "--settings", settings, "--questions", questions, "--out", "x.h5", "--manifest", "m.csv"]
    done = subprocess.run(
        [sys.executable, "-m", "extract.cli", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "/nowhere/app_mot_train.h5" in done.stderr and "/nowhere/app_mot_test.h5" in done.stderr


def test_a_layout_of_ones_own_is_imported(tmp_path):
    """The very one that docs/formats.md shows, through the command."""
    code = python_in("formats.md", "**A layout of your own**", tmp_path / "my_layout.py")
    features = make.made_up(NAMES)
    (tmp_path / "theirs").mkdir()
    for name in NAMES:
        np.savez(tmp_path / f"theirs/{name}.npz", **{kind: features[kind][name] for kind in features})
    collection = {"features": {"layout": f"{code}:LAYOUT", "path": str(tmp_path / "theirs"), "widths": make.WIDTHS}}
    settings = json.dumps({"collection": collection, "features": {"storage": "float32"}})
    questions = str(annotations(tmp_path / "questions"))
    out = ["--out", str(tmp_path / "video.h5"), "--manifest", str(tmp_path / "manifest.csv")]
    command = [sys.executable, "-m", "extract.cli", "import", "--settings", settings, "--questions", questions, *out]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    store = VideoFeatures.read(tmp_path / "video.h5")
    np.testing.assert_array_equal(store.features["motion"][store.ids.index("345")], features["motion"]["345"])
    with h5py.File(tmp_path / "video.h5") as file:
        assert json.loads(file.attrs["imported_files"]) == {"my_layout.py": sha256(code)}


def test_a_layout_that_is_none_is_refused(tmp_path):
    with pytest.raises(ValueError, match="layout 'nxtqa'; there are captions, eigv, hcrn, nextqa, npy; did you mean"):
        ImportedFeatures(layout="nxtqa", path=tmp_path)
    ours = make.write_ours(tmp_path / "ours.h5", make.made_up(NAMES))
    with open_layout(recognise(ours)) as source, pytest.raises(UserError, match="there is no layout 'nxtqa'"):
        export_features("nxtqa", source, tmp_path, None)


@pytest.mark.parametrize("name", LAYOUTS_BY_NAME)
def test_every_layout_that_is_built_in_is_there(name):
    assert isinstance(layout_of(name), Layout)
