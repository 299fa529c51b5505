"""The four functions of the workflow, from a body to the counted words."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.load import messages

# The four workflow functions in the order of the state machine.
WORKFLOW = ("base64_decoder", "stats_generator", "string_cleaner", "tokenizer_counter")
Handlers = dict[str, ModuleType]
CONTROL_CHARACTERS = {chr(code) for code in range(32)} - set("\t\n\v\f\r")
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=CONTROL_CHARACTERS))


@pytest.fixture(scope="module")
def handlers(load_handler: Callable[[str], ModuleType]) -> Handlers:
    return {function: load_handler(function) for function in WORKFLOW}


def through_json(value: Any) -> Any:
    """What the next state receives: Lambda writes every answer down as JSON."""
    return json.loads(json.dumps(value))


def encode(text: str) -> str:
    return base64.b64encode(text.encode("utf-8")).decode("ascii")


def run_workflow(handlers: Handlers, event: dict[str, Any]) -> dict[str, Any]:
    for function in WORKFLOW:
        event = through_json(handlers[function].lambda_handler(event, None))
    return event


def test_sample_message_comes_out_as_statistics_and_word_counts(
    handlers: Handlers, load_event: Callable[[str], dict[str, Any]]
) -> None:
    sample = load_event("sample_message")
    assert len(sample["input"]) == 728

    result = run_workflow(handlers, sample)

    assert set(result) == {"input", "stats", "word_counts"}
    assert result["stats"] == {
        "text_length": 540,
        "avg_word_length": pytest.approx(4.5773, abs=5e-5),
        "num_digits": 0,
        "num_special_chars": 22,
    }
    counts = Counter(result["word_counts"])
    assert counts.total() == 100
    assert len(counts) == 78
    assert counts.most_common(3) == [("the", 5), ("my", 5), ("and", 4)]


def test_field_names_along_the_way(handlers: Handlers) -> None:
    decoded = handlers["base64_decoder"].lambda_handler({"lab_id": "a", "input": encode("The sky, the 7")}, None)
    assert decoded == {"lab_id": "a", "input": encode("The sky, the 7"), "output": "The sky, the 7"}

    described = handlers["stats_generator"].lambda_handler(decoded, None)
    stats = {"text_length": 14, "avg_word_length": 11 / 4, "num_digits": 1, "num_special_chars": 1}
    assert described == {"lab_id": "a", "input": "The sky, the 7", "stats": stats}

    cleaned = handlers["string_cleaner"].lambda_handler(described, None)
    assert cleaned == {"lab_id": "a", "input": "The sky, the 7", "output": "The sky the 7", "stats": stats}

    counted = handlers["tokenizer_counter"].lambda_handler(cleaned, None)
    assert counted == {
        "lab_id": "a",
        "input": "The sky, the 7",
        "stats": stats,
        "word_counts": {"the": 2, "sky": 1, "7": 1},
    }


def test_handlers_leave_the_event_they_were_given_as_it_was(handlers: Handlers) -> None:
    event: dict[str, Any] = {"input": encode("a b"), "output": "a b"}
    for function in WORKFLOW:
        before = json.dumps(event)
        handlers[function].lambda_handler(event, None)
        assert json.dumps(event) == before


@pytest.mark.parametrize("event", [{}, {"input": None}, {"input": 5}, {"input": ["SGkh"]}, [], "SGkh", None])
def test_decoder_names_a_missing_input(handlers: Handlers, event: Any) -> None:
    decoder = handlers["base64_decoder"]
    with pytest.raises(decoder.MissingInputError):
        decoder.lambda_handler(event, None)


@pytest.mark.parametrize(
    "encoded", ["SGk!", "SGkh=", "SGkh====", "SGk", "S", "=SGkh", "SG=h", "SGk=SGkh", "SGk_", "SGk-", "————", "SGké"]
)
def test_decoder_names_bad_base64(handlers: Handlers, encoded: str) -> None:
    decoder = handlers["base64_decoder"]
    with pytest.raises(decoder.InvalidBase64Error):
        decoder.lambda_handler({"input": encoded}, None)


@pytest.mark.parametrize("text", ["Hello", "Привет, мир", "a", "हिन्दी भाषा"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_decoder_names_text_in_another_encoding(handlers: Handlers, text: str, encoding: str) -> None:
    decoder = handlers["base64_decoder"]
    with pytest.raises(decoder.InvalidTextError):
        decoder.lambda_handler({"input": base64.b64encode(text.encode(encoding)).decode("ascii")}, None)


@pytest.mark.parametrize("data", [b"\xff", b"caf\xe9", b"\xed\xa0\x80", b"\xe2\x80"])
def test_decoder_names_bytes_that_are_not_utf_8(handlers: Handlers, data: bytes) -> None:
    decoder = handlers["base64_decoder"]
    with pytest.raises(decoder.InvalidTextError):
        decoder.lambda_handler({"input": base64.b64encode(data).decode("ascii")}, None)


def test_decoder_allows_white_space_in_base64(handlers: Handlers) -> None:
    result = handlers["base64_decoder"].lambda_handler({"input": " SGVs\r\n\tbG8h\n"}, None)
    assert result["output"] == "Hello!"
    assert result["input"] == " SGVs\r\n\tbG8h\n"


@pytest.mark.parametrize(
    ("text", "stats", "word_counts"),
    [
        ("", (0, 0.0, 0, 0), {}),
        (" \n\t ", (4, 0.0, 0, 0), {}),
        ("12 345 6,7", (10, 8 / 3, 2, 1), {"12": 1, "345": 1, "6": 1, "7": 1}),
        ("… — ! ?", (7, 1.0, 0, 4), {}),
        ("Żółć żółć ŻÓŁĆ", (14, 4.0, 0, 0), {"żółć": 3}),
        ("天地玄黃。宇宙", (7, 7.0, 0, 1), {"天地玄黃": 1, "宇宙": 1}),
        ("snake_case I’ll", (15, 7.0, 0, 2), {"snake_case": 1, "i": 1, "ll": 1}),
        ("٣ ② ½ x", (7, 1.0, 2, 0), {"٣": 1, "②": 1, "½": 1, "x": 1}),
        ("हिन्दी भाषा!", (12, 5.5, 0, 1), {"हिन्दी": 1, "भाषा": 1}),
    ],
    ids="empty only-space digits only-marks polish chinese underscore other-digits vowel-signs".split(),
)
def test_texts_at_the_edges(
    handlers: Handlers, text: str, stats: tuple[int, float, int, int], word_counts: dict[str, int]
) -> None:
    result = run_workflow(handlers, {"input": encode(text)})
    names = ("text_length", "avg_word_length", "num_digits", "num_special_chars")
    assert result["stats"] == pytest.approx(dict(zip(names, stats, strict=True)))
    assert result["word_counts"] == word_counts


@given(data=st.binary())
def test_decoder_takes_all_base64_there_is(handlers: Handlers, data: bytes) -> None:
    decoder = handlers["base64_decoder"]
    try:
        expected = data.decode("utf-8")
        assert not set(expected) & CONTROL_CHARACTERS
    except (UnicodeDecodeError, AssertionError):
        with pytest.raises(decoder.InvalidTextError):
            decoder.lambda_handler({"input": base64.b64encode(data).decode("ascii")}, None)
    else:
        assert decoder.lambda_handler({"input": base64.b64encode(data).decode("ascii")}, None)["output"] == expected


def test_hundred_kilobytes_of_text(handlers: Handlers) -> None:
    text = ("lorem ipsum " * 8534)[:102_400]
    result = run_workflow(handlers, {"input": encode(text)})
    assert result["stats"]["text_length"] == 102_400
    assert sum(result["word_counts"].values()) == len(text.split())


@given(text=TEXTS, extra=st.dictionaries(st.sampled_from(["lab_id", "note", "tags"]), st.text()))
def test_whatever_the_text(handlers: Handlers, text: str, extra: dict[str, str]) -> None:
    result = run_workflow(handlers, {**extra, "input": encode(text)})

    assert result["input"] == text
    assert {key: result[key] for key in extra} == extra
    assert set(result) == {"input", "stats", "word_counts", *extra}
    words = text.split()
    stats = result["stats"]
    assert stats["text_length"] == len(text)
    assert 0 <= stats["num_digits"] + stats["num_special_chars"] <= len(words)
    assert stats["avg_word_length"] * len(words) == pytest.approx(len("".join(words)))
    assert result["word_counts"] == messages.count_words(text), "counted by another rule, see test_words_of_scripts"
