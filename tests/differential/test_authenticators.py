"""Authenticators: what they answer to a request, by domain."""

import asyncio
import importlib

import pytest

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
    def callback(self, domain, key):
        return True


SETTINGS = {
    "passwords": lambda authenticator, domain: authenticator.configure_plain(domain, {"joe": "secret"}),
    "callback": lambda authenticator, domain: authenticator.configure_curve_callback(domain, Provider()),
    "any": lambda authenticator, domain: authenticator.configure_curve(domain, "*"),
}


@pytest.mark.parametrize("request_name", REQUESTS)
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("configured", ["*", "here"])
@pytest.mark.parametrize("domain", ["", "here", "elsewhere"])
def test_answers(agree, request_name, setting, configured, domain):
    def case(lib, context):
        authenticator = importlib.import_module(f"{lib.__name__}.auth").Authenticator(context)
        SETTINGS[setting](authenticator, configured)
        authenticator.zap_socket = answers = Answers()
        request = [b"1.0", b"1", domain.encode(), b"127.0.0.1", b"id", *REQUESTS[request_name]]
        handled = attempt(lib, asyncio.run, authenticator.handle_zap_message(request))
        authenticator.zap_socket = None
        return handled, [frames[2] for frames in answers.sent]

    agree("zap", [(f"{request_name}, {setting} for {configured!r}, in {domain!r}", case)])
