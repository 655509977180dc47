"""The law of editing: what YAML reads changes as asked, and of the lines only those that must."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from condabox.conda.envfile.edit import edited
from condabox.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence


def edit(text: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> str:
    return edited(text, path=Path("ai.yml"), add=add, remove=remove)


@dataclass(frozen=True, kw_only=True)
class Sketch:
    """An environment file in one of the many ways in which people write them."""

    text: str
    conda: tuple[str, ...]
    pip: tuple[str, ...]
    block: bool

    def data(self, text: str) -> Any:
        """Read ``text`` by both YAML readers, which must agree."""
        found = YAML(typ="safe", pure=True).load(text)
        assert found == yaml.safe_load(text.removeprefix("\ufeff"))
        return found


NAMES = ("python", "numpy", "on", "a.b", "x-y", "z_1", "7zip")
SPECS = st.sampled_from(["", "=1", ">=1,<2", " >=1", "==1.*", "[version='>=1']"])
REQUIREMENTS = st.sampled_from(
    ["", "==1", ">=1,<2", " ~=1.0", "[extra]==1", "; python_version<'4'"]
)
BLANK = st.sampled_from(["", "# a comment", "  # [indented]", "   "])
COMMENT = st.sampled_from(["", "  # why", " # [linux64]"])
QUOTE = st.sampled_from(["'", '"'])


@st.composite
def sketches(draw: st.DrawFn) -> Sketch:
    names = draw(st.permutations(NAMES))
    size = draw(st.integers(1, 4))
    conda = [name + draw(SPECS) for name in names[:size]]
    pip = [name + draw(REQUIREMENTS) for name in names[size : size + draw(st.integers(0, 3))]]
    block = draw(st.booleans())
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    lines = draw(st.sampled_from([[], ["---"], ["# head", ""]]))
    lines += ["name: 'x'  # name", *(_block if block else _flow)(draw, conda, pip)]
    lines += draw(st.sampled_from([[], ["# tail"], ["", "channels: [c]", 'k: "v"']]))
    text = newline.join(lines) + draw(st.sampled_from(["", newline]))
    return Sketch(
        text=draw(st.sampled_from(["", "\ufeff"])) + text,
        conda=tuple(conda),
        pip=tuple(pip),
        block=block,
    )


def _quoted(draw: st.DrawFn, spec: str) -> str:
    quote = draw(QUOTE)
    doubled = spec.replace("'", "''") if quote == "'" else spec
    return quote + doubled + quote


def _written(draw: st.DrawFn, spec: str) -> str:
    plain = spec != "on" and draw(st.booleans())
    return spec if plain else _quoted(draw, spec)


def _block(draw: st.DrawFn, conda: list[str], pip: list[str]) -> list[str]:
    indent = draw(st.sampled_from(["", "  ", "    "]))
    dash = draw(st.sampled_from(["- ", "-   "]))
    lines = ["dependencies:  # all"]
    for spec in conda:
        lines += draw(st.lists(BLANK, max_size=1))
        lines.append(f"{indent}{dash}{_written(draw, spec)}{draw(COMMENT)}")
    if pip:
        lines.append(f"{indent}{dash}pip:")
        deeper = indent + draw(st.sampled_from(["      ", "    "]))
        for spec in pip:
            lines += draw(st.lists(BLANK, max_size=1))
            lines.append(f"{deeper}- {_written(draw, spec)}{draw(COMMENT)}")
    return lines


def _flow(draw: st.DrawFn, conda: list[str], pip: list[str]) -> list[str]:
    items = [_quoted(draw, spec) for spec in conda]
    if pip:
        items.append(f"{{pip: [{', '.join(_quoted(draw, spec) for spec in pip)}]}}")
    if draw(st.booleans()):
        return [f"dependencies: [{', '.join(items)}]  # all"]
    comments = [draw(COMMENT) if "{" not in item else "  # why" for item in items]
    lines = [f"  {item},{comment}" for item, comment in zip(items, comments, strict=True)]
    return ["dependencies: [", *lines, "]"]


def changed_lines(before: str, after: str) -> tuple[list[str], list[str]]:
    found = list(
        difflib.ndiff(
            before.splitlines(keepends=True), after.splitlines(keepends=True), charjunk=None
        )
    )
    return (
        [line[2:] for line in found if line.startswith("- ")],
        [line[2:] for line in found if line.startswith("+ ")],
    )


def with_entries(data: Any, conda: Sequence[str], pip: Sequence[str]) -> Any:
    return {**data, "dependencies": [*conda, *([{"pip": [*pip]}] if pip else [])]}


@given(sketch=sketches(), spec=SPECS)
def test_adding_a_package_adds_it_and_changes_nothing_else(sketch: Sketch, spec: str) -> None:
    new = "new" + spec
    after = edit(sketch.text, add=[new])

    expected = with_entries(sketch.data(sketch.text), [*sketch.conda, new], sketch.pip)
    assert sketch.data(after) == expected
    if sketch.block:
        gone, come = changed_lines(sketch.text, after)
        assert len(come) == 1 + len(gone)
        assert [line.rstrip("\r\n") for line in gone] == [line.rstrip("\r\n") for line in come[:-1]]
    assert edit(after, remove=["new"]) == sketch.text or not sketch.block


@given(sketch=sketches(), spec=REQUIREMENTS)
def test_adding_a_requirement_adds_it_and_changes_nothing_else(sketch: Sketch, spec: str) -> None:
    new = "new" + spec
    after = edit(sketch.text, add=[f"pip:{new}"])

    expected = with_entries(sketch.data(sketch.text), sketch.conda, [*sketch.pip, new])
    assert sketch.data(after) == expected
    if sketch.block:
        assert edit(after, remove=["new"]) == sketch.text


@given(data=st.data(), sketch=sketches())
def test_replacing_changes_one_line(data: st.DataObject, sketch: Sketch) -> None:
    index = data.draw(st.integers(0, len(sketch.conda) - 1))
    name = next(one for one in NAMES if sketch.conda[index].startswith(one))
    new = name + data.draw(SPECS)
    after = edit(sketch.text, add=[new])

    conda = [*sketch.conda[:index], new, *sketch.conda[index + 1 :]]
    expected = with_entries(sketch.data(sketch.text), conda, sketch.pip)
    assert sketch.data(after) == expected
    gone, come = changed_lines(sketch.text, after)
    assert len(gone) == len(come) <= 1


@given(data=st.data(), sketch=sketches())
def test_removing_takes_out_one_entry(data: st.DataObject, sketch: Sketch) -> None:
    every = (*sketch.conda, *sketch.pip)
    index = data.draw(st.integers(0, len(every) - 1))
    name = next(one for one in NAMES if every[index].startswith(one))
    if len(every) == 1:
        with pytest.raises(SpecError, match="nothing would be left"):
            edit(sketch.text, remove=[name])
        return
    after = edit(sketch.text, remove=[name])

    kept = [spec for number, spec in enumerate(every) if number != index]
    conda = kept[: len(sketch.conda) - (index < len(sketch.conda))]
    expected = with_entries(sketch.data(sketch.text), conda, kept[len(conda) :])
    assert sketch.data(after) == expected
    if sketch.block:
        gone, come = changed_lines(sketch.text, after)
        # A blank line that has become the last one is a line no more where nothing ends it
        gone, come = ([line for line in lines if line.strip()] for lines in (gone, come))
        assert len(gone) - len(come) in {1, 2}
        assert set(come) <= {line.rstrip("\r\n") for line in gone}


@given(
    text=st.text(alphabet="ab-:[]{},&*!|>'\"# \n\r\t0[]", max_size=60),
    add=st.text(max_size=8),
    remove=st.text(alphabet="abpi:-", max_size=4),
)
def test_no_text_raises_anything_but_a_spec_error(text: str, add: str, remove: str) -> None:
    text = "dependencies:\n- a\n" + text
    for change in ({"add": [add]}, {"remove": [remove]}, {"add": ["b"]}, {"remove": ["a"]}):
        try:
            found = edit(text, **change)
        except SpecError:
            continue
        assert YAML(typ="safe", pure=True).load(found)["dependencies"]
