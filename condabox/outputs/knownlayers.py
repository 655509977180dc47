"""Which layers of an image a Docker daemon has: whom to ask it about, and what its answers say.

The daemon tells no chain IDs.  It tells the diff IDs of one image at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.errors import SpecError
from condabox.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from condabox.oci.digest import Digest
    from condabox.oci.image import Image

_TITLE = "org.opencontainers.image.title"
_BASE = "org.opencontainers.image.base.name"


def likely_first(
    summaries: Sequence[Mapping[str, object]], *, image: Image, names: Sequence[Reference]
) -> tuple[str, ...]:
    """Return the IDs of the daemon's images, those first that may begin with layers of ``image``.

    These are images of its repositories, of its base's, and of its title, as a former version has
    lost its name.  Their dates say nothing: a reproducible image can be older than all others.
    ``summaries`` is the answer to ``GET /images/json``; the rest stays in its order.
    """
    labels = image.config.config.labels
    repositories = {name.name for name in names} | _repositories([labels.get(_BASE)])
    title = labels.get(_TITLE)

    def is_stranger(summary: Mapping[str, object]) -> bool:
        theirs = summary.get("Labels")
        if title is not None and isinstance(theirs, dict) and theirs.get(_TITLE) == title:
            return False
        named = (summary.get(key) or () for key in ("RepoTags", "RepoDigests"))
        return not any(
            repositories & _repositories(each) for each in named if isinstance(each, list)
        )

    identities = (str(summary["Id"]) for summary in sorted(summaries, key=is_stranger))
    return (str(image.manifest.config.digest), *identities)


def common_layers(image: Image, diff_ids: Sequence[str]) -> int:
    """Return how many layers of ``image``, from its lowest, are those of ``diff_ids``."""
    count = 0
    for one, other in zip(image.config.diff_ids, diff_ids, strict=False):
        if str(one) != other:
            break
        count += 1
    return count


def not_needed(image: Image, known: int) -> frozenset[Digest]:
    """Return the blobs that may be missing where the ``known`` lowest layers are there.

    A layer that comes again higher up is needed, as there it lies on other ones.
    """
    layers = [layer.digest for layer in image.manifest.layers]
    return frozenset(layers[:known]) - frozenset(layers[known:])


def _repositories(texts: Iterable[object]) -> set[str]:
    found = set()
    for text in texts:
        try:
            found.add(Reference.parse(str(text or "")).name)
        except SpecError:
            continue  # Docker writes <none>:<none>, and a base may be a path
    return found
