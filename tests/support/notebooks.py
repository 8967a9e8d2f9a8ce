"""Cells of a notebook, run one by one by a real kernel."""

from collections.abc import Sequence

from tests.support.processes import Place

_PROGRAM = """\
import sys
from jupyter_client.manager import KernelManager

manager = KernelManager()
manager.kernel_spec.argv[0] = sys.executable
manager.start_kernel()
client = manager.blocking_client()
client.start_channels()
client.wait_for_ready(timeout=30)

def show(message):
    if message["msg_type"] == "stream":
        sys.stdout.write(message["content"]["text"])

for cell in {cells!r}:
    reply = client.execute_interactive(cell, output_hook=show, timeout=30)
    assert reply["content"]["status"] == "ok", reply["content"]
client.stop_channels()
manager.shutdown_kernel()
"""


def output_of_cells(place: Place, cells: Sequence[str]) -> str:
    """What the cells print; each must end well, and nothing may be left of the kernel."""
    # The kernel's own packages warn of one another, and keep files of their own.
    elsewhere = str(place.state / "notebook")
    environment = place.environment(
        PYTHONWARNINGS="ignore",
        IPYTHONDIR=elsewhere,
        JUPYTER_CONFIG_DIR=elsewhere,
        JUPYTER_DATA_DIR=elsewhere,
        JUPYTER_RUNTIME_DIR=elsewhere,
    )
    return place.output(place.script(_PROGRAM.format(cells=list(cells))), env=environment)
