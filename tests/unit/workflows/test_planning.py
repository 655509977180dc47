"""What is refused before anything is made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from condabox.conda.envfile.section import ImageSection
from condabox.errors import LockError, SpecError
from condabox.events import SilentReporter
from condabox.oci.compress import Compression
from condabox.platforms import platform_of_subdir
from condabox.settings import Settings
from condabox.workflows import planning
from condabox.workflows.build_request import BuildRequest, LockPolicy, Variant
from condabox.workflows.build_source import BuildSource
from condabox.workflows.planning import plans_of, requested_source
from tests.fakes.lockfiles import conda, lock_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from condabox.conda.lockfiles.lockfile import LockedPackage

BOTH = ("linux-64", "linux-aarch64")
SETTINGS = Settings(cache_dir=Path("/nowhere"))


class Warned(SilentReporter):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, text: str) -> None:
        self.warnings.append(text)


def request_of(variant: Variant, *, base: str | None = None) -> BuildRequest:
    return BuildRequest(
        environment=Path("envs/ai.yml"),
        names=(),
        platforms=(),
        base=base,
        output=None,
        load=False,
        lock_policy=LockPolicy.MAKE,
        variant=variant,
        budget=40,
        compression=Compression.GZIP,
        epoch=None,
    )


def source_of(
    packages: Mapping[str, Sequence[LockedPackage]],
    *,
    image: ImageSection | None = None,
    subdirs: tuple[str, ...] = BOTH,
) -> BuildSource:
    return BuildSource(
        path=Path("envs/ai.yml"),
        name="ai",
        image=image or ImageSection(),
        lock=lock_file(packages, base=None),
        subdirs=subdirs,
    )


def kernel(subdir: str, category: str) -> LockedPackage:
    return conda("ipykernel", subdir=subdir, category=category)


@pytest.mark.parametrize(
    ("packages", "subdirs", "missing"),
    [
        pytest.param(
            {"linux-64": [kernel("linux-64", "main")], "linux-aarch64": []},
            BOTH,
            "linux-aarch64",
            id="the-kernel-of-another-platform",
        ),
        pytest.param(
            {"linux-64": [kernel("linux-64", "main")], "linux-aarch64": []},
            ("linux-64",),
            None,
            id="another-platform-that-is-not-built",
        ),
        pytest.param(
            {"linux-64": [kernel("linux-64", "docs")]},
            ("linux-64",),
            "linux-64",
            id="the-kernel-of-another-category",
        ),
        pytest.param(
            {"linux-64": [kernel("linux-64", "dev")], "linux-aarch64": []},
            BOTH,
            "linux-aarch64",
            id="development-of-another-platform",
        ),
        pytest.param(
            {
                "linux-64": [kernel("linux-64", "main")],
                "linux-aarch64": [kernel("linux-aarch64", "dev")],
            },
            BOTH,
            None,
            id="each-has-it-somewhere",
        ),
    ],
)
def test_every_platform_has_what_notebooks_run_in(
    packages: Mapping[str, Sequence[LockedPackage]],
    subdirs: tuple[str, ...],
    missing: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = source_of(packages, subdirs=subdirs)
    monkeypatch.setattr(planning, "find_source", lambda *_, **__: source)

    def find(variant: Variant) -> BuildSource:
        return requested_source(
            request_of(variant), settings=SETTINGS, env={}, reporter=SilentReporter()
        )

    assert find(Variant.PROD) == source
    if missing is None:
        assert find(Variant.DEV) == source
    else:
        with pytest.raises(LockError, match=f"has nothing for dev on {missing}, and no ipykernel"):
            find(Variant.DEV)


def planned(
    base: str,
    wanted: str | None,
    *,
    subdirs: tuple[str, ...] = BOTH,
    overrides: Mapping[str, str] | None = None,
) -> list[str]:
    """Plan an image on ``base`` with tools for the glibc ``wanted``; return the warnings."""
    known = {subdir: [kernel(subdir, "main")] for subdir in subdirs}
    image = ImageSection(base=base, virtual_packages={"linux": overrides or {}})
    source = source_of(known, image=image, subdirs=subdirs)
    tools = replace(source_of(known, subdirs=subdirs), path=Path("envs/dev-tools.yml"))
    inputs = {
        subdir: replace(each, virtual_packages={"__glibc": wanted} if wanted else {})
        for subdir, each in tools.lock.inputs.items()
    }
    reporter = Warned()
    plans = plans_of(
        request_of(Variant.DEV),
        replace(source, tools=replace(tools, lock=replace(tools.lock, inputs=inputs))),
        settings=SETTINGS,
        reporter=reporter,
    )
    assert [plan.platform for plan in plans] == [platform_of_subdir(each) for each in subdirs]
    assert {plan.tools.base for plan in plans if plan.tools} == {base}
    return reporter.warnings


@pytest.mark.parametrize(
    ("base", "wanted", "overrides"),
    [
        ("debian:12", "2.36", {}),
        ("debian:12", "2.28", {}),
        ("debian:12", "2.9", {}),
        ("debian:12", None, {}),
        ("company.example/base:1", "2.28", {}),
        # the file may know better than the name
        ("company.example/base:1", "2.36", {"__glibc": "2.36"}),
        ("debian:11", "2.36", {"__glibc": "2.36 0"}),
        # and what it says for its own packages makes the base no older
        ("debian:12", "2.36", {"__glibc": "2.17"}),
        ("debian:12", "2.36", {"__glibc": None}),
    ],
)
def test_tools_may_need_what_the_base_has(
    base: str, wanted: str | None, overrides: Mapping[str, str]
) -> None:
    assert planned(base, wanted, overrides=overrides) == []


@pytest.mark.parametrize(
    ("base", "wanted", "overrides", "has"),
    [
        ("debian:11", "2.39", {}, "2.31"),
        ("redhat/ubi8", "2.39", {}, "2.28"),
        ("debian:12", "2.100", {}, "2.36"),
        ("company.example/base:1", "2.39", {"__glibc": "2.31"}, "2.31"),
    ],
)
def test_tools_for_a_newer_base_are_refused(
    base: str, wanted: str, overrides: Mapping[str, str], has: str
) -> None:
    with pytest.raises(SpecError) as caught:
        planned(base, wanted, overrides=overrides)

    assert str(caught.value) == (
        f"envs/dev-tools.yml: the tools were chosen for glibc {wanted}, and {base}, "
        f"which envs/ai.yml is built on, has {has}"
    )
    assert f'`virtual-packages: {{linux: {{__glibc: "{has}"}}}}`' in str(caught.value.hint)
    assert "`condabox lock envs/dev-tools.yml`" in str(caught.value.hint)


def test_of_a_base_that_nobody_knows_that_is_told_once() -> None:
    (warning,) = planned("company.example/base:1", "2.39")

    assert "nobody knows what company.example/base:1 has" in warning
    assert '__glibc: "2.28"' in warning


def test_what_is_tried_is_the_base_of_this_build() -> None:
    known = {"linux-64": [kernel("linux-64", "main")]}
    source = source_of(known, image=ImageSection(base="debian:12"), subdirs=("linux-64",))
    tools = source_of(known, subdirs=("linux-64",))
    inputs = replace(tools.lock.inputs["linux-64"], virtual_packages={"__glibc": "2.36"})
    locked = replace(tools.lock, inputs={"linux-64": inputs})

    with pytest.raises(SpecError, match="debian:11"):
        plans_of(
            request_of(Variant.DEV, base="debian:11"),
            replace(source, tools=replace(tools, lock=locked)),
            settings=SETTINGS,
            reporter=SilentReporter(),
        )
