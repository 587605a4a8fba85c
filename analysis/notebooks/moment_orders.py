# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Do moments of another order, or skewness, help?
#
# Adam divides its step by the root of the mean squared gradient, order p = 2. Here the step is divided by the p-th root
# of the mean of |gradient|^p, and may take in the gradient's skewness, with weight kappa in the numerator and kappa_d
# in the denominator. Every arm was tuned by the same number of trials. The last cell gives the answer.
#
# Run `adamant run mnist-moment-orders` first, or name another sweep below: its name, and where its runs are.

# %%
import os

SWEEP = os.environ.get("ADAMANT_SWEEP", "mnist-moment-orders")
TRACKING_URI = os.environ.get("ADAMANT_TRACKING_URI", "sqlite:///../../adamant-runs/mlflow.db")
HYPERPARAMETERS = ["order", "order_time", "kappa", "kappa_d"]

# %%
from analysis import judge, load, render_table
from analysis.figures.choices import choices, choices_in_words
from analysis.figures.contour import contour
from analysis.figures.differences import differences
from analysis.figures.gallery import show
from analysis.figures.importance import importance
from analysis.figures.loss_curves import loss_curves
from analysis.figures.response import response
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
# **Which orders did well in the search.** Orders differ in the scale of their steps, so look at the learning rate
# as well.

# %%
show(response, tables, HYPERPARAMETERS)

# %%
show(contour, tables, "order", "lr")

# %%
show(importance, tables)

# %%
choices(tables, HYPERPARAMETERS).style.hide()

# %% [markdown]
# ## The answer

# %%
answer(verdict, *choices_in_words(tables, HYPERPARAMETERS))
