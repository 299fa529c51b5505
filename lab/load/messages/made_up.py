"""Seeded messages of made-up text, whose words are known from the draw."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from functools import cache

import numpy as np

from lab.load.messages.message import Message, MessageError, lab_id_of, new_run_id, text_message

# The commonest words first; made-up ones follow, see _vocabulary().
_COMMON_WORDS = (
    "the of and to a in that it is was for on as with he be by at you are this have from or not his but had they we "
    "she which all one their there been when who will more no if out so said what up its about into than them can only "
    "other new some could time these two may then do first any my now such like our over man me even most made after "
    "also did many before must through years where much your way well down should because each just those people too "
    "world still night day cloud tower palace dream sleep queue message rate wait start state function café naïve żółć "
    "sky sea river stone light wind rain snow fire small great long old young high deep slow quick 7 42 1984 2026"
)
_VOCABULARY_SIZE = 2_000
_ZIPF_SHIFT = 2.7  # Mandelbrot's shift: the few commonest words of a real text are less dominant than 1/rank says
_SEPARATORS = (" ", ", ", ". ", "; ", "—", "! ", " (", ") ")
_SEPARATOR_SHARES = (0.82, 0.07, 0.06, 0.01, 0.01, 0.01, 0.01, 0.01)
_ENDS_A_SENTENCE = frozenset({". ", "! "})


def generate(
    count: int, *, seed: int = 0, words: tuple[int, int] = (60, 140), run_id: str | None = None
) -> Iterator[Message]:
    """Seeded messages of made-up text whose word counts are known from the draw.

    Word number ``r`` of a vocabulary of 2,000 is drawn with a probability proportional to 1 / (r + 2.7), the
    Zipf-Mandelbrot law, so that a chart of rank and frequency looks like the one of a real text.

    Args:
        count: how many messages; the first ones are the same for any larger ``count``.
        seed: the same seed gives the same texts.
        words: fewest and most words of a message, drawn evenly.
        run_id: start of every ``lab_id``; a new one by default.

    Raises:
        MessageError: ``count`` or ``words`` make no sense.
        MessageTooLargeError: while iterating, when a message got too many words.
    """
    fewest, most = words
    if count < 0 or not 0 <= fewest <= most:
        raise MessageError(
            f"Cannot generate {count} messages of {fewest} to {most} words.",
            next_step="give a count of 0 or more, and words as (fewest, most) with 0 <= fewest <= most.",
        )
    return _generate(count, np.random.default_rng(seed), fewest, most, new_run_id() if run_id is None else run_id)


def _generate(count: int, random: np.random.Generator, fewest: int, most: int, run_id: str) -> Iterator[Message]:
    vocabulary, cumulative_shares = _vocabulary()
    cumulative_separators = np.cumsum(_SEPARATOR_SHARES)
    for number in range(count):
        length = int(random.integers(fewest, most + 1))
        drawn = [vocabulary[rank] for rank in np.searchsorted(cumulative_shares, random.random(length)).tolist()]
        gaps = np.searchsorted(cumulative_separators, random.random(length)).tolist()
        separators = [_SEPARATORS[min(gap, len(_SEPARATORS) - 1)] for gap in gaps]
        yield text_message(lab_id_of(run_id, number), _written_out(drawn, separators), Counter(drawn))


def _written_out(words: list[str], separators: list[str]) -> str:
    """The words as a text with sentences, to give the functions capitals and marks to remove."""
    parts = []
    before = ". "
    for word, after in zip(words, separators, strict=True):
        parts.append(word.capitalize() if before in _ENDS_A_SENTENCE else word)
        parts.append(after)
        before = after
    if parts:
        parts[-1] = "."
    return "".join(parts)


@cache
def _vocabulary() -> tuple[list[str], np.ndarray]:
    """The 2,000 words by rank, and the cumulative probability of each, the last one exactly 1."""
    syllables = [first + vowel for first in "bdfgklmnprstvz" for vowel in "aeiou"]
    made_up = [first + second for first, second in itertools.product(syllables, repeat=2)]
    np.random.default_rng(0).shuffle(made_up)  # else neighbours in rank would all begin alike
    words = list(dict.fromkeys([*_COMMON_WORDS.split(), *made_up]))[:_VOCABULARY_SIZE]
    shares = 1 / (np.arange(1, len(words) + 1) + _ZIPF_SHIFT)
    cumulative = np.cumsum(shares / shares.sum())
    cumulative[-1] = 1.0
    return words, cumulative
