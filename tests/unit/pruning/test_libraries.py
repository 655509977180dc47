"""Libraries are found as ld.so finds them, and what they are found by stays."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.facts import elf, package, proven, reasons
from tests.fakes.realprefix import RealPrefix

if TYPE_CHECKING:
    from collections.abc import Mapping

    from condabox.pruning.facts import ElfFacts, PackageFacts


def kept(facts: PackageFacts, *taken: str) -> dict[str, str]:
    return reasons(proven(facts, taken=taken))


def broken(libraries: Mapping[str, ElfFacts], *base: str) -> tuple[str, ...]:
    return proven(package(libraries=libraries), taken=(), base=base).broken


@pytest.mark.parametrize(
    ("runpath", "found"),
    [
        ((), "lib/libb.so"),
        (("$ORIGIN",), "app/libb.so"),
        (("$ORIGIN/",), "app/libb.so"),
        (("${ORIGIN}/../opt",), "opt/libb.so"),
        (("$ORIGIN/nothing", "$ORIGIN/../opt", "$ORIGIN"), "opt/libb.so"),
        (("$ORIGIN/../lib64/..//./opt",), "opt/libb.so"),
        (("$ORIGINAL", "$ORIGIN_/../opt", "{ORIGIN}", "opt", ""), "lib/libb.so"),
        (("/usr/lib", "$ORIGIN/../../opt"), "lib/libb.so"),
        (("$ORIGIN/../$LIB/x",), "lib64/x/libb.so"),
        (("$ORIGIN/../opt/${PLATFORM}",), "opt/haswell/libb.so"),
    ],
)
def test_a_library_is_looked_for_where_the_runpath_says(
    runpath: tuple[str, ...], found: str
) -> None:
    folders = ("app", "lib", "lib64/x", "opt/haswell", "opt")
    everything = {f"{folder}/libb.so" for folder in folders}
    facts = package(everything, libraries={"app/liba.so": elf("libb.so", runpath=runpath)})

    assert kept(facts, *everything) == {found: "app/liba.so needs libb.so"}


def test_what_a_loader_says_counts_for_what_it_loads() -> None:
    plugin, loader = elf("libb.so"), elf(runpath=["$ORIGIN/private"])
    places = ("lib/app/private/libb.so", "lib/app/other/libb.so")
    facts = package(
        places, libraries={"lib/plugins/plugin.so": plugin, "lib/app/libapp.so": loader}
    )

    assert kept(facts, *places) == {places[0]: "lib/plugins/plugin.so needs libb.so"}


def test_a_library_may_be_in_the_prefix_itself() -> None:
    facts = package(
        ["x/libb.so", "y/libb.so"], libraries={"liba.so": elf("libb.so", runpath=["$ORIGIN/x"])}
    )

    assert kept(facts, "x/libb.so", "y/libb.so") == {"x/libb.so": "liba.so needs libb.so"}


def test_what_is_needed_needs_others() -> None:
    facts = package(
        libraries={
            "bin/tool": elf("liba.so", runpath=["$ORIGIN/../lib"]),
            "lib/liba.so": elf("libb.so"),
            "lib/libb.so": elf("libb.so", "liba.so"),
            "lib/libc.so": elf("liba.so"),
        }
    )

    assert kept(facts, "lib/liba.so", "lib/libb.so", "lib/libc.so") == {
        "lib/liba.so": "bin/tool needs liba.so",
        "lib/libb.so": "lib/liba.so needs libb.so",
    }


def test_a_library_that_needs_only_itself_can_go() -> None:
    facts = package(
        libraries={"lib/liba.so": elf("liba.so", "libb.so"), "lib/libb.so": elf("liba.so")}
    )

    assert kept(facts, "lib/liba.so", "lib/libb.so") == {}


def test_links_are_followed_through_links_and_folders() -> None:
    links = {
        "lib/libb.so": "libb.so.1",
        "lib/libb.so.1": "../lib64/libb.so.1.2",
        "lib64": "opt/lib",
        "unused/libb.so": "../lib/libb.so",
    }
    facts = package(
        ["opt/lib/libb.so.1.2", "opt/lib/libb.so.1"],
        links=links,
        libraries={"bin/a": elf("libb.so")},
    )
    taken = (*links, "opt/lib/libb.so.1.2", "opt/lib/libb.so.1")

    found = kept(facts, *taken)

    assert set(found) == {"lib/libb.so", "lib/libb.so.1", "lib64", "opt/lib/libb.so.1.2"}
    assert set(found.values()) == {"bin/a needs libb.so"}


def test_a_folder_that_a_runpath_goes_through_stays() -> None:
    facts = package(
        ["opt/libb.so"],
        links={"lib/private": "../opt"},
        libraries={"lib/liba.so": elf("libb.so", runpath=["$ORIGIN/private"])},
    )

    assert kept(facts, "lib/private", "opt/libb.so") == {
        "lib/private": "lib/liba.so looks for libraries there",
        "opt/libb.so": "lib/liba.so needs libb.so",
    }


def test_a_library_looks_around_the_link_that_it_is_loaded_by() -> None:
    facts = package(
        ["app/libb.so"],
        links={"app/liba.so": "../opt/liba.so.1"},
        libraries={"opt/liba.so.1": elf("libb.so", runpath=["$ORIGIN"])},
    )

    assert kept(facts, "app/libb.so") == {"app/libb.so": "app/liba.so needs libb.so"}


def test_a_program_knows_where_it_really_is() -> None:
    facts = package(
        ["bin/libb.so", "opt/libb.so"],
        links={"bin/tool": "../opt/tool"},
        libraries={"opt/tool": elf("libb.so", runpath=["$ORIGIN"])},
    )

    assert kept(facts, "bin/libb.so", "opt/libb.so") == {"opt/libb.so": "opt/tool needs libb.so"}


def test_a_library_for_another_machine_is_none() -> None:
    facts = package(
        libraries={
            "lib/liba.so": elf("libb.so", runpath=["$ORIGIN/arm", "$ORIGIN/x86"]),
            "lib/arm/libb.so": elf(machine="EM_AARCH64"),
            "lib/x86/libb.so": elf(),
        }
    )

    assert set(kept(facts, "lib/arm/libb.so", "lib/x86/libb.so")) == {"lib/x86/libb.so"}


def test_a_file_that_could_not_be_read_is_taken_for_what_it_is_called() -> None:
    facts = package(["lib/libb.so"], libraries={"lib/liba.so": elf("libb.so")})

    assert set(kept(facts, "lib/libb.so")) == {"lib/libb.so"}


@pytest.mark.parametrize(
    ("needed", "found"),
    [
        ("$ORIGIN/../opt/libb.so", "opt/libb.so"),
        ("${ORIGIN}/libb.so", "app/libb.so"),
        ("../opt/libb.so", "lib/libb.so"),  # from the working folder, or loaded already
        ("/build/libb.so", "lib/libb.so"),
    ],
)
def test_a_need_may_have_a_folder(needed: str, found: str) -> None:
    everything = ("app/libb.so", "lib/libb.so", "opt/libb.so")
    facts = package(everything, libraries={"app/liba.so": elf(needed)})

    assert set(kept(facts, *everything)) == {found}


@pytest.mark.parametrize("elsewhere", ["opt/libb.so.1", "nvidia/lib/renamed.so"])
def test_what_nobody_finds_may_be_loaded_in_advance(elsewhere: str) -> None:
    facts = package(libraries={"lib/liba.so": elf("libb.so.1"), elsewhere: elf(soname="libb.so.1")})

    assert set(kept(facts, elsewhere)) == {elsewhere}


def test_the_base_comes_after_the_prefix_and_before_guesses() -> None:
    ours, stub = "lib/libz.so.1", "lib/stubs/libm.so.6"
    facts = package(
        [ours, stub], libraries={"lib/liba.so": elf("libz.so.1", "libm.so.6", "libc.so.6")}
    )

    proof = proven(facts, taken={ours, stub}, base=("libz.so.1", "libm.so.6", "libc.so.6"))

    assert set(reasons(proof)) == {ours}
    assert proof.broken == ()


@pytest.mark.parametrize(
    "name",
    [
        "libcuda.so.1",
        "libcuda.so",
        "libnvidia-ml.so.1",
        "libnvidia-encode.so.1",
        "libnvidia-ptxjitcompiler.so.1",
        "libnvcuvid.so.1",
        "libcudadebugger.so.1",
        "libGLX_nvidia.so.0",
    ],
)
def test_the_driver_comes_from_the_host(name: str) -> None:
    stub = f"targets/x86_64-linux/lib/stubs/{name}"
    facts = package(libraries={"lib/liba.so": elf(name), stub: elf(soname=name)})

    proof = proven(facts, taken={stub})

    assert (proof.broken, reasons(proof)) == ((), {})


@pytest.mark.parametrize(
    "name", ["libcudart.so.12", "libnvidia.so", "libcuda.so.1x", "libcublas.so"]
)
def test_the_rest_of_cuda_does_not(name: str) -> None:
    assert broken({"lib/liba.so": elf(name)}) == (f"lib/liba.so needs {name}, which is nowhere",)


def test_what_nobody_has_is_told_once_and_keeps_nothing() -> None:
    libraries = {
        "lib/libb.so": elf("libx.so.1", "libx.so.1"),
        "lib/liba.so": elf("libx.so.1", "liby.so"),
        "lib/libx.so.1": elf(machine="EM_386"),
        "lib/gone.so": elf("libz.so"),
    }

    proof = proven(package(libraries=libraries), taken={"lib/libx.so.1", "lib/gone.so"})

    assert proof.kept == {}
    assert proof.broken == (
        "lib/liba.so and 1 more need libx.so.1, which is nowhere",
        "lib/liba.so needs liby.so, which is nowhere",
    )


def test_what_stays_after_all_can_be_broken_as_well() -> None:
    libraries = {"lib/liba.so": elf("libb.so"), "lib/libb.so": elf("libx.so")}

    proof = proven(package(libraries=libraries), taken={"lib/libb.so"})

    assert proof.broken == ("lib/libb.so needs libx.so, which is nowhere",)


def test_links_that_lead_nowhere_are_not_followed_for_ever() -> None:
    links = {f"lib/lib{number}.so": f"lib{number + 1}.so" for number in range(60)}
    links |= {"lib/liba.so": "libb.so", "lib/libb.so": "liba.so", "lib/libc.so": "libc.so/x"}
    links |= {"lib/out.so": "../../out.so", "lib/etc.so": "/etc/passwd", "lib/here.so": "."}
    names = ("lib0.so", "liba.so", "libc.so", "out.so", "etc.so", "here.so")
    facts = package(["lib/lib60.so"], links=links, libraries={"bin/a": elf(*names)})

    proof = proven(facts, taken=set(links) | {"lib/lib60.so"})

    assert proof.kept == {}
    assert len(proof.broken) == len(names)


def test_forty_links_are_followed() -> None:
    links = {f"lib/lib{number}.so": f"lib{number + 1}.so" for number in range(40)}
    facts = package(["lib/lib40.so"], links=links, libraries={"bin/a": elf("lib0.so")})

    assert set(kept(facts, *links, "lib/lib40.so")) == {*links, "lib/lib40.so"}


def test_strange_names_are_only_names() -> None:
    strange = "lib/lib\udce9\n.so"
    facts = package(
        libraries={
            "lib/liba.so": elf("", "lib\udce9\n.so", "..", "/", runpath=["$LIB" * 50, "\0", "$"]),
            strange: elf("", "x\n", soname=""),
            "lib/libb.so": elf(soname=""),
        }
    )

    proof = proven(facts, taken={strange, "lib/libb.so"})

    assert reasons(proof) == {strange: r"lib/liba.so needs 'lib\udce9\n.so'"}
    assert len(proof.broken) == 3
    assert not any("\n" in text for text in proof.broken)


def test_thousands_of_links_to_one_file() -> None:
    links = {f"lib/{number}/liba.so": "../liba.so" for number in range(5000)}
    libraries = {"lib/liba.so": elf("libb.so", runpath=["$ORIGIN"]), "lib/libb.so": elf()}

    assert set(kept(package(links=links, libraries=libraries), *libraries)) == set(libraries)


NAMES = ("a.so", "b.so", "c.so", "c.so.1", "d.so", "e.so")
LIBRARIES = ("bin/prog", "lib/a.so", "lib/x/b.so", "lib/x/c.so.1", "opt/a.so", "opt/e.so", "b.so")
LINKS = {
    "lib/c.so": "x/c.so.1",
    "lib/d.so": "../lib64/c.so",
    "lib64": "lib",
    "lib/y": "../lib64/x",
    "opt/b.so": "../lib/y/b.so",
    "opt/d.so": "../lib/x/gone.so",
    "lib/e.so": "x/e.so",
    "lib/x/e.so": "../e.so",
    "opt/c.so": "../../c.so",
    "opt/x": "../lib/x/../x",
}
ELVES = st.builds(
    lambda needed, soname, runpath, machine: elf(
        *needed, soname=soname, runpath=runpath, machine=machine
    ),
    st.lists(st.sampled_from((*NAMES, "libc.so.6", "$ORIGIN/a.so", "./b.so", "")), max_size=3),
    st.sampled_from((None, *NAMES)),
    st.lists(
        st.sampled_from(
            ("$ORIGIN", "${ORIGIN}/x", "$ORIGIN/../lib64", "$ORIGIN/../opt/x", "$ORIGIN/y/..", "/a")
        ),
        max_size=2,
    ),
    st.sampled_from(("EM_X86_64", "EM_X86_64", "EM_AARCH64")),
)
PREFIXES = st.builds(
    lambda libraries, links: package(
        links={path: LINKS[path] for path in links}, libraries=libraries
    ),
    st.dictionaries(st.sampled_from(LIBRARIES), ELVES, min_size=2),
    st.sets(st.sampled_from(sorted(LINKS))),
)


@settings(max_examples=150, deadline=None)
@given(PREFIXES, st.data())
def test_exactly_that_stays_without_which_something_else_is_found(
    facts: PackageFacts, data: st.DataObject
) -> None:
    taken = data.draw(st.sets(st.sampled_from(sorted({*facts.sizes, *facts.links}))))

    with tempfile.TemporaryDirectory() as folder:
        needed = RealPrefix(Path(folder), facts).needed(taken)

    assert set(kept(facts, *taken)) == needed
