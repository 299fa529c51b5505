"""LocalStack's index of services: whole for those of the lab, and of the others what tells whose a request is."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import pytest
from botocore.exceptions import ClientError

from lab.emulator.environment import SERVICES
from lab.emulator.runtime.hooks import service_catalogue
from tests.emulator.running import LocalStack


@pytest.fixture
def spec(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """LocalStack's module with the hook in it, whole again after the test."""
    from localstack.aws import spec

    own = vars(spec.LazyServiceCatalogIndex)["_services"]
    monkeypatch.setattr(spec, "build_service_index_cache", spec.build_service_index_cache)
    monkeypatch.setenv("SERVICES", SERVICES)
    service_catalogue._patch(spec)
    spec.stock_services = own
    yield spec
    del spec.stock_services
    spec.LazyServiceCatalogIndex._services = own


def test_the_index_says_of_every_service_what_localstacks_own_says(spec: ModuleType) -> None:
    index, own = spec.LazyServiceCatalogIndex(), spec.LazyServiceCatalogIndex()
    vars(own)["_services"] = spec.stock_services.func(own)
    assert len(own.service_names) > 300
    for field in ("service_names", "target_prefix_index", "signing_name_index", "endpoint_prefix_index"):
        assert getattr(index, field) == getattr(own, field), field
    of_the_lab = set(SERVICES.split(",")) - service_catalogue.LATER
    for operation, services in own.operations_index.items():
        expected = [service for service in services if service.name in of_the_lab]
        found = [service for service in index.operations_index.get(operation, []) if service.name in of_the_lab]
        assert found == expected, operation


def test_no_model_of_another_service_is_loaded(spec: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> None:
    def models() -> set[str]:
        return {key[1] for key in spec.loader._cache if key[0] == "load_data" and "/service-2" in key[1]}

    before = models()
    assert spec.build_service_index_cache("nowhere/at/all").operations_index["SendMessage"]
    loaded = {model.partition("/")[0] for model in models() - before}
    assert not loaded & service_catalogue.LATER
    assert loaded <= {
        *SERVICES.split(","),
        "sqs-query",
        *(key.partition("/")[0] for key in spec.loader.patches),
    }


@pytest.mark.parametrize("head", ['{"version":"1.0","metadata":{"apiVersion', '{"operations":{}}', ""])
def test_a_model_that_begins_otherwise_is_loaded_whole(head: str) -> None:
    assert service_catalogue._first_metadata(head) is None


def test_a_request_to_a_service_that_the_lab_does_not_have_is_refused_by_its_name(localstack: LocalStack) -> None:
    with pytest.raises(ClientError, match="athena"):
        localstack.client("athena").list_data_catalogs()
