from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from condabox.conda.envfile.section import DevSection, Healthcheck, ImageSection
from condabox.conda.packages.activation import Activation
from condabox.configuration import annotations_of, container_config
from condabox.development import places
from condabox.development.devcontainer import METADATA
from condabox.development.image import check_section, dev_config, section_warnings
from condabox.errors import SpecError
from condabox.oci.config import ContainerConfig
from condabox.oci.config import Healthcheck as ImageHealthcheck
from condabox.workflows.planning import plan_json
from tests.fakes.plans import plan_of

BASE = ContainerConfig(
    env={"PATH": "/usr/bin:/bin", "HOME": "/root"},
    cmd=("/bin/bash",),
    volumes=("/data",),
    stop_signal="SIGQUIT",
    labels={"maintainer": "ubuntu"},
)
PATH = "/workspace/.local/bin:/opt/env/bin:/usr/bin:/bin:/opt/tools/commands"
ENV = {
    "SHELL": "/bin/bash",
    "LANG": "C.UTF-8",
    "PATH": PATH,
    "HOME": "/workspace",
    "JUPYTER_PATH": "/opt/tools/condabox/jupyter:/opt/env/share/jupyter",
    "CONDABOX_PORT_SSH": "2222",
    "CONDABOX_PORT_JUPYTER": "8888",
    "CONDABOX_PATH": PATH,
}
FILE = Path("envs/ai.yml")


def configured(
    section: ImageSection,
    *,
    variables: dict[str, str] | None = None,
    base: ContainerConfig = BASE,
    shell: str = "/bin/bash",
) -> ContainerConfig:
    plan = replace(
        plan_of(section), variables=variables or {}, tools=plan_of(ImageSection(prefix="/t"))
    )
    config = container_config(
        plan,
        base=base,
        activation=Activation(variables=plan.variables, path=("/opt/env/bin",), problems=()),
        annotations={},
    )
    return dev_config(config, shell=shell)


def test_development_decides_what_runs_as_whom_and_where() -> None:
    section = ImageSection(
        user="1000:0",
        workdir="/app",
        expose=("8000/tcp",),
        entrypoint=("serve",),
        cmd=("--now",),
        healthcheck=Healthcheck(cmd=("true",), retries=9),
        labels={"team": "forecasting"},
    )

    config = configured(section)

    assert config.labels.keys() == {"maintainer", "team", METADATA}
    assert replace(config, labels={}) == ContainerConfig(
        user="1000:0",
        exposed_ports=("2222/tcp", "8000/tcp", "8888/tcp"),
        env=ENV,
        entrypoint=places.ENTRYPOINT,
        cmd=(),
        volumes=("/data", "/workspace"),
        working_dir="/workspace",
        stop_signal="SIGTERM",
        healthcheck=ImageHealthcheck(
            test=("CMD", *places.HEALTH),
            interval=30_000_000_000,
            timeout=5_000_000_000,
            start_period=60_000_000_000,
            retries=3,
        ),
    )


@pytest.mark.parametrize(
    ("user", "expected"), [(None, "1000:0"), ("1001", "1001:0"), ("0", "1000:0"), ("app", "1000:0")]
)
def test_a_user_with_a_number_is_kept(user: str | None, expected: str) -> None:
    assert configured(ImageSection(user=user)).user == expected


def test_a_user_of_the_base_does_not_count() -> None:
    assert configured(ImageSection(), base=replace(BASE, user="nonroot")).user == "1000:0"


def test_editors_are_told_unless_the_file_tells_them_something_else() -> None:
    told = json.loads(configured(ImageSection(prefix="/srv/env")).labels[METADATA])

    assert "/srv/env/bin/python" in str(told)
    assert configured(ImageSection(labels={METADATA: "[]"})).labels[METADATA] == "[]"


def test_ports_are_told_to_those_who_start_the_services() -> None:
    config = configured(ImageSection(dev=DevSection(ssh_port=22, jupyter_port=80)))

    assert config.exposed_ports == ("22/tcp", "80/tcp")
    assert (config.env["CONDABOX_PORT_SSH"], config.env["CONDABOX_PORT_JUPYTER"]) == ("22", "80")


def test_the_file_s_own_variables_win_but_for_the_path_which_is_wrapped() -> None:
    config = configured(
        ImageSection(env={"JUPYTER_PATH": "/mine", "PATH": "/only"}),
        variables={"HOME": "/home/me", "SHELL": "/bin/zsh"},
    )

    path = "/workspace/.local/bin:/only:/opt/tools/commands"
    assert config.env["JUPYTER_PATH"] == "/mine"
    assert (config.env["HOME"], config.env["SHELL"]) == ("/home/me", "/bin/zsh")
    assert (config.env["PATH"], config.env["CONDABOX_PATH"]) == (path, path)


def test_the_prefix_decides_where_kernels_are_looked_for() -> None:
    config = configured(ImageSection(prefix="/srv/env"))

    assert config.env["JUPYTER_PATH"].endswith(":/srv/env/share/jupyter")


def test_the_image_names_the_lock_of_the_tools() -> None:
    tools = plan_of(ImageSection())
    plan = replace(plan_of(ImageSection()), tools=tools)

    found = annotations_of(plan, created="", base_name=None, base_digest=None)

    assert found["io.condabox.tools.lock.digest"] == f"sha256:{tools.lock.digest}"


def test_a_dry_run_shows_the_configuration_for_development_and_the_tools() -> None:
    plan = plan_of(ImageSection(cmd=("serve",), expose=("8000/tcp",)))

    assert plan_json(plan)["tools"] is None
    found = plan_json(replace(plan, tools=plan_of(ImageSection(prefix="/opt/tools"))))
    config, tools = found["config"], found["tools"]
    assert isinstance(config, dict)
    assert isinstance(tools, dict)
    assert (config["cmd"], config["workdir"]) == ([], "/workspace")
    assert config["expose"] == ["8000/tcp", "2222/tcp", "8888/tcp"]
    assert tools["prefix"] == "/opt/tools"


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (ImageSection(prefix="/opt/tools"), "prefix: /opt/tools is where"),
        (ImageSection(prefix="/opt/tools/env"), "images have /opt/tools"),
        (ImageSection(prefix="/opt"), "images have /opt/tools"),
        (ImageSection(prefix="/workspace/env"), "images have /workspace"),
        (ImageSection(env={"CONDABOX_PATH": "/"}), "env.CONDABOX_PATH: development"),
        (ImageSection(env={"CONDABOX_PORT_SSH": "22"}), "env.CONDABOX_PORT_SSH: "),
        (ImageSection(env={"JUPYTER_TOKEN": "x"}), "for all who can pull it"),
        (ImageSection(env={"AUTHORIZED_KEYS": ""}), "for all who can pull it"),
        (ImageSection(env={"JUPYTER_PASSWORD_HASH": "argon2:x"}), "for all who can pull it"),
        (ImageSection(dev=DevSection(ssh_port=8888)), "cannot both have port 8888"),
    ],
)
def test_what_leaves_development_no_room_is_refused(section: ImageSection, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        check_section(section, variables={}, path=FILE)

    assert message in caught.value.message
    assert caught.value.message.startswith("envs/ai.yml: condabox.")
    assert caught.value.hint


def test_a_secret_among_the_file_s_variables_is_refused_and_not_told() -> None:
    with pytest.raises(SpecError) as caught:
        check_section(ImageSection(), variables={"JUPYTER_TOKEN": "sesame"}, path=FILE)

    assert caught.value.message.startswith("envs/ai.yml: variables.JUPYTER_TOKEN")
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    "section",
    [
        ImageSection(),
        ImageSection(
            prefix="/opt/toolset", env={"CONDABOX_SSH": "off", "JUPYTER_TOKEN_FILE": "/t"}
        ),
        ImageSection(prefix="/workspaces/env", user="1001:0"),
    ],
)
def test_what_leaves_room_is_taken(section: ImageSection) -> None:
    check_section(section, variables={"A": "b"}, path=FILE)

    assert list(section_warnings(section, path=FILE)) == []


@pytest.mark.parametrize(
    ("section", "word"),
    [
        (ImageSection(user="root"), "user"),
        (ImageSection(user="app:app"), "for development it is 1000:0"),
        (ImageSection(env={"LD_LIBRARY_PATH": "/x"}), "LD_LIBRARY_PATH"),
    ],
)
def test_what_development_takes_otherwise_is_told(section: ImageSection, word: str) -> None:
    (told,) = section_warnings(section, path=FILE)

    assert word in told
