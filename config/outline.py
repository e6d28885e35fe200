"""The tree as a list of its settings, for those who walk it: the environment, the messages, the documentation."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from driftline.config.problems import Path
from driftline.config.section import Place

Shape = Literal["section", "named sections", "named texts", "text", "value"]

# How a path shows that a name of the user's own stands here: models.<name>.windows
ANY_NAME = "<name>"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a section; `section` is what stands below it, if it is a section or holds some by name."""

    name: str
    shape: Shape
    section: type[BaseModel] | None
    field: FieldInfo

    @property
    def default(self) -> Any:
        """As written in the file."""
        return self.field.default

    @property
    def meaning(self) -> str:
        return self.field.description or ""

    @property
    def example(self) -> str:
        return cast(dict[str, str], self.field.json_schema_extra)["example"]

    @property
    def place(self) -> Place:
        return cast(dict[str, Place], self.field.json_schema_extra)["place"]


@cache
def settings_of(section: type[BaseModel]) -> Mapping[str, Setting]:
    """The settings of one section by name, in the order of the documentation."""
    return {name: _setting(name, field) for name, field in section.model_fields.items()}


def all_settings(section: type[BaseModel], path: Path = ()) -> Iterator[tuple[Path, Setting]]:
    """Every setting below a section, sections before what stands in them."""
    for name, setting in settings_of(section).items():
        yield (*path, name), setting
        if setting.section is not None:
            below = (*path, name, ANY_NAME) if setting.shape == "named sections" else (*path, name)
            yield from all_settings(setting.section, below)


def section_at(root: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The section at a path of the file; None when something else stands there."""
    section, remaining = root, list(path)
    while remaining:
        setting = settings_of(section).get(str(remaining.pop(0)))
        if setting is None or setting.section is None:
            return None
        if setting.shape == "named sections":
            if not remaining:
                return None
            remaining.pop(0)
        section = setting.section
    return section


def setting_at(root: type[BaseModel], path: Path) -> Setting | None:
    """The setting at a path of the file; None when the path is no setting's."""
    section = section_at(root, path[:-1])
    return None if section is None else settings_of(section).get(str(path[-1]))


def _setting(name: str, field: FieldInfo) -> Setting:
    core = _core(field.annotation)
    if get_origin(core) is dict:
        named = _core(get_args(core)[1])
        if _is_section(named):
            return Setting(name, "named sections", named, field)
        return Setting(name, "named texts", None, field)
    if _is_section(core):
        return Setting(name, "section", core, field)
    texts = core in (str, SecretStr) or (get_origin(core) is Literal and isinstance(get_args(core)[0], str))
    return Setting(name, "text" if texts else "value", None, field)


def _core(annotation: Any) -> Any:
    """The type without Annotated and without `| None`."""
    while hasattr(annotation, "__metadata__"):
        annotation = annotation.__origin__
    if get_origin(annotation) in (Union, UnionType):
        (annotation,) = (_core(part) for part in get_args(annotation) if part is not NoneType)
    return annotation


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
