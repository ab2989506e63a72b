"""`python -m zmq.curve_keygen`: print a new pair of CURVE keys."""

from zmqfast._core import curve_keypair


def _main() -> None:
    public, secret = curve_keypair()
    print("== CURVE PUBLIC KEY ==")
    print(public.decode())
    print("\n== CURVE SECRET KEY ==")
    print(secret.decode())


if __name__ == "__main__":
    _main()
