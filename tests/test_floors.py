"""Who may import whom: the table of docs/architecture.md, held against every file's imports."""

from __future__ import annotations

import ast
import graphlib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "jupyter_sio"

# A room, the modules in it (a trailing dot: everything below), and the rooms it may look into.
ROOMS = {
    "ground": (("errors", "limits"), ()),
    "protocol": (("protocol", "protocol."), ("ground",)),
    "kernel": (("kernel", "kernel."), ("ground", "protocol")),
    "viewer": (("viewer", "viewer."), ("ground", "protocol")),
    "server/2": (
        (
            "server",
            "server.access",
            "server.addresses",
            "server.admission",
            "server.bus",
            "server.clients",
            "server.discreet",
            "server.dispatch",
            "server.endpoint",
            "server.frames",
            "server.guests",
            "server.handlers",
            "server.hub",
            "server.leaving",
            "server.live",
            "server.packets",
            "server.page",
            "server.polling",
            "server.polls",
            "server.registry",
            "server.rooms",
            "server.router",
            "server.session",
            "server.sweep",
            "server.tasks",
            "server.transport",
            "server.websocket",
        ),
        ("ground", "protocol"),
    ),
    "widgets": (("widgets", "widgets."), ("ground", "protocol", "kernel")),
    "loops": (("loops", "loops."), ("ground", "protocol", "kernel")),
    "server/3": (
        (
            "server.directory",
            "server.fanout",
            "server.identities",
            "server.kernels",
            "server.links",
            "server.metrics",
            "server.news",
            "server.publishers",
            "server.viewers",
        ),
        ("ground", "protocol", "server/2"),
    ),
    "server/4": (
        ("server.owner", "server.rest"),
        ("ground", "protocol", "server/2", "server/3"),
    ),
    "top": (
        ("server.app", "cli", "cli.", "testing"),
        (
            *("ground", "protocol", "kernel", "viewer", "widgets", "loops"),
            *("server/2", "server/3", "server/4"),
        ),
    ),
}

# What a room may not import from elsewhere, whoever else does.
HEAVY = ("jupyter_server", "socketio", "engineio", "tornado.web", "ipywidgets", "anywidget")
FORBIDDEN = {
    "protocol": ("asyncio", "threading", "socket", "time", "random", "tornado", *HEAVY),
    "kernel": HEAVY,
    "viewer": HEAVY,
    "loops": HEAVY,
}


def room_of(module: str) -> str:
    """The room of ``module``, named without its leading ``jupyter_sio.``."""
    for room, (members, _) in ROOMS.items():
        for member in members:
            if module == member or (member.endswith(".") and module.startswith(member)):
                return room
    raise AssertionError(f"{module} has no floor: give it one in ROOMS and docs/architecture.md")


def imports_of(source: str, module: str, known: set[str], *, typing: bool = True) -> set[str]:
    """Every absolute name that ``source`` imports, wherever in it, as modules where known.

    ``typing=False`` leaves out what only a type checker imports.
    """
    tree = ast.parse(source)
    if not typing:
        tree = RunTime().visit(tree)
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = f"jupyter_sio.{module}".split(".")[: -node.level]
                base = ".".join([*parents, base] if base else parents)
            for alias in node.names:
                name = f"{base}.{alias.name}"
                found.add(name if name.removeprefix("jupyter_sio.") in known else base)
    return found


class RunTime(ast.NodeTransformer):
    """Takes ``if TYPE_CHECKING:`` out of a module."""

    def visit_If(self, node: ast.If) -> ast.AST | None:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return None
        return self.generic_visit(node)


def complaints(module: str, imports: set[str]) -> list[str]:
    """What ``imports`` holds that ``module`` may not import."""
    room = room_of(module)
    allowed = {room, *ROOMS[room][1]}
    wrong = []
    for name in sorted(imports):
        if name == "jupyter_sio":
            wrong.append(f"{module} imports the façade: import the module that has the name")
        elif name.startswith("jupyter_sio."):
            other = room_of(name.removeprefix("jupyter_sio."))
            if other not in allowed:
                wrong.append(f"{module} ({room}) imports {name} ({other})")
        elif any(f"{name}.".startswith(f"{ban}.") for ban in FORBIDDEN.get(room, ())):
            wrong.append(f"{module} ({room}) imports {name}")
    return wrong


def read_tree(*, typing: bool) -> dict[str, set[str]]:
    """Every module of the package but the façade, with what it imports."""
    files = {}
    for path in set(PACKAGE.rglob("*.py")) - {PACKAGE / "__init__.py"}:
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        # An __init__ resolves its relative imports one level deeper.
        files[module] = (path, f"{module}.__init__" if parts[-1] == "__init__" else module)
    known = set(files)
    return {
        module: imports_of(path.read_text(), resolved, known, typing=typing)
        for module, (path, resolved) in files.items()
    }


TREE = read_tree(typing=True)


@pytest.mark.parametrize("module", sorted(TREE))
def test_module_imports_only_from_its_floor_and_below(module):
    assert complaints(module, TREE[module]) == []


def test_no_two_modules_import_each_other_by_any_way_round():
    graph = {
        module: {name.removeprefix("jupyter_sio.") for name in imports} & set(TREE) - {module}
        for module, imports in read_tree(typing=False).items()
    }
    list(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError with the ring


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("kernel.link", "from jupyter_sio.server import router"),
        ("server.fanout", "def late():\n    import jupyter_sio.kernel.link"),
        ("server.registry", "from .fanout import Fanout"),
        ("protocol.history", "from time import monotonic"),
        ("protocol.outbox", "import asyncio.events"),
        ("kernel.arrow", "import tornado.web"),
        ("limits", "from jupyter_sio.protocol import grants"),
        ("widgets.plot", "from jupyter_sio import stream"),
    ],
)
def test_an_import_against_the_table_is_found(module, source):
    known = {"server.router", "server.fanout", "kernel.link", "protocol.grants", module}
    assert complaints(module, imports_of(source, module, known))


def test_an_import_within_the_table_is_not_complained_of():
    source = "import timeit\nfrom . import fanout\nfrom jupyter_sio.protocol.grants import Grant"
    known = {"server.rest", "server.fanout", "protocol.grants"}
    found = imports_of(source, "server.rest", known)
    assert found == {"timeit", "jupyter_sio.server.fanout", "jupyter_sio.protocol.grants"}
    assert complaints("server.rest", found) == []


def test_an_import_for_types_only_counts_as_a_look_but_not_as_a_ring():
    source = "if TYPE_CHECKING:\n    from jupyter_sio.server import router"
    known = {"server.router"}
    assert imports_of(source, "server.rooms", known) == {"jupyter_sio.server.router"}
    assert imports_of(source, "server.rooms", known, typing=False) == set()


def test_a_module_without_a_floor_is_named():
    with pytest.raises(AssertionError, match=r"server\.cellar has no floor"):
        room_of("server.cellar")
