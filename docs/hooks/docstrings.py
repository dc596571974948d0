"""What the sources say about themselves, as the reference shows it."""

import importlib
import re
from typing import Any

import griffe

INDENTED = re.compile(r"(?<=[^:\n]\n)((?:[ ]{2,}\S.*(?:\n|$))+)")
"""Lines further in than the one before, which does not end in a colon (that begins a section, such as `Args:`)."""


def as_markdown(docstring: str) -> str:
    """A docstring without what Markdown would take for emphasis or HTML, and with columns laid out as code."""
    blocks = INDENTED.split(docstring)
    return "".join(f"\n```\n{block.rstrip()}\n```\n" if n % 2 else _escaped(block) for n, block in enumerate(blocks))


def _escaped(text: str) -> str:
    code_at_odd = re.split(r"(`[^`]*`)", text)
    return "".join(
        part if n % 2 else part.replace("*", "\\*").replace("<", "&lt;") for n, part in enumerate(code_at_odd)
    )


class Reference(griffe.Extension):
    """An extension of Griffe, which reads the sources for mkdocstrings."""

    def on_attribute_instance(self, *, attr: griffe.Attribute, **kwargs: Any) -> None:
        """A field of settings, `x: int = Field(3, description="...")`, is described by its description."""
        if attr.docstring or not str(attr.value).startswith("Field("):
            return
        model = getattr(importlib.import_module(attr.module.path), attr.path.split(".")[-2])
        if description := model.model_fields[attr.name].description:
            attr.docstring = griffe.Docstring(description, parent=attr)

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Docstrings are plain text, with code in backticks."""
        if obj.docstring:
            obj.docstring.value = as_markdown(obj.docstring.value)

    def on_module(self, *, mod: griffe.Module, **kwargs: Any) -> None:
        """Constants and aliases of a module that nothing is said about are left out."""
        for name, member in list(mod.members.items()):
            if not member.is_alias and member.is_attribute and not member.docstring:
                mod.del_member(name)
