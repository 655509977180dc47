from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from condabox.backends.docker.results import result_of
from condabox.oci.config import History
from condabox.oci.validate import validate_image
from tests.fakes.dockerfiles import surveyed
from tests.fakes.images import make_image
from tests.fakes.lockfiles import conda

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from condabox.backends.dockerfile.surveyed import Surveyed
    from condabox.oci.image import Image

STEPS = (
    History(created_by="ADD file:1 in /"),
    History(created_by="ENV A=1", empty_layer=True),
    History(created_by="COPY /opt/env   /opt/env # buildkit"),
)


def built(folder: Path, history: Sequence[History]) -> Image:
    """Return an image of two layers, the base's and one more, that says ``history`` of itself."""
    base = surveyed({conda("zlib"): ["lib/libz.so"]}, folder=folder).known.base.image
    image = make_image(folder / "built", {"opt/env/lib/libz.so": b"1"})
    layers = (*base.manifest.layers, *image.manifest.layers)
    return replace(
        image,
        manifest=replace(image.manifest, layers=layers),
        config=replace(image.config, history=tuple(history)),
    )


def known(folder: Path) -> Surveyed:
    return surveyed(
        {conda("zlib"): ["lib/libz.so", "lib/libz.a"]},
        folder=folder,
        removed={"lib/libz.a": "static-libraries"},
    )


def test_layers_are_told_by_the_steps_that_made_them(tmp_path: Path) -> None:
    result = result_of(known(tmp_path), built(tmp_path, STEPS), warnings=["hot"])

    assert [layer.title for layer in result.layers] == [
        "base ubuntu:24.04",
        "COPY /opt/env /opt/env",
    ]
    assert result.warnings == ("hot",)
    assert {rule: saving.paths for rule, saving in result.pruned.items()} == {"static-libraries": 1}


def test_a_builder_may_say_nothing_of_its_steps(tmp_path: Path) -> None:
    result = result_of(known(tmp_path), built(tmp_path, ()), warnings=())

    assert [layer.title for layer in result.layers] == ["base ubuntu:24.04", "step 1"]


def test_the_image_has_the_annotations_of_its_plan(tmp_path: Path) -> None:
    image = make_image(tmp_path / "built", {"opt/env/lib/libz.so": b"1"})

    made = result_of(known(tmp_path), image, warnings=()).image

    assert made.manifest.annotations["org.opencontainers.image.title"] == "serving"
    assert made.digest != image.digest
    assert made.config.config == image.config.config
    assert validate_image(made) == ()


def test_what_is_not_the_base_s_is_dated_by_the_newest_package(tmp_path: Path) -> None:
    surveyed = known(tmp_path)
    base = surveyed.known.base.image.config.history
    ours = (
        History(created_by="COPY /environment/ /", created="2001-09-09T01:46:40Z"),
        History(created_by="ENV A=1", empty_layer=True),
    )
    image = built(tmp_path, (*(replace(each, created="") for each in base), *ours))

    made = result_of(surveyed, image, warnings=()).image

    newest = "2023-11-14T22:13:20Z"
    assert base
    assert made.config.created == newest
    assert made.config.history == (*base, *(replace(each, created=newest) for each in ours))
    assert made.manifest.annotations["org.opencontainers.image.created"] == newest
    assert made.manifest.config.digest == made.config.digest
    assert made.manifest.layers == image.manifest.layers


def test_a_time_of_the_user_s_is_when_it_was_created(tmp_path: Path) -> None:
    surveyed = known(tmp_path)
    image = make_image(tmp_path / "built", {"opt/env/lib/libz.so": b"1"})

    at = replace(surveyed, plan=replace(surveyed.plan, epoch=12))

    assert result_of(at, image, warnings=()).image.config.created == "1970-01-01T00:00:12Z"


def test_what_the_builder_wrote_into_the_configuration_stays(tmp_path: Path) -> None:
    image = make_image(tmp_path / "built", {"opt/env/lib/libz.so": b"1"})
    extra = {"moby.buildkit.cache.v1": "c2hhcmVk"}
    image = replace(image, config=replace(image.config, extra=extra))

    made = result_of(known(tmp_path), image, warnings=()).image

    assert made.config.extra == extra
