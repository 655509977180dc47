"""Makes a Dockerfile and its context of what was decided about images."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.appfiles import AppFile, AppLink
from condabox.backends.dockerfile import compile_tree, records
from condabox.backends.dockerfile.context import (
    ContextFile,
    ContextFolder,
    ContextLink,
    DockerContext,
    with_folders,
)
from condabox.backends.dockerfile.instructions import quoted, words
from condabox.backends.dockerfile.rendering import render
from condabox.backends.dockerfile.tools import Tools, library_of
from condabox.backends.dockerfile.variant import Name, Variant
from condabox.backends.top_layer import PathContent
from condabox.conda.packages import bytecode_worker
from condabox.content import BytesContent
from condabox.oci.reference import Reference
from condabox.resources import templates

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import ModuleType

    from condabox.appfiles import AppEntry
    from condabox.backends.dockerfile.context import ContextEntry
    from condabox.backends.dockerfile.surveyed import Surveyed

BUILDER = "mambaorg/micromamba:2.6.1"
"""The image that an environment is installed in where nobody names another."""

_APP = "app"


def docker_context(
    prod: Sequence[Surveyed],
    dev: Sequence[Surveyed] = (),
    *,
    mirrors: Mapping[str, tuple[str, ...]],
    project: Path | None,
) -> DockerContext:
    """Return the context for the images ``prod``, and for ``dev`` on top of them if there is any.

    There is one of each for every platform, in the same order.  The same arguments give the same
    bytes.  ``mirrors`` are by canonical URL of a channel; ``project`` is the folder that may have
    templates of its own.  Raise SpecError for what no Dockerfile can say, and LockError for a
    package that no build can fetch.
    """
    variants = [Variant(each=prod, mirrors=mirrors, name=Name.PROD)]
    stages = [variants[0].stages([each.known.base.image.config.config for each in prod])]
    developments = [each.development for each in dev if each.development is not None]
    tools = Tools(each=developments, mirrors=mirrors) if developments else None
    if tools is not None:
        variants += [Variant(each=dev, mirrors=mirrors, name=Name.DEV), tools.variant]
        stages.append(variants[1].stages([each.config() for each in prod]))
    values = {
        **_values(prod[0], library=library_of([*prod, *dev][-1])),
        "prod": stages[0],
        "dev": stages[1] if tools else None,
        "tools": tools.stage(dev[0].plan) if tools else None,
    }
    dockerfile = render("Dockerfile.j2", values, project=project)
    texts = {
        "Dockerfile": dockerfile.encode(),
        ".dockerignore": _template("dockerignore"),
        "collect.sh": _template("collect.sh"),
        "settle.sh": _template("settle.sh"),
        **dict(_scripts(variants)),
        **{path: data for variant in variants for path, data in variant.files()},
    }
    return DockerContext(
        name=prod[0].plan.name,
        entries={
            **{path: ContextFile(content=BytesContent(texts[path])) for path in sorted(texts)},
            **dict(with_folders(_application(prod[0].known.application))),
            **(dict(tools.entries()) if tools else {}),
        },
        target="dev" if dev else "prod",
        hosts=tuple(sorted({host for variant in variants for host in variant.hosts()})),
        warnings=tuple(dict.fromkeys(text for variant in variants for text in variant.warnings())),
    )


def image_name(name: str) -> str:
    """Return what an image of the environment ``name`` is called where nobody says."""
    # what image-spec's references allow in a repository's name
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "environment"


def _values(first: Surveyed, *, library: str) -> dict[str, object]:
    """Return what a template sees of the images beside their variants."""
    image = first.plan.image
    return {
        "name": first.plan.name,
        "image": image_name(first.plan.name),
        "source": " ".join(first.plan.source.name.split()),
        "builder": Reference.parse(image.builder or BUILDER).familiar(),
        "prefix": image.prefix,
        "library": library,
        "apt": tuple(map(shlex.quote, image.apt)),
        "app": bool(first.known.application),
        "imports": image.test.imports,
        "commands": tuple(words(("/bin/sh", "-c", command)) for command in image.test.commands),
        "user": quoted(user) if (user := first.known.base.image.config.config.user) else "",
    }


def _scripts(variants: Sequence[Variant]) -> Iterator[tuple[str, bytes]]:
    if any(each.python for each in variants):
        yield "compile_tree.py", _source(compile_tree)
        yield "bytecode_worker.py", _source(bytecode_worker)
        yield "records.py", _source(records)
    if any(each.name is Name.DEV and each.adds for each in variants):
        yield "added.sh", _template("added.sh")


def _source(module: ModuleType) -> bytes:
    return Path(str(module.__file__)).read_bytes()


def _template(name: str) -> bytes:
    return (templates() / "docker" / name).read_bytes()


def _application(entries: Sequence[AppEntry]) -> Iterator[tuple[str, ContextEntry]]:
    """Yield the application's files where `COPY app/ /` takes them from."""
    for entry in entries:
        path = f"{_APP}/{entry.path}"
        match entry:
            case AppFile():
                content = PathContent(path=entry.source, size=entry.size)
                yield path, ContextFile(content=content, executable=entry.executable)
            case AppLink():
                yield path, ContextLink(target=entry.target)
            case _:
                yield path, ContextFolder()
