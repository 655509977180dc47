from __future__ import annotations

from condabox.backends.prefix_layers import without_lost
from condabox.conda.entry import BytesContent, FileEntry


def entry(path: str) -> FileEntry:
    return FileEntry(path=path, content=BytesContent(b""), executable=False)


def test_byte_code_goes_with_the_source_that_another_package_has() -> None:
    site = "lib/python3.11/site-packages"
    entries = [
        entry(f"{site}/__pycache__/mine.cpython-311.pyc"),
        entry(f"{site}/__pycache__/theirs.cpython-311.pyc"),
        entry(f"{site}/mine.py"),
        entry(f"{site}/theirs.py"),
        entry(f"{site}/without_source.pyc"),
    ]

    kept = without_lost(entries, frozenset({f"{site}/theirs.py"}))

    # That of mine.py is made anew.
    assert [each.path for each in kept] == [f"{site}/mine.py", f"{site}/without_source.pyc"]
