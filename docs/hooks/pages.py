"""Pages of the site that lie elsewhere in the repository, and links between pages that hold on the site as on GitHub.

A link in a Markdown file of this repository is a path from that file. Where it leads to something that is a page of the
site, it becomes a link to that page; where it leads to any other file or folder of the repository, its text stays.
"""

import html
import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
FROM_ELSEWHERE = {
    "config/README.md": "reference/configuration.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
"""Files outside docs/ that are pages of the site."""
KEY = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)
"""The first column of a table, where it is a key of the configuration."""
LINK = re.compile(
    r"""(?P<code>^[ ]*```.*?^[ ]*```$|`[^`\n]+`)
    |(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)
    |(?P<mention>\bdocs/[a-z/-]+\.md\b)""",
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
"""Also a page that is mentioned by its path; not within code."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the files from elsewhere."""
    for source, uri in FROM_ELSEWHERE.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, uri, content=KEY.sub(_that_breaks, text)))
    return files


def _that_breaks(key: re.Match[str]) -> str:
    """A key that may go over several lines, after its dots."""
    return f"| <code>{html.escape(key[1]).replace('.', '.<wbr>')}</code> |"


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """The page with its links as they are on the site; `PluginError` for a link to what is not there."""

    def follow(link: re.Match[str]) -> str:
        if link["code"] or (link["target"] and re.match(r"[a-z]+:|#|/", link["target"])):
            return link[0]
        folder = "" if link["mention"] else posixpath.dirname(_source_of(page))
        path, _, fragment = (link["mention"] or link["target"]).partition("#")
        uri = _page_of(posixpath.normpath(posixpath.join(folder, path)), page)
        text = link["mention"] or link["text"]
        if uri is None:
            return text
        here = posixpath.relpath(uri, posixpath.dirname(page.file.src_uri))
        return f"{link['image'] or ''}[{text}]({here}{'#' + fragment if fragment else ''})"

    return LINK.sub(follow, markdown)


def _source_of(page: Page) -> str:
    """The path in the repository of the file that a page is made from."""
    elsewhere = {uri: source for source, uri in FROM_ELSEWHERE.items()}
    return elsewhere.get(page.file.src_uri, f"docs/{page.file.src_uri}")


def _page_of(path: str, page: Page) -> str | None:
    """The page (or picture) of the site that a path in the repository is; None: it is a file that is none."""
    if path in FROM_ELSEWHERE:
        return FROM_ELSEWHERE[path]
    if path.startswith("docs/"):
        return path.removeprefix("docs/")  # MkDocs checks that it is there
    if (ROOT / path / "__init__.py").is_file() and path.split("/")[0] in ("base", "extract", "eigv"):
        return f"reference/{path}.md"
    if not (ROOT / path).exists():
        raise PluginError(f"{_source_of(page)} links to {path}, which is not there")
    return None
