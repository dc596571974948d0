"""The device that a command works on, where CUDA starts and where it does not; GPUs are pretended."""

import logging
from pathlib import Path

import pytest
import torch

from base.errors import UserError
from base.jobs import device as devices
from base.jobs import gpu
from base.jobs.device import calculates_bf16, device_name, working_device


def machine(monkeypatch, tmp_path: Path, installed: int, starts: bool = False, visible: str | None = None) -> None:
    """A machine with so many GPUs, with which CUDA starts or not."""
    for number in range(installed):
        (tmp_path / "driver" / str(number)).mkdir(parents=True)
    monkeypatch.setattr(gpu, "DRIVER", tmp_path / "driver")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: starts)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: installed)
    monkeypatch.setattr(torch.version, "cuda", "12.4")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize(("installed", "visible"), [(2, None), (1, "0"), (0, "0")])
def test_a_gpu_that_can_not_be_used_is_said(monkeypatch, tmp_path, caplog, installed, visible):
    machine(monkeypatch, tmp_path, installed, visible=visible)
    with working_device("auto", 1) as claimed:
        assert claimed == "cpu"
    assert "this machine has a GPU, but PyTorch" in caplog.text and "cannot start CUDA (" in caplog.text


@pytest.mark.parametrize(("installed", "visible"), [(0, None), (2, ""), (2, "-1")])
def test_nothing_is_said_without_a_gpu_or_where_it_is_hidden_on_purpose(
    monkeypatch, tmp_path, caplog, installed, visible
):
    machine(monkeypatch, tmp_path, installed, visible=visible)
    with caplog.at_level(logging.INFO), working_device("auto", 1) as claimed:
        assert claimed == "cpu"
    assert not caplog.text


@pytest.mark.parametrize("name", ["cuda", "cuda:1"])
def test_a_gpu_that_is_asked_for_is_never_replaced(monkeypatch, tmp_path, name):
    machine(monkeypatch, tmp_path, installed=2, visible="0,1")
    with pytest.raises(UserError, match=f"device {name}: PyTorch .* cannot start CUDA"), working_device(name, 1):
        pass
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(UserError, match="built without CUDA"), working_device(name, 1):
        pass


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "CUDA", "mps"])
def test_other_names_are_no_devices(name):
    with pytest.raises(UserError, match="is no device"), working_device(name, 1):
        pass


def test_a_gpu_is_claimed_and_tried_out(monkeypatch, tmp_path):
    machine(monkeypatch, tmp_path, installed=2, starts=True)
    tried = []
    monkeypatch.setattr(devices, "_try_out", tried.append)
    with working_device("auto", 1) as first, working_device("cuda", 1) as second:
        assert sorted((first, second)) == ["cuda:0", "cuda:1"] == sorted(tried)


def test_a_gpu_that_does_not_calculate_is_one_sentence(monkeypatch, tmp_path):
    machine(monkeypatch, tmp_path, installed=1, starts=True)

    def fail(device):
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device\nmore")

    monkeypatch.setattr(torch.cuda, "set_device", fail)
    problem = r"cuda:0 does not calculate: .* on the device; `device: cpu`"
    with pytest.raises(UserError, match=problem), working_device("auto", 1):
        pass


@pytest.mark.parametrize(("installed", "visible", "count"), [(4, None, 4), (4, "2", 1), (1, "MIG-a,MIG-b", 2),
                                                             (4, "0,-1,2", 1), (4, "", 0), (0, "0,1", 0)])  # fmt: skip
def test_gpus_are_counted_as_cuda_does(monkeypatch, tmp_path, installed, visible, count):
    machine(monkeypatch, tmp_path, installed, visible=visible)
    assert gpu.installed_gpus() == count


def test_determinism_is_switched_on_before_cuda_starts(monkeypatch):
    monkeypatch.setenv(devices.WORKSPACE, "")
    monkeypatch.delenv(devices.WORKSPACE)
    with working_device("cpu", 1, deterministic=True):
        assert torch.are_deterministic_algorithms_enabled()
        assert devices.os.environ[devices.WORKSPACE] == ":4096:8"


def test_emulated_bf16_does_not_count(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    assert not calculates_bf16()
    assert device_name("cpu") == "cpu"
