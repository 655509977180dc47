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
call = {{"tool": {tool!r}, "arguments": sys.argv[1:], "stdin": ""}}
if "--password-stdin" in sys.argv:
    call["stdin"] = sys.stdin.read()
if "--body-file" in sys.argv:
    call["body"] = open(sys.argv[sys.argv.index("--body-file") + 1]).read()
with open({log!r}, "a") as log:
    log.write(json.dumps(call) + "\\n")
if sys.argv[1:3] == ["pr", "list"]:
    print(os.environ.get("OPEN_PULL_REQUEST", ""))
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
        """Put condabox on PATH, and stand-ins for ``tools`` that only remember their calls."""
        self.tools.mkdir(parents=True)
        condabox = f'#!/bin/sh\nexec {sys.executable} -m condabox "$@"\n'
        texts = {"condabox": condabox} | {tool: self._stand_in(tool) for tool in tools}
        for tool, text in texts.items():
            (self.tools / tool).write_text(text)
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


def github_steps(path: Path, job: str, *, context: Mapping[str, str]) -> Iterator[Step]:
    """Yield the scripts of ``job``; ``context`` has the value of every expression in it."""
    workflow = yaml.safe_load(path.read_text())
    assert workflow["defaults"]["run"]["shell"] == "bash"
    found = workflow["jobs"][job]
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


def gitlab_step(path: Path, job: str) -> Step:
    """Return ``job`` as the one script that GitLab makes of it."""
    document = yaml.safe_load(path.read_text())
    parent, found = document[document[job]["extends"]], document[job]
    (matrix,) = found.get("parallel", {}).get("matrix", [{}])
    env = {
        **parent["variables"],
        **found.get("variables", {}),
        **{name: values[0] for name, values in matrix.items()},
    }
    return Step(script="\n".join([*parent["before_script"], *found["script"]]), env=env)


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
