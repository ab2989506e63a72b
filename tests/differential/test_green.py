"""Green sockets: timeouts."""

import importlib
import warnings

import pytest

pytest.importorskip("gevent")

from differential.outcome import attempt


@pytest.mark.parametrize("option", ["rcvtimeo", "sndtimeo"])
def test_timeouts(agree, option):
    def case(lib, context):
        with warnings.catch_warnings(record=True) as caught, importlib.import_module(f"{lib.__name__}.green").Context() as own:
            warnings.simplefilter("always")
            with own.socket(lib.DEALER) as socket:
                set_to_50 = attempt(lib, setattr, socket, option, 50)
                value = getattr(socket, option)
        return set_to_50, value, [warning.category.__name__ for warning in caught]

    agree("green", [(option, case)])
