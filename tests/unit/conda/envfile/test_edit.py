"""An environment file is edited by name, and all that this does not concern keeps every byte."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from condabox.conda.envfile.edit import edited
from condabox.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

PATH = Path("envs") / "ai.yml"


def edit(text: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> str:
    return edited(text, path=PATH, add=add, remove=remove)


def failure(
    text: str, *, add: Sequence[str] = (), remove: Sequence[str] = (), path: Path = PATH
) -> tuple[str, str | None]:
    with pytest.raises(SpecError) as raised:
        edited(text, path=path, add=add, remove=remove)
    return raised.value.message, raised.value.hint


BLOCK = """\
name: ai
dependencies: # what is imported
  - python >=3.11
  # numpy is for the arrays
  - "numpy=1.26"   # until the model moves

  - libgomp  # [linux64]
  - conda-forge::Pandas
  # the rest comes from PyPI
  - pip:
      # no conda package
      - Some_Wheel==1.0   # pinned
# the end
condabox: {user: "1000:0"}
"""


def test_a_new_package_stands_behind_the_last_one() -> None:
    assert edit(BLOCK, add=["scipy>=1"]) == BLOCK.replace("Pandas\n", "Pandas\n  - scipy>=1\n")


@pytest.mark.parametrize(
    ("add", "old", "new"),
    [
        ("numpy=2", '"numpy=1.26"', '"numpy=2"'),
        ("libgomp >=13", "- libgomp ", "- libgomp >=13 "),
        ("pandas", "conda-forge::Pandas", "pandas"),
        ("main::PANDAS", "conda-forge::Pandas", "main::PANDAS"),
        ("pip:some-wheel", "Some_Wheel==1.0", "some-wheel"),
        ("pip: some.wheel [x] ==2", "Some_Wheel==1.0", "some.wheel [x] ==2"),
    ],
)
def test_what_is_there_already_is_replaced_in_its_place(add: str, old: str, new: str) -> None:
    assert edit(BLOCK, add=[add]) == BLOCK.replace(old, new)


def test_a_new_requirement_goes_to_the_pip_block() -> None:
    assert edit(BLOCK, add=["pip:other ==2"]) == BLOCK.replace(
        "# pinned\n", "# pinned\n      - other ==2\n"
    )


def test_a_pip_block_is_made_where_there_is_none() -> None:
    text = "dependencies:\n  - python\n  # end\nname: x\n"

    assert edit(text, add=["pip:a", "pip:b[c]==1"]) == (
        "dependencies:\n  - python\n  - pip:\n      - a\n      - b[c]==1\n  # end\nname: x\n"
    )


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("numpy", '  - "numpy=1.26"   # until the model moves\n'),
        ("LIBGOMP", "  - libgomp  # [linux64]\n"),
        ("pandas", "  - conda-forge::Pandas\n"),
    ],
)
def test_a_line_goes_with_its_comment_and_the_comments_above_stay(name: str, line: str) -> None:
    assert edit(BLOCK, remove=[name]) == BLOCK.replace(line, "")


@pytest.mark.parametrize("name", ["some-wheel", "some.wheel", "pip:Some_Wheel", "SOME-wheel"])
def test_the_last_requirement_takes_the_pip_block_with_it(name: str) -> None:
    assert edit(BLOCK, remove=[name]) == BLOCK.replace("  - pip:\n", "").replace(
        "      - Some_Wheel==1.0   # pinned\n", ""
    )


def test_a_name_goes_wherever_it_stands() -> None:
    text = (
        "dependencies:\n- python\n- tbb # [linux64]\n- tbb=1 # [osx]\n- pip:\n  - TBB\n  - other\n"
    )

    assert edit(text, remove=["tbb"]) == "dependencies:\n- python\n- pip:\n  - other\n"
    assert edit(text, remove=["pip:tbb"]) == text.replace("  - TBB\n", "")


def test_one_package_takes_the_place_of_another_that_was_the_only_one() -> None:
    assert edit("dependencies:\n- a\n", add=["b"], remove=["a"]) == "dependencies:\n- b\n"


@pytest.mark.parametrize(
    ("text", "add", "remove", "result"),
    [
        ("[a]", ["b"], [], "[a, b]"),
        ("[ a ]", ["b"], [], "[ a, b ]"),
        ("[a,]", ["b"], [], "[a, b,]"),
        ("[a, 'b']", ["b>=2,<3"], [], "[a, 'b>=2,<3']"),
        ("[a]", ["b>=2,<3"], [], '[a, "b>=2,<3"]'),
        ("[a]", ["b[version='>=2']"], [], "[a, \"b[version='>=2']\"]"),
        ("[a]", ['b[version=">=2"]'], [], "[a, 'b[version=\">=2\"]']"),
        ("[a, {pip: [x]}]", ["b"], [], "[a, b, {pip: [x]}]"),
        ("[{pip: [x]}]", ["b"], [], "[b, {pip: [x]}]"),
        ("[a, pip: [x]]", ["pip:y1"], [], "[a, pip: [x, y1]]"),
        ("[a]", ["pip:x==1"], [], "[a, {pip: [x==1]}]"),
        ("[a, b, c]", [], ["a"], "[b, c]"),
        ("[a, b, c]", [], ["b"], "[a, c]"),
        ("[a, b, c]", [], ["c"], "[a, b]"),
        ("[a, b,]", [], ["b"], "[a,]"),
        ("[a, {pip: [x, z]}]", [], ["x"], "[a, {pip: [z]}]"),
        ("[a, {pip: [x]}]", [], ["x"], "[a]"),
        ("[\n  a, # one\n  b, # two\n]", ["c"], [], "[\n  a, # one\n  b, # two\n  c,\n]"),
        ("[\n  a, # one\n  b # two\n]", ["c"], [], "[\n  a, # one\n  b, # two\n  c\n]"),
        ("[\n  a, # one\n  b # two\n]", [], ["b"], "[\n  a, # one\n]"),
        ("[\n  a, # one\n  b # two\n]", [], ["a"], "[\n  b # two\n]"),
        ("[a, # one\n b]", ["a=1"], [], "[a=1, # one\n b]"),
        ("[a,\n b,\n {pip: [x]}]", ["c"], [], "[a,\n b,\n c,\n {pip: [x]}]"),
        ("[a\n , b\n , c]", [], ["b"], "[a\n , c]"),
        ("[a\n , b]", ["c"], [], "[a\n , b, c]"),
        ("[a, b # one\n ]", ["c"], [], "[a, b, # one\n                  c\n ]"),
    ],
)
def test_lists_in_brackets_stay_lists_in_brackets(
    text: str, add: list[str], remove: list[str], result: str
) -> None:
    before, after = (f"dependencies: {one}\nname: x\n" for one in (text, result))

    assert edit(before, add=add, remove=remove) == after


@pytest.mark.parametrize(
    ("spec", "written"),
    [
        ("python>=3.11", "python>=3.11"),
        ("numpy=2.*", "numpy=2.*"),
        ("numpy >=2,<3", "numpy >=2,<3"),
        ("conda-forge::numpy", "conda-forge::numpy"),
        ("https://example.org/channel::numpy", "https://example.org/channel::numpy"),
        ("numpy[version='>=2']", "numpy[version='>=2']"),
        ("on", '"on"'),
        ("true", '"true"'),
        ("1e5", '"1e5"'),
        ("0x1f", '"0x1f"'),
        ("7zip", "7zip"),
        ("pip:w @ https://example.org/w-1-py3-none-any.whl#sha256=1", None),
        ("pip:w; python_version < '3.12'", None),
        ('pip:w; python_version < "3.12"', None),
    ],
)
def test_quotes_are_put_where_yaml_needs_them(spec: str, written: str | None) -> None:
    text = "dependencies:\n- a\n- pip:\n  - b\n"
    new = edit(text, add=[spec])

    plain = written or spec.removeprefix("pip:")
    assert f"- {plain}\n" in new
    value = [str(one) for one in flat(yaml.safe_load(new))]
    assert spec.removeprefix("pip:") in value


def flat(value: Any) -> list[Any]:
    found = value["dependencies"]
    return [entry for one in found for entry in (one["pip"] if isinstance(one, dict) else [one])]


@pytest.mark.parametrize(
    ("text", "add", "remove", "message", "hint"),
    [
        pytest.param(
            BLOCK,
            [],
            ["nunpy"],
            "envs/ai.yml:2: dependencies: nothing asks for 'nunpy'",
            "did you mean numpy?",
            id="near",
        ),
        pytest.param(
            BLOCK, [], ["zzz"], "nothing asks for 'zzz'", "there is libgomp, numpy", id="unknown"
        ),
        pytest.param(BLOCK, [], ["numpy=1.26"], "nothing asks for", "numpy?", id="spec"),
        pytest.param(BLOCK, [], [""], "nothing asks for ''", "there is", id="empty"),
        pytest.param(BLOCK, [], ["pip:numpy"], "nothing asks for 'numpy'", "did you", id="not-pip"),
        pytest.param(
            "dependencies:\n- a\n", [], ["a"], "nothing would be left", "asks for", id="last"
        ),
        pytest.param(
            "dependencies: [{pip: [a]}]", [], ["a"], "nothing would be left", "asks", id="last-pip"
        ),
        pytest.param(
            "dependencies:\n- a # [osx]\n- b\n- a # [linux64]\n",
            ["a=1"],
            [],
            "envs/ai.yml:2: dependencies[0]: a is asked for on lines 2 and 4, for different",
            "by hand",
            id="selectors",
        ),
        pytest.param(
            "dependencies:\n- a\n- a\n",
            ["b"],
            [],
            "asked for on line 2 and again",
            "join",
            id="twice",
        ),
        pytest.param(
            "dependencies: [a]\ndependencies: [b]\n", ["c"], [], "given twice", "", id="key"
        ),
        pytest.param(
            "dependencies:\n- &x a\n- b\n", ["c"], [], "not edited", "by hand", id="anchor"
        ),
        pytest.param(
            "x: &x [a]\ndependencies: *x\n", ["c"], [], "not edited", "by hand", id="alias"
        ),
        pytest.param(
            "x: &x a\ndependencies: [b, *x]\n", [], ["b"], "not edited", "by hand", id="alias-in"
        ),
        pytest.param(
            "x: &x [a]\ndependencies:\n- b\n- pip: *x\n",
            [],
            ["a"],
            "not edited",
            "",
            id="alias-pip",
        ),
        pytest.param(
            "dependencies:\n- >-\n  a\n- b\n", [], ["a"], "not edited", "by hand", id="folded"
        ),
        pytest.param("dependencies:\n-\n  a\n- b\n", [], ["a"], "not edited", "by hand", id="dash"),
        pytest.param("dependencies: [a # x\n , # y\n b]", [], ["b"], "not edited", "", id="commas"),
        pytest.param(
            "dependencies: []\n", ["a"], [], "names no package", "python", id="empty-list"
        ),
        pytest.param("name: x\n", ["a"], [], "names no package", "python", id="no-list"),
        pytest.param("[a]\n", ["a"], [], "expected a mapping", "", id="no-mapping"),
        pytest.param("dependencies: [a\n", ["a"], [], "is not YAML", "", id="no-yaml"),
        pytest.param(BLOCK, ["a", "A=1"], [], "a is named twice", "", id="add-twice"),
        pytest.param(BLOCK, ["numpy"], ["NumPy"], "numpy is named twice", "", id="both"),
        pytest.param(BLOCK, ["numpy>="], [], "--add: ", "write it", id="no-spec"),
        pytest.param(BLOCK, ["pip:-r x.txt"], [], "takes no file", "pip block", id="add-file"),
        pytest.param(BLOCK, ["pip:--requirement=x"], [], "takes no file", "", id="add-file-long"),
        pytest.param(BLOCK, ["pip:-e ."], [], "editable", "", id="add-editable"),
        pytest.param(
            BLOCK, ["pip:a=1"], [], "--add: ", "two equals signs", id="add-one-equals-sign"
        ),
        pytest.param(BLOCK, ["a\n- b"], [], "more than one line", "--add", id="add-break"),
        pytest.param(BLOCK, ["a\x85- b"], [], "more than one line", "", id="add-old-break"),
        pytest.param(BLOCK, ["a # [osx]"], [], "is not a", "", id="add-comment"),
        pytest.param(BLOCK, ["{pip: [a]}"], [], "is not a match spec", "", id="add-mapping"),
        pytest.param(BLOCK, ["*x"], [], "is not a match spec", "", id="add-alias"),
        pytest.param(
            BLOCK, ["pip:a @ https://x/a\n- b"], [], "more than one line", "", id="add-url"
        ),
        pytest.param(BLOCK, ["pip:a @ https://u:p@x/a"], [], "credentials", "", id="add-secret"),
        pytest.param(BLOCK, ["pip:"], [], "is not a pip requirement", "", id="add-nothing"),
    ],
)
def test_what_cannot_be_edited_is_explained(
    text: str, add: list[str], remove: list[str], message: str, hint: str
) -> None:
    found, found_hint = failure(text, add=add, remove=remove)

    assert message in found
    assert hint in (found_hint or "")
    assert "p@x" not in found


def test_what_an_included_file_asks_for_is_edited_there(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("One\ntwo==2\n")
    text = "dependencies:\n- a\n- pip:\n  - -r requirements.txt\n  - three\n"
    path = tmp_path / "ai.yml"

    for add, remove in ((["pip:one==1"], []), ([], ["two"])):
        message, hint = failure(text, add=add, remove=remove, path=path)
        assert message.startswith(f"{path}:4: dependencies[1].pip[0]: ")
        assert "stands in a file that `-r requirements.txt` includes" in message
        assert hint == "edit that file"
    assert edited(text, path=path, add=["pip:four"], remove=["three"]) == text.replace(
        "three", "four"
    )
