"""The entries of the known functions of two coordinates, workloads without data."""

from __future__ import annotations

from optimizers import Hyperparameter
from optimizers.domains import Real
from trainables.data.no_data import SPREAD
from trainables.workloads.workload_entry import WorkloadEntry

_REFERENCES = {
    "Rosenbrock": "least value 0 at (1, 1); start (-1.2, 1)",
    "Beale": "least value 0 at (3, 0.5); start (1, 1)",
    "Himmelblau": "least value 0 at (3, 2) and three more; start (0, 0)",
    "Ackley": "least value 0 at (0, 0), where it has a kink; start (2.4, -1.7)",
    "Rastrigin": "least value 0 at (0, 0); start (2.3, 1.6)",
}

ENTRIES = tuple(
    WorkloadEntry(
        name=f"function/{class_name.lower()}",
        target=f"trainables.workloads.functions:{class_name}",
        data_module="trainables.data.no_data",
        model="a point (x, y), float64, 2 parameters; the seed draws its start",
        data="none; an epoch is 100 steps",
        metrics={"val/loss": "minimize", "val/steps_to_1e-6": "minimize", "val/distance": "minimize"},
        score="test/steps_to_1e-6",
        epochs=20,
        batch_size=1,
        reference=reference,
        score_note="A run that misses 1e-6 counts its steps once more for each decade that it lacks.",
        options={"spread": Hyperparameter(SPREAD, "how far from the usual start a run begins at most", Real(0, 2))},
    )
    for class_name, reference in _REFERENCES.items()
)
