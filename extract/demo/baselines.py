"""What the demo's questions yield to rules that see no frame: `python -m extract.demo.baselines data/demo`."""

import sys
from pathlib import Path
from typing import Any

import pandas as pd

from base.errors import UserError
from base.reading import read_json
from extract.demo.scenes import ACTION_OF

CANDIDATES = [f"a{i}" for i in range(5)]
ACTION_TYPES = ("action", "after", "before")


def baselines(folder: Path, split: str) -> pd.DataFrame:
    """Accuracies per question type, and over all, on one split.

    chance: one of five candidates. candidates, most frequent: of the candidates, the most frequent answer of its type
    in train. open, most frequent: the most frequent answer of its type in train. places in view: of the candidates
    (actions), one whose usual background occurs in the video, ties shared. background of the gold scene: the action
    that goes with the background of the scene that holds the answer, which is what a model gets that finds the scene
    and looks at the environment alone; empty for types that ask for something else.
    """
    scripts = read_json(folder / "scenes.json", "demo data")
    train, table = _read(folder, "train"), _read(folder, split)
    rows = []
    for row in table.to_dict("records"):
        counts = train[train["type"] == row["type"]]["text"].value_counts()
        options = [row[name] for name in CANDIDATES]
        best = max(counts.get(option, 0) for option in options)
        commonest = [option for option in options if counts.get(option, 0) == best]
        rows.append(
            {
                "type": row["type"],
                "chance": 1 / len(options),
                "candidates, most frequent": (row["text"] in commonest) / len(commonest),
                "open, most frequent": float(counts.idxmax() == row["text"]),
                **(_places(row, options, scripts[row["video"]]["scenes"]) if row["type"] in ACTION_TYPES else {}),
            }
        )
    frame = pd.DataFrame(rows)
    result = frame.groupby("type", sort=False).mean()
    result.loc["all"] = frame.drop(columns="type").mean()
    return result.assign(questions=frame["type"].value_counts()).fillna({"questions": len(frame)})


def _places(row: dict[Any, Any], options: list[str], scenes: list[dict[str, Any]]) -> dict[str, float]:
    usual = {ACTION_OF[scene["background"]] for scene in scenes}
    guesses = [option for option in options if option in usual] or options
    gold = next(scene for scene in scenes if scene["action"] == row["text"])  # actions are distinct within a video
    return {
        "places in view": (row["text"] in guesses) / len(guesses),
        "background of the gold scene": float(ACTION_OF[gold["background"]] == row["text"]),
    }


def _read(folder: Path, split: str) -> pd.DataFrame:
    path = folder / "multiple-choice" / f"{split}.csv"
    if not path.is_file():
        raise UserError(f"{path} does not exist: make the data set first")
    table = pd.read_csv(path)
    table["text"] = [row[f"a{row['answer']}"] for row in table.to_dict("records")]
    return table


if __name__ == "__main__":
    for name in ("test", "test-shifted"):
        print(name, baselines(Path(sys.argv[1]), name).round(3).to_string(), sep="\n")
