"""The state of a training: whole in its file, and never the reason that a retry fails."""

import logging
import os
import signal

import pytest
import torch

from base.jobs import resume
from base.jobs.resume import State


def state(folder, key="k"):
    """The state of a training that has one weight."""
    weight = torch.nn.Linear(1, 1)
    return State(folder / "last.pt", key, {"model": weight}), weight


def trained(folder):
    saved, weight = state(folder)
    with torch.no_grad():
        weight.weight.fill_(7)
    for _ in range(3):
        saved.step_done({"loss": 0.1})
    saved.save()
    return saved


def test_it_goes_on_from_the_step_at_which_it_was_saved(tmp_path):
    trained(tmp_path)
    expected = torch.rand(3)
    torch.manual_seed(99)
    found, weight = state(tmp_path)
    assert (found.position.epoch, found.position.step, found.position.measured) == (1, 3, {"loss": [0.1] * 3})
    assert weight.weight.item() == 7 and torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("left", [0, 1, 4, 1000, -1], ids=["empty", "a byte", "signature", "beginning", "all but one"])
def test_a_damaged_file_is_a_warning_and_training_begins_anew(tmp_path, caplog, left):
    trained(tmp_path)
    file = tmp_path / "last.pt"
    file.write_bytes(file.read_bytes()[:left])
    with caplog.at_level(logging.WARNING):
        found, weight = state(tmp_path)
    assert f"{file} is damaged, training begins anew" in caplog.text
    assert found.position.step == 0 and weight.weight.item() != 7
    trained(tmp_path)
    assert state(tmp_path)[0].position.step == 3


def test_the_state_of_other_settings_is_not_used(tmp_path):
    trained(tmp_path)
    assert state(tmp_path, "other")[0].position.step == 0


def test_what_a_killed_process_left_half_written_is_removed(tmp_path):
    """Also one on another machine, where a retry seldom runs on the same."""
    (tmp_path / ".last.node17-123.partial.pt").write_bytes(b"half")
    trained(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]


def test_it_is_saved_every_few_minutes(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(resume.time, "monotonic", lambda: clock[0])
    working, _ = state(tmp_path)
    saved_at = []
    for step in range(1, 31):
        clock[0] += 60
        working.step_done({})
        if state(tmp_path)[0].position.step == step:
            saved_at.append(step)
    assert saved_at == [6, 12, 18, 24, 30]  # minutes: the first step after five


def test_sigterm_saves_and_ends_once_the_step_is_done(tmp_path, caplog):
    working, _ = state(tmp_path)
    with caplog.at_level(logging.WARNING), pytest.raises(SystemExit) as ended, working.saved_on_sigterm():
        working.step_done({})
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)  # some schedulers send it to the job and to each of its processes
        assert not (tmp_path / "last.pt").exists()
        working.step_done({})
        raise AssertionError("not reached")
    assert ended.value.code == 143
    assert "ended by SIGTERM in epoch 1 after step 2; the same command goes on from there" in caplog.text
    assert state(tmp_path)[0].position.step == 2
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
