"""What a word is, in any script: by hand, by construction, and by two programs that share no rule.

The functions ask Python which characters are letters, one after the other; the lab takes texts apart by a table of the
categories of Unicode. Neither is used here to say what is right: that is written down, or known from the making.
"""

from __future__ import annotations

import base64
import inspect
import unicodedata
from collections import Counter
from collections.abc import Callable
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.load import messages

Count = Callable[[str], Counter[str]]


@pytest.fixture(scope="module")
def functions(load_handler: Callable[[str], ModuleType]) -> Count:
    """The four functions, from a text to its counted words."""
    names = ("base64_decoder", "stats_generator", "string_cleaner", "tokenizer_counter")
    steps = [load_handler(name).lambda_handler for name in names]

    def count(text: str) -> Counter[str]:
        event = {"input": base64.b64encode(text.encode()).decode()}
        for step in steps:
            event = step(event, None)
        return Counter(event["word_counts"])

    return count


# Counted by people.
BY_HAND = {
    "english": ("The sea, the SEA; cloud-capped", {"the": 2, "sea": 2, "cloud": 1, "capped": 1}),
    "hindi": ("हिन्दी भाषा", {"हिन्दी": 1, "भाषा": 1}),
    "accent as a character of its own": ("cafe\u0301 café", {"café": 2}),
    "vietnamese": ("Tie\u0302\u0301ng Việt, tiếng", {"tiếng": 2, "việt": 1}),
    "arabic with vowels": ("كِتَابٌ، كِتَابٌ", {"كِتَابٌ": 2}),
    "hebrew with points": ("שָׁלוֹם עוֹלָם", {unicodedata.normalize("NFC", word): 1 for word in ("שָׁלוֹם", "עוֹלָם")}),
    "tamil": ("தமிழ் மொழி", {"தமிழ்": 1, "மொழி": 1}),
    "persian, joined": ("می\u200cخواهم می\u200cخواهم", {"می\u200cخواهم": 2}),
    "korean, taken apart": (unicodedata.normalize("NFD", "한국어 한국어"), {"한국어": 2}),
    "thai has no spaces": ("ภาษาไทย ดี", {"ภาษาไทย": 1, "ดี": 1}),
    "chinese has no spaces": ("天地玄黃。宇宙", {"天地玄黃": 1, "宇宙": 1}),
    "emoji are no words": ("I ❤\ufe0f you 👩\u200d💻!", {"i": 1, "you": 1}),
    "a mark on nothing": (" \u0301 a \u0301b", {"a": 1, "b": 1}),
    "turkish": ("İstanbul", {"i\u0307stanbul": 1}),
    "greek": ("ΟΔΟΣ οδός", {"οδο\u03c2": 1, "οδός": 1}),
    "digits": ("7 x7 ٣ 1_000", {"7": 1, "x7": 1, "٣": 1, "1_000": 1}),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_words_counted_by_hand(name: str, functions: Count) -> None:
    text, words = BY_HAND[name]
    assert functions(text) == words
    assert messages.count_words(text) == words


LETTERS = "aZé7_żłΩжقךहभதไ字한ß"
MARKS = "\u0301\u0302\u093f\u094d\u0bbe\u0650\u05b8\u0e31\u200c\ufe0f\u20e3"
WORDS = st.builds(
    lambda first, rest: first + rest, st.sampled_from(LETTERS), st.text(st.sampled_from(LETTERS + MARKS), max_size=6)
)
BETWEEN = st.text(st.sampled_from(" \n\t.,;—!?。،❤👩\u00a0\u3000“”'-/"), min_size=1, max_size=3)


@given(
    drawn=st.lists(st.tuples(WORDS, BETWEEN), max_size=12), before=st.sampled_from(["", " ", "“", " \u0301", "❤\ufe0f"])
)
def test_words_known_from_the_making(drawn: list[tuple[str, str]], before: str, functions: Count) -> None:
    text = before + (" " if before else "") + "".join(word + between for word, between in drawn)
    known = Counter(unicodedata.normalize("NFC", word).lower() for word, _ in drawn)
    assert functions(text) == known
    assert messages.count_words(text) == known


@given(text=st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_both_programs_agree_on_any_text_and_on_each_way_to_write_it(text: str, functions: Count) -> None:
    counted = messages.count_words(text)
    assert functions(text) == counted
    assert messages.count_words(unicodedata.normalize("NFD", text)) == counted


def test_the_check_shares_no_rule_with_what_it_checks(load_handler: Callable[[str], ModuleType]) -> None:
    cleaner = inspect.getsource(load_handler("string_cleaner"))
    checker = inspect.getsource(inspect.getmodule(messages.count_words))  # type: ignore[arg-type]
    assert "isalnum" in cleaner
    assert "isalnum" not in checker
    assert r"\w" not in checker + cleaner
    assert "translate" in checker
    assert "translate" not in cleaner


def test_a_text_is_cut_beside_no_mark() -> None:
    word = "हिन्दीभाषा"
    made = messages.from_text(f"{word}。" * 40, max_text_bytes=100)
    assert len(made) > 5
    assert messages.expected_word_counts(made) == {word: 40}
