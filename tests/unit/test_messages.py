"""Bodies, their known words, and the cutting of a learner's text."""

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

from lab.errors import LabError
from lab.load import messages
from lab.load.messages import made_up


def decoded(message: messages.Message) -> str:
    return base64.b64decode(json.loads(message.body)["input"], validate=True).decode("utf-8")


@pytest.fixture(scope="module")
def workflow(load_handler: Callable[[str], ModuleType]) -> Callable[[str], dict[str, Any]]:
    """The four functions of the workflow, one after the other, from a body to the last output."""
    names = ("base64_decoder", "stats_generator", "string_cleaner", "tokenizer_counter")
    functions = [load_handler(name).lambda_handler for name in names]

    def run(body: str) -> dict[str, Any]:
        event = json.loads(body)
        for function in functions:
            event = json.loads(json.dumps(function(event, None)))
        return event

    return run


# The sample


def test_sample_body_is_the_sample_of_the_event(load_event: Callable[[str], dict[str, Any]]) -> None:
    assert json.loads(messages.SAMPLE_BODY) == load_event("sample_message")
    assert len(json.loads(messages.SAMPLE_BODY)["input"]) == 728


def test_sample_has_its_known_words() -> None:
    plain = messages.sample()
    assert plain.body == messages.SAMPLE_BODY
    assert plain.text is not None
    assert len(plain.text) == 540
    assert plain.text.startswith("And like the baseless fabric")
    assert plain.text.count("—") == 2
    assert "I’ll" in plain.text
    assert plain.word_counts.total() == 100
    assert len(plain.word_counts) == 78
    assert plain.word_counts.most_common(3) == [("the", 5), ("my", 5), ("and", 4)]


def test_sample_with_a_lab_id_carries_it() -> None:
    message = messages.sample("run-000000")
    assert json.loads(message.body) == {"lab_id": "run-000000", **json.loads(messages.SAMPLE_BODY)}


# Ids


def test_lab_ids_are_unique_and_sort_by_number() -> None:
    run_id = messages.new_run_id()
    assert run_id != messages.new_run_id()
    ids = [messages.lab_id_of(run_id, number) for number in (0, 1, 9, 10, 99, 100, 99_999)]
    assert sorted(ids) == ids
    assert messages.lab_id_of("run", 123) == "run-000123"


# Generated text


def test_generated_words_are_the_words_that_come_out(workflow: Callable[[str], dict[str, Any]]) -> None:
    made = list(messages.generate(200, seed=7, run_id="run"))
    came_out: Counter[str] = Counter()
    for message in made:
        result = workflow(message.body)
        assert result["word_counts"] == message.word_counts
        assert result["lab_id"] == message.lab_id
        came_out.update(result["word_counts"])
    assert came_out == messages.expected_word_counts(made)
    assert [message.lab_id for message in made] == [f"run-{number:06d}" for number in range(200)]


def test_same_seed_same_texts_and_more_begin_with_fewer() -> None:
    ten = list(messages.generate(10, seed=3, run_id="run"))
    assert list(messages.generate(25, seed=3, run_id="run"))[:10] == ten
    assert list(messages.generate(10, seed=4, run_id="run")) != ten


@given(fewest=st.integers(0, 40), more=st.integers(0, 40), seed=st.integers(0, 2**32))
def test_length_and_count_hold(fewest: int, more: int, seed: int) -> None:
    made = list(messages.generate(5, seed=seed, words=(fewest, fewest + more), run_id="run"))
    for message in made:
        assert fewest <= message.word_counts.total() <= fewest + more
        assert decoded(message) == message.text
        assert messages.count_words(message.text or "") == message.word_counts


def test_every_word_of_the_vocabulary_counts_as_itself() -> None:
    words, cumulative = made_up._vocabulary()
    assert len(words) == len(set(words)) == 2_000
    assert cumulative[-1] == 1
    for word in words:
        assert messages.count_words(word) == messages.count_words(word.capitalize()) == {word: 1}


def test_frequencies_fall_with_rank() -> None:
    counts = messages.expected_word_counts(messages.generate(300, seed=1))
    words, _ = made_up._vocabulary()
    by_rank = [counts[word] for word in words]
    # 1 / (r + 2.7): the first word is drawn (100 + 2.7) / (1 + 2.7) = 27.8 times as often as the hundredth.
    assert sum(by_rank[:10]) > 5 * sum(by_rank[90:100]) > 0
    assert 18 < sum(by_rank[:3]) / (sum(by_rank[95:105]) / 10) / 3 < 30
    assert len(counts) > 1_000


def test_generated_text_has_capitals_marks_and_digits(workflow: Callable[[str], dict[str, Any]]) -> None:
    made = list(messages.generate(50, seed=0))
    stats = [workflow(message.body)["stats"] for message in made]
    assert sum(each["num_digits"] for each in stats) > 0
    assert sum(each["num_special_chars"] for each in stats) > 0
    assert all((message.text or "")[0].upper() == (message.text or "")[0] for message in made)


@pytest.mark.parametrize(("count", "words"), [(-1, (1, 2)), (1, (-1, 2)), (1, (5, 4))])
def test_nonsense_is_refused_at_once(count: int, words: tuple[int, int]) -> None:
    with pytest.raises(messages.MessageError):
        messages.generate(count, words=words)


def test_too_many_words_for_one_message() -> None:
    with pytest.raises(messages.MessageTooLargeError, match="262,144"):
        list(messages.generate(1, words=(60_000, 60_000)))


# A learner's text

TEXTS = st.text(alphabet=st.sampled_from("aB7 \n\t.,—é字𝄞_\u0301Σ"), max_size=400)


@given(text=TEXTS, words=st.none() | st.integers(1, 12), size=st.integers(16, 200))
def test_no_word_is_cut_lost_or_moved(text: str, words: int | None, size: int) -> None:
    try:
        made = messages.from_text(text, run_id="run", words_per_message=words, max_text_bytes=size)
    except messages.UnbreakableTextError:
        # Only where there really is a word that fits nowhere with what must follow it.
        assert max(len(word.encode()) for word in messages.count_words(text)) > size - 4
        return
    except messages.TextFileError:
        assert not text.strip()
        return
    pieces = [message.text or "" for message in made]
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert messages.expected_word_counts(made) == messages.count_words(text)
    assert all(0 < len(piece.encode()) <= size for piece in pieces)
    assert all(words is None or len(piece.split()) <= words for piece in pieces)
    assert [message.lab_id for message in made] == [f"run-{number:06d}" for number in range(len(made))]


def test_text_that_fits_is_one_message_with_the_text_itself() -> None:
    (message,) = messages.from_text("To be,\nor not to be ")
    assert message.text == "To be,\nor not to be "


def test_words_per_message() -> None:
    made = messages.from_text("a b c d e", words_per_message=2)
    assert [(message.text or "").split() for message in made] == [["a", "b"], ["c", "d"], ["e"]]


@pytest.mark.parametrize("unit", ["lorem ipsum ", "żółć,字。", "\va", "\u20ac "], ids=["ascii", "marks", "tab", "euro"])
def test_long_line_is_cut_so_that_every_state_can_hand_it_over(
    unit: str, load_handler: Callable[[str], ModuleType]
) -> None:
    text = unit * (300_000 // len(unit))
    made = messages.from_text(text)
    assert len(made) >= 300_000 // messages.MAX_TEXT_BYTES
    decoder = load_handler("base64_decoder")
    for message in made:
        assert len(message.body.encode()) <= messages.MAX_BODY_BYTES
        assert len(json.dumps(decoder.lambda_handler(json.loads(message.body), None))) < 262_144 - 4_096
    assert messages.expected_word_counts(made) == messages.count_words(text)


def test_one_word_without_end_is_refused() -> None:
    with pytest.raises(messages.UnbreakableTextError, match="character 6") as caught:
        messages.from_text("short " + "x" * 100_000)
    assert caught.value.next_step


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(messages.TextFileError, match="Character 4"):
        messages.from_text("abc \ud800 def")


@pytest.mark.parametrize("arguments", [{"words_per_message": 0}, {"max_text_bytes": 0}])
def test_sizes_must_be_positive(arguments: dict[str, int]) -> None:
    with pytest.raises(messages.MessageError):
        messages.from_text("a b", **arguments)  # type: ignore[arg-type]


def test_size_over_what_a_body_holds_is_refused() -> None:
    with pytest.raises(messages.MessageTooLargeError):
        messages.from_text("word " * 60_000, max_text_bytes=300_000)


@pytest.mark.parametrize(
    "unit",
    ["word ", '"\n', "\v", "字。", "\u20ac ", "a", "\ufb2c", "".join(f"{n:x} " for n in range(65_536))],
    ids=["words", "escaped", "tab", "no-spaces", "euro", "one", "longer-in-nfc", "all-different"],
)
def test_the_longest_text_that_is_taken_passes_every_state(
    unit: str, load_handler: Callable[[str], ModuleType]
) -> None:
    """The largest that `text_message` makes, found by halving, goes through; what it refuses is not far too small."""

    def made(length: int) -> messages.Message | None:
        try:
            return messages.text_message("run-000000", (unit * (length // len(unit) + 1))[:length])
        except messages.MessageTooLargeError:
            return None

    fits, too_long = 1, 262_144
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        fits, too_long = (middle, too_long) if made(middle) else (fits, middle)
    message = made(fits)
    assert message is not None
    event, sizes = json.loads(message.body), [len(message.body)]
    for name in ("base64_decoder", "stats_generator", "string_cleaner", "tokenizer_counter"):
        event = load_handler(name).lambda_handler(event, None)
        sizes.append(len(json.dumps(event, ensure_ascii=False).encode()))
    assert 262_144 - 2 * 4_096 - 2_000 < max(sizes) <= 262_144 - 2_000


# Broken messages


def test_broken_messages_end_where_they_say(
    workflow: Callable[[str], dict[str, Any]],
    load_handler: Callable[[str], ModuleType],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    trigger = load_handler("start_execution")
    errors = {}
    for kind in messages.BrokenKind:
        message = messages.broken(kind, "run-000001")
        assert message.text is None
        assert not message.word_counts
        if message.fate is messages.Fate.NOT_SENT:
            assert message.body == ""
            continue
        try:
            document = trigger.read_object(message.body)
            assert len(message.body.encode()) <= trigger.MAX_INPUT_BYTES, "too large"
        except Exception as error:  # noqa: BLE001 - the kind of error is what is looked at
            assert message.fate is messages.Fate.DEAD_LETTERED
            errors[kind.value] = type(error).__name__
            continue
        assert document["lab_id"] == "run-000001"
        assert message.fate is messages.Fate.FAILED
        with pytest.raises(Exception) as caught:  # noqa: PT011 - the handler's own classes, compared by name below
            workflow(message.body)
        errors[kind.value] = type(caught.value).__name__
    trigger.threads.shutdown()
    assert errors == {
        "not_json": "InvalidMessageError",
        "not_an_object": "InvalidMessageError",
        "missing_input": "MissingInputError",
        "bad_base64": "InvalidBase64Error",
        "not_utf8": "InvalidTextError",
        "too_large": "AssertionError",
        "nested_deep": "NestedTooDeepError",
        "not_a_number": "InvalidNumberError",
        "json_in_json": "EncodedTwiceError",
    }


def test_too_large_is_one_byte_over() -> None:
    assert len(messages.broken("too_large", "run-000001").body.encode()) == messages.MAX_BODY_BYTES + 1


def test_unknown_way_to_break_lists_the_known_ones() -> None:
    with pytest.raises(LabError, match="not_json, not_an_object"):
        messages.broken("sideways")
