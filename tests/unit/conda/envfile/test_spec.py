"""environment.yml is read as conda and conda-lock read it, and its mistakes are explained."""

from __future__ import annotations

import importlib
import json
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.conda.envfile.dependencies import SELECTORS
from condabox.conda.envfile.section import DevSection, Healthcheck, ImageSection
from condabox.conda.envfile.spec import read_environment
from condabox.errors import SpecError
from condabox.platforms import SUBDIRS

if TYPE_CHECKING:
    from condabox.conda.envfile.spec import EnvironmentSpec

ENVIRONMENTS = Path(__file__).parents[4] / "envs"


def read(folder: Path, text: str) -> EnvironmentSpec:
    path = folder / "x.yml"
    path.write_text(text)
    return read_environment(path)


def read_dependencies(folder: Path, lines: str) -> EnvironmentSpec:
    return read(folder, f"channels: [conda-forge]\nplatforms: [linux-64]\ndependencies:\n{lines}")


def failure(folder: Path, text: str) -> tuple[str, str | None]:
    with pytest.raises(SpecError) as raised:
        read(folder, text)
    return raised.value.message.removeprefix(f"{folder / 'x.yml'}:"), raised.value.hint


def dependencies_failure(folder: Path, lines: str) -> tuple[str, str | None]:
    return failure(folder, f"channels: [conda-forge]\ndependencies:\n{lines}")


def test_the_whole_file_is_read(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """
name: ai
channels: [conda-forge, nodefaults, https://c.example/pkgs/]
dependencies:
  - python =3.12
  - pytorch::pytorch
  - libgomp  # [linux]
  - pip
  - pip:
    - some-wheel==1.0
    - other ; sys_platform == 'linux'  # [aarch64]
platforms: [linux-64, linux-aarch64, osx-arm64]
variables: {TOKENIZERS_PARALLELISM: "false", THREADS: 4}
prefix: /home/ann/envs/ai
condabox:
  cuda: "12.8"
  dev: {dependencies: [ipdb]}
""",
    )

    assert found.path == tmp_path / "x.yml"
    assert found.name == "ai"
    assert found.channels == ("conda-forge", "https://c.example/pkgs")
    assert found.platforms == ("linux-64", "linux-aarch64", "osx-arm64")
    assert found.variables == {"TOKENIZERS_PARALLELISM": "false", "THREADS": "4"}
    assert found.image == ImageSection(cuda="12.8", dev=DevSection(dependencies=("ipdb",)))
    assert found.match_specs("linux-64") == (
        "python =3.12", "pytorch::pytorch", "libgomp", "pip",
    )  # fmt: skip
    assert found.match_specs("osx-arm64") == ("python =3.12", "pytorch::pytorch", "pip")
    assert found.pip_requirements("linux-64") == ("some-wheel==1.0",)
    assert found.pip_requirements("linux-aarch64") == (
        "some-wheel==1.0",
        "other ; sys_platform == 'linux'",
    )
    assert [one.line for one in (*found.dependencies, *found.pip)] == [5, 6, 7, 8, 10, 11]


def test_the_name_is_the_files_where_it_has_none(tmp_path: Path) -> None:
    assert read_dependencies(tmp_path, "  - python").name == "x"


def test_the_form_of_one_line_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, "channels: [c]\ndependencies: [python=3.12, {pip: [some-wheel==1.0]}]\n")

    assert [one.text for one in found.dependencies] == ["python=3.12"]
    assert [one.text for one in found.pip] == ["some-wheel==1.0"]


@pytest.mark.parametrize(
    ("system", "machine", "expected"),
    [
        ("linux", "x86_64", "linux-64"),
        ("linux", "aarch64", "linux-aarch64"),
        ("darwin", "arm64", "linux-aarch64"),
        ("darwin", "x86_64", "linux-64"),
        ("win32", "AMD64", "linux-64"),
    ],
)
def test_without_platforms_it_is_the_one_of_images_for_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, machine: str, expected: str
) -> None:
    (tmp_path / "x.yml").write_text("channels: [c]\ndependencies: [python]\n")
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr(sys, "platform", system)

    assert read_environment(tmp_path / "x.yml").platforms == (expected,)


@pytest.mark.parametrize(
    ("selector", "subdirs"),
    [
        ("linux", {"linux-64", "linux-aarch64", "linux-ppc64le"}),
        ("linux64", {"linux-64"}),
        ("aarch64", {"linux-aarch64"}),
        ("arm64", {"osx-arm64"}),
        ("unix", set(SUBDIRS) - {"win-64"}),
        ("osx", {"osx-64", "osx-arm64"}),
        ("win", {"win-64"}),
    ],
)
def test_a_selector_holds_where_it_does_for_conda_lock(
    tmp_path: Path, selector: str, subdirs: set[str]
) -> None:
    found = read_dependencies(tmp_path, f"  - python\n  - foo  # because [{selector}]\n")

    assert {subdir for subdir in SUBDIRS if "foo" in found.match_specs(subdir)} == subdirs


def test_every_subdir_has_its_selectors() -> None:
    assert set(SELECTORS) == set(SUBDIRS)


def test_selectors_are_those_of_conda_lock() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own import
        conda_lock = importlib.import_module("conda_lock.src_parser.selectors")
    known = sorted(frozenset.union(*SELECTORS.values()))
    lines = "\n".join(f"- a # [{selector}]" for selector in known)

    for subdir in SUBDIRS:
        left = list(conda_lock.filter_platform_selectors(lines, platform=subdir))

        assert left == [f"- a # [{each}]" for each in known if each in SELECTORS[subdir]]


def test_brackets_elsewhere_are_no_selector(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "# see [1]\nchannels: [c]  # see [2]\ndependencies:\n  # see [3]\n"
        "  - foo[version='>=1']  # why\n  - pip:\n    - bar[baz]\ncondabox:\n"
        "  expose: [80]  # see [4]\n",
    )

    assert found.match_specs("linux-64") == ("foo[version='>=1']",)
    assert found.pip_requirements("linux-64") == ("bar[baz]",)


@pytest.mark.parametrize(
    ("lines", "message", "hint"),
    [
        pytest.param(
            "  - foo  # [linux and aarch64]",
            "3: dependencies[0]: [linux and aarch64] is no selector, and conda-lock drops the line "
            "on every platform",
            "one of aarch64, arm64, linux, linux64, osx, osx64, ppc64le, unix, win, win64; "
            "for a mere comment, do without the brackets",
            id="compound",
        ),
        pytest.param(
            "  - foo  # [linux] (why)",
            "3: dependencies[0]: conda-lock does not see [linux] in front of parentheses",
            "let the comment end with [linux]",
            id="parentheses",
        ),
        pytest.param(
            "  - foo\n  - pip:  # [linux]\n    - bar",
            "4: dependencies[1]: has a selector, but is no single dependency",
            "put a selector behind each entry that it is for",
            id="on-pip",
        ),
        pytest.param(
            "  - numpy\n  - python: 3.10  # why",
            "4: dependencies[1]: expected a string, got a mapping",
            "write it as `- python=3.10`",
            id="colon",
        ),
        pytest.param(
            '  - "numpy": ">=2"',
            "3: dependencies[0]: expected a string, got a mapping",
            "write it as `- numpy>=2`",
            id="colon-and-operator",
        ),
        pytest.param(
            "  - 3.10",
            "3: dependencies[0]: expected the name of a package",
            "write name and version as one word: `- python=3.12`",
            id="number",
        ),
        pytest.param(
            "  - numpy\n  -\n",
            "4: dependencies[1]: is empty",
            "name a package behind the dash, or remove it",
            id="nothing",
        ),
        pytest.param(
            "  - [numpy]",
            "3: dependencies[0]: expected the name of a package",
            "write name and version as one word: `- python=3.12`",
            id="list",
        ),
        pytest.param(
            "  -numpy\n  -scipy",
            "2: dependencies: expected a list, got a string",
            "put a space after each dash",
            id="no-space-after-dash",
        ),
        pytest.param(
            "  - numpy\n  - pip:\n  - requests",
            "4: dependencies[1]: pip has no requirement",
            "indent the pip block under `- pip:`",
            id="pip-not-indented",
        ),
        pytest.param(
            "  - pip:\n    - foo: 1.10",
            "4: dependencies[0].pip[0]: expected a string, got a mapping",
            "write it as `- foo==1.10`",
            id="pip-colon",
        ),
        pytest.param(
            "  - pip:\n    - foo=1.0",
            "4: dependencies[0].pip[0]: 'foo=1.0' is not a pip requirement",
            "pip wants two equals signs: foo==1.2",
            id="pip-with-condas-syntax",
        ),
        pytest.param(
            "  - pip: requests",
            "3: dependencies[0].pip: expected a list, got a string",
            "write it as a list: [requests]",
            id="pip-string",
        ),
        pytest.param(
            "  - foo=1\n  - Foo >=2",
            "2: dependencies: foo is asked for on line 3 and again on line 4",
            "join the two, or give them selectors that exclude each other",
            id="twice",
        ),
        pytest.param(
            "  - foo  # [unix]\n  - foo =2  # [linux64]",
            "2: dependencies: foo is asked for on line 3 and again on line 4",
            "join the two, or give them selectors that exclude each other",
            id="twice-on-one-platform",
        ),
        pytest.param(
            "  - pip:\n    - a_b\n    - A.B==1",
            "2: dependencies: a-b is asked for on line 4 and again on line 5",
            "join the two, or give them selectors, or markers of the platform, "
            "that exclude each other",
            id="pip-twice",
        ),
    ],
)
def test_a_mistake_in_the_dependencies_is_explained(
    tmp_path: Path, lines: str, message: str, hint: str
) -> None:
    assert dependencies_failure(tmp_path, lines) == (message, hint)


def test_a_package_may_be_asked_for_differently_on_each_platform(tmp_path: Path) -> None:
    found = read_dependencies(tmp_path, "  - foo =1  # [linux64]\n  - foo =2  # [aarch64]\n")

    assert found.match_specs("linux-64") == ("foo =1",)
    assert found.match_specs("linux-aarch64") == ("foo =2",)


def test_requirements_files_are_read_from_beside_the_environment(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("requests\nfoo==1\n")

    found = read_dependencies(tmp_path, "  - pip:\n    - -r more.txt  # [linux64]\n")

    assert found.pip_requirements("linux-64") == ("requests", "foo==1")
    assert found.pip_requirements("linux-aarch64") == ()


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        pytest.param(
            "- python\n",
            " expected a mapping, got a list",
            "an environment file has keys such as `name:`, `channels:` and `dependencies:`",
            id="list",
        ),
        pytest.param(
            "python\n",
            " expected a mapping, got a string",
            "an environment file has keys such as `name:`, `channels:` and `dependencies:`",
            id="word",
        ),
        pytest.param(
            "chanels: [c]\nchannels: [c]\ndependencies: [a]\n",
            "1: chanels: unknown key; did you mean 'channels'?",
            None,
            id="unknown-key",
        ),
        pytest.param(
            "channels: [c]\ndependencies: [a]\ncategory: dev\n",
            "3: category: does not belong here",
            "packages for development go to `condabox: dev: dependencies:`",
            id="category",
        ),
        pytest.param(
            "channels: [c]\ndependencies: [a]\npip: [b]\n",
            "3: pip: does not belong here",
            "make it an entry of `dependencies:`, `- pip:`, and indent its block",
            id="pip-at-the-top",
        ),
        pytest.param(
            "channels: [c]\n3.1: x\ndependencies: [a]\n",
            " the key 3.1 is not a string: put it in quotes",
            "an environment file has keys such as `name:`, `channels:` and `dependencies:`",
            id="key",
        ),
        pytest.param(
            "channels: [c]\n",
            " dependencies: names no package",
            "an environment has at least `- python`",
            id="no-dependencies",
        ),
        pytest.param(
            "channels: [c]\ndependencies:\n",
            "2: dependencies: names no package",
            "an environment has at least `- python`",
            id="empty-dependencies",
        ),
        pytest.param(
            "channels: [c]\ndependencies: {python: 3.12}\n",
            "2: dependencies: expected a list, got a mapping",
            None,
            id="mapping-of-dependencies",
        ),
        pytest.param(
            "dependencies: [a]\n",
            " channels: names none",
            "add `channels: [conda-forge]`",
            id="no-channels",
        ),
        pytest.param(
            "channels: conda-forge\ndependencies: [a]\n",
            "1: channels: expected a list, got a string",
            "write it as a list: [conda-forge]",
            id="channels-string",
        ),
        pytest.param(
            "channels: [./local]\ndependencies: [a]\n",
            "1: channels[0]: is a path",
            "write it as a URL: file:///srv/channel",
            id="channel-path",
        ),
        pytest.param(
            'channels: ["https://[c.example/pkgs"]\ndependencies: [a]\n',
            "1: channels[0]: is not a URL",
            None,
            id="channel-url",
        ),
        pytest.param(
            "name: a/b\nchannels: [c]\ndependencies: [a]\n",
            "1: name: is not the name of an environment",
            "do without blanks and / : # \\",
            id="name",
        ),
        pytest.param(
            "name: 3\nchannels: [c]\ndependencies: [a]\n",
            "1: name: expected a string",
            "put numbers, true and false in quotes",
            id="name-number",
        ),
        pytest.param(
            "channels: [c]\ndependencies: [a]\nplatforms: [linux/arm64]\n",
            "3: platforms[0]: is OCI's word, conda's is linux-aarch64",
            "write linux-aarch64",
            id="oci-platform",
        ),
        pytest.param(
            "channels: [c]\ndependencies: [a]\nplatforms:\n- linux-64\n- linux-arm64\n",
            "5: platforms[1]: 'linux-arm64' is not a platform",
            "one of linux-64, linux-aarch64, linux-ppc64le, osx-64, osx-arm64, win-64",
            id="platform",
        ),
        pytest.param(
            "channels: [c]\ndependencies: [a]\nvariables: {A: 1.5}\n",
            "3: variables.A: expected a string",
            "put numbers, true and false in quotes",
            id="variable",
        ),
        pytest.param(
            "channels: [c]\ndependencies: [a]\nvariables: {a-b: x}\n",
            "3: variables: 'a-b' is not the name of a variable",
            None,
            id="variable-name",
        ),
        pytest.param(
            "channels: [c]\ndependencies: [a]\ncondabox: [x]\n",
            "3: condabox: expected a mapping, got a list",
            None,
            id="section",
        ),
    ],
)
def test_a_mistake_in_the_file_is_explained(
    tmp_path: Path, text: str, message: str, hint: str | None
) -> None:
    assert failure(tmp_path, text) == (message, hint)


def test_all_mistakes_are_told_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    path = tmp_path / "x.yml"

    with pytest.raises(SpecError) as raised:
        read(tmp_path, "condabox:\n  cuda: 12.8\n  user: x y\ndependencies: [a b c d]\nchanels: []")

    assert raised.value.hint is None
    assert raised.value.message.splitlines() == [
        f"{path} has 5 problems",
        f"  {path}: channels: names none",
        "    hint: add `channels: [conda-forge]`",
        f"  {path}:2: condabox.cuda: a version is not a number",
        '    hint: put it in quotes: cuda: "12.8"',
        f"  {path}:3: condabox.user: is not a user",
        '    hint: write it like "1000:0" or app:app',
        f"  {path}:4: dependencies[0]: 'a b c d': 'b c' is not a version or a limit",
        "    hint: write it like numpy=2.1, numpy>=2,<3 or numpy!=2.0.1",
        f"  {path}:5: chanels: unknown key; did you mean 'channels'?",
    ]


def test_very_many_mistakes_are_counted(tmp_path: Path) -> None:
    message, _ = dependencies_failure(tmp_path, "".join(f"- p{n}>\n" for n in range(100)))

    assert message.splitlines()[-1] == "  and 80 more"


def test_a_secret_in_an_address_is_not_repeated(tmp_path: Path) -> None:
    message, _ = failure(
        tmp_path,
        "channels: ['https://ann:hunter2@c.example/x y']\n"
        "dependencies:\n"
        "- https://ann:hunter2@c.example/x::numpy>\n"
        "- https://ann:hunter2@c.example/numpy.conda\n"
        "- pip:\n"
        "  - https://ann:hunter2@c.example/foo.whl\n"
        "  - foo @ https://ann:hunter2@c.example/foo.whl\n",
    )

    assert "has 5 problems" in message
    assert "hunter2" not in message


@pytest.mark.parametrize("name", ["minimal", "serving", "ai"])
def test_the_environments_of_the_project_are_good(name: str) -> None:
    found = read_environment(ENVIRONMENTS / f"{name}.yml")

    assert found.name == name
    assert found.platforms == ("linux-64", "linux-aarch64")
    assert found.match_specs("linux-64")[0] == "python >=3.11,<3.14"
    assert found.image.user == "1000:0"


def test_the_serving_environment_says_how_it_is_served() -> None:
    image = read_environment(ENVIRONMENTS / "serving.yml").image

    assert [(source.src.resolve(), source.dest) for source in image.app] == [
        (ENVIRONMENTS / "app", "/app")
    ]
    assert image.cmd == ("uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000")  # noqa: S104
    assert image.expose == ("8000/tcp",)
    assert isinstance(image.healthcheck, Healthcheck)
    assert image.healthcheck.interval == 30.0


_WORDS = st.sampled_from(
    ["name", "channels", "dependencies", "condabox", "platforms", "variables", "pip", "python",
     "numpy>=2", "conda-forge", "linux-64", "x", "", "3.1", "3", "null", "true", "-e .", "\0"]
)  # fmt: skip
_VALUES = st.recursive(
    _WORDS | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_WORDS, inner, max_size=4),
    max_leaves=12,
)


@given(document=st.dictionaries(_WORDS, _VALUES, max_size=5))
def test_no_document_raises_anything_but_a_spec_error(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, object]
) -> None:
    path = tmp_path_factory.getbasetemp() / "x.yml"
    path.write_text(json.dumps(document))  # which YAML 1.2 is a superset of

    try:
        read_environment(path)
    except SpecError as error:
        assert str(path) in error.message  # noqa: PT017  (whether it raises depends on the document)
