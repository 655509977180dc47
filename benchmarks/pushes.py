"""What pushing costs, to a registry of this machine: an image that is new, and a changed package.

It needs Debian's docker-registry.  Where a Docker daemon answers, it pushes the same image to the
same registry for comparison.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from benchmarks.bench import CONDABOX, report
from benchmarks.measure import best, measure
from benchmarks.registry import daemon, registry, stored
from condabox.conda.lockfiles.lockfile import lock_path
from condabox.conda.lockfiles.lockreader import read_lock_file
from tests.conftest import docker_answers
from tests.fakes.meter import Meter

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.measure import Measurement

_SMALL = ("fastapi", "uvicorn")
"""Small packages that environments ask for, each with versions before its newest."""
_REPEATS = 3
_IN_DOCKER = "condabox-bench:new"


def report_pushes(bench: Bench) -> None:
    """Push the image that is in ``layout``, and then one with a package that has changed."""
    if shutil.which("docker-registry") is None:
        print("docker-registry is not on PATH: no push is measured")
        return
    ours = best(lambda: _pushed_by_condabox(bench), repeats=_REPEATS)
    report("push of a new image", ours)
    if docker_answers():
        docker = _pushed_by_docker(bench)
        share = f"condabox takes {ours.seconds / docker.seconds:.2f} of the time"
        report("docker push of the same image, with its daemon", docker, more=share)
    _report_change(bench)


def _pushed_by_condabox(bench: Bench) -> Measurement:
    with registry(bench) as running:
        command = [*CONDABOX, "push", str(bench.directory / "layout"), f"{running.host}/new:1"]
        return measure(command, env=bench.env)


def _pushed_by_docker(bench: Bench) -> Measurement:
    bench.run("build", "--locked", "--load", "-t", _IN_DOCKER)
    try:
        return best(lambda: _docker_push(bench), repeats=_REPEATS)
    finally:
        bench.do(["docker", "rmi", _IN_DOCKER])


def _docker_push(bench: Bench) -> Measurement:
    with registry(bench) as running:
        name = f"{running.host}/new:1"
        bench.do(["docker", "tag", _IN_DOCKER, name])
        try:
            return measure(["docker", "push", name], env=bench.env, servers=daemon())
        finally:
            bench.do(["docker", "rmi", name])


def _report_change(bench: Bench) -> None:
    title = "one small package changed, to a pushed image"
    text = bench.environment.read_text()
    locked = read_lock_file(lock_path(bench.environment)).packages["linux-64"]
    older = {
        f"  - {each.name}\n": f"  - {each.name} <{each.version}\n"
        for each in locked
        if each.name in _SMALL and f"  - {each.name}\n" in text
    }
    if not older:
        print(f"{title}: the environment asks for none of {', '.join(_SMALL)}")
        return
    for newest, before in older.items():
        text = text.replace(newest, before)
    with registry(bench) as running, Meter(running.port).running() as network:
        bench.environment.write_text(text)
        bench.run("lock")
        bench.run("build", "--locked", "--push", "-t", f"{network.host}/changed:0")
        changes = []
        for number, (newest, before) in enumerate(older.items(), start=1):
            text = text.replace(before, newest)
            bench.environment.write_text(text)
            bench.run("lock", "--update", newest.split()[-1])
            there, network.sent = stored(running), 0
            push = ("--push", "-t", f"{network.host}/changed:{number}")
            found = bench.measured("build", "--locked", *push)
            came = [size for path, size in stored(running).items() if path not in there]
            changes.append((found, network.sent, max(came)))
    found, sent, layer = min(changes, key=lambda each: each[0].seconds)
    more = f"{sent / 1e6:.2f} MB received, {layer / 1e6:.2f} MB of them the layer"
    report(title, found, more=more)
