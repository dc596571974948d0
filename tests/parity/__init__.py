"""Compares this code with numbers recorded from the reference implementations.

    python -m tests.parity ../shared/golden/*.npz

Weights go through the importer that users get, inputs and random draws are the recorded ones. Everything is calculated
in float32, as it was recorded, and in float64. For each number the table has the largest difference of both, and how
far it moves when every weight moves by one float32 step: what the recorded number can have lost by rounding.

The exit status is 1 where a forward number differs by more than 1e-5 (or what float32 cannot hold of numbers above 10)
or a gradient by more than 1e-4 of the largest gradient, and by more than four such steps move it, or by more than 1e-4
and 2e-2 whatever they do. Gradients of other systems than EIGV's (`peers.py`) may be off by 1e-3 of the largest. A
parameter after a step of Adam may be off by a twentieth of that step. A file that gave nothing to compare counts, too.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from tests.parity import hcrn, igv, models, parts, peers
from tests.parity.rows import Compared, Golden, Row, judged, one_step_away, shown

NUDGES = 8
"""Sets of weights that are each a float32 step away from the recorded ones."""

KINDS: dict[str, Callable[..., Iterator[Compared | Row]]] = {
    r"eigv_(hga|comem|mspan)_(nextqa|msvd|msrvtt)_eval(?:_.+)?": models.evaluation,
    r"eigv_(hga|comem|mspan)_(nextqa|msvd|msrvtt)_train(?:_.+)?": models.training,
    r"igv_(msvd|msrvtt)(?:_.+)?": igv.compared,
    r"block_fusion": parts.block_fusion,
    r"block_fusion_default_(\d+)_(\d+)_(\d+)": parts.drawn_block_fusion,
    r"nce_losses(?:_.+)?": parts.contrast,
    r"gumbel_st(?:_.+)?": parts.gumbel,
    r"neg_layout(?:_.+)?": parts.layout,
    r"mspan_adjacency_scale\d": parts.adjacency,
    r"mspan_(?:oe|mc)_eval": parts.own_mspan,
    r"clip_indices(?:_.+)?": parts.clip_indices,
    **peers.KINDS,
    **hcrn.KINDS,
}


def main(files: list[str]) -> int:
    """Compares every file and prints the table; 1 where anything differs too much."""
    torch.set_num_threads(1)
    compared, failed, skipped = 0, 0, 0
    for file in files:
        path = Path(file)
        print(f"\n{path.name}")
        for row in compare(path):
            failed += not row.fine
            if row.note:
                skipped += row.note.startswith("skipped")
                print(f"  {row.name:<34} {row.note}")
            else:
                compared += 1
                mark = "" if row.fine else "   <-- too far"
                print(
                    f"  {row.name:<34} float32 {row.float32:7.1e}   float64 {row.float64:7.1e}   "
                    f"a step moves it {row.moved:7.1e}   of {row.scale:7.1e}{mark}"
                )
    print(f"\n{failed} of the numbers above differ too much" if failed else f"\nall {compared} numbers agree")
    if skipped:
        print(f"{skipped} are skipped, and why is said above")
    return 1 if failed else 0


def compare(path: Path) -> Iterator[Row]:
    """The comparison of one golden file; its name says what kind it is."""
    for pattern, comparison in KINDS.items():
        if match := re.fullmatch(pattern, path.stem):
            rows = list(shown(_judged(comparison, match.groups(), _read(path))))
            yield from rows or [Row(path.stem, fine=False, note="nothing in it could be compared")]
            return
    if path.stem == "resnext101_legacy":
        # The network is large and its sums are long: in float32 alone.
        for row in parts.resnext(_read(path), path.with_name(f"{path.stem}_keys.json")):
            yield judged(row, row, [row])
        return
    yield Row(path.stem, note="skipped: a kind of file that is not known here")


def _read(path: Path) -> Golden:
    with np.load(path) as file:
        arrays = {key: np.asarray(file[key]) for key in file.files}
    return {key: torch.from_numpy(value) for key, value in arrays.items() if value.dtype.kind != "U"}  # names in words


def _judged(comparison: Callable[..., Iterator[Compared | Row]], groups: Sequence[str], recorded: Golden) -> list[Row]:
    """The rows of a comparison, which gives the same ones for the recorded weights and for some near them."""
    float32, float64 = _cast(recorded, torch.float32), _cast(recorded, torch.float64)
    single, exact = list(comparison(float32, *groups)), list(comparison(float64, *groups))
    near = [float64 | _cast(one_step_away(float32, seed), torch.float64) for seed in range(NUDGES)]
    nudged = [list(comparison(golden, *groups)) for golden in near]
    rows = []
    for one, two, *others in zip(single, exact, *nudged, strict=True):
        if isinstance(two, Row):
            rows.append(two)
        else:
            rows.append(judged(one, two, others))
    return rows


def _cast(golden: Golden, dtype: torch.dtype) -> Golden:
    return {key: value.to(dtype) if value.is_floating_point() else value for key, value in golden.items()}
