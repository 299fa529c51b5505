"""The keys and the certificate of an emulator: what is refused, and that no text repeats a key."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.target import Target, TargetError, check_access


@pytest.mark.parametrize(
    ("access_key", "secret_key"), [("KEY-OF-A-TEST", None), (None, "KEY-OF-A-TEST"), ("", "KEY-OF-A-TEST")]
)
def test_half_a_pair_of_keys_is_refused_and_not_repeated(access_key: str | None, secret_key: str | None) -> None:
    with pytest.raises(TargetError) as refused:
        check_access(access_key, secret_key, None)
    assert "LAB_PROBE_SECRET_KEY" in refused.value.render()
    assert "KEY-OF-A-TEST" not in refused.value.render()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        (b"", "it holds no certificate in PEM form"),
        (b"\x30\x82\xff", "can't decode"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", ""),
    ],
    ids=["no file", "empty", "binary", "damaged"],
)
def test_a_file_without_a_certificate_is_refused_before_anything_is_sent(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    file = tmp_path / "emulator.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(TargetError) as refused:
        check_access(None, None, file)
    assert f"The certificates in {file} cannot be used" in refused.value.render()
    assert reason in refused.value.render()


def test_a_target_signs_with_the_keys_given_and_no_text_of_it_has_them() -> None:
    access = check_access("KEY-OF-A-TEST", "SECRET-OF-A-TEST", None)
    target = Target("localstack", "probe", endpoint_url="https://127.0.0.1:1", access=access)
    credentials = target.session.get_credentials()
    assert credentials is not None
    assert (credentials.access_key, credentials.secret_key) == ("KEY-OF-A-TEST", "SECRET-OF-A-TEST")
    assert "OF-A-TEST" not in repr(access) + repr(target)
