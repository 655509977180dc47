from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from condabox.conda.lockfiles.plainyaml import read_plain_yaml
from condabox.conda.lockfiles.seal import seal, seal_base

words = st.text("ab1.", min_size=1, max_size=4)
entries = st.lists(
    st.fixed_dictionaries(
        {
            "name": words,
            "version": words,
            "manager": st.sampled_from(["conda", "pip"]),
            "url": words,
            "hash": st.dictionaries(st.sampled_from(["md5", "sha256"]), words),
            "category": words,
            "dependencies": st.dictionaries(words, words, max_size=3),
        }
    ),
    max_size=4,
)


@given(entries, st.randoms(use_true_random=False))
def test_order_and_spelling_do_not_matter(packages: list[dict[str, Any]], random: Any) -> None:
    mixed = [dict(random.sample(sorted(each.items()), len(each))) for each in packages]
    random.shuffle(mixed)

    written = read_plain_yaml(yaml.safe_dump(mixed, default_style='"', indent=8).encode())
    assert seal(written, inputs="x") == seal(packages, inputs="x")  # type: ignore[arg-type]


@given(entries, entries)
def test_packages_that_differ_have_another_seal(
    one: list[dict[str, Any]], other: list[dict[str, Any]]
) -> None:
    same = sorted(map(repr, map(_sorted, one))) == sorted(map(repr, map(_sorted, other)))

    assert (seal(one, inputs="x") == seal(other, inputs="x")) is same


@given(entries)
def test_other_inputs_have_another_seal(packages: list[dict[str, Any]]) -> None:
    assert seal(packages, inputs="x") != seal(packages, inputs="y")


names = st.none() | words


@given(st.tuples(names, names, words), st.tuples(names, names, words))
def test_bases_that_differ_have_another_seal(
    one: tuple[str | None, str | None, str], other: tuple[str | None, str | None, str]
) -> None:
    first, second = (seal_base(name, digest, subdir=s) for name, digest, s in (one, other))

    assert (first == second) is (one == other)


def test_what_is_nested_without_end_is_not_followed() -> None:
    lines = ["- &a0 x", *(f"- &a{n} [{f'*a{n - 1}, ' * 9}]" for n in range(1, 40))]
    levels = read_plain_yaml("\n".join(lines).encode())

    entry = {"name": levels, "dependencies": {"a": levels}}
    assert seal([entry], inputs="x") != seal([{"name": "a"}], inputs="x")


def _sorted(value: object) -> object:
    return sorted((k, _sorted(v)) for k, v in value.items()) if isinstance(value, dict) else value
