"""Editors complete and check configurations by the schema that a file's first line names."""

import json
import re

import jsonschema
import pytest
import yaml

from tests.places import ROOT
from workflow.schemas.overlay import overlay

SCHEMAS = ROOT / "workflow/schemas"
FIRST_LINE = re.compile(r"# yaml-language-server: \$schema=(\S+)\n")
CONFIGURATIONS = [
    *sorted((ROOT / "config").rglob("*.yaml")),
    ROOT / "tests/workflow/small-rationales.yaml",
    ROOT / "tests/workflow/small-study.yaml",
    ROOT / "tests/workflow/tiny.yaml",
    ROOT / "tests/cluster/patient.yaml",
]


@pytest.mark.parametrize("file", CONFIGURATIONS, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_configuration_names_a_schema_that_it_keeps(file):
    text = file.read_text()
    named = FIRST_LINE.match(text)
    assert named, "its first line names no schema"
    schema = json.loads((file.parent / named[1]).read_text())
    jsonschema.validate(yaml.safe_load(text), schema)


def test_a_misspelt_key_is_seen_in_an_overlay_too():
    schema = json.loads((SCHEMAS / "overlay.schema.json").read_text())
    jsonschema.validate({"tables": {"table1": {"seeds": [0]}}}, schema)
    with pytest.raises(jsonschema.ValidationError, match="sedes"):
        jsonschema.validate({"tables": {"table1": {"sedes": [0]}}}, schema)


def test_the_schema_of_overlays_is_up_to_date():
    schema = json.loads((SCHEMAS / "config.schema.json").read_text())
    assert json.loads((SCHEMAS / "overlay.schema.json").read_text()) == overlay(schema), "run `make schema`"


def test_overlay_keeps_a_property_that_is_called_required():
    schema = {"required": ["a"], "properties": {"required": {"type": "string"}, "a": {"required": ["b"]}}}
    assert overlay(schema) == {"properties": {"required": {"type": "string"}, "a": {}}}
