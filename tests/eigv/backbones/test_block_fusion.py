import pytest
import torch
from torch.nn import functional as F

from base.errors import UserError
from eigv.backbones.parts.block_fusion import BlockFusion, signed_square_root
from eigv.config.run import BlockFusionSettings


@pytest.mark.parametrize("normalise", ["each", "joined"])
@pytest.mark.parametrize(("width", "chunks"), [(12, 3), (11, 3), (6, 1)])
def test_block_fusion_is_its_formula_written_chunk_by_chunk(width: int, chunks: int, normalise: str) -> None:
    torch.manual_seed(0)
    rank, size = 2, -(-width // chunks)
    block = BlockFusion(5, 4, 7, BlockFusionSettings(width=width, chunks=chunks, rank=rank, normalise=normalise))
    first, second = torch.randn(3, 5), torch.randn(3, 4)
    x0, x1 = block.map_first(first), block.map_second(second)
    parts = []
    for c, (a, b) in enumerate(zip(x0.split(size, dim=1), x1.split(size, dim=1), strict=True)):
        s = a.shape[1]  # the last chunk may be shorter

        def mapped(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, s: int = s) -> torch.Tensor:
            w = weight.view(size, rank, size)[:s, :, :s]
            return torch.einsum("pi,iro->pro", x, w) + bias.view(rank, size)[:, :s]

        m0 = mapped(a, block.merge_first.weight[c], block.merge_first.bias[c])
        m1 = mapped(b, block.merge_second.weight[c], block.merge_second.bias[c])
        z = (m0 * m1).sum(dim=1)
        root = F.relu(z).sqrt() - F.relu(-z).sqrt()
        parts.append(root / root.norm(dim=1, keepdim=True) if normalise == "each" else root)
    joined = torch.cat(parts, dim=1)
    if normalise == "joined":
        joined = joined / joined.norm(dim=1, keepdim=True)
    torch.testing.assert_close(block(first, second), block.out(joined), atol=1e-5, rtol=1e-5)


def test_the_signed_square_root_has_a_finite_gradient_at_zero() -> None:
    x = torch.tensor([-4.0, 0.0, 9.0], requires_grad=True)
    y = signed_square_root(x)
    assert y.tolist() == [-2.0, 0.0, 3.0]
    y.sum().backward()
    torch.testing.assert_close(x.grad, torch.tensor([0.25, 0.0, 1 / 6]))


def test_a_last_chunk_of_nothing_is_refused() -> None:
    with pytest.raises(UserError, match="too small"):
        BlockFusion(2, 2, 2, BlockFusionSettings(width=6, chunks=4, rank=1))
