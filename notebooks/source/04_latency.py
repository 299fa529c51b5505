# %% [markdown]
# # Latency
#
# **Time:** 35 minutes
#
# How long does a message take? There is no single number: each message takes its own time. You learn to describe
# thousands of times with a few numbers, to find out where a message spends its time, and to avoid the commonest
# mistake in measuring it. After this notebook you
#
# - can read p50, p90, p99 and the maximum, and know why averages mislead,
# - can split a message's time into its parts, and see a cold start among them,
# - know which waits a sender leaves out when it is held up, and how to measure all of them,
# - can check a measurement with Little's law.

# %% [markdown]
# ## Vocabulary
#
# | word | meaning |
# |---|---|
# | **latency** | the time from when something was due to when it was done |
# | **percentile** | p90: 90 of 100 values are no larger than it; p50, the *median*: half of them are no larger |
# | **tail** | the few slowest messages |
# | **send lag** | from when a message was due to when it left the sender |
# | **queue wait** | from when SQS took it to when SQS handed it out |
# | **start delay** | from there to the first event of its execution |
# | **duration** | from the first event of the execution to the last |
# | **end-to-end latency** | all of this together: from the planned send time to the end |
# | **naive latency** | the same, but counted from when the message really left |
# | **coordinated omission** | the mistake of the naive latency: what was not sent in time is not counted |
# | **cold start** | the extra time of a function's first call: a process starts, and imports your file |

# %%
import math
import time

import pandas as pd
from lab import charts, session, stack, workshop
from lab.analysis import backlog, latency
from lab.load import Plan, Sender, Stage, messages, staircase
from lab.workshop import self_checks

here = workshop.open_lab()
names = stack.Names(here)

# %%
sqs = here.client("sqs")
functions = here.client("lambda")
queue_url = sqs.get_queue_url(QueueName=names.queue)["QueueUrl"]

# %% [markdown]
# ## Predict
#
# - Ten messages: nine took 100 milliseconds, and one took two seconds. What is their average? What is their
#   p50, their p90, their p99?
# - Where does a message spend most of its time: in the queue, at the start, or in the four states?
# - A sender sends twenty messages a second, and is held up for one second. How many messages are late? How many
#   of them does a clock see that starts when a message leaves?

# %%
# BEGIN SOLUTION
workshop.predict("average of the ten, in ms", 200)
workshop.predict("p50 of the ten, in ms", 100)
workshop.predict("p99 of the ten, in ms", 200)
workshop.predict("the longest part of the way", "queue_wait")
workshop.predict("messages that are late", 20)
workshop.predict("late ones that the clock sees", 20)
# INSTEAD
# workshop.predict("average of the ten, in ms", ...)
# workshop.predict("p50 of the ten, in ms", ...)
# workshop.predict("p99 of the ten, in ms", ...)
# workshop.predict("the longest part of the way", ...)
# workshop.predict("messages that are late", ...)
# workshop.predict("late ones that the clock sees", ...)
# END SOLUTION

# %% [markdown]
# You can answer the first question at once.

# %%
ten = pd.Series([100] * 9 + [2000])
figures_of_ten = {"average": ten.mean()} | {
    f"p{p}": latency.quantile(ten, p / 100) for p in (50, 90, 99)
}
pd.Series(figures_of_ten).to_frame("milliseconds")

# %%
workshop.compare("average of the ten, in ms", figures_of_ten["average"])
workshop.compare("p50 of the ten, in ms", int(figures_of_ten["p50"]))
workshop.compare("p99 of the ten, in ms", int(figures_of_ten["p99"]))

# %%
self_checks.answer(
    "no message took as long as the average",
    expected=0,
    observed=int((ten == ten.mean()).sum()),
    look_at="ten, the series",
)

# %% [markdown]
# The average is 290, and no message took about 290: nine were faster, one was far slower. Use the average when you
# add up (what do I pay for ten messages?), not when you want to know how long people wait. p50 and p90 say how long
# most people wait. p99 and the maximum say how long the unlucky ones wait. And if you send a hundred messages a
# day, you are unlucky once a day.
#
# You cannot average percentiles either. Two servers handled a hundred messages each, and one of them had a bad day:

# %%
calm = pd.Series([100] * 100)
busy = pd.Series([100] * 90 + [2000] * 10)
each = [latency.quantile(server, 0.95) for server in (calm, busy)]
together = latency.quantile(pd.concat([calm, busy]), 0.95)
print("p95 of each:", *each)
print("their average:", sum(each) / 2)
print("p95 of all 200 messages:", together)

# %%
self_checks.answer(
    "the average of the two p95 is not the p95 of all",
    expected=True,
    observed=sum(each) / 2 != together,
    look_at="each, and together",
)

# %% [markdown]
# So for the p99 of a day you must keep more than the p99 of each minute. The lab keeps every single number.

# %% [markdown]
# ## Run
#
# A gentle staircase, well below saturation: this time you look at single messages, not at the limit. To have a
# cold start among them, make Lambda start its processes again. Each change of a function's configuration does
# that, even a change of its description.

# %%
for folder in stack.PIPELINE_FUNCTIONS:
    function, note = names.function(folder), f"started anew, {time.time():.0f}"
    functions.update_function_configuration(
        FunctionName=function, Description=note
    )
for folder in stack.PIPELINE_FUNCTIONS:
    functions.get_waiter("function_updated_v2").wait(
        FunctionName=names.function(folder)
    )

# %% tags=["nbval-ignore-output"]
plan = Plan(staircase([5, 10, 20], seconds=4))
result = session.run_plan(
    here, plan, list(messages.generate(len(plan), seed=5))
)

# %%
self_checks.answer(
    "no message is lost",
    expected=0,
    observed=len(result.reconciliation.lost),
    look_at="result.reconciliation; then run the cell above again",
)

# %% [markdown]
# ## Read the result: percentiles
#
# `result.messages` has one row for each message. The column `end_to_end_s` is the time that a user waits.

# %% tags=["nbval-ignore-output"]
took = result.messages["end_to_end_s"].dropna()
figures = {"average": took.mean()} | {
    name: latency.quantile(took, share)
    for name, share in latency.QUANTILES.items()
}
(pd.Series(figures) * 1000).round(1).to_frame("milliseconds")

# %% [markdown]
# Read it aloud, with the numbers of your own run:

# %% tags=["nbval-ignore-output"]
p50, p99, slowest_one = (
    1000 * figures[name] for name in ("p50", "p99", "max")
)
above = int((took > figures["p99"]).sum())
print(f"Half of the messages took {p50:.0f} ms or less, and 99 of 100 took")
print(f"{p99:.0f} ms or less. The slowest took {slowest_one:.0f} ms,")
print(f"{slowest_one / p50:.1f} times as long as the median.")
print(f"Messages slower than p99: {above} of {len(took)}.")

# %% [markdown]
# Now doubt it. Half of 140 messages is many, so p50 will hardly change when you run this again. But at most one message is
# slower than p99: this p99 is the time of one or two single messages, and another run will give another number. For
# a p99 that you can rely on, you need thousands of messages.
#
# How do you find p99? Sort all latencies, and take the one at which 99 of 100 are no larger. It is always the
# latency of some message, not a value between two.

# %%
place = math.ceil(0.99 * len(took))
self_checks.answer(
    "p99 is what you find when you count by hand",
    expected=figures["p99"],
    observed=sorted(took)[place - 1],
    look_at="took, sorted",
)
self_checks.answer(
    "at most one message of a hundred is slower than p99",
    expected=True,
    observed=int((took > figures["p99"]).sum()) <= len(took) / 100,
    look_at="took, sorted",
)

# %% tags=["nbval-ignore-output"]
charts.latency_by_rate(result.stages)

# %% [markdown]
# ## Read the result: the parts
#
# A message's time has five parts. Four of them are columns already. The fifth is the call to SQS itself, from
# when the message left to when SQS wrote down that it has the message. (SQS writes whole milliseconds, so this
# one can be a little below zero.) The table shows averages for each rate, in milliseconds. Here averages are
# right, because you add the parts up.

# %% tags=["nbval-ignore-output"]
parts = "send_lag_s to_queue_s queue_wait_s start_delay_s duration_s".split()
way = result.messages
way["to_queue_s"] = latency.seconds_between(way["t_sent"], way["sent"])
way = way.dropna(subset=parts)
averages = way.groupby("offered_rate")[[*parts, "end_to_end_s"]].mean() * 1000
averages.round(1).rename(columns=lambda name: name.removesuffix("_s"))

# %%
self_checks.answer(
    "the parts of each message make its end-to-end latency",
    expected=True,
    observed=bool(
        ((way[parts].sum(axis=1) - way["end_to_end_s"]).abs() < 1e-6).all()
    ),
    look_at="way, the table: is a part missing?",
)

# %% tags=["nbval-ignore-output"]
longest = way[parts].mean().idxmax().removesuffix("_s")
workshop.compare("the longest part of the way", longest)

# %% [markdown]
# Which part is the longest, and does one of them grow with the rate? Read it aloud, too:

# %% tags=["nbval-ignore-output"]
whole = way["end_to_end_s"].mean()
for name, share in (way[parts].mean() / whole).items():
    print(f"{share:4.0%} of the time: {name.removesuffix('_s')}")

# %% [markdown]
# Now doubt it: an average hides which messages it comes from. In the first stage there are only 20 messages, and the
# first of them met a cold start. So a rate that looks slow may be slow for another reason than its rate. Look at the
# duration, state by state:

# %% tags=["nbval-ignore-output"]
charts.state_times_by_rate(result.state_times)

# %%
visits = result.states.groupby("execution_arn")["duration_s"].sum()
durations = result.executions.set_index("execution_arn")["duration_s"]
self_checks.answer(
    "no execution's states take longer than the execution",
    expected=0,
    observed=int((visits > durations.reindex(visits.index) + 0.002).sum()),
    look_at="result.states and result.executions",
)

# %% [markdown]
# (The check allows two milliseconds more: AWS writes the times of its events in whole milliseconds.) How much of the
# duration do the states take, and how much is left for Step Functions itself, between them?

# %% tags=["nbval-ignore-output"]
in_states = visits.sum() / durations.reindex(visits.index).sum()
print(f"{in_states:.0%} of the duration is spent in the states.")

# %% [markdown]
# ## Read the result: the cold start
#
# Which message was the slowest? This is its execution:

# %% tags=["nbval-ignore-output"]
slowest = way.loc[way["end_to_end_s"].idxmax()]
its_states = result.states[
    result.states["execution_arn"] == slowest["execution_arn"]
]
charts.waterfall(
    its_states, title=f"message {slowest.name + 1} of {len(plan)}, the slowest"
)

# %% [markdown]
# And these are all messages, over the time at which they were due. Each cell is a number of messages, each
# column a moment; the line is the maximum. Such a chart is a *heatmap*. It shows what no percentile can show:
# *when* something was slow, and whether there are two kinds of messages.

# %% tags=["nbval-ignore-output"]
charts.latency_heatmap(result.messages, stages=result.stages)

# %%
by_start = result.executions.sort_values("started")["duration_s"].dropna()
self_checks.answer(
    "the first execution took longer than the fastest one",
    expected=True,
    observed=bool(by_start.iloc[0] > by_start.min()),
    look_at="by_start, the durations in the order of their start",
)

# %% [markdown]
# On the left are the cold starts: four functions, each of which had to start Python and to import its file.
# Messages that arrive meanwhile wait, too. After that the processes stay. With a steady stream of messages cold
# starts are rare. So p50 hardly shows them, while they often are the maximum. When the rate grows, Lambda starts
# more processes, and there are cold starts again.

# %% [markdown]
# ## Read the result: Little's law
#
# Three numbers describe any place where things arrive, stay and leave: how many are there on average, L;
# how many arrive in a second, λ; and how long each stays on average, W. In 1961 John Little proved what many had
# assumed:
#
# **L = λ · W**
#
# It does not matter how the arrivals are spaced, or in which order they are handled. There is one condition: as
# many must leave as arrive. For each stage the lab measures L from the backlog, and λ and W from the messages:

# %% tags=["nbval-ignore-output"]
little = backlog.stage_backlog(result.messages)
columns = (
    "offered_rate arrival_rate mean_time_s little_in_system mean_in_system"
)
little[columns.split()].round(3)

# %% [markdown]
# `arrival_rate` is λ, `mean_time_s` is W, `little_in_system` is λ·W, and `mean_in_system` is L. Below saturation
# the last two are almost equal: they differ only by the messages that arrive in one stage and leave in the next. In
# the last stage of notebook 03 they are not equal, since more messages arrived there than left.
#
# Check it yourself. The next cell looks at the backlog every half millisecond and takes the average. λ is the number
# of messages divided by the time, and W is the average time that they stay.

# %%
curve = backlog.backlog_over_time(result.messages, step_s=0.0005)
arrivals = backlog.entered_system(result.messages)
rate = len(arrivals) / curve["time_s"].max()
stay = latency.seconds_between(arrivals["t_sent"], arrivals["finished"]).mean()

# %%
self_checks.answer(
    "L and λ·W differ by less than a tenth",
    expected=True,
    observed=bool(abs(rate * stay / curve["backlog"].mean() - 1) < 0.1),
    look_at="curve, rate and stay; a message that never finished spoils it",
)

# %% [markdown]
# The law is useful. You can ask a queue how many messages are in it (`GetQueueAttributes`). Divide by the rate, and
# you know how long they wait, without measuring a single message. And if you measure all three numbers and they do
# not fit, one of the measurements is wrong.

# %% [markdown]
# ## Run: a sender that is held up
#
# Now the commonest mistake. The sender of this run has one thread, and one of its calls is held up for a
# second. (A lost packet can do that, a pause for garbage collection, or a laptop that goes to sleep.) Messages that
# are planned for this second leave late.


# %%
class HeldUp:
    def send_message_batch(self, **request):
        bodies = [entry["MessageBody"] for entry in request["Entries"]]
        if unlucky.body in bodies:
            time.sleep(1.0)
        return sqs.send_message_batch(**request)


# %% tags=["nbval-ignore-output"]
plan = Plan([Stage(10, 2), Stage(20, 6), Stage(30, 2)])
to_send = list(messages.generate(len(plan), seed=6))
unlucky = to_send[50]
sender = Sender(HeldUp(), queue_url, threads=1)
held_up = session.run_plan(here, plan, to_send, sender=sender)

# %% [markdown]
# ## Read the result: two clocks at the sender
#
# Begin where most tools measure: at the sender. A message is handed over when SQS has answered. The naive clock starts
# when the message leaves; many tools have no other. The corrected clock starts when the message was due. Both stop
# at the answer. Here they are, in milliseconds, for the stage that was held up:

# %% tags=["nbval-ignore-output"]
held = held_up.messages.query("stage == 1")
handed_over = pd.DataFrame(
    {
        "corrected": latency.seconds_between(
            held["t_planned"], held["t_acked"]
        ),
        "naive": latency.seconds_between(held["t_sent"], held["t_acked"]),
    }
)
at_the_sender = latency.quantiles(handed_over * 1000)
at_the_sender.round(1)

# %% [markdown]
# Count the messages that were a quarter of a second late or more, by each clock:

# %%
is_late = handed_over >= 0.25
late, seen = int(is_late["corrected"].sum()), int(is_late["naive"].sum())
self_checks.answer(
    "ten messages or more were a quarter of a second late",
    expected=True,
    observed=late >= 10,
    look_at="held_up.messages, the column “send_lag_s”",
)
self_checks.answer(
    "the naive clock sees fewer than half of them",
    expected=True,
    observed=seen < late / 2,
    look_at="handed_over. If many calls took so long, this machine was busy: "
    "run the cells again, from the one with Plan on",
)
self_checks.answer(
    "nine of ten messages were on time by the naive clock, not in truth",
    expected=(True, False),
    observed=tuple(
        bool(at_the_sender.loc[clock, "p90"] < 250)
        for clock in ("naive", "corrected")
    ),
    look_at="at_the_sender, the column p90",
)
self_checks.answer(
    "by the naive clock no message took longer than the unlucky one",
    expected=True,
    observed=bool(handed_over.loc[50, "naive"] == handed_over["naive"].max()),
    look_at="handed_over, sorted by “naive”",
)

# %% tags=["nbval-ignore-output"]
workshop.compare("messages that are late", late)
workshop.compare("late ones that the clock sees", seen)

# %% tags=["nbval-ignore-output"]
for clock, row in at_the_sender.iterrows():
    print(
        f"{clock}: p90 is {row['p90']:.0f} ms, p99 is {row['p99']:.0f} ms, "
        f"and the slowest took {row['max']:.0f} ms."
    )
print(f"Late: {late} of {len(held)} messages. The naive clock saw {seen}.")

# %% [markdown]
# The naive clock sees the message whose call was held up. All others that were due in this second had not left yet, so
# their clock had not started, and once they left, SQS answered soon. Therefore the naive p90 looks as if nothing had
# happened, while more than one message in ten was late. Gil Tene calls this *coordinated omission*: sender and system
# stand still together, and what was not sent is not counted.

# %% [markdown]
# ## Read the result: two clocks to the end
#
# Doubt it: is the naive clock so blind when it runs on to the end of the execution? This is the same table, from the
# same two starts to the end of each execution:

# %% tags=["nbval-ignore-output"]
to_the_end = latency.quantiles(
    held[["end_to_end_s", "naive_s"]].set_axis(["corrected", "naive"], axis=1)
    * 1000
)
to_the_end.round(1)

# %%
lag, wait, naive = (
    held_up.messages[f"{name}_s"]
    for name in ("send_lag", "end_to_end", "naive")
)
self_checks.answer(
    "the two clocks differ by the send lag, for each message",
    expected=True,
    observed=bool(((wait - naive - lag).dropna().abs() < 1e-6).all()),
    look_at="held_up.messages, the columns “send_lag_s” and “naive_s”",
)

# %% tags=["nbval-ignore-output"]
usual = 1000 * latency.quantile(naive[held_up.messages["stage"] == 0], 0.5)
print(f"A message that nothing holds up takes about {usual:.0f} ms. The naive")
print(f"p90 of the held-up stage is {to_the_end.loc['naive', 'p90']:.0f} ms,")
print(f"the corrected one {to_the_end.loc['corrected', 'p90']:.0f} ms.")

# %% tags=["nbval-ignore-output"]
charts.corrected_and_naive(held_up.stages)

# %%
by_stage = held_up.stages
self_checks.answer(
    "in no stage is the naive p99 above the corrected one",
    expected=0,
    observed=int(
        (by_stage["naive_p99_s"] > by_stage["end_to_end_p99_s"]).sum()
    ),
    look_at="held_up.stages",
)

# %% [markdown]
# To the end, the naive clock may see something: the late messages left together, all at once, and such a burst has to
# wait in the system. How much it sees depends on how fast the system works off a burst. But that is the second half of
# what these messages went through. It still leaves out the first, the wait before they were sent, and so it names a
# trouble that is too small and blames it on the system.
#
# In a closed loop this always happens, since a closed loop has no plan and can never be late. That is the second way in
# which it misleads (notebook 03 showed the first). The lab counts from the planned time everywhere, and shows the
# naive latency only to warn you of it.

# %% [markdown]
# ## Your turn
#
# ### Exercise 1: a percentile
#
# Write it yourself: the smallest of `values` for which at least the given share of all values is no larger. The
# share is 0.99 for p99. The values are not sorted.


# %%
def percentile(values, share):
    # BEGIN SOLUTION
    return sorted(values)[math.ceil(share * len(values)) - 1]
    # INSTEAD
    # return sum(values) / len(values)  # your code here
    # END SOLUTION


# %%
self_checks.exercise_percentile(percentile)

# %% [markdown]
# ### Exercise 2: correct a closed loop
#
# Somebody wanted to send one message every 100 milliseconds, but in a closed loop, and wrote down how long
# each took: `[20, 350, 20, 20, 20]`. By this list four of five are fast. Correct it. Message number k (from 0) was
# due at `k * every`. It was sent then, or when the one before it had ended, whichever was later. Return for each
# message the time from when it was due to when it ended.


# %%
def corrected(took, every):
    # BEGIN SOLUTION
    latencies, end = [], 0
    for k, duration in enumerate(took):
        end = max(k * every, end) + duration
        latencies.append(end - k * every)
    return latencies
    # INSTEAD
    # return took  # your code here
    # END SOLUTION


# %%
self_checks.exercise_corrected(corrected)

# %% [markdown]
# ### Exercise 3: how long they waited, from the outside
#
# A queue does not tell how long its messages wait, only how many they are. `looks` is a list of pairs: at which
# second you looked, and how many were in the queue. What you saw holds until the next look, and the last one
# until the second `until`. The looks are not evenly spaced; the first is at second 0. In that time `arrived`
# messages came. How long did one of them wait, on average? Turn Little's law around.


# %%
def mean_wait(looks, until, arrived):
    # BEGIN SOLUTION
    ends = [at for at, _ in looks[1:]] + [until]
    waited = sum(
        number * (end - at)
        for (at, number), end in zip(looks, ends, strict=True)
    )
    return waited / arrived
    # INSTEAD
    # return until / arrived  # your code here
    # END SOLUTION


# %%
self_checks.exercise_mean_wait(mean_wait)

# %% [markdown]
# ## Recap
#
# - Report p50, p99 and the maximum. Average only what you want to add up, and never average percentiles.
# - Measure latency from when a message was due. Every other clock leaves out the messages that had to wait before
#   they were sent.
# - The parts add up to the whole. The chart of states, the waterfall and the heatmap show where the time goes
#   and when.
# - L = λW: how many are there, how many come in a second, and how long they stay. Two of them give the third.
#
# Next: `05_word_frequencies`. All messages came out. But were the words right?

# %% [markdown]
# ## Roads not taken
#
# - **Histograms instead of all values.** For millions of messages one does not keep every number, but counts them
#   in bins whose width grows with the value (HdrHistogram, t-digest). Percentiles are then exact to some digits, and
#   histograms of many machines can be added. A few hundred numbers fit into a table.
# - **X-Ray.** AWS traces single messages through all services. It takes samples only, and it costs money; the log
#   group here has all executions.
# - **Provisioned concurrency.** Lambda keeps processes ready, for a price, and there are no cold starts.

# %% [markdown]
# ## Quiz
#
# Four questions, one right answer each. Choose in the form; Tab, the arrow keys and Enter do it too. (Where you see
# a list and no form, run the cell.) Then write your letters into the last cell, each in place of three dots, and
# run it: the lab tells you why, and `lab progress` in a terminal shows what you have passed.

# %%
workshop.quiz("04")

# %%
# BEGIN SOLUTION
workshop.answer_quiz("04", "c", "b", "a", "b")
# INSTEAD
# workshop.answer_quiz("04", ..., ..., ..., ...)
# END SOLUTION
