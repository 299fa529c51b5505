# %% [markdown]
# # Start here
#
# **Time:** 10 minutes
#
# What happens when many messages per second flow from a queue into a workflow? In this workshop you build
# such a system with the calls of AWS, send it one message, then more and more of them, and see in charts
# where the time goes and what reaches its limit first. All of it runs on your own machine and costs nothing.
#
# **For whom:** you read a little Python. You need not have seen Amazon SQS, AWS Lambda or AWS Step
# Functions before.
#
# After this notebook you
#
# - know the parts of the system and what each is for,
# - have a running lab, and know how to stop it,
# - know how each lesson is built.

# %% [markdown]
# ## Vocabulary
#
# | word | meaning |
# |---|---|
# | **message** | a piece of text that somebody sends and somebody else handles later; here a JSON object with a text in it |
# | **queue** | where messages wait until somebody handles them; Amazon SQS |
# | **function** | a piece of Python that AWS runs when it is called, and only then; AWS Lambda |
# | **state machine**, **workflow** | a plan of several steps, and which step follows which; AWS Step Functions |
# | **state** | one step of it |
# | **execution** | one run of a state machine, for one message |
# | **event** | one line of an execution's diary: “entered this state”, “called that function” |
# | **log group** | where the diaries are kept; Amazon CloudWatch Logs |
#
# Step Functions has two kinds of workflow. A *Standard* Workflow may run for a year, and Step Functions keeps its
# diary. An *Express* Workflow lasts five minutes at most and may be started many thousand times a second. Its
# log is its only diary. This workshop is about the second kind.

# %% [markdown]
# ## The system
#
# Each message holds a text, written as base64. A function takes the messages out of the queue and starts
# one execution for each message. The workflow decodes the text, describes it in numbers, removes the special
# characters and counts the words.

# %%
from lab import charts

charts.pipeline()

# %% [markdown]
# ## Predict
#
# Before each experiment you write down what you expect. A wrong guess teaches you more than a right one, but
# only if you made a guess.
#
# - How long will one message take from the queue to the last state, on your machine? 5 milliseconds, 50,
#   500, 5000?
# - How many messages can your machine handle in a second before they pile up?
#
# Write them into the next cell, each in place of the three dots, and run it: the lab keeps them on this machine.
# Notebook 02 answers the first one, notebook 03 the second.

# %%
from lab import workshop

# BEGIN SOLUTION
workshop.predict("milliseconds for one message", 50)
workshop.predict("messages a second", 100)
# INSTEAD
# workshop.predict("milliseconds for one message", ...)
# workshop.predict("messages a second", ...)
# END SOLUTION

# %% [markdown]
# ## Run
#
# A *target* says where the lab runs. The usual one is `embedded`: LocalStack, a program that answers like
# AWS, runs as a process on your machine. (`localstack` means a LocalStack that runs already, such as that of `docker
# compose up`. `aws` is a real account, and is used only when you ask for it with the variable `LAB_TARGET`.)
#
# The next cell finds the lab and starts its LocalStack if it is not running. Every notebook begins like
# this.

# %%
here = workshop.open_lab(start=True, complete=False)

# %% [markdown]
# Does your machine lack anything that the lab needs? The command `lab doctor` says so; here is the same in a
# cell. `ok` should be `True` everywhere. Where it is not, `next step` says what to type.

# %% tags=["nbval-ignore-output"]
import pandas as pd
from lab import doctor

findings = doctor.examine(here)
rows = [
    (found.what, found.ok, "" if found.ok else found.next_step)
    for found in findings
]
pd.DataFrame(rows, columns=["what", "ok", "next step"])

# %% [markdown]
# Some cells check what came out before you read on. They say in a sentence what is right; where something is
# not, they say what was expected, what was observed, and what to look at.

# %%
from lab.workshop import self_checks

needed = {"Python", "packages", "Lambda executor"}
self_checks.answer(
    "nothing is missing",
    expected=[],
    observed=[
        found.what
        for found in findings
        if found.what in needed and not found.ok
    ],
    look_at="the column “next step” of the table above",
)

# %% [markdown]
# ## Read the result
#
# The lab answers. At first it is empty, without a queue or a function; notebook 01 fills it. Ask it something
# yourself. `here.client("sqs")` is `boto3.client("sqs")`, a client of Amazon's own Python library, with the address
# of your lab filled in. Nothing else about it is special: the calls that you learn here are the calls of AWS.

# %%
here.client("sts").get_caller_identity()["Account"]

# %% [markdown]
# Twelve zeros are the account number of LocalStack. A real account has another one.

# %% [markdown]
# ## Your turn
#
# The functions of the workflow are files in the folder `lambdas`. Open `lambdas/base64_decoder/handler.py`
# in the file browser (the folder at the left edge of the page opens it). Which three things can be wrong with a
# message, and what are these errors called?
#
# <details><summary>Answer</summary>
#
# No `input`, or not a text: `MissingInputError`. Characters that base64 does not have, or wrong padding:
# `InvalidBase64Error`. Bytes that are no UTF-8 text (but UTF-16, say): `InvalidTextError`. Step Functions
# reports an error under the name of its Python class, so that a workflow can treat each of them differently.
# </details>

# %% [markdown]
# ## Recap
#
# - Messages wait in a queue, a function starts one execution of the workflow for each, and the log group
#   shows how it ended.
# - The lab runs until you press Ctrl-C where you typed `make lab`. That ends JupyterLab and LocalStack, and
#   **everything in the lab is gone**: queues, functions, messages, logs. LocalStack keeps them in memory only.
# - Your notebooks, your predictions and the runs that you keep (notebook 03) are files, and stay.
# - **The next day**, type `make lab` again. Then open a terminal in JupyterLab (File → New → Terminal) and type
#   `lab up`: in a few seconds it makes all that you make in notebook 01. Open the notebook where you stopped, and
#   run it from its first cell.
# - The command `lab` is known in the terminals of JupyterLab. In any other terminal type `.venv/bin/lab`, in the
#   folder of the project.
# - Lessons have a fixed shape: vocabulary, predict, run, read the result, your turn, recap.
# - Exercises check themselves. A check that fails gives a hint, and another one at the next try;
#   `workshop.hint("01.1")` gives the next hint of exercise 1 of notebook 01, and at last how it is done.
# - Each notebook ends with a quiz. `lab progress` in a terminal shows which exercises and quizzes you have passed; it is
#   kept on this machine, and nobody gets it unless you hand it on.
# - Your notebooks are a copy. `lab reset 01` in a terminal gives you notebook 01 as it was, and keeps yours
#   beside it. The solved notebooks, with all outputs, are in the folder `solutions`.
#
# The workshop, in the order in which it is taken:

# %%
workshop.contents()

# %% [markdown]
# Next: `01_provision`. You build the system, one call of AWS after the other.

# %% [markdown]
# ## Roads not taken
#
# - **The console.** AWS shows all of this in its web console. It is good to look at, but you cannot repeat, compare
#   or test clicks. So here you work with calls, and draw the pictures yourself.
# - **A real account from the start.** The notebooks are made for a real account as well (`LAB_TARGET=aws`). Up to
#   now they were tried against models of AWS only, not in an account. It would cost a few cents and needs
#   permissions that not everybody has; `lab policy` prints them. Learn here first.

# %% [markdown]
# ## Sources
#
# - [Standard and Express Workflows](https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html)

# %% [markdown]
# ## Quiz
#
# Three questions, one right answer each. Choose in the form; Tab, the arrow keys and Enter do it too. (Where you see
# a list and no form, run the cell.) Then write your letters into the last cell, each in place of three dots, and
# run it: the lab tells you why, and `lab progress` in a terminal shows what you have passed.

# %%
workshop.quiz("00")

# %%
# BEGIN SOLUTION
workshop.answer_quiz("00", "b", "a", "c")
# INSTEAD
# workshop.answer_quiz("00", ..., ..., ...)
# END SOLUTION
