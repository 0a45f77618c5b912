"""What a room tells that must not be lost: told again by the next one to open, to the session that did not hear it."""

import base64

import pytest

from selfattn.canvas.payload import pack

# A room that is left after it told its view, and another one: what each told, and what the other opened with.
TELL = """async ([bytes, first, second]) => {
  const { Room } = await import("/shared/room.js");
  const payload = Uint8Array.from(atob(bytes), (each) => each.charCodeAt(0));
  const open = (heard) => {
    const told = [];
    const room = new Room(document.createElement("div"), "room");
    room.hear({ data: {}, setStateValue: (name, value) => told.push([name, value]) }, payload, heard);
    return { room, told };
  };
  const before = open(first);
  before.room.keep("view", { picture: "lines" });
  const after = open(second);
  return [before.told, after.told, after.room.about.view];
}"""
FIRST = {"session": "a", "number": 0}


def told(page, heard):
    payload = base64.b64encode(pack({"view": {"picture": "stages"}}, {})).decode()
    return page.evaluate(TELL, [payload, FIRST, heard])


def test_what_was_not_heard_is_told_again_and_seen(module_page):
    before, after, view = told(module_page, FIRST)
    assert before == [["view", {"picture": "lines", "number": 1}]]
    assert after == [["view", {"picture": "lines", "number": 2}]]
    assert view == {"picture": "lines"}


@pytest.mark.parametrize("heard", [{"session": "a", "number": 1}, {"session": "b", "number": 0}])
def test_what_was_heard_or_is_of_another_session_is_not(module_page, heard):
    _, after, view = told(module_page, heard)
    assert after == []
    assert view == {"picture": "stages"}
