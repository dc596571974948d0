"""Whether every method learns on every backbone, in both forms of answers: the last step of make methods.

Every run's test accuracy is held against what answers give that see no frame (extract/demo/baselines.py).
"""

import json
import sys
from math import sqrt
from pathlib import Path

import pandas as pd

from base.formats.run_folder import METRICS, RunFolder
from benchmarks.report import machine, write_section
from eigv.config.run_path import CONSTRAINTS, PATH, RUNS, Run
from extract.demo.baselines import baselines

RESULTS, DATA = Path("results/methods"), Path("data/methods")
RULES = {"easy-mc": ["chance", "candidates, most frequent"], "easy-oe": ["open, most frequent"]}
"""What needs no frame, in either form of answers."""
WATCHED = ("causal_share", "causal_spread", "causal_agreement", "question_effect")


def main() -> None:
    """Writes the section Methods of docs/benchmarks.md; exits with 1 where a run does not beat the blind rule."""
    rules = 100 * baselines(DATA, "test").T["all"]
    blind = {dataset: float(rules[names].max()) for dataset, names in RULES.items()}
    every = PATH.format(**dict.fromkeys(CONSTRAINTS, "*") | {"point": "", "seed": 0})
    runs = pd.DataFrame([_run(path, blind) for path in sorted((RESULTS / RUNS).glob(f"{every}/{METRICS}"))])
    weak = runs[runs["deviations"] < 3]
    write_section("Methods", _text(runs, blind, weak))
    for row in weak.to_dict("records"):
        print(f"{row['path']}: {row['accuracy']:.1f} % does not beat {row['blind']:.1f} % by 3 standard errors")
    print(f"{len(runs)} runs, {len(weak)} of them too weak; docs/benchmarks.md, section Methods")
    sys.exit(bool(len(weak)))


def _run(path: Path, blind: dict[str, float]) -> dict[str, object]:
    run = Run.of(str(path.parent.relative_to(RESULTS / RUNS)))
    metrics = json.loads(path.read_text())
    grounding = metrics.get("rationale", {})  # methods without a grounding indicator have none
    history = set(pd.read_csv(RunFolder(path.parent).history).columns)
    expected = {"loss", "gradient_norm", "train_accuracy", "clean_accuracy", *(WATCHED if grounding else ())}
    if expected - history:
        raise ValueError(f"the history beside {path} lacks {', '.join(sorted(expected - history))}")
    level = blind[run.dataset]
    error = sqrt(level * (100 - level) / metrics["questions"])
    return {
        "path": path,
        "dataset": run.dataset,
        "backbone": run.backbone,
        "method": run.method,
        "accuracy": metrics["accuracy"],
        "from the causal scene": metrics.get("accuracy_from_causal-scene"),
        "questions": metrics["questions"],
        "blind": level,
        "deviations": (metrics["accuracy"] - level) / error,
        "warning": grounding.get("warning", ""),
        **{name: grounding.get(name) for name in WATCHED},
    }


def _text(runs: pd.DataFrame, blind: dict[str, float], weak: pd.DataFrame) -> str:
    order = ["erm", "mixup", "intervener", "disrupt-q", "disrupt-v", "disruptor", "eigv"]
    parts = [
        f"`make methods` on {machine()} (`config/methods.yaml`): every method on every backbone, one seed, "
        f"{runs['questions'].iloc[0]} test questions of easy rendered videos. Rules that see no frame get at most "
        f"{blind['easy-mc']:.1f} % with five candidates and {blind['easy-oe']:.1f} % of the open answers. "
        f"{len(runs) - len(weak)} of {len(runs)} runs beat that by at least 3 standard errors; the least does by "
        f"{runs['deviations'].min():.1f}."
    ]
    for dataset, name in (("easy-mc", "multiple choice"), ("easy-oe", "open-ended")):
        of_it = runs[runs["dataset"] == dataset]
        table = of_it.pivot(index="backbone", columns="method", values="accuracy")[order]
        parts += [f"Accuracy in %, {name}:", table.round(1).to_markdown()]
    grounded = runs.groupby("method")[["accuracy", "from the causal scene", *WATCHED]].mean().loc[order].round(2)
    parts += [
        "Means over the backbones and both forms, and what is watched:",
        grounded.astype(object).where(grounded.notna(), "").to_markdown(),
    ]
    warned = runs["warning"].str.split(":").str[0].value_counts()
    parts += ["\n".join(f"- {count} runs: {warning}" for warning, count in warned.items() if warning)]
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
