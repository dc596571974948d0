"""Whether a text encoder can be had is seen before anything is loaded."""

import socket

import pytest

from extract.text import hub
from extract.text.hub import why_not_there

NAME = "nobody/has-this-encoder"


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """An empty cache, and a hub that may not be asked."""
    from huggingface_hub import constants

    hub._answers.cache_clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))


def test_what_is_neither_in_the_cache_nor_to_be_had_is_missed(offline, tmp_path):
    said = why_not_there(NAME)
    assert f"not in the local cache ({tmp_path}/cache), and HF_HUB_OFFLINE is set" in said
    assert f"hf download {NAME}" in said


@pytest.mark.parametrize("listens", [True, False])
def test_a_hub_that_answers_has_it(offline, monkeypatch, listens):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub, "getproxies", dict)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if listens:
            server.listen()
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        said = why_not_there(NAME)
    assert said is None if listens else "does not answer" in said


def test_what_is_in_the_cache_is_there(offline, tmp_path):
    commit = "0" * 40
    model = tmp_path / "cache" / "models--nobody--has-this-encoder"
    for path, content in ((f"snapshots/{commit}/config.json", "{}"), ("refs/main", commit)):
        (model / path).parent.mkdir(parents=True)
        (model / path).write_text(content)
    assert why_not_there(NAME) is None


def test_folders_are_looked_into_and_packages_are_not(offline, tmp_path):
    assert why_not_there("package:minilm") is None
    assert "known packages" in why_not_there("package:other")
    assert "there is no config.json in it" in why_not_there(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    assert why_not_there(str(tmp_path)) is None
