"""What a step of training and an evaluation cost, ours and the official way: make bench-train.

The peer (benchmarks/peer) computes what the official code computes, the way it does. Both take turns, a step each, in
one thread; a number is the median of processor times, a ratio is of two numbers of one run. Questions and features are
made up, in NExT-QA's or MSVD-QA's shapes and lengths of texts.
"""

import argparse
import gc
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import torch

from benchmarks.report import machine, write_section
from benchmarks.training.counters import Arithmetic, Operations, counting
from benchmarks.training.sides import ANSWERED, FRAMES, SHAPES, Ours, Splits, Theirs, read_data, settings_of, write_data
from eigv.backbones import streams_of
from eigv.config.run import TrainingSettings

CASES = {
    "HGA": ("nextqa", "hga"),
    "Co-Mem": ("nextqa", "comem"),
    "MSPAN": ("nextqa", "mspan"),
    "HGA, MSVD-QA (open-ended)": ("msvd-qa", "hga"),
}
ALONE = {
    "HME": ("nextqa", "hme"),
    "AMU, MSVD-QA (open-ended)": ("msvd-qa", "amu"),
    "HCRN, MSVD-QA (open-ended)": ("msvd-qa", "hcrn"),
}
"""Backbones that the official code has not, and so the peer: against their own arithmetic alone."""
SMALL_BANK = 200
"""Videos while memory is measured: what is above the data does not depend on them."""
BEFORE = """\
The same against the official code itself, which is not part of this repository, before training was made quicker
(batch 32; official = 1): step of preset `official` 0.76 for HGA, 0.72 Co-Mem, 0.62 MSPAN, 0.72 HGA on MSVD-QA; of
preset `paper` 0.64, 0.59, 0.53, 0.68; evaluation 0.89, 0.69, 0.56, 1.22; peak memory 0.88, 0.89, 0.85, 0.90; a step was
1.20, 1.13, 1.30, 1.23 x its floor; operations 10,748 (of 31,501), 14,462 (59,263), 6,005 (16,347), 10,785 (27,916)."""


def main() -> None:
    """Measures every case and writes the section Training of docs/benchmarks.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry", action="store_true", help="do not write docs/benchmarks.md")
    parser.add_argument("--backbone", choices=["amu", "comem", "hcrn", "hga", "hme", "mspan"], help="this one alone")
    parser.add_argument("--batch", type=int, default=32, help="questions a step; the paper's is 128")
    parser.add_argument("--steps", type=int, default=5, help="how often each side takes its turn")
    parser.add_argument("--quick", action="store_true", help="8 questions a step, 3 turns")
    parser.add_argument("--peak", nargs=3, metavar=("SIDE", "DATASET", "BACKBONE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        options.batch, options.steps = 8, 3
    torch.set_num_threads(1)
    if options.peak:
        side, dataset, backbone = options.peak
        print(_peak(side, dataset, backbone, options.batch))
        return
    chosen = {label: case for label, case in CASES.items() if options.backbone in (None, case[1])}
    rows = []
    for label, case in chosen.items():
        rows.append({"": label} | measure(*case, batch=options.batch, steps=options.steps))
        print(pd.DataFrame(rows[-1:]).to_markdown(index=False), flush=True)
    alone = []
    for label, case in ALONE.items():
        if options.backbone in (None, case[1]):
            alone.append({"": label} | measure_alone(*case, batch=options.batch, steps=options.steps))
            print(pd.DataFrame(alone[-1:]).to_markdown(index=False), flush=True)
    text = _section(pd.DataFrame(rows), pd.DataFrame(alone), options)
    if options.dry or options.backbone:
        print(text)
    else:
        write_section("Training", text)


def measure(dataset: str, backbone: str, batch: int, steps: int, videos: int | None = None) -> dict[str, str]:
    """The row of one case; `videos` in the place of the data set's number of them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(folder, dataset, batch, videos)
        splits = read_data(folder)
        sides = {preset: _ours(splits, preset, dataset, backbone, batch) for preset in ("official", "paper")}
        if "precision" in TrainingSettings.model_fields:
            sides["bf16"] = _ours(splits, "official", dataset, backbone, batch, "bf16")
        ours = sides["official"]
        theirs = Theirs(folder, ours)
        learning: dict[str, Callable[[], object]] = {name: side.step for name, side in sides.items()}
        learning |= {"peer": theirs.step, "read": ours.read, "draw": ours.draw, "product": _product}
        learning["erm"] = _ours(splits, "official", dataset, backbone, batch, method="erm").step
        took = alternate(learning, steps)
        answering = {name: side.evaluate for name, side in sides.items()}
        answering |= {"peer": theirs.evaluate, "of train": ours.check_train}
        answered = alternate(answering, max(steps, 5))
        answered |= {name: answered[name] / ANSWERED for name in sides}
        with counting(Arithmetic()) as own:
            ours.step()
        with counting(Arithmetic()) as official:
            theirs.step()
        with counting(Operations()) as dispatched:
            ours.step()
        with counting(Operations()) as dispatched_by_peer:
            theirs.step()
    arithmetic, of_peer = own.count, official.count
    check = _check(dataset, answered) / SHAPES[dataset].train
    floor = arithmetic / (PRODUCT_OPERATIONS / took["product"])
    row = {
        "step, official": f"{took['official'] / took['peer']:.2f}",
        "step, paper": f"{took['paper'] / took['peer']:.2f}",
        "evaluation": f"{answered['official'] / answered['peer']:.2f}",
    }
    if "bf16" in sides:
        row["step, bf16"] = f"{took['bf16'] / took['peer']:.2f}"
        row["evaluation, bf16"] = f"{answered['bf16'] / answered['peer']:.2f}"
    peaks = {side: _peak_elsewhere(side, dataset, backbone, batch) for side in ("official", "peer")}
    return row | {
        "peak memory": f"{peaks['official'] / peaks['peer']:.2f}",
        "arithmetic": f"{arithmetic / of_peer:.2f}",
        "step / its floor": f"{took['official'] / floor:.2f}",
        "operations a step (peer)": f"{dispatched.count:,} ({dispatched_by_peer.count:,})",
        "loading, %": f"{100 * took['read'] / took['official']:.2f}",
        "bank draw, %": f"{100 * took['draw'] / took['official']:.2f}",
        "check, % of an epoch (erm)": "{:.1f} ({:.1f})".format(
            *(100 * check / took[name] for name in ("official", "erm"))
        ),
        "peer's step, s": f"{took['peer']:.2f}",
    }


def measure_alone(dataset: str, backbone: str, batch: int, steps: int, videos: int | None = None) -> dict[str, str]:
    """The row of a backbone without a peer, in preset `paper`; where it reads frames, over few videos."""
    streams = streams_of(backbone, "app+mot")
    frames = FRAMES if "frames" in streams else 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(folder, dataset, batch, videos or (SMALL_BANK if frames else None), frames)
        splits = read_data(folder, streams)
        sides = {method: _ours(splits, "paper", dataset, backbone, batch, method=method) for method in ("eigv", "erm")}
        took = alternate({"product": _product} | {method: side.step for method, side in sides.items()}, steps)
        row: dict[str, str] = {}
        for method, side in sides.items():
            with counting(Arithmetic()) as arithmetic:
                side.step()
            with counting(Operations()) as dispatched:
                side.step()
            floor = arithmetic.count / (PRODUCT_OPERATIONS / took["product"])
            row |= {
                f"step / its floor, {method}": f"{took[method] / floor:.2f}",
                f"operations a step, {method}": f"{dispatched.count:,}",
                f"step, s, {method}": f"{took[method]:.2f}",
            }
    return row


def alternate(functions: Mapping[str, Callable[[], object]], turns: int) -> dict[str, float]:
    """The median processor time, in seconds, of each function; they take turns, after one turn that is not counted."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for turn in range(turns + 1):
        for name, function in functions.items():
            started = time.process_time()
            function()
            if turn:
                times[name].append(time.process_time() - started)
    return {name: median(seen) for name, seen in times.items()}


def _check(dataset: str, answered: dict[str, float]) -> float:
    """The time of the check after an epoch, at the data set's size, times the questions of a batch."""
    checked = TrainingSettings().checked_questions
    return SHAPES[dataset].val * answered["official"] + checked * answered["of train"]


SIDE = 2048
PRODUCT_OPERATIONS = 2 * SIDE**3


def _product() -> None:
    """A matrix product that is large enough to run at the machine's rate."""
    _MATRICES[0] @ _MATRICES[1]


_MATRICES = torch.ones(2, SIDE, SIDE)


def _ours(
    splits: Splits,
    preset: str,
    dataset: str,
    backbone: str,
    batch: int,
    precision: str | None = None,
    method: str = "eigv",
) -> Ours:
    has_precision = "precision" in TrainingSettings.model_fields
    precision = precision or ("float32" if has_precision else None)
    return Ours(splits, dataset, settings_of(preset, dataset, backbone, batch, precision, method))


def _peak_elsewhere(side: str, dataset: str, backbone: str, batch: int) -> float:
    """`_peak` of a process of its own."""
    command = [sys.executable, "-m", "benchmarks.training", "--peak", side, dataset, backbone, "--batch", str(batch)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def _peak(side: str, dataset: str, backbone: str, batch: int) -> float:
    """Bytes that two steps need beside the data: parameters, Adam's state, gradients, activations."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(folder, dataset, batch, SMALL_BANK)
        splits = read_data(folder)
        gc.collect()
        with _highest() as peak:
            worker: Ours | Theirs = _ours(splits, "official", dataset, backbone, batch)
            if isinstance(worker, Ours) and side == "peer":
                ours, worker = worker, Theirs(folder, worker)
                ours.drop_model()
            worker.step()
            worker.step()
    return peak[0]


@contextmanager
def _highest() -> Iterator[list[float]]:
    """The most memory that is resident in between, above what was at the beginning, in bytes."""
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark begins anew
    before, found = _status("VmRSS"), [0.0]
    yield found
    found[0] = _status("VmHWM") - before


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024.0 * next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def _section(table: pd.DataFrame, alone: pd.DataFrame, options: argparse.Namespace) -> str:
    how = f" --batch {options.batch}" * (options.batch != 32) + f" --steps {options.steps}" * (options.steps != 5)
    command = f"`python -m benchmarks.training{how}`" if how else "`make bench-train`"
    return f"""\
{command} on {machine()}, one thread: {options.batch} questions a step,
medians of {options.steps} steps that both sides take in turn, processor time. The peer (`benchmarks/peer`) computes
what the official code computes, the way it does: no sharing between passes, padded texts, questions read one by one, a
weight for each clip of the bank. Its numbers are those of ours in preset `official` (`tests/benchmarks/test_peer.py`).
NExT-QA's shapes and lengths of texts, and MSVD-QA's; peer = 1.

{table.to_markdown(index=False, disable_numparse=True)}

- Arithmetic: matrix products of a step, counted by PyTorch. The floor is that arithmetic at the rate of a large matrix
  product in float32, measured in the same turns.
- Peak memory: parameters, Adam's state, gradients and activations of two steps, above the data.
- Operations: what PyTorch dispatches in a step, with reading and optimiser. (Earlier figures counted recurrent layers
  by their parts, which is how PyTorch runs them on packed sequences of different lengths.)
- Loading and bank draw are shares of our step of preset `official`.
- Evaluation: of a batch of validation, where as many questions share a video as in the data set; ours are put in the
  order of their lengths ({ANSWERED} batches are answered at once), the peer answers them as they come.
- The check after an epoch, at the data set's size: validation whole, and `training.checked_questions`
  ({TrainingSettings().checked_questions}) of train, against the steps of an epoch; in brackets for method `erm`.

{BEFORE}

Backbones that the official code has not, in preset `paper`, against the floor of their own arithmetic:

{alone.to_markdown(index=False, disable_numparse=True)}
"""


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    np.random.seed(0)
    torch.manual_seed(0)
    main()
