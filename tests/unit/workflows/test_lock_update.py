from __future__ import annotations

import pytest

from condabox.errors import SpecError
from condabox.workflows.lock_update import names_to_update


def test_any_spelling_of_a_name_is_that_name() -> None:
    assert names_to_update(["Ruamel.Yaml", "ruamel_yaml", "numpy"]) == {"ruamel-yaml", "numpy"}
    assert names_to_update(["_libgcc_mutex"])


@pytest.mark.parametrize(
    "name", ["", " ", "numpy=1", "numpy>=2", "a,b", "forge::numpy", "-n", "a\nb", "a\x1b[2J", "*"]
)
def test_what_is_no_name_is_told_as_it_is(name: str) -> None:
    with pytest.raises(SpecError, match="is not the name of a package") as caught:
        names_to_update(["numpy", name])
    assert repr(name) in caught.value.message
    assert caught.value.message.isprintable()
