"""Parts of a step that are compiled: the same losses and gradients; and what is said and done where they cannot be."""

import logging
import os
import shutil
import subprocess
import sys

import pytest
import torch

from eigv.config.methods import METHODS
from eigv.method.draws import Draws
from eigv.runs.device import compiling
from eigv.runs.device.compiling import compile_parts
from eigv.runs.training import train
from tests.eigv import synthetic
from tests.eigv.method.small_models import BANK, SETTINGS, every_backbone, every_form, small_batch, small_model
from tests.eigv.runs.test_training import settings
from tests.places import ROOT

WITHOUT = """
import logging, torch
from eigv.runs.device.compiling import compile_parts
logging.basicConfig(level=logging.WARNING, format="%(message)s")
assert compile_parts(torch.nn.Linear(2, 2), "cpu") == []
"""


class Doubling(torch.nn.Module):
    compiles = "forward"

    def forward(self, x):
        return 2 * x


def step(form: str, backbone: str, compiled: bool) -> torch.Tensor:
    """The loss of a first step and all gradients."""
    model = small_model(form, 0.2, backbone)
    if compiled:
        assert "grounding.forward" in compile_parts(model, "cpu")
    torch.manual_seed(1)
    losses = model.training_step(small_batch(form), METHODS["eigv"], Draws(0), BANK, SETTINGS)
    losses.total.backward()
    gradients = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
    return torch.cat([losses.total.detach()[None], *gradients])


@pytest.mark.slow
@every_backbone
@every_form
def test_a_compiled_first_step_is_that_without_the_compiler(caplog, backbone, form):
    if not shutil.which(os.environ.get("CXX", "g++")):
        pytest.skip("no C++ compiler")
    torch.testing.assert_close(step(form, backbone, True), step(form, backbone, False), atol=1e-4, rtol=1e-4)
    assert "training.compile" not in caplog.text


@pytest.mark.slow
def test_without_a_compiler_a_warning_says_what_is_missing(tmp_path):
    environment = os.environ | {"CXX": str(tmp_path / "g++"), "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", WITHOUT]
    said = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stderr
    assert "training.compile: nothing is compiled: " in said and "No working C++ compiler" in said
    assert "The training goes on as without it; a processor needs a C++ compiler (`CXX` names it" in said


def failing(monkeypatch, at: str) -> None:
    """A compiler that fails in the trial, or at a part's first step."""
    from torch._dynamo.exc import TorchDynamoException

    def compiled(function, **how):
        def call(*given):
            raise TorchDynamoException("\nit is broken\nand here is advice")

        return function if at == "part" and not how else call

    monkeypatch.setattr(torch, "compile", compiled)


def test_what_cannot_be_tried_leaves_the_training_as_it_is(monkeypatch, tmp_path, caplog):
    failing(monkeypatch, "trial")
    data = synthetic.write(tmp_path, multiple_choice=True)
    for name in ("plain", "compiled"):
        how = settings("erm", epochs=1, compile=name == "compiled")
        train(how, **data, out=tmp_path / name, state=tmp_path / "state", device="cpu")
    said = [record.getMessage() for record in caplog.records if "training.compile" in record.getMessage()]
    assert len(said) == 1 and "nothing is compiled: it is broken. The training goes on as without it" in said[0]
    first, second = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("plain", "compiled"))
    assert first == second


def test_a_part_that_fails_goes_on_uncompiled_and_says_so_once(monkeypatch, caplog):
    failing(monkeypatch, "part")
    model = torch.nn.Sequential(Doubling())
    assert compile_parts(model, "cpu") == ["0.forward"]
    assert model(torch.tensor(3.0)) == model(torch.tensor(3.0)) == 6
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert said == ["training.compile: 0.forward cannot be compiled here and goes on uncompiled: it is broken"]


def test_errors_of_the_step_itself_are_no_reason_to_go_on(monkeypatch):
    monkeypatch.setattr(compiling, "_why_not", lambda device: "")
    monkeypatch.setattr(torch, "compile", lambda function, **how: function)
    model = torch.nn.Sequential(Doubling())
    compile_parts(model, "cpu")
    with pytest.raises(TypeError):
        model(None)


def test_without_gradients_nothing_is_compiled(monkeypatch, caplog):
    failing(monkeypatch, "part")
    model = torch.nn.Sequential(Doubling())
    compile_parts(model, "cpu")
    with torch.no_grad():
        assert model(torch.tensor(3.0)) == 6
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
