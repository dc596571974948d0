"""The question-only baseline: what the fine-tuned text encoder answers by itself, written like any run's results."""

import platform
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from base.errors import UserError
from base.files import read_json, sha256, write_csv, write_json
from base.provenance import commit, versions
from base.settings import parse
from eigv.runs.evaluation import accuracies, answer_columns
from extract.config import Text
from extract.text.question_only import HEAD, LabelledQuestions, load, scores


def question_only(encoder: Path, questions: Path, split_name: str, out: Path, device: str) -> dict[str, Any]:
    """Answers a split without any video; writes `predictions.csv`, `metrics.json` and `run.json` into `out`.

    `encoder` is a folder that `eigv-extract finetune` wrote. Returns the metrics, which hold no times and no paths.
    """
    started = time.time()
    tokenizer, model, about = load(encoder)
    model.to(device)
    text = parse(Text, about["settings"], str(encoder / "finetuning.json"))
    classes: list[str] = read_json(questions / "answers.json", "the answer vocabulary")
    if model.outputs != (len(classes) or 1):
        raise UserError(
            f"{encoder} answers with {model.outputs} classes and {questions}/answers.json has {len(classes)}: "
            "fine-tune again on these annotations"
        )
    split = LabelledQuestions.read(questions / f"{split_name}.csv", tokenizer, text, classes)
    found = scores(model, split.questions, text.finetuning.batch, f"answers to {split_name}")
    probabilities = torch.softmax(found, dim=1).numpy()
    names = ["qid", "video_id", "type", "answer"]
    rows = [
        {**row, **answer_columns(chances, right, classes)}
        for row, chances, right in zip(
            split.questions.table[names].to_dict("records"), probabilities, split.answers, strict=True
        )
    ]
    table = pd.DataFrame(rows)
    summary = read_json(questions / "summary.json", "the counts of questions")[split_name]
    metrics = {
        "split": split_name,
        "answer_from": "question",
        **accuracies(table),
        "questions_left_out": summary["questions_left_out"],
        "epoch": about["epoch"],
        "val_accuracy": about["val_accuracy"],
        "seed": text.finetuning.seed,
        "inputs": {},
    }
    write_csv(out / "predictions.csv", table)
    write_json(
        out / "run.json",
        {
            "settings": {"text": text.model_dump(mode="json")},
            "train_questions": about["train_questions"],
            "commit": commit(),
            "versions": versions() | {"python": platform.python_version()},
            "inputs": {str(path): sha256(path) for path in (encoder / "model.safetensors", encoder / HEAD)},
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(time.time() - started, 1),
        },
    )
    write_json(out / "metrics.json", metrics)
    return metrics
