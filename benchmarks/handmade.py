"""What condabox makes beside the best that people make by hand, of the same packages and base.

It needs Debian's docker-registry and a Docker daemon.  Sizes are those of the pushed images: layers
as they are sent, and the files in them.  Every image has to import what is asked for and to work.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.bench import CONDABOX, report
from benchmarks.builds import MADE
from benchmarks.measure import best, measure
from benchmarks.recipes import BARE, CLEANED, PLAIN, write_builder, write_dockerfile
from benchmarks.registry import daemon, pushed, registry
from tests.conftest import docker_answers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.bench import Bench
    from benchmarks.measure import Measurement
    from benchmarks.recipes import Recipe
    from tests.fakes.dockerregistry import DockerRegistry

_WORK = {
    "serving.yml": (
        "import main, numpy, pydantic, uvicorn;"
        " print(main.train()[0].predict(numpy.full((1, main.FEATURES), 0.5)))"
    ),
    "ai.yml": (
        "import fastapi, numpy, pandas, sklearn.linear_model, torch, uvicorn;"
        " print(torch.nn.Linear(2, 1)(torch.ones(1, 2)))"
    ),
}
"""What an image of an environment has to be able to do: its imports, and a prediction."""
_ANY_WORK = "import sys; print(sys.version)"
_REPEATS = 3


def report_handmade(bench: Bench) -> None:
    """Print the sizes of images, how long the work in them takes, and how long making them."""
    if shutil.which("docker-registry") is None or not docker_answers():
        print("there is no docker-registry or no Docker daemon: nothing is made by hand")
        return
    plan = json.loads(bench.run("build", "--locked", "--dry-run"))[0]
    if any(package["manager"] != "conda" for package in plan["packages"]):
        print("the environment has pip packages: it is not made by hand")
        return
    with registry(bench) as running:
        shop = _Shop(bench=bench, plan=plan, running=running)
        print(
            f"{'pushed image, base included':<52}{'compressed':>10} {'unpacked':>11} {'work':>10}"
        )
        with shop.opened():
            by_hand = [_made_by_hand(shop, recipe) for recipe in (PLAIN, CLEANED, BARE)]
        for prune in ("none", "safe", "slim"):
            shop.condabox(prune, "--prune", prune)
            with shop.pulled(prune):
                shop.show(f"condabox --prune {prune}", prune, work=shop.work(prune))
        shop.condabox("zstd", "--compression", "zstd")
        shop.show("condabox --compression zstd", "zstd", work=None)
        bench.forget(*MADE)
        ours = shop.condabox("again")
    quickest = min(by_hand)
    report("build and push, packages downloaded", ours)
    share = f"condabox takes {ours.seconds / quickest:.2f} of the time"
    print(f"{'the same by hand, with docker build and push':<52}{quickest:>8.2f} s, {share}")


def _made_by_hand(shop: _Shop, recipe: Recipe) -> float:
    """Make an image, show it, and return in how many seconds it was built and pushed."""
    made, sent = shop.build(recipe), shop.push(recipe)
    try:
        shop.show(recipe.title, recipe.name, work=shop.work(recipe.name))
    finally:
        shop.remove(recipe.name)
        shop.remove_stages()
    return made.seconds + sent.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shop:
    """Makes images of what ``plan`` has, and pushes them to a registry that keeps them."""

    bench: Bench
    plan: dict[str, Any]
    running: DockerRegistry

    @property
    def label(self) -> str:
        """What tells this bench's first stages from those of others."""
        return f"condabox-bench={self.running.port}"

    def tag(self, name: str) -> str:
        return f"{self.running.host}/{name}:1"

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """Let Docker have the base, and an image with all that installing packages takes."""
        push = ("push", self.plan["base"], self.tag("base"), "--platform", "linux/amd64")
        self.bench.do([*CONDABOX, *push])
        environment = write_builder(
            self.bench.directory / "builder", plan=self.plan, bench=self.bench
        )
        self.bench.do([*CONDABOX, "build", environment, "--push", "-t", self.tag("builder")])
        with self.pulled("base"), self.pulled("builder"):
            yield

    @contextlib.contextmanager
    def pulled(self, name: str) -> Iterator[None]:
        """Let Docker have a pushed image until the context ends."""
        self.bench.do(["docker", "pull", "--quiet", self.tag(name)])
        try:
            yield
        finally:
            self.remove(name)

    def build(self, recipe: Recipe) -> Measurement:
        """Let Docker build ``recipe``, whose packages are there and whose stages are not."""
        context = self.bench.directory / recipe.name
        write_dockerfile(
            recipe,
            context,
            plan=self.plan,
            builder=self.tag("builder"),
            base=self.tag("base"),
            label=self.label,
        )
        build = ["docker", "build", "--no-cache", "--tag", self.tag(recipe.name), str(context)]
        return measure(build, env=self.bench.env, servers=daemon())

    def push(self, recipe: Recipe) -> Measurement:
        push = ["docker", "push", self.tag(recipe.name)]
        return measure(push, env=self.bench.env, servers=daemon())

    def condabox(self, name: str, *options: str) -> Measurement:
        """Build with condabox and push."""
        return self.bench.measured("build", "--locked", "--push", "-t", self.tag(name), *options)

    def work(self, name: str) -> Measurement:
        """Let an image do its work, in a container that is new each time."""
        work = _WORK.get(self.bench.environment.name, _ANY_WORK)
        run = ["docker", "run", "--rm", self.tag(name), "python", "-c", work]
        return best(lambda: measure(run, env=self.bench.env), repeats=_REPEATS)

    def show(self, title: str, name: str, *, work: Measurement | None) -> None:
        """Print one line about a pushed image."""
        found = pushed(self.running, name)
        sizes = f"{found.compressed / 1e6:>7.1f} MB {found.unpacked / 1e6:>8.1f} MB"
        seconds = f"{work.seconds:>8.2f} s" if work else ""
        print(f"{title:<52}{sizes} {seconds}".rstrip(), flush=True)

    def remove(self, name: str) -> None:
        self.bench.do(["docker", "rmi", self.tag(name)])

    def remove_stages(self) -> None:
        """Remove what Docker keeps of first stages, where it does."""
        dangling = ("--filter", "dangling=true", "--filter", f"label={self.label}")
        if stages := self.bench.do(["docker", "images", "--quiet", *dangling]).split():
            self.bench.do(["docker", "rmi", *stages])
