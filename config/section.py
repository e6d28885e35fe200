"""What all sections of the configuration file have in common."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Key = TypeVar("Key", bound=str)
Value = TypeVar("Value")


def _nothing_is_empty(written: Any) -> Any:
    return {} if written is None else written


class Section(BaseModel):
    """Settings that stand together under one name. A section without anything under it has its defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_default=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _nothing_written_means_defaults(cls, written: Any) -> Any:
        return _nothing_is_empty(written)


# A mapping of names to something; nothing written under it means that it is empty.
Named = Annotated[dict[Key, Value], BeforeValidator(_nothing_is_empty)]


Place = Literal["anywhere", "file", "environment"]


def setting(default: Any, meaning: str, *, example: str = "", place: Place = "anywhere", **limits: Any) -> Any:
    """Declare one setting: `default` and `example` as written in the file, `meaning` in the operator's words.

    `place` says where it may be written; secrets are for the environment alone. `limits` are pydantic's (ge, gt, le).
    """
    extra: dict[str, Any] = {"place": place, "example": example}
    return Field(default, description=meaning, json_schema_extra=extra, **limits)
