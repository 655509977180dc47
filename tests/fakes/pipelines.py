"""Runs the jobs of GitHub and GitLab as their runners do, with stand-ins for foreign tools."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from tests.fakes.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_EXPRESSION = re.compile(r"\$\{\{ *(.*?) *\}\}")

_STAND_IN = """\
#!{python}
import json, os, sys
call = {{"tool": {tool!r}, "arguments": sys.argv[1:]}}
if "--body-file" in sys.argv:
    call["body"] = open(sys.argv[sys.argv.index("--body-file") + 1]).read()
with open({log!r}, "a") as log:
    log.write(json.dumps(call) + "\\n")
if sys.argv[1:3] == ["pr", "list"]:
    print(os.environ.get("OPEN_PULL_REQUEST", ""))
if {tool!r} == "condabox":
    os.execv(sys.executable, [sys.executable, "-m", "condabox", *sys.argv[1:]])
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One shell script of a job."""

    script: str
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """A machine on which jobs run.  ``variables`` are what it sets for all of them."""

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def tools(self) -> Path:
        return self.folder / "bin"

    def provide(self, *tools: str) -> None:
        """Put condabox on PATH, and stand-ins for ``tools``; all of them remember their calls."""
        self.tools.mkdir(parents=True)
        for tool in ("condabox", *tools):
            (self.tools / tool).write_text(self._stand_in(tool))
            (self.tools / tool).chmod(0o755)

    def _stand_in(self, tool: str) -> str:
        return _STAND_IN.format(python=sys.executable, tool=tool, log=str(self.log))

    @property
    def log(self) -> Path:
        return self.folder / "calls.jsonl"

    def calls(self, tool: str) -> list[dict[str, Any]]:
        """Return what ``tool`` was asked for, in order."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [call for call in map(json.loads, lines) if call["tool"] == tool]

    def run(self, step: Step, *, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run ``step`` in ``cwd`` as both runners do: bash, ending at the first failure."""
        env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            **self.variables,
            **step.env,
            "PATH": f"{self.tools}{os.pathsep}{os.environ['PATH']}",
        }
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step.script],
            cwd=cwd,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )


def github_steps(
    path: Path, job: str, *, context: Mapping[str, str], **variables: str
) -> Iterator[Step]:
    """Yield the scripts of ``job``; ``context`` has the value of every expression in it.

    ``variables`` stand instead of the workflow's own.
    """
    workflow = yaml.safe_load(path.read_text())
    assert workflow["defaults"]["run"]["shell"] == "bash"
    workflow["env"] |= variables
    context = {**context, **{f"env.{name}": value for name, value in workflow["env"].items()}}
    found = workflow["jobs"][job]
    for name, values in found.get("strategy", {}).get("matrix", {}).items():
        assert context[f"matrix.{name}"] in values
    for step in found["steps"]:
        if "run" not in step or not _holds(step.get("if"), context=context):
            continue
        env = {**workflow["env"], **found.get("env", {}), **step.get("env", {})}
        values = {name: _evaluated(value, context=context) for name, value in env.items()}
        yield Step(script=step["run"], env=values)


def github_checkout(path: Path, job: str) -> Mapping[str, Any]:
    """Return what ``job`` asks `actions/checkout` for."""
    first = yaml.safe_load(path.read_text())["jobs"][job]["steps"][0]
    assert first["uses"].startswith("actions/checkout@")
    found: Mapping[str, Any] = first["with"]
    return found


def gitlab_step(path: Path, job: str, **chosen: str) -> Step:
    """Return ``job`` as the one script that GitLab makes of it.

    Of a matrix it is the first job, but for the values that are ``chosen``.
    """
    found = _extended(yaml.safe_load(path.read_text()), job)
    (matrix,) = found.get("parallel", {}).get("matrix", [{}])
    for name, value in chosen.items():
        assert value in matrix[name]
    first = {name: values[0] for name, values in matrix.items()}
    return Step(
        script="\n".join([*found["before_script"], *found["script"]]),
        env={**found["variables"], **first, **chosen},
    )


def gitlab_jobs(path: Path, **variables: str) -> list[str]:
    """Return the jobs of a pipeline for which GitLab sets ``variables``."""
    document = yaml.safe_load(path.read_text())
    return [
        name
        for name, job in document.items()
        if not name.startswith(".")
        and any(_rule_holds(rule["if"], variables) for rule in job["rules"])
    ]


def _rule_holds(condition: str, variables: Mapping[str, str]) -> bool:
    values = {f"${name}": value for name, value in variables.items()}
    sides = (each.split(" == ") for each in condition.split(" && "))
    return all(values.get(left) == values.get(right, right.strip('"')) for left, right in sides)


def _extended(document: Mapping[str, Any], job: str) -> dict[str, Any]:
    """Return ``job`` with what it has from others: mappings are merged, the rest is replaced."""
    found = dict(document[job])
    if "extends" not in found:
        return found
    parent = _extended(document, found["extends"])
    variables = {**parent.get("variables", {}), **found.get("variables", {})}
    return {**parent, **found, "variables": variables}


def scripts(path: Path) -> Iterator[str]:
    """Yield every shell script in a file of jobs."""
    document = yaml.safe_load(path.read_text())
    if "jobs" in document:
        yield from (
            s["run"] for job in document["jobs"].values() for s in job["steps"] if "run" in s
        )
        return
    for job in document.values():
        yield "\n".join([*job.get("before_script", []), *job.get("script", [])])


def _holds(condition: str | None, *, context: Mapping[str, str]) -> bool:
    if condition is None:
        return True
    left, right = condition.split(" == ")
    return context[left] == right.strip("'")


def _evaluated(value: str, *, context: Mapping[str, str]) -> str:
    return _EXPRESSION.sub(lambda found: context[found[1]], value)
