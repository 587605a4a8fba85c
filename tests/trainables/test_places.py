"""Options that name files and folders: which of them lead out of the data folder."""

from __future__ import annotations

import pytest

import trainables
from optimizers import InputError

IN_FOLDERS = [name for name in trainables.names() if "folder" in trainables.get(name).options]


def test_many_workloads_have_a_folder() -> None:
    assert {"lstm/text", "gpt/text", "vit/folder", "torchvision/folder", "resnet18/imagenet"} <= set(IN_FOLDERS)


@pytest.mark.parametrize("name", IN_FOLDERS)
@pytest.mark.parametrize("folder", ["..", "../..", "a/../../b", "/data/../etc", ""])
def test_no_folder_leads_out_of_the_data_folder(name: str, folder: str) -> None:
    with pytest.raises(InputError, match="folder must be a folder in the data folder, or the full path of one, got"):
        trainables.get(name).check_options({"folder": folder})


def test_what_lies_outside_of_the_data_folder_is_known() -> None:
    images, table, gan = (trainables.get(name) for name in ("vit/folder", "mlp/table", "dcgan/mnist"))
    assert images.places_among({"folder": "mine", "resolution": 32}) == {}
    assert images.places_among({"folder": "/mine", "resolution": 32}) == {"folder": "/mine"}
    assert table.places_among({"file": "houses.csv", "dataset": None}) == {"file": "houses.csv"}
    assert gan.places_among({"inception": None, "width": 8}) == {}
    assert gan.places_among({"inception": "/weights.pth"}) == {"inception": "/weights.pth"}
