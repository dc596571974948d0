"""Ours and the peer, each with its own reading, for benchmarks/training: one made-up data set in both forms.

Sizes: V videos, K clips, Q questions, A candidates, B questions of a batch.
"""

from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pandas as pd
import torch

from base.formats.questions import CANDIDATES, write_annotations, write_summary
from base.formats.token_features import write_token_features
from base.formats.video_features import Origin, Sizes, write_video_features
from base.formats.vocabulary import write_vocabulary
from benchmarks.peer import Peer, build_peer
from benchmarks.peer.draws import PeerDraws
from benchmarks.peer.reading import PerQuestion, loader
from eigv.config.official import official
from eigv.config.run import RunSettings
from eigv.runs.data import Split, Videos
from eigv.runs.learning.model import ModelTraining
from eigv.runs.model_files import ModelCard

K, WIDTH, TOKEN_WIDTH, FRAMES = 16, 2048, 768, 16
BATCHES = 8
"""How many batches of questions train has."""
ANSWERED = 4
"""And validation, which is answered whole."""

# Of 1000 questions and of 1000 candidates, how many have 1, 2, ... words.
NEXTQA_QUESTIONS = [0, 0, 1, 19, 47, 34, 48, 82, 74, 84, 90, 91, 86, 79, 68, 59, 42, 33, 25, 17, 11, 6, 2, 1]
NEXTQA_CANDIDATES = [250, 215, 261, 157, 74, 37, 5, 1]
MSVD_QUESTIONS = [0, 6, 22, 91, 304, 152, 127, 129, 65, 37, 25, 14, 9, 6, 4, 3, 2, 1, 1]


class Shape(NamedTuple):
    """A data set as training sees it."""

    videos: int
    """V of train."""
    candidates: int
    classes: int | None
    padded: int
    """Tokens that the official files pad every text to."""
    train: int
    val: int
    """Questions of either split."""
    of_a_video: int
    """Questions about one video of validation (MSVD-QA: of test, which has fewer)."""


SHAPES = {
    "nextqa": Shape(3870, 5, None, 37, train=34132, val=4996, of_a_video=9),
    "msvd-qa": Shape(1200, 1, 1853, 20, train=30933, val=6415, of_a_video=25),
}


def lengths_of(dataset: str, questions: int, rng: np.random.Generator) -> np.ndarray:
    """Tokens of made-up texts (Q, A), as long as real ones: words, and what an encoder puts around and between them."""

    def drawn(histogram: list[int], shape: tuple[int, ...]) -> np.ndarray:
        chances = np.array(histogram) / sum(histogram)
        return 1 + rng.choice(len(chances), shape, p=chances)

    if dataset == "nextqa":
        return drawn(NEXTQA_QUESTIONS, (questions, 1)) + drawn(NEXTQA_CANDIDATES, (questions, 5)) + 3
    return np.minimum(drawn(MSVD_QUESTIONS, (questions, 1)) + 2, SHAPES[dataset].padded)


def write_data(folder: Path, dataset: str, batch: int, videos: int | None = None, frames: int = 0) -> None:
    """Makes up `BATCHES` batches of questions about V videos, of whose clips the vectors of `frames` frames are kept,
    in our files and in `peer.h5`."""
    rng = np.random.default_rng(0)
    shape = SHAPES[dataset]
    asked, V = BATCHES * batch, videos or shape.videos
    table = pd.DataFrame({"video_id": [f"v{n}" for n in range(V)]})
    table = table.assign(status="ok", decoder="pyav", fingerprint="", fps=10.0, duration=6.4)
    path = folder / "video.h5"
    some = rng.standard_normal((32, 2, K, WIDTH), np.float32)
    sizes = Sizes(K, 1, 1, (WIDTH, WIDTH), frames)
    with write_video_features(path, table, sizes, "float16", _origin()) as writer:
        for row in range(V):
            for kind, values in zip(("appearance", "motion"), some[row % len(some)], strict=True):
                writer.features(kind, row, values, path)
            if frames:
                writer.features("frames", row, np.repeat(some[row % len(some), 0][:, None], frames, axis=1), path)

    write_vocabulary(folder / "annotations", [] if shape.classes is None else [f"w{n}" for n in range(shape.classes)])
    write_summary(folder / "annotations", {name: {"questions_left_out": 0} for name in ("train", "val")})
    block = rng.standard_normal((4096, TOKEN_WIDTH), np.float32)
    _write_questions(folder, "val", dataset, np.arange(ANSWERED * batch) // shape.of_a_video % V, block, rng)
    # every video has a question, so that all are in the bank; the peer reads the first of them
    order = np.arange(max(asked, V)) % V
    lengths, answers = _write_questions(folder, "train", dataset, order, block, rng)
    padded = np.zeros((asked, shape.candidates, shape.padded, TOKEN_WIDTH), np.float32)
    starts = (np.cumsum(lengths) - lengths.ravel()).reshape(lengths.shape)
    for row, column in np.ndindex(asked, shape.candidates):
        size = int(lengths[row, column])
        padded[row, column, :size] = block[(starts[row, column] + np.arange(size)) % len(block)]
    with h5py.File(folder / "peer.h5", "w") as file:
        file["feat"] = padded if shape.classes is None else padded[:, 0]
        file["video_row"], file["answer"] = order[:asked], answers[:asked]


def _write_questions(
    folder: Path, split: str, dataset: str, videos: np.ndarray, block: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Questions about videos (Q,), whose tokens are those of `block` over and over; lengths (Q, A) and answers (Q,)."""
    shape = SHAPES[dataset]
    lengths = lengths_of(dataset, len(videos), rng)
    table = pd.DataFrame(
        {"qid": [f"{split}{n}" for n in range(len(videos))], "video_id": [f"v{n}" for n in videos]}
    ).assign(question="which", type="x")
    answers = rng.integers(shape.candidates if shape.classes is None else shape.classes, size=len(videos))
    if shape.classes is None:
        table = table.assign(answer=answers, **dict.fromkeys(CANDIDATES, "w"))
    else:
        table["answer"] = [f"w{number}" for number in answers]
    write_annotations(folder / f"annotations/{split}.csv", table)
    total = int(lengths.sum())
    parts = (block[: min(len(block), total - start)] for start in range(0, total, len(block)))
    path = folder / f"text/text_{split}.h5"
    write_token_features(path, table, lengths.ravel(), TOKEN_WIDTH, parts, {"encoder": "made up"})
    return lengths, answers


def _origin() -> Origin:
    return Origin({}, {}, "paper", {}, {}, {})


def settings_of(
    preset: str, dataset: str, backbone: str, batch: int, precision: str | None = None, method: str = "eigv"
) -> RunSettings:
    """`official`, or `paper`: the defaults. `precision` where `training.precision` is to be set."""
    values: dict[str, Any] = official(dataset, backbone) if preset == "official" else {"training": {}}
    values["training"] = values["training"] | {"batch": batch} | ({"precision": precision} if precision else {})
    return RunSettings(**values, backbone=backbone, method=method, features="app+mot", seed=0)


class Splits(NamedTuple):
    """The questions in our files."""

    train: Split
    val: Split


def read_data(folder: Path, streams: str = "app+mot") -> Splits:
    """Both splits, over the same videos with those streams of features."""
    videos = Videos.read(folder / "video.h5", streams)
    return Splits(
        *(
            Split.read(name, folder / "annotations", folder / "text", videos, training=name == "train")
            for name in Splits._fields
        )
    )


class Ours:
    """Training as `eigv train` does it, a step at a time."""

    def __init__(self, splits: Splits, dataset: str, settings: RunSettings) -> None:
        self.split, self.val, self.size = splits.train, splits.val, settings.training.batch
        self.card = ModelCard(settings, self.split.videos.widths, TOKEN_WIDTH, SHAPES[dataset].classes)
        torch.manual_seed(0)
        self.training = ModelTraining(self.card, self.split, self.val, "cpu")
        self.model = self.training.model
        self._steps = (step for epoch in count(1) for step in self.training.train_epoch(epoch, 0))

    def step(self) -> None:
        """Reads a batch, and learns from it."""
        self.model.train()  # an evaluation may have been between two steps of an epoch
        next(self._steps)

    def read(self) -> None:
        """Reads a batch."""
        self.split.batch(np.random.randint(len(self.split), size=self.size), self.training.excluded)

    def draw(self) -> None:
        """Draws what a step takes from the bank."""
        assert self.training.bank is not None
        excluded = torch.randint(len(self.training.bank.rows), (self.size, 2))
        self.training.bank.draw(excluded, (1 + self.card.settings.eigv.disruptor.negatives, K), self.training.draws)

    def drop_model(self) -> None:
        """Keeps the data and the description alone."""
        del self._steps, self.training, self.model

    def evaluate(self) -> None:
        """Answers validation, `ANSWERED` batches, as the check after an epoch does."""
        self.training._accuracy(self.val, len(self.val))

    def check_train(self) -> None:
        """Answers a batch of train, as that check does: of as many videos."""
        self.training._accuracy(self.split, self.size)


class Theirs:
    """The peer with its loader and its optimiser."""

    def __init__(self, folder: Path, ours: Ours) -> None:
        with h5py.File(folder / "peer.h5") as file:
            rows, answers = file["video_row"][:].tolist(), file["answer"][:].tolist()
        self.bank = ours.split.videos.features.float()
        questions = PerQuestion(self.bank, rows, answers, folder / "peer.h5")
        self.batches = loader(questions, ours.size)
        self.model: Peer = build_peer(ours.card, ours.model)
        how = ours.card.settings.training
        self.optimizer = torch.optim.Adam(self.model.parameters(), how.learning_rate, weight_decay=how.weight_decay)
        self._left = iter(self.batches)

    def _next(self) -> Any:
        found = next(self._left, None)
        if found is None:
            self._left = iter(self.batches)
            found = next(self._left)
        return found

    def step(self) -> None:
        """Reads a batch, and learns from it."""
        self.model.train()
        losses = self.model.step(self._next(), self.bank, PeerDraws())
        self.model.zero_grad()
        losses.total.backward()
        self.optimizer.step()
        losses.total.item()

    @torch.no_grad()
    def evaluate(self) -> None:
        """Answers a batch."""
        self.model.eval()
        batch = self._next()
        (self.model.answer(batch).argmax(1) == batch.answer).sum().item()
