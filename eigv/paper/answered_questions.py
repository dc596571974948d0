"""The answered questions of a run: predictions beside what was asked, and a choice among them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from base.errors import UserError
from base.formats.explanations import read_post_hoc
from base.formats.predictions import Answer, Predictions, Rationale, Scored
from base.formats.questions import CANDIDATES, is_multiple_choice, read_annotations
from eigv.config.targets import Rationales
from extract.annotations.gold import read_gold

A_VIDEO = 2
"""Questions that are shown of one video."""


@dataclass(frozen=True)
class AnsweredQuestion:
    """A question with what a run answered."""

    qid: str
    video_id: str
    type: str
    question: str
    candidates: tuple[str, ...]
    """In words; none for an open-ended question."""
    answer: Answer
    """The right one."""
    prediction: Answer
    is_right: bool
    scored: tuple[Scored, ...]
    """All candidates in their order, or the likeliest open-ended answers."""
    rationale: Rationale | None
    """None where the method does not ground its answers."""
    gold: tuple[tuple[float, float], ...] = ()
    """The seconds that hold the answer, where they are known."""
    post_hoc: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """The clips that post-hoc explainers of the same model select, by explainer, where they were made."""

    @property
    def confidence(self) -> float:
        """The probability of the predicted answer."""
        return max((probability for _, probability in self.scored), default=0.0)


def read_answered(
    predictions: Path, questions: Path, gold: Path | None = None, explanations: Path | None = None
) -> list[AnsweredQuestion]:
    """The predictions of a `predictions.csv` with their questions, which the folder `questions` holds, the spans of a
    file of `gold`, and the post-hoc selections of an `explanations.csv`."""
    spans = read_gold(gold) if gold else {}
    post_hoc = read_post_hoc(explanations) if explanations else {}
    found = Predictions.read(predictions)
    asked = read_annotations(questions / "test.csv").set_index("qid")
    if not set(found.qid) <= set(asked.index):
        raise UserError(
            f"{predictions} and {questions / 'test.csv'} are not of the same data set: {predictions} has more"
        )
    asked = asked.loc[found.qid]
    multiple_choice = is_multiple_choice(asked)
    candidates = list(asked[CANDIDATES].itertuples(index=False, name=None)) if multiple_choice else [()] * len(found)
    return [
        AnsweredQuestion(
            qid=found.qid[n],
            video_id=found.video_id[n],
            type=found.type[n],
            question=question,
            candidates=candidates[n],
            answer=found.answer[n],
            prediction=found.prediction[n],
            is_right=bool(found.correct[n]),
            scored=_scored(found, n, candidates[n]),
            rationale=found.rationales[n] if found.rationales else None,
            gold=tuple((start, end) for start, end in spans.get(found.qid[n], [])),
            post_hoc=post_hoc.get(found.qid[n], {}),
        )
        for n, question in enumerate(asked["question"])
    ]


def _scored(predictions: Predictions, n: int, candidates: tuple[str, ...]) -> tuple[Scored, ...]:
    if predictions.scores is not None:
        return tuple(map(Scored, candidates, predictions.scores[n].tolist()))
    return predictions.top[n] if predictions.top else ()


def by_video(questions: Iterable[AnsweredQuestion]) -> dict[str, list[AnsweredQuestion]]:
    """The questions on each video, videos in the order in which they come."""
    found: dict[str, list[AnsweredQuestion]] = {}
    for question in questions:
        found.setdefault(question.video_id, []).append(question)
    return found


def choose(questions: list[AnsweredQuestion], how: Rationales) -> list[list[AnsweredQuestion]]:
    """The questions of each video that is shown, at most two a video where nothing else is said."""
    if how.qids:
        if absent := set(how.qids) - {question.qid for question in questions}:
            raise UserError(f"the predictions have no question {', '.join(sorted(absent))}")
        return list(by_video(question for question in questions if question.qid in how.qids).values())
    if how.choose in ("best", "worst"):
        questions = [question for question in questions if question.is_right == (how.choose == "best")]
        if not questions:
            raise UserError(
                f"no answer is {'right' if how.choose == 'best' else 'wrong'}: there is no {how.choose} one"
            )
        questions = sorted(questions, key=lambda question: -question.confidence)
    parts = [_two(part) for part in by_video(questions).values()]
    full = [part for part in parts if len(part) == A_VIDEO]
    count = max(1, how.questions // A_VIDEO)
    parts = full if len(full) >= count else parts
    if how.choose in ("best", "worst"):
        return sorted(parts, key=lambda part: -float(np.mean([question.confidence for question in part])))[:count]
    if how.choose == "random":
        picks = np.random.default_rng(how.seed).permutation(len(parts))[:count]
    else:
        picks = np.unique(np.linspace(0, len(parts) - 1, min(count, len(parts))).round().astype(int))
    return [parts[i] for i in picks]


def _two(questions: list[AnsweredQuestion]) -> list[AnsweredQuestion]:
    """Two questions of a video, of different types where it has them: they say more."""
    first_of_type = {question.type: question for question in reversed(questions)}
    different = [question for question in questions if first_of_type[question.type] is question]
    return (different if len(different) >= A_VIDEO else questions)[:A_VIDEO]
