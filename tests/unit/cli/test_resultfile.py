"""Where a result is written beside the terminal: no file is half there, no stream is cut."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from condabox.cli.resultfile import check_result_file, write_result_file
from condabox.errors import ImageError

PROGRAM = """
import sys
from pathlib import Path
from condabox.cli.resultfile import check_result_file, write_result_file
path = Path(sys.argv[1])
print("before", flush=False)
check_result_file(path)
write_result_file(path, "{}")
print("after")
"""


def test_a_file_is_replaced_and_its_folder_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "result.json"

    for text in ("longer than the other", "{}"):
        check_result_file(path)
        write_result_file(path, text)

    assert path.read_text() == "{}\n"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("mode", ["wb", "ab"])
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "out"])
def test_what_else_is_on_stdout_stays_where_that_is_a_file(
    tmp_path: Path, mode: str, name: str
) -> None:
    out = tmp_path / "out"
    out.write_text("")

    with out.open(mode) as stdout:
        command = [sys.executable, "-c", PROGRAM, name]
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
        subprocess.run(command, stdout=stdout, cwd=tmp_path, env=env, check=True)

    assert out.read_text() == "before\n{}\nafter\n"


def test_stdout_may_be_a_pipe() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "/dev/stdout"], stdout=subprocess.PIPE, check=True
    )

    assert done.stdout == b"before\n{}\nafter\n"


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(path.read_text()))
    check_result_file(path)  # which does not wait for who reads
    reader.start()

    write_result_file(path, "{}")
    reader.join()

    assert read == ["{}\n"]
    assert path.is_fifo()


def test_a_device_stays_one() -> None:
    check_result_file(Path("/dev/null"))
    write_result_file(Path("/dev/null"), "{}")

    assert Path("/dev/null").is_char_device()


def test_a_full_device_is_explained() -> None:
    check_result_file(Path("/dev/full"))

    with pytest.raises(ImageError, match="cannot write /dev/full: No space left"):
        write_result_file(Path("/dev/full"), "{}")


def test_what_cannot_be_written_is_found_before(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    for path, reason in {
        tmp_path: "Is a directory",
        tmp_path / "file" / "below": "Not a directory",
        Path("/proc/none/result.json"): "",
    }.items():
        with pytest.raises(ImageError, match=f"cannot write {path}: {reason}"):
            check_result_file(path)
