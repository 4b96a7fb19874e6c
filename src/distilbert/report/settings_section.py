"""The settings section: how a run was set up."""

from collections.abc import Mapping
from typing import Any

from ..command_text import setting_text
from .markup import table
from .page import Section, section


def settings_section(settings: Mapping[str, Any], versions: Mapping[str, str]) -> Section:
    rows = [(name, setting_text(value)) for name, value in settings.items()]
    return section(
        "settings", "Settings", table("Settings and versions", ("setting", "value"), [*rows, *versions.items()])
    )
