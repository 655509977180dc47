"""Which wheels become conda packages, under which of conda-forge's names, and what is edited."""

from __future__ import annotations

from dataclasses import dataclass

ROOTS = (
    "fastapi",
    "httpx",
    "ipdb",
    "ipykernel",
    "jupyterlab",
    "lightgbm",
    "numpy",
    "pandas",
    "pip",
    "requests",
    "scikit-learn",
    "scipy",
    "setuptools",
    "uvicorn",
    "wheel",
    # What pytorch asks for.
    "filelock",
    "fsspec",
    "jinja2",
    "networkx",
    "sympy",
    "typing-extensions",
)
"""What the world is for; `wheels.txt` pins these and everything that they need."""

PYTORCH = "torch==2.13.0"
"""Taken only where pip finds a build without CUDA: the others are larger than all the rest."""

PYTORCH_LIMIT = 300_000_000
"""Bytes of the largest PyTorch wheel that is taken."""

CONDA_NAMES = {
    "fastjsonschema": "python-fastjsonschema",
    "ipython-pygments-lexers": "ipython_pygments_lexers",
    "jupyter-builder": "jupyter_builder",
    "jupyter-client": "jupyter_client",
    "jupyter-core": "jupyter_core",
    "jupyter-events": "jupyter_events",
    "jupyter-server": "jupyter_server",
    "jupyter-server-terminals": "jupyter_server_terminals",
    "jupyterlab-pygments": "jupyterlab_pygments",
    "jupyterlab-server": "jupyterlab_server",
    "prometheus-client": "prometheus_client",
    "pure-eval": "pure_eval",
    "stack-data": "stack_data",
    "torch": "pytorch",
    "typing-extensions": "typing_extensions",
    "tzdata": "python-tzdata",
}
"""conda-forge's names where they are not the normalised name of the project."""

TAR_BZ2 = frozenset({"click", "idna", "markupsafe", "psutil", "six", "threadpoolctl"})
"""Projects whose packages come in the old format."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelEdit:
    """Patterns of what conda-forge does not ship, and (from, to) of what it keeps elsewhere."""

    drop: tuple[str, ...] = ()
    moves: tuple[tuple[str, str], ...] = ()


_TORCH = "lib/python3.11/site-packages/torch"

WHEEL_EDITS = {
    "torch": WheelEdit(
        drop=(f"{_TORCH}/bin/*test*", f"{_TORCH}/lib/*_test.so", f"{_TORCH}/test/*"),
        moves=(
            (f"{_TORCH}/include/ATen", "include/ATen"),
            (f"{_TORCH}/include/c10", "include/c10"),
            (f"{_TORCH}/include/caffe2", "include/caffe2"),
            (f"{_TORCH}/include/torch", "include/torch"),
        ),
    ),
}


def conda_name(project: str) -> str:
    """Return conda-forge's name for the normalised name of a PyPI project."""
    return CONDA_NAMES.get(project, project)
