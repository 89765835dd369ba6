"""`rayscope detach`: take the agents of `rayscope attach` away."""

from __future__ import annotations

from cyclopts import App

from rayscope.cli.attach import Address, Python
from rayscope.cli.output.talk import tell, tell_warning
from rayscope.run import attach as attaching

app = App(
    name="rayscope detach",
    help_format="plaintext",
    version_flags=(),
    help_epilogue="""\
Examples:
  rayscope detach --address auto""",
)


@app.default
def detach(*, address: Address = "auto", python: Python = None) -> None:
    """Take away the agents that `rayscope attach` put on a cluster; each ships what is there first."""
    done = attaching.detach(attaching.find_python(python), address)
    for node_id in done.killed:
        tell_warning(f"node {node_id[:8]}: its agent had not shipped everything in time, or could not be asked")
    tell(f"detached: {done.nodes} agents taken away" if done.nodes or done.was_there else "nothing was attached to that cluster")
