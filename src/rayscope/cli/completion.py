"""`rayscope completion`: a shell's completion script."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import App, Parameter

app = App(
    name="rayscope completion",
    help_format="plaintext",
    version_flags=(),
    help_epilogue="""\
Examples:
  rayscope completion bash > ~/.local/share/bash-completion/completions/rayscope
  rayscope completion zsh > ~/.zfunc/_rayscope
  rayscope completion fish > ~/.config/fish/completions/rayscope.fish""",
)


@app.default
def completion(shell: Annotated[Literal["bash", "zsh", "fish"], Parameter(help="bash, zsh or fish.")], /) -> None:
    """Print the completion script of a shell."""
    print(_whole().generate_completion(prog_name="rayscope", shell=shell))


def _whole() -> App:
    """One parser of all verbs. Their own names say `rayscope VERB`, for their help; here they are just the verb."""
    from rayscope.cli.main import VERBS, load

    whole = App(name="rayscope")
    for verb in VERBS:
        whole.command(load(verb), name=verb.name)
    return whole
