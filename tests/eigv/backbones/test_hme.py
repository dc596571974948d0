"""HME against its formulas, written for one pair and one clip or token after the other."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from eigv.backbones.contract import ClipWidths
from eigv.backbones.hme import Hme
from eigv.backbones.hme.memories import TextMemory, VisualMemory
from eigv.backbones.hme.model import ReadOnce, UnreadClips
from eigv.backbones.hme.reading import read_text
from eigv.backbones.hme.watching import watch
from eigv.config.run import HmeSettings

pytestmark = pytest.mark.usefixtures("one_thread")
H, S = 4, 3
SMALL = HmeSettings(hidden=H, words=6, attention=5, clip_slots=S, text_slots=6, dropout=0, text_dropout=0)
LENGTHS = torch.tensor([7, 2, 4, 1])


def made(**settings: object) -> tuple[Hme, Tensor, Tensor]:
    torch.manual_seed(0)
    hme = Hme(SMALL.model_copy(update=settings), ClipWidths(6, 4), 8).double().eval()
    for parameter in hme.parameters():  # forgotten biases and terms that are small at first show
        torch.nn.init.normal_(parameter, std=0.4)
    return hme, torch.randn(3, 5, 10).double(), torch.randn(4, 7, 8).double()


def seen_by(memory: VisualMemory, seen: Tensor) -> Tensor:
    """What a memory gives for one video, (2, K, H): (K, H)."""
    slots, h, own, found = torch.zeros(S, H).double(), torch.zeros(H).double(), torch.zeros(2, H).double(), []
    for x in seen.unbind(1):
        s = torch.cat([own[0], own[1], h])
        r = memory.read(s).softmax(0) @ slots
        gate = memory.gate(s).softmax(0)
        slots = gate[0] * slots
        ahead = []
        for i in range(2):
            y = torch.cat([own[i], x[i]])
            place = (memory.place.weight[i] @ y + memory.place.bias[i]).softmax(0)
            slots = slots + gate[1 + i] * torch.outer(
                place, F.relu(memory.content.weight[i] @ y + memory.content.bias[i])
            )
            advance = memory.advance_stream.weight[i] @ torch.cat([x[i], r, own[i]])
            ahead.append(F.relu(advance + memory.advance_stream.bias[i]))
        h, own = F.relu(memory.advance(torch.cat([r, h]))), torch.stack(ahead)
        found.append(h)
    return torch.stack(found)


def read_by(memory: TextMemory, tokens: Tensor) -> Tensor:
    """What a memory gives for one text, (L, H) to the same."""
    slots, h, found = torch.zeros(memory.slots, H).double(), torch.zeros(H).double(), []
    for x in tokens:
        y = torch.cat([x, h])
        r = memory.read_gate(y).sigmoid() * (memory.read_place(y).softmax(0) @ slots)
        a = memory.write_place(y).softmax(0)[:, None]
        slots = memory.write_gate(y).sigmoid() * a * F.relu(memory.content(y)) + (1 - a) * slots
        h = F.relu(memory.of_token(x) + memory.of_read(r) + memory.of_state(h))
        found.append(h)
    return torch.stack(found)


def expected(hme: Hme, video: Tensor, text: Tensor) -> Tensor:
    """The answer representation (R,) of one video (K, Dv) and one text (L, Dt)."""
    words, begun = hme.words(text), None
    if hme.twice:
        _, begun = hme.text(words)
    streams, last = [], []
    for layers, x in zip((hme.appearance, hme.motion), video.split([6, 4], dim=1), strict=True):
        high, (ends, _) = layers(x, begun)
        streams.append(torch.cat([_lower(layers, x, begun), high], dim=1))
        last.append(ends)
    again = (last[0] + last[1], torch.zeros_like(last[0])) if hme.twice else None
    x, (ends, _) = hme.text(words, again)
    q, read = ends.flatten(), read_by(hme.text_memory, x)
    seen = seen_by(hme.visual_memory, torch.stack([stream[:, H:] for stream in streams]))

    attended = []
    attention = hme.attention
    for i, clips in enumerate(streams):
        asked = attention.asked.weight[i] @ q + attention.asked.bias[i]
        joined = torch.tanh(asked + clips @ attention.seen.weight[i].T + attention.seen.bias[i])
        weights = (joined @ attention.score[i])[:, 0].softmax(0)
        map_, bias = (hme.attended.weight, hme.attended.bias)
        attended.append(map_[i] @ (weights @ clips) + bias[i] if map_.dim() == 3 else map_ @ (weights @ clips) + bias)
    reasoned = reason(hme, torch.cat([last[0][1], last[1][1]]), seen, read)
    return torch.tanh(torch.cat([*attended, hme.reasoned(reasoned)]))


def _lower(layers: torch.nn.LSTM, x: Tensor, start: tuple[Tensor, Tensor] | None) -> Tensor:
    """The states of the first of two layers."""
    first = torch.nn.LSTM(x.shape[1], H).double()
    first.load_state_dict({name: value for name, value in layers.state_dict().items() if name.endswith("l0")})
    return first(x, None if start is None else (start[0][:1], start[1][:1]))[0]


def reason(hme: Hme, ends: Tensor, seen: Tensor, read: Tensor) -> Tensor:
    part = hme.reasoning
    s, lower, upper = torch.tanh(part.first(ends)), None, None
    for _ in range(part.rounds):
        lower = part.lower(s, lower)
        upper = part.upper(lower[0], upper)
        h = upper[0]
        u = part.score_seen(torch.tanh(part.keys_seen(seen) + part.asks_seen(h)))[:, 0].softmax(0) @ seen
        w = part.score_read(torch.tanh(part.keys_read(read) + part.asks_read(h)))[:, 0].softmax(0) @ read
        both = [layer(x) + part.share_of_state(h) for layer, x in ((part.share_seen, u), (part.share_read, w))]
        shares = part.share(torch.tanh(torch.stack(both)))[:, 0].softmax(0)
        o = torch.tanh(part.of_state(h) + shares[0] * part.seen(u) + shares[1] * part.read(w))
        s = torch.tanh(part.again(torch.cat([h, o])))
    return torch.cat([lower[0], upper[0]])


@pytest.mark.parametrize(
    "settings", [{}, {"official_shared_map": True}, {"rounds": 2}, {"reading": "twice"}], ids=lambda s: str(s)
)
def test_hme_is_its_formulas_written_for_one_pair(settings: dict[str, object]) -> None:
    hme, video, tokens = made(**settings)
    clips, texts = hme.encode_clips(video), hme.encode_tokens(tokens, LENGTHS)
    pairs = torch.tensor([2, 0, 1, 2, 0]), torch.tensor([0, 1, 2, 3, 0])
    found = hme.fuse(clips, texts, *pairs)
    for row, (v, t) in enumerate(zip(*pairs, strict=True)):
        torch.testing.assert_close(found[row], expected(hme, video[v], tokens[t, : LENGTHS[t]]))


def test_what_is_read_twice_keeps_to_the_contract() -> None:
    hme, video, tokens = made(reading="twice")
    clips, texts = hme.encode_clips(video), hme.encode_tokens(tokens, LENGTHS)
    assert isinstance(clips, UnreadClips) and isinstance(texts, ReadOnce)
    assert clips.local.shape == (3, 5, hme.width) and texts.pooled.shape == (4, hme.width)
    pairs = torch.tensor([0, 2]), torch.tensor([1, 3])
    padded = F.pad(tokens, (0, 0, 0, 4), value=50.0)
    longer = hme.fuse(clips, hme.encode_tokens(padded, LENGTHS), *pairs)
    torch.testing.assert_close(hme.fuse(clips, texts, *pairs), longer)
    torch.testing.assert_close(hme.clip_weights(clips, texts, *pairs).sum(dim=1), torch.ones(2).double())


def test_vectors_of_words_may_be_read_as_they_are() -> None:
    hme, video, tokens = made(words=None)
    texts = hme.encode_tokens(tokens, LENGTHS)
    assert hme.text.input_size == 8
    assert hme.fuse(hme.encode_clips(video), texts, torch.tensor([0]), torch.tensor([0])).shape == (1, 3 * H)


def made_up(*shapes: tuple[int, ...]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True) for shape in shapes]


@pytest.mark.parametrize("sizes", [[4, 3, 3, 1], [2, 2], [1]], ids=str)
def test_gradients_of_the_text_memory_are_those_of_finite_differences(sizes: list[int]) -> None:
    F = 2 * H + 2 * S + 2
    inputs = made_up((sum(sizes), F), (F, H), (H, H))
    assert torch.autograd.gradcheck(lambda *x: read_text(*x, S, sizes), inputs)


@pytest.mark.parametrize("K", [1, 2, 4])
def test_gradients_of_the_visual_memory_are_those_of_finite_differences(K: int) -> None:
    F, V = 2 * H + S, 2
    inputs = made_up((2, K, V, F), (2, H, F), (3 * H, S + 3), (H, H), (H, 3 * H), (S + 3,), (H,))
    assert torch.autograd.gradcheck(watch, inputs)
