"""AMU against its formulas, written for one pair and one word after the other."""

import pytest
import torch
from torch import Tensor

from eigv.backbones.amu import Amu
from eigv.backbones.contract import ClipWidths
from eigv.backbones.parts.refining import refine
from eigv.config.run import AmuSettings

pytestmark = pytest.mark.usefixtures("one_thread")
LENGTHS = torch.tensor([7, 2, 4, 1])
PAIRS = torch.tensor([2, 0, 1, 2, 0]), torch.tensor([0, 1, 2, 3, 0])


def made(**settings: object) -> tuple[Amu, Tensor, Tensor]:
    torch.manual_seed(0)
    amu = Amu(AmuSettings(hidden=4, words=6).model_copy(update=settings), ClipWidths(6, 4), 8).double().eval()
    for parameter in amu.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return amu, torch.randn(3, 5, 10).double(), torch.randn(4, 7, 8).double()


def cell_step(layer: torch.nn.Module, x: Tensor, state: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    i, f, g, o = (layer.of_input(x) + layer.of_state(state)).chunk(4)
    cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
    return o.sigmoid() * cell.tanh(), cell


def expected(amu: Amu, video: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
    """The answer representation (D,) of one video (K, Dv) and one text (L, Dt), and how clips weigh, (K,)."""
    D, E = amu.width, amu.common.in_features
    a, m = amu.appearance(video[:, :6]).tanh(), amu.motion(video[:, 6:]).tanh()
    asking = [torch.zeros(E).double(), torch.zeros(E).double()]
    state, cell, fused = (torch.zeros(D).double() for _ in range(3))
    for x in amu.words(text):
        o, _ = asking = cell_step(amu.text, x, *asking)
        word, known = amu.common(x).tanh(), amu.common(o).tanh()
        p, r = (a @ word).softmax(0), (m @ word).softmax(0)
        channel = amu.channel(x).softmax(0)
        found = channel[0] * (p @ a) + channel[1] * (r @ m)
        state, cell = cell_step(amu.attention, found + fused + known, state, cell)
        p, r = (p + (a @ state).softmax(0)) / 2, (r + (m @ state).softmax(0)) / 2
        channel = amu.channel(o).softmax(0)
        fused = channel[0] * (p @ a) + channel[1] * (r @ m)
    answer = amu.common(asking[1]).tanh() * cell.tanh() * fused.tanh()
    return answer, channel[0] * p + channel[1] * r


def test_amu_is_its_formulas_written_for_one_pair() -> None:
    amu, video, tokens = made()
    clips, texts = amu.encode_clips(video), amu.encode_tokens(tokens, LENGTHS)
    found, weights = amu.fuse(clips, texts, *PAIRS), amu.clip_weights(clips, texts, *PAIRS)
    for row, (v, t) in enumerate(zip(*PAIRS, strict=True)):
        answer, share = expected(amu, video[v], tokens[t, : LENGTHS[t]])
        torch.testing.assert_close(found[row], answer)
        torch.testing.assert_close(weights[row], share)


def test_the_official_one_reads_padding_as_words_of_zeros() -> None:
    amu, video, tokens = made(official_padding=True)
    clips = amu.encode_clips(video)
    found = amu.fuse(clips, amu.encode_tokens(tokens, LENGTHS), *PAIRS)
    for row, (v, t) in enumerate(zip(*PAIRS, strict=True)):
        padded = tokens[t].clone()
        padded[LENGTHS[t] :] = 0
        torch.testing.assert_close(found[row], expected(amu, video[v], padded)[0])


def test_where_lengths_would_be_waited_for_padding_is_read_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    amu, video, tokens = made()
    clips, texts = amu.encode_clips(video), amu.encode_tokens(tokens, LENGTHS)
    found, weights = amu.fuse(clips, texts, *PAIRS), amu.clip_weights(clips, texts, *PAIRS)
    monkeypatch.setattr("eigv.backbones.amu.HOSTS", ())
    torch.testing.assert_close(amu.fuse(clips, texts, *PAIRS), found)
    torch.testing.assert_close(amu.clip_weights(clips, texts, *PAIRS), weights)


@pytest.mark.parametrize("sizes", [[3, 2, 2, 1], [3, 3]])
def test_gradients_of_refining_are_those_of_finite_differences(sizes: list[int]) -> None:
    generator, N, D = torch.Generator().manual_seed(0), sum(sizes), 3
    shapes = [(3, 4, D), (N, D), (N, D), (N, 2), (4 * D, 2 * D), (4 * D,)]
    inputs = [torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True) for shape in shapes]
    assert torch.autograd.gradcheck(lambda *x: refine(*x, sizes)[:2], inputs)


def test_vectors_of_words_may_be_read_as_they_are() -> None:
    amu, video, tokens = made(words=None)
    assert amu.text.of_input.in_features == 8
    texts = amu.encode_tokens(tokens, LENGTHS)
    assert amu.fuse(amu.encode_clips(video), texts, *PAIRS).shape == (5, 4)


def test_the_forget_gate_begins_open() -> None:
    bias = Amu(AmuSettings(hidden=4), ClipWidths(6, 4), 8).attention.of_input.bias
    assert bias.view(4, 4).tolist() == [[0.0] * 4, [1.0] * 4, [0.0] * 4, [0.0] * 4]
