"""Lines about a training for whoever watches many of them."""

import os
import subprocess
import sys
from pathlib import Path

from base.jobs import announcements as module
from base.jobs.announcements import Announcements
from base.jobs.resume import Position


def test_the_lines_of_a_training_that_goes_on(tmp_path, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    announced = Announcements("nextqa/hga/eigv/app+mot/seed0", tmp_path / "lines")
    announced.begin(4, Position(epoch=2, step=5))
    clock[0] += 1800  # for what was left of an epoch, which says little about the next
    history = [{"epoch": 1, "val_accuracy": 44.0}, {"epoch": 2, "val_accuracy": 43.21}]
    announced.epoch(history)
    clock[0] += 7200
    announced.epoch([*history, {"epoch": 3, "val_accuracy": 45.0}])
    announced.epoch([*history, {"epoch": 3, "val_accuracy": 45.0}, {"epoch": 4, "val_accuracy": 30.0}])
    announced.end({"epoch": 3.0, "val_accuracy": 45.0})
    assert (tmp_path / "lines").read_text().splitlines() == [
        "nextqa/hga/eigv/app+mot/seed0: goes on in epoch 2 of 4",
        "nextqa/hga/eigv/app+mot/seed0: epoch 2 of 4, validation 43.2 %, best 44.0 %",
        "nextqa/hga/eigv/app+mot/seed0: epoch 3 of 4, validation 45.0 %, best 45.0 %, 2 h 00 min left",
        "nextqa/hga/eigv/app+mot/seed0: epoch 4 of 4, validation 30.0 %, best 45.0 %",
        "nextqa/hga/eigv/app+mot/seed0: done, kept epoch 3, validation 45.0 %",
    ]


def test_a_log_that_another_process_writes_is_not_written_over(tmp_path):
    """A descriptor is shared with who opened it, place in the file and all."""
    code = (
        "from pathlib import Path\nfrom base.jobs.announcements import Announcements\n"
        "from base.jobs.resume import Position\nAnnouncements('run', Path('/dev/fd/3')).begin(80, Position())"
    )
    log = tmp_path / "snakemake.log"
    with log.open("w") as file:
        for _ in range(2):
            os.write(file.fileno(), b"a job starts\n")
            subprocess.run(["sh", "-c", 'exec "$0" -c "$1" 3>&2', sys.executable, code], stderr=file, check=True)
        os.write(file.fileno(), b"finished\n")
    assert log.read_text() == "a job starts\nrun: begins, 80 epochs\n" * 2 + "finished\n"


def test_nobody_has_to_be_there(tmp_path, caplog):
    Announcements("run", None).end(None)
    Announcements("run", tmp_path / "no/such/folder").end(None)
    Announcements("run", Path("/dev/fd/999")).end(None)
    assert "no/such/folder cannot be written: No such file or directory" in caplog.text
    assert "/dev/fd/999 cannot be written: Bad file descriptor" in caplog.text
