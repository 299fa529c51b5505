"""Writes a template as a page of YAML to be read by people.

YAML and not JSON: code and definition stand in it line by line, as in their files; in JSON each would be one long line
of ``\\n``. And YAML has comments.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import yaml

_WIDTH = 110
_SECTIONS_OF_ENTRIES = ("Parameters", "Conditions", "Resources", "Outputs")
_SHORT = {"Ref": "!Ref", "Fn::GetAtt": "!GetAtt"} | {
    f"Fn::{name}": f"!{name}" for name in ("Sub", "If", "Not", "Equals")
}


class _Dumper(yaml.SafeDumper):
    """YAML as people write templates: short intrinsic functions, texts of several lines as blocks."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)  # the items of a list stand deeper than its key

    def choose_scalar_style(self) -> Any:
        return "" if self.event.tag in ("!Ref", "!GetAtt") else super().choose_scalar_style()  # without quotes

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


def _mapping(dumper: yaml.SafeDumper, document: dict[str, Any]) -> yaml.Node:
    if len(document) == 1:
        [(key, value)] = document.items()
        if key in _SHORT and isinstance(value, str):
            return dumper.represent_scalar(_SHORT[key], value)
        if key == "Fn::GetAtt":
            return dumper.represent_scalar(_SHORT[key], ".".join(value))
        if key in _SHORT:
            return dumper.represent_sequence(_SHORT[key], value)
    return dumper.represent_mapping("tag:yaml.org,2002:map", document.items())


_Dumper.add_representer(str, _text)
_Dumper.add_representer(dict, _mapping)


def page(document: dict[str, Any], comments: Mapping[str, str]) -> str:
    """The document as YAML.

    Args:
        document: sections by name; those of parameters, resources and outputs hold entries by name.
        comments: of a section, or of an entry, by its name.
    """
    parts = []
    for name, section in document.items():
        if name not in _SECTIONS_OF_ENTRIES:
            parts.append(_dump({name: section}))
            continue
        parts.append(f"\n{_comment(comments, name)}{name}:\n")
        for entry, body in section.items():
            written = _comment(comments, entry) + _dump({entry: body})
            parts.append(("\n" if name == "Resources" else "") + textwrap.indent(written, "  "))
    return "".join(parts)


def _dump(document: dict[str, Any]) -> str:
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return text


def _comment(comments: Mapping[str, str], name: str) -> str:
    return "".join(f"# {line}\n" for line in textwrap.wrap(comments.get(name, ""), _WIDTH))
