"""A page to browse predictions: one HTML file with everything in it, for the file system and 10,000 questions.

The page is plain HTML, CSS and JavaScript (`explorer_page/`); this file puts the data into it.
"""

import base64
import html
import io
import json
import os
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from base.errors import UserError
from base.files import write_text
from eigv.config.run_path import Run
from eigv.config.shown import Explorer
from eigv.paper.answered import answer_scores, read_answers
from eigv.paper.figures.strips import Strip, read_strips
from eigv.paper.titles import title
from extract.annotations import CANDIDATES

PAGE = Path(__file__).with_name("explorer_page")
THUMBNAIL_WIDTH = 96
QUALITY = 70
"""Of the JPEG pictures: a video of 16 clips takes about 20 kB."""


def write_explorer(how: Explorer, runs: Path, questions: Path, manifest: Path, video: Path, out: Path) -> None:
    """Writes the page for the runs of `how`, which lie below the folder `runs`."""
    tables = [read_answers(runs / path / "predictions.csv", questions) for path in how.runs]
    for path, table in zip(how.runs[1:], tables[1:], strict=True):
        if list(table["qid"]) != list(tables[0]["qid"]):
            raise UserError(f"{path} answers other questions than {how.runs[0]}: they can not be compared")
    kept = _spread(tables[0], how.questions)
    tables = [table.iloc[kept].reset_index(drop=True) for table in tables]
    names = list(dict.fromkeys(tables[0]["video_id"]))
    strips = dict(read_strips(names, video, manifest, THUMBNAIL_WIDTH, len(os.sched_getaffinity(0))))
    write_text(out, page(how, tables, strips))


def page(how: Explorer, tables: list[pd.DataFrame], strips: dict[str, Strip | None]) -> str:
    """The page for the answers of each run of `how` to the same questions (as `read_answers` gives them)."""
    names = list(dict.fromkeys(tables[0]["video_id"]))
    data = _data(how, tables, names, strips)
    sheets = "\n".join(
        f'<script type="text/plain" id="strip-{n}">{_sheet(strip)}</script>'
        for n, name in enumerate(names)
        if (strip := strips[name])
    )
    # Inside a script element only `</` could end it.
    values = (
        json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/").replace("<!--", "<\\u0021--")
    )
    template = (PAGE / "page.html").read_text(encoding="utf-8")
    parts = {
        "@TITLE@": html.escape(data["title"]),
        "@CSS@": (PAGE / "page.css").read_text(encoding="utf-8"),
        "@JS@": (PAGE / "page.js").read_text(encoding="utf-8"),
        "@STRIPS@": sheets,
        "@DATA@": values,
    }
    # In one pass: what is put in may itself look like a mark.
    return re.sub("|".join(parts), lambda match: parts[match.group()], template)


def _spread(table: pd.DataFrame, count: int) -> np.ndarray:
    """The rows of at most `count` questions, in their order: whole videos, spread evenly."""
    videos = list(dict.fromkeys(table["video_id"]))
    sizes = table["video_id"].value_counts()
    share = min(1.0, count / len(table))
    wanted = np.unique(np.linspace(0, len(videos) - 1, max(1, int(share * len(videos)))).astype(int))
    kept, total = set(), 0
    for i in wanted:
        if total + sizes[videos[i]] > count:
            continue
        kept.add(videos[i])
        total += sizes[videos[i]]
    kept = kept or {videos[0]}
    return np.flatnonzero(table["video_id"].isin(kept))[:count]


def _data(
    how: Explorer, tables: list[pd.DataFrame], names: list[str], strips: dict[str, Strip | None]
) -> dict[str, Any]:
    """What the page shows, in the form that its script describes."""
    first = tables[0]
    types = sorted(set(first["type"]))
    number = {name: n for n, name in enumerate(names)}
    multiple_choice = CANDIDATES[0] in first.columns
    answers = [table.to_dict("records") for table in tables]
    rows = []
    for n, row in enumerate(answers[0]):
        rows.append(
            {
                "id": row["qid"],
                "video": number[row["video_id"]],
                "type": types.index(row["type"]),
                "text": row["question"],
                "answer": int(row["answer"]) if multiple_choice else row["answer"],
                **({"candidates": [row[name] for name in CANDIDATES]} if multiple_choice else {}),
                "runs": [_answer(table[n], multiple_choice) for table in answers],
            }
        )
    return {
        "title": f"Answers on {title('dataset', Run.of(how.runs[0]).dataset)}",
        "about": f"{len(rows):,} test questions on {len(names):,} videos. Arrow keys go from question to question.",
        "clips": max((len(strip.frames) for strip in strips.values() if strip), default=0),
        "types": types,
        "videos": [_video(name, strips[name]) for name in names],
        "runs": [{"name": _name(path, how.runs), "path": path} for path in how.runs],
        "questions": rows,
    }


def _video(name: str, strip: Strip | None) -> dict[str, Any]:
    if strip is None:
        return {"id": name, "times": [], "ratio": 1}
    height, width = strip.frames[0].shape[:2]
    return {"id": name, "times": [round(t, 2) for t in strip.times], "ratio": round(width / height, 4)}


def _answer(row: dict[Hashable, Any], multiple_choice: bool) -> dict[str, Any]:
    answer = {
        "prediction": int(row["prediction"]) if multiple_choice else row["prediction"],
        "right": bool(row["is_right"]),
        "confidence": row["confidence"],
        "scores": [p for _, p in answer_scores(row)] if multiple_choice else answer_scores(row),
    }
    if "causal_clips" in row:
        answer["causal"] = [int(clip) for clip in str(row["causal_clips"]).split()]
        answer["chances"] = [float(chance) for chance in str(row["clip_probability"]).split()]
        answer["spans"] = str(row["causal_spans"]).replace(" ", ", ").replace("-", "–")
    return answer


def _name(path: str, paths: tuple[str, ...]) -> str:
    """Backbone and method of a run, and what else tells it from the other runs."""
    run, others = Run.of(path), [Run.of(other) for other in paths]
    method = "plain" if run.method == "erm" else title("method", run.method)
    parts = [title("backbone", run.backbone), method]
    parts += [run.features] if len({other.features for other in others}) > 1 else []
    parts += [f"seed {run.seed}"] if len({other.seed for other in others}) > 1 else []
    parts += [run.point] if len({other.point for other in others}) > 1 else []
    return " ".join(filter(None, parts))


def _sheet(strip: Strip) -> str:
    """All pictures of a video side by side, as JPEG in base64."""
    buffer = io.BytesIO()
    Image.fromarray(np.concatenate(strip.frames, axis=1)).save(buffer, "JPEG", quality=QUALITY)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
