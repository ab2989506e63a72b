"""Authenticator: decides who may connect, as libzmq asks it to (ZAP, ZeroMQ RFC 27).

What is logged and what errors say never holds a password or a key.
"""

from __future__ import annotations

import asyncio
import hmac
import inspect
import logging
import os
from typing import TYPE_CHECKING, Any, ClassVar

from zmqfast._core import z85_encode
from zmqfast.auth.certs import load_certificates
from zmqfast.auth.serving import CONCURRENT_CALLBACKS, ZAP_ENDPOINT, call_in_thread, envelope, leave
from zmqfast.constants import LINGER, REP, SocketType
from zmqfast.context import Context

if TYPE_CHECKING:
    from zmqfast.socket import Socket

__all__ = ["CURVE_ALLOW_ANY", "Authenticator"]

CURVE_ALLOW_ANY = "*"
VERSION = b"1.0"
ZAP_LINGER_MS = 1


class Authenticator:
    """Decides who may connect to the servers of a context, one for each context.

    This class only decides. ThreadAuthenticator, AsyncioAuthenticator and IOLoopAuthenticator also run; to run this one,
    hand each message that `zap_socket` receives to handle_zap_message().

    Args:
        context: whose servers are guarded; Context.instance() when None.
        encoding: of domains, addresses, user names and passwords.
        log: a logger to use instead of "zmq.auth".
    """

    context: Context[Any]
    encoding: str
    log: Any
    allow_any: bool
    """Whether every CURVE client may connect, in every domain."""
    passwords: dict[str, dict[str, str]]
    """By domain, the passwords of the users."""
    certs: dict[str, dict[bytes, bool]]
    """By domain, the public keys that may connect, in Z85."""
    credentials_providers: dict[str, Any]
    """By domain, who is asked about public keys."""
    zap_socket: Socket[Any] | None

    _zap_socket_type: ClassVar[SocketType] = REP

    def __init__(self, context: Context[Any] | None = None, encoding: str = "utf-8", log: Any = None) -> None:
        self.context = context or Context.instance()
        self.encoding = encoding
        self.log = log or logging.getLogger("zmq.auth")
        self.allow_any = False
        self.passwords = {}
        self.certs = {}
        self.credentials_providers = {}
        self.zap_socket = None
        self._allowed: set[str] = set()
        self._denied: set[str] = set()
        self._any_domains: set[str] = set()
        self._callbacks = asyncio.Semaphore(CONCURRENT_CALLBACKS)

    def start(self) -> None:
        """Open `zap_socket` and bind it to the ZAP endpoint.

        Raises:
            ZMQError: the context has a ZAP handler already (EADDRINUSE).
        """
        self.zap_socket = self._open()

    def _open(self, **kwargs: Any) -> Any:
        socket = self.context.socket(self._zap_socket_type, **kwargs)
        try:
            socket.set(LINGER, ZAP_LINGER_MS)
            socket.bind(ZAP_ENDPOINT)
        except BaseException:
            socket.close()
            raise
        return socket

    def stop(self) -> None:
        """Close `zap_socket`. Harmless when it is not open."""
        socket, self.zap_socket = self.zap_socket, None
        if socket is not None:
            leave(socket)

    # who may connect

    def allow(self, *addresses: str) -> None:
        """Let in peers of these IP addresses, and no others; their mechanism has its say, too.

        Raises:
            ValueError: deny() was called before.
        """
        if self._denied:
            raise ValueError("Only use allow or deny, not both")
        self.log.debug("Allowing %s", ",".join(addresses))
        self._allowed.update(addresses)

    def deny(self, *addresses: str) -> None:
        """Keep out peers of these IP addresses.

        Raises:
            ValueError: allow() was called before.
        """
        if self._allowed:
            raise ValueError("Only use allow or deny, not both")
        self.log.debug("Denying %s", ",".join(addresses))
        self._denied.update(addresses)

    def configure_plain(self, domain: str = "*", passwords: dict[str, str] | None = None) -> None:
        """Let in the PLAIN users of a domain: passwords by user name. "*" stands for servers without a ZAP_DOMAIN."""
        self.log.debug("Configure plain: %s", domain)
        self.passwords[domain] = passwords or {}

    def configure_curve(self, domain: str = "*", location: str | os.PathLike[str] = ".") -> None:
        """Let in the CURVE clients of a domain whose certificates are in a directory, or all with CURVE_ALLOW_ANY.

        The directory is read now; call this again when it has changed. One that cannot be read is logged as an error;
        the certificates stay as they were, but CURVE_ALLOW_ANY is over. "*" stands for servers without a ZAP_DOMAIN, and
        with CURVE_ALLOW_ANY for every domain without a setting of its own.
        """
        self.log.debug("Configure curve: %s[%s]", domain, location)
        if location == CURVE_ALLOW_ANY:
            self.certs.pop(domain, None)
            self.credentials_providers.pop(domain, None)
            self._any_domains.add(domain)
            self.allow_any = domain == "*" or self.allow_any
            return
        self._forget_any(domain)        # also when what follows fails: whoever names a folder wants to know the clients
        try:
            self.certs[domain] = load_certificates(location)
        except (OSError, ValueError) as error:
            self.log.error("Failed to load CURVE certs from %s: %s", location, error)
            self.certs.setdefault(domain, {})

    def configure_curve_callback(self, domain: str = "*", credentials_provider: Any = None) -> None:
        """Let in the CURVE clients of a domain that `credentials_provider.callback(domain, key)` is true for.

        The key is the client's public one, in Z85. The certificates of that domain do not count then. "*" stands for
        servers without a ZAP_DOMAIN. The callback may be a coroutine function. A plain function runs in a thread of its
        own, several at a time, so it may take its time; one that raises keeps the client out.
        """
        if credentials_provider is None:
            self.log.error("None credentials_provider provided for domain:%s", domain)
            return
        self._forget_any(domain)
        self.credentials_providers[domain] = credentials_provider

    def _forget_any(self, domain: str) -> None:
        self._any_domains.discard(domain)
        if domain == "*":
            self.allow_any = False

    def configure_gssapi(self, domain: str = "*", location: str | None = None) -> None:
        """Nothing: whoever GSSAPI lets through may connect."""

    def curve_user_id(self, client_public_key: bytes) -> str:
        """The User-Id of a CURVE client, of 32 bytes of public key: the key in Z85."""
        return z85_encode(client_public_key).decode("ascii")

    # ZAP

    async def handle_zap_message(self, msg: list[bytes]) -> None:
        """Decide about one request, and answer it on `zap_socket`."""
        if len(msg) < 6:
            self.log.error("Invalid ZAP message, not enough frames: %d", len(msg))
            if len(msg) < 2:
                self.log.error("Not enough information to reply")
            else:
                await self._reply(msg[1], b"400", b"Not enough frames")
            return
        version, request_id, domain_frame, address_frame, routing_id, mechanism, *credentials = msg
        if version != VERSION:
            self.log.error("Invalid ZAP version: %r", version)
            await self._reply(request_id, b"400", b"Invalid version")
            return
        domain, address = self._text(domain_frame), self._text(address_frame)
        self.log.debug("domain: %r, address: %r, routing id: %r, mechanism: %r", domain, address, routing_id, mechanism)
        allowed, reason = self._authenticate_address(address)
        user_id = "anonymous"
        status = b"400"
        if allowed:
            try:
                allowed, reason, user_id = await self._authenticate(mechanism, domain, credentials)
            except Exception as error:      # its text may hold what must not be logged
                self.log.error("Authentication of %r failed in domain %r: %s", mechanism, domain, type(error).__name__)
                allowed, reason, status = False, b"Internal error", b"500"
        if allowed:
            self.log.debug("ALLOWED (%r) domain=%s address=%s", mechanism, domain, address)
            await self._reply(request_id, b"200", b"OK", user_id)
        else:
            self.log.debug("DENIED (%r) domain=%s address=%s: %s", mechanism, domain, address, reason.decode())
            await self._reply(request_id, status, reason)

    def _text(self, frame: bytes) -> str:
        return frame.decode(self.encoding, "replace")

    def _authenticate_address(self, address: str) -> tuple[bool, bytes]:
        if self._allowed:
            return address in self._allowed, b"Address not allowed"
        return address not in self._denied, b"Address denied"

    async def _authenticate(self, mechanism: bytes, domain: str, credentials: list[bytes]) -> tuple[bool, bytes, str]:
        """Whether the peer may connect, why not, and its User-Id."""
        expected = {b"NULL": len(credentials), b"PLAIN": 2, b"CURVE": 1, b"GSSAPI": 1}.get(mechanism)
        if expected is None:
            return False, b"NO ACCESS", ""
        if len(credentials) != expected or (mechanism == b"CURVE" and len(credentials[0]) != 32):
            self.log.error("Invalid %s credentials: %d frames", mechanism.decode(), len(credentials))
            return False, b"Invalid credentials", ""
        if mechanism == b"NULL":
            return True, b"", "anonymous"
        if mechanism == b"PLAIN":
            name, password = map(self._text, credentials)
            return *self._authenticate_plain(domain, name, password), name
        if mechanism == b"CURVE":
            return *await self._authenticate_curve(domain, credentials[0]), self.curve_user_id(credentials[0])
        return *self._authenticate_gssapi(domain, credentials[0]), self._text(credentials[0])

    def _authenticate_plain(self, domain: str, username: str, password: str) -> tuple[bool, bytes]:
        if not self.passwords:
            return False, b"No passwords defined"
        passwords = self.passwords.get(domain or "*")
        if passwords is None:
            return False, b"Invalid domain"
        if username not in passwords:
            return False, b"Invalid username"
        known = passwords[username].encode(self.encoding)
        return hmac.compare_digest(known, password.encode(self.encoding)), b"Invalid password"

    async def _authenticate_curve(self, domain: str, client_key: bytes) -> tuple[bool, bytes]:
        key = z85_encode(client_key)
        domain = domain or "*"
        if domain in self.credentials_providers:
            return await self._ask(self.credentials_providers[domain], domain, key), b"Unknown key"
        if domain in self.certs:
            return bool(self.certs[domain].get(key)), b"Unknown key"
        return domain in self._any_domains or self.allow_any, b"Unknown domain"

    def _authenticate_gssapi(self, domain: str, principal: bytes) -> tuple[bool, bytes]:
        return True, b""    # Kerberos has decided before us

    async def _ask(self, provider: Any, domain: str, key: bytes) -> bool:
        """What a credentials provider says, without keeping other peers waiting."""
        if inspect.iscoroutinefunction(provider.callback):
            answer = provider.callback(domain, key)
        else:
            async with self._callbacks:
                answer = await call_in_thread(provider.callback, domain, key)
        return bool(await answer if inspect.isawaitable(answer) else answer)

    async def _reply(self, request_id: bytes, status: bytes, text: bytes, user_id: str = "") -> None:
        sent = self._send_zap_reply(request_id, status, text, user_id)
        if inspect.isawaitable(sent):
            await sent

    def _send_zap_reply(
        self, request_id: bytes, status_code: bytes, status_text: bytes, user_id: str = "anonymous"
    ) -> Any:
        """Answer the request that this task handles."""
        user = user_id.encode(self.encoding, "replace") if status_code == b"200" else b""
        assert self.zap_socket is not None
        return self.zap_socket.send_multipart(
            [*envelope.get(), VERSION, request_id, status_code, status_text, user, b""])
