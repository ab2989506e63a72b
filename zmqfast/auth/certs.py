"""Certificate files: CURVE keys as pyzmq and czmq write them (ZPL, ZeroMQ RFC 4).

    metadata
        name = "joe"
    curve
        public-key = "<40 characters>"
        secret-key = "<40 characters>"      only in the secret file
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from zmqfast._core import curve_keypair, z85_decode

__all__ = ["create_certificates", "load_certificate", "load_certificates"]

PUBLIC_BANNER = """\
#   ****  Generated on {} by zmqfast  ****
#   ZeroMQ CURVE Public Certificate
#   For peers. Hand it over in a way that shows whose it is.

"""
SECRET_BANNER = """\
#   ****  Generated on {} by zmqfast  ****
#   ZeroMQ CURVE **Secret** Certificate
#   For nobody else. Only its owner may read this file.

"""
KEY_TEXT_SIZE = 40      # a key of 32 bytes in Z85


def create_certificates(
    key_dir: str | os.PathLike[str], name: str, metadata: dict[str, str] | None = None
) -> tuple[str, str]:
    """Write a new key pair to `name`.key and `name`.key_secret in `key_dir`, and return both paths.

    Only the owner may read the secret file, which holds both keys and the metadata. Files of these names are replaced.

    Raises:
        OSError: a file cannot be written.
        ZMQError: this libzmq was built without CURVE (ENOTSUP).
    """
    public_key, secret_key = curve_keypair()
    base = Path(key_dir) / name
    public_file, secret_file = f"{base}.key", f"{base}.key_secret"
    now = datetime.now()
    _write(public_file, PUBLIC_BANNER.format(now), {}, {"public-key": public_key}, 0o644)
    keys = {"public-key": public_key, "secret-key": secret_key}
    _write(secret_file, SECRET_BANNER.format(now), metadata or {}, keys, 0o600)
    return public_file, secret_file


def _write(path: str, banner: str, metadata: dict[str, str], keys: dict[str, bytes], mode: int) -> None:
    lines = ["metadata", *(f"    {name} = {value}" for name, value in metadata.items())]
    lines += ["curve", *(f'    {name} = "{key.decode()}"' for name, key in keys.items())]

    def open_new(path: str, flags: int) -> int:
        descriptor = os.open(path, flags, mode)
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, mode)     # of a file that was there before, too, and before anything is in it
        return descriptor

    with open(path, "w", encoding="utf-8", opener=open_new) as file:
        file.write(banner + "\n".join(lines) + "\n")


def load_certificate(filename: str | os.PathLike[str]) -> tuple[bytes, bytes | None]:
    """The public and the secret key of a certificate file, each 40 bytes of Z85 text; a public one has no secret key.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: no public key is in it, or what stands for a key is none.
    """
    if not os.path.exists(filename):
        raise OSError(f"Invalid certificate file: {os.fspath(filename)}")
    keys: dict[str, bytes] = {}
    section = ""
    for line in Path(filename).read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        name = name.strip()
        if line.lstrip().startswith("#"):
            continue
        if not equals and not line[:1].isspace():
            section = name
        elif section != "metadata" and name in ("public-key", "secret-key"):
            keys[name] = _key(value.strip().strip("\"'"), name, filename)
    if "public-key" not in keys:
        raise ValueError(f"No public key found in {os.fspath(filename)}")
    return keys["public-key"], keys.get("secret-key")


def _key(text: str, name: str, filename: str | os.PathLike[str]) -> bytes:
    """The key, if it is one; an error does not repeat it."""
    try:
        z85_decode(text)
        well_formed = len(text) == KEY_TEXT_SIZE
    except ValueError:
        well_formed = False
    if not well_formed:
        raise ValueError(f"{name} of {os.fspath(filename)} is not {KEY_TEXT_SIZE} characters of Z85") from None
    return text.encode()


def load_certificates(directory: str | os.PathLike[str] = ".") -> dict[bytes, bool]:
    """The public keys of all `*.key` files of a directory, each with True.

    Raises:
        OSError: there is no such directory, or a file cannot be read.
        ValueError: a file is no certificate.
    """
    if not os.path.isdir(directory):
        raise OSError(f"Invalid certificate directory: {os.fspath(directory)}")
    return {load_certificate(path)[0]: True for path in sorted(Path(directory).glob("*.key"))}
