"""A page on which a run is asked about videos, made with Gradio: `eigv serve`.

Everything that the page writes and shows lies in one temporary folder, which is removed with it: uploads, features,
clips. Videos are decoded in the processes that the workflow decodes in.
"""

import base64
import os
import signal
import socket
import tempfile
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from base.errors import UserError
from base.reading import sha256
from eigv.asking.clips import Clip, show_clips
from eigv.asking.examples import Example, read_examples
from eigv.asking.model import Answer, Model
from eigv.asking.questions import Question

WAITING = 20
"""Questions that may wait for their turn; one is answered at a time."""
FONTS = ["system-ui", "DejaVu Sans", "sans-serif"]
"""Of the system: nothing is fetched from elsewhere."""
TEMPLATES = files("eigv.asking") / "templates"


class Outputs(NamedTuple):
    """What an answer changes on the page, in the order of its parts."""

    scores: dict[str, float] | None
    rests: str
    strip: str
    film: str | None
    films: list[str]


CLEARED = "() => [{}, '', '', null]"
"""JavaScript for what an answer changes on the page, of a video that is not asked yet."""


class Asker:
    """Answers the page's questions; what it shows of videos lies in the folder `work`."""

    def __init__(self, model: Model, work: Path) -> None:
        self.model, self.work = model, work

    def __call__(self, video: str | None, question: str, candidates: str = "") -> Outputs:
        """The answer about an uploaded video; `candidates` are lines. `gr.Error` for what the asker can put right."""
        if not video:
            raise gr.Error("There is no video yet: drop one, or choose an example.", print_exception=False)
        lines = tuple(line.strip() for line in candidates.splitlines() if line.strip())
        path = Path(video)
        try:
            (answer,) = self.model.answers([path], [Question(question.strip(), lines)])
            clips = self._clips(path)
        except UserError as error:
            said = str(error).replace(str(path.resolve()), path.name).replace(str(path), path.name)
            raise gr.Error(said, duration=None, print_exception=False) from None
        causal = list(answer.clips or ())
        films = [str(clip.film) for clip in clips]
        first = films[causal[0]] if causal else None
        return Outputs(dict(answer.scores), rests_on(answer), _strip(answer, clips), first, films)

    def _clips(self, video: Path) -> list[Clip]:
        (seen,) = self.model.seen([video])
        return show_clips(seen.features, seen.manifest, self.work / "clips" / sha256(video), self.model.limits)


def rests_on(answer: Answer) -> str:
    """What an answer rests on, in words."""
    if answer.clips is None:
        return "This method has no grounding indicator: it does not say which clips its answer rests on."
    if not answer.clips:
        return "The answer rests on **no clip**."
    seconds = ", ".join(f"{start:.2f}–{end:.2f} s" for start, end in answer.spans)
    return f"The answer rests on **{len(answer.clips)} of {len(answer.frames)} clips**: {seconds}"


def _strip(answer: Answer, clips: list[Clip]) -> str:
    """A button a clip, which plays it; causal ones are framed and say so."""
    causal = answer.clips or ()
    shown = causal[0] if causal else None
    buttons = []
    for number, clip in enumerate(clips):
        picture = base64.b64encode(clip.picture.read_bytes()).decode("ascii")
        chance = f"p {answer.probability[number]:.2f}" if answer.probability else ""
        kind = "causal" if number in causal else "other"
        buttons.append(
            f'<button type="button" class="{kind}" data-clip="{number}" aria-pressed="{str(number == shown).lower()}" '
            f'aria-label="Play the {kind} clip at {clip.start:.1f} s">'
            f'<img alt="" src="data:image/jpeg;base64,{picture}">'
            f"<span>{'<b>causal</b> · ' * (number in causal)}{clip.start:.1f} s<br>{chance}</span></button>"
        )
    said = "<p>Clips, by the second at which they begin: choose one to play it.</p>"
    return f'{said}<div class="strip">{"".join(buttons)}</div>'


def build(model: Model, work: Path, examples: list[Example]) -> gr.Blocks:
    """The page, not yet served."""
    ask = Asker(model, work)
    several = model.multiple_choice
    with gr.Blocks(title="Ask a video", analytics_enabled=False, delete_cache=(3600, 3600)) as page:
        gr.Markdown("# Ask a video\nDrop a video and ask about it: an answer, and the clips that it rests on.")
        with gr.Row():
            with gr.Column():
                video = gr.Video(label="Video", sources=["upload"], height=300, elem_id="video")
                question = gr.Textbox(label="Question", lines=1, max_lines=3, elem_id="question", submit_btn=False)
                candidates = gr.Textbox(
                    label="Candidates, one a line", lines=3, max_lines=8, visible=several, elem_id="candidates"
                )
                button = gr.Button("Ask", variant="primary", elem_id="ask")
            with gr.Column():
                scores = gr.Label(label="Answer", num_top_classes=5, elem_id="answer")
                rests = gr.Markdown(elem_id="rests")
                film = gr.Video(
                    label="Clip", interactive=False, autoplay=True, loop=True, height=300, buttons=[], elem_id="film"
                )
        strip = gr.HTML(elem_id="strip", js_on_load=(TEMPLATES / "strip.js").read_text())
        films = gr.State([])
        inputs = [video, question, candidates] if several else [video, question]
        if examples:
            rows = [[str(e.video), e.question, "\n".join(e.candidates)][: len(inputs)] for e in examples]
            gr.Examples(rows, inputs, label="Examples", cache_examples=False, elem_id="examples")
        outputs = [scores, rests, strip, film, films]
        gr.on([button.click, question.submit], ask, inputs, outputs, concurrency_limit=1, api_name="ask")
        # In the browser: what the server sends later than the answer would clear that.
        video.change(None, None, outputs[:-1], js=CLEARED)
        strip.click(_chosen, films, film, queue=False, api_visibility="private")
    page.queue(max_size=WAITING)
    return page


def _chosen(films: list[str], event: gr.EventData) -> str | None:
    clip = event.clip
    return films[clip] if clip in range(len(films)) else None


def _refuse_taken(host: str, port: int) -> None:
    """Gradio would try a hundred times before it gives up, and say that no port is free."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
    except OSError as error:
        where = f"{host}, port {port}" if port else host
        raise UserError(f"the page cannot listen on {where}: {error.strerror}; give another --host or --port") from None


def serve(
    place: str, device: str, host: str, port: int, megabytes: int, seconds: float, announce: Callable[[str], Any]
) -> None:
    """Serves the page of a run or bundle until it is interrupted. `announce` gets its address.

    Nothing outside of a temporary folder is served, but the example videos of the bundle. An upload may have
    `megabytes`, and each pass over it may take `seconds`. An answer that takes longer than a few seconds after the
    interruption goes on in its thread, and may write into the folder while that is removed: end the process then.
    `UserError` where the address cannot be listened on.
    """
    from eigv.asking.model import load

    _refuse_taken(host, port)
    with tempfile.TemporaryDirectory(prefix="eigv-serve-", ignore_cleanup_errors=True) as folder:
        work = Path(folder)
        os.environ["GRADIO_TEMP_DIR"] = str(work / "uploads")
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        model = load(place, device, work / "features", seconds)
        page = build(model, work, read_examples(model.folder))
        _, address, _ = page.launch(
            server_name=host,
            server_port=port or None,
            share=False,
            quiet=True,
            prevent_thread_lock=True,
            max_file_size=megabytes * 2**20,
            allowed_paths=[str(work / "clips")],
            footer_links=[],
            ssr_mode=False,
            theme=gr.themes.Default(primary_hue="blue", font=FONTS, font_mono=FONTS),
            css=(TEMPLATES / "page.css").read_text(),
        )
        announce(address)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        try:
            signal.pause()
        except KeyboardInterrupt:
            page.close(verbose=False)
