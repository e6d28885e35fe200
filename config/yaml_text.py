"""YAML text to plain data, with the line of every value; nothing in the text can run code or grow beyond its size.

Stricter than YAML itself, because a configuration that means something else than it seems to is worse than an error:
only texts, numbers, true, false, null, lists and mappings; only YAML 1.2 spellings of them (`no` and `1:30` are texts);
keys are texts and stand once; no anchors (`defaults:` is what they are for), no tags, one document.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from driftline.config.problems import ConfigError, Path, Problem, path_text, quoted

BYTES_MAX: Final = 1 << 20
DEPTH_MAX: Final = 16  # the deepest setting is six levels down

_TAG = "tag:yaml.org,2002:"
# YAML 1.2 core schema, less octal and hexadecimal. Longer numbers than 18 digits stay texts.
_SCALARS: Final = {
    "null": (re.compile(r"^(|~|null|Null|NULL)$"), ["", "~", "n", "N"]),
    "bool": (re.compile(r"^(true|True|TRUE|false|False|FALSE)$"), list("tTfF")),
    "int": (re.compile(r"^[-+]?[0-9]{1,18}$"), list("-+0123456789")),
    "float": (re.compile(r"^[-+]?([0-9]{1,18}\.[0-9]*|\.?[0-9]{1,18})([eE][-+]?[0-9]{1,3})?$"), list("-+.0123456789")),
}
_READ: Final[dict[str, Callable[[str], Any]]] = {
    "null": lambda text: None,
    "bool": lambda text: text.lower() == "true",
    "int": int,
    "float": float,
}
# Stands for a value that has been told as a problem: left out, so that nothing complains about it again.
_UNREAD: Final = object()


@dataclass(slots=True)
class Document:
    """What was read; `lines` has the line (from 1) of every path."""

    data: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


class _Loader(yaml.SafeLoader):
    """Composes nodes only; its constructors are never called."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  (yaml's own attribute)
    depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        if self.check_event(yaml.AliasEvent):
            raise _Stop(
                "an alias repeats a value from elsewhere", "write the value out, or put it under `defaults:`", mark
            )
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise _Stop(f"more than {DEPTH_MAX} levels deep", "write fewer levels: no setting is that deep", mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


for _name, (_pattern, _first) in _SCALARS.items():
    _Loader.add_implicit_resolver(_TAG + _name, _pattern, _first)


class _Stop(yaml.error.MarkedYAMLError):
    def __init__(self, what: str, remedy: str, mark: yaml.error.Mark) -> None:
        super().__init__(problem=what, problem_mark=mark)
        self.remedy = remedy


def parse_yaml(content: bytes, name: str) -> Document:
    """Return the data of the YAML text in `content`; `name` is what problems call it.

    Problems that do not prevent reading on (a key that stands twice) are in the document.
    Raises ConfigError for those that do.
    """
    if len(content) > BYTES_MAX:
        raise ConfigError([Problem("", f"{name} is larger than 1 MiB", "write a smaller file", name)])
    try:
        text = content.decode("utf-8-sig")
        node = _Loader(text).get_single_node()
    except UnicodeDecodeError as error:
        raise ConfigError([_not_utf8(error, name)]) from None
    except yaml.reader.ReaderError as error:
        what = f"character {error.position} is the control character {quoted(chr(error.character))}"
        raise ConfigError([Problem("", what, "remove it", name)]) from None
    except yaml.error.MarkedYAMLError as error:
        raise ConfigError([_bad_syntax(error, name)]) from None
    document = Document()
    if node is not None:
        value = _value(node, (), document, name)
        document.data = None if value is _UNREAD else value
    return document


def _value(node: Node, path: Path, document: Document, name: str) -> Any:
    line = node.start_mark.line + 1
    document.lines.setdefault(path, line)
    if isinstance(node, MappingNode) and node.tag == _TAG + "map":
        return _mapping(node, path, document, name)
    if isinstance(node, SequenceNode) and node.tag == _TAG + "seq":
        items = [_value(item, (*path, position), document, name) for position, item in enumerate(node.value)]
        return [item for item in items if item is not _UNREAD]
    kind = node.tag.removeprefix(_TAG)
    if isinstance(node, ScalarNode) and kind == "str":
        return node.value
    if isinstance(node, ScalarNode) and kind in _SCALARS and _SCALARS[kind][0].match(node.value):
        return _READ[kind](node.value)
    what = f"the tag {quoted(node.tag.replace(_TAG, '!!'))} is not read here"
    document.problems.append(Problem(path_text(path), what, "remove it and write the plain value", f"{name}:{line}"))
    return _UNREAD


def _mapping(node: MappingNode, path: Path, document: Document, name: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key_node, value_node in node.value:
        origin = f"{name}:{key_node.start_mark.line + 1}"
        if not isinstance(key_node, ScalarNode):
            problem = Problem(path_text(path), "a list or mapping is no name of a setting", "write a text", origin)
            document.problems.append(problem)
            continue
        key = key_node.value
        child = (*path, key)
        if key_node.tag != _TAG + "str":
            what = f"the name {quoted(key)} is not read as a text"
            document.problems.append(Problem(path_text(child), what, f"write it in quotes: {quoted(key)}", origin))
        if key in values:
            what = f"stands twice, first in line {document.lines[child]}"
            document.problems.append(Problem(path_text(child), what, "remove one of the two", origin))
            continue
        document.lines[child] = key_node.start_mark.line + 1
        value = _value(value_node, child, document, name)
        if value is not _UNREAD:
            values[key] = value
    return values


def _not_utf8(error: UnicodeDecodeError, name: str) -> Problem:
    return Problem("", f"byte {error.start} is not UTF-8", "save the file as UTF-8", name)


def _bad_syntax(error: yaml.error.MarkedYAMLError, name: str) -> Problem:
    mark = error.problem_mark
    origin = name if mark is None else f"{name}:{mark.line + 1}:{mark.column + 1}"
    if isinstance(error, _Stop):
        return Problem("", str(error.problem), error.remedy, origin)
    if error.context == "expected a single document in the stream":
        return Problem("", "a second document begins here", "write one document: remove the line ---", origin)
    if "'\\t'" in str(error.problem):
        return Problem("", "a tab in the indentation", "write spaces instead", origin)
    return Problem("", str(error.problem), "check the indentation, colons, brackets and quotes here", origin)
