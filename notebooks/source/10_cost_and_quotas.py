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
# - know which limit of AWS a burst meets first, and which one a long ramp meets.

# %% [markdown]
# ## Vocabulary
#
# | word | meaning |
# |---|---|
# | **request** | one call that a service counts, such as sending a batch of messages |
# | **GiB-second** | one gibibyte of memory for one second; the unit in which time is billed |
# | **billed duration** | the time of an invocation that Lambda bills, rounded up to the millisecond |
# | **ingested** | written into CloudWatch Logs; billed by the gigabyte |
# | **state transition** | a step of a Standard Workflow; the unit in which this kind is billed |
# | **break-even** | the duration at which both kinds of workflow cost the same |
# | **concurrency** | how many invocations of an account's functions are at work at the same time |
# | **quota** | what an account may do at most; many can be raised by asking |
# | **throttle** | to refuse a call because of a quota |

# %%
import math

import pandas as pd
from lab import charts, session, stack, workshop
from lab.analysis import cost
from lab.analysis.quotas import Quotas, ceilings, mapping_rate
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
#   minute or two, an hour?
# - Your functions take 5 milliseconds. How many messages a second can an account carry that may run 1,000
#   functions at the same time?

# %%
# BEGIN SOLUTION
workshop.predict("dollars for a million messages", 1)
workshop.predict("the most expensive service", "Step Functions")
workshop.predict("seconds at which Standard is cheaper", 60)
workshop.predict("messages a second of such an account", 50_000)
# INSTEAD
# workshop.predict("dollars for a million messages", ...)
# workshop.predict("the most expensive service", ...)
# workshop.predict("seconds at which Standard is cheaper", ...)
# workshop.predict("messages a second of such an account", ...)
# END SOLUTION

# %% [markdown]
# ## Run: what AWS would count
#
# Send 24 messages, and keep the tables. (On AWS the next cell prints an estimate first, and refuses to
# send what would cost more than your budget: `LAB_BUDGET_USD`, one dollar if you do not say otherwise.)

# %% tags=["nbval-ignore-output"]
result = session.ramp(here, session.RampOptions(rates="2,4", seconds=4))
print(result.reconciliation.explain())

# %% [markdown]
# What Lambda bills is written in the functions' own logs. Each invocation ends with a line that begins with
# `REPORT`. It says how long the invocation took, for how long it is billed, and how much memory it had:
#
#     REPORT RequestId: … Duration: 2.75 ms  Billed Duration: 3 ms  Memory Size: 128 MB  Max Memory Used: 56 MB
#
# The first invocation of a process has a part more, `Init Duration`: the time to start Python and to import
# your file. Since August 2025 AWS bills it as well, and it is part of the billed duration. Read these lines of
# all five functions:

# %% tags=["nbval-ignore-output"]
invocations = session.invocations_of(here, result)
by_function = invocations.groupby("function")
pd.DataFrame(
    {
        "invocations": by_function.size(),
        "cold starts": by_function["init_s"].count(),
        "mean duration (ms)": by_function["duration_s"].mean() * 1000,
        "mean billed (ms)": by_function["billed_s"].mean() * 1000,
        "memory (MB)": by_function["memory_mb"].max(),
    }
).round(2)

# %%
whole_ms = (invocations["billed_s"] * 1000).round(6)
took_ms = (invocations["duration_s"] + invocations["init_s"].fillna(0)) * 1000
self_checks.answer(
    "the billed duration is what it took, with the start, rounded up",
    expected=True,
    observed=bool(
        (whole_ms % 1 == 0).all()
        and (whole_ms - took_ms).between(-0.02, 1.02).all()
    ),
    look_at="invocations, the columns that end in “_s”",
)

# %% [markdown]
# (On the embedded lab these are the times of your machine. On AWS a function of 128 MB has a small part of a
# processor, so there they are longer.) The rest follows from the tables: one send each, one batch for each
# invocation of `start_execution`, the durations of the executions.

# %% tags=["nbval-ignore-output"]
usage = cost.measured_usage(
    result.sends,
    result.received,
    result.executions,
    result.states,
    invocations,
)
measured = cost.bill(usage)
bill = measured.table()
bill["millionths of a USD"] = bill.pop("usd") * 1e6
bill.round(6)

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
# The prices are list prices of one region, read on one day. Prices change: before you trust these numbers, look at
# the date, and at the price pages (see “Sources”).

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
# So few messages cost almost nothing. Here is the estimate for a million, if none of them were sent or received
# in a batch:

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
# The log is about forty times as long as the message. Level `ALL` writes 22 events. With the data of the execution,
# most of them contain the text again: as input of a state, as parameters of its task, as result, as output.

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
# How does the bill change with level `ERROR`, which writes only what went wrong? The logs cost a tenth of what they
# cost before. But then you can no longer look at a single execution that succeeded: an Express Workflow keeps no
# other record of it. What remains on AWS are CloudWatch's metrics. They say in sum how many executions were
# started, succeeded and failed (`ExecutionsStarted`, `ExecutionsSucceeded`, `ExecutionsFailed`), how long they
# took (`ExecutionTime`), and what is billed (`ExpressExecutionBilledDuration`, `ExpressExecutionBilledMemory`).
# LocalStack does not write these metrics.

# %%
quiet = cost.estimate(1_000_000, cost.Shape(log_bytes=0))
everything, errors_only = (
    bill.by_service()["CloudWatch Logs"] for bill in (million, quiet)
)
print(f"level ALL: {everything:.2f} USD, level ERROR: {errors_only:.2f} USD")

# %% [markdown]
# The 1.80 USD are for the functions' own logs: Lambda writes three lines for each invocation.

# %% [markdown]
# ## Read the result: Express or Standard
#
# For a Standard Workflow you pay for transitions and not for time; its history costs nothing. So there is a
# duration at which both kinds cost the same. The logs are part of the comparison, since only Express needs them.

# %%
charts.express_or_standard(4, log_bytes=30_000)

# %% [markdown]
# Where exactly do the lines cross? That depends on what AWS counts. Its price page says that a transition is counted
# each time a step is executed, and a retry is one more. Then four states are four transitions. Are the start of an
# execution and its end steps, too? Then they are six. The sentence does not say, what others write of it differs, and
# we have no bill. So here are both:

# %%
even = pd.DataFrame(
    {
        "without logs (s)": [cost.break_even_s(count) for count in (4, 6)],
        "with logs (s)": [
            cost.break_even_s(count, log_bytes=30_000) for count in (4, 6)
        ],
    },
    index=pd.Index([4, 6], name="transitions"),
)
even.round(-1).astype(int)

# %%
self_checks.answer(
    "with its logs, Express loses its advantage earlier",
    expected=True,
    observed=bool((even["with logs (s)"] < even["without logs (s)"]).all()),
    look_at="even, the table above",
)

# %% [markdown]
# So below a minute Express is cheaper in any case, and above two and a half minutes Standard is. Between the
# two, look at a bill before you decide.

# %%
about = even.round(-1)
first, last = about.min(axis=None), about.max(axis=None)
meet = f"about {first:.0f} at the earliest, about {last:.0f} in any case"
workshop.compare("seconds at which Standard is cheaper", meet)

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
# A ramp cannot go on for ever. Lambda has two limits for an account, and the lower one counts.
#
# - **Concurrency**: how many invocations are at work at the same time. By Little's law that is rate × time. Each message
#   keeps four functions busy, one after the other.
# - **Requests**: each unit of concurrency serves at most ten requests a second, however short they are. A
#   message makes 4.1 requests: four functions, and its tenth of a batch of `start_execution`.
#
# An account usually may have 1,000 functions at work at once. If each takes a tenth of a second, the two limits
# are the same. Your functions are faster, so it is the second one that binds:

# %%
usual = Quotas(
    lambda_concurrency=1000, start_express_per_s=6000, source="the default"
)
ceilings(usual, function_s=0.005, start_s=0.005).round(0)

# %% [markdown]
# A *new* account often has ten, and no more. Two of them go to `start_execution` (the mapping can be held
# to two, not to one), eight are left for the others. As long as functions start cold and take a tenth of a
# second, concurrency is the limit. When they are warm, it is the requests:

# %%
new = Quotas(
    lambda_concurrency=10, start_express_per_s=6000, source="the default"
)
cold, warm = (
    ceilings(new, function_s=seconds, start_s=seconds)
    for seconds in (0.1, 0.005)
)
pd.concat({"cold": cold, "warm": warm}).round(1)

# %%
self_checks.answer(
    "a usual account carries 2,439 messages a second, a new one 24",
    expected=[2439, 24],
    observed=[
        round(float(table["messages_per_s"][0]))
        for table in (ceilings(usual, function_s=0.005, start_s=0.005), warm)
    ],
    look_at="the first rows of the tables above",
)
workshop.compare("messages a second of such an account", 2439)

# %% [markdown]
# Before either of these, a *burst* meets another limit: the event source mapping. When messages come into an
# empty queue, it starts with five batches at a time. As long as more are waiting, it adds up to 300 a minute,
# until 1,250 batches are in work at once (or as many as the account may run functions: 1,000 in a usual one). The rest
# waits in the queue. With batches of ten that are handled in a tenth of a second:

# %%
after = pd.Index([0, 1, 4, 10], name="seconds since the burst began")
pd.Series(
    [mapping_rate(seconds) for seconds in after],
    index=after,
    name="messages a second that leave the queue",
).round(-1).astype(int).to_frame()

# %% [markdown]
# In a usual account the mapping passes the 2,439 after four seconds. From then on Lambda refuses functions of the
# workflow. What waits in the queue is safe; an execution whose function is refused fails, unless its states try again
# (notebooks 06 and 11). If `start_execution` took a second, it would take 48 seconds. (For a queue that cannot wait so
# long the mapping has a *provisioned mode*: pollers that are kept ready, for a price.)
#
# None of these is the limit that you saw in notebook 03. That one was LocalStack on your machine.

# %% [markdown]
# On AWS the lab reads these numbers first and changes its plan so that the account can carry it. This is what it
# reads here. LocalStack says the usual numbers, but it does not hold you to them: not to ten requests a second, and
# not to 6,000 starts.

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
# ### Exercise 2: which quota to ask for
#
# You expect `rate` messages a second, and each of the four functions takes `function_s` seconds. What
# concurrency must the account have? Think of both limits. (`start_execution` left out.)


# %%
def needed(rate, function_s):
    # BEGIN SOLUTION
    at_once = rate * 4 * function_s
    for_requests = rate * 4 / 10
    return max(at_once, for_requests)
    # INSTEAD
    # return rate  # your code here
    # END SOLUTION


# %%
self_checks.exercise_concurrency_needed(needed)

# %% [markdown]
# ## Recap
#
# - A million messages cost about 20 USD here, and four fifths of that are for logs.
# - Lambda bills what the REPORT line says: the duration, and the start of Python when it was cold.
# - Express is billed by time, and is the cheaper kind for short executions: with four states and all logs below
#   about 80 seconds, or 130 if AWS counts the start and the end.
# - A burst first meets the mapping, which starts with five batches. A ramp of fast functions then meets ten
#   requests a second for each unit of Lambda concurrency, and one of slow functions the concurrency itself.
# - `lab ramp --target aws --budget 0.5` refuses to send what would cost more.
#
# Next: `11_how_far_it_carries`. Where is the limit, before you reach it, and what happens far beyond your laptop?

# %% [markdown]
# ## Roads not taken
#
# - **The free tier.** It is left out of every number above, so the real bill may be smaller. Accounts that were
#   opened since 15 July 2025 get credits (100 USD, and up to 100 more); older ones have free amounts for each
#   service. Some amounts are free for everybody, such as a million Lambda requests a month.
# - **Sampling.** To log every hundredth execution would cost a hundredth. Step Functions does not offer it, so one
#   would use two state machines.
# - **Reserved and provisioned concurrency** keep room, or warm processes, for one function. The first is free and
#   takes from the other functions; you pay for the second as long as you keep it.

# %% [markdown]
# ## Sources
#
# - Prices: [SQS](https://aws.amazon.com/sqs/pricing/), [Lambda](https://aws.amazon.com/lambda/pricing/),
#   [Step Functions](https://aws.amazon.com/step-functions/pricing/) (what a transition is, too),
#   [CloudWatch](https://aws.amazon.com/cloudwatch/pricing/)
# - [INIT is billed since August 2025](https://aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase/)
# - [Free tier since July 2025](https://aws.amazon.com/blogs/aws/aws-free-tier-update-new-customers-can-get-started-and-explore-aws-with-up-to-200-in-credits/)
# - [Metrics of Step Functions](https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html)
# - [Quotas of Lambda](https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html), ten requests a second
#   among them
# - [How a mapping of a queue scales](https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html)

# %% [markdown]
# ## Quiz
#
# Four questions, one right answer each. Choose in the form; Tab, the arrow keys and Enter do it too. (Where you see
# a list and no form, run the cell.) Then write your letters into the last cell, each in place of three dots, and
# run it: the lab tells you why, and `lab progress` in a terminal shows what you have passed.

# %%
workshop.quiz("10")

# %%
# BEGIN SOLUTION
workshop.answer_quiz("10", "a", "b", "c", "a")
# INSTEAD
# workshop.answer_quiz("10", ..., ..., ..., ...)
# END SOLUTION
