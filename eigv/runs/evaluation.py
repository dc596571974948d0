"""Evaluation of a trained model on one split: accuracy, predictions, rationales."""

import logging
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from base.answers import COMPARISON
from base.errors import UserError
from base.formats.predictions import Predictions, Rationale
from base.formats.questions import questions_left_out
from base.formats.run_folder import RunFolder
from base.formats.vocabulary import read_vocabulary
from base.jobs.device import device_name
from base.jobs.progress import progress
from base.plug import own_files
from eigv.config.choices import Environment
from eigv.config.methods import method as method_of
from eigv.config.run import InferenceSettings
from eigv.method.draws import Draws
from eigv.method.measured import measured
from eigv.method.model import AnswerFrom
from eigv.method.step import Prediction
from eigv.rationales.faithfulness import spread
from eigv.runs import model_files, precision
from eigv.runs.accuracies import accuracies
from eigv.runs.answering import Answering
from eigv.runs.data import Split, Videos
from eigv.runs.device.placement import ahead, place
from eigv.runs.learning import monitors

log = logging.getLogger(__name__)


def evaluate(
    model_file: Path, split_name: str, video: Path, questions: Path, text: Path, answer_from: AnswerFrom | None,
    out: Path, device: str, gold: Path | None = None, faithful: int = InferenceSettings().faithfulness,
    environment: Environment | None = None, noise_draws: int = InferenceSettings().noise_draws,
) -> dict[str, Any]:  # fmt: skip
    """Evaluates a model and writes `predictions.csv`, `metrics.json` and `run.json` into `out`; returns the metrics.

    Without `answer_from`, answers are read from what the method trains them on; `environment` is what becomes of the
    other clips where that is the causal scene, by default what the model's settings say. The metrics hold no times and
    no paths: the same run gives the same bytes. `gold` has the gold spans that rationales are measured against;
    without, there are none. On `faithful` questions, evenly spread, it is measured whether the answers rest on the
    rationales; 0 is not at all. `noise_draws` times, the causal scenes are drawn with noise as well.
    """
    started = time.time()
    model, card = model_files.load(model_file)
    videos = Videos.read(video, card.streams)
    split = Split.read(split_name, questions, text, videos, training=False)
    vocabulary = read_vocabulary(questions)
    card.refuse_other_answers(vocabulary, questions)
    _check_widths(card, split)
    model.to(device)
    model.environment = environment or model.environment
    split = place({split_name: split}, device)[split_name]
    numbers = precision.to_answer_in(card.precision, device)
    precision.prepare(model, numbers, device)
    method = method_of(card.settings.method)
    grounds, answer_from = method.grounds, answer_from or method.answers_from
    answering = Answering(model, card.settings.training.batch, device, numbers, answer_from, both=grounds)
    predictions, effects, right = predict(answering, split, vocabulary)
    metrics: dict[str, Any] = {
        "split": split_name,
        "answer_from": answer_from,
        **accuracies(predictions.type, predictions.correct),
        "comparison": COMPARISON,
    }
    if predictions.rationales is not None:
        other: AnswerFrom = "causal-scene" if answer_from == "video" else "video"
        metrics[f"accuracy_from_{other}"] = accuracies(predictions.type, right)["accuracy"]
        metrics["rationale"] = rationale_statistics(predictions.rationales, effects)
        if noise_draws and model.guide is None:
            found = answering.accuracies_under_noise(split, noise_draws, Draws(card.settings.seed))
            spread_of = float(found.std(ddof=1)) if noise_draws > 1 else None
            metrics["under_noise"] = {"draws": noise_draws, "accuracy": float(found.mean()), "sd": spread_of}
        size, chosen = card.settings.training.batch, torch.from_numpy(spread(len(split), faithful))
        parts = ahead((part.to(device) for part in split.batches(size, chosen)), device)
        shown = progress(parts, total=-(-len(chosen) // size), label="answers from parts of videos", unit="batch")
        store, rows = videos.store, split.video_row
        times = store.frame_time[rows], store.clip_end[rows], store.duration[rows]
        with precision.calculating(numbers, device):
            metrics["rationale"] |= measured(model, shown, predictions, times, gold)
    metrics |= {
        "questions_left_out": questions_left_out(questions, split_name) + split.left_out,
        "epoch": card.epoch,
        "val_accuracy": card.val_accuracy,
        "seed": card.settings.seed,
        "inputs": card.inputs,
    }
    plugin = card.settings.plugin
    own_code = own_files(plugin.code) if plugin else []
    RunFolder(out).write_results(
        predictions,
        metrics,
        settings=card.settings.model_dump(mode="json")
        | {
            "inference": {
                "answer_from": answer_from,
                "environment": model.environment,
                "faithfulness": faithful,
                "noise_draws": noise_draws,
            }
        },
        inputs=(RunFolder(model_file.parent).weights, video, *own_code),
        started=started,
        trained_by_commit=card.commit,
        trained_on=card.device,
        evaluated_on=device_name(device),
        trained_in=card.precision,
        evaluated_in=numbers,
    )
    return metrics


def spans(
    clips: NDArray[np.intp], times: NDArray[np.float64], ends: NDArray[np.float64]
) -> tuple[tuple[float, float], ...]:
    """The seconds that clips cover, from when each of their frames is shown, `times` (K, T), and when the last of
    each clip ends, `ends` (K,); spans that touch or overlap are joined.

    There are none where the times are NaN: of imported features it is not known when their clips are.
    """
    found: list[tuple[float, float]] = []
    if np.isnan(times).any():
        return ()
    for clip in clips:
        start, end = float(times[clip, 0]), float(ends[clip])
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return tuple(found)


def rationale_statistics(rationales: list[Rationale], effects: list[float]) -> dict[str, Any]:
    """What `eigv.runs.learning.monitors` watches, of all questions of a split; a warning in words where one is due.

    `effects` are those of `monitors.question_effects`.
    """
    chances = np.array([rationale.probability for rationale in rationales])  # (Q, K)
    shares = np.array([len(rationale.clips) for rationale in rationales]) / chances.shape[1]
    statistics: dict[str, Any] = {
        "causal_share": float(shares.mean()),
        "causal_spread": float(shares.std()),
        "causal_agreement": float((chances**2 + (1 - chances) ** 2).mean()),
        "question_effect": float(np.mean(effects)) if effects else None,
        "clips": chances.shape[1],
    }
    warning = monitors.in_words(statistics)
    if warning:
        log.warning("%s", warning)
        statistics["warning"] = warning
    return statistics


def predict(
    answering: Answering, split: Split, vocabulary: list[str]
) -> tuple[Predictions, list[float], NDArray[np.bool_]]:
    """The predictions for a split, `monitors.question_effects`, and whether the other answers are right (Q,).

    Rationales and other answers are there where `answering` gives both answers: where the method grounds.
    """
    parts: list[Predictions] = []
    effects: list[float] = []
    order: list[NDArray[np.int64]] = []
    right = np.zeros(len(split), bool)
    answers = answering.of(split, np.arange(len(split)))
    batches = -(-len(split) // answering.size)
    for rows, prediction in progress(
        answers, total=batches, label=f"answers from the {answering.answer_from}", unit="batch"
    ):
        effects += monitors.question_effects(prediction)
        rationales = None
        if prediction.other is not None:
            right[rows] = prediction.other.argmax(dim=1).cpu().numpy() == split.answers[rows]
            rationales = _rationales(prediction, split, split.video_row[rows])
        probabilities = torch.softmax(prediction.logits, dim=1).cpu().numpy()
        parts.append(Predictions.of(split.table.iloc[rows], probabilities, split.answers[rows], vocabulary, rationales))
        order.append(rows)
    return Predictions.joined(parts).take(np.argsort(np.concatenate(order))), effects, right


def _rationales(prediction: Prediction, split: Split, video_rows: NDArray[np.int64]) -> list[Rationale]:
    """The rationale of each answer of a batch."""
    store = split.videos.store
    causal = prediction.scene.causal.cpu().numpy() > 0.5  # (B, K)
    chances = prediction.scene.probability_causal.cpu().numpy()  # (B, K)
    found = []
    for chosen, chance, video in zip(causal, chances, video_rows, strict=True):
        clips = np.flatnonzero(chosen)
        seconds = spans(clips, store.frame_time[video], store.clip_end[video])
        found.append(Rationale(tuple(clips.tolist()), seconds, tuple(chance.tolist())))
    return found


def _check_widths(card: model_files.ModelCard, split: Split) -> None:
    for what, width, expected in (
        ("appearance features", split.videos.widths.appearance, card.clip_widths.appearance),
        ("motion features", split.videos.widths.motion, card.clip_widths.motion),
        ("features of a clip's frames", math.prod(split.videos.widths.frames), math.prod(card.clip_widths.frames)),
        ("token features", split.tokens.tokens.shape[1], card.token_width),
    ):
        if width != expected:
            raise UserError(f"the {what} are {width} wide, the model was trained on {expected}: not the same features")
