"""What a LocalStack tells of itself, as the lab understands it."""

from __future__ import annotations

from typing import Any

import pytest

from lab.emulator import health


@pytest.mark.parametrize(
    ("told", "runtime"),
    [
        ({"python": "3.11", "hooks": {"function_runtimes": "on"}}, "python3.11"),
        ({"python": "3.14", "hooks": {"function_runtimes": "on"}}, "python3.14"),
        ({"python": "3.14", "hooks": {"function_runtimes": "off"}}, "python3.13"),
        ({"python": "3.12", "hooks": {"function_runtimes": "off"}}, "python3.12"),
        ({"python": "3.14"}, "python3.13"),
        ({}, None),
    ],
)
def test_functions_name_the_python_that_runs_them_or_the_newest_that_is_known(
    told: dict[str, Any], runtime: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_report", lambda endpoint_url, timeout_s: told)
    assert health.runtime_at("http://127.0.0.1:1") == runtime
