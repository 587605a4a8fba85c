"""From ``search.method`` to an Optuna sampler. A grid has none, as its trials are queued: see ``SearchStudy``."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from optuna import Study, samplers
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, TPESampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from optimizers import InputError
from search_spaces.schema.methods import MOST_TRIALS_OF_GP, SEED, SearchMethod, get_method
from search_spaces.schema.sweep_file import Search

# NumPy's generators take seeds below this.
SEEDS = 2**32


def make_sampler(search: Search, number: int) -> BaseSampler:
    """Return the sampler of a checked method that draws the trial of this number, and no other.

    What it draws follows from the sweep's seed, the number and the study alone, and not from what the same process
    has drawn before, so that a sweep which was interrupted goes on as if it had not been.
    """
    seed = int(np.random.SeedSequence([search.seed, number]).generate_state(1)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        method = get_method(search.method)
        return _of_class(method, search, seed) if method.plain else method.load()(search, seed)


def tpe(search: Search, seed: int) -> BaseSampler:
    """Return a sampler of the tree-structured Parzen estimator."""
    startup = _startup(search)
    return TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True, n_startup_trials=startup)


def independent(search: Search, seed: int) -> BaseSampler:
    """Return a sampler that draws every parameter by itself."""
    return samplers.RandomSampler(seed=seed)


def sobol(search: Search, seed: int) -> BaseSampler:
    """Return a sampler of a scrambled Sobol sequence, which keeps its place in the study.

    So it has the sweep's own seed.
    """
    return samplers.QMCSampler(
        scramble=True,
        seed=search.seed % SEEDS,
        warn_independent_sampling=False,
        independent_sampler=independent(search, seed),
    )


def cmaes(search: Search, seed: int) -> BaseSampler:
    """Return a sampler of the covariance matrix adaptation."""
    return CmaEs(
        seed=seed,
        consider_pruned_trials=True,
        warn_independent_sampling=False,
        independent_sampler=tpe(search, seed),
    )


def gaussian_process(search: Search, seed: int) -> BaseSampler:
    """Return a sampler of a Gaussian process, as long as the study is small enough for it."""
    first = samplers.GPSampler(seed=seed, n_startup_trials=_startup(search), warn_independent_sampling=False)
    return _AtFirst(first, tpe(search, seed), MOST_TRIALS_OF_GP)


def nsgaii(search: Search, seed: int) -> BaseSampler:
    """Return a sampler of the genetic algorithm."""
    return samplers.NSGAIISampler(seed=seed, population_size=min(50, max(4, search.trials // 4)))


def _startup(search: Search) -> int:
    """How many trials are drawn at random before a model is made of them."""
    return min(10, max(4, search.trials // 4))


def _of_class(method: SearchMethod, search: Search, seed: int) -> BaseSampler:
    takes = method.signature()
    seeded = {SEED: seed} if takes is None or takes.open_ended or SEED in takes.names else {}
    made = method.load()(**search.arguments, **seeded)
    if not isinstance(made, BaseSampler):
        raise InputError(f"{method.name} gives {type(made).__name__}, which is not a sampler of Optuna's")
    if type(made) is samplers.CmaEsSampler:
        made.__class__ = CmaEs  # which has no state of its own
    return made


class BruteForce(samplers.BruteForceSampler):
    """Without the end of the study: ``SearchStudy`` itself knows when everything was tried."""

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Nothing: Optuna's own stops ``Study.optimize``, which does not run here."""


class CmaEs(samplers.CmaEsSampler):
    """Keeps nothing in the study: its distribution follows from the trials of each generation.

    Optuna's own keeps it there as a pickle, which would run as code whatever somebody else has written in its place.
    """

    def _restore_optimizer(self, completed_trials: list[FrozenTrial]) -> None:
        """Return None, so that Optuna makes the distribution anew."""
        self._completed = completed_trials

    def _init_optimizer(self, trans: Any, direction: StudyDirection) -> Any:
        """Return the distribution after every generation that is whole."""
        optimizer = super()._init_optimizer(trans, direction)
        size = optimizer.population_size
        while len(told := self._get_solution_trials(self._completed, optimizer.generation)) >= size:
            optimizer.tell([self._solution(trial, trans, direction) for trial in told[:size]])
        return optimizer

    def _solution(self, trial: FrozenTrial, trans: Any, direction: StudyDirection) -> tuple[np.ndarray, float]:
        """Return the point that was asked for, and its value as one to minimize."""
        asked = np.array(trial.system_attrs["x_for_tell"]) if self._with_margin else trans.transform(trial.params)
        value = float(trial.values[0])
        return asked, value if direction == StudyDirection.MINIMIZE else -value


class _AtFirst(BaseSampler):
    """``first`` until the study has so many trials, and ``then`` from there on."""

    def __init__(self, first: BaseSampler, then: BaseSampler, trials: int) -> None:
        self._first, self._then, self._trials = first, then, trials

    def _of(self, trial: FrozenTrial) -> BaseSampler:
        return self._first if trial.number < self._trials else self._then

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._of(trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._of(trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._of(trial).sample_independent(study, trial, param_name, param_distribution)
