"""HGA and Co-Mem as published, written out for one pair, and the contract that every backbone keeps to."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eigv.backbones import Backbone, ClipWidths, build
from eigv.backbones.comem import Comem
from eigv.backbones.hga import Hga
from eigv.config.methods import METHODS
from eigv.config.run import HgaSettings
from eigv.method.draws import Draws
from tests.eigv.method.small_models import BANK, SETTINGS, SIZES, small_batch, small_model

pytestmark = pytest.mark.usefixtures("one_thread")
PUBLISHED = {
    "hga": {"co_attention": True, "cell": "gru", "graph_layers": 3, "video_representation": "recurrent"},
    "comem": {"network": "published", "text_layers": 2, "video_representation": "recurrent"},
}
every_published = pytest.mark.parametrize("name", list(PUBLISHED))
LENGTHS = [7, 2, 4, 1]
KEEP = torch.tensor([[1, 0, 1, 1, 0], [0, 0, 0, 1, 0], [1, 1, 1, 1, 1]]).bool()


def published(name: str, **changed: object) -> Backbone:
    torch.manual_seed(0)
    sizes = {name: getattr(SIZES, name).model_copy(update=PUBLISHED[name] | changed)}
    return build(name, SIZES.model_copy(update=sizes), ClipWidths(6, 4), token_width=6).double().eval()


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(3, 5, 10).double(), torch.randn(4, 7, 6).double(), torch.tensor(LENGTHS)


def fused(backbone: Backbone, pairs: tuple[list[int], list[int]], keep: Tensor | None = None) -> Tensor:
    video, tokens, lengths = inputs()
    mapped = backbone.map_clips(video)
    clips = backbone.encode_mapped(mapped) if keep is None else backbone.encode_kept(mapped, keep)
    return backbone.fuse(clips, backbone.encode_tokens(tokens, lengths), *map(torch.tensor, pairs))


def one(backbone: Backbone, v: int, t: int, clips: Tensor | None = None) -> Tensor:
    """The pair alone, without padding, and of the video only `clips` (K,) bool."""
    video, tokens, _ = inputs()
    seen = video[v : v + 1] if clips is None else video[v : v + 1, clips]
    n, zero = LENGTHS[t], torch.tensor([0])
    texts = backbone.encode_tokens(tokens[t : t + 1, :n], torch.tensor([n]))
    return backbone.fuse(backbone.encode_clips(seen), texts, zero, zero)[0]


@pytest.mark.parametrize("frozen", [False, True])
def test_hga_is_the_published_one_written_out_for_one_pair(frozen: bool) -> None:
    hga, (video, tokens, _) = published("hga", official_frozen_maps=frozen), inputs()
    assert isinstance(hga, Hga) and hga.co_attention is not None
    both = hga.co_attention
    for v, t in [(2, 0), (0, 2), (1, 3)]:
        asked, v_read = tokens[t, : LENGTHS[t]], F.relu(hga.clips.embed(video[v]))
        q, v_states = hga.tokens.recurrent(hga.tokens.embed(asked))[0], hga.clips.recurrent(v_read)[0]
        q_last, v_last = q[-1:], v_states[-1:]
        q, v_states = F.layer_norm(q, q.shape[1:]), F.layer_norm(v_states, v_states.shape[1:])
        scores = both.of_question(q) @ both.of_video(v_states).T / hga.width**0.5
        looked = q + both.to_question(scores.softmax(1) @ both.from_video(v_states))
        seen = v_states + both.to_video(scores.T.softmax(1) @ both.from_question(q))
        x = F.layer_norm(torch.cat([looked, seen]), (hga.width,))
        h = hga.nodes(x)
        for layer in hga.layers:
            x = F.relu(F.layer_norm(h @ h.T @ layer(x), (hga.width,)))
        expected = hga.fuse_graph(hga.fuse_inputs(q_last, v_last), x.sum(0, keepdim=True))[0]
        torch.testing.assert_close(fused(hga, ([v], [t]))[0], expected)


def test_comem_is_the_published_one_around_its_episodes() -> None:
    comem, (video, tokens, lengths) = published("comem"), inputs()
    assert isinstance(comem, Comem)
    clips, texts = comem.encode_clips(video), comem.encode_tokens(tokens, lengths)
    for s, (stream, features) in enumerate([(comem.appearance, video[..., :6]), (comem.motion, video[..., 6:])]):
        low = stream.lower(features)[0]
        torch.testing.assert_close(clips.facts[:, s], torch.cat([low, stream.upper(low)[0]], dim=2))
    for t, n in enumerate(LENGTHS):
        states = comem.recurrent(comem.embed(tokens[t, :n]))[1][0]
        torch.testing.assert_close(texts.pooled[t], states.flatten())
    pairs = torch.arange(3), torch.arange(3)
    co_memory = comem._episodes(comem._heard(clips), texts, *pairs, 3)[1]
    torch.testing.assert_close(comem.fuse(clips, texts, *pairs), torch.cat([*co_memory], dim=1))


@every_published
def test_neither_padding_nor_the_batch_changes_a_pair(name: str) -> None:
    backbone, pairs = published(name), ([0, 2, 1, 2, 0], [0, 1, 2, 3, 3])
    together = fused(backbone, pairs)
    for row, v, t in zip(together, *pairs, strict=True):
        torch.testing.assert_close(row, one(backbone, v, t))


@every_published
def test_clips_that_are_left_out_are_not_there(name: str) -> None:
    backbone, pairs = published(name), ([0, 1, 2, 0], [3, 1, 0, 0])
    together = fused(backbone, pairs, KEEP)
    for row, v, t in zip(together, *pairs, strict=True):
        torch.testing.assert_close(row, one(backbone, v, t, KEEP[v]))


@every_published
@pytest.mark.parametrize("keep", [None, KEEP], ids=["whole", "parts"])
def test_a_gradient_reaches_every_parameter_and_what_the_indicator_looks_at(name: str, keep: Tensor | None) -> None:
    backbone = published(name)
    video, tokens, lengths = inputs()
    mapped = backbone.map_clips(video)
    clips = backbone.encode_mapped(mapped) if keep is None else backbone.encode_kept(mapped, keep)
    texts = backbone.encode_tokens(tokens, lengths)
    found = backbone.fuse(clips, texts, torch.tensor([0, 1, 2]), torch.tensor([0, 2, 1]))
    (found.square().sum() + (clips.local[:, :, None] * texts.pooled[0]).square().sum()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in backbone.parameters())


def test_maps_that_are_frozen_stay_as_they_are_and_are_dropped_in_training() -> None:
    hga = published("hga", official_frozen_maps=True, dropout=0.3)
    assert isinstance(hga, Hga) and hga.co_attention is not None
    whole = fused(hga, ([0], [0]))
    before = {name: p.clone() for name, p in hga.co_attention.named_parameters()}
    hga.train()
    for module in hga.modules():
        if isinstance(module, nn.Dropout) and module is not hga.co_attention.dropped:
            module.p = 0.0
    assert not torch.allclose(fused(hga, ([0], [0])), whole)
    fused(hga, ([0, 1], [0, 1])).square().sum().backward()
    torch.optim.Adam(hga.parameters(), 0.1).step()
    assert all(torch.equal(before[name], p) for name, p in hga.co_attention.named_parameters())


@every_published
@pytest.mark.parametrize("method", ["eigv", "igv"])
def test_methods_teach_the_indicator_through_them(name: str, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = SIZES.model_copy(update={name: getattr(SIZES, name).model_copy(update=PUBLISHED[name])})
    monkeypatch.setattr("tests.eigv.method.small_models.SIZES", sizes)
    model = small_model("multiple-choice", backbone=name, method=method)
    model.environment = "dropped" if METHODS[method].branches else "zeroed"
    model.training_step(small_batch("multiple-choice"), METHODS[method], Draws(0), BANK, SETTINGS).total.backward()
    assert all(p.grad is not None and p.grad.any() for p in model.grounding.parameters())


def test_what_is_published_is_as_wide_as_what_eigv_wraps() -> None:
    for representation in ("linear", "recurrent"):
        sizes = HgaSettings(hidden=4, words=5, co_attention=True, video_representation=representation)
        hga = Hga(sizes, ClipWidths(6, 4), 6)
        assert hga.encode_clips(torch.randn(2, 3, 10)).local.shape == (2, 3, 8) and hga.width == 8
