"""ssh tunnels: a local port that leads to a port that the ssh server can reach.

The `ssh` program makes them, with all that its configuration says; on Windows, or when asked for, paramiko does, in a
process of its own. The server's host key must be known already: nobody is asked.
"""

from __future__ import annotations

import atexit
import getpass
import multiprocessing
import os
import re
import socket as sockets
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from collections.abc import Iterator

from zmqfast.ssh.forward import listen

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from zmqfast.socket import Socket

__all__ = [
    "MaxRetryExceeded",
    "open_tunnel",
    "openssh_tunnel",
    "paramiko_tunnel",
    "select_random_ports",
    "ssh_tunnel",
    "try_passwordless_ssh",
    "tunnel_connection",
]

CONNECT_TIMEOUT_S = 30
READY = "zmqfast-tunnel-ready"

# Answers ssh's question for a password or passphrase, and refuses the one whether to trust an unknown host.
ASKPASS = """#!/bin/sh
case "$1" in
*[Pp]assword*|*[Pp]assphrase*) printf '%s\\n' "$ZMQFAST_ASKPASS" ;;
*) exit 1 ;;
esac
"""

_running: dict[int, subprocess.Popen[str]] = {}     # the tunnels of this process, by their ids


class MaxRetryExceeded(RuntimeError):
    """The server did not take the password."""


def tunnel_connection(
    socket: Socket[Any],
    addr: str,
    server: str,
    keyfile: str | None = None,
    password: str | None = None,
    paramiko: bool | None = None,
    timeout: int = 60,
) -> Any:
    """Connect a socket to an endpoint through an ssh server, and return the tunnel. See open_tunnel()."""
    endpoint, tunnel = open_tunnel(addr, server, keyfile, password, paramiko, timeout)
    socket.connect(endpoint)
    return tunnel


def open_tunnel(
    addr: str,
    server: str,
    keyfile: str | None = None,
    password: str | None = None,
    paramiko: bool | None = None,
    timeout: int = 60,
) -> tuple[str, Any]:
    """Open a tunnel to a tcp endpoint.

    Args:
        addr: tcp://host:port, as the ssh server sees it.
        server: user@host:port of the ssh server; user and port may be left out.
        keyfile: a private key to use.
        password: None asks for one, if it does not go without.
        paramiko: whether paramiko makes the tunnel; None: on Windows only.
        timeout: seconds; a tunnel that has had no connection for so long may end.
    Returns:
        The local endpoint that leads there, and the tunnel: the id of the ssh process, or paramiko's Process. It ends
        with this program.
    Raises:
        ValueError: not a tcp endpoint.
        MaxRetryExceeded, RuntimeError, ImportError, OSError: those of openssh_tunnel() and paramiko_tunnel().
    """
    transport, separator, address = addr.partition("://")
    host, colon, port = address.rpartition(":")
    if transport != "tcp" or not separator or not colon or not port.isdigit():
        raise ValueError(f"a tunnel leads to tcp://host:port, not to {addr}")
    [local_port] = select_random_ports(1)
    make = paramiko_tunnel if _use_paramiko(paramiko) else openssh_tunnel
    tunnel = make(local_port, int(port), server, host.strip("[]"), keyfile, password, timeout)
    return f"tcp://127.0.0.1:{local_port}", tunnel


def _use_paramiko(paramiko: bool | None) -> bool:
    return sys.platform == "win32" if paramiko is None else paramiko


def select_random_ports(n: int) -> list[int]:
    """So many ports of loopback that are free now, all different."""
    probes = [sockets.socket() for _ in range(n)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def try_passwordless_ssh(server: str, keyfile: str | None, paramiko: bool | None = None) -> bool:
    """Whether the ssh server lets us in without asking anything. Arguments: see open_tunnel()."""
    return (_try_paramiko if _use_paramiko(paramiko) else _try_openssh)(server, keyfile)


# -- the ssh program -------------------------------------------------------------------------------------------------

def openssh_tunnel(
    lport: int,
    rport: int,
    server: str,
    remoteip: str = "127.0.0.1",
    keyfile: str | None = None,
    password: str | None = None,
    timeout: int = 60,
) -> int:
    """Forward 127.0.0.1:lport to remoteip:rport with the ssh program, and return the id of its process.

    Returns once connections can be made. The tunnel ends when there has been none for a while, `timeout` seconds from
    now at the earliest, and with this program. Other arguments: see open_tunnel().

    Raises:
        MaxRetryExceeded: the server did not take the password.
        RuntimeError: there is no tunnel, with what ssh said.
        OSError: there is no ssh program.
    """
    if password is None and not _try_openssh(server, keyfile):
        password = getpass.getpass(f"{server}'s password: ")
    host = f"[{remoteip}]" if ":" in remoteip else remoteip
    command = _ssh_command(server, keyfile, [
        "-S", "none", "-o", "ExitOnForwardFailure=yes", "-L", f"127.0.0.1:{lport}:{host}:{rport}",
        "-o", "BatchMode=yes" if password is None else "NumberOfPasswordPrompts=1"])
    # ssh ends with the command, but not while a connection goes through it.
    with _answers(password) as environment:
        process = _start([*command, f"echo {READY}; sleep {int(timeout)}"], environment)
        assert process.stdout is not None
        with process.stdout:
            said = []
            for line in process.stdout:
                if line.strip() == READY:
                    _running[process.pid] = process
                    return process.pid
                said.append(line)
        process.wait()
    reason = "".join(said).strip()
    if password is not None and "Permission denied" in reason:
        raise MaxRetryExceeded(f"{server} did not take the password")
    raise RuntimeError(f"no tunnel through {server}: {reason}")


ssh_tunnel = openssh_tunnel


def _try_openssh(server: str, keyfile: str | None) -> bool:
    process = _start([*_ssh_command(server, keyfile, ["-o", "BatchMode=yes"]), "true"])
    process.communicate()
    return process.returncode == 0


def _ssh_command(server: str, keyfile: str | None, options: list[str]) -> list[str]:
    """ssh's command line, but for the command to run there."""
    host, _, port = server.rpartition(":")
    command = ["ssh", "-T", "-o", f"ConnectTimeout={CONNECT_TIMEOUT_S}", *options]
    if host and port.isdigit():
        command += ["-p", port]
    else:
        host = server
    if keyfile is not None:
        command += ["-i", keyfile]
    return [*command, "--", host]     # a host is no option, whatever it begins with


@contextmanager
def _answers(password: str | None) -> Iterator[dict[str, str]]:
    """An environment in which ssh is told the password when it asks for it."""
    if password is None:
        yield dict(os.environ)
        return
    with tempfile.TemporaryDirectory(prefix="zmqfast-") as folder:
        script = Path(folder, "askpass")
        script.touch(mode=0o700)
        script.write_text(ASKPASS)
        answers = {"SSH_ASKPASS": str(script), "SSH_ASKPASS_REQUIRE": "force", "ZMQFAST_ASKPASS": password}
        yield {"DISPLAY": "none", **os.environ, **answers}      # before OpenSSH 8.4 it asks only where there is a display


def _start(command: list[str], environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """Start ssh, away from our terminal and from Ctrl-C; its output and errors come as one stream."""
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, errors="replace", env=environment, start_new_session=True)


@atexit.register
def _end_tunnels() -> None:
    for process in _running.values():
        process.terminate()
    for process in _running.values():
        process.wait()
    _running.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_running.clear)      # they are the parent's


# -- paramiko --------------------------------------------------------------------------------------------------------

def paramiko_tunnel(
    lport: int,
    rport: int,
    server: str,
    remoteip: str = "127.0.0.1",
    keyfile: str | None = None,
    password: str | None = None,
    timeout: int = 60,
) -> multiprocessing.Process:
    """Forward 127.0.0.1:lport to remoteip:rport with paramiko, in a process of its own, which is returned.

    Returns once connections can be made. The tunnel ends after `timeout` seconds without a connection, and with this
    program. Other arguments: see open_tunnel().

    Raises:
        ImportError: paramiko is not installed.
        MaxRetryExceeded: the server did not take the password.
        RuntimeError: there is no tunnel, with the reason.
    """
    import paramiko  # noqa: F401       # here, so that the caller is told

    if password is None and not _try_paramiko(server, keyfile):
        password = getpass.getpass(f"{server}'s password: ")
    reader, writer = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.Process(
        target=_run_paramiko, args=(writer, lport, rport, server, remoteip, keyfile, password, timeout), daemon=True)
    process.start()
    writer.close()
    with reader:
        try:
            refused, reason = reader.recv()
        except EOFError:
            refused, reason = False, "its process ended"
    if reason is None:
        return process
    process.join()
    raise MaxRetryExceeded(f"{server} did not take the password") if refused else RuntimeError(
        f"no tunnel through {server}: {reason}")


def _run_paramiko(
    ready: Connection, lport: int, rport: int, server: str, remoteip: str, keyfile: str | None, password: str | None,
    timeout: int,
) -> None:
    """The tunnel's process: say how it went, (whether the password was refused, what went wrong), then forward."""
    import paramiko

    try:
        client = _connect_paramiko(server, keyfile, password)
    except paramiko.AuthenticationException as error:
        ready.send((password is not None, str(error)))
        return
    except Exception as error:
        ready.send((False, f"{type(error).__name__}: {error}"))
        return
    with client:
        transport = client.get_transport()
        assert transport is not None
        try:
            forwarding = listen(lport, remoteip, rport, transport, timeout)
        except OSError as error:
            ready.send((False, f"port {lport}: {error}"))
            return
        ready.send((False, None))
        ready.close()
        with forwarding:
            forwarding.serve_forever()


def _connect_paramiko(server: str, keyfile: str | None, password: str | None) -> Any:
    import paramiko

    user, host, port = _split_server(server)
    client = paramiko.SSHClient()       # refuses a host whose key it does not know
    client.load_system_host_keys()
    try:
        client.connect(host, port, username=user, key_filename=keyfile, password=password,
                       look_for_keys=keyfile is None, timeout=CONNECT_TIMEOUT_S)
    except BaseException:
        client.close()
        raise
    return client


def _try_paramiko(server: str, keyfile: str | None) -> bool:
    import paramiko

    try:
        _connect_paramiko(server, keyfile, None).close()
    except (paramiko.AuthenticationException, paramiko.PasswordRequiredException):
        return False
    return True


def _split_server(server: str) -> tuple[str, str, int]:
    """User, host and port of user@host:port; our own name and 22 where they are left out."""
    found = re.fullmatch(r"(?:(.*)@)?(.*?)(?::(\d+))?", server)
    assert found is not None            # everything may be left out
    user, host, port = found.groups()
    return user or getpass.getuser(), host.strip("[]"), int(port or 22)
