"""A page to browse predictions: one HTML file with everything in it, for the file system and 10,000 questions.

The page is plain HTML, CSS and JavaScript (`explorer.*` among the templates); this file puts the data into it.
"""

import base64
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from base.errors import UserError
from base.formats.run_folder import RunFolder
from base.writing import write_text
from eigv.config.run_path import Run
from eigv.config.targets import Explorer
from eigv.paper.answered_questions import AnsweredQuestion, by_video, read_answered
from eigv.paper.figures.strips import Seconds, Strip, read_strips
from eigv.paper.templating import render
from eigv.paper.titles import title

THUMBNAIL_WIDTH = 96
QUALITY = 70
"""Of the JPEG pictures: a video of 16 clips takes about 20 kB."""


def write_explorer(
    how: Explorer,
    runs: Path,
    questions: Path,
    manifest: Path,
    video: Path,
    out: Path,
    gold: Path | None = None,
    explanations: Sequence[Path] = (),
) -> None:
    """Writes the page for the runs of `how`, which lie below the folder `runs`, with the spans of a file of `gold`.

    Runs whose `explanations.csv` is among `explanations` are shown with what post-hoc explainers select.
    """
    folders = [RunFolder(runs / path) for path in how.runs]
    if others := set(explanations) - {folder.explanations for folder in folders}:
        raise UserError(f"no run of the page has these explanations: {', '.join(sorted(map(str, others)))}")
    explained = [folder.explanations if folder.explanations in explanations else None for folder in folders]
    answered = [
        read_answered(folder.predictions, questions, gold, file)
        for folder, file in zip(folders, explained, strict=True)
    ]
    asked = [[question.qid for question in of_run] for of_run in answered]
    for path, qids in zip(how.runs, asked, strict=True):
        if qids != asked[0]:
            raise UserError(f"{path} answers other questions than {how.runs[0]}: they cannot be compared")
    kept = _spread(answered[0], how.questions)
    answered = [[of_run[n] for n in kept] for of_run in answered]
    names = list(by_video(answered[0]))
    strips = dict(read_strips(names, video, manifest, THUMBNAIL_WIDTH, len(os.sched_getaffinity(0))))
    write_text(out, page(how, answered, strips, out.parent))


def page(how: Explorer, answered: list[list[AnsweredQuestion]], strips: dict[str, Strip | None], folder: Path) -> str:
    """The page for the answers of each run of `how` to the same questions; it is to lie in `folder`."""
    names = list(by_video(answered[0]))
    sheets = {n: _sheet(strip) for n, name in enumerate(names) if (strip := strips[name])}
    return render("explorer.html.jinja", data=_data(how, answered, names, strips, folder), sheets=sheets)


def _spread(questions: list[AnsweredQuestion], count: int) -> list[int]:
    """The numbers of at most `count` questions, in their order: whole videos, spread evenly."""
    sizes = {video_id: len(of_video) for video_id, of_video in by_video(questions).items()}
    videos = list(sizes)
    share = min(1.0, count / len(questions))
    wanted = np.unique(np.linspace(0, len(videos) - 1, max(1, int(share * len(videos)))).astype(int))
    kept, total = set(), 0
    for i in wanted:
        if total + sizes[videos[i]] > count:
            continue
        kept.add(videos[i])
        total += sizes[videos[i]]
    kept = kept or {videos[0]}
    return [n for n, question in enumerate(questions) if question.video_id in kept][:count]


def _data(
    how: Explorer,
    answered: list[list[AnsweredQuestion]],
    names: list[str],
    strips: dict[str, Strip | None],
    folder: Path,
) -> dict[str, Any]:
    """What the page shows, in the form that its script describes."""
    types = sorted({question.type for question in answered[0]})
    number = {name: n for n, name in enumerate(names)}
    rows = []
    for of_question in zip(*answered, strict=True):
        question = of_question[0]
        rows.append(
            {
                "id": question.qid,
                "video": number[question.video_id],
                "type": types.index(question.type),
                "text": question.question,
                "answer": question.answer,
                **({"candidates": question.candidates} if question.candidates else {}),
                **(_gold(question, strips[question.video_id]) if question.gold else {}),
                "runs": [_answer(of_run) for of_run in of_question],
            }
        )
    return {
        "title": f"Answers on {title('dataset', Run.of(how.runs[0]).dataset)}",
        "about": f"{len(rows):,} test questions on {len(names):,} videos. Arrow keys go from question to question.",
        "clips": max((len(strip.frames) for strip in strips.values() if strip), default=0),
        "types": types,
        "videos": [_video(name, strips[name], folder) for name in names],
        "runs": [{"name": _name(path, how.runs), "path": path} for path in how.runs],
        "questions": rows,
    }


def _video(name: str, strip: Strip | None, folder: Path) -> dict[str, Any]:
    if strip is None:
        return {"id": name, "times": [], "ratio": 1}
    height, width = strip.frames[0].shape[:2]
    about = {"id": name, "times": [round(t, 2) for t in strip.times], "ratio": round(width / height, 4)}
    if strip.path is None or strip.frame_times is None:
        return about
    return about | {"file": os.path.relpath(strip.path.resolve(), folder.resolve()), "spans": _shown(strip.frame_times)}


def _shown(times: Seconds) -> list[list[float]]:
    """From when to when each clip is shown, of the times (K, T) of its frames; a lone frame is shown for a second."""
    frame = times[:, -1] - times[:, -2] if times.shape[1] > 1 else np.ones(len(times))
    return np.stack([times[:, 0], times[:, -1] + frame], axis=1).round(3).tolist()


def _gold(question: AnsweredQuestion, strip: Strip | None) -> dict[str, Any]:
    parts = strip.within(question.gold) if strip else []
    return {"gold": [[part.clip, round(part.start, 3), round(part.end, 3)] for part in parts], **_spans(question.gold)}


def _spans(spans: Sequence[tuple[float, float]]) -> dict[str, str]:
    return {"spans": ", ".join(f"{start:.2f}–{end:.2f}" for start, end in spans)}


def _answer(answered: AnsweredQuestion) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "prediction": answered.prediction,
        "right": answered.is_right,
        "confidence": answered.confidence,
        "scores": [p for _, p in answered.scored] if answered.candidates else answered.scored,
    }
    if answered.post_hoc:
        answer["posthoc"] = answered.post_hoc
    if (rationale := answered.rationale) is not None:
        answer["causal"] = rationale.clips
        answer["chances"] = rationale.probability
        answer |= _spans(rationale.spans)
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
