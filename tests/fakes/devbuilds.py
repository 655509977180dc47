"""Two environments whose images for development Docker builds in seconds, since none of them runs.

project = developing(served, tmp_path / "project")
image = built(project, "first", "dev")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.oci.layout import ImageLayout
from tests.fakes.devtools import development_packages, python_package, write_tools
from tests.fakes.dockerbuilds import greeting
from tests.fakes.packages import TIMESTAMP, make_package
from tests.fakes.project import index_channel

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.oci.image import Image
    from tests.fakes.dockerbuilds import DockerProject
    from tests.fakes.servedworld import ServedWorld

ENVIRONMENTS = ("first", "second")
_DAY = 24 * 60 * 60 * 1000
_APPLICATION = (
    "  app: [{src: application, dest: /srv/application}]\n"
    "  test: {commands: [test -e /srv/application/main.py]}\n"
)


def developing(
    served: ServedWorld, root: Path, *, section: str = "", base: str = "", builder: str = ""
) -> DockerProject:
    """Return a project whose packages nobody else has.

    The tools are a day younger than what is in ``first.yml``, and a day older than what is in
    ``second.yml``.  The first has an application, and a check of it.  ``section`` is YAML for both,
    indented by two.
    """
    project = greeting(served, root, section=section, base=base, builder=builder)
    packages = root / "packages"
    archives = [
        *packages.glob("greeter-*"),
        python_package(packages),
        *development_packages(packages),
        *(
            make_package(
                packages,
                name,
                files={f"bin/{name}": project.name.encode(), f"share/{name}/empty": b""},
                noarch="generic",
                index={"timestamp": TIMESTAMP + days * _DAY},
            )
            for days, name in enumerate(("first", "tool", "second"))
        ),
    ]
    index_channel(served.folder / project.name, archives)
    (root / "application").mkdir()
    (root / "application" / "main.py").write_text(project.name)
    text = project.environment.read_text()
    for name in ENVIRONMENTS:
        own = text.replace("name: greeter", f"name: {name}").replace("greeter]", f"{name}]")
        more = _APPLICATION if name == "first" else ""
        (root / f"{name}.yml").write_text(f"{own}{more}  dev: {{dependencies: [greeter]}}\n")
    tools = write_tools(root)
    channel = tools.read_text().replace("conda-forge", project.name)
    tools.write_text(channel.replace("[git,", "[git, tool,"))
    return project


def built(
    project: DockerProject, name: str, variant: str, *options: str, builder: str = "docker"
) -> Image:
    """Build the ``variant`` of an environment."""
    done = project.run(
        *("build", f"{name}.yml", "--variant", variant, "--builder", builder),
        *("-o", f"{name}-{variant}", *options),
    )
    assert done.returncode == 0, done.stderr
    return ImageLayout.open(project.root / f"{name}-{variant}").resolve(None, platform=None)
