"""`selfattn.show`: a script's own model in the app, in the script's own process."""

import re
import socket
import subprocess
import sys
import urllib.request

import pytest

import selfattn
from selfattn.analysis.one_head.gauges import gauges
from selfattn.cli import show
from selfattn.models.loading import memory
from selfattn.models.model import Model
from tests.tools import made, tiny
from tests.tools.browser import DESK, HOME, Reader
from tests.tools.tolerance import assert_close

TEXT = "the cat sat on the mat"
SCRIPT = """
import sys
import torch
import selfattn
from tests.tools import made, tiny

torch.set_num_threads(1)
network, tokenizer = tiny.network("bert"), made.word_level()
first = selfattn.show(network, tokenizer, "the cat sat on the mat")
with torch.no_grad():  # training goes on
    for parameter in network.parameters():
        parameter.mul_(0.8)
second = selfattn.show(network, tokenizer, "the cat sat on the mat")
sys.stdin.readline()
first.close()
print("closed", flush=True)
sys.stdin.readline()
"""


def shrunk() -> Model:
    """The script's model, as it is when it is shown."""
    network = tiny.network("bert")
    for parameter in network.parameters():
        parameter.data.mul_(0.8)
    return Model.wrap(network, made.word_level())


@pytest.fixture(scope="module")
def script():
    command = [sys.executable, "-u", "-c", SCRIPT]
    with subprocess.Popen(command, cwd=HOME, stdin=-1, stdout=-1, stderr=subprocess.DEVNULL, text=True) as process:
        yield process, [process.stdout.readline().strip() for _ in range(2)]
        process.kill()


@pytest.mark.slow
def test_each_call_prints_an_address_of_its_own_on_one_server(script):
    _, (first, second) = script
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?model=BertForMaskedLM%401&text=the\+cat\+sat\+on\+the\+mat", first)
    assert second == first.replace("%401", "%402")
    address = first.partition("/?")[0]
    assert urllib.request.urlopen(f"{address}/_stcore/health", timeout=5).read() == b"ok"


def test_the_picture_is_of_that_models_own_head(script, chromium):
    _, (_, url) = script
    address, _, query = url.partition("/?")
    reader = Reader(chromium.new_page(viewport=DESK), address)
    reader.open(f"/?{query}&layer=1&head=2")
    reader.page.locator(".head[data-ready=true]").wait_for()
    shown = dict(re.findall(r"(entropy|max weight|tr J)\s+([0-9.]+)", reader.text(".head .gauges")))
    stages = selfattn.trace(shrunk(), TEXT).stages(1, 2)
    other = selfattn.trace(Model.wrap(tiny.network("bert"), made.word_level()), TEXT).stages(1, 2)
    for gauge, before in zip(gauges(stages), gauges(other), strict=True):
        if gauge.name in shown:
            assert_close(float(shown[gauge.name]), gauge.value, within=6e-4)
            assert abs(before.value - gauge.value) > 6e-4
    assert len(shown) == 3
    reader.check()
    reader.page.close()


def test_a_closed_model_has_left(script, chromium):
    process, (url, _) = script
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline().strip() == "closed"
    address, _, query = url.partition("/?")
    reader = Reader(chromium.new_page(), address).open(f"/?{query}")
    assert "is there no more" in reader.text(".sa-notice")
    reader.check()
    reader.page.close()


def test_a_notebook_shows_the_app_itself():
    shown = show.Shown('http://127.0.0.1:1/?model=a&text="><script>', "a")
    assert shown._repr_html_().startswith('<iframe src="http://127.0.0.1:1/?model=a&amp;text=&quot;&gt;&lt;script&gt;"')


def test_a_model_that_cannot_be_recorded_starts_no_server(monkeypatch):
    monkeypatch.setattr(show, "_server", lambda *_: pytest.fail("a server was started"))
    with pytest.raises(ValueError, match="no attention"):
        show.show(tiny.hf.ResNetModel(tiny.hf.ResNetConfig(embedding_size=8, hidden_sizes=[8], depths=[1])))


def test_a_wrapped_model_is_shown_as_it_is(monkeypatch, capsys, bert):
    monkeypatch.setattr(show, "_server", lambda *_: "http://127.0.0.1:1")
    shown = show.show(bert)
    assert memory.get(shown.name) is bert
    assert capsys.readouterr().out == f"{shown.url}\n"
    shown.close()
    assert memory.get(shown.name) is None


def test_a_name_is_shown_and_a_value_that_is_none_is_one_sentence(monkeypatch):
    monkeypatch.setattr(show, "_server", lambda *_: "http://127.0.0.1:1")
    shown = show.show("sentiment", text="A film.")
    assert shown.name.startswith("sentiment@")
    shown.close()
    with pytest.raises(ValueError, match=r"a name, a folder or a hub id; got a dict\."):
        show.show({})


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ({"host": "203.0.113.7"}, "The app cannot answer at any port of '203.0.113.7'"),
        ({"host": "no such host"}, "The app cannot answer at any port of 'no such host'"),
        ({"port": 70000}, "A port is a number from 1 to 65535; got 70000"),
        ({"port": "x"}, "A port is a number from 1 to 65535; got 'x'"),
    ],
)
def test_an_address_that_cannot_be_answered_at(bert, place, said):
    with pytest.raises(ValueError, match=said):
        show.show(bert, **place)
    assert [name for name in memory.names() if name.startswith("bert@")] == []


def test_a_port_that_is_taken(bert):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=rf"The app cannot answer at port {port} of '127\.0\.0\.1'"):
            show.show(bert, port=port)


@pytest.mark.slow
def test_the_app_answers_at_the_host_and_port_that_were_asked_for():
    with socket.create_server(("127.0.0.2", 0)) as free:
        port = free.getsockname()[1]
    code = f"""
import selfattn
selfattn.show("sentiment", text="A film.", host="127.0.0.2", port={port})
selfattn.show("sentiment")
try:
    selfattn.show("sentiment", port={port + 1})
except ValueError as error:
    print(error)
import urllib.request
print(urllib.request.urlopen("http://127.0.0.2:{port}/_stcore/health", timeout=9).read().decode())
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=HOME)
    first, second, refused, health = ran.stdout.splitlines()
    assert first == f"http://127.0.0.2:{port}/?model=sentiment%401&text=A+film."
    assert second == f"http://127.0.0.2:{port}/?model=sentiment%402"
    assert refused == f"The app of this process answers at http://127.0.0.2:{port} already; leave host and port out."
    assert health == "ok"
