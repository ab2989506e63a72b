"""A locust master and its worker, over zmq.green, load a web server of this process."""

import http.server
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

TIMEOUT_S = 60


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *arguments: object) -> None:
        pass


def start(*arguments: str) -> subprocess.Popen[str]:
    users = Path(__file__).with_name("locust_users.py")
    return subprocess.Popen([sys.executable, "-m", "locust", "-f", users, *arguments], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)


with socket.create_server(("127.0.0.1", 0)) as free:
    port = str(free.getsockname()[1])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
host = f"http://127.0.0.1:{server.server_address[1]}"
processes = [
    start("--master", "--headless", "-u", "5", "-r", "5", "-t", "3s", "--expect-workers", "1", "--host", host,
          "--master-bind-host", "127.0.0.1", "--master-bind-port", port),
    start("--worker", "--master-host", "127.0.0.1", "--master-port", port),
]
try:
    output, worker_output = (process.communicate(timeout=TIMEOUT_S)[0] for process in processes)
finally:
    for process in processes:
        process.kill()
        process.wait()
    server.shutdown()
assert [process.returncode for process in processes] == [0, 0], output + worker_output
counts = re.findall(r"^ *Aggregated +(\d+) +0\(0.00%\)", output, re.MULTILINE)
assert counts and int(counts[-1]) > 20, output
