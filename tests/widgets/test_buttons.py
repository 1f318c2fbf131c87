"""The events a plot offers as buttons."""

from __future__ import annotations

import pytest

from jupyter_sio.errors import BadRequest
from jupyter_sio.widgets import LivePlot


def test_a_plot_offers_the_events_it_is_given_and_none_by_itself():
    assert LivePlot("loss", buttons=["stop", "save"]).buttons == ["stop", "save"]
    assert LivePlot("loss").buttons == []


@pytest.mark.parametrize("event", ["", "$close", "connect", 3, "x" * 65])
def test_a_button_that_could_not_be_sent_is_refused_at_once(event):
    with pytest.raises(BadRequest):
        LivePlot("loss", buttons=[event])


def test_one_text_is_not_taken_for_a_list_of_letters():
    with pytest.raises(TypeError, match=r"write \['stop'\]"):
        LivePlot("loss", buttons="stop")
