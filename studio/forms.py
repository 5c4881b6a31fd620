"""Settings as widgets and as flags, from the fields' own metadata: a new field needs no line here."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

import gradio as gr

from engine.config import Settings
from engine.errors import ConfigError
from engine.wording import shown

KINDS = {bool: "true or false", str: "a text"}
Chosen = TypeVar("Chosen", bound=Settings)


def fields_of(settings: type[Settings], names: Sequence[str]) -> list[dataclasses.Field[Any]]:
    """The fields called so, in that order. Raises KeyError for a name that no field has."""
    known = {f.name: f for f in dataclasses.fields(settings)}
    return [known[name] for name in names]


def widget(field: dataclasses.Field[Any], value: Any = None, names: Mapping[str, str] = MappingProxyType({}),
           **layout: Any) -> gr.components.Component:
    """Radio buttons where there are choices, a checkbox for yes and no, else a number box or a text box.

    value: what it begins with (default: the field's own default). names: of choices, for people. layout: for the
    widget as Gradio has it.
    """
    value = field.default if value is None else value
    label, help = field.name.replace("_", " ").capitalize(), _help(field)
    if field.metadata["choices"]:
        choices = [(names.get(c, c), c) for c in field.metadata["choices"]]
        return gr.Radio(choices, value=value, label=label, info=help, interactive=True, **layout)
    if isinstance(field.default, bool):
        return gr.Checkbox(value, label=label, info=help, interactive=True, **layout)
    if isinstance(field.default, int | float):
        # The range is checked by the settings themselves, whose message says more than the browser's.
        return gr.Number(value, label=label, info=help, precision=0 if isinstance(field.default, int) else None,
                         interactive=True, **layout)
    return gr.Textbox(value, label=label, info=help, interactive=True, **layout)


def read(settings: type[Chosen], values: dict[str, Any]) -> Chosen:
    """The settings that these widgets' values make; what has no widget keeps its default.

    Raises ConfigError where a value is missing, of another kind, or refused by the settings.
    """
    known = {f.name: f for f in dataclasses.fields(settings)}
    return settings(**{name: _value(known[name], value) for name, value in values.items()})


def flags(settings: Settings, leave_out: Sequence[str] = ()) -> list[str]:
    """The command line's flags for what differs from the defaults (see `engine.commands.shared.add_settings`)."""
    found = []
    for f in dataclasses.fields(settings):
        value = getattr(settings, f.name)
        if f.name in leave_out or value == f.default:
            continue
        name = f.name.replace("_", "-")
        if isinstance(value, bool):
            found.append(f"--{name}" if value else f"--no-{name}")
        else:
            short = f"{value:g}" if isinstance(value, float) else str(value)
            found += [f"--{name}", short if type(value)(short) == value else repr(value)]
    return found


def _value(field: dataclasses.Field[Any], value: Any) -> Any:
    kind = type(field.default)
    if kind in (int, float):
        if isinstance(value, bool) or not isinstance(value, int | float) or (kind is int and value != int(value)):
            raise ConfigError(f"{field.name} must be a {'whole ' if kind is int else ''}number; "
                              f"it is {shown(value)}.")
        return kind(value)
    if not isinstance(value, kind):
        raise ConfigError(f"{field.name} must be {KINDS[kind]}; it is {shown(value)}.")
    return value


def _help(field: dataclasses.Field[Any]) -> str:
    meta = field.metadata
    low, high, unit = meta["low"], meta["high"], f" {meta['unit']}" if meta["unit"] else ""
    if low is not None and high is not None:
        return f"{meta['help']} ({low} to {high}{unit})"
    return meta["help"] + (f" (in {meta['unit']})" if unit else "")
