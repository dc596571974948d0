"""The recorded numbers of the reference implementations, all of them; and that the tool sees what differs."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tests import parity
from tests.drawn_weights import draw


@pytest.mark.slow
def test_every_recorded_number_agrees(shared, capsys):
    files = sorted((shared / "golden").glob("*.npz"))
    assert len(files) >= 15
    assert parity.main([str(file) for file in files]) == 0, capsys.readouterr().out


def altered(shared: Path, folder: Path, name: str, change) -> str:
    """A golden file in which `change` has altered the dictionary of arrays."""
    with np.load(shared / f"golden/{name}.npz") as file:
        arrays = {key: file[key].copy() for key in file.files}
    change(arrays)
    np.savez(folder / f"{name}.npz", **arrays)
    return str(folder / f"{name}.npz")


def not_updated(arrays):
    arrays |= {f"post/{key.removeprefix('param/')}": value for key, value in arrays.items() if key.startswith("param/")}


def other_statistics(arrays):
    arrays["postbuf/classifier.2.running_mean"] += 1e-3


def other_answers(arrays):
    arrays["out_a/logits"][0, 0] += 1e-4


def emptied(arrays):
    arrays.clear()
    arrays["nothing"] = np.zeros(1)


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("eigv_comem_nextqa_train", not_updated, "after one Adam step"),
        ("eigv_mspan_nextqa_train", other_statistics, "classifier.2.running_mean"),
        ("eigv_comem_nextqa_eval", other_answers, "a: logits"),
        ("block_fusion", emptied, "nothing in it could be compared"),
    ],
)
def test_what_differs_is_seen(shared, tmp_path, capsys, name, change, said):
    assert parity.main([altered(shared, tmp_path, name, change)]) == 1
    assert said in capsys.readouterr().out


def drawn_block(x0: torch.Tensor, x1: torch.Tensor, width: int, size: int, rank: int, out: int) -> torch.Tensor:
    """BLOCK as published, chunk by chunk, with weights drawn from their names."""

    def linear(name: str, x: torch.Tensor, rows: int) -> torch.Tensor:
        weight = draw(f"block.{name}.weight", "linear", (rows, x.shape[1]))
        return F.linear(x, torch.from_numpy(weight), torch.from_numpy(draw(f"block.{name}.bias", "bias", (rows,))))

    first, second = linear("linear0", x0, width), linear("linear1", x1, width)
    chunks = []
    for number, (a, b) in enumerate(zip(first.split(size, dim=1), second.split(size, dim=1), strict=True)):
        rows = rank * a.shape[1]
        m = linear(f"merge_linears0.{number}", a, rows) * linear(f"merge_linears1.{number}", b, rows)
        z = m.view(-1, rank, a.shape[1]).sum(dim=1)
        chunks.append(F.normalize(z.relu().sqrt() - (-z).relu().sqrt()))
    return linear("linear_out", torch.cat(chunks, dim=1), out)


@pytest.mark.parametrize("error", [0.0, 1e-3])
def test_a_fusion_whose_weights_are_drawn_is_compared(tmp_path, error):
    generator = torch.Generator().manual_seed(0)
    x0, x1 = torch.randn(5, 6, generator=generator), torch.randn(5, 8, generator=generator)
    out = drawn_block(x0, x1, width=22, size=6, rank=3, out=7) + error  # chunks of 6, 6, 6, 4
    file = tmp_path / "block_fusion_default_22_4_3.npz"
    np.savez(file, **{"in/x0": x0.numpy(), "in/x1": x1.numpy(), "out": out.numpy()})
    assert parity.main([str(file)]) == (1 if error else 0)
