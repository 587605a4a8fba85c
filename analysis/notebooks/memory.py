# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Does a long memory of the gradient help beside the short one?
#
# Adam has one average of the gradient, with memory beta1. Here a second one with a longer memory beta3 joins it, with
# weight alpha: added, or as a share of the step. A gate may drop what the two disagree on. Every arm was tuned by the
# same number of trials. The last cell gives the answer.
#
# Run `adamant run mnist-memory` first, or name another sweep below: its name, and where its runs are.

# %%
import os

SWEEP = os.environ.get("ADAMANT_SWEEP", "mnist-memory")
TRACKING_URI = os.environ.get("ADAMANT_TRACKING_URI", "sqlite:///../../adamant-runs/mlflow.db")
HYPERPARAMETERS = ["alpha", "alpha_schedule", "beta3", "beta3_schedule", "gate"]

# %%
from analysis import judge, load, render_table
from analysis.figures.choices import choices, choices_in_words
from analysis.figures.contour import contour
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
# **What the memories did.** alpha and beta3 as the best configuration of each arm used them; 1 / (1 - beta3) is how
# many steps the long memory reaches back.

# %%
show(schedules, tables)

# %% [markdown]
# **Which memories did well in the search.**

# %%
show(response, tables, HYPERPARAMETERS)

# %%
show(contour, tables, "alpha", "beta3")

# %%
choices(tables, HYPERPARAMETERS).style.hide()

# %% [markdown]
# ## The answer

# %%
answer(verdict, *choices_in_words(tables, HYPERPARAMETERS))
