"""How much clips weigh in a backbone's own answers."""

import pytest
import torch
from torch import Tensor

from eigv.backbones import build
from eigv.backbones.comem import Comem
from eigv.backbones.contract import Backbone, Clips, ClipWidths, Tokens
from eigv.backbones.mspan import Mspan
from eigv.config.run import AmuSettings, BackbonesSettings, ComemSettings, HgaSettings, HmeSettings, MspanSettings

pytestmark = pytest.mark.usefixtures("one_thread")
SMALL = BackbonesSettings(
    amu=AmuSettings(hidden=4),
    comem=ComemSettings(hidden=4),
    hga=HgaSettings(hidden=4),
    hme=HmeSettings(hidden=4),
    mspan=MspanSettings(hidden=4),
)
PAIRS = torch.tensor([0, 1, 2, 2, 0]), torch.tensor([0, 1, 2, 3, 3])
WITH_ATTENTION = ["amu", "comem", "hme", "mspan"]


def made(name: str) -> tuple[Backbone, Clips, Tokens]:
    torch.manual_seed(0)
    backbone = build(name, SMALL, ClipWidths(6, 4), 6).double().eval()
    video, tokens = torch.randn(3, 5, 10).double(), torch.randn(4, 7, 6).double()
    return backbone, backbone.encode_clips(video), backbone.encode_tokens(tokens, torch.tensor([7, 2, 4, 1]))


@pytest.mark.parametrize("name", WITH_ATTENTION)
def test_weights_are_shares_of_each_pair_by_itself_and_the_question_moves_them(name: str) -> None:
    backbone, clips, texts = made(name)
    assert backbone.weighs_clips
    weights = backbone.clip_weights(clips, texts, *PAIRS)
    assert weights.shape == (5, 5) and (weights >= 0).all()
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(5).double())
    for n in range(5):
        alone = backbone.clip_weights(clips, texts, PAIRS[0][n : n + 1], PAIRS[1][n : n + 1])
        torch.testing.assert_close(weights[n], alone[0])
    assert (weights[2] - weights[3]).abs().max() > 1e-6  # one video, two questions


def test_mspan_pools_its_clips_by_them() -> None:
    mspan, clips, texts = made("mspan")
    assert isinstance(mspan, Mspan)
    seen: list[Tensor] = []
    mspan.weigh.register_forward_hook(lambda module, inputs, scores: seen.append(scores))
    fused, weights = mspan.fuse(clips, texts, *PAIRS), mspan.clip_weights(clips, texts, *PAIRS)
    assert len(seen) == 2
    torch.testing.assert_close(weights, seen[0][..., 0].softmax(dim=1))
    torch.nn.init.zeros_(mspan.weigh.weight)
    torch.testing.assert_close(mspan.clip_weights(clips, texts, *PAIRS), torch.full((5, 5), 0.2).double())
    assert (mspan.fuse(clips, texts, *PAIRS) - fused).abs().max() > 1e-6


@pytest.mark.parametrize("episodes", [1, 2, 3])
def test_comem_weighs_by_the_last_of_its_episodes(episodes: int) -> None:
    torch.manual_seed(0)
    comem = Comem(ComemSettings(hidden=4, episodes=episodes), ClipWidths(6, 4), 6).double().eval()
    clips = comem.encode_clips(torch.randn(3, 5, 10).double())
    texts = comem.encode_tokens(torch.randn(4, 7, 6).double(), torch.tensor([7, 2, 4, 1]))
    seen: list[Tensor] = []
    comem.memory.weigh.register_forward_hook(lambda module, inputs, scores: seen.append(scores))
    comem.fuse(clips, texts, *PAIRS)
    last = seen[-1].view(2, -1, 5).softmax(dim=-1).mean(dim=0)  # of videos in the only episode
    expected = last[PAIRS[0]] if episodes == 1 else last
    torch.testing.assert_close(comem.clip_weights(clips, texts, *PAIRS), expected)


def test_a_backbone_without_attention_says_so() -> None:
    hga, clips, texts = made("hga")
    assert not hga.weighs_clips
    with pytest.raises(NotImplementedError, match="Hga weighs no clips"):
        hga.clip_weights(clips, texts, *PAIRS)
