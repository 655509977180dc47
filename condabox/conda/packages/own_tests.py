"""The import tests that a conda package brings along, for whoever installs it.

conda-build keeps a package's tests below ``info/test``, rattler-build in ``info/tests/tests.yaml``.
Their imports hold wherever the package is installed.  Their other scripts want what was there when
the package was built: other packages, sources, headers, a network.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from condabox.conda.lockfiles.plainyaml import PlainYamlError, read_plain_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from condabox.conda.packages.archive import PackageArchive

_MODULE = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_IMPORT = re.compile(rf"^import ({_MODULE})[ \t]*$".encode(), re.MULTILINE | re.ASCII)
"""A line as conda-build writes it for each of the recipe's ``imports:``."""
_NAME = re.compile(_MODULE, re.ASCII)
_MOST = 1000


def imports_of_tests(archive: PackageArchive) -> tuple[str, ...]:
    """Return the modules that the package's own tests import, each once, in their order.

    What cannot be read tells of no tests.  Raise InstallError for an archive that is damaged.
    """
    files = archive.files_of_tests()
    script = files.get("info/test/run_test.py", b"")
    found = [each.decode() for each in _IMPORT.findall(script)]
    found += _of_rattler_build(files.get("info/tests/tests.yaml", b""))
    return tuple(dict.fromkeys(found))[:_MOST]


def _of_rattler_build(data: bytes) -> Iterator[str]:
    """Yield the imports of the tests of kind ``python``."""
    try:
        tests = read_plain_yaml(data) if data else []
    except PlainYamlError:
        return
    for test in tests if isinstance(tests, list) else []:
        python = test.get("python") if isinstance(test, dict) else None
        imports = python.get("imports") if isinstance(python, dict) else None
        for name in imports if isinstance(imports, list) else []:
            if isinstance(name, str) and _NAME.fullmatch(name):
                yield name
