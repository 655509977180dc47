from __future__ import annotations

import pytest

from condabox.conda.packages.entry_points import EntryPoint, entry_point_script
from condabox.conda.packages.python import PythonInfo
from condabox.decode import DecodeError

PYTHON = PythonInfo(version="3.11.2")


def test_script_calls_the_function() -> None:
    entry_point = EntryPoint.parse("jupyter-lab = jupyterlab.labapp:main", at="")

    script = entry_point_script(entry_point, prefix="/opt/env", python=PYTHON)

    assert entry_point.path == "bin/jupyter-lab"
    assert script.decode() == (
        "#!/opt/env/bin/python3.11\n"
        "# -*- coding: utf-8 -*-\n"
        "import re\n"
        "import sys\n"
        "\n"
        "from jupyterlab.labapp import main\n"
        "\n"
        "if __name__ == '__main__':\n"
        "\tsys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])\n"
        "\tsys.exit(main())\n"
    )


def test_script_imports_the_class_of_a_method() -> None:
    entry_point = EntryPoint.parse("tool=tool.app:App.launch", at="")

    script = entry_point_script(entry_point, prefix="/opt/env", python=PYTHON).decode()

    assert "from tool.app import App\n" in script
    assert "sys.exit(App.launch())" in script


@pytest.mark.parametrize("prefix", ["/with space", "/" + "x" * 120])
def test_prefixes_that_a_shebang_cannot_have_go_through_the_shell(prefix: str) -> None:
    entry_point = EntryPoint.parse("tool = tool:main", at="")

    script = entry_point_script(entry_point, prefix=prefix, python=PYTHON).decode()

    assert script.startswith(
        f"#!/bin/sh\n'''exec' \"{prefix}/bin/python3.11\" \"$0\" \"$@\" #'''\n# -*- coding"
    )


@pytest.mark.parametrize(
    "text",
    [
        "tool",
        "tool = module",
        "tool: module = main",
        "= module:main",
        "tool = :main",
        "tool = module:",
        "../tool = module:main",
        ".hidden = module:main",
        "/bin/sh = module:main",
        "a/b = module:main",
        "a\\b = module:main",
        "a\nb = module:main",
        "a\0b = module:main",
        "tool = module; import os:main",
        "tool = module:main(); import os",
        "tool = module:main [extra]",
        "tool = 1module:main",
        "tool = module..sub:main",
        "tool = mod\nule:main",
    ],
)
def test_what_is_no_plain_name_is_refused(text: str) -> None:
    with pytest.raises(DecodeError, match=r"^link\.json: .* is not an entry point$"):
        EntryPoint.parse(text, at="link.json")
