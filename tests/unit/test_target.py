"""Where the lab runs: defaults, refusals, and that an emulator target cannot reach AWS."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import botocore.client
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from lab.emulator.processes import EmulatorNotRunningError
from lab.paths import LabNameError
from lab.target import ReachError, Target, TargetError, check_endpoint_url, explain, resolve

REAL_LOOKING = {
    "AWS_ACCESS_KEY_ID": "AKIAREALLOOKINGKEY00",
    "AWS_SECRET_ACCESS_KEY": "real-looking-secret",
    "AWS_SESSION_TOKEN": "real-looking-token",
    "AWS_PROFILE": "a-profile-that-does-not-exist",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ENDPOINT_URL": "https://example.invalid",
    "AWS_ENDPOINT_URL_SQS": "https://example.invalid",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_USE_DUALSTACK_ENDPOINT": "true",
    "HTTP_PROXY": "http://proxy.invalid:3128",
    "http_proxy": "http://proxy.invalid:3128",
}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in ("LAB_TARGET", "LAB_NAME", "LAB_ENDPOINT_URL", "LAB_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LAB_STATE_DIR", str(tmp_path))


@pytest.fixture
def real_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in REAL_LOOKING.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("real_looking")
def test_the_default_is_embedded_even_where_aws_credentials_lie_around() -> None:
    assert resolve().kind == "embedded"


@pytest.mark.usefixtures("real_looking")
def test_an_emulator_client_carries_dummy_credentials_and_no_proxy() -> None:
    client = Target("localstack", "t", endpoint_url="http://127.0.0.1:4566").client("sqs")
    credentials = client._request_signer._credentials
    assert (credentials.access_key, credentials.secret_key, credentials.token) == ("test", "test", None)
    assert client.meta.endpoint_url == "http://127.0.0.1:4566"
    assert client.meta.region_name == "us-east-1"
    assert client.meta.config.proxies == {}


def test_a_request_to_another_host_is_stopped_before_it_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    # Made on purpose as no user can: the check at the last moment must hold even if all before it fails.
    client = Target("localstack", "t", endpoint_url="http://sqs.us-east-1.amazonaws.invalid").client("sqs")
    with pytest.raises(ReachError, match="stopped before it left"):
        client.list_queues()


@pytest.mark.parametrize(
    "url",
    [
        "https://sqs.us-east-1.amazonaws.com",
        "http://127.0.0.1.example.com:4566",
        "http://10.0.0.5:4566",
        "http://user@example.com:4566",
        "http://127.0.0.1@example.com",
        "ftp://127.0.0.1",
        "127.0.0.1:4566",
        "",
    ],
)
def test_an_endpoint_away_from_this_machine_is_refused(url: str) -> None:
    with pytest.raises(TargetError, match="is not an emulator on this machine"):
        check_endpoint_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:4566",
        "https://localhost:1",
        "http://[::1]:4566",
        "http://localstack:4566",
        "http://localhost.localstack.cloud:4566",
        "http://host.docker.internal:4566",
    ],
)
def test_loopback_and_the_compose_service_are_taken(url: str) -> None:
    assert check_endpoint_url(url) == url


def test_an_unknown_target_names_the_three_there_are() -> None:
    with pytest.raises(TargetError, match=r"embedded .*localstack or aws"):
        resolve("cloud")


@pytest.mark.parametrize("name", ["", "A", "a_b", "-a", "a-", "x" * 25, "a/b", "../a"])
def test_a_name_that_cannot_be_part_of_a_resource_name_is_refused(name: str) -> None:
    with pytest.raises(LabNameError):
        Target("embedded", name)


def test_without_a_running_emulator_the_next_step_is_lab_up() -> None:
    with pytest.raises(EmulatorNotRunningError, match=r"Next: lab up --name other"):
        Target("embedded", "other").client("sqs")


def test_known_library_errors_become_errors_with_a_next_step() -> None:
    denied = explain(ClientError({"Error": {"Code": "AccessDenied", "Message": "secret"}}, "CreateQueue"))
    assert denied is not None
    assert "CreateQueue" in denied.render()
    assert "lab policy" in denied.render()
    assert "secret" not in denied.render()
    unreachable = explain(EndpointConnectionError(endpoint_url="http://127.0.0.1:1"))
    assert unreachable is not None
    assert "lab doctor" in unreachable.render()
    assert explain(ValueError("x")) is None


def test_threads_that_share_a_client_share_its_error_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    load = botocore.client.BaseClient._load_exceptions  # type: ignore[attr-defined]

    def slowly(self: Any) -> Any:
        time.sleep(0.05)  # the moment in which another thread asks, too
        self._exceptions_factory._client_exceptions_cache.clear()
        return load(self)

    monkeypatch.setattr(botocore.client.BaseClient, "_load_exceptions", slowly)
    client = Target("localstack", "a", endpoint_url="http://127.0.0.1:1").client("logs")
    with ThreadPoolExecutor(8) as pool:
        classes = list(pool.map(lambda _: client.exceptions.ResourceNotFoundException, range(8)))
    assert len(set(classes)) == 1
