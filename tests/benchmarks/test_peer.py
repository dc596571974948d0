"""The peer that training is measured against has the numbers of our preset `official`."""

import h5py
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmarks.peer import PeerBatch, build_peer, official_state
from benchmarks.peer.draws import PeerDraws
from benchmarks.peer.reading import PerQuestion, loader
from eigv.backbones import ClipWidths
from eigv.config.methods import METHODS
from eigv.config.official import official
from eigv.config.run import RunSettings
from eigv.method.batch import Batch
from eigv.runs.model_files import ModelCard
from tests.parity.models import RecordedBank, RecordedDraws

K, WIDTH, TOKENS, TOKEN_WIDTH, VIDEOS = 16, 24, 7, 12, 9
CLASSES = 11
SMALL = {
    "hga": {"hidden": 16, "words": 10, "fusion": {"width": 50, "chunks": 4, "rank": 3}},
    "comem": {"hidden": 8, "words": 10},
    "mspan": {"hidden": 8},
}
CASES = [("nextqa", "hga"), ("nextqa", "comem"), ("nextqa", "mspan"), ("msvd-qa", "hga")]
CASES += [("msvd-qa", "comem"), ("msvd-qa", "mspan"), ("msrvtt-qa", "hga")]


def _pair(dataset: str, backbone: str):
    """A model of ours in the official settings and small sizes, without dropout, and its peer, in double precision."""
    values = official(dataset, backbone)
    values["backbones"][backbone] |= SMALL[backbone]
    if values["backbones"][backbone].get("projection"):
        values["backbones"][backbone]["projection"] = 20
    # what float32 rounds to 0 is not the same twice: clips are padding where they are meant to be
    values["eigv"]["grounding"]["official_sum_mask"] = False
    values |= {"backbone": backbone, "method": "eigv", "features": "app+mot", "seed": 0}
    classes = None if dataset == "nextqa" else CLASSES
    card = ModelCard(RunSettings(**values), ClipWidths(WIDTH // 2, WIDTH // 2), TOKEN_WIDTH, classes)
    torch.manual_seed(3)
    ours = card.build()
    peer = build_peer(card, ours)
    for module in (*ours.modules(), *peer.modules()):
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        elif isinstance(module, nn.RNNBase) or isinstance(getattr(module, "dropout", None), float):
            module.dropout = 0.0
    return ours.double(), peer.double(), card.settings


def _questions(dataset: str, count: int) -> tuple[Batch, PeerBatch, Tensor]:
    """The same questions for both, and a bank."""
    random = torch.Generator().manual_seed(5)
    candidates = 5 if dataset == "nextqa" else 1
    shape = (count, candidates) if candidates > 1 else (count,)
    lengths = torch.randint(1, TOKENS + 1, shape, generator=random)
    lengths.view(-1)[0] = TOKENS
    tokens = torch.randn(*shape, TOKENS, TOKEN_WIDTH, generator=random, dtype=torch.float64)
    tokens = tokens * (torch.arange(TOKENS) < lengths[..., None])[..., None]
    bank = torch.randn(VIDEOS, K, WIDTH, generator=random, dtype=torch.float64)
    rows = torch.randperm(VIDEOS, generator=random)[:count]
    answer = torch.randint(0, candidates if candidates > 1 else CLASSES, (count,), generator=random)
    # the peer pads all texts of a data set alike, also beyond the longest of a batch
    padded = torch.cat([tokens, tokens.new_zeros(*shape, 3, TOKEN_WIDTH)], -2)
    theirs = PeerBatch(bank[rows], padded, lengths, rows, answer)
    ours = Batch(
        video=bank[rows],
        tokens=tokens.flatten(0, -3),
        lengths=lengths.flatten(),
        answer=answer,
        excluded=rows[:, None],
        candidates=candidates,
        qids=[str(number) for number in range(count)],
    )
    return ours, theirs, bank


class Recording(PeerDraws):
    """The peer's own draws, kept under the names that recorded steps have."""

    def __init__(self, bank: Tensor) -> None:
        self.golden: dict[str, Tensor] = {"in/bank": bank}
        self.names = {
            "ratio": iter(["in/lam_1", "in/lam_2"]),
            "permutation": iter(["in/index", "rec/index_q"]),
            "gumbel": iter(["rec/gumbel0_noise", "rec/gumbel1_noise"]),
            "clips": iter(["rec/multinomial_pos", "rec/multinomial_neg"]),
        }

    def _keep(self, kind: str, drawn: Tensor) -> Tensor:
        self.golden[next(self.names[kind])] = drawn
        return drawn

    def ratio(self, alpha: float) -> float:
        return float(self._keep("ratio", torch.tensor(super().ratio(alpha), dtype=torch.float64)))

    def permutation(self, n: int) -> Tensor:
        return self._keep("permutation", super().permutation(n))

    def gumbel(self, like: Tensor) -> Tensor:
        return self._keep("gumbel", super().gumbel(like))

    def clips(self, excluded: Tensor, videos: int, clips: int) -> Tensor:
        return self._keep("clips", super().clips(excluded, videos, clips))


@pytest.mark.parametrize(("dataset", "backbone"), CASES)
def test_a_step_has_our_losses_accuracy_and_gradients(dataset, backbone):
    ours, peer, settings = _pair(dataset, backbone)
    batch, theirs, bank = _questions(dataset, 4)
    np.random.seed(1)
    torch.manual_seed(1)
    draws = Recording(bank)
    expected = peer.train().step(theirs, bank, draws)
    expected.total.backward()

    losses = ours.train().training_step(
        batch, METHODS["eigv"], RecordedDraws(draws.golden), RecordedBank(draws.golden), settings.eigv
    )
    losses.total.backward()
    ratio = draws.golden["in/lam_1"]
    constant = torch.special.entr(torch.stack([ratio, 1 - ratio])).sum() if dataset == "nextqa" else 0.0
    torch.testing.assert_close(losses.answer - constant, expected.answer.detach(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(losses.contrastive, expected.contrastive.detach(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close((losses.total - constant).detach(), expected.total.detach(), rtol=1e-5, atol=1e-5)
    assert float(losses.accuracy) == pytest.approx(_accuracy(expected.logits, theirs, draws), abs=1e-6)

    gradients = {n: torch.zeros_like(p) if p.grad is None else p.grad for n, p in ours.named_parameters()}
    named = dict(peer.named_parameters())
    found = official_state(ours, gradients)
    largest = max(float(value.abs().max()) for value in found.values())
    assert largest > 0
    for name, value in found.items():
        grad = named[name].grad
        torch.testing.assert_close(
            value, torch.zeros_like(value) if grad is None else grad, rtol=0, atol=1e-4 * largest
        )
    statistics = official_state(ours, {n: b for n, b in ours.named_buffers() if b.is_floating_point()})
    for name, value in statistics.items():
        torch.testing.assert_close(value, peer.state_dict()[name], rtol=1e-5, atol=1e-5)


def _accuracy(logits: Tensor, theirs: PeerBatch, draws: Recording) -> float:
    """How much the predicted answers weigh in the mixed ones."""
    ratio, partner = float(draws.golden["in/lam_1"]), draws.golden["in/index"]
    predicted, candidates = logits.argmax(1), 5 if theirs.tokens.dim() == 4 else 0
    own = (predicted == theirs.answer).double() * ratio
    other = (predicted == theirs.answer[partner] + candidates).double() * (1 - ratio)
    return float((own + other).mean())


@pytest.mark.parametrize(("dataset", "backbone"), CASES)
def test_an_evaluation_has_our_answers(dataset, backbone):
    ours, peer, _ = _pair(dataset, backbone)
    batch, theirs, _ = _questions(dataset, 6)
    with torch.no_grad():
        torch.testing.assert_close(ours.eval().answer(batch), peer.eval().answer(theirs), rtol=1e-5, atol=1e-5)


def test_the_bank_gives_no_clip_of_an_excluded_video():
    excluded = torch.tensor([[0, 1], [2, 2]])
    drawn = torch.stack([PeerDraws().clips(excluded, 4, 3) for _ in range(50)]) // 3  # (50, 2, 3)
    assert set(drawn[:, 0].flatten().tolist()) == {2, 3}
    assert set(drawn[:, 1].flatten().tolist()) == {0, 1, 3}


def test_questions_are_read_one_by_one_and_their_lengths_counted(tmp_path):
    tokens = np.ones((4, 5, 7, 3), np.float32)
    tokens[1, 2, 4:] = 0
    with h5py.File(tmp_path / "tokens.h5", "w") as file:
        file["feat"] = tokens
    questions = PerQuestion(torch.arange(24.0).view(2, 3, 4), [0, 1, 1, 0], [4, 3, 2, 1], tmp_path / "tokens.h5")
    assert questions[1][2].tolist() == [7, 7, 4, 7, 7]
    (batch,) = loader(questions, 4)
    assert batch.tokens.shape == (4, 5, 7, 3)
    assert (batch.video[batch.video_row == 1] == torch.arange(12.0, 24.0).view(3, 4)).all()
