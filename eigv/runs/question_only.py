"""The question-only baseline: what the fine-tuned text encoder answers by itself, written like any run's results."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from base.answers import COMPARISON
from base.errors import UserError
from base.formats.predictions import Predictions
from base.formats.questions import questions_left_out
from base.formats.run_folder import RunFolder
from base.formats.vocabulary import read_vocabulary
from base.jobs.device import device_name
from base.settings import parse
from eigv.runs.accuracies import accuracies
from extract.config import TextSettings
from extract.text.question_only import HEAD, LabelledQuestions, load, scores


def question_only(encoder: Path, questions: Path, split_name: str, out: Path, device: str) -> dict[str, Any]:
    """Answers a split without any video; writes `predictions.csv`, `metrics.json` and `run.json` into `out`.

    `encoder` is a folder that `eigv-extract finetune` wrote. Returns the metrics, which hold no times and no paths.
    """
    started = time.time()
    tokenizer, model, about = load(encoder)
    model.to(device)
    text = parse(TextSettings, about["settings"], str(encoder / "finetuning.json"))
    classes = read_vocabulary(questions)
    if model.outputs != (len(classes) or 1):
        raise UserError(
            f"{encoder} answers with {model.outputs} classes and the vocabulary in {questions} has {len(classes)}: "
            "fine-tune again on these annotations"
        )
    split = LabelledQuestions.read(questions / f"{split_name}.csv", tokenizer, text, classes)
    found = scores(model, split.questions, text.finetuning.batch, f"answers to {split_name}")
    probabilities = torch.softmax(found, dim=1).numpy()
    predictions = Predictions.of(split.questions.table, probabilities, np.array(split.answers), classes)
    metrics = {
        "split": split_name,
        "answer_from": "question",
        **accuracies(predictions.type, predictions.correct),
        "comparison": COMPARISON,
        "questions_left_out": questions_left_out(questions, split_name),
        "epoch": about["epoch"],
        "val_accuracy": about["val_accuracy"],
        "seed": text.finetuning.seed,
        "inputs": {},
    }
    RunFolder(out).write_results(
        predictions,
        metrics,
        settings={"text": text.model_dump(mode="json")},
        inputs=(encoder / "model.safetensors", encoder / HEAD),
        started=started,
        train_questions=about["train_questions"],
        trained_on=about.get("device", ""),
        evaluated_on=device_name(device),
    )
    return metrics
