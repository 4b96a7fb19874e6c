"""The settings section: how a run was set up."""

import json
from collections.abc import Mapping
from typing import Any

from .markup import table
from .page import Section, section


def settings_section(settings: Mapping[str, Any], versions: Mapping[str, str]) -> Section:
    rows = [(name, setting_text(value)) for name, value in settings.items()]
    return section(
        "settings", "Settings", table("Settings and versions", ("setting", "value"), [*rows, *versions.items()])
    )


def setting_text(value: Any) -> str:
    """A setting for a person."""
    return "-" if value is None or value == {} else json.dumps(value) if isinstance(value, Mapping) else str(value)
