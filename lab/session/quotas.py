"""Reads what an account may do at once, before a plan is made for it."""

from __future__ import annotations

from dataclasses import replace

from botocore.exceptions import BotoCoreError, ClientError

from lab.analysis.quotas import Quotas
from lab.emulator import health
from lab.emulator.environment import EXECUTOR_CLASS
from lab.stack import Settings
from lab.target import Target

# Step Functions' documented default for Express Workflows in every region, as read on 2026-11-24.
DEFAULT_START_EXPRESS_PER_S = 6_000.0
# Containers of LocalStack in Docker that one function may have: one for each invocation at once.
CONTAINERS_PER_FUNCTION = 10


def read(target: Target) -> Quotas:
    """The account's Lambda concurrency (GetAccountSettings) and its rate of Express executions (Service Quotas).

    The second one is a default where Service Quotas does not say it: it is far from what a lab reaches.
    """
    limits = target.client("lambda").get_account_settings()["AccountLimit"]
    rate, source = _start_express_per_s(target)
    # What others of the account have reserved is not there for us.
    available = limits.get("UnreservedConcurrentExecutions") or limits["ConcurrentExecutions"]
    return Quotas(lambda_concurrency=int(available), start_express_per_s=rate, source=source)


def fitted(target: Target, settings: Settings) -> Settings:
    """``settings`` as this target can carry them; what a learner set is left as it is."""
    if target.kind == "localstack" and settings.reserved_concurrency is None and not _shares_workers(target):
        return replace(settings, reserved_concurrency=CONTAINERS_PER_FUNCTION)
    if target.kind == "aws" and settings.mapping_concurrency is None:
        return replace(settings, mapping_concurrency=read(target).mapping_concurrency)
    return settings


def _shares_workers(target: Target) -> bool:
    """Whether it is the lab's own LocalStack, whose invocations queue for a few workers and start no containers."""
    return health.executor_at(target.endpoint_url or "") == EXECUTOR_CLASS


def _start_express_per_s(target: Target) -> tuple[float, str]:
    client = target.client("service-quotas")
    # The applied values first: they are missing where nobody ever asked for more.
    for call in ("list_service_quotas", "list_aws_default_service_quotas"):
        try:
            pages = client.get_paginator(call).paginate(ServiceCode="states")
            found = [quota["Value"] for page in pages for quota in page["Quotas"] if _is_start_express(quota)]
        except (ClientError, BotoCoreError):
            continue
        if found:
            return float(max(found)), "Service Quotas"
    return DEFAULT_START_EXPRESS_PER_S, "the documented default"


def _is_start_express(quota: dict[str, object]) -> bool:
    name = str(quota.get("QuotaName", "")).lower()
    return "startexecution" in name.replace(" ", "") and "express" in name and ("refill" in name or "rate" in name)
