"""Where data lie while a device is at work: the decision, what comes of it in batches, and that no number changes.

The device is `meta`, whose tensors have no values, or the processor under another name.
"""

import logging
import threading
from dataclasses import fields

import numpy as np
import pytest
import torch
from torch import Tensor

from base.errors import UserError
from eigv.method.batch import Batch
from eigv.method.memory_bank import MemoryBank
from eigv.runs.data import Split
from eigv.runs.device import placement
from eigv.runs.device.placement import SHARE, ahead, on_device, place
from eigv.runs.evaluation import evaluate
from eigv.runs.shared_data import SharedData
from eigv.runs.training import train
from tests.eigv import synthetic
from tests.eigv.method.test_no_waiting import Waiting
from tests.eigv.runs.test_training import settings

NEEDS = {"clip features": 30, "token features of train": 60, "token features of val": 10}
PLENTY = 10**12


def splits(folder, multiple_choice=True) -> dict[str, Split]:
    data = SharedData(*synthetic.write(folder, multiple_choice=multiple_choice).values())
    return {name: data.split(name, "app+mot", training=name == "train") for name in ("train", "val")}


def free(monkeypatch, count: int) -> None:
    monkeypatch.setattr(placement, "free_bytes", lambda device: count)


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (100, set(NEEDS)),
        (99, {"clip features", "token features of train"}),
        (89, {"clip features", "token features of val"}),
        (39, {"clip features"}),
        (29, {"token features of val"}),
        (9, set()),
    ],
)
def test_what_is_worth_most_is_placed_first_as_far_as_the_share_goes(room, expected):
    assert on_device(NEEDS, round(room / SHARE), "auto") == expected


def test_host_places_nothing_and_device_all_or_says_what_it_takes():
    assert on_device(NEEDS, PLENTY, "host") == set()
    assert on_device(NEEDS, 100, "device") == set(NEEDS)
    with pytest.raises(UserError, match=r"data_on: device: .* take 0.00 MB, and 0.00 MB are free .* `auto` leaves"):
        on_device(NEEDS, 99, "device")


@pytest.mark.parametrize("multiple_choice", [True, False])
def test_batches_from_a_device_are_those_from_memory_to_the_bit(tmp_path, multiple_choice):
    split = splits(tmp_path, multiple_choice)["train"]
    split = split.with_gold({qid: [(0.0, 1.0)] for qid in split.table["qid"]})
    there = split.with_tokens_on("cpu")
    numbers = np.array([5, 0, 29, 7])
    for share in (False, True):
        one, other = (s.batch(numbers, share_videos=share) for s in (split, there))
        for name in (field.name for field in fields(Batch)):
            a, b = getattr(one, name), getattr(other, name)
            assert torch.equal(a, b) and a.dtype == b.dtype if isinstance(a, Tensor) else a == b


def test_tokens_are_sent_to_a_device_part_by_part(monkeypatch, tmp_path):
    split = splits(tmp_path)["train"]
    monkeypatch.setattr("eigv.runs.data.CHUNK", 7)
    assert np.array_equal(split.with_tokens_on("cpu").tokens_on_device.numpy(), split.tokens.tokens)


def test_what_fits_lies_on_the_device_and_one_line_says_what(monkeypatch, tmp_path, caplog):
    before = splits(tmp_path)
    videos, train_tokens = before["train"].videos.features.nbytes, before["train"].tokens.tokens.nbytes
    free(monkeypatch, round((videos + train_tokens) / SHARE) + 1)
    with caplog.at_level(logging.INFO):
        after = place(before, "meta")
    assert after["train"].videos is after["val"].videos and after["train"].videos.features.is_meta
    assert after["train"].tokens_on_device.is_meta and after["val"].tokens_on_device is None
    batch = after["train"].batch(np.arange(4)).to("meta")
    assert batch.video.is_meta and batch.tokens.is_meta and batch.video.dtype == batch.tokens.dtype == torch.float32
    assert MemoryBank(after["train"].videos.features).features is after["train"].videos.features
    (line,) = (record.getMessage() for record in caplog.records)
    assert line.startswith("data on meta: clip features (") and "token features of train (" in line.split(";")[0]
    assert "; in memory, copied a batch ahead: token features of val (" in line and "of which data may take 40%" in line


def test_on_the_processor_nothing_is_placed_and_nothing_said(tmp_path, caplog):
    before = splits(tmp_path)
    with caplog.at_level(logging.INFO):
        assert place(before, "cpu") is before
        assert list(ahead(iter([threading.current_thread()]), "cpu")) == [threading.current_thread()]
    assert not caplog.records


def test_an_item_is_made_elsewhere_while_the_one_before_it_is_used():
    made, used = [], threading.Event()

    def items():
        for number in range(3):
            if number == 1:
                assert used.wait(10), "the second was asked for when the first was used up"
            made.append((number, threading.current_thread()))
            yield number

    found = ahead(items(), "meta")
    assert next(found) == 0
    used.set()
    assert list(found) == [1, 2]
    assert len({thread for _, thread in made} | {threading.current_thread()}) == 2


def test_what_goes_wrong_ahead_is_raised_where_the_items_are_used():
    def items():
        yield 1
        raise UserError("a gap")

    found = ahead(items(), "meta")
    assert next(found) == 1
    with pytest.raises(UserError, match="a gap"):
        next(found)


def test_a_run_that_ends_early_leaves_no_thread_behind():
    before = threading.active_count()
    found = ahead(iter(range(100)), "meta")
    next(found)
    found.close()
    assert threading.active_count() == before


def test_a_batch_from_a_device_is_made_without_waiting_for_it(monkeypatch, tmp_path):
    free(monkeypatch, PLENTY)
    split = place(splits(tmp_path), "meta")["train"]
    with Waiting() as waiting:
        batch = split.batch(np.arange(4)).to("meta")
    assert batch.tokens.is_meta and not waiting.found


@pytest.mark.parametrize("wanted", ["device", "host"])
def test_weights_are_the_same_wherever_data_lie(monkeypatch, tmp_path, caplog, wanted):
    """The processor stands in for a device: what it is asked is answered as for one."""
    data = synthetic.write(tmp_path, multiple_choice=True)
    how = settings("eigv", epochs=1)
    train(how, **data, out=tmp_path / "plain", state=tmp_path / "state", device="cpu")
    free(monkeypatch, PLENTY)
    monkeypatch.setattr(placement, "is_processor", lambda device: False)
    with caplog.at_level(logging.INFO):
        train(how, **data, out=tmp_path / wanted, state=tmp_path / "state", device="cpu", data_on=wanted)
    assert ("data on cpu: nothing; in memory" in caplog.text) is (wanted == "host")
    assert ("data on cpu: clip features" in caplog.text) is (wanted == "device")
    with caplog.at_level(logging.INFO):
        evaluate(
            *(tmp_path / wanted / "model.json", "test"),
            **data,
            answer_from="video",
            out=tmp_path / wanted,
            device="cpu",
        )
    assert "token features of test (" in caplog.text
    monkeypatch.undo()
    evaluate(tmp_path / "plain/model.json", "test", **data, answer_from="video", out=tmp_path / "plain", device="cpu")
    for name in ("predictions.csv", "metrics.json"):
        assert (tmp_path / wanted / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()
    first, second = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("plain", wanted))
    assert first == second


def test_runs_of_a_process_share_what_lies_on_the_device(monkeypatch, tmp_path):
    data = SharedData(*synthetic.write(tmp_path, multiple_choice=True).values())
    free(monkeypatch, PLENTY)
    for name in ("train", "val"):
        data.split(name, "app+mot", training=name == "train")
    first, again = (data.on("meta", "auto", "app+mot", "train", "val") for _ in range(2))
    assert first[0] is again[0] and first[0].tokens_on_device.is_meta
    other = data.on("meta", "auto", "app", "train", "val")
    assert other[0].videos.features.shape[2] == 8 and other[0].videos.features.is_meta
    assert not data.videos("app").features.is_meta
