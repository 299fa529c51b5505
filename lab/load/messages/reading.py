"""The one reader of text files: whatever program saved them, the text comes out, or a sentence says why not."""

from __future__ import annotations

import codecs
import shlex
from pathlib import Path

from lab import variables
from lab.load.messages.message import TextFileError, control_character

# Far longer than a book, and short of what a device gives that never ends.
MAX_FILE_BYTES = 100_000_000

# The longer mark first: the one of UTF-16 is its beginning.
_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


def read_text(path: str | Path) -> str:
    """The text of a UTF-8 file, its lines ended by line feeds, without a byte order mark or the end mark of DOS.

    Raises:
        TextFileError: it cannot be read, is in another encoding, or is no text.
    """
    path = _place(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise TextFileError(f"There is no file {path}.", next_step="check the path, or choose another file.") from None
    except OSError as error:
        raise TextFileError(
            f"Cannot read {path}: {error.strerror}.", next_step="check the path; it must be a text file."
        ) from error
    if len(data) > MAX_FILE_BYTES:
        raise TextFileError(
            f"{path} is longer than {MAX_FILE_BYTES:,} bytes.", next_step="choose a shorter text, such as one book."
        )
    text = _decoded(path, data).replace("\r\n", "\n").replace("\r", "\n").rstrip("\x1a")
    if found := control_character(text):
        line = text.count("\n", 0, text.index(found)) + 1
        raise TextFileError(
            f"{path} holds a control character, U+{ord(found):04X}, in line {line}.",
            cause="it holds data rather than text.",
            next_step="choose another file.",
        )
    return text


def _place(path: str | Path) -> Path:
    try:
        return variables.folder_or_file(path)
    except ValueError as error:
        raise TextFileError(f"Cannot read {path}: {error}.", next_step="check the path.") from None


def _decoded(path: Path, data: bytes) -> str:
    encoding = _encoding_of(data)
    if encoding == "UTF-8":
        return data.decode("utf-8-sig")
    why = "" if b"\0" in data else _first_wrong_byte(data)
    if encoding is None:
        raise TextFileError(
            f"{path} is not UTF-8{why}.",
            cause="it is in an encoding that cannot be told from its bytes, or is no text at all.",
            next_step="save it as UTF-8 in the program that made it, or choose another file.",
        )
    other = _free_name(path)
    raise TextFileError(
        f"{path} is not UTF-8{why}; by its bytes it is {encoding}.",
        cause="many programs on Windows save texts so.",
        next_step=f"iconv -f {encoding.upper()} -t UTF-8 {quoted(path)} > {quoted(other)}, then use {quoted(other)}",
    )


def _encoding_of(data: bytes) -> str | None:
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    zeros = [data[start::2].count(0) for start in (0, 1)]
    if sum(zeros) * 20 > len(data):
        # Text in UTF-16 has a zero beside each letter, space and line end of English: all on one side.
        return None if min(zeros) * 10 > max(zeros) else "UTF-16LE" if zeros[1] > zeros[0] else "UTF-16BE"
    for name, codec in (("UTF-8", "utf-8"), ("Windows-1252", "cp1252")):
        try:
            text = data.decode(codec)
        except UnicodeDecodeError:
            continue
        return name if name == "UTF-8" or control_character(text) is None else None
    return None


def _first_wrong_byte(data: bytes) -> str:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return f": byte {error.start} (line {line}) is 0x{data[error.start]:02x}"
    return ""


def _free_name(path: Path) -> Path:
    """Beside ``path``, and not there yet: a shell empties what it writes to before anybody has read it."""
    for number in range(1, 1_000):
        other = path.with_name(f"{path.stem}.utf8{'' if number == 1 else f'-{number}'}{path.suffix}")
        if not other.exists():
            return other
    return path.with_name(f"{path.name}.utf8")


def quoted(path: Path) -> str:
    """The path as it is typed into a shell, whatever characters it holds."""
    return shlex.quote(f"./{path}" if str(path).startswith("-") else str(path))
