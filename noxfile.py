"""What a contributor runs: ``nox -s tests`` before anything else."""

from __future__ import annotations

import os
from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
nox.options.sessions = ["lint", "types", "layers", "tests"]
nox.needs_version = ">=2025.5.1"

GROUPS = nox.project.load_toml("pyproject.toml")["dependency-groups"]


def install(session: nox.Session, *groups: str) -> None:
    """Install condabox as it is here, and the named dependency groups."""
    needed = nox.project.dependency_groups({"dependency-groups": GROUPS}, *groups)
    session.install("-e", ".", *needed)


@nox.session
def lint(session: nox.Session) -> None:
    """Check form and common mistakes."""
    install(session, "lint")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types, strictly."""
    install(session, "types")
    session.run("mypy")


@nox.session
def layers(session: nox.Session) -> None:
    """Check that imports run one way."""
    install(session, "lint")
    session.run("lint-imports")


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests that this machine can run; what it cannot is listed with the reason."""
    install(session, "test")
    session.run("pytest", "-n", "auto", "--dist", "loadfile", *session.posargs)


@nox.session
def world(session: nox.Session) -> None:
    """Build the test world, a channel and a base image made from what apt and pip fetch."""
    install(session, "test")
    session.run("python", "-m", "tests.world", *session.posargs)


@nox.session
def demo(session: nox.Session) -> None:
    """Lock, build and run envs/serving.yml, and let it answer one request."""
    install(session, "test")
    session.run("python", "-m", "tests.demo", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Print the times and the memory of builds and pushes."""
    install(session, "test")
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """Make the wheel, install it into an empty environment and use it from there."""
    session.install("build")
    dist = Path(session.create_tmp()) / "dist"
    session.run("python", "-m", "build", "--outdir", str(dist))
    wheel = max(dist.glob("*.whl"), key=os.path.getmtime)
    session.install(str(wheel))
    session.chdir(session.create_tmp())
    session.run("condabox", "--version")
    session.run("condabox", "build", "--help", silent=True)
