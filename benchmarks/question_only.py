"""What real questions alone give away: the last step of make question-only, which makes the runs it reads."""

import json
from pathlib import Path

import pandas as pd

from benchmarks.report import machine, write_section

RESULTS = Path("results/question-only")
PATHS = {"val": "val/metrics.json", "test": "metrics.json"}
NAMES = {"nextqa": "NExT-QA (chance 20 %)", "msvd-qa": "MSVD-QA (1,852 answers)"}


def main() -> None:
    """Writes the section Question only of docs/benchmarks.md."""
    parts = [
        f"`make question-only` on {machine()}: a BERT-type encoder fine-tuned on the questions of train, and what it "
        "answers on the whole of val and test without any video. Reduced, for a CPU (`config/question-only.yaml`): a "
        "small encoder, a fixed draw of the train questions."
    ]
    for dataset, title in NAMES.items():
        folder = RESULTS / "runs" / dataset / "question-only/seed0"
        found = {split: json.loads((folder / path).read_text()) for split, path in PATHS.items()}
        run = json.loads((folder / "run.json").read_text())
        text, tuning = run["settings"]["text"], run["settings"]["text"]["finetuning"]
        seconds = pd.read_csv(RESULTS / f"benchmarks/finetune/{dataset}.tsv", sep="\t")["s"].sum()
        parts += [
            f"{title}: `{text['encoder']}`, {run['train_questions']} train questions, "
            f"{tuning['epochs']} epochs, batch {tuning['batch']}, learning rate {tuning['learning_rate']:g}, "
            f"{seconds / 60:.0f} minutes.",
            _table(found).to_markdown(floatfmt=".2f"),
        ]
    text = "\n\n".join(parts)
    print(text)
    write_section("Question only", text)


def _table(found: dict[str, dict]) -> pd.DataFrame:
    columns = {}
    for split, metrics in found.items():
        types = metrics["by_type"].items()
        columns[f"{split}, %"] = {"all": metrics["accuracy"], **{name: of["accuracy"] for name, of in types}}
        columns[f"{split}, questions"] = {"all": metrics["questions"], **{name: of["questions"] for name, of in types}}
    return pd.DataFrame(columns)


if __name__ == "__main__":
    main()
