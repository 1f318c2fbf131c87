"""What a viewer watches: a share link, or a kernel on a server; and the addresses this gives.

Source: protocol.md §3.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit, urlunsplit

PAGE = "jupyter-sio/live/"

# What stands in a URL's path as itself; a path that is already escaped stays as it is.
_PATH = "/%:@!$&'()*+,;=~-._"


@dataclass(frozen=True, slots=True)
class Target:
    """Where to knock, and with what.

    Attributes
    ----------
    base : str
        The server's base URL, ``http`` or ``https``, escaped, with its last slash.
    secret : str
        A share link's; empty where ``kernel_id`` is given.
    token : str
        Jupyter's; may be empty.
    """

    base: str
    secret: str = field(default="", repr=False)
    kernel_id: str = ""
    token: str = field(default="", repr=False)

    @classmethod
    def parse(
        cls, target: str, *, kernel_id: str | None = None, token: str | None = None
    ) -> Target:
        """Read a link, or a server's base URL (a ``?token=`` in it is used if there is no other).

        Raises
        ------
        ValueError
            If it is neither, or if it takes a ``kernel_id`` to know what is meant.
        """
        parts = urlsplit(target)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError(
                "a target begins with http:// or https://: a share link, or a Jupyter server's "
                "address together with kernel_id="
            )
        path = quote(parts.path, safe=_PATH)
        if parts.fragment:
            return cls(
                _base(parts.scheme, parts.netloc, _before_page(path)), unquote(parts.fragment)
            )
        if not kernel_id:
            raise ValueError(
                "which kernel? Give kernel_id= beside a server's address, or a share link: "
                f"…/{PAGE}#secret"
            )
        given = token or "".join(parse_qs(parts.query).get("token", [])[:1])
        return cls(_base(parts.scheme, parts.netloc, path), "", kernel_id, given)

    @property
    def headers(self) -> dict[str, str]:
        """What says who we are; never in the URL, where logs and proxies would keep it."""
        return {"Authorization": f"token {self.token}"} if self.token else {}

    def api(self, path: str) -> str:
        """The address of ``jupyter-sio/api/<path>``."""
        return f"{self.base}jupyter-sio/api/{path}"

    def socket(self, ticket: str = "") -> str:
        """The WebSocket's address."""
        query = {"EIO": "4", "transport": "websocket"}
        if ticket:
            query["ticket"] = ticket
        return f"ws{self.base[4:]}jupyter-sio/socket.io/?{urlencode(query)}"


def _before_page(path: str) -> str:
    page = "/" + PAGE
    found = path if path.endswith("/") else path + "/"
    if not found.endswith(page):
        raise ValueError(f"a share link looks like http://host/{PAGE}#secret")
    return found[: -len(PAGE)]


def _base(scheme: str, netloc: str, path: str) -> str:
    return urlunsplit((scheme, netloc, path if path.endswith("/") else path + "/", "", ""))
