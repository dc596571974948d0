"""Commands that ask a trained run about a video, and that pack it for another machine."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from base.command_line import Device
from base.errors import UserError
from base.jobs.device import working_device
from base.reading import read_json
from eigv.commands.options import CPUS, Threads

if TYPE_CHECKING:
    from eigv.asking.model import Answer

app = typer.Typer()
LOOPBACK = "127.0.0.1"


class SeveralCandidates(TyperCommand):
    """Takes `--candidates a b c` as `--candidates a --candidates b --candidates c`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Spells the candidates out, up to the next option, before the words are parsed."""
        spelled: list[str] = []
        within = False
        for word in args:
            if word.startswith("--"):
                within = word == "--candidates"
                spelled += [] if within else [word]
            else:
                spelled += ["--candidates", word] if within else [word]
        return super().parse_args(ctx, spelled)


@app.command(cls=SeveralCandidates)
def ask(
    video: Annotated[Path, typer.Argument(help="The video file.")],
    question: Annotated[
        list[str] | None, typer.Argument(help="A question, in quotes; several: one after the other.")
    ] = None,
    run: Annotated[
        str,
        typer.Option(
            help="The run to ask, always needed: its folder (.../seed0), a bundle's, or owner/name on the hub."
        ),
    ] = "",
    candidates: Annotated[
        list[str] | None,
        typer.Option(
            help="For a run on multiple choice: the candidates, one after the other, the same for all questions. Write "
            "them last, or before another option."
        ),
    ] = None,
    questions: Annotated[
        Path | None, typer.Option(help="A file of questions, one a line; or CSV: question, and candidates a0, a1, ...")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    strip: Annotated[
        Path | None,
        typer.Option(help="A picture to write: the frames, the causal clips framed; .png, .pdf, .jpg or .svg."),
    ] = None,
    clip: Annotated[
        Path | None, typer.Option(help="A video to write: the causal clips of the first answer; MP4.")
    ] = None,
    device: Device = "auto",
    threads: Threads = CPUS,
) -> None:
    """Ask a trained run about a video: the answer, its runners-up, and the clips that it rests on, the causal ones.

    Features of the video are made as the workflow made those of the run, and are kept in the folder `asked` of the run,
    so that further questions about the same video are answered sooner.
    """
    from eigv.asking import questions as forms
    from eigv.asking.model import as_json, load

    if not run:
        raise UserError("give --run, the folder of a trained run or of a bundle")
    of_all = tuple(candidates or ())
    asked = [forms.Question(text, of_all) for text in question or []]
    asked += forms.read(questions, of_all) if questions else []
    if not asked:
        after = " (words after --candidates are candidates, up to the next option)" if of_all else ""
        raise UserError(
            f"there is no question: write one behind the video, in quotes, or name a file: --questions{after}"
        )
    _check_name(strip, "--strip", (".png", ".pdf", ".jpg", ".svg"))
    _check_name(clip, "--clip", (".mp4",))
    with working_device(device, threads) as claimed:
        model = load(run, claimed)
        answers = model.answers([video] * len(asked), asked)
        typer.echo(as_json(answers) if json else "\n\n".join(map(_in_words, answers)))
        if strip or clip:
            from eigv.asking.pictures import write_clip, write_strip

            (seen,) = model.seen([video])
            if strip:
                write_strip(seen, answers, strip)
            if clip:
                write_clip(seen, answers[0], clip)


@app.command()
def bundle(
    run: Annotated[Path, typer.Argument(help="The folder of a run (.../seed0).")],
    out: Annotated[Path, typer.Argument(help="The folder of the bundle, a new one.")],
    examples: Annotated[
        Path | None,
        typer.Option(help="The folder of the run's videos: a few of the test split go along, with a question each."),
    ] = None,
) -> None:
    """Pack a run into one folder, to be asked on any machine with EIGV (`eigv ask`, `eigv serve`), without a network.

    It holds the model, the weights of the feature networks, the text encoder, licences, hashes and provenance.
    """
    from eigv.asking.model import load

    load(run, "cpu").save(out, examples)
    if code := read_json(out / "bundle.json", "the bundle")["code"]:
        typer.echo(f"where it is asked, packages with {', '.join(code)} have to be installed: it carries no code")
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    typer.echo(
        f"{out}: {size / 2**20:.0f} MB; ask it with `eigv ask VIDEO QUESTION --run {out}`, or `eigv serve {out}`"
    )


@app.command()
def serve(
    bundle: Annotated[str, typer.Argument(help="The folder of a bundle or run, or owner/name of a bundle on the hub.")],
    host: Annotated[
        str, typer.Option(help="The address to listen on; with 0.0.0.0 other machines reach the page.")
    ] = LOOPBACK,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0: the first free one from 7860 on.")] = 0,
    max_size: Annotated[int, typer.Option(min=1, help="Megabytes that an uploaded video may have.")] = 200,
    time_limit: Annotated[float, typer.Option(min=1, help="Seconds after which a pass over a video is given up.")] = 60,
    device: Device = "auto",
    threads: Threads = CPUS,
) -> None:
    """Show a page on which a trained run is asked about videos; only this machine sees it, unless `--host` says more.

    Prints the address to open in a browser; Ctrl-C ends it. Uploads lie in a temporary folder, which is removed then.
    Needs Gradio, of EIGV's extra `serve`.
    """
    if find_spec("gradio") is None:
        raise UserError("the page needs Gradio, which is not installed; pip install 'eigv[serve]' (or gradio) gets it")
    from eigv.asking.page import serve as run

    with working_device(device, threads) as claimed:
        run(bundle, claimed, host, port, max_size, time_limit, announce=typer.echo)
    # An answer may still be made: Python would end its thread in the middle of torch, which calls `abort` there.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _check_name(path: Path | None, option: str, endings: tuple[str, ...]) -> None:
    if path and path.suffix.lower() not in endings:
        raise UserError(f"{option} {path}: its name has to end in {' or '.join(endings)}")


def _in_words(answer: "Answer") -> str:
    others = ", ".join(f"{text} {chance:.2f}" for text, chance in answer.scores[1:])
    lines = [answer.question, f"  {answer.answer} {answer.score:.2f}   then: {others}"]
    if answer.clips is None:
        return "\n".join([*lines, "  its method has no grounding indicator: no clips"])
    clips = " ".join(map(str, answer.clips)) or "none"
    seconds = ", ".join(f"{start:.2f}-{end:.2f} s" for start, end in answer.spans)
    return "\n".join([*lines, f"  rests on clips {clips}: {seconds}" if seconds else f"  rests on clips {clips}"])
