"""What is a video: a file with a suffix of videos, in small letters or capitals, or whatever PyAV opens as one."""

from pathlib import Path

_NAMES = (
    "3g2 3gp amv asf avi divx dv f4v flv gif h264 h265 hevc ivf m1v m2t m2ts m2v m4v mj2 mkv mov mp4 mpe mpeg mpg mts "
    "mxf nut ogm ogv qt rm rmvb ts vob webm wmv y4m"
)
SUFFIXES = frozenset(f".{name}" for name in _NAMES.split())
"""A file with one of them is a video without a further look; one that cannot be read is a row of the manifest."""

_OTHERS = {
    "a table, a text or an archive": ".bz2 .csv .doc .docx .gz .htm .html .json .jsonl .log .md .pdf .rar .rtf .tar "
    ".tgz .toml .tsv .txt .xls .xlsx .xml .xz .yaml .yml .zip .7z",
    "subtitles or notes on a video": ".ass .description .idx .info .lrc .md5 .nfo .sbv .sha256 .srt .ssa .sub .vtt",
    "a picture": ".apng .avif .bmp .heic .ico .jpeg .jpg .png .svg .thm .tif .tiff .webp",
    "sound": ".aac .aif .aiff .flac .m4a .mp3 .oga .opus .wav .wma",
    "code or data of a program": ".bin .db .h5 .hdf5 .ini .ipynb .npy .npz .pkl .pt .pth .py .pyc .sh .so .sqlite .exe",
    "a download that is not finished": ".aria2 .crdownload .download .part .partial .tmp .ytdl",
}
OTHERS = {suffix: what for what, suffixes in _OTHERS.items() for suffix in suffixes.split()}
"""What files with these suffixes are: not opened, since FFmpeg makes a video of some texts and of every picture."""
STILLS = ("_pipe", "image2", "tty", "apng", "webp")
"""How the names of formats end that FFmpeg reads pictures and texts by."""


def suffix(name: str) -> str:
    """The suffix of a name as it is written, with its point; empty where there is none. Quicker than by pathlib."""
    head, _, last = name.rpartition(".")
    return f".{last}" if head and last else ""


def has_suffix(name: str) -> bool:
    """Whether a name ends as those of videos do."""
    return suffix(name).lower() in SUFFIXES


def without_suffix(name: str) -> str:
    """A name without the suffix of a video; any other suffix belongs to the name (`take.2`)."""
    return name.removesuffix(suffix(name)) if has_suffix(name) else name


def matched(wanted: list[str], there: list[str]) -> dict[str, str]:
    """Which of the names `there` each of the names `wanted` is; what is in neither way there is left out.

    The very name, or the same but for a suffix that only one side gives, where no other name is the same without it.
    """
    known = set(there)
    found = {name: name for name in wanted if name in known}
    theirs, ours = _by_bare_name(there), _by_bare_name(wanted)
    for name in wanted:
        same = theirs.get(without_suffix(name), [])
        if (
            name not in known
            and len(same) == len(ours[without_suffix(name)]) == 1
            and has_suffix(name) != has_suffix(same[0])
        ):
            found[name] = same[0]
    return found


def _by_bare_name(names: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(without_suffix(name), []).append(name)
    return found


def why_not(name: str) -> str:
    """Why a file is not looked at, by its name; empty where it is."""
    if name.startswith("."):
        return "hidden"
    return OTHERS.get(suffix(name).lower(), "")


def why_none(paths: list[Path], processes: int = 2) -> list[str]:
    """Why PyAV opens no video in each of some files; empty for a video. They are opened in processes of their own."""
    from extract.videos.workers import Limits, run_apart  # what only compares names does without

    outcomes = run_apart(_objection, [str(path) for path in paths], processes, Limits(seconds=60)) if paths else ()
    return [outcome.error or outcome.value for outcome in outcomes]


def _objection(path: str) -> str:
    import av

    from extract.videos.reader import first_line

    if Path(path).stat().st_size == 0:
        return "empty"
    try:
        with av.open(path) as container:
            if container.format.name.endswith(STILLS):
                return f"read as {container.format.name}, a picture or a text"
            shown = [stream for stream in container.streams.video if stream.codec_context.width]
            return "" if shown else "it holds no video stream"
    except (av.error.FFmpegError, OSError, ValueError) as error:
        return first_line(error)
