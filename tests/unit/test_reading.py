"""Text files as people have them: saved by any program, named anyhow."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import paths
from lab.load import messages
from lab.load.messages import reading

TEXT = "The café was closed.\nNobody knew “why”.\n"


def saved(folder: Path, data: bytes, name: str = "text.txt") -> Path:
    file = folder / name
    file.write_bytes(data)
    return file


def refusal(file: str | Path) -> messages.TextFileError:
    with pytest.raises(messages.TextFileError) as refused:
        messages.read_text(file)
    assert refused.value.next_step
    return refused.value


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        b"\xef\xbb\xbf" + TEXT.encode(),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        TEXT.encode() + b"\x1a",
    ],
    ids=["plain", "byte order mark", "windows", "old mac", "dos end mark"],
)
def test_utf_8_of_any_program_is_the_same_text(data: bytes, tmp_path: Path) -> None:
    file = saved(tmp_path, data)
    assert messages.read_text(file) == TEXT
    assert messages.from_text(file)[0].text == TEXT


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (TEXT.encode("utf-16"), "UTF-16"),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), "UTF-16"),
        (TEXT.encode("utf-16-le"), "UTF-16LE"),
        (TEXT.encode("utf-16-be"), "UTF-16BE"),
        (TEXT.encode("utf-32"), "UTF-32"),
        (TEXT.encode("cp1252"), "Windows-1252"),
        ("Привет, мир. Это текст.\n".encode("utf-16-le"), "UTF-16LE"),
    ],
)
@pytest.mark.parametrize("name", ["text.txt", 'it\'s a "text" $HOME.txt', "-n.txt", "two\nlines"])
def test_another_encoding_is_named_and_the_advice_works_and_spares_the_file(
    data: bytes, encoding: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    saved(tmp_path, data, name)
    error = refusal(Path(name))
    assert error.what.endswith(f"by its bytes it is {encoding}.")
    command, _, then = error.next_step.rpartition(", then use ")
    if shutil.which("iconv") is None:
        pytest.skip("there is no iconv here")
    subprocess.run(["sh", "-c", command], check=True, cwd=tmp_path)
    assert Path(name).read_bytes() == data, "the learner's own file is as it was"
    (other,) = set(tmp_path.iterdir()) - {tmp_path / name}
    assert messages.read_text(other) == data.decode(encoding if "16" not in encoding else encoding.lower())
    assert then == messages.quoted(Path(other.name))


def test_the_advice_writes_over_no_file_that_is_there(tmp_path: Path) -> None:
    file = saved(tmp_path, TEXT.encode("cp1252"))
    saved(tmp_path, b"mine", "text.utf8.txt")
    assert "> " + str(tmp_path / "text.utf8-2.txt") in refusal(file).next_step


@pytest.mark.parametrize(
    ("data", "tells"),
    [
        (b"line one\ncaf\xe9\n", "byte 12 (line 2) is 0xe9"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x03\0\0\0\x02\0\x08", "is not UTF-8"),
        (bytes(range(256)) * 20, "is not UTF-8"),
        (b"one\ntwo\0three\nfour and a good deal more of text", "control character, U+0000, in line 2"),
        (b"\x1b[31mred\x1b[0m", "control character, U+001B, in line 1"),
    ],
)
def test_what_is_no_text_is_told_with_its_place(data: bytes, tells: str, tmp_path: Path) -> None:
    assert tells in refusal(saved(tmp_path, data)).what


def test_what_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "There is no file" in refusal(tmp_path / "absent.txt").what
    assert "directory" in refusal(tmp_path).what
    assert "home folder" in refusal("~nobody-is-called-so/text.txt").what
    monkeypatch.setattr(reading, "MAX_FILE_BYTES", 1_000)
    assert "longer than 1,000 bytes" in refusal("/dev/zero").what


def test_a_home_folder_and_a_pipe_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path, b"at home")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert messages.read_text("~/text.txt") == "at home"
    out, into = os.pipe()
    os.write(into, b"through a pipe")
    os.close(into)
    assert messages.read_text(f"/dev/fd/{out}") == "through a pipe"


@pytest.mark.parametrize("data", [b"", b" \n\t\n"])
def test_a_file_without_a_word_makes_no_message(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(messages.TextFileError, match="holds no text"):
        messages.from_text(saved(tmp_path, data))


@given(data=st.binary(max_size=60))
def test_any_bytes_are_a_text_or_a_sentence(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = saved(tmp_path_factory.getbasetemp(), data, "any.txt")
    try:
        text = messages.read_text(file)
    except messages.TextFileError:
        return
    assert messages.text_message("run-000000", text).text == text
    assert data.decode("utf-8-sig").split() == text.split() or b"\x1a" in data


def test_nobody_else_reads_a_learners_text() -> None:
    """`messages.read_text` is what the commands and the notebooks use."""
    for folder in ("lab/session", "lab/commands", "lab/load"):
        for file in (paths.PROJECT / folder).rglob("*.py"):
            assert 'read_text("utf' not in file.read_text("utf-8"), file
