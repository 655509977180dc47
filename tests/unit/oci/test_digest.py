"""Digests and the reader that checks them."""

from __future__ import annotations

import io
import re

import pytest

from condabox.errors import DigestMismatchError, ImageError
from condabox.oci.digest import CHUNK, Digest, VerifyingReader

HELLO = Digest("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")


def read_in_pieces(data: bytes, *, digest: Digest, size: int, piece: int = 3) -> bytes:
    with io.BufferedReader(VerifyingReader(io.BytesIO(data), digest=digest, size=size)) as reader:
        return b"".join(iter(lambda: reader.read(piece), b""))


def test_digest_of_bytes_is_their_sha256() -> None:
    assert Digest.of(b"hello") == HELLO


def test_digest_round_trips_through_its_text() -> None:
    assert Digest.parse(str(HELLO)) == HELLO


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(HELLO.hex, id="no algorithm"),
        pytest.param(f"sha512:{HELLO.hex}", id="other algorithm"),
        pytest.param(f"sha256:{HELLO.hex.upper()}", id="upper case"),
        pytest.param(f"sha256:{HELLO.hex}\n", id="newline"),
        pytest.param("sha256:../../etc/passwd", id="path"),
    ],
)
def test_what_is_no_digest_is_an_image_error(text: str) -> None:
    with pytest.raises(ImageError, match="is not a digest"):
        Digest.parse(text)


def test_verifying_reader_passes_the_promised_bytes_on() -> None:
    assert read_in_pieces(b"hello", digest=HELLO, size=5) == b"hello"


def test_verifying_reader_takes_an_empty_blob() -> None:
    assert read_in_pieces(b"", digest=Digest.of(b""), size=0) == b""


def test_verifying_reader_names_both_digests_of_damaged_bytes() -> None:
    got = Digest.of(b"hellO")

    with pytest.raises(DigestMismatchError, match=f"got {got}, want {HELLO}"):
        read_in_pieces(b"hellO", digest=HELLO, size=5)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"hell", "got 4 bytes, want 5", id="short"),
        pytest.param(b"hello!", "got more than 5 bytes, want 5", id="long"),
    ],
)
def test_verifying_reader_reports_a_wrong_size(data: bytes, message: str) -> None:
    with pytest.raises(DigestMismatchError, match=re.escape(message)):
        read_in_pieces(data, digest=HELLO, size=5)


def test_verifying_reader_finds_damage_with_the_last_byte_not_after_it() -> None:
    reader = VerifyingReader(io.BytesIO(b"hellO"), digest=HELLO, size=5)

    with pytest.raises(DigestMismatchError):
        reader.readinto(bytearray(5))


def test_verifying_reader_never_reads_more_than_a_chunk() -> None:
    data = bytes(CHUNK + 1)
    reader = VerifyingReader(io.BytesIO(data), digest=Digest.of(data), size=len(data))

    assert reader.readinto(bytearray(2 * CHUNK)) == CHUNK


def test_closing_a_verifying_reader_closes_the_stream() -> None:
    stream = io.BytesIO(b"hello")

    VerifyingReader(stream, digest=HELLO, size=5).close()

    assert stream.closed
