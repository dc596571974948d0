"""HCRN against its formulas, its draws, and its texts apart."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from base.errors import UserError
from eigv.backbones import BACKBONES, ClipWidths
from eigv.backbones.hcrn import Hcrn
from eigv.backbones.hcrn.relation import Reading, Relation
from eigv.backbones.hcrn.subsets import drawn, sizes_of
from eigv.config.names import READS_FRAMES
from eigv.config.run import HcrnSettings

pytestmark = pytest.mark.usefixtures("one_thread")
WIDTHS = ClipWidths(0, 3, frames=(5, 4), clips=6)
LENGTHS = torch.tensor([4, 1, 2, 3])


def made(widths: ClipWidths = WIDTHS, **settings: object) -> Hcrn:
    torch.manual_seed(0)
    sizes = HcrnSettings(hidden=8, words=6, subsets=2).model_copy(update=settings)
    return Hcrn(sizes, widths, token_width=5).double().eval()


def inputs() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    video = torch.randn(3, 6, 23, generator=generator, dtype=torch.float64)
    return video, torch.randn(4, 4, 5, generator=generator, dtype=torch.float64)


def test_subsets_are_of_every_size_different_and_drawn_by_the_seed() -> None:
    assert sizes_of(16) == list(range(15, 1, -1)) and sizes_of(3) == sizes_of(2) == [2]
    torch.manual_seed(3)
    found = drawn(5, 3, groups=2)
    assert found.sum(dim=-1).tolist() == [[[4] * 3, [3] * 3, [2] * 3]] * 2
    for subsets in found.flatten(0, 1).tolist():
        assert len({tuple(subset) for subset in subsets}) == 3
    assert not torch.equal(found[0], found[1])
    torch.manual_seed(3)
    assert torch.equal(found, drawn(5, 3, groups=2)) and not torch.equal(found, drawn(5, 3, groups=2))
    every = drawn(3, 5)[0, 0]  # there are 3 of 2
    assert sorted(every.sum(dim=-1).tolist()) == [0, 0, 2, 2, 2] and len(set(map(tuple, every.tolist()))) == 4


def test_every_subset_is_as_likely() -> None:
    torch.manual_seed(0)
    counts: dict[tuple[bool, ...], int] = {}
    for subset in drawn(4, 1, groups=600)[:, 1, 0].tolist():
        counts[tuple(subset)] = counts.get(tuple(subset), 0) + 1
    assert len(counts) == 6 and min(counts.values()) > 60  # 100 each


@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("times", [1, 2, 7])  # of 5 objects there are 5 of 4
def test_a_relation_is_its_formula_written_object_by_object(gated: bool, times: int) -> None:
    torch.manual_seed(0)
    relation = Relation(5, 4, times, groups=2, gated=gated).double().eval()
    torch.nn.init.normal_(relation.bias)
    objects, condition = torch.randn(3, 2, 5, 4).double(), torch.randn(3, 2, 4).double()
    found = relation(objects, condition)
    assert found.shape == (3, 2, 3, 4)
    of_condition, bias = relation.of_condition.unflatten(0, (3, -1)), relation.bias.unflatten(0, (3, -1))
    for b, g, s in [(b, g, s) for b in range(3) for g in range(2) for s in range(3)]:
        each = []
        for subset in relation.subsets[g, s]:
            if subset.any():
                mean = objects[b, g, subset].mean(dim=0)
                x = mean @ relation.of_mean[s] + of_condition[s] @ condition[b, g] + bias[s]
                each.append(F.elu(x[:4]) * x[4:].sigmoid() if gated else F.elu(x))
        assert len(each) == min(times, [5, 10, 10][s])
        torch.testing.assert_close(found[b, g, s], torch.stack(each).mean(dim=0))


def test_reading_is_its_formula() -> None:
    torch.manual_seed(0)
    reading = Reading(4, 0.0).double()
    question, objects = torch.randn(2, 4).double(), torch.randn(2, 3, 4).double()
    own = reading.objects(objects)
    both = torch.cat([own, reading.question(question)[:, None] * own], dim=2)
    weights = reading.score(F.elu(reading.both(both))).softmax(dim=1)
    torch.testing.assert_close(reading(question, objects), (weights * objects).sum(dim=1))


def test_clips_meet_in_order_of_their_objects() -> None:
    """What comes out of the clips is related object by object, and in all of them the question is asked."""
    hcrn, (video, tokens) = made(), inputs()
    clips, texts, one = hcrn.encode_clips(video), hcrn.encode_tokens(tokens, LENGTHS), torch.tensor([1])
    found = hcrn.objects(clips, texts.pooled, one, one)[0]
    views = WIDTHS.views(video[1])
    frames, motion = hcrn.appearance(views["frames"])[None], hcrn.motion(views["motion"])[None]
    asked = hcrn.of_question(texts.pooled[1])
    of_clips = hcrn.frames_by_question(hcrn.frames_by_motion(frames, motion), asked.expand(1, 6, -1))
    _, (last, _) = hcrn.sequence(views["motion"][None])
    expected = []
    for number in range(of_clips.shape[2]):
        same = of_clips[:, :, number][:, None]  # (1, 1, K, D), the objects of that number of all clips
        moved = hcrn.clips_by_motion(same, hcrn.of_video(last[0])[:, None])
        expected.append(hcrn.clips_by_question(moved, asked[None, None])[0, 0])
    torch.testing.assert_close(found, torch.stack(expected, dim=1).flatten(0, 1))


def answers(hcrn: Hcrn) -> Tensor:
    video, tokens = inputs()
    each = torch.arange(3)
    return hcrn.fuse(hcrn.encode_clips(video), hcrn.encode_tokens(tokens, LENGTHS), each, each)


def test_training_draws_anew_and_evaluation_never_but_in_the_official_one() -> None:
    hcrn = made(dropout=0.0, text_dropout=0.0)
    assert torch.equal(answers(hcrn), answers(hcrn)) and not torch.allclose(answers(hcrn.train()), answers(hcrn))
    official = made(official_random_subsets=True)
    assert not torch.allclose(answers(official), answers(official))


def test_the_draws_of_evaluation_are_saved_with_the_weights() -> None:
    first = made()
    torch.manual_seed(9)
    other = Hcrn(first.settings, WIDTHS, token_width=5).double().eval()
    other.load_state_dict(first.state_dict())
    assert torch.equal(answers(first), answers(other))


def test_too_little_to_relate_is_refused() -> None:
    with pytest.raises(UserError, match="at least 4 clips of 4 frame vectors, not 3 of 5"):
        made(WIDTHS._replace(clips=3))
    with pytest.raises(UserError, match="not 6 of 0"):
        made(ClipWidths(4, 3, clips=6))
    with pytest.raises(UserError, match="made for videos of 6 clips, it cannot encode 5"):
        made().encode_clips(inputs()[0][:, :5])


def test_texts_that_are_apart_are_encoded_alike_and_read_the_objects_of_the_question() -> None:
    hcrn, (video, tokens) = made(texts="apart"), inputs()
    candidates = torch.randn(8, 3, 5).double()
    texts = hcrn.encode_apart(tokens[:, :4], LENGTHS, candidates, torch.tensor([3, 1, 2, 3, 1, 2, 3, 1]))
    text = torch.arange(8)
    found = hcrn.fuse(hcrn.encode_clips(video), texts, torch.zeros_like(text), text)
    assert found.shape == (8, hcrn.answer_width) == (8, 32)
    torch.testing.assert_close(found[::2, :16], found[1::2, :16])  # the question's half, of both candidates
    assert not torch.isclose(found[::2, 16:], found[1::2, 16:]).any(dim=1).all()
    swapped = texts.select(torch.tensor([1, 0]))
    pair = torch.arange(2)
    both = hcrn.fuse(hcrn.encode_clips(video), swapped, torch.zeros_like(pair), pair)
    torch.testing.assert_close(both, found[:2].flip(0))


def test_texts_of_the_other_layout_are_refused() -> None:
    _, tokens = inputs()
    with pytest.raises(UserError, match=r"`texts: apart` needs .* \(`text.layout: apart`\)"):
        made(texts="apart").encode_tokens(tokens, LENGTHS)
    with pytest.raises(UserError, match=r"Hcrn reads question and candidate as one text.*`text.layout: joint`"):
        made().encode_apart(tokens, LENGTHS, tokens, LENGTHS)


def test_what_is_said_to_read_frames_before_a_run_declares_them() -> None:
    assert set(READS_FRAMES) == {name for name, backbone in BACKBONES.items() if "frames" in backbone.streams}
