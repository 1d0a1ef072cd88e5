"""The command line. Only what a command uses is imported, when it runs.

Computes nothing: it asks the rooms below and shows what they answer. Start at `training`.
"""

from __future__ import annotations

import sys
import traceback
from typing import Annotated

import typer

from bionic_core.base.cores import give_way
from bionic_core.base.process import leave, settle
from bionic_core.cli import (
    ablation,
    authoring,
    connectomes,
    evaluation,
    listing,
    looking,
    models,
    reporting,
    reproduction,
    studies,
    training,
)
from bionic_core.cli import plugins as choosing
from bionic_core.errors import BionicError, printable

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

app.command("build")(models.build_command)
app.command("train", cls=choosing.StudyCommand)(training.train_command)
app.command("evaluate")(evaluation.evaluate_command)
app.command("predict")(evaluation.predict_command)
app.command("export")(evaluation.export_command)
app.command("factorial", cls=studies.FactorialCommand)(studies.factorial_command)
app.command("analyse")(studies.analyse_command)
app.command("ablate", cls=choosing.StudyCommand)(ablation.ablate_command)
app.command("report")(reporting.report_command)
app.command("reproduce", cls=choosing.StudyCommand)(reproduction.reproduce_command)
app.command("runs")(listing.runs_command)
app.command("plugins")(looking.plugins_command)
app.command("check")(authoring.check_command)
app.command("new")(authoring.new_command)
data_app.command("info")(looking.data_info_command)
data_app.command("check")(looking.data_check_command)
connectome_app.command("info")(looking.connectome_info_command)
connectome_app.command("import")(connectomes.import_command)
connectome_app.command("plot")(looking.connectome_plot_command)
connectome_app.command("surrogate")(connectomes.surrogate_command)
connectome_app.command("fetch", context_settings=connectomes.FETCH)(connectomes.fetch_command)


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
    try:
        app()
    except BionicError as error:
        _fail(str(error), error.exit_code, shows)
    except Exception as error:
        from bionic_core.base.failures import reason

        _fail(
            f"{reason(error)}. Nobody expected this: it is a fault of bionic or of a plugin, or a "
            "file that somebody has changed. --traceback before the command shows where",
            1,
            shows,
        )


def script() -> None:
    """Be the installed command: :func:`main`, polite, and with an end that takes no second more."""
    settle()
    give_way()
    try:
        main()
    except SystemExit as end:
        if "torch" in sys.modules and isinstance(end.code, int):
            leave(end.code)
        raise


def _fail(words: str, code: int, shows: bool) -> None:
    """Say in a paragraph why there is no result, and end."""
    if shows:
        typer.echo(printable(traceback.format_exc()), err=True)
    typer.echo(f"bionic: {printable(words)}", err=True)
    sys.exit(code)
