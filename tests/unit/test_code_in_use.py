"""The code of a function is removed when nobody uses it any more, and once."""

from __future__ import annotations

from lab.emulator.runtime.code_in_use import CodeInUse


def test_code_that_nobody_uses_is_removed_at_once_and_known_to_be_gone() -> None:
    code, removed = CodeInUse(), []
    code.remove_when_free("one", lambda: removed.append("one"))
    assert removed == ["one"]
    with code.hold("one") as there, code.hold("other") as other:
        assert (there, other) == (False, True)


def test_code_in_use_is_removed_when_its_last_user_has_gone() -> None:
    code, removed = CodeInUse(), []
    with code.hold("one") as first:
        with code.hold("one") as second:
            code.remove_when_free("one", lambda: removed.append("one"))
            assert (first, second, removed) == (True, True, [])
        assert removed == []
        with code.hold("one") as third:  # it is still in its place
            assert third
    assert removed == ["one"]
    with code.hold("one") as there:
        assert not there
    assert removed == ["one"]


def test_an_invocation_that_fails_lets_go_of_the_code_too() -> None:
    code, removed = CodeInUse(), []
    try:
        with code.hold("one"):
            code.remove_when_free("one", lambda: removed.append("one"))
            raise ValueError
    except ValueError:
        pass
    assert removed == ["one"]
