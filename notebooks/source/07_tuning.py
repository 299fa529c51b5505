# %% [markdown]
# # Tuning
#
# **Time:** 40 minutes
#
# Five settings of this system can be turned: how many messages make a batch, how long a batch may wait, how many
# batches are at work, how much is logged, and whether the function waits for the workflow. Which of them matters? You
# guess, you measure all five with eight runs, and you see how good the guess was. After this notebook you
#
# - can plan an experiment in which each run tells of every setting,
# - know what an effect is worth: with an interval, and with what it cannot be told from,
# - know what each of the five settings does to the latency and to the price, and what memory does on AWS,
# - can find a bottleneck from the charts alone.

# %% [markdown]
# ## Vocabulary
#
# | word | meaning |
# |---|---|
# | **factor** | a setting that an experiment turns |
# | **level** | one of the values that it gets; here each factor has two |
# | **main effect** | what comes out at the second level, over what comes out at the first, whatever the others are |
# | **interaction** | the effect of one factor depends on the level of another |
# | **design** | which run gets which levels |
# | **alias** | two effects that a design cannot tell apart |
# | **bootstrap** | to draw the measured values anew, many times, and see how far the result moves |
# | **poller** | what the mapping lets look into the queue; several may be at work at once, each with a batch |
# | **batching window** | how long a mapping may wait for more messages before it invokes the function |
# | **bottleneck** | the part that makes the whole slow; to make any other part faster changes nothing |

# %%
import json
import time

import numpy as np
from lab import charts, paths, session, stack, workshop
from lab.load import Plan, Stage, messages
from lab.stack import documents, mapping, state_machine
from lab.workshop import self_checks

here = workshop.open_lab()
names = stack.Names(here)
functions = here.client("lambda")
workflows = here.client("stepfunctions")
second = {"embedded": 1, "localstack": 4, "aws": 20}[here.kind]

# %% [markdown]
# You turn many settings below. When you begin again after a pause, this makes the lab as it was:

# %%
names = stack.provision(here)

# %% [markdown]
# ## Predict
#
# Twenty messages a second arrive, and your system is far from its limit. For each change below: is the median latency
# `"higher"` afterwards, `"lower"`, or the `"same"`? Then: which of the five changes saves the most money?
#
# | factor | from | to |
# |---|---|---|
# | batch size: messages that one invocation of `start_execution` gets at most | 1 | 10 |
# | batching window: seconds that the mapping may wait for a full batch | 0 | 1 |
# | poller concurrency: batches at work at once, at most | 2 | 10 |
# | log level of the workflow | ALL | ERROR |
# | start: does `start_execution` wait for the end of the execution? | asynchronous | synchronous |

# %%
# BEGIN SOLUTION
workshop.predict("batch size 1 → 10", "lower")
workshop.predict("batching window 0 → 1", "higher")
workshop.predict("poller concurrency 2 → 10", "lower")
workshop.predict("log level ALL → ERROR", "lower")
workshop.predict("asynchronous → synchronous", "higher")
workshop.predict("what saves the most money", "batch size")
# INSTEAD
# workshop.predict("batch size 1 → 10", ...)
# workshop.predict("batching window 0 → 1", ...)
# workshop.predict("poller concurrency 2 → 10", ...)
# workshop.predict("log level ALL → ERROR", ...)
# workshop.predict("asynchronous → synchronous", ...)
# workshop.predict("what saves the most money", ...)
# END SOLUTION

# %% [markdown]
# ## Run: as it is
#
# First a look at the system as `lab up` makes it. Two seconds, twenty messages a second:

# %% tags=["nbval-ignore-output"]
plan = Plan([Stage(20, 2)])
usual = session.run_plan(here, plan, list(messages.generate(40, seed=71)))
charts.way_in_parts(workshop.parts_of(usual))

# %%
self_checks.answer(
    "all 40 messages came through",
    expected=40,
    observed=int((usual.messages["status"] == "SUCCEEDED").sum()),
    look_at="usual.account",
)

# %% [markdown]
# The bars are the parts of a message's way: in the queue, until its execution has begun (`start_execution`), and then
# the four states. You need this picture again in exercise 3.
#
# ## Run: turn the settings
#
# Two calls to AWS turn four of the five. The mapping has three of them, and the state machine the fourth:

# %%
functions.update_event_source_mapping(
    UUID=mapping.find(names)["UUID"],
    BatchSize=1,
    MaximumBatchingWindowInSeconds=0,
    ScalingConfig={"MaximumConcurrency": 2},
)
workflows.update_state_machine(
    stateMachineArn=names.state_machine_arn,
    loggingConfiguration={
        **state_machine.logging_configuration(names),
        "level": "ERROR",
    },
)
workshop.wait_for_mapping(names)

# %% [markdown]
# - A batch of more than ten messages needs a window of at least one second. A window is 0 to 300 seconds long, in whole
#   seconds. It ends early when the batch is full.
# - `MaximumConcurrency` is 2 to 1,000 batches at once.
# - There are four log levels. `ALL` writes every event, `OFF` none. `FATAL` writes how an execution failed. `ERROR`
#   writes also each error of a single state on the way, even when a `Retry` or a `Catch` took it.
#
# The fifth setting is code: `start_execution` calls `StartSyncExecution` in place of `StartExecution`. In notebook 06 you
# did it with your own hands. Here the lab puts this file before the handler:

# %%
workshop.show(paths.PROJECT / "lab/stack/variants/synchronous.py")

# %% [markdown]
# The role of the function may call `StartExecution` only. The other call is an action of its own, so without this policy
# every message would fail:

# %%
policy = documents.policy("wait_for_executions", names.substitutions)
workshop.show_json(json.loads(policy)["Statement"])

# %% [markdown]
# Put it back. (`lab up` in a terminal does the same, whatever was turned.)

# %%
names = stack.provision(here)
self_checks.answer(
    "the mapping and the log level are as before",
    expected=(10, 0, "ALL"),
    observed=(
        mapping.find(names)["BatchSize"],
        mapping.find(names)["MaximumBatchingWindowInSeconds"],
        state_machine.find(names)["loggingConfiguration"]["level"],
    ),
    look_at="mapping.find(names), and state_machine.find(names)",
)

# %% [markdown]
# ## Run: eight runs for five factors
#
# The usual way is to turn one setting at a time: a run as it is, and one run more for each factor. Then each effect is
# the difference of two runs, and two runs differ by chance. And you never see two changes together.
#
# An experiment with a *design* changes several at once. Below, `-1` is the first level and `1` the second. Look at any
# column: four runs have the one level and four the other. Look at any two columns: each of the four pairs is there twice.
# So when you compare the four runs at one level with the four at the other, everything else is in balance, and all
# eight runs tell of each factor.

# %% tags=["nbval-ignore-output"]
design = session.Design(session.factors_of(here))
design.signs

# %%
signs = design.signs.to_numpy()
self_checks.answer(
    "each factor is in balance, and with each other one",
    expected=(0, True),
    observed=(
        int(np.abs(signs.sum(axis=0)).max()),
        bool((signs.T @ signs == 8 * np.eye(signs.shape[1])).all()),
    ),
    look_at="design.signs",
)

# %% [markdown]
# All mixes of five factors would be 32 runs. What do the other 24 runs buy? The *interactions*: whether a factor does more
# when another one is at its second level. With eight runs some of these cannot be told from a main effect. They are its
# aliases, and what you see is their sum:

# %% tags=["nbval-ignore-output"]
design.aliases().set_index("effect")

# %%
self_checks.answer(
    "batch size × batching window is no alias of a single factor",
    expected=[],
    observed=[
        name
        for name in design.names
        if "batch size × batching window" in design.columns[name][1]
    ],
    look_at="design.aliases()",
)

# %% [markdown]
# The order of the factors was chosen so that the pairs which are likely to interact have a row of their own. A window can
# only do something to a batch of more than one message: that is an interaction, and it is one of those rows. The log
# level has the suspicious pairs, because a log is the least likely to change what the others do.
#
# How is a run measured, when its workflow writes no log? *What you measure must not depend on what you turn.* So for
# this experiment the first and the last function of the workflow print the id of each message, in all runs alike. The
# time is counted from when a message was planned to leave until the last function printed its id.
#
# The runs come in an order that the dice have chosen: a machine that grows slower from run to run must not look like an
# effect. Before and after them the usual settings are measured. Whatever happens, also when you interrupt the kernel,
# all is put back. Start it; it takes most of a minute:

# %% tags=["nbval-ignore-output"]
experiment = session.run_experiment(here, design)

# %%
self_checks.answer(
    "eight runs of 40 messages, and the lab is as it was",
    expected=([40] * 8, []),
    observed=(
        experiment.runs["messages"].tolist(),
        self_checks.changed_by_lab_up(here),
    ),
    look_at="experiment.runs",
)

# %% [markdown]
# A run does not count when the sender was late, as in notebook 03, or when a message did not come through. The lab sends
# such a run again. With seven runs the balance is gone, so all eight have to count. If your machine was too busy for that,
# you go on with an example, and each chart says so.

# %% tags=["nbval-ignore-output"]
shown = workshop.experiment_that_counts(experiment)
session.runs_table(shown.runs, shown.design.names)

# %%
self_checks.answer(
    "all eight runs of what is shown count",
    expected=True,
    observed=shown.counts,
    look_at="what the cell above says",
)

# %% [markdown]
# ## Read the result: what each factor does
#
# For each factor: the mean of the four runs at the second level, over the mean of the four others. (Means of logarithms,
# since effects are told as “times as long”.) How far would it move by chance? The *bootstrap* draws the messages of each
# run anew, two thousand times, in pieces of half a second, and works out the effect each time. The bar is the
# *interval*: it holds 95 of 100 of these effects.

# %% tags=["nbval-ignore-output"]
table = session.effects(shown)
charts.marked(charts.main_effects(table), shown.mark)

# %%
logs = np.log(shown.runs["p50_s"].to_numpy())
by_hand = np.exp(logs @ shown.design.signs["batching window"].to_numpy() / 4)
effect_of = table.set_index("effect")
self_checks.answer(
    "the effect of the window by hand is the one on the chart",
    expected=True,
    observed=bool(np.isclose(by_hand, effect_of["ratio"]["batching window"])),
    look_at="by_hand, and table",
)

# %% [markdown]
# How to read it: a bar that crosses the dashed line may be chance. A ratio between 0.8 and 1.25 is called “no effect”
# here even when its bar is short, since two runs of the same settings differ as much on a machine that does other things.
# The bars know nothing of that; they only know what happened within the runs. How much did your machine drift meanwhile?
# The usual settings, measured twice. Near 1 the machine was calm. Far from 1, believe only the effects that are larger:

# %% tags=["nbval-ignore-output"]
print(f"p50 after the eight runs: {shown.drift:.2f} times that before")

# %% [markdown]
# Is that far from 1? Then the machine was busy with something else. The order of the runs was drawn by lot, so the drift
# is no effect of a factor; but believe only effects that are larger than it.

# %% tags=["nbval-ignore-output"]
verdict = effect_of["verdict"]
workshop.compare("batch size 1 → 10", verdict["batch size"])
workshop.compare("batching window 0 → 1", verdict["batching window"])
workshop.compare("poller concurrency 2 → 10", verdict["poller concurrency"])
workshop.compare("log level ALL → ERROR", verdict["log level"])
workshop.compare("asynchronous → synchronous", verdict["start"])

# %% tags=["nbval-ignore-output"]
workshop.score(
    {
        "batch size 1 → 10": verdict["batch size"],
        "batching window 0 → 1": verdict["batching window"],
        "poller concurrency 2 → 10": verdict["poller concurrency"],
        "log level ALL → ERROR": verdict["log level"],
        "asynchronous → synchronous": verdict["start"],
    }
)

# %%
self_checks.answer(
    "each factor has a verdict",
    expected=True,
    observed=set(verdict) <= {"higher", "lower", "same"},
    look_at="table",
)

# %% [markdown]
# **Batch size and batching window** show about the same large effect on a quiet machine, and so does the row *batch size ×
# batching window*. Three equal effects are a sign: only one of the four pairs of levels is different from all others.
# Look at the table of runs: the median is high where the batch may have ten messages *and* the mapping may wait for them.
# At twenty a second such a batch is full after half a second, so a message waits a quarter of a second on average. A
# window alone has nothing to wait for, and a large batch alone takes what is there. Who had turned one setting at a time,
# from a batch of one without a window, would have found no effect of either.
#
# **Poller concurrency** changes nothing while nothing is scarce. The second batch at once is hardly ever needed at this
# rate, and the tenth never. A limit is felt when it is reached, and not before.
#
# **The log level**: Step Functions writes its log beside the execution. AWS says that it neither blocks nor slows it. On
# your machine the log is written by the processor that also runs the workflow, so some of it may show.
#
# **Synchronous** keeps `start_execution` waiting. At this rate there is a free one for the next batch, so a message does not
# notice. Near the limit of the system it would.
#
# So the number of an effect that has a strong interaction is the mean of two different stories: tell both. And the last
# row is a pair of pairs: what is seen there is the one, the other, or both. More runs would tell.
#
# ## Read the result: what each factor costs
#
# The price needs no bootstrap: invocations, requests and bytes are counted. Ratios again, the second level over the first:

# %% tags=["nbval-ignore-output"]
price = session.count_effects(shown, "usd_per_million")
price.round(2).to_frame("price, times as high")

# %%
self_checks.answer(
    "less log lowers the price",
    expected=True,
    observed=bool(price["log level"] < 0.8),
    look_at="price",
)
workshop.compare("what saves the most money", "log level")

# %% [markdown]
# The log of an execution, with the data of each state, is about 30 kilobytes. At AWS's prices that is more than all else
# together. Notebook 10 takes the bill apart. A batch of ten with a window means fewer invocations and fewer calls to the
# queue. Synchronous adds the time that a function waits, which Lambda bills; it is short here, and a function of 128 MB
# is cheap.
#
# Poller concurrency and the start seem to save a few per cent. They do not: you see their aliases, two pairs with the log
# level. A batch with a window saves the same dollars with a log and without. But without a log these dollars are a larger
# part of the price.
#
# ## On AWS: memory is processor
#
# There is one more setting, and on AWS it is often the strongest: the memory of a function. Lambda gives a function
# processor time in proportion to its memory. At 1,769 MB that is one whole virtual processor; at 128 MB, the smallest,
# it is a fourteenth of one.

# %%
print(f"{128 / 1769:.3f} of a processor at 128 MB")

# %% [markdown]
# So a function that computes for 10 milliseconds with a processor of its own takes about 140 with 128 MB. With more
# memory each second costs more, and there are fewer of them. Up to one processor the price of work like this hardly
# changes while it gets faster; beyond that only code with several threads gains. A function that waits for somebody
# else, as `start_execution` does, gains little.
#
# On your machine a function has a whole processor whatever its memory says, so there is nothing to measure. On AWS
# the design above has memory as a sixth factor, from 128 to 1,769 MB:

# %%
memory = [factor for factor in design.factors if factor.name == "memory"]
self_checks.answer(
    "memory is a factor on AWS, and nowhere else",
    expected=here.kind == "aws",
    observed=len(memory) == 1,
    look_at="design.factors",
)

# %% [markdown]
# ## Your turn
#
# ### Exercise 1: fewer invocations
#
# Twenty messages come within a second, and nobody is in a hurry. Choose settings of the mapping with which they take five
# invocations of `start_execution` or fewer. No message may wait for more than 20 seconds.

# %%
# BEGIN SOLUTION
mine = {"BatchSize": 10, "MaximumBatchingWindowInSeconds": 2}
# INSTEAD
# mine = {  # your code here
#     "BatchSize": 1,
#     "MaximumBatchingWindowInSeconds": 0,
# }
# END SOLUTION

# %% tags=["nbval-ignore-output"]
functions.update_event_source_mapping(UUID=mapping.find(names)["UUID"], **mine)
workshop.wait_for_mapping(names)
twenty = session.run_plan(
    here, Plan([Stage(20, 1)]), list(messages.generate(20, seed=72))
)
batches = twenty.received["request_id"].nunique()
print(batches, "invocations")

# %%
self_checks.exercise_fewer(mine, batches)

# %% [markdown]
# ### Exercise 2: quiet, but not mute
#
# Choose the log level with which an execution that goes well writes nothing, and one that fails leaves the name of its
# error. The errors of single states must be there as well, also those that a `Retry` took.

# %%
# BEGIN SOLUTION
level = "ERROR"
# INSTEAD
# level = "ALL"  # your code here: ALL, ERROR, FATAL or OFF
# END SOLUTION

# %% [markdown]
# Four executions, the last one with a text that is not base64. Then look who is in the log, and with which error:

# %% tags=["nbval-ignore-output"]
names = stack.provision(here)
workflows.update_state_machine(
    stateMachineArn=names.state_machine_arn,
    loggingConfiguration={
        **state_machine.logging_configuration(names),
        "level": level,
    },
)
time.sleep(10 if here.kind == "aws" else 0)
watch = session.Watch(names)
bodies = [messages.SAMPLE_BODY] * 3 + [messages.broken("bad_base64").body]
for body in bodies:
    workflows.start_sync_execution(
        stateMachineArn=names.state_machine_arn, input=body
    )
logged, deadline = [], time.monotonic() + 5 * second
while "InvalidBase64Error" not in logged and time.monotonic() < deadline:
    time.sleep(0.2)
    watch.look()
    logged = watch.tables()[0]["error"].fillna("none").tolist()
logged

# %%
self_checks.exercise_quiet(level, logged)

# %% [markdown]
# ### Exercise 3: find the bottleneck
#
# One of the five functions is now slow. Which one, the dice say, and the lab does not tell. Twenty messages go through it.

# %% tags=["nbval-ignore-output"]
names = stack.provision(here)
slowed = workshop.run_with_a_slow_function(
    here, Plan([Stage(10, 2)]), list(messages.generate(20, seed=73))
)
charts.way_in_parts(slowed.parts)

# %% [markdown]
# Read the chart. Then name the function, as its folder in `lambdas/` is called:

# %%
function_of = {
    "in the queue": "start_execution",
    "start_execution": "start_execution",
    "Decode base64 string": "base64_decoder",
    "Generate statistics": "stats_generator",
    "Remove special characters": "string_cleaner",
    "Tokenize and count": "tokenizer_counter",
}
# BEGIN SOLUTION
parts = slowed.parts
longest = parts.duration_s.groupby(parts.state).median().idxmax()
slow_one = function_of[longest]
# INSTEAD
# slow_one = ...  # your code here
# END SOLUTION

# %%
self_checks.exercise_bottleneck(slow_one, slowed)

# %% [markdown]
# Run the two cells again, if you like: the dice choose anew. A slow state makes each message slow, and nothing waits for it
# in the queue. A slow `start_execution` holds up its batch and may hold up those behind it.
#
# ### Exercise 4: half the price
#
# Choose settings with which a million messages cost at most half of what they cost now. No message may wait for others to
# come, the function does not wait for the workflow, and what fails stays in the log. The fields of `stack.Settings` that
# you need are `batch_size`, `batching_window_s`, `mapping_concurrency`, `log_level` and `start`.

# %%
# BEGIN SOLUTION
choice = stack.Settings(batch_size=10, log_level="ERROR")
# INSTEAD
# choice = stack.Settings()  # your code here
# END SOLUTION

# %% tags=["nbval-ignore-output"]
tried = session.try_settings(here, choice)
usual_usd = experiment.usual["usd_per_million"].mean()
print(f"usual {usual_usd:.2f}, yours {tried['usd_per_million']:.2f} USD")

# %%
self_checks.exercise_half_price(choice, tried, usual_usd)

# %% [markdown]
# ## As it was

# %%
names = stack.provision(here)
self_checks.answer(
    "“lab up” finds nothing left to do",
    expected=[],
    observed=lambda: self_checks.changed_by_lab_up(here),
    look_at="the settings named above; “lab up” has put them right",
)

# %% [markdown]
# ## Recap
#
# - Guess before you measure. A setting that everybody turns may do nothing here.
# - A design changes several factors at once, in balance: eight runs tell of five factors, each with all eight.
# - An effect without an interval is a rumour, and an interval only knows the chance within the runs. Name what an effect
#   cannot be told from.
# - A batching window buys fewer invocations with waiting. Concurrency is a limit: it is felt when it is reached. The log
#   is most of the price. On AWS, memory is processor.
# - Look for the bottleneck first. To tune anything else changes nothing.
#
# Next: `08_express_or_standard`. The same definition as another type of workflow: what does it promise, and what does
# it cost?

# %% [markdown]
# ## Roads not taken
#
# - **All 32 mixes**, or sixteen: with sixteen runs no main effect has a pair as its alias. Here it would take a minute more.
# - **Fold-over.** Eight more runs with all signs turned around separate the main effects from all pairs.
#   NIST's handbook has a chapter on such [fractional designs](https://www.itl.nist.gov/div898/handbook/pri/section3/pri334.htm).
# - **More than two levels.** Two levels show a direction, not an optimum. For that one goes on with three levels of the
#   two or three factors that matter.
# - **Provisioned pollers.** On AWS a mapping can pay for pollers that are always there. Notebook 11 simulates them.
# - **AWS Lambda Power Tuning** is an open source state machine that runs a function with several sizes of memory and draws
#   speed and cost in one picture.

# %% [markdown]
# ## Sources
#
# - [Memory and processor](https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html) of a function
# - [Parameters of a mapping](https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html): batch size,
#   window, maximum concurrency
# - [Logging](https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html) of Express Workflows, and its levels
# - [StartSyncExecution](https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartSyncExecution.html)

# %% [markdown]
# ## Quiz
#
# Four questions, one right answer each. Choose in the form; Tab, the arrow keys and Enter do it too. (Where you see
# a list and no form, run the cell.) Then write your letters into the last cell, each in place of three dots, and
# run it: the lab tells you why, and `lab progress` in a terminal shows what you have passed.

# %%
workshop.quiz("07")

# %%
# BEGIN SOLUTION
workshop.answer_quiz("07", "a", "c", "b", "b")
# INSTEAD
# workshop.answer_quiz("07", ..., ..., ..., ...)
# END SOLUTION
