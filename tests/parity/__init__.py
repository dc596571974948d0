"""Compares this code with numbers recorded from the reference implementations.

    python -m tests.parity ../shared/golden/*.npz

Weights go through the importer that users get, inputs and random draws are the recorded ones. For each number the
largest absolute and the largest relative difference are printed; the exit status is 1 where a forward number differs by
more than 1e-5 (or what float32 cannot hold of numbers above 10), a gradient by more than 1e-4 of the largest gradient,
or a parameter after a step of Adam by more than a twentieth of that step, and where a file gave nothing to compare.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from tests.parity import models, parts
from tests.parity.rows import Row

KINDS: dict[str, Callable[..., Iterator[Row]]] = {
    r"eigv_(hga|comem|mspan)_(nextqa|msvd|msrvtt)_eval(?:_.+)?": models.evaluation,
    r"eigv_(hga|comem|mspan)_(nextqa|msvd|msrvtt)_train(?:_.+)?": models.training,
    r"block_fusion": parts.block_fusion,
    r"block_fusion_default_(\d+)_(\d+)_(\d+)": parts.drawn_block_fusion,
    r"nce_losses(?:_.+)?": parts.contrast,
    r"gumbel_st(?:_.+)?": parts.gumbel,
    r"neg_layout(?:_.+)?": parts.layout,
    r"mspan_adjacency_scale\d": parts.adjacency,
    r"mspan_(?:oe|mc)_eval": parts.own_mspan,
    r"clip_indices(?:_.+)?": parts.clip_indices,
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
                print(f"  {row.name:<34} absolute {row.absolute:8.1e}   relative {row.relative:8.1e}{mark}")
    print(f"\n{failed} of the numbers above differ too much" if failed else f"\nall {compared} numbers agree")
    if skipped:
        print(f"{skipped} are skipped, and why is said above")
    return 1 if failed else 0


def compare(path: Path) -> Iterator[Row]:
    """The comparison of one golden file; its name says what kind it is."""
    for pattern, comparison in KINDS.items():
        if match := re.fullmatch(pattern, path.stem):
            with np.load(path) as file:
                golden = {key: torch.from_numpy(np.asarray(file[key])) for key in file.files}
            rows = list(comparison(golden, *match.groups()))
            yield from rows or [Row(path.stem, fine=False, note="nothing in it could be compared")]
            return
    if path.stem == "resnext101_legacy":
        with np.load(path) as file:
            yield from parts.resnext(
                {k: torch.from_numpy(file[k]) for k in file.files}, path.with_name(f"{path.stem}_keys.json")
            )
        return
    yield Row(path.stem, note="skipped: a kind of file that is not known here")
