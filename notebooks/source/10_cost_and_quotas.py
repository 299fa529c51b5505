# %% [markdown]
# # Cost and quotas
#
# **Time:** 30 minutes
#
# On your machine all of this is free. What would it cost on AWS, and how far would AWS let you go? After
# this notebook you
#
# - can work out the bill of a run, service by service, before it and after it,
# - know why the log of this workflow costs ten times the workflow,
# - know when an Express Workflow is cheaper than a Standard one, and when it is not,
# - know which quota a ramp meets first.

# %% [markdown]
# ## Vocabulary
#
# | word | meaning |
# |---|---|
# | **request** | one call that a service counts, such as sending a batch of messages |
# | **GiB-second** | one gibibyte of memory for one second; what the time of functions and executions is paid by |
# | **ingested** | written into CloudWatch Logs; paid by the gigabyte |
# | **state transition** | a step of a Standard Workflow; what that kind is paid by |
# | **break-even** | the duration at which both kinds of workflow cost the same |
# | **quota** | what an account may do at most; many can be raised by asking |
# | **throttle** | to refuse a call because of a quota |

# %%
import math

import pandas as pd
from lab import charts, session, stack, workshop
from lab.analysis import cost
from lab.analysis.quotas import Quotas, ceilings
from lab.observe import LogReader
from lab.session import quotas
from lab.workshop import self_checks

here = workshop.open_lab()
names = stack.Names(here)

# %% [markdown]
# ## Predict
#
# - A million messages go through the workflow. Does that cost 1, 20 or 500 US dollars?
# - Which of the four services takes the largest part of it: SQS, Lambda, Step Functions, or CloudWatch
#   Logs?
# - How long may an execution of four states take before a Standard Workflow would be cheaper: a second, a
#   minute and a half, an hour?

# %%
# BEGIN SOLUTION
workshop.predict("dollars for a million messages", 1)
workshop.predict("the most expensive service", "Step Functions")
workshop.predict("seconds at which Standard is cheaper", 60)
# INSTEAD
# workshop.predict("dollars for a million messages", ...)
# workshop.predict("the most expensive service", ...)
# workshop.predict("seconds at which Standard is cheaper", ...)
# END SOLUTION

# %% [markdown]
# ## Run: what AWS would count
#
# Send two dozen messages, and keep the tables. (On AWS the next cell prints an estimate first, and refuses to
# send what would cost more than your budget: `LAB_BUDGET_USD`, one dollar if you do not say otherwise.)

# %% tags=["nbval-ignore-output"]
result = session.ramp(here, session.RampOptions(rates="2,4", seconds=4))
print(result.reconciliation.explain())

# %% [markdown]
# What was used follows from the tables: one send each, one batch for each invocation of `start_execution`,
# the durations of executions and states.

# %% tags=["nbval-ignore-output"]
usage = cost.measured_usage(
    result.sends, result.received, result.executions, result.states
)
measured = cost.bill(usage)
measured.table().round(7)

# %%
self_checks.answer(
    "AWS would count one execution for each message",
    expected=len(result.sends),
    observed=usage.express_requests,
    look_at="result.reconciliation: was a message lost, or executed twice?",
)
self_checks.answer(
    "a message needs four invocations, and at most one more",
    expected=True,
    observed=4 * 24 < usage.lambda_requests <= 5 * 24,
    look_at="result.received and result.states",
)

# %% [markdown]
# The prices are list prices of one region, read on one day. They change: before you trust a bill, look at
# the date and at the page.

# %%
prices = cost.US_EAST_1
print(prices.region, prices.date)
pd.Series(
    {
        "a million SQS requests": prices.sqs_request * 1e6,
        "a million invocations": prices.lambda_request * 1e6,
        "a million Express executions": prices.express_request * 1e6,
        "an hour of one GiB, Lambda": prices.lambda_gib_s * 3600,
        "an hour of one GiB, Express": prices.express_gib_hour[0][1],
        "a million Standard transitions": prices.standard_transition * 1e6,
        "a GB of logs": prices.logs_gb,
    }
).round(4).to_frame("USD")

# %% [markdown]
# ## Run: a million messages
#
# Two dozen messages cost next to nothing. The estimate for a million, if nothing at all were sent or received
# in batches:

# %%
million = cost.estimate(1_000_000)
million.table().round(2)

# %%
charts.cost_by_service(million.by_service(), 1_000_000)

# %%
self_checks.answer(
    "CloudWatch Logs costs the most",
    expected="CloudWatch Logs",
    observed=max(million.by_service(), key=million.by_service().get),
    look_at="the chart above",
)

# %%
by_service = million.by_service()
most = max(by_service, key=by_service.get)
workshop.compare("dollars for a million messages", sum(by_service.values()))
workshop.compare("the most expensive service", most)

# %% [markdown]
# ## Read the result: why the log costs more than the workflow
#
# Take one execution's events out of the log group, and count their bytes.

# %%
arn = result.executions["execution_arn"][0]
started_ms = int(result.executions["started"][0].timestamp() * 1000)
reader = LogReader(
    here.client("logs"), names.log_group, since_ms=started_ms - 1000
)
events = [line for line in reader.messages() if arn in line]
print(len(events), "events")

# %% tags=["nbval-ignore-output"]
longest = result.executions["input"][0]
print("the message:", len(longest), "bytes")
print("its log:    ", sum(len(line.encode()) for line in events), "bytes")
times = sum(len(line) for line in events) / len(longest)
print(f"the log is {times:.0f} times as long")

# %% [markdown]
# The log is about forty times as long as the message. Level `ALL` writes 22 events, and with the data of
# the execution each of them that enters or leaves a state carries the text again: as input, as parameters
# of the task, as its result, as output.

# %%
self_checks.answer(
    "the log is more than twenty times as long as the message",
    expected=True,
    observed=times > 20,
    look_at="events: is it 22 of them?",
)

# %% tags=["nbval-ignore-output"]
[estimated] = cost.log_bytes_of(result.executions.head(1), result.states)
counted = sum(len(line.encode()) + 26 for line in events)
print(f"estimated {estimated:,.0f}, counted {counted:,} bytes")

# %%
self_checks.answer(
    "the estimate of the log is right to a third",
    expected=True,
    observed=bool(0.67 < estimated / counted < 1.5),
    look_at="lab/analysis/cost.py, log_bytes_of",
)

# %% [markdown]
# What becomes of the bill with level `ERROR`, which writes only what went wrong? A tenth is left of what the
# logs cost. But then nothing is left of the executions that succeeded, either: an Express Workflow keeps
# no other record. You would have to measure in another way.

# %%
quiet = cost.estimate(1_000_000, cost.Shape(log_bytes=0))
everything, errors_only = (
    bill.by_service()["CloudWatch Logs"] for bill in (million, quiet)
)
print(f"level ALL: {everything:.2f} USD, level ERROR: {errors_only:.2f} USD")

# %% [markdown]
# What remains are the functions' own logs: Lambda writes three lines for each invocation.

# %% [markdown]
# ## Read the result: Express or Standard
#
# A Standard Workflow is paid by the transition and not by time; its history costs nothing. So there is a
# duration at which both cost the same.

# %%
charts.express_or_standard(4, log_bytes=30_000)

# %%
self_checks.answer(
    "both kinds cost the same where the chart has its dot",
    expected=95,
    observed=round(cost.break_even_s(4)),
    look_at="the dot in the chart above",
)
print("with logs:", round(cost.break_even_s(4, log_bytes=30_000)), "seconds")

# %%
meet_s = cost.break_even_s(4)
workshop.compare("seconds at which Standard is cheaper", meet_s)

# %% [markdown]
# The executions of this workshop take a fraction of a second. As Standard Workflows they would cost many
# times as much, even when the logs are counted that only an Express Workflow needs:

# %%
express = cost.express_usd(0.5)
print(f"{cost.standard_usd(4) / express:.0f} times without logs")
with_logs = cost.express_usd(0.5, log_bytes=30_000)
print(f"{cost.standard_usd(4) / with_logs:.0f} times with all its logs")

# %% [markdown]
# ## Read the result: which quota comes first
#
# A ramp does not go on for ever. The first thing that AWS limits is how many functions work at the same
# time. By Little's law that is rate × time: each message keeps four functions busy, one after the other. An
# account usually may have 1,000 of them at once; if each took a tenth of a second:

# %%
usual = Quotas(
    lambda_concurrency=1000, start_express_per_s=6000, source="the default"
)
ceilings(usual).round(0)

# %% [markdown]
# A *new* account often has ten, and no more. Two of them go to `start_execution` (the mapping can be held
# to two, not to one), eight are left:

# %%
new = Quotas(
    lambda_concurrency=10, start_express_per_s=6000, source="the default"
)
ceilings(new).round(0)

# %%
self_checks.answer(
    "the first row says what a new account carries",
    expected=20.0,
    observed=float(ceilings(new)["messages_per_s"][0]),
    look_at="the first row of the table above",
)

# %% [markdown]
# On AWS the lab reads these numbers first and fits its plan to them. This is what it reads where you are
# now; LocalStack gives the usual ones.

# %% tags=["nbval-ignore-output"]
mine = quotas.read(here)
print(mine.lambda_concurrency, "functions at once")
print(mine.start_express_per_s, "starts of Express executions a second")
print("according to", mine.source)

# %%
self_checks.answer(
    "there is a quota for functions at work at the same time",
    expected=True,
    observed=mine.lambda_concurrency > 0,
    look_at="mine, above",
)

# %% [markdown]
# ## Your turn
#
# ### Exercise 1: the time of an execution
#
# Write what the *time* of one Express execution costs (not its start): seconds are rounded up to tenths, an
# execution of this size has 64 MB, that is 64/1024 GiB, and a GiB costs 0.06 USD an hour.


# %%
def price(duration_s):
    # BEGIN SOLUTION
    tenths = math.ceil(duration_s * 10)
    return tenths / 10 * 64 / 1024 / 3600 * 0.06
    # INSTEAD
    # return duration_s / 3600 * 0.06  # your code here
    # END SOLUTION


# %%
self_checks.exercise_express_price(price)

# %% [markdown]
# ### Exercise 2: which limit comes first
#
# How many messages a second does an account carry? `concurrency` is how many invocations it may have at work at
# the same time, and each of the four functions takes `function_s` seconds (`start_execution` left out). Lambda has
# a second limit: it serves at most 10 requests a second for each unit of concurrency, however short they are.


# %%
def carried(concurrency, function_s):
    # BEGIN SOLUTION
    at_once = concurrency / (4 * function_s)
    a_second = 10 * concurrency / 4
    return min(at_once, a_second)
    # INSTEAD
    # return concurrency / function_s  # your code here
    # END SOLUTION


# %%
self_checks.exercise_carried_rate(carried)

# %% [markdown]
# ## Recap
#
# - A million messages cost about 20 USD here, and four fifths of that are for logs.
# - Express is paid by time and is the cheaper kind for what is short: below a minute and a half for four
#   states.
# - The Lambda concurrency of the account is the first limit of a ramp; in a new account it is a low one.
# - `lab ramp --target aws --budget 0.5` refuses to send what would cost more.

# %% [markdown]
# ## Roads not taken
#
# - **The free tier.** It covers a workshop in most accounts, and is left out of every number above, so that
#   the bill is smaller than expected and never larger.
# - **Sampling.** Logging every hundredth execution keeps a picture for a hundredth of the price; Step
#   Functions does not offer it, so one would use two state machines.
# - **Reserved and provisioned concurrency** keep room, or warm functions, for one function. The first is
#   free and takes from the others, the second costs by the hour.
