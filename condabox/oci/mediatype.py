"""The media types of images: those of the OCI, and Docker's schema 2, which old bases have."""

from __future__ import annotations

from typing import Final

OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
OCI_LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_LAYER_ZSTD: Final = "application/vnd.oci.image.layer.v1.tar+zstd"

# Deprecated: for layers that one may not pass on.  Images that have them are to be read.
OCI_LAYER_RESTRICTED: Final = "application/vnd.oci.image.layer.nondistributable.v1.tar"
OCI_LAYER_RESTRICTED_GZIP: Final = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
OCI_LAYER_RESTRICTED_ZSTD: Final = "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"

DOCKER_INDEX: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar"
DOCKER_LAYER_GZIP: Final = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DOCKER_LAYER_ZSTD: Final = "application/vnd.docker.image.rootfs.diff.tar.zstd"
DOCKER_LAYER_FOREIGN: Final = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"

INDEXES: Final = (OCI_INDEX, DOCKER_INDEX)
MANIFESTS: Final = (OCI_MANIFEST, DOCKER_MANIFEST)
CONFIGS: Final = (OCI_CONFIG, DOCKER_CONFIG)
RESTRICTED: Final = (
    OCI_LAYER_RESTRICTED,
    OCI_LAYER_RESTRICTED_GZIP,
    OCI_LAYER_RESTRICTED_ZSTD,
    DOCKER_LAYER_FOREIGN,
)
"""Layers that clients SHOULD NOT upload, image-spec layer.md: they come from their ``urls``."""

OCI_LAYER_OF: Final = {
    OCI_LAYER: OCI_LAYER,
    OCI_LAYER_GZIP: OCI_LAYER_GZIP,
    OCI_LAYER_ZSTD: OCI_LAYER_ZSTD,
    OCI_LAYER_RESTRICTED: OCI_LAYER_RESTRICTED,
    OCI_LAYER_RESTRICTED_GZIP: OCI_LAYER_RESTRICTED_GZIP,
    OCI_LAYER_RESTRICTED_ZSTD: OCI_LAYER_RESTRICTED_ZSTD,
    DOCKER_LAYER: OCI_LAYER,
    DOCKER_LAYER_GZIP: OCI_LAYER_GZIP,
    DOCKER_LAYER_ZSTD: OCI_LAYER_ZSTD,
    DOCKER_LAYER_FOREIGN: OCI_LAYER_RESTRICTED_GZIP,
}
"""Every layer type that can be used, and what the same bytes are called in an OCI manifest."""
