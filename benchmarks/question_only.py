"""What real questions alone give away: the last step of make question-only, which makes the runs it reads."""

from pathlib import Path

import pandas as pd

from base.formats.run_folder import RunFolder
from benchmarks import bag_of_words
from benchmarks.report import machine, write_section
from eigv.config.experiment import load
from eigv.config.run_path import question_only
from eigv.runs.external.scoring import score
from extract.annotations import read
from extract.config import Dataset

CONFIG = Path("config/question-only.yaml")
SPLITS = ("val", "test")
NAMES = {"nextqa": "NExT-QA", "msvd-qa": "MSVD-QA"}
KNOWN = {
    "nextqa": "Chance is 20 %; 43.76 % on val is published for `bert-base-uncased` (README of the NExT-QA repository).",
    "msvd-qa": "The most frequent train answer to the question's first word is right for {usual[val]:.2f} % of val and "
    "{usual[test]:.2f} % of test; a bag of words, trained on the same questions, for {words[val]:.2f} and "
    "{words[test]:.2f} %.",
}


def main() -> None:
    """Writes the section Question only of docs/benchmarks.md."""
    config = load([CONFIG])
    parts = [
        f"`make question-only` on {machine()}: a BERT-type encoder fine-tuned on questions of train, and what it "
        f"answers on the whole of val and test without any video. Reduced, for a CPU (`{CONFIG}`): a small encoder, "
        "few epochs, of NExT-QA a fixed draw of the train questions. Scored by `eigv score`."
    ]
    for name, title in NAMES.items():
        folder = RunFolder(config.runs_folder / question_only(name, 0))
        run = folder.read_about()
        text, tuning = run["settings"]["text"], run["settings"]["text"]["finetuning"]
        dataset = config.datasets[name]
        known = KNOWN[name]
        if name == "msvd-qa":
            known = known.format(usual=by_first_word(dataset), words=bag_of_words.accuracies(dataset))
        parts += [
            f"{title}: `{text['encoder']}`, {run['train_questions']} train questions, {tuning['epochs']} epochs, batch "
            f"{tuning['batch']}, learning rate {tuning['learning_rate']:g}. {known}",
            _table(dataset, folder).to_markdown(floatfmt=".2f"),
        ]
    text = "\n\n".join(parts)
    print(text)
    write_section("Question only", text)


def by_first_word(dataset: Dataset) -> dict[str, float]:
    """Accuracy in percent, by split, of the most frequent train answer to questions of the same first word (type)."""
    train = read(dataset, "train")
    usual = train.groupby("type")["answer"].agg(lambda answers: str(answers.value_counts().idxmax()))
    tables = {split: read(dataset, split) for split in SPLITS}
    return {split: 100 * float((table["type"].map(usual) == table["answer"]).mean()) for split, table in tables.items()}


def _table(dataset: Dataset, folder: RunFolder) -> pd.DataFrame:
    columns = {}
    for split in SPLITS:
        found = score(folder.of_split(split).predictions, dataset, split).metrics()
        rows = {"all": found, **found["by_group"], **found["by_type"]}
        columns[f"{split}, %"] = {name: of["accuracy"] for name, of in rows.items()}
        columns[f"{split}, questions"] = {name: str(of["questions"]) for name, of in rows.items()}
    return pd.DataFrame(columns)


if __name__ == "__main__":
    main()
