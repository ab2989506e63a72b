"""A network namespace: what is sent there reaches nobody else."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

MULTICAST_ON_LOOPBACK = "ip link set lo up multicast on && ip route add 224.0.0.0/4 dev lo"


@dataclass(frozen=True)
class Namespace:
    """Where a command runs that has `prefix` before it; or why there is no such place."""

    prefix: list[str]
    obstacle: str = ""
    holder: int = 0             # the process that holds it


NO_NAMESPACE = Namespace([], "no network namespace was asked for")


@contextmanager
def network_namespace(set_up: str, within: Namespace | None = None) -> Iterator[Namespace]:
    """A namespace in which the shell has done `set_up`, for as long as the `with` lasts.

    A process holds it that ends when its stdin does, so nothing is left behind even when we are killed. One `within` another
    may have interfaces moved to it from there.
    """
    if missing := [tool for tool in ("unshare", "nsenter", "ip") if not shutil.which(tool)]:
        yield Namespace([], f"needs {' and '.join(missing)} to make a network namespace")
        return
    is_root = os.geteuid() == 0
    as_user = [] if is_root or within else ["--user", "--map-root-user"]
    before = within.prefix if within else []
    holder = subprocess.Popen([*before, "unshare", "--net", *as_user, "sh", "-c", f"{set_up} && echo up && exec cat"],
                              start_new_session=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
    assert holder.stdin and holder.stdout
    try:
        answer = holder.stdout.readline().strip()
        into_user = [] if is_root else ["--user", "--preserve-credentials"]
        if answer == "up":
            yield Namespace(["nsenter", "--target", str(holder.pid), "--net", *into_user, "--"], holder=holder.pid)
        else:
            yield Namespace([], f"no network namespace: {answer or 'not allowed'}")
    finally:
        holder.stdin.close()
        holder.wait()
        holder.stdout.close()
