"""Tunnels through a real ssh server on loopback, with the ssh program and with paramiko."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket as sockets
import subprocess
from pathlib import Path

import pytest
import zmqfast as zmq
from zmqfast import ssh

SSHD = shutil.which("sshd", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")
SSH = shutil.which("ssh")
PASSPHRASE = "open $HOME 'sesame'"


class Server:
    """An sshd of our own: its keys, its port, and the private key that it lets in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, passphrase in (("host", ""), ("user", ""), ("stranger", ""), ("locked", PASSPHRASE)):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", folder / name], check=True)
        [self.port] = ssh.select_random_ports(1)
        keys = [(folder / f"{name}.pub").read_text() for name in ("user", "locked")]
        (folder / "authorized_keys").write_text("".join(keys))
        host_key = (folder / "host.pub").read_text().rsplit(" ", 1)[0]
        self.known_hosts = f"[127.0.0.1]:{self.port} {host_key}\n"
        (folder / "sshd_config").write_text(
            f"ListenAddress 127.0.0.1:{self.port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized_keys\n"
            f"PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            f"PermitRootLogin yes\nAllowTcpForwarding yes\n")
        os.makedirs("/run/sshd", exist_ok=True) if os.geteuid() == 0 else None
        self.log = open(folder / "log", "wb")
        self.process = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "sshd_config"], stderr=self.log)
        while not self.answers():
            assert self.process.poll() is None, (folder / "log").read_text()

    def answers(self) -> bool:
        with sockets.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def name(self) -> str:
        return f"{getpass.getuser()}@127.0.0.1:{self.port}"

    def end(self) -> None:
        self.process.terminate()
        self.process.wait()
        self.log.close()


@pytest.fixture(scope="module")
def running_server(tmp_path_factory):
    if not (SSHD and SSH):
        pytest.skip("no ssh server is installed")
    server = Server(tmp_path_factory.mktemp("sshd"))
    yield server
    server.end()


@pytest.fixture
def server(running_server, tmp_path, monkeypatch):
    """The server, known to the `ssh` program and to paramiko; no other configuration and no agent counts."""
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "known_hosts").write_text(running_server.known_hosts)
    config = tmp_path / "config"
    config.write_text(f"UserKnownHostsFile {home}/.ssh/known_hosts\nGlobalKnownHostsFile none\n"
                      f"StrictHostKeyChecking yes\nIdentitiesOnly yes\nIdentityAgent none\nIdentityFile none\n")
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {SSH} -F {config} "$@"\n')
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return running_server


@pytest.fixture(params=[False, True], ids=["openssh", "paramiko"])
def paramiko(request):
    if request.param:
        pytest.importorskip("paramiko")
    return request.param


def end(tunnel) -> None:
    if isinstance(tunnel, int):
        os.kill(tunnel, signal.SIGTERM)
    else:
        tunnel.terminate()
        tunnel.join()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")       # of paramiko's own making, and of fork beside threads
def test_messages_go_through_a_tunnel(server, paramiko, context):
    pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    port = pull.bind_to_random_port("tcp://127.0.0.1")
    tunnel = ssh.tunnel_connection(
        push, f"tcp://127.0.0.1:{port}", server.name, keyfile=str(server.folder / "user"), paramiko=paramiko)
    try:
        assert push.last_endpoint != pull.last_endpoint
        bodies = [b"small", b"x" * 1_000_000]
        for body in bodies:
            push.send(body)
        assert [pull.recv(timeout=20) for _ in bodies] == bodies
    finally:
        end(tunnel)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_password_unlocks_a_key(server, paramiko, context):
    pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    port = pull.bind_to_random_port("tcp://127.0.0.1")
    tunnel = ssh.tunnel_connection(
        push, f"tcp://127.0.0.1:{port}", server.name, str(server.folder / "locked"), PASSPHRASE, paramiko)
    try:
        push.send(b"hello")
        assert pull.recv(timeout=20) == b"hello"
    finally:
        end(tunnel)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_who_gets_in_without_a_password_is_known(server, paramiko):
    assert ssh.try_passwordless_ssh(server.name, str(server.folder / "user"), paramiko)
    assert not ssh.try_passwordless_ssh(server.name, str(server.folder / "stranger"), paramiko)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_password_that_is_not_taken_is_an_error_without_it(server, paramiko):
    from zmqfast.ssh.tunnel import MaxRetryExceeded
    with pytest.raises(MaxRetryExceeded) as raised:
        ssh.open_tunnel("tcp://127.0.0.1:1", server.name, str(server.folder / "stranger"), "opensesame", paramiko)
    assert "opensesame" not in str(raised.value)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_host_that_is_not_known_is_refused(server, paramiko, tmp_path):
    (tmp_path / "home" / ".ssh" / "known_hosts").write_text("")
    with pytest.raises(RuntimeError, match="no tunnel"):
        ssh.open_tunnel("tcp://127.0.0.1:1", server.name, str(server.folder / "user"), "opensesame", paramiko)


def test_a_local_port_that_is_taken_is_an_error(server):
    with sockets.create_server(("127.0.0.1", 0)) as taken, pytest.raises(RuntimeError, match="no tunnel"):
        ssh.openssh_tunnel(taken.getsockname()[1], 1, server.name, keyfile=str(server.folder / "user"))


@pytest.mark.parametrize("addr", ["ipc:///tmp/x", "tcp://127.0.0.1", "tcp://127.0.0.1:*", "127.0.0.1:80"])
def test_a_tunnel_leads_to_a_tcp_port(addr):
    with pytest.raises(ValueError, match="tunnel"):
        ssh.open_tunnel(addr, "nowhere")


@pytest.mark.skipif(not SSH, reason="no ssh program is installed")
def test_a_server_whose_name_looks_like_an_option_is_a_server(tmp_path):
    with pytest.raises(RuntimeError, match="no tunnel"):
        ssh.openssh_tunnel(1, 1, f"-oProxyCommand=touch {tmp_path}/never", password="")
    assert not (tmp_path / "never").exists()


def test_random_ports_are_free_and_differ():
    ports = ssh.select_random_ports(20)
    assert len(set(ports)) == 20
    with sockets.create_server(("127.0.0.1", ports[0])):
        pass
