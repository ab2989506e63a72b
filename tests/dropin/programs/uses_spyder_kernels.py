"""Spyder's kernel in a process of its own: output, a result, and Ctrl-C in the middle of a cell."""

import sys

from jupyter_client.manager import KernelManager

TIMEOUT_S = 60

manager = KernelManager(kernel_cmd=[sys.executable, "-m", "spyder_kernels.console", "-f", "{connection_file}"])
manager.start_kernel()
client = manager.client()
client.start_channels()
try:
    client.wait_for_ready(timeout=TIMEOUT_S)
    seen = []
    client.execute_interactive("import zmq; print(zmq.__name__); 1 + 1", timeout=TIMEOUT_S, output_hook=seen.append)
    texts = [message["content"].get("text") or message["content"].get("data", {}).get("text/plain") for message in seen]
    assert "zmqfast\n" in texts and "2" in texts, texts
    client.execute("print('begun')\nwhile True:\n    pass")
    while client.get_iopub_msg(timeout=TIMEOUT_S)["content"].get("text") != "begun\n":
        pass
    manager.interrupt_kernel()
    while (reply := client.get_shell_msg(timeout=TIMEOUT_S)["content"]).get("status") != "error":
        pass
    assert reply["ename"] == "KeyboardInterrupt", reply
finally:
    client.stop_channels()
    manager.shutdown_kernel()
