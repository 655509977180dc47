"""A bake file: the images of several environments, for ``docker buildx bake`` on any builder.

It is JSON as HCL reads it, so that texts may have expressions, and keys named ``//`` are comments.
Buildx has all of it since 0.13, but for ``network``, which it ignores before 0.18.  With it, it
bakes for who says ``--allow network.host``, an option that it has since 0.17.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.backends.dockerfile.assembly import image_name
from condabox.backends.dockerfile.context import SECRETS
from condabox.errors import SpecError
from condabox.registry.addresses import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from condabox.backends.dockerfile.context import DockerContext
    from condabox.platforms import Platform

BAKE_FILE = "docker-bake.json"
"""One of the names that buildx looks for."""

NETWORK_SINCE = "0.18"
"""The first buildx that reads the network of steps."""

_COMMON = "_common"
_DEFAULT = "default"
_DEV = "dev"
_PREFIX = "image_prefix"

_VARIABLES = {
    "REGISTRY": ("", "Registry, and the folder in it, that all images are named after."),
    "TAG": ("latest", "Tag of the images for production."),
    "DEV_TAG": (
        '${TAG == "latest" ? "dev" : "${TAG}-dev"}',
        "Tag of the images for development.",
    ),
    "BUILDER": ("", "Image with micromamba, instead of the one that each Dockerfile names."),
    "CA": ("", "File of certificates to trust; no layer has it."),
    "NETRC": ("", "File of users and passwords for packages' hosts; no layer has it."),
    "PROXY": (
        "",
        "File of shell assignments with proxies, where these have passwords; no layer has it.",
    ),
}
"""What whoever bakes may set, as variables of the shell, with what holds otherwise."""

# A secret whose file is missing is an error of buildx's, so there is none unless somebody names it.
_SECRETS = ", ".join(
    f'{name.upper()} == "" ? "" : "id={name},src=${{{name.upper()}}}"' for name in SECRETS
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baked:
    """What is to be baked of one environment, which the file ``source`` describes."""

    source: Path
    context: DockerContext
    platforms: tuple[Platform, ...]

    @property
    def image(self) -> str:
        """The image's name, which its folder and its targets have, too."""
        return image_name(self.context.name)

    @property
    def network(self) -> str | None:
        """The network of its steps, where packages are on the machine that builds."""
        return "host" if any(map(is_loopback, self.context.hosts)) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class BakeFile:
    """The file: names that can be baked, and what is behind them."""

    groups: Mapping[str, tuple[str, ...]]
    targets: Mapping[str, Mapping[str, object]]
    head: tuple[str, ...]

    def text(self) -> str:
        """Return the file's text."""
        variables = {
            name: {"//": meaning, "default": default}
            for name, (default, meaning) in _VARIABLES.items()
        }
        common = {
            "args": {"BUILDER": '${BUILDER == "" ? null : BUILDER}'},
            "secret": f"${{compact([{_SECRETS}])}}",
        }
        document = {
            "//": self.head,
            "variable": variables,
            _PREFIX: '${REGISTRY == "" ? "" : "${REGISTRY}/"}',
            "group": {name: {"targets": targets} for name, targets in self.groups.items()},
            "target": {_COMMON: common, **self.targets},
        }
        return f"{json.dumps(document, indent=2, ensure_ascii=False)}\n"


def bake_file(environments: Sequence[Baked]) -> BakeFile:
    """Return the file for ``environments``, whatever their order, in the folder of their contexts.

    Raise SpecError, which names both, for two that want the same name.
    """
    groups: dict[str, list[str]] = defaultdict(list, {_DEFAULT: []})
    targets: dict[str, Mapping[str, object]] = {}
    owners: dict[str, Path] = {}
    ordered = sorted(environments, key=lambda each: (each.image, str(each.source)))
    for each in ordered:
        for group, name, target in _targets(each):
            if name in targets:
                raise _taken(name, f"{owners[name]} and {each.source} both have the target")
            owners[name], targets[name] = each.source, target
            groups[group].append(name)
    for name in groups:
        if name in targets:
            raise _taken(name, f"{owners[name]} has a target with the name of a group:")
    return BakeFile(
        groups={name: tuple(groups[name]) for name in groups},
        targets=targets,
        head=tuple(_head(ordered, has_dev=_DEV in groups)),
    )


def _taken(name: str, message: str) -> SpecError:
    return SpecError(
        f"{message} {name!r}", hint="targets are called after `name:`; let it be another one"
    )


def _targets(baked: Baked) -> Iterator[tuple[str, str, Mapping[str, object]]]:
    """Yield groups, targets' names and targets: one for all platforms, and one for each alone.

    Development is made of the stages of prod, which BuildKit builds once: it knows them by what
    they do.  So it knows the stages of the tools, which environments have in common, and it shares
    bases and the cache of packages by itself; a named context, such as ``target:ai``, would add
    nothing but an order, and old daemons do not know it.
    """
    image = baked.image
    network = {"network": baked.network} if baked.network else {}
    yield from _variant(
        image,
        {
            "inherits": [_COMMON],
            "context": image,
            "target": "prod",
            "platforms": [str(platform) for platform in baked.platforms],
            **network,
        },
        tag=f"${{{_PREFIX}}}{image}:${{TAG}}",
        group=_DEFAULT,
        baked=baked,
    )
    if baked.context.target == _DEV:
        yield from _variant(
            f"{image}-{_DEV}",
            {"inherits": [image], "target": _DEV},
            tag=f"${{{_PREFIX}}}{image}:${{DEV_TAG}}",
            group=_DEV,
            baked=baked,
        )


def _variant(
    name: str, target: Mapping[str, object], *, tag: str, group: str, baked: Baked
) -> Iterator[tuple[str, str, Mapping[str, object]]]:
    yield group, name, {**target, "tags": [tag]}
    for platform in baked.platforms:
        # Builders of one platform each push under names of their own, for somebody to join.
        alone = {"platforms": [str(platform)], "tags": [f"{tag}-{platform.architecture}"]}
        members = platform.architecture if group == _DEFAULT else f"{group}-{platform.architecture}"
        yield members, f"{name}-{platform.architecture}", {"inherits": [name], **alone}


def _head(ordered: Sequence[Baked], *, has_dev: bool) -> Iterator[str]:
    """Yield the comment at the beginning."""
    first = ordered[0]
    architecture = first.platforms[0].architecture
    examples = [
        ("", "every image, for all its platforms"),
        (first.image, "one of them"),
        (f"{first.image}-{architecture}", "one of them, for one platform"),
        (architecture, "every image for one platform"),
        *([(_DEV, "every image for development")] if has_dev else ()),
    ]
    width = max(len(name) for name, _ in examples) + 2
    yield "The images of these environments, which `condabox bake` made of their files and locks:"
    yield f"{', '.join(each.image for each in ordered)}. To build them, in this folder:"
    yield ""
    for name, meaning in examples:
        yield f"    docker buildx bake {name:{width}}{meaning}"
    yield ""
    if near := ", ".join(each.image for each in ordered if each.network):
        yield "These need the network of the machine that builds, as --allow network.host gives it"
        yield f"with buildx {NETWORK_SINCE} or newer: {near}."
        yield ""
    yield "Put variables in front, like TAG=1.0, and say --push, or --load, where they shall go."
