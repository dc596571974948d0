"""The recorded numbers of the reference implementations, all of them; and that the tool sees what differs."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tests import parity
from tests.drawn_weights import draw
from tests.parity import made_up


@pytest.mark.slow
def test_every_recorded_number_agrees(shared, capsys):
    golden = shared / "golden"
    files = sorted(golden.glob("*.npz")) + sorted(golden.glob("peers/igv_*.npz"))
    assert len(files) >= 15
    assert parity.main([str(file) for file in files]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("kind", ["hme", "amu", "hcrn"])
def test_every_recorded_number_of_a_peer_agrees(shared, capsys, kind):
    files = sorted((shared / "golden/peers").glob(f"{kind}_*.npz"))
    assert files
    assert parity.main([str(file) for file in files]) == 0, capsys.readouterr().out


def altered(shared: Path, folder: Path, name: str, change) -> str:
    """A golden file in which `change` has altered the dictionary of arrays."""
    with np.load(shared / f"golden/{name}.npz") as file:
        arrays = {key: file[key].copy() for key in file.files}
    change(arrays)
    file = folder / Path(name).with_suffix(".npz").name
    np.savez(file, **arrays)
    return str(file)


def not_updated(arrays):
    arrays |= {f"post/{key.removeprefix('param/')}": value for key, value in arrays.items() if key.startswith("param/")}


def other_statistics(arrays):
    arrays["postbuf/classifier.2.running_mean"] += 1e-3


def other_answers(arrays):
    arrays["out_a/logits"][0, 0] += 1e-4


def other_clips(arrays):
    arrays["rec_t/multinomial"][0, :] += 1


def other_scenes(arrays):
    arrays["rec_t/gumbel_mask"][1] = [[1.0], [0.0]]  # all causal, which is no number of the indicator


def other_subsets(arrays):
    arrays["rec_a/subsets"][0] = np.where(arrays["rec_a/subsets"][0] == 0, 10, arrays["rec_a/subsets"][0])  # 10 is new


def emptied(arrays):
    arrays.clear()
    arrays["nothing"] = np.zeros(1)


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("eigv_comem_nextqa_train", not_updated, "after one Adam step"),
        ("eigv_mspan_nextqa_train", other_statistics, "classifier.2.running_mean"),
        ("eigv_comem_nextqa_eval", other_answers, "a: logits"),
        ("peers/igv_msvd", other_clips, "t: out_m"),
        ("peers/igv_msvd", other_scenes, "t: out_f"),
        ("peers/amu_open", not_updated, "after one Adam step"),
        ("peers/hme_authors_open", other_answers, "a: logits"),
        ("peers/hcrn_open", other_subsets, "a: visual"),
        ("block_fusion", emptied, "nothing in it could be compared"),
    ],
)
def test_what_differs_is_seen(shared, tmp_path, capsys, name, change, said):
    assert parity.main([altered(shared, tmp_path, name, change)]) == 1
    assert said in capsys.readouterr().out


ILL_CONDITIONED = 118
"""A made-up step in which a fused value is close to 0, where the slope of its signed square root is steep."""


def planted(file: Path, name: str, error: float) -> str:
    """The file with `error`, as a share of the largest gradient, in one entry of a gradient."""
    with np.load(file) as opened:
        arrays = {key: opened[key].copy() for key in opened.files}
    largest = max(np.abs(value).max() for key, value in arrays.items() if key.startswith("grad/"))
    arrays[f"grad/{name}"].flat[0] += error * largest
    np.savez(file, **arrays)
    return str(file)


def gradients(file: Path) -> parity.Row:
    return next(row for row in parity.compare(file) if row.name.startswith("gradient, worst of"))


def test_a_gradient_is_judged_by_how_far_a_rounding_step_moves_it(tmp_path, capsys):
    file = made_up.step_of_hga(tmp_path / "eigv_hga_nextqa_train.npz", ILL_CONDITIONED, off=True)
    worst = gradients(file)
    # Which of the two is off by how much depends on the processor.
    assert max(worst.float32, worst.float64) > 5e-4 and worst.moved > 5e-4 and worst.fine
    assert parity.main([str(file)]) == 0
    said = capsys.readouterr().out
    assert "float32" in said and "float64" in said and "a step moves it" in said


@pytest.mark.parametrize("seed", [ILL_CONDITIONED, 2])
@pytest.mark.parametrize("name", ["decoder.weight", "project_head.1.bias", "fg_att.linear_q.weight"])
def test_an_error_as_large_where_rounding_moves_nothing_fails(tmp_path, capsys, seed, name):
    file = made_up.step_of_hga(tmp_path / "eigv_hga_nextqa_train.npz", seed)
    assert parity.main([planted(file, name, 2.6e-3)]) == 1
    assert "too far" in capsys.readouterr().out


def test_bad_conditioning_does_not_excuse_everything(tmp_path):
    file = made_up.step_of_hga(tmp_path / "eigv_hga_nextqa_train.npz", ILL_CONDITIONED, off=True)
    planted(file, "vid_encoder.rnn.weight_ih_l0", 5e-2)  # its gradient comes through the steep slope
    assert not gradients(file).fine


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_steps_that_this_code_made_agree_with_it(tmp_path, seed):
    assert parity.main([str(made_up.step_of_hga(tmp_path / "eigv_hga_nextqa_train.npz", seed))]) == 0


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
