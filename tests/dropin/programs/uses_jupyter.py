"""A Jupyter kernel executes a notebook: nbclient, jupyter_client, ipykernel."""

from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

cells = [new_code_cell(source) for source in (
    "import zmq; print(zmq.__name__)", "for i in range(500): print(i)", "sum(i * i for i in range(1000))", "1 / 0")]
client = NotebookClient(new_notebook(cells=cells), timeout=60, kernel_name="python3", allow_errors=True)
client.execute()
name, numbers, total, failed = [cell.outputs for cell in client.nb.cells]
assert name[0].text == "zmqfast\n", name
assert "".join(output.text for output in numbers) == "".join(f"{i}\n" for i in range(500)), numbers
assert total[0].data["text/plain"] == "332833500", total
assert failed[0].ename == "ZeroDivisionError", failed
