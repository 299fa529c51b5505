# %% [markdown]
# # Increasing rates
#
# **Time:** 35 minutes
#
# One message was easy. Now you send many, faster and faster, until the system cannot keep up. After this
# notebook you
#
# - know what an open loop and a closed loop are, and why a closed loop makes a system look better than it is,
# - can plan a staircase of rates, send it, and see in charts at which rate the system stops keeping up,
# - can say for every single message how it ended, a broken one included.

# %% [markdown]
# ## Vocabulary
#
# | word | meaning |
# |---|---|
# | **offered rate** | how many messages a second the plan asks for |
# | **achieved rate** | how many messages a second left the sender |
# | **completed rate** | how many executions a second ended |
# | **closed loop** | a sender that waits for the answer before it sends the next message |
# | **open loop** | a sender that sends when the clock says so, whatever the system does |
# | **stage**, **staircase** | one rate, held for some seconds; several stages, each faster than the one before |
# | **backlog** | how many messages have been sent and are not finished |
# | **saturation** | the highest rate at which the system keeps up |
# | **to drain** | to wait until no message is on its way any more |
# | **reconciliation** | to account for every message: each one that was sent must be somewhere |

# %%
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
from lab import charts, session, stack, workshop
from lab.load import Plan, Stage, messages, staircase
from lab.workshop import self_checks

here = workshop.open_lab()
names = stack.Names(here)

# %%
sqs = here.client("sqs")
workflows = here.client("stepfunctions")
queue_url = sqs.get_queue_url(QueueName=names.queue)["QueueUrl"]

# %% [markdown]
# ## Predict
#
# - In notebook 00 you guessed how many messages a second your machine can handle. Is it still the same
#   number, now that you have seen one message?
# - Suppose that the system can do 50 a second, and you send 80 a second for three seconds. How many
#   messages wait when you stop? How long does the last one wait?
# - One of the messages will be broken. Where will it be in the end: in the queue, in the dead-letter queue,
#   among the failed executions, or nowhere?

# %%
# BEGIN SOLUTION
workshop.predict("messages a second, second guess", 80)
workshop.predict("messages that wait at the end", 30)
workshop.predict("seconds that the last one waits", 1)
workshop.predict("where the broken message ends", "the dead-letter queue")
# INSTEAD
# workshop.predict("messages a second, second guess", ...)
# workshop.predict("messages that wait at the end", ...)
# workshop.predict("seconds that the last one waits", ...)
# workshop.predict("where the broken message ends", ...)
# END SOLUTION

# %% [markdown]
# ## Run: a closed loop, by hand
#
# The obvious way to send many messages is to send one, wait for the answer, and send the next. For that
# the workflow has to answer. With `StartSyncExecution` it does: the call returns when the last state has ended.
# This function asks one question and measures how long the answer takes:


# %%
def ask(_=None):
    began = time.monotonic()
    workflows.start_sync_execution(
        stateMachineArn=names.state_machine_arn, input=messages.SAMPLE_BODY
    )
    return time.monotonic() - began


# %% [markdown]
# And this is the closed loop. Some users ask, wait, and ask again, until they have forty answers. (Each thread of
# the pool is one user.)


# %%
def closed_loop(users, times=40):
    began = time.monotonic()
    with ThreadPoolExecutor(users) as pool:
        took = list(pool.map(ask, range(times)))
    rate = times / (time.monotonic() - began)
    return {"users": users, "rate": rate, "mean_s": sum(took) / times}


# %% tags=["nbval-ignore-output"]
ask()  # the first one pays for the cold starts
loops = pd.DataFrame([closed_loop(users) for users in (1, 4, 16)])
loops.round(3)

# %%
self_checks.answer(
    "never more messages are on their way than there are users",
    expected=True,
    observed=bool(
        (loops["rate"] * loops["mean_s"] <= loops["users"] * 1.001).all()
    ),
    look_at="loops, the table above",
)

# %% [markdown]
# With more users, each of them waits longer. From some number of users on, the rate does not grow any more. But
# how many messages a second did you *want* to send? You could not say. In a closed loop the system decides how
# fast it is asked.
#
# That is how a closed loop misleads. If the system stops for a second, the users stop, too. In that second nobody
# sends anything, and afterwards there are a few slow answers among many fast ones. There is never a backlog, since
# nobody sends while waiting. In the real world people and machines do not know of each other, and do not wait for
# each other. They go on sending when the system is slow. Then you need to know how it behaves, and just then a
# closed loop stops asking.

# %% [markdown]
# ## Run: an open loop, by hand
#
# An open loop has a plan that says when each message is due. Here are ten messages a second for one second; the
# numbers are seconds after the start.

# %%
small = Plan(staircase([10], seconds=1))
print(small.offsets_s)

# %% [markdown]
# The loop sleeps until the next message is due; it never waits for an answer. It has a pool of threads, so that a
# slow answer to one call does not delay the next. `Watch` reads the log groups from now on. You need it to see how
# the messages ended, since nobody waits for them.

# %%
watch = session.Watch(names)
began = time.monotonic()
with ThreadPoolExecutor(8) as pool:
    for due in small.offsets_s:
        time.sleep(max(0.0, began + due - time.monotonic()))
        pool.submit(
            sqs.send_message,
            QueueUrl=queue_url,
            MessageBody=messages.SAMPLE_BODY,
        )

# %% [markdown]
# Then let it drain: read the logs until ten executions have ended and the queue is empty. (When nothing changes
# for `patience_s` seconds, it gives up.)

# %%
watch.until_drained(len(small), patience_s=session.PATIENCE_S[here.kind])
executions, _, _ = watch.tables()
self_checks.answer(
    "all 10 messages came to a good end",
    expected=10,
    observed=int(
        executions.loc[executions["status"] == "SUCCEEDED", "name"].nunique()
    ),
    look_at="executions, the table; and lab status in a terminal",
)

# %% [markdown]
# ## Run: a staircase
#
# Six stages of three seconds, each twice as fast as the one before. If the loop above managed less than
# forty a second, your system is a slow one: then a tenth of these rates shows the same. (LocalStack with the lab's
# workers, but without its other changes, did four to five messages a second when we measured it, on two processors and
# without Docker.)

# %% tags=["nbval-ignore-output"]
rates = [10, 20, 40, 80, 160, 320]
if loops["rate"].max() < 40:
    rates = [rate / 10 for rate in rates]
plan = Plan(staircase(rates, seconds=3))
pd.DataFrame(
    [{"rate": stage.rate, "messages": stage.messages} for stage in plan.stages]
)

# %%
self_checks.answer(
    "the plan has rate × seconds messages",
    expected=round(sum(rates) * 3),
    observed=len(plan),
    look_at="plan.stages",
)

# %% [markdown]
# Each message gets a text of its own, made of words from a vocabulary. The lab knows which words are in it, and
# notebook 05 uses that. The last message is broken: its text should be base64, but it is not. (Base64 has no
# asterisk.)

# %%
to_send = list(messages.generate(len(plan), seed=3))
victim = to_send[-1].lab_id
to_send[-1] = messages.broken("bad_base64", lab_id=victim)
json.loads(to_send[-1].body)["input"]

# %% [markdown]
# The lab's sender is a loop like yours that also keeps a record. For each message it writes down when the
# message was due, when it left, and when SQS said that it has the message. Messages that are due together go
# together:
#
# ```python
# sqs.send_message_batch(
#     QueueUrl=queue_url,
#     Entries=[
#         {"Id": "0", "MessageBody": "…"},
#         {"Id": "1", "MessageBody": "…"},  # and so on, up to ten
#     ],
# )
# ```
#
# Sixteen threads make these calls. None of them waits until it has ten messages. When SQS refuses a message, the
# sender tries again. A message that cannot leave within five seconds is dropped, and counted as dropped.
#
# Start it, and watch: sent, finished, and the backlog between the two. When your machine was too busy during a
# stage, the lab sends that stage again, at most twice. You read below how it knows.

# %% tags=["nbval-ignore-output"]
result = session.run_with_repeats(here, plan, to_send)

# %% [markdown]
# ## Read the result: the stages
#
# One row for each stage, times in seconds. p50 and p99 are latencies from the planned send time to the end of
# the execution: half of the messages took no longer than p50, and 99 of 100 no longer than p99.

# %% tags=["nbval-ignore-output"]
stages = result.stages
rate_columns = ["offered_rate", "achieved_rate", "completed_rate"]
latency_columns = ["end_to_end_p50_s", "end_to_end_p99_s"]
table = stages[[*rate_columns, *latency_columns, "valid"]].round(2)
table.index = stages["stage"] + 1  # as charts and sentences count them
table.rename(columns=lambda name: name.removeprefix("end_to_end_"))

# %%
self_checks.answer(
    "every message of the plan has left, or is counted as dropped",
    expected=len(plan),
    observed=int(stages["sent"].sum() + stages["dropped"].sum()),
    look_at="stages, the columns “planned”, “sent” and “dropped”",
)
self_checks.answer(
    "each stage that is not valid says why",
    expected=[],
    observed=stages.loc[
        ~stages["valid"] & (stages["invalid_reason"] == ""), "stage"
    ].tolist(),
    look_at="stages, the columns “valid” and “invalid_reason”",
)

# %% [markdown]
# Look at the column `valid` first. The sender runs on the machine that it measures. When that machine is
# busy, messages leave late because of the sender, and you would blame the system for it. So the sender checks
# itself: if one message of a hundred left more than 10 milliseconds late although a thread was idle, the stage is
# not valid. Charts draw such a stage hollow or hatched, and it does not count when you look for the limit. Where
# sender and system share two processors, the highest stages are often of this kind. So the lab has sent each of
# them again, with messages of their own, and the table shows the first try that was valid. On AWS the system runs
# on other machines, so the sender has its own machine for itself. There the lab sends nothing again, since each
# message costs.
#
# A machine that stays busy may spoil all tries. Then your run does not show at which rate the system stops keeping
# up, and the next cell says what to do about it. Until you have done that, the charts show an example: the run of a
# quiet machine, which comes with the lab. Each of these charts is marked.

# %% tags=["nbval-ignore-output"]
shown = workshop.run_with_limit(result)

# %%
self_checks.answer(
    "the charts show a run that names a limit",
    expected=True,
    observed=shown.saturation.reached,
    look_at="what the cell above says",
)

# %% [markdown]
# Then compare the three rates. The achieved rate stays at the offered rate, since an open loop does not wait. The
# completed rate follows them for a while.

# %% tags=["nbval-ignore-output"]
chart = charts.completed_against_offered(shown.stages, shown.saturation)
charts.marked(chart, shown.mark)

# %%
self_checks.answer(
    "no more was completed than was sent",
    expected=True,
    observed=bool((stages["completed"] <= stages["sent"]).all()),
    look_at="stages, the columns “sent” and “completed”",
)

# %% [markdown]
# On the dashed line the system completes everything that is offered. Where the green line leaves it, the system
# does all it can, and the rest waits: that is the backlog.

# %% tags=["nbval-ignore-output"]
chart = charts.backlog_over_time(shown.messages, shown.stages)
charts.marked(chart, shown.mark)

# %% [markdown]
# This is the chart of your second prediction. A system can do 50 a second, and you send it 80. Then 30 more wait
# each second, and after three seconds 90 wait. The last of them waits until the 90 before it are done,
# 90/50 = 1.8 seconds. Nothing is broken here, and no message fails. They are only late, and the longer it goes on,
# the later they are. So the latency of an overloaded system says nothing about the system: it says how long you
# overloaded it.
#
# They wait in the queue. The event source mapping of the embedded emulator takes no batch while as many
# executions are at work as the machine can carry, so each execution takes hardly longer than before. On
# AWS they wait in the queue, too: Lambda begins with five batches at once and adds up to 300 a minute while
# messages are left, and each invocation has an execution environment of its own.

# %% tags=["nbval-ignore-output"]
chart = charts.latency_by_rate(shown.stages, saturation=shown.saturation)
charts.marked(chart, shown.mark)

# %%
quantiles = [f"end_to_end_{name}_s" for name in ("p50", "p90", "p99", "max")]
steps = stages[quantiles].diff(axis=1)[quantiles[1:]]
self_checks.answer(
    "p50 ≤ p90 ≤ p99 ≤ maximum, in each stage",
    expected=True,
    observed=bool((steps.dropna() >= 0).all(axis=None)),
    look_at="stages, the columns that begin with “end_to_end”",
)

# %%
workshop.compare("messages that wait at the end", (80 - 50) * 3)
workshop.compare("seconds that the last one waits", 90 / 50)

# %% [markdown]
# (With 30 messages in the first stage, p99 is the slowest of them. Percentiles of few values are coarse;
# the next notebook is about them.)

# %% [markdown]
# ## Read the result: where it breaks
#
# You saw it in the charts. A rule finds it in the same way each time. A stage passes when
#
# - 99 of 100 of its messages were completed in time,
# - the backlog did not grow while it lasted, and
# - p99 was at most five times that of the calmest stage, or at most half a second: a fast pipeline
#   is not overloaded because its machine paused for a moment.
#
# Saturation is the highest rate that passed. It is the limit of LocalStack on this machine: it says how fast your
# processor is, and nothing about AWS. What you can take with you is the way to find it, and the shape of the
# curves. AWS has other limits; notebook 10 is about them.

# %% tags=["nbval-ignore-output"]
workshop.say(": ".join(filter(None, [shown.mark, shown.saturation.reason])))
checks = shown.saturation.checks
columns = "completed_ratio growth end_to_end_p99_s limit_s passed"
checks.set_index("offered_rate")[columns.split()].round(2)

# %% tags=["nbval-ignore-output"]
own = result.saturation
limit = own.rate if own.reached else "your own run named no limit"
workshop.compare("messages a second", limit)
workshop.compare("messages a second, second guess", limit)

# %%
passed = checks.loc[checks["passed"] & checks["valid"], "offered_rate"]
self_checks.answer(
    "saturation is the highest rate that passed",
    expected=None if passed.empty else passed.max(),
    observed=shown.saturation.rate,
    look_at="the table above: the rule counts valid stages only",
)

# %% [markdown]
# **Was it the example run?** Then do what the cell above the charts told you. If the backlog of your own run did
# rise, but in a stage that is not valid, you have seen the limit, and the rule is too careful to name it.
#
# Somebody chose the thresholds of this rule. Two other methods need none:
#
# - *Kneedle* looks at the curve of completed against offered. It stretches both axes to run from 0 to 1,
#   and takes the point that lies highest above the diagonal: there the curve bends.
# - The *Universal Scalability Law* says that the completed rate X depends on how many messages N are in the
#   system at a time: X = λN / (1 + σ(N − 1) + κN(N − 1)). The λ is what one message alone can do. With σ
#   alone, the share of the work that has to be done one after the other, the curve flattens. With κ, the
#   cost of parts that wait for each other, it goes down again. The lab fits the formula to your stages; its
#   curve has a highest point. Where that lies beyond all rates that were measured, it is a guess.

# %% tags=["nbval-ignore-output"]
fit = shown.saturation.scalability
opinions = {
    "the rule": shown.saturation.rate,
    "Kneedle: the bend": shown.saturation.knee_rate,
    "Universal Scalability Law: the most": fit.peak_rate if fit else None,
}
pd.Series(opinions, dtype=float, name="messages a second").round(1).to_frame()

# %% [markdown]
# Three answers from six points at most will hardly be the same. The first two can only name rates that you
# offered, while the true limit lies between the last stage that passed and the first that did not. The third
# is about completed messages, not about offered ones. And the rule is the strictest: it also asks how long the
# messages took, while the other two only count how many came out. When all messages of a stage came out, but late,
# the stage fails by the rule alone. `NaN` means that there was nothing to find: no bend, or fewer than four valid
# stages.

# %%
named = {shown.saturation.rate, shown.saturation.knee_rate}
self_checks.answer(
    "the first two opinions are rates that were offered, or none",
    expected=True,
    observed=named <= {None, *shown.stages["offered_rate"]},
    look_at="shown.saturation",
)

# %% [markdown]
# ## Read the result: nothing lost
#
# You pushed the system beyond its limit. Did it lose anything? Every message that the queue has taken must be in
# exactly one place: its execution succeeded or failed, or it is in the dead-letter queue, or still in the queue.

# %% tags=["nbval-ignore-output"]
print(result.reconciliation.explain())

# %%
account = result.reconciliation.as_dict()
ends = "succeeded failed dead_lettered still_queued unobserved lost".split()
self_checks.answer(
    "sent = succeeded + failed + dead-lettered + still queued",
    expected=account["sent"],
    observed=sum(account[end] for end in ends),
    look_at="account, the dictionary",
)
self_checks.answer(
    "no message is lost, and none came that nobody sent",
    expected=(0, 0),
    observed=(account["lost"], account["unexpected"]),
    look_at="result.drained; if it is False, run the staircase again",
)

# %% [markdown]
# (The sum has two more terms. *Unobserved* are messages whose execution was started, but whose log does not show
# how it ended: logs may come late or never, and a missing log is not a lost message. *Lost* are those that are
# nowhere. Both should be zero here.)
#
# And the broken one? Its execution started like all others.

# %%
broken = result.executions[result.executions["lab_id"] == victim]
print(broken["status"].iloc[0], broken["error"].iloc[0], sep=": ")

# %% [markdown]
# These are the states that it visited:

# %%
its_states = result.states["execution_arn"] == broken["execution_arn"].iloc[0]
result.states.loc[its_states, ["state", "error"]].reset_index(drop=True)

# %%
self_checks.answer(
    "the broken message failed, with an error that has a name",
    expected=("FAILED", "InvalidBase64Error"),
    observed=(broken["status"].iloc[0], broken["error"].iloc[0]),
    look_at="lambdas/base64_decoder/handler.py, which raises the error",
)

# %% [markdown]
# The error has a name, because the function gave it one, and the three states after the first were never
# entered. The message is not in the dead-letter queue: for SQS it was handled as soon as `start_execution`
# had started its execution. How the workflow ends does not matter to the queue any more. A `Catch` in the
# definition could handle the error by its name; notebook 06 does that.

# %%
workshop.compare("where the broken message ends", "the failed executions")

# %% [markdown]
# ## Read the result: keep the rows
#
# As long as you have the raw rows, you can draw the charts again. The next cell writes them as CSV files into the
# folder `.lab` of the project, below the name of your lab. (`LAB_STATE_DIR` names another folder if you set it.)

# %% tags=["nbval-ignore-output"]
folder = workshop.keep(here, result)

# %%
times = ["t_planned", "t_sent", "started", "finished"]
again = pd.read_csv(folder / "messages.csv", parse_dates=times)
slowest = again["end_to_end_s"].max()
self_checks.answer(
    "each message has its row, and the slowest is the same",
    expected=(len(plan), True),
    observed=(
        len(again),
        bool(slowest == result.messages["end_to_end_s"].max()),
    ),
    look_at="again, the table; ARCHITECTURE.md describes its columns",
)

# %% [markdown]
# ## Your turn
#
# ### Exercise 1: a burst
#
# Traffic seldom climbs stairs. More often it is calm, and then everybody comes at once. Write a function that
# plans such a burst. `calm` messages a second arrive for two seconds. Then `messages` of them arrive `within`
# so many seconds. Then it is calm again, at the same rate as before, for as long as a system with the capacity
# `capacity` (messages a second) needs until its backlog is gone, and no longer. `Stage(rate, seconds)` is one
# stage. (How many messages wait when the burst ends? You have worked out such a number before.)


# %%
def burst_plan(calm, messages, within, capacity):
    # BEGIN SOLUTION
    waiting = messages - capacity * within
    after = waiting / (capacity - calm)
    burst = Stage(messages / within, within)
    return Plan([Stage(calm, 2), burst, Stage(calm, after)])
    # INSTEAD
    # return Plan([Stage(calm, 2)])  # your code here
    # END SOLUTION


# %%
self_checks.exercise_burst(burst_plan)

# %% [markdown]
# Send a hundred messages within half a second. Does your system need as long to be calm again as one that
# does thirty a second?

# %%
my_plan = burst_plan(calm=5, messages=100, within=0.5, capacity=30)

# %% tags=["nbval-ignore-output"]
burst = session.run_plan(
    here, my_plan, list(messages.generate(len(my_plan), seed=4))
)

# %% tags=["nbval-ignore-output"]
charts.backlog_over_time(burst.messages, burst.stages)

# %%
self_checks.answer(
    "no message of your plan is lost",
    expected=0,
    observed=len(burst.reconciliation.lost),
    look_at="burst.reconciliation",
)

# %% [markdown]
# ### Exercise 2: your own account
#
# Write the reconciliation yourself. `sent` lists the ids of the messages that were sent. `ended` lists the id
# of each execution that came to an end, in any order; one that ran twice is in it twice. Give back three
# lists: the ids that were lost, those that nobody sent (*unexpected*), and those that ended more than once.


# %%
def account_for(sent, ended):
    # BEGIN SOLUTION
    return {
        "lost": list(set(sent) - set(ended)),
        "unexpected": list(set(ended) - set(sent)),
        "duplicated": [name for name in set(ended) if ended.count(name) > 1],
    }
    # INSTEAD
    # return {"lost": [], "unexpected": [], "duplicated": []}  # your code here
    # END SOLUTION


# %%
self_checks.exercise_account(account_for, result.reconciliation.sent)

# %% [markdown]
# ## Recap
#
# - A closed loop waits for answers, and so it never offers more than the system can do. To see a system
#   break, send in an open loop.
# - Below saturation, completed follows offered. Above it, the backlog grows, and the latency grows for as long
#   as that goes on.
# - A measurement can be wrong because of the sender. A good sender notices, and says so.
# - The limit that you found is that of LocalStack on your machine. The method works on any machine.
# - After the run, account for every message: sent = succeeded + failed + dead-lettered + still queued.
#
# Next: `04_latency`. What do p50 and p99 say, and where does a message spend its time?

# %% [markdown]
# ## Roads not taken
#
# - **Arrivals at random.** `Plan(stages, spacing="poisson")` sends the same number of messages at random
#   moments, as people do who do not know of each other. Then messages wait even below saturation. Even spacing is
#   easier to read, and so it comes first.
# - **A tool.** wrk2, k6 and Gatling send open loops over HTTP, and are well made. Here the loop is twenty
#   lines, and the messages go to a queue; so you could see what such a tool does.
# - **Search instead of stairs.** Halving the interval between the last rate that passed and the first that
#   failed finds saturation more exactly. It takes more runs, and the stairs show the whole curve. When you have two
#   minutes, let the lab search, and draw the charts above of what it found:
#
#   ```python
#   found = session.find(here, session.FindOptions(seconds=3), say=print)
#   charts.completed_against_offered(found.stages, found.saturation)
#   ```
#
#   In a terminal, `lab ramp --find` does the same.

# %% [markdown]
# ## Quiz
#
# Four questions, one right answer each. Choose in the form; Tab, the arrow keys and Enter do it too. (Where you see
# a list and no form, run the cell.) Then write your letters into the last cell, each in place of three dots, and
# run it: the lab tells you why, and `lab progress` in a terminal shows what you have passed.

# %%
workshop.quiz("03")

# %%
# BEGIN SOLUTION
workshop.answer_quiz("03", "b", "b", "a", "c")
# INSTEAD
# workshop.answer_quiz("03", ..., ..., ..., ...)
# END SOLUTION
