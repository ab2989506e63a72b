"""CURVE keys, and Z85, the text form that they come in (ZeroMQ RFC 32)."""

cdef enum:
    KEY_TEXT_SIZE = 40      # a key of 32 bytes in Z85


def curve_keypair():
    """A new key pair, (public, secret), each 40 bytes of Z85 text.

    Raises:
        ZMQError: this libzmq was built without CURVE (ENOTSUP).
    """
    cdef char public[KEY_TEXT_SIZE + 1]
    cdef char secret[KEY_TEXT_SIZE + 1]
    check(libzmq.zmq_curve_keypair(public, secret), "curve_keypair")
    return public[:KEY_TEXT_SIZE], secret[:KEY_TEXT_SIZE]


def curve_public(secret_key):
    """The public key, 40 bytes of Z85 text, that belongs to a secret key of 40 characters or bytes.

    Raises:
        ValueError: not a key.
        ZMQError: this libzmq was built without CURVE (ENOTSUP).
    """
    cdef char public[KEY_TEXT_SIZE + 1]
    secret = secret_key.encode() if isinstance(secret_key, str) else secret_key
    if not isinstance(secret, bytes):
        raise TypeError(f"a secret key is str or bytes, not {type(secret_key).__name__}")
    if len(secret) != KEY_TEXT_SIZE:
        raise ValueError("a secret key is 40 bytes of Z85 text")
    z85_decode(secret)      # ValueError for what is no Z85: libzmq would abort or take it
    check(libzmq.zmq_curve_public(public, secret), "curve_public")
    return public[:KEY_TEXT_SIZE]


def z85_encode(data):
    """Bytes, a multiple of 4, as Z85 text in bytes.

    Raises:
        ValueError: not a multiple of 4 bytes.
    """
    raw = bytes(data)
    if len(raw) % 4:
        raise ValueError(f"z85_encode takes a multiple of 4 bytes, not {len(raw)}")
    text = bytearray(len(raw) * 5 // 4 + 1)
    cdef char *target = text
    if libzmq.zmq_z85_encode(target, <const libzmq.uint8_t *><char *>raw, len(raw)) == NULL:
        fail(libzmq.zmq_errno(), "z85_encode", None)
    return bytes(text[:len(raw) * 5 // 4])


def z85_decode(text):
    """The bytes of Z85 text, str or bytes, a multiple of 5 characters.

    Raises:
        ValueError: another length, or no Z85.
    """
    encoded = text.encode() if isinstance(text, str) else bytes(text)
    if len(encoded) % 5:
        raise ValueError(f"z85_decode takes a multiple of 5 characters, not {len(encoded)}")
    raw = bytearray(len(encoded) * 4 // 5 + 1)
    cdef char *target = raw
    if encoded and libzmq.zmq_z85_decode(<libzmq.uint8_t *>target, encoded) == NULL:
        raise ValueError("z85_decode: not Z85 text")
    return bytes(raw[:len(encoded) * 4 // 5])
