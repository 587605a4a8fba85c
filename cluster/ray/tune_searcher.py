"""Ray Tune's view of a sweep's searcher."""

from __future__ import annotations

from typing import Any

from ray.tune.search import Searcher

from search_spaces.study.searcher import FINISHED, SweepSearcher


class TuneSearcher(Searcher):
    """Asks and tells a ``searcher`` for Tune. Results are heard by the scheduler, which Tune asks first."""

    def __init__(self, searcher: SweepSearcher) -> None:
        super().__init__(metric="objective", mode="min")
        self._searcher = searcher

    def suggest(self, trial_id: str) -> Any:
        """A config, None while there is none, ``Searcher.FINISHED`` at the end."""
        suggestion = self._searcher.suggest(trial_id)
        return Searcher.FINISHED if suggestion == FINISHED else suggestion

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Nothing: the scheduler has had it heard."""

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        self._searcher.on_trial_complete(trial_id, result, error)

    def set_search_properties(self, metric: str | None, mode: str | None, config: dict, **spec: Any) -> bool:
        return True

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles searchers for a snapshot that is never read: the study is what a resume reads."""
        return {}

    def save_to_dir(self, checkpoint_dir: str, session_str: str = "default") -> None:
        """Nothing to save, for the same reason."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""
