"""Evaluation of a trained model on one split: accuracy, predictions, rationales."""

import logging
import platform
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from base.errors import UserError
from base.files import read_json, sha256, write_csv, write_json
from base.progress import progress
from base.provenance import commit, versions
from eigv.config.methods import method as method_of
from eigv.method.model import AnswerFrom, VideoQA
from eigv.runs import model_files, monitors
from eigv.runs.data import Split, Videos
from extract.annotations import CANDIDATES

log = logging.getLogger(__name__)

TOP = 5
"""How many answers of an open-ended prediction are written with their probability."""


def evaluate(
    model_file: Path, split_name: str, video: Path, questions: Path, text: Path, answer_from: AnswerFrom, out: Path,
    device: str,
) -> dict[str, Any]:  # fmt: skip
    """Evaluates a model and writes `predictions.csv`, `metrics.json` and `run.json` into `out`; returns the metrics.

    The metrics hold no times and no paths: the same run gives the same bytes.
    """
    started = time.time()
    model, card = model_files.load(model_file)
    videos = Videos.read(video, card.settings.features)
    split = Split.read(split_name, questions, text, videos, training=False)
    vocabulary: list[str] = read_json(questions / "answers.json", "the answer vocabulary")
    _check_fit(card, split, vocabulary)
    model.to(device)
    grounds = method_of(card.settings.method).grounds
    table, effects = _predictions(model, card.settings.training.batch, split, vocabulary, answer_from, grounds, device)
    metrics: dict[str, Any] = {"split": split_name, "answer_from": answer_from, **accuracies(table)}
    if grounds:
        other: AnswerFrom = "causal-scene" if answer_from == "video" else "video"
        second, _ = _predictions(model, card.settings.training.batch, split, vocabulary, other, grounds, device)
        metrics[f"accuracy_from_{other}"] = accuracies(second)["accuracy"]
        metrics["rationale"] = _rationale_statistics(table, effects)
    summary = read_json(questions / "summary.json", "the counts of questions")[split_name]
    metrics |= {
        "questions_left_out": summary["questions_left_out"] + split.left_out,
        "epoch": card.epoch,
        "val_accuracy": card.val_accuracy,
        "seed": card.settings.seed,
        "inputs": card.inputs,
    }
    write_csv(out / "predictions.csv", table)
    about = {
        "settings": card.settings.model_dump(mode="json"),
        "commit": commit(),
        "trained_by_commit": card.commit,
        "versions": versions() | {"python": platform.python_version()},
        "inputs": {str(path): sha256(path) for path in (model_file.with_name("model.safetensors"), video)},
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.time() - started, 1),
    }
    write_json(out / "run.json", about)
    write_json(out / "metrics.json", metrics)
    return metrics


def accuracies(table: pd.DataFrame) -> dict[str, Any]:
    """Accuracy in percent, overall and by type, with the number of questions."""
    by_type = table.groupby("type")["correct"]
    return {
        "accuracy": 100.0 * float(table["correct"].mean()),
        "questions": len(table),
        "by_type": {
            str(name): {"accuracy": 100.0 * float(group.mean()), "questions": len(group)} for name, group in by_type
        },
    }


def spans(clips: NDArray[np.intp], frames: NDArray[np.int32], fps: float) -> list[tuple[float, float]]:
    """The seconds that clips cover, from `frames` (K, T); spans that touch or overlap are joined.

    There are none where `fps` is NaN: of imported features it is not known when their clips are.
    """
    found: list[tuple[float, float]] = []
    if np.isnan(fps):
        return found
    for clip in clips:
        start, end = float(frames[clip, 0] / fps), float((frames[clip, -1] + 1) / fps)
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return [(round(start, 2), round(end, 2)) for start, end in found]


def _predictions(
    model: VideoQA,
    batch_size: int,
    split: Split,
    vocabulary: list[str],
    answer_from: AnswerFrom,
    grounds: bool,
    device: str,
) -> tuple[pd.DataFrame, list[float]]:
    """One row a question, and what `monitors.question_effects` gives."""
    rows: list[dict[str, Any]] = []
    effects: list[float] = []
    store = split.videos.store
    batches = split.batches(batch_size)
    total = -(-len(split) // batch_size)
    for batch in progress(batches, total=total, label=f"answers from the {answer_from}", unit="batch"):
        prediction = model.predict(batch.to(device), answer_from)
        effects += monitors.question_effects(prediction)
        probabilities = torch.softmax(prediction.logits, dim=1).cpu().numpy()
        causal = prediction.scene.causal.cpu().numpy() > 0.5
        chances = prediction.scene.probability_causal.cpu().numpy()
        for i in range(len(probabilities)):
            question = split.table.iloc[len(rows)]
            row = {name: question[name] for name in ("qid", "video_id", "type", "answer")}
            row |= answer_columns(probabilities[i], int(split.answers[len(rows)]), vocabulary)
            if grounds:
                video = split.video_row[len(rows)]
                clips = np.flatnonzero(causal[i])
                seconds = spans(clips, store.frame_index[video], store.fps[video])
                row["causal_clips"] = " ".join(map(str, clips))
                row["causal_spans"] = " ".join(f"{start:.2f}-{end:.2f}" for start, end in seconds)
                row["clip_probability"] = " ".join(f"{chance:.3f}" for chance in chances[i])
            rows.append(row)
    return pd.DataFrame(rows), effects


def answer_columns(probabilities: NDArray[np.float32], right: int, vocabulary: list[str]) -> dict[str, Any]:
    """The columns of `predictions.csv` that say what was answered; `vocabulary` is empty for multiple choice."""
    best = int(probabilities.argmax())
    if not vocabulary:
        scores = {f"score_{name}": f"{p:.4f}" for name, p in zip(CANDIDATES, probabilities, strict=True)}
        return {"prediction": best, "correct": int(best == right), **scores}
    order = np.argsort(-probabilities, kind="stable")[:TOP]
    top = " ".join(f"{vocabulary[n]}:{probabilities[n]:.4f}" for n in order)
    return {"prediction": vocabulary[best], "correct": int(best == right), "top": top}


def _rationale_statistics(table: pd.DataFrame, effects: list[float]) -> dict[str, Any]:
    """What `eigv/runs/monitors.py` watches, of the selections in `table`, and a warning in words where one is due."""
    chances = np.array([row.split() for row in table["clip_probability"]], dtype=float)  # (Q, K)
    shares = np.array([len(str(chosen).split()) for chosen in table["causal_clips"]]) / chances.shape[1]
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


def _check_fit(card: model_files.ModelCard, split: Split, vocabulary: list[str]) -> None:
    wanted, there = (f"{n} answers to choose from" if n else "multiple choice" for n in (card.classes, len(vocabulary)))
    if wanted != there:
        raise UserError(f"the model was trained for {wanted}, and the questions have {there}: not the same data set")
    for what, width, expected in (
        ("appearance features", split.videos.widths.appearance, card.clip_widths.appearance),
        ("motion features", split.videos.widths.motion, card.clip_widths.motion),
        ("token features", split.tokens.tokens.shape[1], card.token_width),
    ):
        if width != expected:
            raise UserError(f"the {what} are {width} wide, the model was trained on {expected}: not the same features")
