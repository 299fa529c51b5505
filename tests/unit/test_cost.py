"""What a run costs on AWS, against sums made by hand from the price pages, and the guard in front of it."""

from __future__ import annotations

import math
import re

import pandas as pd
import pytest

from lab import charts, session, stack
from lab.analysis import cost
from lab.analysis.quotas import Quotas, ceilings, fit_rates, mapping_rate
from lab.load import messages
from lab.session import guard
from lab.session import quotas as quota_room
from lab.stack import Settings, mapping
from lab.target import Target
from lab.variables import VariableError
from lab.workshop.quizzes import QUIZZES
from tests.unit.aws_stand_in import Account

MILLION = 1_000_000


def test_a_million_messages_by_hand() -> None:
    bill = cost.estimate(MILLION, cost.Shape(batch_size=10, duration_s=0.45, function_s=0.1, start_s=0.2))
    by_service = bill.by_service()
    # sent one by one, received and deleted ten at a time: 1.0 + 0.1 + 0.1 million requests at 0.40
    assert by_service["SQS"] == pytest.approx(0.48)
    # 4.1 million invocations at 0.20; 4 million × 0.1 s and 0.1 million × 0.2 s, each of 1/8 GiB
    assert by_service["Lambda"] == pytest.approx(0.82 + (400_000 + 20_000) / 8 * 0.0000166667)
    # 1.00 for the starts; 0.45 s are five steps of 100 ms, of 1/16 GiB: 31,250 GiB-s = 8.68 GiB-hours at 0.06
    assert by_service["Step Functions"] == pytest.approx(1.0 + 31_250 / 3600 * 0.06)
    # 30,000 bytes of events and 4 × 600 of the functions a message, 1,200 a batch: 32.52 GB at 0.50
    assert by_service["CloudWatch Logs"] == pytest.approx(32.52 * 0.50)
    assert bill.total_usd == pytest.approx(sum(by_service.values()))
    assert bill.table()["usd"].sum() == pytest.approx(bill.total_usd)


def test_logs_cost_about_ten_times_the_workflow() -> None:
    by_service = cost.estimate(1_000).by_service()
    assert 8 < by_service["CloudWatch Logs"] / by_service["Step Functions"] < 15


@pytest.mark.parametrize(
    ("duration_s", "steps"), [(0.0, 1), (0.001, 1), (0.1, 1), (0.3, 3), (0.1 + 0.2, 3), (0.301, 4), (300, 3000)]
)
def test_express_time_is_billed_in_steps_of_100_ms(duration_s: float, steps: int) -> None:
    assert cost.express_gib_s(duration_s) == pytest.approx(steps * 0.1 / 16)


@pytest.mark.parametrize(("memory_mb", "chunks"), [(1, 1), (64, 1), (65, 2), (128, 2)])
def test_express_memory_is_billed_in_chunks_of_64_mb(memory_mb: int, chunks: int) -> None:
    assert cost.express_gib_s(1.0, memory_mb) == pytest.approx(chunks / 16)


def test_express_hours_become_cheaper() -> None:
    # 1,000 at 0.06, the next 4,000 at 0.03, 1,000 more at 0.01642
    tiers = cost.US_EAST_1.express_gib_hour
    assert cost.tiered(6_000, tiers) == pytest.approx(60 + 120 + 16.42)
    assert cost.tiered(1_000, tiers) == pytest.approx(60)


def test_a_body_over_64_kb_is_several_requests() -> None:
    assert cost.expected_usage(10, cost.Shape(body_bytes=65_537)).sqs_requests == 10 * 2 + 2 * 10


def test_express_and_standard_break_even_by_hand() -> None:
    # Four transitions cost 0.0001; an Express second of 64 MB costs 0.06 / 3600 / 16.
    by_hand = (0.0001 - 0.000001) / (0.06 / 3600 / 16)
    assert cost.break_even_s(4) == pytest.approx(by_hand)
    assert by_hand == pytest.approx(95.04)
    at_break_even = round(cost.break_even_s(4), 1)
    assert cost.express_usd(at_break_even) == pytest.approx(cost.standard_usd(4), rel=0.01)
    # 30 kB of logs cost 0.000015. If AWS counts Start and End as well, four states are six transitions.
    with_logs = [cost.break_even_s(transitions, log_bytes=30_000) for transitions in (4, 6)]
    assert with_logs == pytest.approx([80.64, 128.64])
    assert cost.break_even_s(6) == pytest.approx(143.04)
    assert cost.break_even_s(1, log_bytes=1e6) == 0


def test_the_quiz_says_where_both_kinds_break_even_with_all_logs() -> None:
    question = QUIZZES["10"].questions[2]
    (why,) = (choice.why for choice in question.choices if choice.right)
    whole = [round(cost.break_even_s(transitions, log_bytes=30_000), -1) for transitions in (4, 6)]
    assert [float(number) for number in re.findall(r"\d+", why)] == whole


def test_a_measured_run_by_hand() -> None:
    instant = pd.Timestamp("2026-11-24", tz="UTC")
    later = instant + pd.Timedelta(seconds=1)
    sends = pd.DataFrame({"t_sent": [instant, instant, later, pd.NaT], "attempts": [1, 1, 2, 0]})
    received = pd.DataFrame({"request_id": ["r1", "r1", "r2"]})
    executions = pd.DataFrame(
        {
            "execution_arn": ["a", "b"],
            "duration_s": [0.25, math.nan],
            "events": [12, 1],
            "input": ["x" * 100, None],
            "output": ["x" * 50, None],
        }
    )
    # The third function raised an error: its state was never left.
    states = pd.DataFrame(
        {
            "execution_arn": ["a", "a", "b"],
            "exited": [later, later, pd.NaT],
            "duration_s": [0.1, 0.1, math.nan],
            "error": [None, None, "InvalidBase64Error"],
        }
    )
    shape = cost.Shape(start_s=0.2, function_log_bytes=10)
    usage = cost.measured_usage(sends, received, executions, states, shape=shape)
    assert usage.sqs_requests == 2 + 1 + 2 * 2  # two calls, one of them repeated; two batches received and deleted
    assert usage.lambda_requests == 3 + 2
    assert usage.lambda_gib_s == pytest.approx((0.1 + 0.1 + 0.001 + 2 * 0.2) / 8)
    assert usage.express_requests == 2
    assert usage.express_gib_s == pytest.approx((0.3 + 0.1) / 16)
    assert usage.log_bytes == 13 * cost.EVENT_BYTES + 100 * (2 + 4 * 2) + 10 * (3 + 2 * 2)

    # What Lambda billed takes the place of what was assumed. One REPORT line of the workflow's functions has not come.
    invocations = pd.DataFrame(
        {
            "function": ["base64_decoder", "stats_generator", "start_execution", "start_execution"],
            "billed_s": [0.150, 0.002, 0.300, 0.006],
            "memory_mb": [128.0, 128.0, 256.0, 256.0],
        }
    )
    billed = cost.measured_usage(sends, received, executions, states, invocations, shape)
    assert billed.lambda_requests == usage.lambda_requests
    assert billed.lambda_gib_s == pytest.approx(3 * 0.076 / 8 + 2 * 0.153 / 4)
    nothing_came = cost.measured_usage(sends, received, executions, states, invocations.head(0), shape)
    assert nothing_came == usage

    # A workflow of other states than tasks invokes nothing but what starts it, and logs its data half as often.
    passes = states.assign(type=["Pass", "Choice", "Fail"])
    alone = cost.measured_usage(sends, received, executions, passes, shape=shape)
    assert (alone.lambda_requests, alone.lambda_gib_s) == (2, pytest.approx(2 * 0.2 / 8))
    assert alone.log_bytes == 13 * cost.EVENT_BYTES + 100 * (2 + 2 * 2) + 10 * 2 * 2


# ------------------------------------------------------------------------------------------------ quotas

NEW = Quotas(lambda_concurrency=10, start_express_per_s=6_000, source="a test")
USUAL = Quotas(lambda_concurrency=1_000, start_express_per_s=6_000, source="a test")


def test_a_new_accounts_ten_are_shared_between_mapping_and_workflow() -> None:
    table = ceilings(NEW)
    # Two of ten are the mapping's; eight serve four invocations of 0.1 s each.
    assert table["messages_per_s"].iloc[0] == pytest.approx(20)
    assert table["messages_per_s"].is_monotonic_increasing
    assert NEW.mapping_concurrency == 2
    assert USUAL.mapping_concurrency is None


def test_an_old_account_meets_lambda_first_and_then_start_execution() -> None:
    table = ceilings(USUAL, function_s=0.2)
    assert list(table["quota"].str.split(":").str[0]) == ["Lambda", "Lambda", "Step Functions"]
    assert table["messages_per_s"].iloc[0] == pytest.approx(1_000 / 0.81)


@pytest.mark.parametrize(("quotas", "messages_per_s"), [(USUAL, 2_439.0), (NEW, 24.39)])
def test_below_100_ms_ten_requests_a_second_for_each_unit_of_concurrency_are_the_limit(
    quotas: Quotas, messages_per_s: float
) -> None:
    # 4.1 invocations a message: four functions, and a tenth of start_execution. 10,000 requests a second, or 100.
    first = ceilings(quotas, function_s=0.005, start_s=0.005).iloc[0]
    assert (first["quota"], first["limit"]) == ("Lambda: requests", 10 * quotas.lambda_concurrency)
    assert first["messages_per_s"] == pytest.approx(messages_per_s, abs=0.05)


def test_the_two_limits_of_lambda_meet_at_100_ms() -> None:
    slow, at, fast = (
        ceilings(USUAL, function_s=seconds, start_s=seconds).set_index("quota")["messages_per_s"]
        for seconds in (0.101, 0.1, 0.099)
    )
    concurrency, requests = "Lambda: concurrent executions", "Lambda: requests"
    assert slow[concurrency] < slow[requests]
    assert at[concurrency] == pytest.approx(at[requests])
    assert fast[concurrency] > fast[requests]


def test_a_mapping_begins_with_five_batches_and_gets_300_more_a_minute() -> None:
    # An invocation of 0.2 s is five a second: 5 batches × 10 messages × 5.
    assert mapping_rate(0, start_s=0.2) == pytest.approx(250)
    assert mapping_rate(60, start_s=0.2) == pytest.approx(305 * 50)
    assert mapping_rate(3_600, start_s=0.2) == pytest.approx(1_250 * 50)
    assert mapping_rate(3_600, start_s=0.2, most_batches=2) == pytest.approx(100)
    # Notebook 10: four seconds until a usual account's 2,439 are passed, and 48 where a batch takes a second.
    assert mapping_rate(3.8) < 2_439 < mapping_rate(4)
    assert mapping_rate(47, start_s=1) < 2_439 < mapping_rate(48, start_s=1)
    # However short the invocation, an environment serves ten a second.
    assert mapping_rate(0, start_s=0.001) == mapping_rate(0, start_s=0.1) == pytest.approx(500)


def test_rates_over_the_ceiling_are_lowered_and_it_is_said() -> None:
    assert fit_rates([2, 20, 40], NEW)[0] == [2, 20, 20]
    assert "10" not in fit_rates([2, 20], NEW)[1]
    assert fit_rates([2, 20], NEW) == ([2, 20], "")
    assert "lowered" in fit_rates([40], NEW)[1]


# ------------------------------------------------------------------------------------------------ the guard


@pytest.fixture
def aws(account: Account) -> Target:
    target = Target("aws", "a")
    account.watch(target)
    return target


def test_a_small_account_gets_a_mapping_that_leaves_room(account: Account, aws: Target) -> None:
    account.lambda_concurrency = 10
    session.up(aws)
    (made,) = [entry for entry in account.parameters if entry["call"] == "lambda.CreateEventSourceMapping"]
    assert made["ScalingConfig"] == {"MaximumConcurrency": 2}
    assert mapping.find(stack.Names(aws)) is not None
    account.lambda_concurrency = 1_000
    assert quota_room.fitted(aws, Settings()).mapping_concurrency is None
    assert "lambda.PutFunctionConcurrency" not in account.calls, "reserving fails in a small account"


def test_the_containers_of_localstack_in_docker_are_capped() -> None:
    target = Target("localstack", "a", endpoint_url="http://127.0.0.1:1")
    assert quota_room.fitted(target, Settings()).reserved_concurrency == quota_room.CONTAINERS_PER_FUNCTION
    assert quota_room.fitted(target, Settings(reserved_concurrency=3)).reserved_concurrency == 3
    assert quota_room.fitted(Target("embedded", "a"), Settings()) == Settings()


def test_the_rate_of_executions_is_read_where_service_quotas_says_it(account: Account, aws: Target) -> None:
    assert quota_room.read(aws).source == "the documented default"
    account.quotas = [
        {"QuotaName": "StartExecution throttle token refill rate per second for Express", "Value": 4_000.0},
        {"QuotaName": "StartExecution throttle token refill rate per second", "Value": 300.0},
    ]
    read = quota_room.read(aws)
    assert (read.start_express_per_s, read.source) == (4_000.0, "Service Quotas")


def test_an_account_that_may_not_read_service_quotas_is_no_obstacle(account: Account, aws: Target) -> None:
    account.fail("service-quotas.ListServiceQuotas", "AccessDeniedException", status=403)
    account.fail("service-quotas.ListAWSDefaultServiceQuotas", "AccessDeniedException", status=403)
    assert quota_room.read(aws).start_express_per_s == quota_room.DEFAULT_START_EXPRESS_PER_S


def test_a_ramp_over_the_budget_is_refused_before_anything_is_sent(account: Account, aws: Target) -> None:
    said: list[str] = []
    session.up(aws)
    with pytest.raises(session.BudgetError) as raised:
        session.ramp(aws, session.RampOptions(rates="1", seconds=10, budget_usd=0.0001), say=said.append)
    assert "Nothing was sent" in raised.value.render()
    assert "--budget" in raised.value.render()
    assert not any(call.startswith("sqs.SendMessage") for call in account.calls)
    assert said
    assert said[-1].startswith("Estimate for 10 messages")


def test_the_budget_is_one_dollar_unless_somebody_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAB_BUDGET_USD", raising=False)
    assert guard.budget_usd() == 1.0
    monkeypatch.setenv("LAB_BUDGET_USD", "0.2")
    assert guard.budget_usd() == 0.2
    assert guard.budget_usd(3) == 3
    for wrong in ("much", "nan", "inf", "-1"):
        monkeypatch.setenv("LAB_BUDGET_USD", wrong)
        with pytest.raises(VariableError, match="0 or more"):
            guard.budget_usd()


def test_a_ramp_on_an_emulator_costs_nothing_and_is_not_asked_about() -> None:
    said: list[str] = []
    bodies = list(messages.generate(3, seed=1, run_id="r"))
    guard.check_budget(Target("embedded", "a"), bodies, 0.0, said.append)
    assert guard.fit(Target("embedded", "a"), "1000", said.append) == "1000"
    assert said == []


def test_the_demos_search_is_far_below_the_budget(aws: Target) -> None:
    bodies = list(messages.generate(session.search_for(aws).most_messages, seed=1, run_id="r"))
    assert guard.estimate_of(bodies).total_usd < 0.1


def test_before_anything_is_made_account_region_and_cost_are_shown(aws: Target) -> None:
    text = session.announcement(aws, 60)
    for fact in ("123456789012", "us-east-1", "USD", "lab down"):
        assert fact in text


# ------------------------------------------------------------------------------------------------ charts


def test_the_chart_of_costs_names_the_most_expensive_service() -> None:
    chart = charts.cost_by_service({"SQS": 1.0, "CloudWatch Logs": 3.0}, 1)
    assert chart.finding == "CloudWatch Logs costs the most: 75% of 4 USD"
    assert charts.cost_by_service({"SQS": 0.0}, 0).finding == "Nothing was used"


@pytest.mark.parametrize(
    ("transitions", "finding"),
    [
        (4, "Below about 80 s an execution is cheaper as Express, its logs included"),
        (100, "An Express Workflow, its logs included, is cheaper for as long as it may run, five minutes"),
        (0, "A Standard Workflow is cheaper than Express, its logs included, however short the execution is"),
    ],
)
def test_the_chart_of_both_kinds_says_which_is_cheaper(transitions: int, finding: str) -> None:
    assert charts.express_or_standard(transitions, log_bytes=30_000).finding == finding


def test_the_chart_of_both_kinds_claims_no_digit_that_is_not_known() -> None:
    assert charts.express_or_standard(4).finding == "Below about 100 s an execution is cheaper as Express"
