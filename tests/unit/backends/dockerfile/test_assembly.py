"""Whole Dockerfiles, for environments of every kind."""

from __future__ import annotations

import re
import shlex
import subprocess
import sysconfig
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from condabox.appfiles import AppDirectory, AppFile, AppLink, AppSource
from condabox.backends.dockerfile.context import ContextFile, ContextFolder, ContextLink
from condabox.conda.envfile import section
from condabox.conda.envfile.section import Healthcheck, ImageSection
from condabox.development.account import User, passwd_with
from condabox.development.files import PROFILE, own_files, profile
from condabox.errors import SpecError
from tests.fakes.dockerfiles import context_of, developed, surveyed, text
from tests.fakes.lockfiles import conda, wheel
from tests.fakes.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from condabox.backends.dockerfile.context import DockerContext
    from condabox.backends.dockerfile.surveyed import Surveyed
    from condabox.conda.lockfiles.lockfile import LockedPackage

GOLDEN = ROOT / "tests" / "golden"
SCRIPTS = Path(sysconfig.get_path("scripts"))

COPIED = re.compile(r"^COPY (?!--from)(.*)$", re.MULTILINE)
STAGE = re.compile(r"^FROM (\S+) AS \S+$", re.MULTILINE)

SUBDIRS = ("linux-64", "linux-aarch64")
PYTHON = {conda("python", "3.12.4"): ["bin/python", "lib/python3.12/os.py"]}
SERVING = ImageSection(
    app=(AppSource(src=Path("app"), dest="/app"),),
    workdir="/app",
    user="1000:0",
    env={"OMP_NUM_THREADS": "1"},
    expose=("8000/tcp",),
    cmd=("uvicorn", "main:app", "--host", "0.0.0.0"),  # noqa: S104  (of a container)
    healthcheck=Healthcheck(cmd=("python", "-m", "health"), interval=30, timeout=0.5, retries=3),
    test=section.TestSection(
        imports=("lightgbm", "main"), commands=('uvicorn --version && test -n "$PATH"',)
    ),
)
MAIN = AppFile(path="app/main.py", source=ROOT / "envs/app/main.py", size=1, executable=False)


def serving(folder: Path, subdir: str = "linux-64") -> DockerContext:
    lightgbm = conda("lightgbm", subdir=subdir)
    prod = {**PYTHON, lightgbm: ["lib/lib_lightgbm.so", "lib/liblightgbm.a"]}
    removed = {"lib/liblightgbm.a": "static-libraries"}
    known = surveyed(
        prod,
        folder=folder,
        subdir=subdir,
        section=SERVING,
        removed=removed,
        application=(MAIN,),
    )
    return context_of([known])


def development(folder: Path) -> DockerContext:
    def variant(subdir: str, *, dev: bool) -> dict[object, list[str]]:
        packages = {
            conda("python", "3.12.4", subdir=subdir): ["bin/python"],
            conda("pip", subdir="noarch"): ["bin/pip"],
            wheel("attrs"): ["lib/attr.py"],
        }
        more = {
            conda("ipython", category="dev"): ["bin/ipython", "share/man/man1/ipython.1"],
            wheel("ipdb", category="dev"): ["lib/ipdb.py"],
        }
        return {**packages, **(more if dev else {})}  # type: ignore[dict-item]

    prod, dev = (
        [
            surveyed(
                variant(subdir, dev=is_dev),  # type: ignore[arg-type]
                folder=folder,
                subdir=subdir,
                removed={"share/man/man1/ipython.1": "manuals"},
            )
            for subdir in SUBDIRS
        ]
        for is_dev in (False, True)
    )
    with_tools = [
        developed(each, tools(folder / "tools", subdir))
        for each, subdir in zip(dev, SUBDIRS, strict=True)
    ]
    return context_of(prod, with_tools)


def kernel_in_prod(folder: Path) -> DockerContext:
    image = ImageSection(user="4321", dev=section.DevSection(ssh_port=2200))
    known = surveyed(PYTHON, folder=folder, name="kernel", section=image)
    wheels = tools(folder / "tools", "linux-64", more={wheel("aiohttp"): ["lib/aiohttp.py"]})
    return context_of([known], [developed(known, wheels, login_shell="/bin/sh")])


def shells(folder: Path) -> DockerContext:
    """Return development whose configuration is not the same on both platforms."""
    each = [surveyed(PYTHON, folder=folder, name="shells", subdir=subdir) for subdir in SUBDIRS]
    dev = [
        developed(known, tools(folder / "tools", subdir), login_shell=shell)
        for known, subdir, shell in zip(each, SUBDIRS, ("/bin/bash", "/bin/sh"), strict=True)
    ]
    return context_of(each, dev)


def tools(
    folder: Path, subdir: str, *, more: Mapping[LockedPackage, list[str]] | None = None
) -> Surveyed:
    packages = {
        conda("python", "3.13.1", subdir=subdir): ["bin/python", "bin/python3"],
        conda("jupyterlab", subdir="noarch"): ["bin/jupyter-lab", "share/man/man1/lab.1"],
        **({conda("rsync"): ["bin/rsync"]} if subdir == "linux-64" else {}),
        **(more or {}),
    }
    return surveyed(
        packages,
        folder=folder,
        name="dev-tools",
        subdir=subdir,
        section=ImageSection(prefix="/opt/tools"),
        removed={"share/man/man1/lab.1": "manuals"},
        asked=("jupyterlab", "python >=3.11", "rsync"),
    )


def gpu(folder: Path) -> DockerContext:
    activation = {
        "etc/conda/activate.d/cuda.sh": 'export CUDA_PATH="$CONDA_PREFIX/targets/$(arch)"\n',
        "etc/conda/activate.d/libs.sh": 'export XLA_FLAGS="--cuda_data_dir=$CONDA_PREFIX"\n',
    }
    each = [
        surveyed(
            {
                conda("python", "3.12.4", subdir=subdir): ["bin/python", *activation],
                conda("pytorch", subdir=subdir): ["lib/libtorch.so"],
            },
            folder=folder,
            name="gpu",
            subdir=subdir,
            section=ImageSection(
                cuda="12.8", virtual_packages={"linux-aarch64": {"__cuda": None}}, user="1000:0"
            ),
            activation=activation,
        )
        for subdir in ("linux-64", "linux-aarch64")
    ]
    return context_of(each)


def no_python(folder: Path) -> DockerContext:
    image = ImageSection(
        prefix="/srv/tools", entrypoint=("/srv/tools/bin/curl",), labels={"team": 'a "b" $c'}
    )
    return context_of(
        [surveyed({conda("curl"): ["bin/curl"]}, folder=folder, name="tools", section=image)]
    )


def apt(folder: Path) -> DockerContext:
    image = ImageSection(
        apt=("libgl1", "tini=0.19*"),
        builder="registry.example/micromamba:2.8.1@sha256:" + "ab" * 32,
    )
    return context_of([surveyed(PYTHON, folder=folder, name="viewer", section=image)])


def private(folder: Path) -> DockerContext:
    packages = {
        conda("python", "3.12.4", channel="https://conda.example/team"): ["bin/python"],
        wheel("secret", host="https://pypi.example"): ["lib/secret.py"],
    }
    mirrors = {
        "https://conda.example/team": (
            "file:///srv/team",
            "https://me:hunter2@mirror.example/t/abc/team",
        )
    }
    return context_of([surveyed(packages, folder=folder, name="private")], mirrors=mirrors)


KINDS = (serving, development, kernel_in_prod, shells, gpu, no_python, apt, private)


@pytest.fixture(params=KINDS, ids=[kind.__name__ for kind in KINDS])
def kind(request: pytest.FixtureRequest) -> Callable[[Path], DockerContext]:
    found: Callable[[Path], DockerContext] = request.param
    return found


def test_the_text(kind: Callable[[Path], DockerContext], tmp_path: Path) -> None:
    golden = GOLDEN / f"dockerfile-{kind.__name__.replace('_', '-')}.txt"

    assert text(kind(tmp_path)) == golden.read_text()


def test_linters_find_nothing(kind: Callable[[Path], DockerContext], tmp_path: Path) -> None:
    context = kind(tmp_path / "images")
    for path in context.entries:
        if path == "Dockerfile" or (path.endswith(".sh") and not path.startswith("dev/")):
            (tmp_path / path.replace("/", "-")).write_text(text(context, path))

    checks = [[str(SCRIPTS / "hadolint"), "--no-color", "Dockerfile"]]
    checks += [[str(SCRIPTS / "shellcheck"), path.name] for path in tmp_path.glob("*.sh")]
    for command in checks:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_file_that_is_copied_is_there(
    kind: Callable[[Path], DockerContext], tmp_path: Path
) -> None:
    context = kind(tmp_path)
    architectures = {path[6:11] for path in context.entries if path.startswith("linux-")}

    copied = {
        word.replace("${TARGETARCH}", architecture).rstrip("/")
        for line in COPIED.findall(text(context))
        for word in line.split()[:-1]
        for architecture in architectures
    }

    assert copied <= context.entries.keys()
    copied_folders = tuple(f"{path}/" for path in copied)
    there = {path for path in context.entries if not path.startswith(copied_folders)}
    assert there - copied == {"Dockerfile", ".dockerignore"}


def test_of_a_base_nothing_runs_but_apt_and_what_is_asked_for(
    kind: Callable[[Path], DockerContext], tmp_path: Path
) -> None:
    _, *stages = STAGE.split(text(kind(tmp_path)))

    for begin, instructions in zip(stages[::2], stages[1::2], strict=True):
        if begin not in ("${BUILDER}", "builder"):
            _, *runs = instructions.split("\nRUN ")
            assert [run for run in runs if not run.startswith("[") and "apt-get" not in run] == []


def test_nothing_secret_is_written(tmp_path: Path) -> None:
    context = private(tmp_path)

    everything = "".join(text(context, path) for path in context.entries)

    assert "hunter2" not in everything
    assert "/t/abc" not in everything
    assert "https://mirror.example/team/linux-64/python-3.12.4-0.conda#" in everything
    assert len(context.warnings) == 1
    assert context.warnings[0].startswith("mirror.example wants a token in its URLs")


def test_the_lock_is_in_link_order_and_verified(tmp_path: Path) -> None:
    context = development(tmp_path)

    *head, python, pip = text(context, "linux-arm64/packages.txt").splitlines()

    assert head == ["# platform: linux-aarch64", "@EXPLICIT"]
    assert [line.partition("#sha256:")[0].rpartition("/")[2] for line in (python, pip)] == [
        "python-3.12.4-0.conda",
        "pip-1.0-0.conda",
    ]
    assert all(len(line.partition("#sha256:")[2]) == 64 for line in (python, pip))
    assert text(context, "linux-amd64/requirements.txt") == (
        "attrs @ https://files.example/packages/attrs-1.0-py3-none-any.whl "
        f"--hash=sha256:{wheel('attrs').sha256}\n"
    )


def test_development_has_what_prod_has_not(tmp_path: Path) -> None:
    context = development(tmp_path)

    assert "ipython-1.0" in text(context, "linux-amd64/packages-dev.txt")
    assert "python-3.12" not in text(context, "linux-amd64/packages-dev.txt")
    assert "ipdb" in text(context, "linux-amd64/requirements-dev.txt")
    assert "attrs" not in text(context, "linux-amd64/requirements-dev.txt")
    assert "rm -rf -- \\\n    share\n" in text(context, "linux-amd64/prune-dev.sh")
    assert "share" not in text(context, "linux-amd64/prune.sh")
    assert context.target == "dev"


def test_byte_code_goes_alone_and_stays_alone(tmp_path: Path) -> None:
    paths = [f"lib/python3.12/test/{name}.py" for name in ("a", "b", "c")]
    shipped = "lib/python3.12/test/__pycache__/a.cpython-312.pyc"
    removed = dict.fromkeys([shipped, paths[2]], "tests")
    packages = {conda("python", "3.12.4"): [*paths, shipped]}

    script = text(
        context_of([surveyed(packages, folder=tmp_path, removed=removed)]),
        "linux-amd64/prune.sh",
    )

    assert script.endswith(f"rm -rf -- \\\n    {shipped} \\\n    {paths[2]}\n")


def test_wheels_without_pip_take_the_one_in_pythons_library(tmp_path: Path) -> None:
    wheels = {**PYTHON, wheel("attrs"): ["lib/attr.py"]}

    dockerfile = text(context_of([surveyed(wheels, folder=tmp_path)]))

    assert "lib/python3.12/ensurepip/_bundled/pip-*.whl" in dockerfile


def test_the_application_is_where_it_will_be(tmp_path: Path) -> None:
    application = (
        AppDirectory(path="app"),
        AppDirectory(path="app/empty"),
        AppLink(path="app/link", target="main.py"),
        replace(MAIN, executable=True),
    )

    entries = context_of([surveyed(PYTHON, folder=tmp_path, application=application)]).entries

    assert [path for path in entries if path.startswith("app")] == [
        *("app", "app/app", "app/app/empty", "app/app/link", "app/app/main.py")
    ]
    assert isinstance(entries["app/app/empty"], ContextFolder)
    assert entries["app/app/link"] == ContextLink(target="main.py")
    main = entries["app/app/main.py"]
    assert isinstance(main, ContextFile)
    assert main.executable


@pytest.mark.parametrize("base", ["oci:layout", "oci-archive:x.tar", "docker-archive:x.tar:y"])
def test_a_base_in_a_file_is_refused(base: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot begin with a file"):
        context_of([surveyed(PYTHON, folder=tmp_path, base=base)])


def test_a_base_of_the_daemon_has_its_name_there(tmp_path: Path) -> None:
    context = context_of([surveyed(PYTHON, folder=tmp_path, base="docker:mine:1")])

    assert "\nFROM mine:1 AS prod\n" in text(context)


def test_the_same_is_the_same(kind: Callable[[Path], DockerContext], tmp_path: Path) -> None:
    first, second = kind(tmp_path / "a"), kind(tmp_path / "b")

    assert [*first.entries] == [*second.entries]
    texts = [
        path
        for path, entry in first.entries.items()
        if isinstance(entry, ContextFile) and not path.startswith("app")
    ]
    assert [text(first, path) for path in texts] == [text(second, path) for path in texts]


def test_each_platform_has_links_to_its_own_tools(tmp_path: Path) -> None:
    entries = development(tmp_path).entries

    links = {
        path: entry.target for path, entry in entries.items() if isinstance(entry, ContextLink)
    }
    assert links == {
        "linux-amd64/commands/jupyter-lab": "../bin/jupyter-lab",
        "linux-amd64/commands/rsync": "../bin/rsync",
        "linux-arm64/commands/jupyter-lab": "../bin/jupyter-lab",
    }


def test_development_has_condaboxs_own_files_as_they_are(tmp_path: Path) -> None:
    entries = development(tmp_path).entries

    found = {
        path.removeprefix("dev"): (b"".join(entry.content.chunks()), entry.executable)
        for path, entry in entries.items()
        if path.startswith("dev/") and isinstance(entry, ContextFile)
    }
    own = {**own_files(), PROFILE: profile()}
    assert found == {path: (file.content, file.executable) for path, file in own.items()}
    assert {path for path in entries if path.startswith("linux-amd64/packages")} == {
        f"linux-amd64/packages{suffix}.txt" for suffix in ("", "-dev", "-tools")
    }


def test_without_packages_of_its_own_development_installs_only_tools(tmp_path: Path) -> None:
    entries = kernel_in_prod(tmp_path).entries

    assert "linux-amd64/packages-tools.txt" in entries
    assert "linux-amd64/packages-dev.txt" not in entries
    assert "added.sh" not in entries


PASSWD = (
    b"",
    b"root:x:0:0:root:/root:/bin/bash\nubuntu:x:1000:1000:Ubuntu:/home/ubuntu:/bin/bash\n",
    b"root:x:0:0:root:/root:/bin/bash\nlast:x:1:1:no line break:/:/bin/sh",
    b"dev:x:7:7::/home/dev:/bin/sh\ndeveloper:x:8:8::/:/bin/sh\nx:x:10001000:1000::/1000:/\n",
    b"zeros:x:001000:5::/:/bin/sh\n\nfour:x:1:1000:1000:/:/bin/sh\n+::::::\n",
    "größe:x:5:5:it's & \\ $HOME:/:/bin/sh\n".encode(),
)


@pytest.mark.parametrize("passwd", PASSWD, ids=range(len(PASSWD)))
def test_accounts_get_the_user_as_in_the_direct_backend(passwd: bytes, tmp_path: Path) -> None:
    dockerfile = text(development(tmp_path / "images"))
    stage = dockerfile.partition("\nFROM ${BUILDER} AS account\n")[2]
    command = stage.partition("\nRUN ")[2].partition(" \\\n && chown ")[0]
    before, account = tmp_path / "passwd", tmp_path / "account"
    before.write_bytes(passwd)
    # as a base may have it
    before.chmod(0o600)

    script = command.replace(" /build/passwd", f" {shlex.quote(str(before))}")
    script = script.replace("/account/", f"{shlex.quote(str(account))}/")
    subprocess.run(["sh", "-euc", script], check=True)

    path = account / "etc" / "passwd"
    user = User(uid=1000, gid=0)
    assert path.read_bytes() == passwd_with(passwd, user, login_shell="/bin/bash")
    assert path.stat().st_mode & 0o777 == 0o644
    assert before.read_bytes() == passwd


def test_a_shell_that_not_every_platform_has_is_nobodys(tmp_path: Path) -> None:
    dockerfile = text(shells(tmp_path))

    assert "'dev:x:1000:0:condabox:/workspace:/bin/sh'" in dockerfile
    assert {"ENV SHELL=/bin/bash", "ENV SHELL=/bin/sh"} <= {*dockerfile.splitlines()}


def test_warnings_of_tools_name_their_file_as_the_direct_backend_does(tmp_path: Path) -> None:
    known = surveyed(PYTHON, folder=tmp_path)
    lab = tools(tmp_path / "tools", "linux-64")
    decision = replace(
        lab.known.decision, missed=("share/x was not pruned",), unmatched=("lib/nothing",)
    )
    lab = replace(lab, known=replace(lab.known, decision=decision))

    assert context_of([known], [developed(known, lab)]).warnings == (
        "envs/dev-tools.yml: condabox.prune: 'lib/nothing' matches no file of any package",
        "envs/dev-tools.yml: share/x was not pruned",
    )


def test_what_activation_could_not_do_is_told(tmp_path: Path) -> None:
    warnings = gpu(tmp_path).warnings

    assert len(warnings) == 1
    assert "cuda.sh" in warnings[0]
