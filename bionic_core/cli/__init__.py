"""The command line: one file a family of commands; only what a command uses is imported.

Computes nothing itself. Start at `main`, then `common` and `training`.
"""

from __future__ import annotations

import functools
import os
import sys
import traceback
from collections.abc import Callable
from typing import Annotated, NoReturn

import typer
from typer.core import TyperCommand

from bionic_core.base.output import configure_output
from bionic_core.base.process import configure_process, give_way, import_elsewhere, leave
from bionic_core.base.steps import heard
from bionic_core.base.words import printable
from bionic_core.cli import (
    ablation,
    authoring,
    connectomes,
    evaluation,
    exporting,
    listing,
    looking,
    models,
    reporting,
    reproduction,
    studies,
    training,
)
from bionic_core.cli.options import taking_fields
from bionic_core.cli.plugins import StudyCommand
from bionic_core.errors import BionicError
from bionic_core.registry.extras import misled

app = typer.Typer(
    help="Neural networks built from biological mechanisms and real wiring, one plugin each.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # drawing the help with rich would double the time it takes
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(help="Look at labelled images.", no_args_is_help=True)
connectome_app = typer.Typer(
    help="Look at wiring, download it, make it of files, draw it.", no_args_is_help=True
)
app.add_typer(data_app, name="data")
app.add_typer(connectome_app, name="connectome")

COMMANDS: tuple[tuple[typer.Typer, str, Callable[..., None], type[TyperCommand]], ...] = (
    (app, "build", models.build_command, TyperCommand),
    (app, "train", training.train_command, StudyCommand),
    (app, "evaluate", evaluation.evaluate_command, TyperCommand),
    (app, "predict", evaluation.predict_command, TyperCommand),
    (app, "export", evaluation.export_command, TyperCommand),
    (app, "factorial", studies.factorial_command, studies.FactorialCommand),
    (app, "analyse", studies.analyse_command, TyperCommand),
    (app, "ablate", ablation.ablate_command, StudyCommand),
    (app, "report", reporting.report_command, TyperCommand),
    (app, "reproduce", reproduction.reproduce_command, StudyCommand),
    (app, "runs", listing.runs_command, TyperCommand),
    (app, "plugins", looking.plugins_command, TyperCommand),
    (app, "check", authoring.check_command, TyperCommand),
    (app, "new", authoring.new_command, TyperCommand),
    (data_app, "info", looking.data_info_command, TyperCommand),
    (data_app, "check", looking.data_check_command, TyperCommand),
    (connectome_app, "info", looking.connectome_info_command, TyperCommand),
    (connectome_app, "import", connectomes.import_command, TyperCommand),
    (connectome_app, "plot", looking.connectome_plot_command, TyperCommand),
    (connectome_app, "surrogate", connectomes.surrogate_command, connectomes.SurrogateCommand),
    (connectome_app, "export", exporting.connectome_export_command, TyperCommand),
    (connectome_app, "fetch", connectomes.fetch_command, connectomes.FetchCommand),
)
"""Every command: where it is found, its name, its function, and how its words are read."""


def _say(line: str) -> None:
    """Show whoever waits what is being done; a display that draws shows it in its own way."""
    from bionic_core.cli.common import console

    console(sys.stderr).print(line, soft_wrap=True)


def _told(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command whose end of input or of a process is an error, and no wish to stop."""

    @functools.wraps(command)
    def told(*arguments: object, **options: object) -> None:
        try:
            with heard(_say):
                command(*arguments, **options)
        except EOFError as error:  # the library would say "Aborted!", as for Ctrl-C
            from bionic_core.base.failures import explained

            words, _ = explained(error) or ("", 1)
            raise BionicError(words) from error

    return told


for group, name, command, reading in COMMANDS:
    group.command(name, cls=reading)(taking_fields(_told(command)))


@app.callback(invoke_without_command=True)
def options(
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


def main() -> None:
    """Run the command line: 0 done, 1 failed at run time, 2 the request is wrong."""
    shows = "--traceback" in sys.argv[1:]
    sys.argv[1:] = [word for word in sys.argv[1:] if word != "--traceback"]
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
