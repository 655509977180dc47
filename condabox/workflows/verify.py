"""What ``condabox verify`` does: it runs what is in an image, and compares it with what it says."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.errors import BackendError, ImageError, SpecError
from condabox.platforms import subdir_of_platform
from condabox.reporting.findings import Finding, Group, State
from condabox.reporting.formats import printable
from condabox.verification.answers import ask, ask_directly, judge, summarized
from condabox.verification.archived import left_out_findings, unreachable_findings
from condabox.verification.contents import PLACEHOLDERS, read_contents
from condabox.verification.declared import declared_findings
from condabox.verification.installed import read_installed
from condabox.verification.planning import environment_checks, test_checks
from condabox.verification.rebuild import rebuild_finding
from condabox.verification.requirements import requirement_findings
from condabox.verification.structure import document_findings, file_findings
from condabox.verification.wanted import wanted_in
from condabox.workflows.run import choose_engine
from condabox.workflows.subjects import is_description
from condabox.workflows.verify_archives import archives_in_cache, archives_of_lock
from condabox.workflows.verify_container import container_of
from condabox.workflows.verify_subject import built_again, find_subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from condabox.events import Reporter
    from condabox.plan import BuildPlan
    from condabox.platforms import Platform
    from condabox.settings import Settings
    from condabox.verification.archived import Archived
    from condabox.verification.checks import Check
    from condabox.verification.contents import ImageContents
    from condabox.verification.installed import Environment, Installed
    from condabox.verification.wanted import Wanted
    from condabox.workflows.run import Engine
    from condabox.workflows.verify_request import VerifyRequest
    from condabox.workflows.verify_subject import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """An image, and what was found about it."""

    name: str
    digest: str
    platform: Platform
    findings: tuple[Finding, ...]

    @property
    def has_problems(self) -> bool:
        """Whether something has to be mended."""
        return any(each.state is State.PROBLEM for each in self.findings)

    def to_json(self) -> dict[str, object]:
        """Return what ``--json`` prints."""
        return {
            "name": self.name,
            "digest": self.digest,
            "platform": str(self.platform),
            "checks": [each.to_json() for each in self.findings],
        }


def verify(
    request: VerifyRequest, *, settings: Settings, env: Mapping[str, str], reporter: Reporter
) -> Verified:
    """Look at all of an image, run what can be run in it, and change nothing."""
    if request.rebuild and request.against is None and not is_description(request.target):
        raise SpecError(
            "--rebuild needs to know what the image is built from",
            hint="name the environment file: --against envs/NAME.yml",
        )
    engine = None if request.engine is None else choose_engine(request.engine, reporter=reporter)
    subject = find_subject(request, settings=settings, env=env, reporter=reporter)
    findings = [*document_findings(subject.image)]
    try:
        marks = (*PLACEHOLDERS, str(settings.cache_dir).encode())
        contents = read_contents(subject.image, marks=marks)
    except ImageError as error:
        hint = error.hint or "nothing in the image can be looked at before that is mended"
        detail = printable(error.message)
        findings.append(Finding.problem(Group.STRUCTURE, "layers", detail, hint=hint))
    else:
        findings += _inside(request, subject, contents, engine=engine, reporter=reporter)
    if request.rebuild and subject.plan is not None:
        plan, located = subject.plan, subject.settings
        with built_again(plan, settings=located, reporter=reporter) as rebuilt:
            findings.append(rebuild_finding(subject.image, rebuilt))
    return Verified(
        name=subject.name,
        digest=str(subject.image.digest),
        platform=subject.image.platform,
        findings=tuple(findings),
    )


def _inside(
    request: VerifyRequest,
    subject: Subject,
    contents: ImageContents,
    *,
    engine: Engine | None,
    reporter: Reporter,
) -> Iterator[Finding]:
    image, plan = subject.image, subject.plan
    installed = read_installed(contents)
    prefixes = [each.prefix for each in installed.environments]
    yield from file_findings(image, contents, prefixes=prefixes)
    yield from declared_findings(
        installed,
        contents,
        locked=plan.locked if plan else None,
        prefix=plan.image.prefix if plan else "",
    )
    if not installed.environments and plan is None:
        hint = "packages are found by their records in conda-meta"
        detail = "no conda environment is in the image"
        yield Finding.note(Group.CONTENTS, "packages", detail, hint=hint)
    with suppress(SpecError):  # of a platform that conda has no packages for nothing is required
        subdir = subdir_of_platform(image.platform)
        for environment in installed.environments:
            yield from requirement_findings(environment, subdir=subdir)
    if engine is not None:
        checks: list[Check] = []
        for environment in installed.environments:
            wanted = _wanted(environment, subject)
            archived = _archived(environment, subject, reporter=reporter)
            yield from unreachable_findings(environment, wanted)
            yield from left_out_findings(environment, archived)
            seconds = request.seconds
            checks += environment_checks(
                environment, wanted, archived, contents=contents, seconds=seconds
            )
        checks += _asked_for(request, subject, contents, installed)
        yield from _run(checks, subject, installed, engine=engine, reporter=reporter)


def _plan_of(environment: Environment, subject: Subject) -> BuildPlan | None:
    plan = subject.plan
    return plan if plan and environment.prefix == plan.image.prefix.lstrip("/") else None


def _wanted(environment: Environment, subject: Subject) -> Wanted:
    wanted = subject.wanted if _plan_of(environment, subject) else None
    return wanted or wanted_in(environment)


def _archived(
    environment: Environment, subject: Subject, *, reporter: Reporter
) -> dict[str, Archived]:
    settings = subject.settings
    if plan := _plan_of(environment, subject):
        return archives_of_lock(plan.locked, settings=settings, reporter=reporter)
    return archives_in_cache(environment, settings=settings)


def _asked_for(
    request: VerifyRequest, subject: Subject, contents: ImageContents, installed: Installed
) -> tuple[Check, ...]:
    if subject.plan is None:
        return ()
    return test_checks(
        subject.plan.image.test,
        python=_python(installed),
        has_shell=contents.is_program("bin/sh"),
        seconds=request.seconds,
    )


def _python(installed: Installed) -> str | None:
    return next((each.python for each in installed.environments if each.python), None)


def _run(
    checks: Sequence[Check],
    subject: Subject,
    installed: Installed,
    *,
    engine: Engine,
    reporter: Reporter,
) -> Iterator[Finding]:
    """Have ``checks`` run, by the image's Python where it has one, and say what came of it."""
    if not checks:
        return
    python, image = _python(installed), subject.image
    try:
        with (
            container_of(image, engine=engine, settings=subject.settings, reporter=reporter) as run,
            reporter.task(f"Running {len(checks)} checks", total=None),
        ):
            answers = (
                ask(checks, python=python, run=run)
                if python
                else [ask_directly(check, run=run) for check in checks]
            )
    except BackendError as error:
        hint = error.hint or "--engine chooses another one, and --engine none runs nothing"
        detail = f"nothing was run: {printable(error.message)}"
        yield Finding.problem(Group.CONTAINER, engine.value, detail, hint=hint)
        return
    detail = f"{image.platform}, without network"
    yield Finding.ok(Group.CONTAINER, engine.value, detail)
    yield from summarized([judge(*each) for each in zip(checks, answers, strict=True)])
