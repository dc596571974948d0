"""A few rendered videos with what the workflow's rules make of them, and runs that are trained on it."""

from pathlib import Path

import pandas as pd

from base.formats.questions import write_annotations, write_summary
from base.formats.vocabulary import write_vocabulary
from eigv.config.run import RunSettings
from eigv.runs.evaluation import evaluate
from eigv.runs.training import train
from extract.annotations import read
from extract.config import Dataset, FeaturesSettings, TextSettings, VideoCollection
from extract.demo.dataset import generate
from extract.demo.settings import DemoSettings
from extract.features.merge import merge
from extract.features.shards import extract_shard
from extract.text.finetune import finetune
from extract.text.tokens import write_tokens
from extract.videos.decode import decode_shard
from extract.videos.probe import probe

FORMS = ("open-ended", "multiple-choice")
SPLITS = ("train", "val", "test")
FEATURES = FeaturesSettings.model_validate(
    {
        "sampling": {"clips": 4, "frames": 8},
        "appearance": {"network": "efficientnet-lite0-extrema", "size": 64},
        "motion": {"network": "resnext3d-tiny"},
    }
)
TEXT = TextSettings.model_validate({"encoder": "package:minilm", "finetuning": {"epochs": 0}})


def videos(folder: Path) -> Path:
    """Renders videos into `folder`, and makes `video.h5` of them."""
    generate(folder / "data", DemoSettings(train=4, val=2, test=3, test_shifted=1, questions=3, processes=1))
    collection = VideoCollection(folder=folder / "data/videos")
    ids = sorted(path.stem for path in (folder / "data/videos").iterdir())
    manifest = probe(ids, collection, FEATURES.sampling, 1, folder / "notes")
    decode_shard(manifest, collection, FEATURES, folder / "frames.h5", 1)
    for kind in ("appearance", "motion"):
        extract_shard(kind, folder / "frames.h5", FEATURES, folder / f"{kind}.h5", "cpu")
    kinds = {kind: folder / f"{kind}.h5" for kind in ("appearance", "motion")}
    merge([(folder / "frames.h5", kinds)], FEATURES, manifest, folder / "video.h5")
    return folder / "video.h5"


def run(folder: Path, form: str, method: str = "eigv") -> Path:
    """Trains a run on questions of a `form`, open-ended or multiple-choice, and answers the test split."""
    data = folder / form
    layout = {"open-ended": "msvd-qa", "multiple-choice": "nextqa"}[form]
    dataset = Dataset(format=layout, annotations=folder / "data" / form, videos="demo")
    tables = {split: read(dataset, split) for split in SPLITS}
    for split, table in tables.items():
        write_annotations(data / f"annotations/{split}.csv", table)
    classes = sorted(set(tables["train"]["answer"])) if form == "open-ended" else []
    write_vocabulary(data / "annotations", classes)
    write_summary(data / "annotations", {split: {"questions_left_out": 0} for split in SPLITS})
    encoder = data / "text/encoder"
    finetune(data / "annotations", TEXT, encoder, data / "state", "cpu")
    files = {split: data / f"text/text_{split}.h5" for split in SPLITS}
    write_tokens(data / "annotations", files, encoder, TEXT, data / "state-tokens", "cpu")
    places = {"video": folder / "video.h5", "questions": data / "annotations", "text": data / "text"}
    out = folder / "runs" / form / method
    settings = {"backbone": "hga", "method": method, "features": "app+mot", "seed": 0}
    settings |= {"backbones": {"hga": {"hidden": 16, "words": 16, "fusion": {"width": 32, "chunks": 4, "rank": 2}}}}
    settings |= {"training": {"epochs": 1, "batch": 8}}
    train(RunSettings.model_validate(settings), **places, out=out, state=out / "state", device="cpu")
    evaluate(out / "model.json", "test", **places, answer_from="video", out=out, device="cpu", faithful=0)
    return out


def asked_of_test(folder: Path, form: str) -> tuple[list[Path], pd.DataFrame]:
    """The questions of the test split, and the file of the video of each."""
    table = pd.read_csv(folder / form / "annotations/test.csv", dtype=str, keep_default_na=False)
    return [folder / f"data/videos/{video_id}.mp4" for video_id in table["video_id"]], table
