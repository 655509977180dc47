from __future__ import annotations

import json

import pytest

from condabox.conda.packages.inventory import PREFIX_MARK, PackageInventory
from condabox.decode import DecodeError

INVENTORY = PackageInventory(
    paths=("bin/a", "conda-meta/a-1-0.json", "share/d"),
    archive_size=5,
    timestamp=1_700_000_000,
    link_scripts=("bin/.a-post-link.sh",),
    activation={"etc/conda/activate.d/a.sh": f"export A={PREFIX_MARK}/b:{PREFIX_MARK}\n"},
    directories=("share/d",),
    site_packages="lib/python3.13t/site-packages",
)


@pytest.mark.parametrize("timestamp", [None, 5])
def test_json_round_trip(timestamp: int | None) -> None:
    inventory = PackageInventory(
        paths=("ä",), archive_size=0, timestamp=timestamp, link_scripts=(), activation={}
    )

    for each in (inventory, INVENTORY):
        assert PackageInventory.from_json(json.loads(json.dumps(each.to_json()))) == each


@pytest.mark.parametrize("key", ["paths", "archive_size", "link_scripts", "activation"])
def test_other_documents_are_refused(key: str) -> None:
    document = INVENTORY.to_json()
    del document[key]

    with pytest.raises(DecodeError, match=key):
        PackageInventory.from_json(document)
    with pytest.raises(DecodeError, match="expected a mapping"):
        PackageInventory.from_json([document])


def test_scripts_get_the_prefix_when_it_is_known() -> None:
    assert INVENTORY.activation_in("/opt/env") == {
        "etc/conda/activate.d/a.sh": "export A=/opt/env/b:/opt/env\n"
    }
