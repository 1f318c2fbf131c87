"""What a viewer is told to watch, and the addresses that follow."""

from __future__ import annotations

import pytest

from jupyter_sio.protocol.target import Target


def test_a_link_gives_its_base_and_its_secret() -> None:
    target = Target.parse("https://hub.example/user/ada/jupyter-sio/live/#s3cret-_")
    assert target.base == "https://hub.example/user/ada/"
    assert target.secret == "s3cret-_"
    assert target.api("tickets") == "https://hub.example/user/ada/jupyter-sio/api/tickets"


def test_a_link_may_have_lost_its_last_slash() -> None:
    assert Target.parse("http://h:8888/jupyter-sio/live#x").base == "http://h:8888/"


def test_an_escaped_base_url_stays_as_it_is() -> None:
    target = Target.parse("http://h/user/a%40x%2F/jupyter-sio/live/#x")
    assert target.socket("t") == (
        "ws://h/user/a%40x%2F/jupyter-sio/socket.io/?EIO=4&transport=websocket&ticket=t"
    )


def test_an_unescaped_base_url_is_escaped() -> None:
    assert Target.parse("http://h/user/zoë b", kernel_id="k").base == "http://h/user/zo%C3%AB%20b/"


def test_https_becomes_wss() -> None:
    assert Target.parse("https://h", kernel_id="k").socket().startswith("wss://h/jupyter-sio/")


def test_the_token_goes_into_a_header_and_into_no_address() -> None:
    for target in (
        Target.parse("http://h/", kernel_id="k", token="tok"),
        Target.parse("http://h/?token=tok", kernel_id="k"),
    ):
        assert target.headers == {"Authorization": "token tok"}
        assert "tok=" not in target.socket() and "token" not in target.base
    assert Target.parse("http://h/", kernel_id="k").headers == {}


def test_no_secret_shows_in_a_repr() -> None:
    link = Target.parse("http://h/jupyter-sio/live/#hidden")
    server = Target.parse("http://h/", kernel_id="k", token="hidden")
    assert "hidden" not in repr(link) + repr(server)


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("localhost:8888", "begins with http"),
        ("ftp://h/", "begins with http"),
        ("", "begins with http"),
        ("http:///x", "begins with http"),
        ("http://h:eighty/", "[Pp]ort"),
        ("http://h/", "which kernel"),
        ("http://h/jupyter-sio/live/", "which kernel"),
        ("http://h/other/#secret", "a share link looks like"),
    ],
)
def test_what_is_no_target_is_refused_with_what_to_do(target: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        Target.parse(target)
    assert "secret" not in str(caught.value).replace("#secret", "")
