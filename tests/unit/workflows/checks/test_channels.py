"""What is said of channels: which address serves, which do not, and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.conda.channels.channel import ChannelNames
from condabox.conda.channels.probe import SourceAnswer
from condabox.conda.envfile.spec import parse_environment
from condabox.settings import Settings
from condabox.workflows.checks.channels import channel_checks, channel_findings
from tests.fakes.channel import small_world, write_channel
from tests.fakes.checking import found, lines
from tests.fakes.httpserver import unanswered_url

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from condabox.conda.envfile.spec import EnvironmentSpec

SUBDIRS = ("linux-64", "linux-aarch64", "noarch")
FORGE = "https://conda.anaconda.org/conda-forge"


def good(url: str, **packages: int) -> SourceAnswer:
    numbers = {name.replace("_", "-"): number for name, number in packages.items()}
    return SourceAnswer(url=url, packages=numbers, problem="", hint="")


def bad(url: str, problem: str, hint: str = "check") -> SourceAnswer:
    return SourceAnswer(url=url, packages={}, problem=problem, hint=hint)


def said(*answers: SourceAnswer) -> list[str]:
    return lines(channel_findings("x", answers, subdirs=SUBDIRS))


def test_the_first_that_serves_ends_the_list() -> None:
    full = good("https://b", linux_64=9, linux_aarch64=1, noarch=1)

    assert said(bad("https://a", "nobody answers"), full, bad("https://c", "403")) == [
        "note x: https://a: nobody answers",
        "ok x: https://b has linux-64, linux-aarch64, noarch",
    ]


def test_where_none_serves_all_are_problems_each_once() -> None:
    assert said(bad("https://a", "401"), bad("https://a", "401"), bad("https://b", "404")) == [
        "problem x: https://a: 401",
        "problem x: https://b: 404",
    ]


def test_what_a_channel_does_not_have_is_told() -> None:
    assert said(good("https://a", linux_64=9, linux_aarch64=0, noarch=1)) == [
        "ok x: https://a has linux-64, noarch, and nothing for linux-aarch64"
    ]
    assert said(good("https://a", linux_64=0, noarch=0)) == ["note x: https://a has no packages"]


def test_of_many_causes_the_first_and_the_last_are_told() -> None:
    problem = "Request failed\nCaused by: client error\nCaused by: Connection refused"

    assert said(bad("https://a", problem)) == [
        "problem x: https://a: Request failed\nConnection refused"
    ]


def test_an_unknown_authority_has_a_hint_of_its_own() -> None:
    (finding,) = channel_findings(
        "x", [bad("https://a", "invalid peer certificate: UnknownIssuer")], subdirs=SUBDIRS
    )

    assert "SSL_CERT_FILE" in str(finding.hint)


def environment(folder: Path, channels: str, more: str = "") -> EnvironmentSpec:
    text = f"channels: {channels}\ndependencies: [python]\nplatforms: [linux-64]\n{more}"
    return parse_environment(text, path=folder / "ai.yml")


def check(
    *specs: EnvironmentSpec, mirrors: Mapping[str, tuple[str, ...]], cache: Path
) -> list[str]:
    settings = Settings(cache_dir=cache, channel_mirrors=mirrors)
    return lines(found(channel_checks(specs, settings=settings, names=ChannelNames())))


def test_without_an_environment_it_is_conda_forge(tmp_path: Path) -> None:
    url = write_channel(tmp_path / "channel", small_world())
    mirrors = {FORGE: (f"{unanswered_url()}/x", url)}

    note, ok = check(mirrors=mirrors, cache=tmp_path)

    assert note.endswith("/x: nobody answers")
    assert ok.startswith(f"ok conda-forge: {url} has linux-")


def test_an_environment_has_its_own_channels_and_secrets(tmp_path: Path) -> None:
    url = write_channel(tmp_path / "channel", small_world())
    gone = unanswered_url()
    private = gone.replace("http://", "http://me:open-sesame@") + "/t/open-sesame/team"
    spec = environment(tmp_path, f"[{url}, '{private}', 'https://conda.example/x?token=1']")

    bad_url, ok, problem = check(spec, mirrors={}, cache=tmp_path)

    assert ok == f"ok {url}: {url} has linux-64, noarch"
    assert problem == f"problem {gone}/team: {gone}/team: nobody answers"
    assert "no part after ?" in bad_url
    assert "open-sesame" not in f"{bad_url}{ok}{problem}"


def test_anaconda_s_channels_are_asked_by_consent_alone(tmp_path: Path) -> None:
    url = write_channel(tmp_path / "channel", small_world())
    main = "https://repo.anaconda.com/pkgs/main"
    allowed = "condabox: {allow-defaults: true}\n"

    (refused,) = check(environment(tmp_path, f"['{main}']"), mirrors={main: (url,)}, cache=tmp_path)
    (taken,) = check(
        environment(tmp_path, f"['{main}']", allowed), mirrors={main: (url,)}, cache=tmp_path
    )

    assert refused.startswith(f"problem {main}: {main} is not asked: Anaconda's terms")
    assert taken == f"ok {main}: {url} has linux-64, noarch"
