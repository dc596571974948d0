"""Encoders are loaded from folders and packages, and what is wrong with one is said."""

import os
import subprocess
import sys

import pytest
import torch

from base.errors import UserError
from extract.text.encoder import load_encoder
from tests.extract.small_fine_tuning import MINILM, tiny


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        ("{folder}/empty", "holds no text encoder: there is no config.json"),
        ("nobody/no-such-model", r"can not be loaded.*hf download nobody/no-such-model"),
        ("package:nothing", "known packages: package:minilm"),
    ],
)
def test_an_encoder_that_is_not_there(tmp_path, monkeypatch, encoder, message):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=rf"(?s){message}"):
        load_encoder(encoder.format(folder=tmp_path))


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model.safetensors", None),
        ("model.safetensors", b"half a down"),
        ("tokenizer.json", None),
        ("config.json", b"{"),
    ],
)
def test_a_folder_that_is_not_whole(tmp_path, file, content):
    tiny(tmp_path / "e")
    (tmp_path / "e" / file).unlink()
    if content:
        (tmp_path / "e" / file).write_bytes(content)
    with pytest.raises(UserError, match=r"e' (can not be loaded|knows no words)(?s:.*)save_pretrained") as caught:
        load_encoder(str(tmp_path / "e"))
    assert "hf download" not in str(caught.value)


def test_without_a_network_only_our_message_is_said():
    """The hub is a port that nobody listens at; the client's waits between its attempts are left out."""
    code = (
        "import sys, time; time.sleep = lambda seconds: None\n"
        "import typer; from base import command_line\n"
        "app = typer.Typer()\n"
        "@app.command()\n"
        "def load():\n"
        "    from extract.text.encoder import load_encoder; load_encoder('nobody/no-such-model')\n"
        "sys.argv = ['load']; command_line.run(app)"
    )
    env = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    env |= {"HF_ENDPOINT": "http://127.0.0.1:9"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    lines = done.stderr.splitlines()
    assert done.returncode == 2 and len(lines) == 3, done.stderr
    assert "asking the model hub" in lines[0] and "can not be loaded" in lines[1] and "hf download" in lines[2]


def test_roberta_takes_fewer_tokens_than_it_has_positions(tmp_path):
    from transformers import RobertaConfig, RobertaModel

    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    RobertaModel(RobertaConfig(max_position_embeddings=40, **sizes)).save_pretrained(tmp_path / "r")
    load_encoder(MINILM)[0].save_pretrained(tmp_path / "r")
    tokenizer, encoder = load_encoder(str(tmp_path / "r"))
    assert tokenizer.model_max_length == 38
    encoder(torch.full((1, 38), 5))
    with pytest.raises(RuntimeError):
        encoder(torch.full((1, 39), 5))
