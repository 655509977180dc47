"""``condabox verify`` on real images: good ones, and ones that were broken on purpose."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from condabox.oci.layout import ImageLayout
from condabox.outputs.files import write_images
from condabox.platforms import Platform
from condabox.verification.contents import read_contents
from tests.fakes.condaimage import conda_image, member, program
from tests.fakes.packages import File, make_package
from tests.fakes.project import Project, make_project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from condabox.oci.image import Image
    from tests.fakes.condaimage import Member
    from tests.world.world import World

SITE = "opt/env/lib/python3.11/site-packages"

Seen = dict[tuple[str, str], tuple[str, str]]
"""State and detail by group and name."""

SPEC = """\
name: web
channels: [conda-forge]
dependencies: [python 3.11.*, numpy, uvicorn]
platforms: [linux-64, linux-aarch64]
condabox:
  user: "1000:0"
  workdir: /app
  app: [{src: app, dest: /app}]
  cmd: [uvicorn, "main:app"]
  test:
    imports: [main, uvicorn.config]
    commands: ["test $(id -u) = 1000 && pwd", "python -m main"]
"""


def seen(project: Project, *words: str, status: int) -> Seen:
    """Run ``condabox verify`` and return what it found."""
    done = project.run("verify", *words, "--json", "--quiet")
    assert done.returncode == status, done.stderr + done.stdout
    return {
        (each["group"], each["name"]): (each["state"], each["detail"])
        for each in json.loads(done.stdout)["checks"]
    }


def problems(found: Seen) -> Seen:
    return {key: value for key, value in found.items() if value[0] == "problem"}


@pytest.fixture(scope="module")
def web(world: World, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project of the test world whose image is built, as a layout and an archive."""
    root = tmp_path_factory.mktemp("web")
    (root / "web.yml").write_text(SPEC)
    (root / "app").mkdir()
    (root / "app" / "main.py").write_text("import sys, uvicorn\napp = None\n")
    # Podman's own limits are higher than some machines let even root go.
    limits = 'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]'
    (root / "containers.conf").write_text(f"[containers]\n{limits}\n")
    env = {
        "CONDABOX_CONFIG": str(world.settings),
        "CONTAINERS_CONF": str(root / "containers.conf"),
        "XDG_CACHE_HOME": str(root / "cache"),
    }
    project = Project(root=root, env=env)
    both = ("--platform", "linux/amd64,linux/arm64")
    done = project.run("build", "web.yml", "-o", "web", *both)
    assert done.returncode == 0, done.stderr
    return project


@pytest.fixture(
    params=[
        pytest.param("unshare", marks=pytest.mark.tool("unshare")),
        pytest.param("docker", marks=pytest.mark.docker),
        pytest.param("podman", marks=pytest.mark.tool("podman")),
    ]
)
def engine(request: pytest.FixtureRequest) -> str:
    rootless = request.param == "podman" and os.getuid() != 0
    if rootless and getpass.getuser() not in Path("/etc/subuid").read_text():
        pytest.skip("without root, podman needs subordinate ids for this user")
    return str(request.param)


def broken(project: Project, folder: Path, members: Sequence[Member]) -> str:
    """Write the project's image with one more layer, and return its path."""
    base = image_of(project)
    image = conda_image(folder / "made", members, base=base)
    write_images(folder / "broken.tar", [image], names=())
    return str(folder / "broken.tar")


def image_of(project: Project) -> Image:
    layout = ImageLayout.open(project.root / "web")
    return layout.resolve(None, platform=Platform(os="linux", architecture="amd64"))


@pytest.mark.world
def test_every_engine_finds_a_good_image_good(web: Project, engine: str) -> None:
    found = seen(web, "web.yml", "--platform", "linux/amd64", "--engine", engine, status=0)

    assert found["container", engine] == ("ok", "linux/amd64, without network")
    assert found["imports", "numpy"] == ("ok", "import numpy")
    assert found["scripts", "uvicorn"] == ("ok", "uvicorn --help")
    assert found["tests", "main"] == ("ok", "import main")
    assert found["tests", "command"] == ("ok", "python -m main")
    assert found["contents", "lock"][0] == "ok"
    assert found["structure", "command"] == ("ok", "/opt/env/bin/uvicorn")
    assert {key[0] for key in found} >= {"package tests", "contents", "structure"}
    assert problems(found) == {}


@pytest.mark.world
def test_an_image_alone_tells_what_was_asked_for(web: Project) -> None:
    found = seen(web, "oci:web", "--platform", "linux/amd64", "--engine", "unshare", status=0)

    assert found["imports", "uvicorn"] == ("ok", "import uvicorn")
    assert ("imports", "click") not in found
    assert ("tests", "main") not in found


@pytest.mark.world
def test_a_foreign_image_is_looked_at_without_running_it(web: Project) -> None:
    words = ("oci:web", "--platform", "linux/arm64", "--against", "web.yml", "--engine", "none")

    found = seen(web, *words, status=0)

    assert found["contents", "lock"][0] == "ok"
    assert found["contents", "requirements"][0] == "ok"
    assert not [key for key in found if key[0] in {"container", "imports", "scripts", "tests"}]


@pytest.mark.world
def test_what_is_built_again_is_the_same(web: Project) -> None:
    words = ("oci:web", "--platform", "linux/amd64", "--against", "web.yml", "--engine", "none")

    found = seen(web, *words, "--rebuild", status=0)

    assert found["rebuild", "digest"][1].endswith("bit for bit the same")
    assert not list((web.root / "cache" / "condabox").glob("rebuild-*"))


@pytest.mark.world
def test_what_was_changed_by_hand_is_told_by_a_rebuild(web: Project, tmp_path: Path) -> None:
    path = broken(web, tmp_path, [member("opt/env/added")])
    words = (path, "--against", str(web.root / "web.yml"), "--engine", "none", "--rebuild")

    found = seen(web, *words, status=10)

    assert "layers became" in found["rebuild", "digest"][1]


@pytest.mark.world
def test_what_is_missing_in_an_image_is_told(web: Project, tmp_path: Path, engine: str) -> None:
    paths = read_contents(image_of(web), marks=()).tree
    (library,) = [path for path in paths if "/numpy.libs/libscipy_openblas" in path]
    path = broken(
        web,
        tmp_path,
        [
            member(_whiteout(library)),
            member(_whiteout(f"{SITE}/click/__init__.py")),
            member(_whiteout("opt/env/bin/f2py")),
            member(f"{SITE}/h11-0.16.0.dist-info/METADATA", "Name: h11\nVersion: 9.9\n"),
        ],
    )

    found = seen(web, path, "--engine", engine, "--against", "web.yml", status=10)

    told = problems(found)
    assert "openblas" in told["imports", "numpy"][1]
    assert "cannot open shared object file" in told["imports", "numpy"][1]
    assert "libscipy_openblas" in told["contents", "numpy"][1]
    assert "click/__init__.py" in told["contents", "click"][1]
    assert told["scripts", "uvicorn"][0] == "problem"
    assert told["contents", "h11"][1] == "its METADATA says 9.9, its folder 0.16.0"
    assert ("imports", "python") not in told


@pytest.mark.world
@pytest.mark.tool("unshare")
def test_what_dies_at_start_and_what_was_changed_is_told(web: Project, tmp_path: Path) -> None:
    script = '#!/opt/env/bin/python\nimport ctypes\nctypes.CDLL("libnothere.so.1")\n'
    path = broken(
        web,
        tmp_path,
        [
            program("opt/env/bin/uvicorn", script),
            member(f"{SITE}/h11/_util.py", "changed = True\n"),
            member(_whiteout(f"{SITE}/click")),
        ],
    )

    told = problems(seen(web, path, "--engine", "unshare", "--against", "web.yml", status=10))

    assert "libnothere.so.1: cannot open shared object file" in told["scripts", "uvicorn"][1]
    assert "bin/uvicorn is not what the record says" in told["contents", "uvicorn"][1]
    assert "h11/_util.py is not what the record says" in told["contents", "h11"][1]
    assert "No module named 'click'" in told["package tests", "uvicorn"][1]


@pytest.mark.world
@pytest.mark.tool("unshare")
def test_without_metadata_all_is_imported_and_told(web: Project) -> None:
    lines = ["name: bare", "channels: [conda-forge]", "dependencies: [python 3.11.*, uvicorn]"]
    lines += ["platforms: [linux-64]", "condabox: {prune: {drop: ['**/*.dist-info/**']}}"]
    (web.root / "bare.yml").write_text("\n".join(lines))

    found = seen(web, "bare.yml", "--engine", "unshare", status=10)

    assert found["imports", "uvicorn"] == ("ok", "import uvicorn")
    assert problems(found).keys() >= {("contents", "uvicorn"), ("contents", "click")}
    assert ".dist-info/METADATA" in found["contents", "uvicorn"][1]


@pytest.mark.tool("unshare")
def test_what_pruning_left_out_is_no_problem_for_a_packages_own_tests(tmp_path: Path) -> None:
    tests = b"import tool\nimport tool.tests\nimport tool.tests.inner\n"
    files = ("__init__", "tests/__init__", "tests/inner")
    tool = make_package(
        tmp_path / "packages",
        "tool",
        files={f"lib/python3.11/site-packages/tool/{each}.py": b"" for each in files},
        info={"test/run_test.py": tests},
    )
    section = '  prune: {drop: ["**/tool/tests/**"]}\n'
    project = make_project(tmp_path / "tool", archives=[tool], specs=["tool"], section=section)

    found = seen(project, "environment.yml", "--engine", "unshare", status=0)

    detail = "import tool.tests, tool.tests.inner: left out by pruning"
    assert found["package tests", "tool"] == ("note", detail)


def _whiteout(path: str) -> str:
    folder, _, name = path.rpartition("/")
    return f"{folder}/.wh.{name}"


HOSTILE = """
import json, os, sys
for number in range(1000):
    line = json.dumps({"check": number, "how": "ended", "status": 77, "attempt": 0, "said": ""})
    print("0" * 32, line)
    try:
        open("/proc/1/fd/1", "w").write("\\n" + "0" * 32 + " " + line + "\\n")
    except OSError:
        pass
"""


@pytest.mark.world
@pytest.mark.parametrize(
    ("source", "told"),
    [
        pytest.param(HOSTILE + "raise SystemExit(0)", "uvicorn: SystemExit: 0", id="fakes answers"),
        pytest.param("import os; os._exit(0)", "it ended with status 0", id="ends Python"),
        pytest.param("while True: pass", "no answer in 4 seconds", id="never ends"),
        pytest.param("while True: print('x' * 10**6)", "it printed without end", id="prints"),
        pytest.param(
            "import os, time\n"
            "for _ in range(20):\n"
            "    if not os.fork():\n"
            "        os.setsid()\n"
            "        time.sleep(600)\n"
            "raise RuntimeError('forked')",
            "uvicorn: RuntimeError: forked",
            id="forks",
        ),
    ],
)
@pytest.mark.tool("unshare")
def test_a_hostile_module_harms_nobody_else(
    web: Project, tmp_path: Path, source: str, told: str
) -> None:
    # byte code in an image is not compared with its source
    stale = _whiteout(f"{SITE}/uvicorn/__pycache__/__init__.cpython-311.pyc")
    members = [member(stale), member(f"{SITE}/uvicorn/__init__.py", source)]
    path = broken(web, tmp_path, members)

    found = seen(web, path, "--engine", "unshare", "--timeout", "4", status=10)

    assert found["imports", "uvicorn"] == ("problem", f"import uvicorn: {told}")
    assert found["imports", "numpy"][0] == "ok"


@pytest.mark.world
@pytest.mark.docker
def test_docker_keeps_nothing_of_it(web: Project, tmp_path: Path) -> None:
    path = broken(web, tmp_path, [member("opt/env/mark", os.urandom(8))])
    before = _docker("image", "ls", "--quiet", "--all", "--no-trunc")

    seen(web, path, "--engine", "docker", status=0)

    left = set(_docker("image", "ls", "--quiet", "--all", "--no-trunc")) - set(before)
    assert not {each for each in left if _has_mark(each)}


def _docker(*words: str) -> list[str]:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=True)
    return done.stdout.split()


def _has_mark(image: str) -> bool:
    # other tests may load images at the same time
    done = subprocess.run(
        ["docker", "history", "--no-trunc", image], capture_output=True, text=True, check=False
    )
    return "by hand" in done.stdout


@pytest.fixture
def small(tmp_path: Path) -> Project:
    """Return a project without Python, whose one program is not for this machine's kernel."""
    tool = make_package(
        tmp_path / "packages",
        "tool",
        files={"bin/tool": File("#!/bin/sh\n", executable=True), "lib/libtool.so.1": b"\0"},
    )
    return make_project(tmp_path / "small", archives=[tool], specs=["tool"])


def test_an_environment_file_is_built_and_looked_at(small: Project) -> None:
    found = seen(small, "environment.yml", "--engine", "none", "--rebuild", status=0)

    assert found["contents", "lock"] == ("ok", "1 package, exactly what the lock has")
    assert found["rebuild", "digest"][0] == "ok"
    # it went nowhere
    assert small.run("images").stdout.count("\n") == 1


def test_a_damaged_layer_is_a_finding(small: Project) -> None:
    small.build()
    layer = ImageLayout.open(small.root / "image").resolve(None, platform=None).manifest.layers[-1]
    blob = small.root / "image" / "blobs" / "sha256" / layer.digest.hex
    data = bytearray(blob.read_bytes())
    data[len(data) // 2] ^= 1
    blob.chmod(0o644)
    blob.write_bytes(data)

    found = seen(small, "oci:image", status=10)

    assert found["structure", "documents"][0] == "problem"
    assert not [key for key in found if key[0] == "container"]


def test_the_lock_of_another_environment_does_not_fit(small: Project, tmp_path: Path) -> None:
    small.build()
    other = make_package(tmp_path / "packages", "other", files={"lib/other": b""})
    more = make_project(
        tmp_path / "more",
        archives=[tmp_path / "packages" / "tool-1.0-0.conda", other],
        specs=["tool", "other"],
    )
    assert more.run("lock", "environment.yml").returncode == 0

    found = seen(
        small, "oci:image", "--against", str(more.environment), "--engine", "none", status=10
    )

    assert problems(found) == {
        ("contents", "other"): ("problem", "1.0 0 is locked, and is not in the image")
    }


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("oci:image", "--rebuild"), 3, "--against"),
        (("environment.yml", "--against", "environment.yml"), 3, "--against is for an IMAGE"),
        (("oci:gone",), 7, "gone"),
        (("oci:image", "--against", "gone.yml"), 3, "gone.yml"),
    ],
)
def test_what_cannot_be_verified_is_an_error(
    small: Project, words: tuple[str, ...], status: int, told: str
) -> None:
    small.build()

    done = small.run("verify", *words, "--engine", "none")

    assert done.returncode == status, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
