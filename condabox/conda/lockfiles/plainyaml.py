"""Reads YAML as mappings, lists and text, fast, and safe from what is nested too deep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml
from yaml import events

if TYPE_CHECKING:
    from collections.abc import Callable

_DEPTH = 64
"""What is nested deeper is refused: libyaml's own composer would overflow the stack."""


class PlainYamlError(ValueError):
    """The text is not YAML; ``line`` is where, counted from 1, as far as that is known."""

    def __init__(self, problem: str, *, line: int | None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line


def read_plain_yaml(data: bytes) -> object:
    """Return the one document of ``data``, with every scalar as the text that it is.

    conda-lock writes by YAML 1.1.  Without types no reader, and no tool that wrote the file again
    by YAML 1.2, can disagree: 1.10 stays 1.10 without quotes.
    """
    builder = _Builder()
    try:
        for event in yaml.parse(data, Loader=yaml.CBaseLoader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise PlainYamlError(error.problem or "is not YAML", line=line) from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise PlainYamlError("is not YAML", line=None) from None
    return builder.document


class _Builder:
    """Puts nodes together without recursion."""

    def __init__(self) -> None:
        self.document: object = None
        self._documents = 0
        self._open: list[dict[str, object] | list[object]] = []
        self._keys: list[str | None] = []
        self._anchors: dict[str, object] = {}
        self._take: dict[type, Callable[..., None]] = {
            events.ScalarEvent: self._scalar,
            events.AliasEvent: self._alias,
            events.MappingStartEvent: self._mapping,
            events.SequenceStartEvent: self._sequence,
            events.MappingEndEvent: self._end,
            events.SequenceEndEvent: self._end,
            events.DocumentStartEvent: self._start,
        }

    def take(self, event: events.Event) -> None:
        handler = self._take.get(type(event))
        if handler is not None:
            handler(event)

    def _start(self, event: events.Event) -> None:
        self._documents += 1
        if self._documents > 1:
            raise _refused("is more than one document", event)

    def _scalar(self, event: events.ScalarEvent) -> None:
        self._add(event.value, event)

    def _alias(self, event: events.AliasEvent) -> None:
        # Its own ancestor is not finished, and would contain itself.
        value = self._anchors.get(event.anchor or "")
        if value is None or any(value is node for node in self._open):
            raise _refused(f"*{event.anchor} stands for nothing", event)
        self._put(value, event)

    def _mapping(self, event: events.MappingStartEvent) -> None:
        self._nest({}, event)

    def _sequence(self, event: events.SequenceStartEvent) -> None:
        self._nest([], event)

    def _nest(
        self, node: dict[str, object] | list[object], event: events.CollectionStartEvent
    ) -> None:
        self._add(node, event)
        self._open.append(node)
        self._keys.append(None)
        if len(self._open) > _DEPTH:
            raise _refused("is nested too deep", event)

    def _end(self, _event: events.Event) -> None:
        self._open.pop()
        self._keys.pop()

    def _add(self, value: object, event: events.NodeEvent) -> None:
        if event.anchor is not None:
            self._anchors[event.anchor] = value
        self._put(value, event)

    def _put(self, value: object, event: events.Event) -> None:
        if not self._open:
            self.document = value
            return
        parent = self._open[-1]
        if isinstance(parent, list):
            parent.append(value)
            return
        key = self._keys[-1]
        if key is not None:
            parent[key] = value
            self._keys[-1] = None
        elif not isinstance(value, str):
            raise _refused("has a key that is no text", event)
        elif value in parent:
            raise _refused(f"has {value!r} twice", event)
        else:
            self._keys[-1] = value


def _refused(problem: str, event: events.Event) -> PlainYamlError:
    return PlainYamlError(problem, line=event.start_mark.line + 1 if event.start_mark else None)
