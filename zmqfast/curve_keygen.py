"""`python -m zmqfast.curve_keygen`: prints a new CURVE key pair, or the public key of a secret one."""

from __future__ import annotations

import argparse
import json
import sys

from zmqfast._core import curve_keypair, curve_public


def main(arguments: list[str] | None = None) -> None:
    """Print the keys, in Z85."""
    own_name = __spec__.name if __spec__ else "zmqfast.curve_keygen"      # zmq.curve_keygen, when that was asked for
    parser = argparse.ArgumentParser(prog=f"python3 -m {own_name}", description="Print a CURVE key pair, in Z85.")
    parser.add_argument("--json", action="store_true", help="print the keys as a JSON object")
    parser.add_argument("--secret", help="derive the public key from this secret key; other users may see the command")
    given = sys.argv[1:] if arguments is None else list(arguments)
    if "--secret" in given[:-1]:        # a key may begin with "-", which would be another option
        place = given.index("--secret")
        given[place:place + 2] = [f"--secret={given[place + 1]}"]
    options = parser.parse_args(given)
    if options.secret is None:
        public, secret = (key.decode() for key in curve_keypair())
    else:
        try:
            public, secret = curve_public(options.secret).decode(), options.secret
        except ValueError as error:
            parser.error(str(error))
    if options.json:
        print(json.dumps({"public": public, "secret": secret}, indent=1))
    else:
        print(f"== CURVE PUBLIC KEY ==\n{public}\n\n== CURVE SECRET KEY ==\n{secret}")


if __name__ == "__main__":
    main()
