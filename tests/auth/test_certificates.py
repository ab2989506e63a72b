"""Certificate files: ours, pyzmq's and czmq's."""

from __future__ import annotations

import os
import stat

import pytest
import zmqfast as zmq
from zmqfast.auth import create_certificates, load_certificate, load_certificates

pytestmark = pytest.mark.skipif(not zmq.has("curve"), reason="built without CURVE")

PUBLIC, SECRET = b"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", b"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"

# As czmq's zcert_save() writes them.
CZMQ_SECRET = f"""\
#   ****  Generated on 2014-02-17 20:33:24 by CZMQ  ****
#   ZeroMQ CURVE **Secret** Certificate
#   DO NOT PROVIDE THIS FILE TO OTHER USERS nor change its permissions.

metadata
    name = "server"
    public-key = "not this one"
curve
    public-key = "{PUBLIC.decode()}"
    secret-key = "{SECRET.decode()}"
"""


def test_a_pair_is_written_and_read(tmp_path):
    public_file, secret_file = create_certificates(tmp_path, "joe", {"name": "Joe"})
    assert (public_file, secret_file) == (f"{tmp_path}/joe.key", f"{tmp_path}/joe.key_secret")
    public, nothing = load_certificate(public_file)
    assert nothing is None
    assert load_certificate(secret_file) == (public, load_certificate(secret_file)[1])
    assert zmq.curve_public(load_certificate(secret_file)[1]) == public
    assert load_certificates(tmp_path) == {public: True}


@pytest.mark.skipif(os.name == "nt", reason="no such permissions")
def test_only_the_owner_reads_the_secret_file(tmp_path):
    (tmp_path / "joe.key_secret").write_text("older")
    (tmp_path / "joe.key_secret").chmod(0o644)
    _, secret_file = create_certificates(tmp_path, "joe")
    assert stat.S_IMODE(os.stat(secret_file).st_mode) == 0o600


def test_pyzmq_reads_ours_and_we_read_pyzmqs(tmp_path):
    auth = pytest.importorskip("zmq.auth")
    for file in create_certificates(tmp_path, "ours", {"name": "x"}):
        assert auth.load_certificate(file) == load_certificate(file)
    for file in auth.create_certificates(tmp_path, "theirs", {"name": "x"}):
        assert load_certificate(file) == auth.load_certificate(file)
    assert load_certificates(tmp_path) == auth.load_certificates(tmp_path)


def test_czmqs_are_read(tmp_path):
    file = tmp_path / "czmq.cert_secret"
    file.write_text(CZMQ_SECRET)
    assert load_certificate(file) == (PUBLIC, SECRET)


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(OSError, match="missing"):
        load_certificate(tmp_path / "missing")
    with pytest.raises(OSError, match="missing"):
        load_certificates(tmp_path / "missing")
    with pytest.raises(OSError):
        create_certificates(tmp_path / "missing", "joe")
    (tmp_path / "other.key").write_text("hello\n")
    with pytest.raises(ValueError, match="No public key"):
        load_certificates(tmp_path)


@pytest.mark.parametrize("key", [SECRET[:-1].decode(), SECRET.decode() + "aaaaa", "~" * 40, "é" * 40])
def test_an_error_about_a_key_does_not_repeat_it(tmp_path, key):
    file = tmp_path / "bad.key_secret"
    file.write_text(f'curve\n    public-key = "{PUBLIC.decode()}"\n    secret-key = "{key}"\n', encoding="utf-8")
    with pytest.raises(ValueError, match="secret-key") as raised:
        load_certificate(file)
    assert key not in str(raised.value)
    assert raised.value.__cause__ is None
