# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Do the origin's figures come out again?
#
# This project began with two figures, on MNIST and on CIFAR-10: the train and the test loss of each epoch, for Adam
# with betas of beta e^-t ("Adam_custom"), Adam, RMSprop and AdaGrad, all at the learning rate 0.001, with one seed.
#
# On MNIST, after 50 epochs, the train loss of the first three was below 0.01 and AdaGrad's near 0.09. The test loss of
# Adam and RMSprop had risen to 0.18 and 0.21; Adam_custom's had stayed near 0.13 and AdaGrad's fallen to 0.11. The
# conclusion was that Adam_custom is comparable to Adam and RMSprop, and better than AdaGrad.
#
# Run `adamant run origin-figures` and `adamant run origin-figures-cifar10` first; one of them is enough.

# %%
import os

SWEEPS = os.environ.get("ADAMANT_SWEEP", "origin-figures origin-figures-cifar10").split()
TRACKING_URI = os.environ.get("ADAMANT_TRACKING_URI", "sqlite:///../../adamant-runs/mlflow.db")

# %%
from IPython.display import display

from analysis import judge, load
from analysis.figures.figure_parts import best_confirmations
from analysis.figures.gallery import show
from analysis.figures.loss_curves import loss_curves
from analysis.figures.origin_findings import origin_findings, origin_in_words
from analysis.verdict.answer import answer
from optimizers import InputError

sweeps = []
for name in SWEEPS:
    try:
        sweeps.append(load(name, TRACKING_URI))
    except InputError as error:
        print(error)

# %% [markdown]
# **The figures.** Mean over seeds, in a band from the lowest to the highest. The curves on the right are of the
# validation split, since here nobody looks at the test images before the end.

# %%
for tables in sweeps:
    show(loss_curves, tables)

# %% [markdown]
# **The end of training**, mean over seeds. Here the test images were read, once.

# %%
for tables in sweeps:
    runs = best_confirmations(tables).query("outcome == 'finished'")
    display(runs.set_index("arm").filter(regex="^(train|val|test)/").groupby("arm", sort=False).mean())

# %% [markdown]
# **What the origin found, held against these seeds**, each finding by itself at 95 %.

# %%
for tables in sweeps:
    display(origin_findings(tables).style.hide())

# %% [markdown]
# ## The answer

# %%
for tables in sweeps:
    display(answer(judge(tables.records[0]), *origin_in_words(tables)))
