"""Authenticators: what they answer to a request, by domain."""

import asyncio
import importlib
import itertools

import pytest

from zmqfast.utils import z85
from differential.outcome import attempt

KEY = b"k" * 32
REQUESTS = {
    "PLAIN": [b"PLAIN", b"joe", b"secret"],
    "PLAIN, wrong password": [b"PLAIN", b"joe", b"guess"],
    "CURVE": [b"CURVE", KEY],
}


class Answers:
    """Stands where zap_socket is."""

    def __init__(self):
        self.sent = []

    def send_multipart(self, frames):
        self.sent.append(frames)


class Provider:
    asked = []      # the domains

    def __init__(self, answer):
        self.answer = answer

    def callback(self, domain, key):
        self.asked.append(domain)
        return self.answer


SETTINGS = {
    "passwords": lambda authenticator, domain, folder: authenticator.configure_plain(domain, {"joe": "secret"}),
    "callback": lambda authenticator, domain, folder: authenticator.configure_curve_callback(domain, Provider(True)),
    "callback that refuses":
        lambda authenticator, domain, folder: authenticator.configure_curve_callback(domain, Provider(False)),
    "any": lambda authenticator, domain, folder: authenticator.configure_curve(domain, "*"),
    "folder": lambda authenticator, domain, folder: authenticator.configure_curve(domain, folder),
    "empty folder": lambda authenticator, domain, folder: authenticator.configure_curve(domain, folder / "empty"),
    "missing folder": lambda authenticator, domain, folder: authenticator.configure_curve(domain, folder / "missing"),
}


def answer(lib, context, request_name, domain, settings, folder):
    """Status and User-Id that an authenticator with these settings gives, and the domains that callbacks were told."""
    authenticator = importlib.import_module(f"{lib.__name__}.auth").Authenticator(context)
    for setting, configured in settings:
        SETTINGS[setting](authenticator, configured, folder)
    Provider.asked.clear()
    authenticator.zap_socket = answers = Answers()
    request = [b"1.0", b"1", domain.encode(), b"127.0.0.1", b"id", *REQUESTS[request_name]]
    handled = attempt(lib, asyncio.run, authenticator.handle_zap_message(request))
    authenticator.zap_socket = None
    return handled, [(frames[2], frames[4]) for frames in answers.sent], Provider.asked


@pytest.fixture
def folder(tmp_path):
    """Certificates, KEY's among them."""
    (tmp_path / "empty").mkdir()
    key = z85.encode(KEY).decode()
    (tmp_path / "joe.key").write_text(f'metadata\ncurve\n    public-key = "{key}"\n')
    return tmp_path


@pytest.mark.parametrize("request_name", REQUESTS)
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("configured", ["*", "here", ""])
@pytest.mark.parametrize("domain", ["", "here", "elsewhere"])
def test_answers(agree, folder, request_name, setting, configured, domain):
    agree("zap", [(f"{request_name}, {setting} for {configured!r}, in {domain!r}", lambda lib, context: answer(
        lib, context, request_name, domain, [(setting, configured)], folder))])


@pytest.mark.parametrize("domain", ["", "here", "elsewhere"])
@pytest.mark.parametrize("first, second", list(itertools.permutations(sorted(SETTINGS.keys() - {"passwords"}), 2)))
def test_answers_after_two_settings(agree, folder, first, second, domain):
    def case(*settings):
        return lambda lib, context: answer(lib, context, "CURVE", domain, settings, folder)

    agree("zap", [(f"CURVE, {first} for {one!r}, then {second} for {two!r}, in {domain!r}",
                   case((first, one), (second, two))) for one in ("*", "here") for two in ("*", "here")])
