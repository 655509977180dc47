"""Reports on images, put together."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.configuration import PACKAGES_ANNOTATION, PRUNED_ANNOTATION
from condabox.inspection.examine import examine
from condabox.inspection.report import (
    MOST_LISTED,
    FileReport,
    ImageReport,
    PackageReport,
    RestReport,
    RuleReport,
)
from condabox.oci.mediatype import DOCKER_LAYER, OCI_LAYER, OCI_LAYER_RESTRICTED
from tests.fakes.contents import CREATED, conda_record, contents, image_of, wheel_record

if TYPE_CHECKING:
    from condabox.inspection.report import (
        LayerReport,
    )
    from tests.fakes.tars import Entry

BASE = "org.opencontainers.image.base."


def built(*, development: bool = False) -> ImageReport:
    """Report on an image as condabox makes them: a base, packages, the application."""
    numpy, small = conda_record("numpy", "lib/np.so"), conda_record("small", "bin/s")
    sizes = {path: len(data) for path, data in (numpy, small)}
    layers: list[list[Entry]] = [
        [("bin/sh", b"x" * 50)],
        [numpy, ("opt/env/lib/np.so", b"x" * (1000 - sizes[numpy[0]]))],
        [small, ("opt/env/bin/s", b"x" * 10), ("opt/env/nobody", b"x" * (90 - sizes[small[0]]))],
        [("app/main.py", b"x" * 5)],
    ]
    annotations = {
        1: {PACKAGES_ANNOTATION: "numpy", PRUNED_ANNOTATION: '{"tests": [3, 300], "docs": [1, 9]}'},
        2: {PACKAGES_ANNOTATION: "small,x", PRUNED_ANNOTATION: '{"docs": [1, 500]}'},
    }
    titles = ["/bin/sh -c #(nop) ADD  file:1 in /", "condabox: numpy", "condabox: small", "app"]
    if development:
        layers.append(["opt/env/bin/jupyter"])
        annotations[4] = {PACKAGES_ANNOTATION: "jupyterlab"}
        titles.append("condabox: jupyterlab")
    return examine(
        image_of(
            *(500, 400, 50, 5, 1)[: len(layers)],
            layer_annotations=annotations,
            annotations={f"{BASE}name": "docker.io/library/ubuntu:24.04", f"{BASE}digest": "d"},
            titles=titles,
        ),
        [contents(*each) for each in layers],
        name="ai:1",
    )


def test_an_image_that_condabox_has_built() -> None:
    report = built()

    assert (report.name, report.platform, report.created) == ("ai:1", "linux/amd64", CREATED)
    assert (report.base_name, report.base_digest) == ("docker.io/library/ubuntu:24.04", "d")
    assert (report.compressed, report.unpacked) == (955, 1155)
    assert (report.files, report.efficiency) == (7, 1.0)
    assert [(each.title, each.base, each.packages) for each in report.layers] == [
        ("ADD file:1 in /", True, ()),
        ("numpy", False, ("numpy",)),
        ("small, x", False, ("small",)),
        ("app", False, ()),
    ]


def test_a_package_with_a_layer_for_itself_costs_all_of_it() -> None:
    numpy, small = built().packages

    assert numpy == PackageReport(
        name="numpy",
        version="1.0",
        build="0",
        manager="conda",
        prefix="/opt/env",
        layers=(1,),
        files=2,
        installed=1000,
        compressed=400,
        share=400 / 955,
        base=False,
    )
    assert (small.installed, small.layers) == (len(conda_record("small", "bin/s")[1]) + 10, (2,))
    assert small.compressed == round(50 * small.installed / report_of(2).unpacked)


def test_what_is_of_no_package_is_told_by_whose_it_is() -> None:
    base, unowned, application = sorted(built().rest, key=lambda each: each.layers)

    assert base == RestReport(
        kind="base",
        layers=(0,),
        files=1,
        unpacked=50,
        compressed=500,
        share=500 / 955,
    )
    assert (unowned.kind, unowned.layers, unowned.files) == ("unowned", (2,), 1)
    assert unowned.unpacked == report_of(2).unpacked - built().packages[1].installed
    assert (application.kind, application.compressed) == ("application", 5)


def test_what_later_layers_hide_is_told_as_such() -> None:
    layers = [contents(("a", b"1" * 30), ("b", b"2" * 10)), contents(("a", b"3" * 10), ".wh.b")]

    hidden, unowned = sorted(
        examine(image_of(400, 20), layers, name="x").rest, key=lambda each: each.kind
    )

    assert (hidden.kind, hidden.layers, hidden.files, hidden.unpacked) == ("hidden", (0,), 2, 40)
    assert (unowned.kind, unowned.layers, unowned.compressed) == ("unowned", (1,), 20)


def test_a_layer_without_files_costs_what_is_pulled() -> None:
    (rest,) = examine(image_of(400), [contents()], name="x").rest

    assert (rest.kind, rest.files, rest.unpacked, rest.share) == ("unowned", 0, 0, 1.0)


def report_of(layer: int) -> LayerReport:
    return built().layers[layer]


def test_what_rules_left_out_is_summed_over_the_layers() -> None:
    assert built().rules == (
        RuleReport(rule="docs", files=2, bytes=509),
        RuleReport(rule="tests", files=3, bytes=300),
    )


@pytest.mark.parametrize(
    "text", ["", "[]", '{"a": 1}', '{"a": [1]}', '{"a": ["x", 1]}', "[" * 9999]
)
def test_what_others_write_there_says_nothing(text: str) -> None:
    image = image_of(1, layer_annotations={0: {PRUNED_ANNOTATION: text}})

    assert examine(image, [contents("a")], name="x").rules == ()


def test_the_largest_files() -> None:
    assert built().largest[1] == FileReport(
        path="/opt/env/conda-meta/numpy-1.0-0.json",
        size=len(conda_record("numpy", "lib/np.so")[1]),
        package="numpy",
        layer=1,
    )


def test_an_image_that_nobody_knows_anything_of() -> None:
    report = examine(image_of(10, 20), [contents("a"), contents("a")], name="x")

    assert [(each.title, each.base) for each in report.layers] == [("", False), ("", False)]
    assert (report.base_name, report.packages, report.rules) == ("", (), ())
    assert report.efficiency == 0.5


def test_packages_of_the_base_are_told_but_not_advised_on() -> None:
    mkl = conda_record("mkl", "lib/mkl.so", prefix="opt/conda")
    image = image_of(10, 20, layer_annotations={1: {PACKAGES_ANNOTATION: "x"}})
    layer = contents(mkl, ("opt/conda/lib/mkl.so", bytes(2_000_000)))

    assert examine(image_of(10), [layer], name="x").hints
    report = examine(image, [layer, contents("opt/env/x")], name="x")
    assert [(each.name, each.base) for each in report.packages] == [("mkl", True)]
    assert report.hints == ()


def test_what_a_base_has_installed_is_its_wherever_its_files_are_written_again() -> None:
    site = "usr/lib/python3/dist-packages"
    wheel = wheel_record("pip", "pip.py", site=site)
    conda = conda_record("mamba", "bin/mamba", prefix="opt/conda")
    again = conda_record("own", "bin/own", prefix="opt/conda")
    image = image_of(10, 20, layer_annotations={1: {PACKAGES_ANNOTATION: "x"}})

    report = examine(
        image,
        [
            contents(wheel, conda, again, f"{site}/pip.py", "opt/conda/bin/mamba"),
            contents(
                f"{site}/pip.py",
                f"{site}/__pycache__/pip.cpython-312.pyc",
                again,
                "opt/conda/bin/own",
            ),
        ],
        name="x",
    )

    assert {each.name: each.base for each in report.packages} == {
        "pip": True,
        "mamba": True,
        "own": False,
    }


def test_openblas_of_several_wheels_is_advised_on() -> None:
    site = "opt/env/lib/python3.12/site-packages"
    numpy, scipy = "numpy.libs/libscipy_openblas64_-0.so", "scipy.libs/libscipy_openblas-1.so"
    layer = contents(
        wheel_record("numpy", numpy),
        wheel_record("scipy", scipy),
        (f"{site}/{numpy}", bytes(3_000_000)),
        (f"{site}/{scipy}", bytes(2_000_000)),
    )

    (hint,) = examine(image_of(10), [layer], name="x").hints

    assert (hint.packages, hint.bytes) == (("numpy", "scipy"), 2_000_000)


@pytest.mark.parametrize("media_type", [OCI_LAYER, OCI_LAYER_RESTRICTED, DOCKER_LAYER])
def test_layers_that_nobody_has_compressed_are_told(media_type: str) -> None:
    report = examine(image_of(10, media_type=media_type), [contents("a")], name="x")

    assert [each.uncompressed for each in report.layers] == [True]
    assert not any(each.uncompressed for each in built().layers)


def test_advice_knows_development_and_gpus() -> None:
    layers = [
        contents(
            conda_record("gcc", "bin/gcc"),
            wheel_record("torch", "torch.so"),
            wheel_record("nvidia_cudnn_cu12", "cudnn.so"),
            ("opt/env/bin/gcc", bytes(2_000_000)),
            ("opt/env/lib/python3.12/site-packages/cudnn.so", bytes(3_000_000)),
        )
    ]
    gpu = {"NVIDIA_REQUIRE_CUDA": "cuda>=12.0"}

    assert [each.packages for each in examine(image_of(1), layers, name="x").hints] == [
        ("nvidia-cudnn-cu12",),
        ("gcc",),
    ]
    (hint,) = examine(image_of(1, env=gpu), layers, name="x").hints
    assert hint.packages == ("gcc",)


def test_packages_above_the_application_are_development_s() -> None:
    jupyter = [contents(), contents(), contents()]
    jupyter[2] = contents(conda_record("jupyterlab", "bin/j"), ("opt/env/bin/j", bytes(2_000_000)))
    mark = {PACKAGES_ANNOTATION: "x"}

    prod = image_of(1, 2, 3, layer_annotations={1: mark, 2: mark})
    dev = image_of(1, 2, 3, layer_annotations={0: mark, 2: mark})

    assert len(examine(prod, jupyter, name="x").hints) == 1
    assert examine(dev, jupyter, name="x").hints == ()


def test_the_document_is_json_and_says_its_format() -> None:
    document = json.loads(json.dumps(built().to_json()))

    assert document["format"] == 1
    assert set(document) == {"format", *ImageReport.__slots__}
    assert document["tree"]["kind"] == "image"


def test_lists_that_may_have_every_file_end() -> None:
    layer = contents(*(str(number) for number in range(MOST_LISTED + 5)))

    report = examine(image_of(1, 1), [layer, layer], name="x")

    assert (len(report.largest), len(report.waste)) == (MOST_LISTED, MOST_LISTED)
    assert report.wasted == report.unpacked // 2
    assert report.waste_count == MOST_LISTED + 5


def test_all_that_is_there_twice_is_counted() -> None:
    pairs = [
        (f"{number}{side}", number.to_bytes(2) * (32 << 10))
        for number in range(MOST_LISTED + 1)
        for side in "ab"
    ]

    report = examine(image_of(1), [contents(*pairs)], name="x")

    assert (len(report.duplicates), report.duplicate_count) == (MOST_LISTED, MOST_LISTED + 1)


@given(
    layers=st.lists(
        st.tuples(
            st.integers(0, 10**9),
            st.lists(st.sampled_from("abcdef"), unique=True),
            st.lists(st.sampled_from("abcdef"), unique=True),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_packages_and_the_rest_cost_what_their_layers_do(
    layers: list[tuple[int, list[str], list[str]]],
) -> None:
    report = examine(
        image_of(*(size for size, _, _ in layers)),
        [
            contents(
                conda_record(f"p{number}", *claimed, version="1" * (number + 1)),
                *(f"opt/env/{name}" for name in names),
            )
            for number, (_, claimed, names) in enumerate(layers)
        ],
        name="x",
    )

    assert sum(each.installed for each in report.packages) <= report.unpacked
    rounding = len(report.packages)
    assert sum(each.compressed for each in report.packages) <= report.compressed + rounding
    assert sum(each.files for each in report.packages) <= report.files
    rows: list[PackageReport | RestReport] = [*report.packages, *report.rest]
    assert sum(each.compressed for each in rows) == pytest.approx(
        report.compressed, abs=rounding + len(report.rest)
    )
    assert sum(each.share for each in rows) == pytest.approx(1.0 if report.compressed else 0.0)
    installed = sum(each.installed for each in report.packages)
    assert installed + sum(each.unpacked for each in report.rest) == report.unpacked
