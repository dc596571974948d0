"""A trained run that is asked: `load(...)`, `.ask(...)`, `.features(...)`.

Sizes: K clips, T frames a clip.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from huggingface_hub import ModelHubMixin, snapshot_download
from numpy.typing import NDArray

from base.errors import UserError
from base.formats.predictions import Predictions, Scored
from base.formats.run_folder import RunFolder
from base.formats.video_features import VideoFeatures
from eigv.asking import questions as asked
from eigv.asking.bundle import check_whole, write_bundle
from eigv.asking.questions import Question
from eigv.asking.sources import Sources
from eigv.asking.videos import SeenVideo, VideoCache
from eigv.config.methods import method as method_of
from eigv.runs import model_files, precision
from eigv.runs.answering import Answering
from eigv.runs.data import Videos
from eigv.runs.evaluation import predict
from extract.videos.workers import Limits


@dataclass(frozen=True)
class Answer:
    """What a run answers to one question about one video, and the clips that the answer rests on."""

    video: str
    question: str
    answer: str
    score: float
    """The probability of the answer."""
    scores: tuple[Scored, ...]
    """Answers with their probabilities, likeliest first: every candidate, or the first of the vocabulary."""
    clips: tuple[int, ...] | None
    """The causal clips, numbered from 0; None for a method without a grounding indicator."""
    probability: tuple[float, ...] | None
    """(K,) of each clip, that it is causal."""
    spans: tuple[tuple[float, float], ...]
    """The seconds of the causal clips."""
    frames: NDArray[np.int32] = field(compare=False)
    """(K, T) the numbers of the frames that were looked at."""

    def described(self) -> dict[str, Any]:
        """As JSON values."""
        scores = [{"answer": text, "probability": value} for text, value in self.scores]
        return asdict(self) | {"scores": scores, "frames": self.frames.tolist()}


class Model(ModelHubMixin):
    """A trained run, or a bundle of one, that answers questions about videos."""

    def __init__(
        self, folder: Path, device: str = "auto", cache: Path | None = None, time_limit: float = Limits().seconds
    ) -> None:
        """The model of a folder with `model.json`; `cache` is where features of videos are kept, else in the folder,
        and `time_limit` the seconds that each pass over a video may take.

        `UserError` where the run does not know how its features were made, what makes them is not there, or a bundle is
        not what was packed.
        """
        device = _usable(device)
        self._hub_mixin_config = None  # device, cache and limits are of this machine: they do not go to the hub
        self.folder, self.device = folder, device
        check_whole(folder)
        self.network, self.card = model_files.load(RunFolder(folder).model)
        self.sources = Sources.of(self.card, folder)
        self.limits = Limits(seconds=time_limit)
        if cache:
            self._cache = VideoCache(cache, self.sources, device, self.limits)
        else:
            self._cache = VideoCache.beside(folder, self.sources, device, self.limits)
        self._numbers = precision.to_answer_in(self.card.precision, device)
        precision.prepare(self.network.to(device), self._numbers, device)

    @cached_property
    def _reader(self) -> asked.Reader:
        return asked.Reader(self.sources, self.device)

    @property
    def multiple_choice(self) -> bool:
        """Whether questions come with candidates."""
        return not self.card.classes

    def features(self, video: str | Path | Sequence[str | Path]) -> VideoFeatures | list[VideoFeatures]:
        """The features of a video, or of each of several: `.features[kind]` is (1, K, D), as the workflow stores it."""
        if isinstance(video, str | Path):
            return VideoFeatures.read(self.seen([video])[0].features, self.sources.kinds)
        return [VideoFeatures.read(seen.features, self.sources.kinds) for seen in self.seen(video)]

    def seen(self, videos: Sequence[str | Path]) -> list[SeenVideo]:
        """The videos with their files of features, which are made where they are not there (`VideoCache.features`)."""
        return self._cache.features([Path(video) for video in videos])

    def ask(
        self,
        video: str | Path | Sequence[str | Path],
        question: str | Sequence[str],
        candidates: Sequence[str] | Sequence[Sequence[str]] | None = None,
    ) -> Answer | list[Answer]:
        """The answer to a question about a video; a list of answers to a list of questions.

        With a list of videos, each question is about the video at its place. `candidates` are those of the question;
        for a list of questions, a list for each or one list for all. `UserError` for what cannot be read, and for a
        question in a form that the run does not answer.
        """
        if isinstance(question, str):
            if not isinstance(video, str | Path):
                raise UserError("one question is about one video; give a question for each")
            return self.answers([video], [Question(question, _texts(candidates))])[0]
        each: list[Any] = [()] * len(question) if candidates is None else list(_listed(candidates))
        if each and isinstance(each[0], str):
            each = [each] * len(question)
        videos = [video] * len(question) if isinstance(video, str | Path) else list(video)
        if not len(videos) == len(question) == len(each):
            lists = "" if candidates is None else f", and {len(each)} lists of candidates"
            raise UserError(f"each question has its video: there are {len(question)} and {len(videos)}{lists}")
        return self.answers(videos, [Question(q, _texts(c)) for q, c in zip(question, each, strict=True)])

    def answers(self, videos: Sequence[str | Path], questions: Sequence[Question]) -> list[Answer]:
        """The answer to each question about the video at its place."""
        asked.check(questions, self.multiple_choice)
        groups: dict[tuple[str | Path, int], list[int]] = {}
        for number, (video, question) in enumerate(zip(videos, questions, strict=True)):
            groups.setdefault((video, len(question.candidates)), []).append(number)
        different = list(dict.fromkeys(videos))
        seen = dict(zip(different, self.seen(different), strict=True))
        found: dict[int, Answer] = {}
        for (video, _), numbers in groups.items():
            part = [questions[number] for number in numbers]
            found |= dict(zip(numbers, self._answers(seen[video], part), strict=True))
        return [found[number] for number in range(len(questions))]

    def _answers(self, seen: SeenVideo, questions: Sequence[Question]) -> list[Answer]:
        """The answers to questions about one video, all with as many candidates."""
        settings = self.card.settings
        split = self._reader.split(questions, Videos.read(seen.features, self.card.streams))
        answering = Answering(
            self.network,
            settings.training.batch,
            self.device,
            self._numbers,
            settings.inference.answer_from,
            both=method_of(settings.method).grounds,
        )
        predictions = predict(answering, split, self.sources.classes)[0]
        frames = split.videos.store.frame_index[0]
        return [_answer(seen, questions[n], predictions, n, frames) for n in range(len(questions))]

    def save(self, folder: str | Path, examples: str | Path | None = None) -> None:
        """Writes a bundle: a folder with everything that asking needs (`eigv.asking.bundle`).

        `examples` is a folder of videos; some of the test split are copied with a question each.
        """
        write_bundle(self.card, self.sources, self.folder, Path(folder), Path(examples) if examples else None)

    def push(self, repository: str, **options: Any) -> str:
        """Uploads the bundle to the Hugging Face hub, as `owner/name`; options are those of `push_to_hub`."""
        return str(self.push_to_hub(repository, **options))

    def _save_pretrained(self, save_directory: Path) -> None:
        self.save(save_directory)

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | Path,
        *,
        force_download: bool = False,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        revision: str | None = None,
        **given: Any,
    ) -> Self:
        """The model of a folder, or of a bundle on the hub, downloaded with the options of `snapshot_download`.

        `given` are arguments of the initialiser. The mixin's own looks for a `config.json`, which a bundle has not, and
        fails without it where there is no network. `UserError` where the hub does not give the bundle.
        """
        if Path(pretrained_model_name_or_path).is_dir():
            return cls(Path(pretrained_model_name_or_path), **given)
        bundle = _downloaded(
            str(pretrained_model_name_or_path),
            force_download=force_download,
            token=token,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            revision=revision,
        )
        return cls(bundle, **given)


def load(
    place: str | Path, device: str = "auto", cache: Path | None = None, time_limit: float = Limits().seconds
) -> Model:
    """The model of a run's folder (or its `model.json`), of a bundle, or of a bundle on the Hugging Face hub.

    `UserError` where there is none.
    """
    path = Path(place)
    if path.name == "model.json":
        path = path.parent
    if RunFolder(path).model.is_file():
        return Model(path, device, cache, time_limit)
    if path.is_dir():
        raise UserError(f"{place} holds no model.json: give the folder of a run (.../seed0) or of a bundle")
    if path.exists() or path.parent.is_dir() or str(place).count("/") != 1 or str(place).startswith((".", "/", "~")):
        raise UserError(f"there is no folder {place}: give the folder of a run (.../seed0) or of a bundle")
    return Model(_downloaded(str(place)), device, cache, time_limit)


def _downloaded(name: str, **options: Any) -> Path:
    try:
        return Path(snapshot_download(name, **options))
    except (OSError, ValueError) as error:
        said = " ".join(str(error).split())
        raise UserError(f"there is no folder {name}, and the hub does not give it: {said[:300]}") from None


def _usable(device: str) -> str:
    """The device to work on; `UserError` where that of a name cannot be used."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts
        said = str(error).splitlines()[0][:200]
        raise UserError(f"the device {device!r} cannot be used: {said}; auto and cpu always work") from None
    return device


def _texts(candidates: Any) -> tuple[str, ...]:
    return () if candidates is None else tuple(_listed(candidates))


def _listed(candidates: Any) -> Any:
    if isinstance(candidates, str):  # its letters would be the candidates
        raise UserError(f"candidates are a list of texts, and {candidates!r} is one text")
    return candidates


def _answer(
    seen: SeenVideo, question: Question, predictions: Predictions, number: int, frames: NDArray[np.int32]
) -> Answer:
    if predictions.scores is not None:
        pairs = zip(question.candidates, predictions.scores[number].tolist(), strict=True)
        scores = tuple(sorted((Scored(*pair) for pair in pairs), key=lambda pair: -pair.probability))
    else:
        assert predictions.top is not None
        scores = predictions.top[number]
    rationale = predictions.rationales[number] if predictions.rationales else None
    return Answer(
        video=str(seen.path),
        question=question.text,
        answer=scores[0].answer,
        score=scores[0].probability,
        scores=scores,
        clips=rationale.clips if rationale else None,
        probability=rationale.probability if rationale else None,
        spans=rationale.spans if rationale else (),
        frames=frames,
    )


def as_json(answers: Sequence[Answer]) -> str:
    """Answers as JSON text, a list."""
    return json.dumps([answer.described() for answer in answers], ensure_ascii=False, indent=1)
