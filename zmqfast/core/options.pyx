"""Socket options by their C type."""

from cpython.long cimport PyLong_AsLongLong, PyLong_AsUnsignedLongLong
from cpython.number cimport PyNumber_Index
from libc.stdint cimport int64_t, uint64_t

cdef enum:
    OPTION_COUNT = 256
    OPTION_VALUE_SIZE = 1024    # bytes: libzmq's longest value is far shorter
    LONGEST_ENDPOINT = 1 << 20  # bytes; endpoint_bytes() lets none longer in
    HWM = 1                     # libzmq 2's one high-water mark: stands for both

    INT = 0                     # the kinds are the values of constants.OptType
    INT64 = 1
    UINT64 = 2
    BYTES = 3
    FD = 4

cdef unsigned char option_kinds[OPTION_COUNT]
cdef dict OPTION_NAMES = {}
cdef object SocketType = None       # the enum; this and the tables are loaded with the first socket


cdef int load_constants() except -1:
    """Load the table of options and SocketType. An option that is not in the table is an int."""
    global SocketType
    cdef int number
    from zmqfast import constants
    for number, kind, name in constants.option_types():
        if 0 <= number < OPTION_COUNT:
            option_kinds[number] = kind
        OPTION_NAMES[number] = name
    SocketType = constants.SocketType
    return 0


cdef str option_name(int option):
    return OPTION_NAMES.get(option) or f"option {option}"


cdef inline int kind_of(int option) noexcept:
    return option_kinds[option] if 0 <= option < OPTION_COUNT else INT


cdef object get_option(SocketHandle handle, int option):
    """The value of an option. Caller is inside."""
    cdef int kind = kind_of(option)
    cdef int64_t signed_value = 0
    cdef uint64_t unsigned_value = 0
    cdef char data[OPTION_VALUE_SIZE]
    cdef size_t size = OPTION_VALUE_SIZE
    if kind == INT:
        if option == HWM:
            return common_hwm(handle)
        return handle.get_int(option)
    if kind == INT64:
        read_option(handle, option, &signed_value, sizeof(signed_value))
        return signed_value
    if kind == UINT64:
        read_option(handle, option, &unsigned_value, sizeof(unsigned_value))
        return unsigned_value
    if kind == FD:
        return handle.descriptor()
    if option == libzmq.ZMQ_LAST_ENDPOINT:
        return last_endpoint(handle)
    if libzmq.ZMQ_CURVE_PUBLICKEY <= option <= libzmq.ZMQ_CURVE_SERVERKEY:
        size = KEY_TEXT_SIZE + 1    # asked for with any other length, libzmq refuses
    size = read_option(handle, option, data, size)
    if option != libzmq.ZMQ_ROUTING_ID and size > 0 and data[size - 1] == 0:
        size -= 1               # text comes with its terminating NUL; a routing id is binary
    return data[:size]


cdef bytes last_endpoint(SocketHandle handle):
    """The endpoint of the last bind or connect; an inproc name may be of any length."""
    cdef size_t size = OPTION_VALUE_SIZE
    cdef bytes value
    while True:
        value = PyBytes_FromStringAndSize(NULL, size)
        if libzmq.zmq_getsockopt(handle.ptr, libzmq.ZMQ_LAST_ENDPOINT, PyBytes_AS_STRING(value), &size) == 0:
            return value[:size - 1] if size > 0 else b""
        if libzmq.zmq_errno() != EINVAL or len(value) > LONGEST_ENDPOINT:
            fail(libzmq.zmq_errno(), "getsockopt", "LAST_ENDPOINT")
        size = 2 * len(value)


cdef size_t read_option(SocketHandle handle, int option, void *value, size_t size) except? 0:
    cdef size_t length = size
    if libzmq.zmq_getsockopt(handle.ptr, option, value, &length) == -1:
        fail_option(libzmq.zmq_errno(), "getsockopt", option, option_name(option))
    return length


cdef object common_hwm(SocketHandle handle):
    """The high-water mark of both directions.

    Raises ZMQError (EINVAL) where the two differ: then no one number is true.
    """
    cdef int sndhwm = handle.get_int(libzmq.ZMQ_SNDHWM)
    cdef int rcvhwm = handle.get_int(libzmq.ZMQ_RCVHWM)
    if sndhwm != rcvhwm:
        raise error_for(EINVAL, f"getsockopt HWM: SNDHWM is {sndhwm}, RCVHWM is {rcvhwm}")
    return sndhwm


cdef int set_option(SocketHandle handle, int option, object value) except -1:
    """Set an option. Caller is inside; the value has been checked before anything is changed."""
    cdef int kind = kind_of(option)
    cdef int64_t signed_value
    cdef uint64_t unsigned_value
    cdef Py_buffer view
    cdef int rc
    name = option_name(option)
    if isinstance(value, str):
        raise TypeError(f"setsockopt {name} takes {kind_name(kind)}, not str: use setsockopt_string")
    if kind == BYTES:
        if value is None and option != libzmq.ZMQ_SUBSCRIBE and option != libzmq.ZMQ_UNSUBSCRIBE:
            rc = libzmq.zmq_setsockopt(handle.ptr, option, NULL, 0)
        else:
            try:
                PyObject_GetBuffer(value, &view, PyBUF_SIMPLE)
            except TypeError:
                # the type only: the value may be a key or a password
                raise TypeError(f"setsockopt {name} takes bytes, not {type(value).__name__}") from None
            rc = libzmq.zmq_setsockopt(handle.ptr, option, view.buf, view.len)
            PyBuffer_Release(&view)
        return check_option(rc, option, name, value)
    if kind == INT64:
        number = whole_number(name, value)
        if not -0x8000000000000000 <= number <= 0x7FFFFFFFFFFFFFFF:
            raise OverflowError(f"setsockopt {name} takes -2**63 to 2**63 - 1, not {value}")
        signed_value = PyLong_AsLongLong(number)
        return check_option(
            libzmq.zmq_setsockopt(handle.ptr, option, &signed_value, sizeof(signed_value)), option, name, value)
    if kind == UINT64:
        number = whole_number(name, value)
        if not 0 <= number <= 0xFFFFFFFFFFFFFFFF:
            raise OverflowError(f"setsockopt {name} takes 0 to 2**64 - 1, not {value}")
        unsigned_value = PyLong_AsUnsignedLongLong(number)
        return check_option(
            libzmq.zmq_setsockopt(handle.ptr, option, &unsigned_value, sizeof(unsigned_value)), option, name, value)
    cdef int int_number = int_value(name, value)
    check_batch_size(option, name, int_number)
    if option == HWM:
        check_option(
            libzmq.zmq_setsockopt(handle.ptr, libzmq.ZMQ_SNDHWM, &int_number, sizeof(int)), option, name, value)
        option = libzmq.ZMQ_RCVHWM
    return check_option(libzmq.zmq_setsockopt(handle.ptr, option, &int_number, sizeof(int)), option, name, value)


cdef int check_option(int rc, int option, str name, object value) except -1:
    """Secrets are not repeated in an error: only numbers are."""
    if rc == -1:
        return fail_option(libzmq.zmq_errno(), "setsockopt", option,
                           f"{name} to {value}" if isinstance(value, int) else name)
    return 0


cdef int fail_option(int errnum, str call, int option, object subject) except -1:
    """Raise for an option that libzmq refuses, or does not know yet."""
    if errnum == EINVAL and option > libzmq.ZMQFAST_LAST_OPTION and option in OPTION_NAMES:
        raise ZMQVersionError("4.3.6", f"{call} {option_name(option)}")
    return fail(errnum, call, subject)


cdef str kind_name(int kind):
    return "bytes" if kind == BYTES else "an int"


cdef object whole_number(object name, object value):
    """`value` as an int: ints, bools, enums, and what else says it is one (NumPy's integers)."""
    try:
        return PyNumber_Index(value)
    except TypeError:
        raise TypeError(f"{name} takes an int, not {type(value).__name__}") from None


cdef int int_value(object name, object value) except? -1:
    number = whole_number(name, value)
    if not -0x80000000 <= number <= 0x7FFFFFFF:
        raise OverflowError(f"{name} takes a C int, -2**31 to 2**31 - 1, not {value}")
    return number


cdef int lenient_int(object name, object value) except? -1:
    """int_value() for arguments where pyzmq takes a float for the int it begins with."""
    return int_value(name, int(value) if isinstance(value, float) else value)
