"""HTML pages from the templates that lie beside the modules (`templates/`). What is put into them is escaped."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

_LOADER = PackageLoader("eigv.paper", "templates")
_ENVIRONMENT = Environment(
    loader=_LOADER,
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_ENVIRONMENT.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":")}


def render(template: str, **values: Any) -> str:
    """The page that a template gives with these values."""
    return _ENVIRONMENT.get_template(template).render(values)


def _text_of(name: str) -> str:
    """A style sheet or a script among the templates."""
    return _LOADER.get_source(_ENVIRONMENT, name)[0]


_ENVIRONMENT.globals["text_of"] = _text_of
