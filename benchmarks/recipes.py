"""What people write by hand: a Dockerfile of two stages, of which good ones delete a lot."""

from __future__ import annotations

import json
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rattler

from tests import rattler_install

if TYPE_CHECKING:
    from benchmarks.bench import Bench

_DELETE = (
    # Those of https://jcristharif.com/conda-docker-tips.html, and of
    # https://xhochy.com/2021/03/01/deploying-conda-environments-in-docker-how-to-do-it-right.html.
    r"find . -name '*.a' -delete",
    r"find . -name '*.la' -delete",
    r"find . -name '*.js.map' -delete",
    r"find lib/python3* -type d \( -name tests -o -name test \) -prune -exec rm -rf '{}' +",
    r"find lib/python3* \( -name '*.pyx' -o -name '*.pxd' -o -name '*.pyi' \) -delete",
    r"find lib/python3* \( -name '*.c' -o -name '*.cpp' -o -name '*.h' \) -delete",
    "rm -rf include share/man share/doc share/info share/gtk-doc share/locale",
    "rm -rf lib/pkgconfig share/pkgconfig lib/cmake share/cmake share/aclocal share/terminfo",
    "rm -rf lib/python3*/idlelib lib/python3*/ensurepip lib/python3*/config-3*",
)
_NO_BYTE_CODE = r"find . -type d -name __pycache__ -prune -exec rm -rf '{}' +"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Commands that run in the prefix after its packages are installed."""

    name: str
    title: str
    commands: tuple[str, ...]


PLAIN = Recipe(name="plain", title="two stages, nothing deleted", commands=())
CLEANED = Recipe(
    name="cleaned",
    title="two stages, tests, headers, static libraries deleted",
    commands=_DELETE,
)
BARE = Recipe(
    name="bare",
    title="two stages, the same and byte code deleted",
    commands=(*_DELETE, _NO_BYTE_CODE),
)


def write_builder(folder: Path, *, plan: dict[str, Any], bench: Bench) -> str:
    """Write the environment of an image that installs ``plan``'s packages as micromamba does.

    The packages are in it, as they would be in the cache that BuildKit mounts.
    """
    context = folder / "build"
    archives = [
        Path("packages", package["sha256"], package["url"].rpartition("/")[2])
        for package in plan["packages"]
    ]
    for archive in archives:
        (context / archive).parent.mkdir(parents=True)
        (context / archive).hardlink_to(bench.cache / archive)
    shutil.copytree(Path(rattler.__file__).parent, context / "rattler")
    shutil.copy(rattler_install.__file__, context)
    request = {
        "archives": [f"/build/{archive}" for archive in archives],
        "target": plan["prefix"],
        "cache": "/var/cache/packages",
        "prefix": plan["prefix"],
        "platform": "linux-64",
    }
    (context / "request.json").write_text(json.dumps(request))
    environment = folder / "builder.yml"
    environment.write_text(
        "name: builder\nchannels: [conda-forge]\ndependencies: [python]\nplatforms: [linux-64]\n"
        "condabox:\n  prefix: /opt/builder\n  app: [{src: build, dest: /build}]\n"
        "  prune: {profile: none}\n"
    )
    return str(environment)


def write_dockerfile(
    recipe: Recipe, folder: Path, *, plan: dict[str, Any], builder: str, base: str, label: str
) -> None:
    """Write the build context of ``recipe`` for the packages and the application of ``plan``."""
    folder.mkdir()
    prefix, config = plan["prefix"], plan["config"]
    install = (
        "PYTHONPATH=/build python /build/rattler_install.py </build/request.json",
        f"cd {prefix}",
        # micromamba compiles pure Python; what has byte code that is up to date is passed over.
        "(bin/python -m compileall -q -q lib || true)",
        *recipe.commands,
    )
    lines = [
        f"FROM {builder} AS builder",
        f"LABEL {label}",
        "USER root",
        f"RUN {' && '.join(install)}",
        f"FROM {base}",
        f"COPY --from=builder {prefix} {prefix}",
    ]
    for number, source in enumerate(plan["app"]):
        shutil.copytree(source["src"], folder / str(number))
        lines.append(f"COPY {number} {source['dest']}")
    path = f"{prefix}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    variables = {**config["env"], "PATH": path}
    lines += [f"ENV {name}={shlex.quote(value)}" for name, value in variables.items()]
    if config["workdir"]:
        lines.append(f"WORKDIR {config['workdir']}")
    if config["user"]:
        lines.append(f"USER {config['user']}")
    lines.append(f"CMD {json.dumps(config['cmd'] or ['python'])}")
    (folder / "Dockerfile").write_text("\n".join(lines) + "\n")
