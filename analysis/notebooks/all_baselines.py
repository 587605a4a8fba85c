# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Which optimizer is best, each tuned with the same budget?
#
# Every optimizer searched its own space with the same number of trials, and its best configuration was trained again on
# fresh seeds. Many arms against one baseline: intervals are wider than for one comparison, so that all hold together.
# The last cell gives the answer.
#
# Run `adamant run all-baselines-mnist` first, or name another sweep below: its name, and where its runs are.

# %%
import os

SWEEP = os.environ.get("ADAMANT_SWEEP", "all-baselines-mnist")
TRACKING_URI = os.environ.get("ADAMANT_TRACKING_URI", "sqlite:///../../adamant-runs/mlflow.db")
HYPERPARAMETERS = ["lr", "weight_decay"]

# %%
from analysis import judge, load, render_table
from analysis.figures.choices import choices, choices_in_words
from analysis.figures.differences import differences
from analysis.figures.gallery import show
from analysis.figures.loss_curves import loss_curves
from analysis.figures.targets import targets
from analysis.figures.tuning_curves import tuning_curves
from analysis.verdict.answer import answer, order_of_arms

tables = load(SWEEP, TRACKING_URI)
tables = tables.on(tables.workloads[0])  # of a sweep over several workloads, the first
verdict = judge(tables.records[0])
print(render_table([verdict]))

# %%
show(differences, verdict)

# %%
show(loss_curves, tables)

# %% [markdown]
# **Who is fast, and who is easy to tune.** How many runs had reached the sweep's target by when, and what a smaller
# search would have found.

# %%
show(targets, tables)

# %%
show(tuning_curves, tables)

# %% [markdown]
# **What it costs.** Trials by what became of them, and the median wall time of those that were trained to the end.

# %%
outcomes = tables.trials.groupby(["arm", "outcome"]).size().unstack(fill_value=0)
finished = tables.trials[tables.trials["outcome"] == "finished"]
outcomes.assign(seconds=finished.groupby("arm")["seconds"].median().round(1))

# %%
choices(tables, HYPERPARAMETERS).style.hide()

# %% [markdown]
# ## The answer

# %%
answer(verdict, *order_of_arms(verdict), *choices_in_words(tables, HYPERPARAMETERS))
