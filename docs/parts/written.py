"""The pages of the reference that code says by itself.

``python docs/parts/written.py`` writes them; a test holds them to what the code says now.
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

DOCS = Path(__file__).parents[1]
sys.path.insert(0, str(DOCS.parent))

from jupyter_sio import cli, errors, limits  # noqa: E402  the one in this tree
from jupyter_sio.server import app, metrics  # noqa: E402

_OPENAPI = DOCS.parent / "jupyter_sio" / "server" / "openapi.yaml"


def table(*rows: Iterable[object]) -> str:
    """Write rows, the first of them the heading, as Markdown has tables."""
    head, *body = ([str(cell).replace("|", "\\|") for cell in row] for row in rows)
    lines = (f"| {' | '.join(row)} |" for row in body)
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *lines])


def sentence(text: str) -> str:
    """Begin with a capital, end with a full stop, in one line."""
    text = " ".join(text.split())
    return text and f"{text[0].upper()}{text[1:].rstrip('.; ')}."


def quantity(name: str, value: object) -> str:
    """Write a default with its unit."""
    if value is None:
        return "–"
    assert isinstance(value, int | float)
    if name.endswith("seconds") and value >= 86_400:
        return f"{value / 86_400:g} days"
    if "bytes" in name and value % limits.KIB == 0:
        mebi = value % limits.MIB == 0
        return f"{value / (limits.MIB if mebi else limits.KIB):,.0f} {'MiB' if mebi else 'KiB'}"
    unit = " bytes" if name.endswith("bytes") else ""
    if name.endswith(("seconds", "interval", "timeout")) and "per_second" not in name:
        unit = " s"
    return f"{value:,.0f}{unit}" if float(value).is_integer() else f"{value:.3g}{unit}"


# --- settings and limits -------------------------------------------------------------------------


def own_traits() -> dict[str, Any]:
    """List the settings that are ours, not the Jupyter application's, by name."""
    ours = app.JupyterSio.class_traits(config=True)
    inherited = {n for base in app.JupyterSio.__bases__[1:] for n in base.class_traits(config=True)}
    return {name: trait for name, trait in sorted(ours.items()) if name not in inherited}


def settings() -> str:
    """Write the page of the extension's traits."""
    traits = own_traits()
    plain = [name for name in traits if name not in app._LIMITS]
    heads = ("setting", "default", "what")
    words = [(f"`{n}`", _default(traits[n]), sentence(traits[n].help)) for n in plain]
    bounds = [
        (f"`{n}`", quantity(field, traits[n].default_value), sentence(what))
        for n, (_, field, what) in app._LIMITS.items()
    ]
    return f"""\
# Settings

`pip install` enables the extension. Settings are `c.JupyterSio.<name> = …` in
`jupyter_server_config.py`, or `--JupyterSio.<name>=…` on the command line; under JupyterHub see
[how an administrator sets them](../jupyterhub.md).

{table(heads, *words)}

## Limits

They are given in bytes and in seconds. [Limits](limits.md) has the bounds that are no settings,
too, and what happens when one is reached.

{table(heads, *bounds)}
"""


def _default(trait: Any) -> str:
    if trait.name == "allow_links":
        return "`True`; under JupyterHub `False`"
    if isinstance(trait.default_value, str) and not trait.default_value:
        return "–"
    return f"`{trait.default_value!r}`"


_FIELD = re.compile(r"^    (\w+): [^=]+ = (.+?)(?:  # (.+))?$")


def fields(group: type) -> Iterator[tuple[str, object, str]]:
    """Read the fields of a group of bounds: name, default, and what its comment says."""
    above: list[str] = []
    defaults = {field.name: field.default for field in dataclasses.fields(group)}
    source, _, _ = inspect.getsource(group).partition("    @property")
    for line in source.splitlines():
        if line.startswith("    # "):
            above.append(line.strip(" #"))
        elif field := _FIELD.match(line):
            yield field[1], defaults[field[1]], " ".join([*above, field[3] or ""]).strip()
            above = []
        elif not line.strip():
            above = []


def limit_groups() -> list[type]:
    """List the groups of bounds, in the file's order."""
    return [
        group
        for group in vars(limits).values()
        if dataclasses.is_dataclass(group) and group is not limits.Limits
    ]


def _markdown(group: type) -> str:
    """Read a docstring, whose literals have two backticks."""
    return (inspect.getdoc(group) or "").replace("``", "`")


def limits_page() -> str:
    """Write the page of every bound."""
    settings = {tuple(at): (name, what) for name, (*at, what) in app._LIMITS.items()}
    groups = {
        type(getattr(app._DEFAULTS, f.name)): f.name for f in dataclasses.fields(limits.Limits)
    }
    parts = []
    for group in limit_groups():
        rows = []
        for name, value, comment in fields(group):
            setting, what = settings.get((groups.get(group), name), ("", ""))
            told = (comment or what).replace("``", "`")
            rows.append((f"`{name}`", quantity(name, value), told, setting and f"`{setting}`"))
        heads = ("bound", "default", "what, and what happens at it", "setting")
        parts.append(f"## {group.__name__}\n\n{_markdown(group)}\n\n{table(heads, *rows)}\n")
    return f"""\
# Limits

Every queue, ring, wait and table has a bound. That it was reached is counted:
see [metrics](metrics.md). Numbers such as 3013 are [codes](codes.md). What has a name in the last
column is a [setting](settings.md).

{chr(10).join(parts)}"""


# --- the command line ----------------------------------------------------------------------------


def parsers() -> dict[str, argparse.ArgumentParser]:
    """List the commands."""
    (commands,) = (
        action
        for action in cli._parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    return dict(commands.choices)


def command_line() -> str:
    """Write the page of `jupyter sio`."""
    parts = [_command(name, parser) for name, parser in parsers().items()]
    exits, _, said = (cli.__doc__ or "").partition("Exit codes: ")[2].partition(". ")
    codes = [exit_.split(" ", 1) for exit_ in " ".join(exits.split()).split(" · ")]
    return f"""\
# Command line

`jupyter sio --help`, and `--help` after each command, say the same. Servers of yours that run on
this machine are found by themselves. {" ".join(said.split())}

{chr(10).join(parts)}
## Exit codes

{table(("code", "what"), *codes)}
"""


def _command(name: str, parser: argparse.ArgumentParser) -> str:
    shown = [action for action in parser._actions if action.dest != "help"]
    takes = [_positional(action) for action in shown if not action.option_strings]
    rows = [(_argument(one), sentence(_choices(one) + (one.help or ""))) for one in shown]
    return f"""\
## {name}

```text
{" ".join(["jupyter sio", name, *takes, "[options]"])}
```

{_prose(parser.description or "")}

{table(("argument", "what"), *rows)}
"""


def _positional(action: argparse.Action) -> str:
    word = action.metavar or action.dest.upper()
    return {"*": f"[{word} …]", "+": f"{word} …"}.get(str(action.nargs), str(word))


def _argument(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"`{action.metavar or action.dest.upper()}`"
    takes = action.metavar or ("" if action.nargs == 0 else action.dest.upper())
    return ", ".join(f"`{f'{option} {takes}'.strip()}`" for option in action.option_strings)


def _choices(action: argparse.Action) -> str:
    return f"one of {', '.join(map(str, action.choices))}; " if action.choices else ""


def _prose(text: str) -> str:
    """Put what is indented, and so drawn by hand, into blocks."""
    blocks = text.split("\n\n")
    return "\n\n".join(
        f"```text\n{textwrap.dedent(block)}\n```"
        if re.search(r"^  ", block, re.MULTILINE)
        else block
        for block in blocks
    )


# --- codes and metrics ---------------------------------------------------------------------------


def codes() -> str:
    """Write the page of codes; what each means stands in protocol.md."""
    section = (DOCS / "protocol.md").read_text().partition("## 8. Codes")[2].partition("\n## ")[0]
    meanings = dict(re.findall(r"(\d{4}) ([^·.]+?)(?= ·|\.\s)", section))
    rows = [
        (
            code.value,
            f"`{code.name}`",
            sentence(meanings[str(code.value)]),
            "the namespace" if code.of_namespace else "the connection",
            "no" if code.final else "yes",
        )
        for code in errors.Code
    ]
    heads = ("code", "name", "what", "what ends", "try again?")
    return f"""\
# Codes

Why something ended or was refused: in `$bye`, in `CONNECT_ERROR`, in a refused answer, as the
status of a WebSocket's close frame, and as `.code` of a `SioError`. Below 3500 trying again makes
sense; from 3500 on it does not. [The protocol](../protocol.md) says where each is used.

{table(heads, *rows)}
"""


def metrics_page() -> str:
    """Write the page of what is counted."""
    gauges = [(f"`{row.full_name}`", row.help) for row in metrics.GAUGES]
    counters = [(f"`{row.full_name}_total`", row.help) for row in metrics.COUNTERS]
    return f"""\
# Metrics

On Jupyter's own `/metrics`; [how to read them](../how-to/metrics.md).

## What is there now

{table(("gauge", "what"), *gauges)}

## What has happened since the server began

{table(("counter", "what"), *counters)}
"""


# --- REST ----------------------------------------------------------------------------------------


def rest() -> str:
    """Write the page of the OpenAPI description."""
    spec = yaml.safe_load(_OPENAPI.read_text())
    parts = [
        _operation(spec, path, method, operation)
        for path, methods in spec["paths"].items()
        for method, operation in methods.items()
        if method != "parameters"
    ]
    schemas = [
        f"### {name}\n\n{_schema(spec, schema)}\n"
        for name, schema in spec["components"]["schemas"].items()
    ]
    description = spec["info"]["description"].replace(
        "docs/protocol.md", "[the protocol](../protocol.md)"
    )
    return f"""\
# REST

`jupyter-sio/api/` under the server's base URL. A running server describes all of it at
`jupyter-sio/api/openapi.yaml`, as OpenAPI {spec["openapi"]}, which this page is made of.

{description.strip()}

## Requests

{chr(10).join(parts)}
## What they speak of

{chr(10).join(schemas)}"""


def _operation(spec: Any, path: str, method: str, operation: Any) -> str:
    parts = [f"### {method.upper()} {path}", operation["summary"], operation.get("description", "")]
    if body := operation.get("requestBody"):
        parts.append(f"Body: {_type(body['content']['application/json']['schema'])}.")
    rows = []
    for status, answer in operation["responses"].items():
        if "$ref" in answer:
            answer = spec["components"]["responses"][answer["$ref"].rpartition("/")[2]]
        (content,) = answer.get("content", {"": {}}).values()
        rows.append((status, sentence(answer["description"]), _type(content.get("schema"))))
    parts.append(table(("status", "what", "body"), *rows))
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _schema(spec: Any, schema: Any) -> str:
    """Write what a schema says: in words, and its fields as a table."""
    words = [sentence(schema["description"])] if "description" in schema else []
    rows = []
    for part in [schema, *schema.get("allOf", [])]:
        if "$ref" in part:
            words.append(f"The fields of {_type(part)}, and:")
        needed = part.get("required", [])
        for name, field in part.get("properties", {}).items():
            what = sentence(field.get("description", ""))
            rows.append((f"`{name}`", _type(field), "yes" if name in needed else "", what))
    if not rows:
        return "\n\n".join([*words, f"{sentence(_type(schema))}"])
    return "\n\n".join([*words, table(("field", "type", "always", "what"), *rows)])


def _type(schema: Any) -> str:
    """Write a type in a few words; what is described elsewhere as a link."""
    if not schema:
        return "–"
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "oneOf" in schema and "type" not in schema:
        return " or ".join(map(_type, schema["oneOf"]))
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    most = schema.get("maxLength") or schema.get("maxItems")
    return schema.get("type", "object") + (f", at most {most}" if most else "")


PAGES: dict[str, Callable[[], str]] = {
    "settings": settings,
    "limits": limits_page,
    "command-line": command_line,
    "rest": rest,
    "codes": codes,
    "metrics": metrics_page,
}
NOTE = "<!-- Written by docs/parts/written.py: type `python docs/parts/written.py`. -->\n\n"


def place(name: str) -> Path:
    """Say where a page stands."""
    return DOCS / "reference" / f"{name}.md"


if __name__ == "__main__":
    for name, page in PAGES.items():
        place(name).write_text(NOTE + page())
