"""Text is read by YAML 1.2's core schema, keys are text, aliases are copies, and every line is known."""

from __future__ import annotations

import pytest
import yaml

from optimizers import InputError
from search_spaces.schema.yaml_source import dump_yaml, load_documents, load_yaml

AS_YAML_1_2 = {
    "off": "off", "Off": "off".capitalize(), "no": "no", "on": "on", "yes": "yes", "y": "y", "n": "n",
    "true": True, "False": False, "TRUE": True,
    "~": None, "null": None, "Null": None, "NULL": None, "none": "none",
    "010": 10, "0o10": 8, "0x1f": 31, "0b11": "0b11", "+7": 7, "-0": 0, "1_000": 1000, "_1": "_1",
    "1:30": "1:30", "1:30.5": "1:30.5", "2026-11-24": "2026-11-24", "2026-11-24 10:00:00": "2026-11-24 10:00:00",
    "=": "=",
    "1e-5": 1e-5, "1E3": 1000.0, "-2.5e+3": -2500.0, ".5": 0.5, "3.": 3.0, "1e": "1e", "1.5_0": "1.5_0",
    ".inf": float("inf"), "-.INF": float("-inf"),
}  # fmt: skip


@pytest.mark.parametrize("text", AS_YAML_1_2)
def test_plain_text_means_what_yaml_1_2_says(text: str) -> None:
    read = load_yaml(f"x: {text}", "x.yaml").data["x"]
    assert read == AS_YAML_1_2[text]
    assert type(read) is type(AS_YAML_1_2[text])


def test_an_empty_value_is_null() -> None:
    assert load_yaml("x:\ny: ''", "x.yaml").data == {"x": None, "y": ""}


def test_text_that_looks_like_something_else_is_quoted_for_both_versions_of_yaml() -> None:
    words = {text: text for text in (*AS_YAML_1_2, "<<", "")}
    assert load_yaml(dump_yaml(words), "x.yaml").data == words
    assert yaml.safe_load(dump_yaml(words)) == words


@pytest.mark.parametrize("name", ["no", "on", "off", "yes", "true", "null", "1", "1.5", "2026-11-24", "010"])
def test_a_key_is_text_on_its_line(name: str) -> None:
    document = load_yaml(f"arms:\n  {name}:\n    lr: 1", "x.yaml")
    assert document.data == {"arms": {name: {"lr": 1}}}
    assert str(document.place(("arms", name, "lr"))) == "x.yaml:3"


def test_what_an_alias_repeats_is_a_copy() -> None:
    data = load_yaml("a: &a {x: [1]}\nb: *a\nc: {<<: *a, y: 2}\nd: {<<: [*a, {z: 3}]}", "x.yaml").data
    data["a"]["x"].append(9)
    data["c"]["x"].append(8)
    assert data == {"a": {"x": [1, 9]}, "b": {"x": [1]}, "c": {"x": [1, 8], "y": 2}, "d": {"x": [1], "z": 3}}


def test_what_is_merged_stands_where_it_was_written() -> None:
    document = load_yaml("a: &a\n  x: 1\n  y: 2\nb:\n  <<: *a\n  y: 3", "x.yaml")
    assert [str(document.place(("b", key))) for key in "xy"] == ["x.yaml:2", "x.yaml:6"]


def test_keys_that_stand_twice_are_all_told() -> None:
    with pytest.raises(InputError) as refused:
        load_yaml("a: 1\nb: {c: 1, c: 2}\na: 3", "x.yaml")
    assert str(refused.value).splitlines() == [
        "x.yaml:2: b.c: duplicate key; it stands already at x.yaml:2",
        "x.yaml:3: a: duplicate key; it stands already at x.yaml:1",
    ]
    assert [problem.path for problem in refused.value.problems] == [("b", "c"), ("a",)]


def test_a_launch_file_is_read_as_ray_and_kubernetes_read_it() -> None:
    assert [one.data for one in load_documents("use_internal_ips: yes\n---\nport: 010", "x.yaml")] == [
        {"use_internal_ips": True},
        {"port": 8},
    ]


@pytest.mark.parametrize("text", ["[1, 2]: 3", "{a: 1}: 3"])
def test_a_key_that_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^x.yaml:1: not valid YAML: a key must be a name"):
        load_yaml(text, "x.yaml")
