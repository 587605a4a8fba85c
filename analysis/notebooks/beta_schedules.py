# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Do scheduled betas help?
#
# Adam averages the gradient with a memory beta1 and its square with a memory beta2, both constant. Here they move
# during training. Every arm was tuned by the same number of trials; the best configuration of each was then trained
# again on fresh seeds. The last cell gives the answer.
#
# Run `adamant run mnist-beta-schedules` first, or name another sweep below: its name, and where its runs are.

# %%
import os

SWEEP = os.environ.get("ADAMANT_SWEEP", "mnist-beta-schedules")
TRACKING_URI = os.environ.get("ADAMANT_TRACKING_URI", "sqlite:///../../adamant-runs/mlflow.db")
HYPERPARAMETERS = ["beta1_schedule", "beta2_schedule"]

# %%
from analysis import judge, load, render_table
from analysis.figures.choices import choices, choices_in_words
from analysis.figures.differences import differences
from analysis.figures.gallery import show
from analysis.figures.loss_curves import loss_curves
from analysis.figures.response import response
from analysis.figures.schedules import schedules
from analysis.verdict.answer import answer

tables = load(SWEEP, TRACKING_URI)
tables = tables.on(tables.workloads[0])  # of a sweep over several workloads, the first
verdict = judge(tables.records[0])
print(render_table([verdict]))

# %% [markdown]
# **Against the baseline.** A difference is shown only where its line leaves out 0: one between arms with several
# studies, and with one study one between the configurations that it has found.

# %%
show(differences, verdict)

# %%
show(loss_curves, tables)

# %% [markdown]
# **What moved.** The betas that the best configuration of each arm really used. A beta near 1 is drawn as 1 - beta.

# %%
show(schedules, tables)

# %% [markdown]
# **Which schedules did well in the search.** Every trial, and then what the best quarter of each arm's trials chose.

# %%
show(response, tables, HYPERPARAMETERS)

# %%
choices(tables, HYPERPARAMETERS).style.hide()

# %% [markdown]
# ## The answer

# %%
answer(verdict, *choices_in_words(tables, HYPERPARAMETERS))
