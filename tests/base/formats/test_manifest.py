"""The manifest comes out as it went in."""

import pandas as pd

from base.formats.manifest import ManifestRow, fingerprints, manifest_of, read_manifest, write_manifest

ROWS = (
    ManifestRow("007", "ok", path="007.mp4", bytes=9, sha256="ab", codec="h264", fps=25.0, frames=3, backend="pyav"),
    ManifestRow("NA", "cut", "it breaks off", "NA.mp4", 8, modified="2024-01-01"),
    ManifestRow("gone", "missing", "no such file"),
)


def test_texts_stay_text_and_numbers_numbers(tmp_path):
    write_manifest(tmp_path / "m.csv", manifest_of(ROWS))
    pd.testing.assert_frame_equal(read_manifest(tmp_path / "m.csv"), manifest_of(ROWS))


def test_a_video_is_recognised_by_its_content_or_its_size_and_time():
    assert fingerprints(manifest_of(ROWS)) == ["ab", "8 bytes, 2024-01-01", ""]
