"""Tables become numbers and categories by their training rows alone; what cannot be used is named with its row."""

from __future__ import annotations

import dataclasses
import gzip
import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import trainables
from optimizers import InputError
from trainables import TrialSpec
from trainables.data.splits import DataSet
from trainables.training.training_run import Training, open_training

ROWS = 200


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path / "cache"))
    torch.set_num_threads(1)


def houses(rows: int = ROWS) -> pd.DataFrame:
    """Numbers, one of them with gaps, truth values, texts, and a target that follows from all of them."""
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "area": draw.normal(100, 30, rows).round(2),
            "rooms": draw.integers(1, 6, rows),
            "garden": draw.random(rows) < 0.5,
            "town": draw.choice(["Bonn", "Mainz", "Trier"], rows),
        }
    )
    frame["price"] = (
        3 * frame["area"] + 20 * frame["garden"] + 50 * (frame["town"] == "Bonn") + draw.normal(0, 1, rows)
    ).round(3)
    frame["dear"] = np.where(frame["price"] > frame["price"].median(), "yes", "no")
    frame.loc[frame.index % 10 == 3, "area"] = np.nan
    return frame


def written(frame: pd.DataFrame, folder: Path, name: str = "houses.csv", **how: Any) -> dict[str, Any]:
    path = folder / name
    frame.to_parquet(path) if name.endswith(".parquet") else frame.to_csv(path, index=False, **how)
    return {"file": str(path), "target": "price", "drop": ["dear"]}


def data_of(options: dict[str, Any]) -> DataSet:
    return trainables.get("mlp/table").load_data(Path("nowhere"), options)


def refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        trainables.get("mlp/table").obtain_data(Path("nowhere"), options)
    assert len(str(error.value).splitlines()) == 1


def test_columns_become_numbers_gaps_and_categories_of_the_training_rows(tmp_path: Path) -> None:
    frame, options = houses(), written(houses(), tmp_path)
    data = data_of(options)
    assert data.schema["numbers"] == 4, "area, rooms, garden, and where area is missing"
    assert data.schema["categories"] == [3]
    assert [len(split.inputs) for split in (data.train, data.validation, data.test)] == [140, 30, 30]
    inputs = data.train.inputs.double()
    assert inputs[:, :3].mean(0).abs().max() < 1e-6
    assert inputs[:, 1:3].std(0, correction=0).tolist() == pytest.approx([1, 1], abs=1e-6)
    missing = torch.cat([split.inputs for split in (data.train, data.validation, data.test)])[:, 3]
    assert missing.sum() == frame["area"].isna().sum()
    assert set(data.train.inputs[:, 4].tolist()) == {1, 2, 3}
    targets = data.train.targets * data.schema["deviation"] + data.schema["mean"]
    assert data.train.targets.dtype == torch.float32
    known = set(frame["price"])
    assert all(min(abs(price - one) for one in known) < 1e-3 for price in targets.tolist())


def test_nothing_of_the_held_out_rows_reaches_the_training_rows(tmp_path: Path) -> None:
    """Whatever stands in held-out rows, the training inputs are the same to the last bit."""
    frame = houses()
    before = data_of(written(frame, tmp_path))
    held_out = [row for row in range(ROWS) if not _is_in(frame, row, before)]
    assert len(held_out) == 60
    frame.loc[held_out, "rooms"] += 1_000_000
    frame.loc[held_out, "town"] = "Neu-" + frame["town"]
    after = data_of(written(frame, tmp_path, "changed.csv"))
    assert torch.equal(before.train.inputs, after.train.inputs)
    assert set(after.test.inputs[:, 4].tolist()) == {0}, "towns that the training rows do not have"
    assert before.fingerprint != after.fingerprint


def _is_in(frame: pd.DataFrame, row: int, data: DataSet) -> bool:
    target = (frame["price"][row] - data.schema["mean"]) / data.schema["deviation"]
    return bool((data.train.targets - target).abs().min() < 1e-6)


def test_equal_rows_are_in_the_same_split_and_the_run_says_so(tmp_path: Path) -> None:
    frame = pd.concat([houses().dropna()] * 2, ignore_index=True)
    data = data_of(written(frame, tmp_path))
    parts = [{tuple(row) for row in split.inputs.tolist()} for split in (data.train, data.validation, data.test)]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]
    assert data.note == "180 of 360 rows repeat others; equal rows are in the same split"


def test_every_form_of_a_file_is_the_same_table(tmp_path: Path) -> None:
    frame = houses()
    forms = [
        written(frame, tmp_path, "a.csv"),
        written(frame, tmp_path, "b.csv", sep=";"),
        written(frame, tmp_path, "c.tsv", sep="\t"),
        written(frame, tmp_path, "d.parquet"),
        written(frame.astype({"town": "category"}), tmp_path, "e.parquet"),
    ]
    packed = tmp_path / "f.csv.gz"
    packed.write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    marked = tmp_path / "g.csv"
    marked.write_bytes(b"\xef\xbb\xbf" + (tmp_path / "a.csv").read_bytes().replace(b"\n", b"\r\n"))
    first, *others = [
        data_of(one) for one in (*forms, {**forms[0], "file": str(packed)}, {**forms[0], "file": str(marked)})
    ]
    for other in others:
        assert torch.equal(first.train.inputs, other.train.inputs)
        assert torch.equal(first.test.targets, other.test.targets)


@pytest.mark.parametrize(
    ("target", "task", "classes"),
    [
        ("price", "regression", 1),
        ("dear", "classification", 2),
        ("rooms", "classification", 5),
        ("garden", "classification", 2),
    ],
)
def test_the_task_follows_from_the_target_and_decides_on_metrics_and_score(
    tmp_path: Path, target: str, task: str, classes: int
) -> None:
    entry = trainables.get("mlp/table")
    options = entry.check_options({**written(houses(), tmp_path), "target": target, "drop": []})
    assert (options["task"], options["dataset"]) == (task, None)
    assert entry.check_options(options) == options
    data = data_of(options)
    assert data.classes == classes
    score = ("test/accuracy", "maximize") if task == "classification" else ("test/rmse", "minimize")
    assert entry.score_with(options) == score
    training = trained(options, epochs=1)
    told = {name.removeprefix("val/") for name in entry.metrics_with(options)}
    assert set(training.workload.evaluate(training.model, data.test)) == told


def trained(options: dict[str, Any], epochs: int = 30, **changes: Any) -> Training:
    options = trainables.get("mlp/table").check_options(options)
    spec = TrialSpec("mlp/table", epochs, 32, "adam", {"lr": 3e-3}, seed=1, options=options)
    training = open_training(dataclasses.replace(spec, **changes), data_of(options), torch.device("cpu"))
    training.advance(10_000)
    return training


def test_it_learns_a_number_in_the_targets_own_unit(tmp_path: Path) -> None:
    frame = houses(600).dropna()
    training = trained({**written(frame, tmp_path), "dropout": 0.05}, epochs=60)
    rmse = training.test_metrics()["test/rmse"]
    assert rmse < 0.15 * frame["price"].std()
    predicted = training.model.eval()(training.data.test.inputs).squeeze(1)
    residuals = (predicted - training.data.test.targets) * training.data.schema["deviation"]
    assert rmse == pytest.approx(residuals.square().mean().sqrt().item(), rel=1e-5)


def test_a_category_that_was_never_trained_adds_nothing(tmp_path: Path) -> None:
    training = trained(written(houses(), tmp_path), epochs=2)
    model: Any = training.model
    assert not model.embeddings[0].weight[0].any()
    assert model.embeddings[0].weight[1:].all()


@pytest.mark.parametrize("name", ["wine", "diabetes"])
@pytest.mark.parametrize("how", [{}, {"accumulate": 2, "precision": "bfloat16"}], ids=["plain", "accumulated bfloat16"])
def test_an_interrupted_run_equals_an_uninterrupted_one(name: str, how: dict[str, Any]) -> None:
    options = {"dataset": name, "dropout": 0.2}
    whole = trained(options, epochs=3, training=how)
    part = open_training(whole.spec, whole.data, torch.device("cpu"))
    part.advance(whole.total_steps - 3)
    file = io.BytesIO()
    torch.save(part.state_dict(), file)
    file.seek(0)
    torch.manual_seed(99)
    resumed = open_training(whole.spec, whole.data, torch.device("cpu"))
    resumed.load_state_dict(torch.load(file, weights_only=True))
    resumed.advance(10_000)
    assert resumed.weights_sha256() == whole.weights_sha256()
    assert resumed.test_metrics() == whole.test_metrics()


def test_accumulated_gradients_of_a_number_are_those_of_the_batch() -> None:
    whole, parts = (trained({"dataset": "diabetes"}, epochs=1, training={"accumulate": n}) for n in (1, 3))
    for p, q in zip(whole.model.parameters(), parts.model.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-4, atol=1e-5)


def test_a_relative_file_is_recorded_by_its_full_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = written(houses(), tmp_path)
    monkeypatch.chdir(tmp_path)
    checked = trainables.get("mlp/table").check_options({**options, "file": "houses.csv"})
    assert checked["file"] == options["file"]


def test_data_is_known_again_by_its_contents_and_what_is_read_of_it(tmp_path: Path) -> None:
    entry, options = trainables.get("mlp/table"), written(houses(), tmp_path)
    recorded = data_of(options).fingerprint
    (tmp_path / "elsewhere").mkdir()
    moved = written(houses(), tmp_path / "elsewhere", "other.csv")
    assert entry.is_recorded_data(recorded, Path(), moved)
    assert not entry.is_recorded_data(recorded, Path(), {**moved, "drop": ["dear", "town"]})
    assert not entry.is_recorded_data(recorded, Path(), {**moved, "target": "rooms"})


def changed(**columns: Any) -> pd.DataFrame:
    return houses().assign(**columns)


def in_row(row: int, column: str, value: object) -> pd.DataFrame:
    frame = houses()
    values = frame[column].astype(object)
    values[row - 1] = value
    return frame.assign(**{column: values})


@pytest.mark.parametrize(
    ("frame", "options", "said"),
    [
        (in_row(7, "price", None), {}, r"houses\.csv: the target 'price' is missing in row 7; leave out the rows"),
        (in_row(7, "price", math.inf), {}, r"the target 'price' is infinite in row 7"),
        (changed(price=5.0), {"task": "regression"}, r"the target 'price' is 5 in every row; there is nothing"),
        (changed(dear="yes"), {"target": "dear", "drop": []}, r"the target 'dear' has one class, yes, in every row"),
        (in_row(9, "dear", "maybe"), {"target": "dear", "drop": []},
         r"class maybe of the target 'dear' has 1 different rows; each class"),
        (houses(), {"task": "classification"}, r"the target 'price' is [\d.]+ in row 1, and classes are texts"),
        (houses(), {"target": "dear", "drop": [], "task": "regression"}, r"the target 'dear' is not a number in"),
        (houses(), {"target": "prize"},
         r"no column 'prize', which the option target names; .* Did you mean \"price\"\?"),
        (houses(), {"drop": ["toWn"]}, r"no column 'toWn', which the option drop names; .* Did you mean \"town\"\?"),
        (houses(), {"categories": ["x"]}, r"no column 'x', which the option categories names"),
        (houses(), {"drop": ["dear", "area", "rooms", "garden", "town"]}, r"no column is left to predict 'price' from"),
        (in_row(4, "area", math.inf), {}, r"column 'area' is infinite in row 4"),
        (in_row(5, "rooms", "?"), {}, r"column 'rooms' holds '\?' in row 5, and numbers in most others; leave out"),
        (changed(area=np.nan), {}, r"column 'area' is empty; drop it"),
        (changed(sold="2024-05-01"), {}, r"column 'sold' holds dates or times; write them as numbers"),
        (changed(name=[f"house {i}" for i in range(ROWS)]), {}, r"column 'name' has 200 different texts in 200 rows"),
        (houses().iloc[:0], {}, r"houses\.csv: there is no row below the names of the columns"),
        (houses().iloc[:12], {"task": "regression"}, r"there are 12 different rows, at least 20 are needed"),
        (houses().reset_index().rename(columns={"index": ""}), {}, r"a column has no name, .*drop: \[\"Unnamed: 0\"\]"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_used_is_refused_before_a_sweep(
    tmp_path: Path, frame: pd.DataFrame, options: dict[str, Any], said: str
) -> None:
    refused({**written(frame, tmp_path), **options}, said)


@pytest.mark.parametrize(
    ("name", "contents", "said"),
    [
        ("a.csv", b"", r"a\.csv: this file is empty"),
        ("a.csv", b"\n\n", r"a\.csv: this file is empty"),
        ("a.csv", "price,größe\n1,2\n".encode("latin-1"), r"a\.csv: this is no UTF-8 text; write it as UTF-8"),
        (
            "a.csv",
            b"price,b\n1,2\n1,2,3\n",
            r"a\.csv: this table cannot be read \(.*Expected 2 fields in line 3, saw 3",
        ),
        ("a.csv", b"price,b\n" + b"1,2,3\n" * 30, r"a\.csv: this table cannot be read \(Length of header"),
        ("a.csv", b"price,b,b\n1,2,3\n", r"a\.csv: two columns are called 'b'; give each a name of its own"),
        ("a.csv.gz", b"price,b\n1,2\n", r"a\.csv\.gz: this table cannot be read \(Not a gzipped file"),
        ("a.parquet", b"price,b\n1,2\n", r"a\.parquet: this table cannot be read \("),
        ("a.xlsx", b"PK", r"a\.xlsx: this is no table that is read; write it as one of \.csv, "),
        ("", b"", r"absent\.csv: there is no such file; correct mlp/table's option file"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, contents: bytes, said: str) -> None:
    path = tmp_path / (name or "absent.csv")
    if name:
        path.write_bytes(contents)
    refused({"file": str(path), "target": "price"}, said)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dataset": "titanic"}, r"dataset must be one of breast_cancer, diabetes, digits, iris, wine, got 'titanic'"),
        ({"dataset": "off"}, "it needs a file or a dataset"),
        ({"drop": ["target"]}, "'target' is the target, so drop cannot name it"),
        ({"hidden": []}, r"hidden must be a list of 1 to 1000 whole numbers in \[1, 65536\]"),
        ({"hidden": [16, 0]}, r"hidden\[1\] must be a whole number in \[1, 65536\], got 0"),
        ({"drop": "alcohol"}, "drop must be a list of texts, got 'alcohol'"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        trainables.get("mlp/table").check_options(options)


def test_numbers_that_are_categories_are_embedded(tmp_path: Path) -> None:
    data = data_of({**written(houses(), tmp_path), "categories": ["rooms"]})
    assert (data.schema["numbers"], data.schema["categories"]) == (3, [5, 3])


def test_a_parquet_files_own_types(tmp_path: Path) -> None:
    dates = changed(sold=pd.Timestamp("2024-05-01"))
    refused(written(dates, tmp_path, "a.parquet"), r"a\.parquet: column 'sold' holds dates or times")
    lists = changed(parts=[[1, 2]] * ROWS)
    refused(written(lists, tmp_path, "b.parquet"), r"column 'parts' holds values that are neither numbers nor texts")
    decimals = changed(area=houses()["area"].fillna(1).map(lambda value: __import__("decimal").Decimal(str(value))))
    assert data_of(written(decimals, tmp_path, "c.parquet")).schema["numbers"] == 3


SWEEP = """
name: {name}
workload: {{name: mlp/table, epochs: 2, options: {options}}}
metric: {{name: {metric}}}
baseline: adam
arms: {{adam: {{optimizer: adam, parameters: {{lr: {{value: 0.01}}}}}}}}
search: {{method: random, trials: 1}}
scheduler: {{type: none}}
confirm: {{top_k: 1, seeds: [1]}}
"""


def test_a_sweep_looks_only_at_metrics_of_its_task(command_line: Callable[..., Any]) -> None:
    folder = command_line.folder  # pyright: ignore[reportFunctionMemberAccess]
    written(houses(), folder)
    named = json.dumps({"file": "houses.csv", "target": "price", "drop": ["dear"]})
    (folder / "a.yaml").write_text(SWEEP.format(name="a", options=named, metric="val/rmse"))
    assert command_line("validate", "a.yaml").returncode == 0
    (folder / "b.yaml").write_text(SWEEP.format(name="b", options=named, metric="val/accuracy"))
    ended = command_line("validate", "b.yaml")
    assert ended.returncode == 2
    assert "mlp/table measures val/accuracy only with workload.options.task: classification" in ended.stderr
