"""Who may connect: ZAP handlers, and the certificate files that CURVE keys are kept in."""

from zmqfast.auth.base import CURVE_ALLOW_ANY, Authenticator
from zmqfast.auth.certs import create_certificates, load_certificate, load_certificates

__all__ = [
    "CURVE_ALLOW_ANY",
    "Authenticator",
    "create_certificates",
    "load_certificate",
    "load_certificates",
]
