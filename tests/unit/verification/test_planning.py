"""From what is installed to what is tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.conda.envfile.section import TestSection as Section
from condabox.reporting.findings import Group
from condabox.verification.archived import Archived
from condabox.verification.contents import read_contents
from condabox.verification.installed import read_installed
from condabox.verification.planning import environment_checks, test_checks
from condabox.verification.wanted import Wanted
from tests.fakes.condaimage import conda_image, distribution, program, record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from condabox.verification.checks import Check
    from tests.fakes.condaimage import Member

SITE = "lib/python3.12/site-packages"
PYTHON = (record("python", "3.12.1", "bin/python"), program("opt/env/bin/python"))
test_checks.__test__ = False  # type: ignore[attr-defined]  # it is no test


def planned(
    tmp_path: Path,
    *members: Member,
    conda: tuple[str, ...] = (),
    wheels: tuple[str, ...] = (),
    archived: Mapping[str, Archived] | None = None,
) -> tuple[Check, ...]:
    contents = read_contents(conda_image(tmp_path, members), marks=())
    (environment,) = read_installed(contents).environments
    return environment_checks(
        environment,
        Wanted(conda=frozenset(conda), wheels=frozenset(wheels)),
        archived or {},
        contents=contents,
        seconds=60,
    )


def shown(checks: tuple[Check, ...]) -> list[tuple[str, str, str]]:
    return [(each.group.value, each.name, each.does) for each in checks]


NUMPY = (
    record(
        "numpy",
        "2.0",
        f"{SITE}/numpy/__init__.py",
        f"{SITE}/numpy-2.0.dist-info/METADATA",
        "bin/f2py",
    ),
    *distribution("numpy", "2.0", scripts=["f2py = numpy.f2py:main", "gone = numpy:gone"]),
    program("opt/env/bin/f2py"),
)


def test_what_was_asked_for_is_imported_and_started(tmp_path: Path) -> None:
    found = planned(tmp_path, *PYTHON, *NUMPY, conda=("numpy", "python"))

    assert shown(found) == [
        ("imports", "numpy", "import numpy"),
        ("scripts", "f2py", "f2py --help"),
        ("scripts", "python", "python --help"),
    ]
    assert found[0].attempts[0][0] == "/opt/env/bin/python"
    assert found[1].attempts == (
        ("/opt/env/bin/f2py", "--help"),
        ("/opt/env/bin/f2py", "--version"),
    )


def test_what_others_brought_along_is_not_tried(tmp_path: Path) -> None:
    assert planned(tmp_path, *PYTHON, *NUMPY, conda=("other",)) == ()


def test_wheels_are_tried_by_their_own_names(tmp_path: Path) -> None:
    wheel = distribution("A_Wheel", "1.0", "a/__init__.py", scripts=["a = a:main"])

    found = planned(tmp_path, *PYTHON, *wheel, program("opt/env/bin/a"), wheels=("a-wheel",))

    assert shown(found) == [("imports", "a-wheel", "import a"), ("scripts", "a", "a --help")]


def test_a_package_without_modules_has_none(tmp_path: Path) -> None:
    empty = record("meta", "1.0", "share/doc/meta")

    assert planned(tmp_path, *PYTHON, empty, *distribution("x"), conda=("meta",)) == ()


def test_pythons_own_libraries_are_imported(tmp_path: Path) -> None:
    dynload = "lib/python3.12/lib-dynload"
    python = record("python", "3.12.1", f"{dynload}/_ssl.cpython-312-x86_64-linux-gnu.so")

    found = planned(tmp_path, python, program("opt/env/bin/python"), conda=("python",))

    assert shown(found) == [("imports", "python", "import _ssl")]


def test_many_modules_are_counted(tmp_path: Path) -> None:
    files = [f"{SITE}/m{number}.py" for number in range(9)]
    found = planned(tmp_path, *PYTHON, record("a", "1.0", *files), *distribution("b"), conda=("a",))

    assert shown(found) == [("imports", "a", "import m0, m1, m2, m3, m4 and 4 more")]
    assert found[0].attempts[0][3:] == tuple(f"m{number}" for number in range(9))


def test_without_python_programs_alone_are_tried(tmp_path: Path) -> None:
    curl = (record("curl", "8.0", "bin/curl", "bin/curl-config"), program("opt/env/bin/curl"))

    found = planned(tmp_path, *curl, conda=("curl",), archived=archives(curl="curl"))

    assert shown(found) == [("scripts", "curl", "curl --help")]


def archives(**imports: str) -> dict[str, Archived]:
    return {
        name: Archived(imports=tuple(modules.split()), files=frozenset())
        for name, modules in imports.items()
    }


def test_of_a_packages_own_tests_its_own_modules_are_imported(tmp_path: Path) -> None:
    imports = "numpy numpy.linalg numpyro pytest sys"

    found = planned(tmp_path, *PYTHON, *NUMPY, archived=archives(numpy=imports, other="other"))

    assert shown(found) == [("package tests", "numpy", "import numpy, numpy.linalg")]


def test_what_pruning_left_out_is_not_imported(tmp_path: Path) -> None:
    imports = ("numpy", "numpy.tests", "numpy.gone")
    files = frozenset({"numpy/__init__.py", "numpy/tests/__init__.py"})

    found = planned(
        tmp_path,
        *PYTHON,
        *NUMPY,
        archived={"numpy": Archived(imports=imports, files=files)},
    )

    assert shown(found) == [("package tests", "numpy", "import numpy, numpy.gone")]


def test_own_tests_may_miss_extras_of_the_package(tmp_path: Path) -> None:
    requires = [
        "httpx>=0.2; extra == 'full'",
        'A_nyio; python_version > "3" and extra == "all"',
        "idna",
        "idna>=2; extra == 'full'",
        "???",
    ]
    web = (
        record("web", "1.0", f"{SITE}/web/__init__.py", f"{SITE}/web-1.0.dist-info/METADATA"),
        *distribution("web", "1.0", requires=requires),
        *distribution("other", "1.0", requires=["pandas; extra == 'all'"]),
    )

    (check,) = planned(tmp_path, *PYTHON, *web, archived=archives(web="web"))

    assert check.optional == {"httpx", "a-nyio"}


@pytest.mark.parametrize("version", ["python3.12", "python3.13t", "pypy3.9"])
def test_what_was_asked_for_is_imported_though_all_metadata_is_gone(
    tmp_path: Path, version: str
) -> None:
    package = record("web", "1.0", f"lib/{version}/site-packages/web/__init__.py")

    found = planned(tmp_path, *PYTHON, package, conda=("web",))

    assert shown(found) == [("imports", "web", "import web")]


def test_scripts_get_less_time_than_imports(tmp_path: Path) -> None:
    found = planned(tmp_path, *PYTHON, *NUMPY, conda=("numpy",))

    assert [each.seconds for each in found] == [60, 30]


def test_the_environment_files_tests_run_where_the_image_works() -> None:
    section = Section(imports=("app.main",), commands=("app --check 'a b'",))

    found = test_checks(section, python="opt/env/bin/python", has_shell=True, seconds=60)

    assert shown(found) == [
        ("tests", "app.main", "import app.main"),
        ("tests", "command", "app --check 'a b'"),
    ]
    assert [each.folder for each in found] == [None, None]
    assert found[1].attempts == (("/bin/sh", "-c", "app --check 'a b'"),)


def test_without_a_shell_a_command_is_its_words() -> None:
    section = Section(commands=("app --check 'a b'", "app 'open"))

    found = test_checks(section, python=None, has_shell=False, seconds=60)

    assert [each.attempts for each in found] == [
        (("app", "--check", "a b"),),
        (("app 'open",),),
    ]
    assert {each.group for each in found} == {Group.TESTS}
