"""What make bench-extract measures runs as the workflow does now, on two rendered videos and the smallest networks."""

import pytest

from base.formats.video_features import VideoFeatures
from benchmarks.extraction.memory import decode_long, long_video, merge_many, probe_long
from benchmarks.extraction.peer import peer
from benchmarks.extraction.pipeline import Setting, pipeline
from extract.config import FeaturesSettings, VideoCollection
from extract.demo.dataset import generate
from extract.demo.settings import DemoSettings
from extract.videos.probe import probe

SMALL = {"appearance": {"network": "efficientnet-lite0", "size": 64}, "motion": {"network": "resnext3d-tiny"}}


@pytest.mark.slow
def test_every_video_goes_through_the_pipeline_and_the_plain_script(tmp_path):
    generate(tmp_path / "rendered", DemoSettings(train=2, val=1, test=1, test_shifted=1))
    collection = VideoCollection(folder=tmp_path / "rendered/videos")
    ids = sorted(path.stem for path in collection.folder.iterdir())[:3]
    features = FeaturesSettings.model_validate(SMALL)
    manifest = probe(ids, collection, features.sampling, 1, tmp_path / "notes")
    setting = Setting(manifest, collection, features, "cpu", 2, tmp_path)
    cost = pipeline(setting)
    assert cost.cpu > 0 and cost.wall > 0
    made = VideoFeatures.read(tmp_path / "video.h5")
    assert made.ids == ids and set(made.status) == {"ok"}
    assert all(made.features[kind].std() > 0 for kind in ("appearance", "motion"))
    assert peer(setting).cpu > 0


def test_what_memory_is_measured_of_runs(tmp_path):
    features = FeaturesSettings.model_validate(SMALL)
    video = long_video(tmp_path / "long.mp4", 30)
    decode_long(video, features)
    probe_long(video, features)
    merge_many(tmp_path / "many", 3)
    assert VideoFeatures.read(tmp_path / "many/video.h5").features["motion"][:, 0, 0].tolist() == [0, 1, 2]
