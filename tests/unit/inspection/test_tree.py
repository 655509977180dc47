"""What the bytes are for, as a tree that a page can show."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from condabox.inspection.tree import LayerFiles, TreeNode, tree_of

if TYPE_CHECKING:
    from collections.abc import Iterator

MB = 1_000_000


def layer(*files: tuple[str, str, int]) -> LayerFiles:
    return LayerFiles(title="a layer", files=files)


def nodes(node: TreeNode) -> Iterator[TreeNode]:
    yield node
    for child in node.children:
        yield from nodes(child)


def leaf(name: str, size: int) -> TreeNode:
    return TreeNode(name=name, kind="file", bytes=size)


def test_layer_package_directory_file() -> None:
    tree = tree_of(
        "ai",
        [
            layer(
                ("opt/env/lib/a.so", "numpy", 3 * MB),
                ("opt/env/lib/b.so", "numpy", 4 * MB),
                ("app/main.py", "", 2 * MB),
            )
        ],
    )

    assert tree == TreeNode(
        name="ai",
        kind="image",
        bytes=9 * MB,
        children=(
            TreeNode(
                name="a layer",
                kind="layer",
                bytes=9 * MB,
                children=(
                    TreeNode(
                        name="numpy",
                        kind="package",
                        bytes=7 * MB,
                        children=(
                            TreeNode(
                                name="opt/env/lib",
                                kind="directory",
                                bytes=7 * MB,
                                children=(leaf("b.so", 4 * MB), leaf("a.so", 3 * MB)),
                            ),
                        ),
                    ),
                    TreeNode(
                        name="app",
                        kind="directory",
                        bytes=2 * MB,
                        children=(leaf("main.py", 2 * MB),),
                    ),
                ),
            ),
        ),
    )


def test_what_is_small_is_summed() -> None:
    small = [(f"d/{number}", "", 100) for number in range(2000)]

    tree = tree_of("ai", [layer(("d/large", "", 10 * MB), *small)])

    (directory,) = tree.children[0].children
    assert directory.children == (
        leaf("large", 10 * MB),
        TreeNode(name="2,000 small files", kind="rest", bytes=200_000),
    )


def test_a_tree_of_many_files_is_small() -> None:
    files = [(f"d{number % 300}/{number % 7}/{number}", "", 1000) for number in range(100_000)]

    tree = tree_of("ai", [layer(*files)])

    assert sum(1 for _ in nodes(tree)) < 10_000


def test_a_tree_is_not_as_deep_as_its_paths() -> None:
    path = "d"
    files = []
    for number in range(2000):
        path = f"{path}/d"
        files.append((f"{path}/{number}", "", MB))

    assert json.dumps(tree_of("ai", [layer(*files)]).to_json())


FILES = st.lists(
    st.tuples(
        st.lists(st.sampled_from("abc"), min_size=1, max_size=5).map("/".join),
        st.sampled_from(["", "x", "y"]),
        st.integers(0, 10_000),
    )
)


@given(layers=st.lists(FILES, max_size=3))
def test_every_node_is_the_sum_of_its_parts(layers: list[list[tuple[str, str, int]]]) -> None:
    tree = tree_of("ai", [layer(*each) for each in layers])

    assert tree.bytes == sum(size for each in layers for _, _, size in each)
    for node in nodes(tree):
        if node.children:
            assert node.bytes == sum(child.bytes for child in node.children)
        sizes = [child.bytes for child in node.children if child.kind != "rest"]
        assert node.kind == "image" or sizes == sorted(sizes, reverse=True)
