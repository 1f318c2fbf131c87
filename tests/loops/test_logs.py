"""Log records on their way to viewers: what becomes of them, and what never happens meanwhile."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from datetime import timezone

import pytest

from jupyter_sio import limits
from jupyter_sio.errors import BadRequest
from jupyter_sio.kernel.publisher import Publisher
from jupyter_sio.loops import logs
from jupyter_sio.loops.logs import LoggingHandler, logging_handler
from jupyter_sio.loops.writer import Writer
from tests.kernel.peer import Peer
from tests.kernel.test_process import Kernels


@pytest.fixture
def logger() -> logging.Logger:
    return logging.Logger("tests.loops")  # of no tree: pytest's own handlers hear nothing of it


@pytest.fixture
def handler(publisher: Publisher, logger: logging.Logger) -> Iterator[LoggingHandler]:
    found = logging_handler(publisher=publisher)
    logger.addHandler(found)
    yield found
    found.close()


def rows(server: Peer, count: int) -> list[dict]:
    server.until(lambda: len(server.streams["log"].rows) >= count)
    return server.streams["log"].rows


def test_a_record_becomes_a_row(handler, logger: logging.Logger, server: Peer):
    before = time.time()
    logger.warning("%d of %s", 3, "a kind")
    (row,) = rows(server, 1)
    assert before <= row["time"].replace(tzinfo=timezone.utc).timestamp() <= time.time() + 1e-3
    assert (row["level"], row["logger"]) == ("WARNING", "tests.loops")
    assert (row["message"], row["exception"]) == ("3 of a kind", None)


def test_a_level_leaves_out_what_is_below(publisher, logger: logging.Logger, server: Peer):
    logger.addHandler(logging_handler("ERROR", publisher=publisher))
    logger.warning("no")
    logger.error("yes")
    assert [row["message"] for row in rows(server, 1)] == ["yes"]


def test_an_exception_is_told_with_its_traceback(handler, logger: logging.Logger, server: Peer):
    try:
        raise LookupError("lost")
    except LookupError:
        logger.exception("it failed")
    (row,) = rows(server, 1)
    assert row["message"] == "it failed"
    assert row["exception"].startswith("Traceback") and row["exception"].endswith("lost")


def test_long_texts_are_cut_and_say_so(handler, logger: logging.Logger, server: Peer):
    bound = limits.Loops.message_chars
    try:
        raise LookupError("x" * 2 * bound + "the end")
    except LookupError:
        logger.exception("the beginning" + "y" * bound)
    (row,) = rows(server, 1)
    assert row["message"].startswith("the beginning")
    assert row["message"].endswith("… (13 more characters)")
    assert row["exception"].endswith("the end") and "more characters) …x" in row["exception"]


def test_a_formatter_makes_the_message(handler, logger: logging.Logger, server: Peer):
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    logger.info("hello")
    assert rows(server, 1)[0]["message"] == "INFO: hello"


def test_what_cannot_be_told_as_it_is_does_not_raise(
    handler, logger: logging.Logger, server: Peer, capsys
):
    class Unspeakable:
        def __str__(self) -> str:
            raise RuntimeError("never")

    logger.info("%d", "x")
    logger.info("half \ud83d")
    logger.info(Unspeakable())
    logger.info("still there")
    messages = [row["message"] for row in rows(server, 3)]
    assert messages == ["%d (its arguments do not fit it)", "half ?", "still there"]
    assert "RuntimeError: never" in capsys.readouterr().err


def test_a_record_of_a_record_is_left_out(handler, logger: logging.Logger, server: Peer):
    class Talkative:
        def __str__(self) -> str:
            logger.info(self)
            return "once"

    logger.info(Talkative())
    logger.info("after")
    assert [row["message"] for row in rows(server, 2)] == ["once", "after"]


def test_our_own_records_make_no_echo(publisher, server: Peer, monkeypatch):
    root = logging.getLogger()
    monkeypatch.setattr(logging.getLogger("websockets.server"), "propagate", False)  # the peer's
    level, handler = root.level, logging_handler(publisher=publisher)
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        server.cut()  # the next connection would tell of each frame
        server.until(lambda: publisher.statistics().reconnects and publisher.online)
        logging.getLogger("jupyter_sio.websocket").info("a frame")
        logging.getLogger("jupyter_sios").info("another's")
        assert rows(server, 1)[0]["message"] == "another's"
        publisher.stream("log").flush()
        assert server.streams["log"].next == 1
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


def test_a_record_within_a_destructor_waits_for_no_lock(handler, logger, collecting, server: Peer):
    with collecting():
        logger.info("collected")
    assert rows(server, 1)[0]["message"] == "collected"


def test_what_is_lost_is_counted_and_told(handler, logger, server: Peer, monkeypatch):
    slow = Writer(limits.Loops(queued=2))
    began, hold = threading.Event(), threading.Event()
    monkeypatch.setattr(logs, "writer", slow)
    slow.put(lambda: began.set() or hold.wait())
    began.wait()
    for number in range(6):
        logger.info(number)
    hold.set()
    assert (handler.dropped, slow.refused) == (4, 4)
    messages = [row["message"] for row in rows(server, 3)]
    assert messages == ["4 records were lost", "0", "1"]


def test_a_handler_made_again_takes_the_place_of_the_former(handler, logger, publisher, server):
    logger.addHandler(logging_handler(publisher=publisher))
    logger.info("once")
    logger.handlers[-1].flush()
    publisher.stream("log").flush()
    assert [row["message"] for row in rows(server, 1)] == ["once"]


def test_a_closed_handler_pushes_no_more_and_leaves_the_stream(handler, logger, server: Peer):
    logger.info("before")
    rows(server, 1)
    handler.close()
    logger.info("after")
    handler.flush()
    assert server.streams["log"].next == 1 and not server.streams["log"].ended


def test_a_stream_closed_by_somebody_begins_anew(handler, logger, publisher, server: Peer):
    publisher.stream("log").close()
    logger.info("again")
    assert rows(server, 1)[0]["message"] == "again"


def test_without_a_server_records_are_counted(logger: logging.Logger):
    with pytest.warns(RuntimeWarning, match="no Jupyter server"):
        alone = Publisher().connect()
    handler = logging_handler(publisher=alone)
    logger.addHandler(handler)
    logger.info("nobody hears")
    assert handler.dropped == 1


def test_a_name_that_is_none_is_refused(publisher: Publisher):
    with pytest.raises(BadRequest):
        logging_handler(name="", publisher=publisher)


def test_the_last_record_before_the_end_arrives_and_a_fork_says_nothing(
    kernels: Kernels, server: Peer
):
    _, err = kernels.run(
        """
import logging, warnings
logging.captureWarnings(True)
logging.getLogger().addHandler(sio.logging_handler())
logging.error("first")
if os.fork() == 0:
    logging.error("of the child")
    os._exit(0)
os.wait()
logging.error("last")
"""
    )
    assert [row["message"] for row in rows(server, 2)] == ["first", "last"]
    assert "Traceback" not in err


def test_a_child_that_connects_logs_of_its_own(kernels: Kernels, server: Peer):
    kernels.run(
        """
import logging
handler = sio.logging_handler()
logging.getLogger().addHandler(handler)
logging.error("of the parent")
handler.flush()
assert sio.stream("log").flush()
if os.fork() == 0:
    sio.connect(required=True)
    logging.error("of the child")
    sys.exit()
os.wait()
"""
    )
    assert rows(server, 1)[-1]["message"] == "of the child"
