"""The table of verbs, and the one place where errors become exit codes.

0  done                              3  no server answers, or it cannot just now
1  it failed                         4  no such session, id or resource
2  the command is worded wrongly     5  a token is missing or wrong
130  interrupted                     `rayscope run`: the program's own code, 128 + N if signal N ended it
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from rayscope import __version__

if TYPE_CHECKING:
    from cyclopts import App

EXIT_INTERRUPTED: Final = 130
EXIT_USAGE: Final = 2


class Verb(NamedTuple):
    """A verb: its name, the module that holds its ``app``, and one line of help. The module is imported when the verb is used."""

    name: str
    module: str
    help: str


VERBS: Final = (
    Verb("demo", "rayscope.cli.demo", "Run and record an example, then look at it."),
    Verb("run", "rayscope.cli.run", "Run a program unchanged and record what its Ray does."),
    Verb("list", "rayscope.cli.list", "List tasks, actors, jobs, nodes … of a live or finished cluster."),
    Verb("get", "rayscope.cli.get", "Show everything known of one task, actor, job, node …"),
    Verb("summary", "rayscope.cli.summary", "Count tasks by function, actors by class, objects by call site …"),
    Verb("logs", "rayscope.cli.logs", "Search and follow the log lines of a live or finished cluster."),
    Verb("memory", "rayscope.cli.memory", "Show who holds which objects, how that grew, and what leaks."),
    Verb("metrics", "rayscope.cli.metrics", "List metrics and ask in PromQL, as tables and charts."),
    Verb("top", "rayscope.cli.top.verb", "Watch nodes, workers, jobs, tasks and GPUs on a live screen."),
    Verb("findings", "rayscope.cli.findings", "Show what the metrics say is wrong, with the evidence."),
    Verb("timeline", "rayscope.cli.timeline", "Write what ran when as a file for Perfetto."),
    Verb("sql", "rayscope.cli.sql", "Ask in SQL, read-only."),
    Verb("job", "rayscope.cli.job", "Submit, stop and look at jobs, and show what their drivers print."),
    Verb("storage", "rayscope.cli.storage", "Show what takes room in the data folder, and delete a session."),
    Verb("server", "rayscope.cli.server", "Run the server, or start, stop and look at one in the background."),
    Verb("agent", "rayscope.cli.agent", "Watch this host's Ray nodes and ship their logs."),
    Verb("attach", "rayscope.cli.attach", "Put an agent on every node of a running cluster."),
    Verb("detach", "rayscope.cli.detach", "Take those agents away."),
    Verb("env", "rayscope.cli.env", "Print the environment that makes any cluster record itself here."),
    Verb("completion", "rayscope.cli.completion", "Print a shell's completion script."),
)

_EXAMPLES: Final = """\
Examples:
  rayscope demo                         see it work
  rayscope run train.py --epochs 3      record a program
  rayscope list tasks -f state=FAILED   ask, also after the cluster is gone
  rayscope summary tasks

`rayscope VERB --help` tells more of a verb. The server's page: http://127.0.0.1:8465"""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The console script."""
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """Run one command line; its exit code."""
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        print(_help())
        return 0
    if arguments[0] in {"-V", "--version"}:
        print(f"rayscope {__version__}")
        return 0
    verb = next((verb for verb in VERBS if verb.name == arguments[0]), None)
    return _unknown(arguments[0]) if verb is None else _guarded(verb, arguments[1:])


def load(verb: Verb) -> App:
    """The verb's parser."""
    app: App = importlib.import_module(verb.module).app
    return app


def _guarded(verb: Verb, arguments: list[str]) -> int:
    from rayscope.cli.output.talk import tell_error
    from rayscope.errors import RayscopeError

    try:
        code = _call(load(verb), arguments)
        sys.stdout.flush()
    except RayscopeError as error:
        tell_error(error.message, error.hint)
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _drop_stdout()
        return 0
    return code


def _call(app: App, arguments: list[str]) -> int:
    from cyclopts import CycloptsError

    from rayscope.errors import UsageError

    try:
        result = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        raise UsageError(str(error).strip(), hint=f"`{' '.join(app.name)} --help` shows its options") from error
    return result if isinstance(result, int) else 0


def _drop_stdout() -> None:
    """The reader of our output left (`| head`): nothing more is written, not even at exit."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _help() -> str:
    lines = [f"  {verb.name:<12}{verb.help}" for verb in VERBS]
    return "\n".join(
        [
            "Usage: rayscope VERB [OPTIONS]",
            "",
            "Records everything a Ray cluster does, keeps it, and answers questions about it.",
            "",
            "Verbs:",
            *lines,
            "",
            "  --version   Show the version.",
            "  --help      Show this.",
            "",
            _EXAMPLES,
        ]
    )


def _unknown(given: str) -> int:
    import difflib

    from rayscope.cli.output.talk import tell_error

    near = difflib.get_close_matches(given, [verb.name for verb in VERBS], n=1)
    tell_error(f"no verb {given!r}", f"did you mean `rayscope {near[0]}`?" if near else "`rayscope --help` lists the verbs")
    return EXIT_USAGE
