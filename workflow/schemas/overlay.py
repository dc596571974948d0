"""Makes overlay.schema.json of config.schema.json: for configurations that go over another one, such as presets.

What such a file says is checked as everywhere else, but no key is required: the configuration below it may have it.
"""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def overlay(schema: Any) -> Any:
    """The schema with nothing required, at any depth."""
    if isinstance(schema, dict):
        # Of several properties, one may be called "required": then it holds a schema, not a list.
        return {name: overlay(part) for name, part in schema.items() if name != "required" or isinstance(part, dict)}
    return [overlay(part) for part in schema] if isinstance(schema, list) else schema


def main() -> None:
    """Reads the one and writes the other, beside this file."""
    schema = json.loads((FOLDER / "config.schema.json").read_text())
    (FOLDER / "overlay.schema.json").write_text(json.dumps(overlay(schema), indent=2) + "\n")


if __name__ == "__main__":
    main()
