# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What does my sweep show?
#
# Everything that can be looked at without a question of your own, and then the tables for the questions that you have.
# Name your sweep below, run all cells, and go on from there. The last cell gives the answer.

# %%
import os

SWEEP = os.environ.get("ADAMANT_SWEEP", "quickstart")
TRACKING_URI = os.environ.get("ADAMANT_TRACKING_URI", "sqlite:///../../adamant-runs/mlflow.db")
FOLDER = f"{SWEEP}-tables"  # for what is exported

# %%
from pathlib import Path

import pandas as pd

from analysis import judge, load, render_table
from analysis.charts.draw_matplotlib import save
from analysis.figures.gallery import of_verdict, of_workload, show
from analysis.figures.loss_curves import loss_curves
from analysis.verdict.answer import answer, order_of_arms
from analysis.verdict.configurations import as_python

tables = load(SWEEP, TRACKING_URI)
tables = tables.on(tables.workloads[0])  # of a sweep over several workloads, the first
verdict = judge(tables.records[0])
print(render_table([verdict]))

# %% [markdown]
# **Every figure.** Where one cannot be drawn, it says why.

# %%
for figure in (*of_verdict(tables, verdict), *of_workload(tables)):
    figure.show()

# %%
# A figure takes options; `loss_curves?` shows them.
show(loss_curves, tables, by="seconds")

# %% [markdown]
# **The tables.** `tables.trials`, `tables.confirmations` and `tables.curves` are pandas frames with a row for each
# trial, confirmation and evaluation; `help(tables)` explains the columns.

# %%
tables.trials.head()

# %%
pd.crosstab(tables.trials["arm"], tables.trials["outcome"])

# %%
# A question of one's own: how do the trials of each arm spread that were trained to their end?
finished = tables.trials[tables.trials["outcome"] == "finished"]
finished.groupby("arm")["value"].describe()

# %%
# The best configuration of each arm, to paste into a program.
for arm in verdict.arms:
    if arm.best is not None:
        code = as_python(verdict.sweep.arms[arm.name].space, arm.best.params)
        print(f"# {arm.name}, {arm.best.trial_id}", code, sep="\n", end="\n\n")

# %% [markdown]
# **To take away**: tables for any other program, and figures for a paper (png, svg or pdf).

# %%
folder = Path(FOLDER)
folder.mkdir(exist_ok=True)
tables.trials.to_csv(folder / "trials.csv", index=False)
tables.confirmations.to_csv(folder / "confirmations.csv", index=False)
tables.curves.to_parquet(folder / "curves.parquet", index=False)
for figure in of_verdict(tables, verdict):
    if figure.chart is not None:
        save(figure.chart, folder / f"{figure.name}.png")
sorted(path.name for path in folder.iterdir())

# %% [markdown]
# ## The answer

# %%
answer(verdict, *order_of_arms(verdict))
