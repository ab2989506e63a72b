"""`python -m zmq.curve_keygen`: print a pair of CURVE keys."""

from __future__ import annotations

import argparse
import json

from zmqfast._core import curve_keypair, curve_public


def main() -> None:
    """Make the keys that the command line asks for, and print them in Z85."""
    parser = argparse.ArgumentParser(
        prog="python3 -m zmq.curve_keygen", description="Make a pair of CURVE keys and print them in Z85, which is ASCII.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--secret", help="print this secret key and the public key that belongs to it")
    arguments = parser.parse_args()
    if arguments.secret is None:
        public, secret = curve_keypair()
    else:
        secret = arguments.secret.encode()
        public = curve_public(secret)
    keys = {"public": public.decode(), "secret": secret.decode()}
    if arguments.json:
        print(json.dumps(keys, indent=1))
        return
    for name, key in keys.items():
        print(f"== CURVE {name.upper()} KEY ==\n{key}\n")


if __name__ == "__main__":
    main()
