"""Images that are decided on, one for each platform: their plans, and what is known of packages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from condabox.backends.activated import activation_of, created
from condabox.configuration import annotations_of, container_config
from condabox.development.image import dev_config
from condabox.errors import SpecError
from condabox.oci.image import rfc3339
from condabox.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from condabox.backends.survey import Survey
    from condabox.oci.config import ContainerConfig
    from condabox.plan import BuildPlan
    from condabox.pruning.decision import Removal

_DAEMON = "docker:"
_FILES = ("oci:", "oci-archive:", "docker-archive:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surveyed:
    """The plan of an image for one platform, and what is known of its packages.

    ``development`` is there where ``plan`` has tools.
    """

    plan: BuildPlan
    known: Survey
    development: Development | None = None

    @property
    def architecture(self) -> str:
        """The platform as BuildKit's TARGETARCH has it."""
        return self.plan.platform.architecture

    @property
    def created(self) -> int:
        """When the image was created, in seconds: that of the newest package, the tools' too."""
        own = created(self.plan, self.known)
        return own if self.development is None else max(own, self.development.tools.created)

    def annotations(self) -> dict[str, str]:
        """Return the annotations of the image, which are its labels, too."""
        base = self.known.base
        return annotations_of(
            self.plan,
            created=rfc3339(self.created),
            base_name=base.name,
            base_digest=str(base.digest),
        )

    def config(self) -> ContainerConfig:
        """Return the configuration of the image, which is the direct backend's."""
        config = container_config(
            self.plan,
            base=self.known.base.image.config.config,
            activation=activation_of(self.plan, self.known),
            annotations=self.annotations(),
        )
        development = self.development
        return config if development is None else dev_config(config, shell=development.shell)

    def removals(self) -> Iterator[Removal]:
        """Yield what the image leaves out of packages, the tools' too."""
        for removed in self.known.decision.removed.values():
            yield from removed.values()
        if self.development is not None:
            yield from self.development.tools.removals()

    def base(self) -> str:
        """Return what FROM names: the base by its digest, or a name that the daemon knows.

        Raise SpecError for a base that lies in a file.
        """
        name = self.plan.base
        if name.startswith(_FILES):
            raise SpecError(
                f"{name}: a Dockerfile cannot begin with a file",
                hint="push it to a registry; or load it, and name it as docker:NAME",
            )
        if name.startswith(_DAEMON):
            return Reference.parse(name.removeprefix(_DAEMON)).familiar()
        return replace(Reference.parse(name), digest=self.known.base.digest).familiar()


@dataclass(frozen=True, slots=True, kw_only=True)
class Development:
    """What development has beside packages of the environment.

    ``shell`` is the one that users log in with.
    """

    tools: Surveyed
    shell: str
