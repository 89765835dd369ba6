"""The agent's command line where no Rayscope is installed: `python -m rayscope.agent`, or a zip of this folder. `rayscope agent` has the same options."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import Callable, List, NoReturn, Optional

from rayscope import __version__
from rayscope.agent.daemon import WELL, daemonize
from rayscope.agent.errors import AgentError
from rayscope.agent.options import Options, find_ingest, scrape_interval
from rayscope.agent.supervisor import Supervisor


def main(arguments: Optional[List[str]] = None) -> NoReturn:
    """Run to the end."""
    given = _parser().parse_args(arguments)
    try:
        ingest = find_ingest(given.server, given.token)
        scrape_s = scrape_interval(given.scrape_interval)
        options = Options(ingest, given.ray_temp_dir, given.session_dir, given.node_id, given.dashboard, given.once, given.leave_within, scrape_s)
        code = run(options, daemon=given.daemon, pid_file=given.pid_file, log_file=given.log_file)
    except AgentError as error:
        sys.stderr.write(f"error: {error}\n")
        code = error.exit_code
    sys.exit(code)


def run(options: Options, *, daemon: bool = False, pid_file: Optional[str] = None, log_file: Optional[str] = None) -> int:
    """Run an agent, here or in the background; its exit code. Raises AgentError."""
    tell = daemonize(pid_file, log_file) if daemon else _nobody_waits
    try:
        code = asyncio.run(_supervise(options, tell))
    except AgentError as error:
        tell(str(error))
        raise
    tell(WELL)  # which it may have said already, or otherwise
    return code


async def _supervise(options: Options, tell: Callable[[str], None]) -> int:
    """Before Python 3.10 what waits belongs to the loop in which it was made."""
    return await Supervisor(options, __version__, tell).run()


def _nobody_waits(_word: str) -> None:
    """An agent in the foreground says what it has to say itself."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rayscope agent", description="Watch this host's Ray nodes and ship their logs and states to a Rayscope server.")
    parser.add_argument("--server", help="the server's address; else that of RAYSCOPE_INGEST")
    parser.add_argument("--token", help="its ingest token; else that of RAYSCOPE_INGEST")
    parser.add_argument("--ray-temp-dir", help="where Ray keeps its sessions; else RAY_TMPDIR, or ray in the temporary folder")
    parser.add_argument("--session-dir", help="watch this session only, and end with it")
    parser.add_argument("--node-id", help="watch this node only, and end with it")
    parser.add_argument("--all", action="store_true", help="watch every node of this host, those to come, too: so it is unless one is named")
    parser.add_argument("--dashboard", default="", help="host:port of Ray's dashboard, where it cannot be found")
    parser.add_argument("--once", action="store_true", help="ship what is there, then end")
    parser.add_argument("--leave-within", type=float, default=30.0, help="seconds that shipping may go on after a signal to end")
    parser.add_argument("--scrape-interval", type=float, help="seconds between two scrapes of metrics, 0 for none; else RAYSCOPE_SCRAPE_S, or 5")
    parser.add_argument("--daemon", action="store_true", help="run in the background")
    parser.add_argument("--pid-file", help="of a daemon: where its process id is written")
    parser.add_argument("--log-file", help="of a daemon: where it writes what it has to say")
    return parser
