# %% [markdown]
# # Clean up
#
# **Time:** 5 minutes
#
# You delete everything that you made, and prove that nothing is left. After this notebook you
#
# - know in which order to delete things, and why,
# - can prove to yourself, and to the person who pays the bill, that nothing is left running.
#
# You can make everything again at any time: run `01_provision`, or `lab up`.

# %% [markdown]
# ## Vocabulary
#
# | word | meaning |
# |---|---|
# | **to provision**, **to destroy** | to make, to delete all resources of a lab |
# | **survivor** | a resource that is still there after that |

# %%
from lab import stack, workshop
from lab.stack import exercises
from lab.workshop import self_checks

here = workshop.open_lab(complete=False)
names = stack.Names(here)

# %% [markdown]
# ## Predict
#
# Messages may be on their way at this very moment. If the log groups were deleted first and the mapping
# last, what could happen in between? Decide on an order for: queues, mapping, roles, functions, state
# machine, log groups.

# %%
# BEGIN SOLUTION
workshop.predict("what must go first", "the queues")
workshop.predict("what must go last", "the roles")
# INSTEAD
# workshop.predict("what must go first", ...)
# workshop.predict("what must go last", ...)
# END SOLUTION

# %% [markdown]
# ## Run
#
# This is what exists before, and what you made in the exercises is in the list, too.

# %% tags=["nbval-ignore-output"]
found = stack.survivors(here)
for line in found:
    print(line)

# %%
self_checks.answer(
    "all of it belongs to this lab",
    expected=[],
    observed=[
        line
        for line in found
        if names.prefix not in line and "event source mapping" not in line
    ],
    look_at="found",
)

# %% [markdown]
# First delete what starts new work. Without the mapping nobody takes messages out of the queue any more, and so
# no new execution begins.

# %%
functions = here.client("lambda")
pages = functions.list_event_source_mappings(
    EventSourceArn=names.queue_arn(names.queue)
)
for mapping in pages["EventSourceMappings"]:
    workshop.delete(
        functions.delete_event_source_mapping, UUID=mapping["UUID"]
    )

# %% [markdown]
# Next the state machines, which could still write into their log groups. `exercises.delete` removes what
# you made in the exercises.

# %%
workflows = here.client("stepfunctions")
workflows.delete_state_machine(stateMachineArn=names.state_machine_arn)
exercises.delete(names)

# %% [markdown]
# You can delete the rest in any order, but the log groups last: as long as anything runs, it may write a line, and
# Lambda would make a new log group for it. The command `lab down` calls `stack.destroy`, too. It waits for each
# step. You can call it as often as you like. It returns what it could not remove.

# %%
stack.destroy(here)

# %% [markdown]
# ## Read the result
#
# An empty list. Do not believe it: ask each service. (In an account with many resources these answers come in pages,
# and you would go through them all. The check at the end asks for each resource by its name.)

# %%
start = f"{names.prefix}-"
machines = workflows.list_state_machines()["stateMachines"]
[machine["name"] for machine in machines if machine["name"].startswith(start)]

# %%
all_functions = functions.list_functions()["Functions"]
[
    one["FunctionName"]
    for one in all_functions
    if one["FunctionName"].startswith(start)
]

# %%
here.client("sqs").list_queues(QueueNamePrefix=start).get("QueueUrls", [])

# %%
all_roles = here.client("iam").list_roles()["Roles"]
[role["RoleName"] for role in all_roles if role["RoleName"].startswith(start)]

# %%
describe = here.client("logs").describe_log_groups
[
    group["logGroupName"]
    for place in ("/aws/vendedlogs/states/", "/aws/lambda/")
    for group in describe(logGroupNamePrefix=place + start)["logGroups"]
]

# %%
self_checks.answer(
    "nothing of this lab is left",
    expected=[],
    observed=lambda: exercises.survivors(names) + stack.survivors(here),
    look_at="the list above; run this notebook again",
)

# %%
workshop.compare("what must go first", "the mapping")
workshop.compare("what must go last", "the log groups")

# %% [markdown]
# ## Your turn
#
# Run this notebook a second time, from the top. Should it fail? It does not: when somebody interrupts you while you
# clean up, you must be able to do it again. So “it is gone already” is not an error.

# %% [markdown]
# ## Recap
#
# - First delete what starts work (mapping, state machine), then what does the work (functions), and the log groups last.
# - AWS answers before it has deleted a thing: wait, then look.
# - LocalStack itself is still running: Ctrl-C where you typed `make lab` stops it, and so does `lab down` in a
#   terminal of JupyterLab (`.venv/bin/lab down` in any other). What it holds is in memory only, and ends with it.
#   So on your own machine nothing is left even without this notebook. On AWS everything stays, and may cost,
#   until you delete it.
# - Your notebooks and predictions are files, and stay. To go on another day: `make lab`, then `lab up` in a
#   terminal of JupyterLab.

# %% [markdown]
# ## Roads not taken
#
# - **Delete by tag.** All resources of the lab carry the tag `express-lab`; the Resource Groups Tagging API
#   finds them in one call. The names find them, too, and need no further permission.
# - **Delete the account.** Some teams give each experiment an account of its own, and close it afterwards.
