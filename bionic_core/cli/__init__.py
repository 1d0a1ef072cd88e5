"""The command line: commands are plugins (`command`), found by their names (`families`).

One file a family of commands, of which only the one that is asked for is imported. Computes
nothing itself. Start at `main`, then `families`, `common` and `training`.
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import Annotated, NoReturn

import typer

from bionic_core.base.output import configure_output
from bionic_core.base.process import configure_process, give_way, import_elsewhere, leave
from bionic_core.base.words import printable
from bionic_core.cli.families import Family
from bionic_core.errors import BionicError
from bionic_core.registry.extras import misled

app = typer.Typer(
    cls=Family,
    help="Neural networks built from biological mechanisms and real wiring, one plugin each.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # drawing the help with rich would double the time it takes
    context_settings={"help_option_names": ["-h", "--help"]},
)

STEPS = """\
bionic: neural networks built from biological mechanisms and real wiring, one plugin each.

Three next steps:

  bionic train demo           train a small model on drawn faces; nothing is downloaded
  bionic ablate demo --plan   what leaving each mechanism out could show, before it is trained
  bionic new divisive         write a plugin of your own: package, tests, README

bionic --help lists all commands; bionic COMMAND --help has an example of each.
"""


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    with_traceback: Annotated[
        bool, typer.Option("--traceback", help="Show where in the code an error arose.")
    ] = False,
) -> None:
    """Take the options that belong to no command."""
    if version:
        from bionic_core import __version__

        typer.echo(f"bionic {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(STEPS, nl=False)


def main() -> None:
    """Run the command line: 0 done, 1 failed at run time, 2 the request is wrong."""
    shows = "--traceback" in sys.argv[1:]
    sys.argv[1:] = [word for word in sys.argv[1:] if word != "--traceback"]
    if os.environ.get("_BIONIC_COMPLETE") == "complete_bash":
        from bionic_core.cli.completing import told_to_bash

        with told_to_bash(os.environ):
            app()
    if os.path.lexists("matplotlibrc"):  # whatever it is, it is the folder's and not the user's
        import_elsewhere("matplotlib")
    try:
        app()
    except BionicError as error:
        _fail(str(error), error.exit_code, shows)
    except Exception as error:
        from bionic_core.base.failures import explained, reason

        if (known := explained(error)) is not None:
            _fail(*known, shows)
        _fail(
            f"{reason(error)}. Nobody expected this: it is a fault of bionic or of a plugin, or a "
            "file that somebody has changed. --traceback before the command shows where",
            1,
            shows,
        )


def script() -> None:
    """Be the installed command: :func:`main`, polite, and with an end that takes no second more."""
    configure_output()
    configure_process()
    give_way()
    if words := misled():
        typer.echo(f"bionic: {printable(words)}", err=True)
    try:
        main()
    except SystemExit as end:
        if "torch" in sys.modules and isinstance(end.code, int):
            leave(end.code)
        raise


def _fail(words: str, code: int, shows: bool) -> NoReturn:
    """Say in a paragraph why there is no result, and end."""
    if shows:
        typer.echo(printable(traceback.format_exc()), err=True)
    typer.echo(f"bionic: {printable(words)}", err=True)
    sys.exit(code)
