"""Words on charts: measured so that they fit, and letters that can be drawn."""

from __future__ import annotations

import math
from functools import cache

from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font

# Everything but the first is used only where it is installed, for letters that the first does not have.
_FAMILIES = (
    "DejaVu Sans",
    "Noto Sans",
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Hiragino Sans",
    "Yu Gothic",
    "Segoe UI",
)
TITLE_SIZE, TEXT_SIZE, SMALL_SIZE = 12.5, 9.0, 8.0


@cache
def font_families() -> tuple[str, ...]:
    """The families of ``_FAMILIES`` that this machine has; matplotlib brings the first with it."""
    installed = set(font_manager.get_font_names())
    return tuple(name for name in _FAMILIES if name in installed) or ("sans-serif",)


def text_width(chart: Figure, text: str, size: float, weight: str = "normal") -> float:
    """Width of one line of text on ``chart`` in pixels."""
    properties = font_manager.FontProperties(family=list(font_families()), size=size, weight=weight)
    renderer = chart.canvas.get_renderer()  # type: ignore[attr-defined]
    return float(renderer.get_text_width_height_descent(text, properties, False)[0])


def text_height(text: str, size: float) -> float:
    """Height of possibly many lines in inches, at matplotlib's line spacing of 1.2 and a little more for descenders."""
    return (text.count("\n") + 1) * size * 1.28 / 72


def wrap(chart: Figure, text: str, room: float, size: float, weight: str = "normal") -> str:
    """Break ``text`` into lines no wider than ``room`` pixels; a single word that is wider loses its middle."""
    room *= 0.975  # letters are set a little wider at another resolution
    lines: list[str] = []
    for word in text.split():
        candidate = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(chart, candidate, size, weight) <= room:
            lines[-1] = candidate
        else:
            lines.append(fit(chart, word, room, size, weight))
    return "\n".join(lines)


def fit(chart: Figure, text: str, room: float, size: float, weight: str = "normal") -> str:
    """``text``, with so much of its middle replaced by … that it is no wider than ``room`` pixels."""
    if text_width(chart, text, size, weight) <= room:
        return text
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if text_width(chart, shorten(text, middle), size, weight) <= room:
            low = middle
        else:
            high = middle - 1
    return shorten(text, low)


def shorten(text: str, length: int) -> str:
    """At most ``length`` characters: the start and, shorter, the end of ``text`` with … between them."""
    if len(text) <= length:
        return text
    kept = max(length - 1, 0)
    head = math.ceil(kept * 0.65)
    return text[:head] + "…" + text[len(text) - (kept - head) :]


@cache
def _glyph_fonts() -> tuple[FT2Font, ...]:
    return tuple(font_manager.get_font(font_manager.findfont(family)) for family in font_families())


@cache
def _has_glyph(character: str) -> bool:
    return any(font.get_char_index(ord(character)) for font in _glyph_fonts())


def drawable(text: str) -> str:
    """``text`` with □ for characters that no installed font has, so that matplotlib neither warns nor guesses."""
    return "".join(character if character == "\n" or _has_glyph(character) else "□" for character in text)


def quoted(name: object, length: int = 40) -> str:
    """A name in a sentence: in quotation marks, on one line, never longer than ``length``."""
    return f"“{shorten(' '.join(str(name).split()) or '(blank)', length)}”"
