"""Sections of the benchmark page."""

from benchmarks.report import write_section


def test_a_section_is_written_anew_and_the_others_stay(tmp_path):
    page = tmp_path / "benchmarks.md"
    write_section("Extraction", "first", page)
    write_section("Text", "theirs", page)
    write_section("Extraction", "second\n\n### with a part\n", page)
    text = page.read_text()
    assert text.startswith("# Benchmarks\n")
    assert "first" not in text
    assert text.endswith("## Extraction\n\nsecond\n\n### with a part\n\n## Text\n\ntheirs\n")
