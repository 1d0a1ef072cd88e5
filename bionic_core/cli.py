"""The command line. Only what a command uses is imported, when it runs."""

from __future__ import annotations

import json as jsonlib
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bionic_core.errors import BionicError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from bionic_core.spec import Spec

app = typer.Typer(
    help="Neural networks built from biological mechanisms and real wiring, one plugin each.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # drawing the help with rich would double the time it takes
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(help="Look at labelled images.", no_args_is_help=True)
connectome_app = typer.Typer(help="Look at wiring.", no_args_is_help=True)
app.add_typer(data_app, name="data")
app.add_typer(connectome_app, name="connectome")

SpecName = Annotated[
    str, typer.Argument(metavar="SPEC", help="A TOML file, or the name of a shipped spec.")
]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")]
Without = Annotated[
    str, typer.Option(metavar="NAME,…", help="Mechanisms to leave out, with what requires them.")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set a key of the spec; may be repeated."),
]
Data = Annotated[
    str | None, typer.Option(metavar="SRC", help="A registered data source, or a path.")
]
Epochs = Annotated[int | None, typer.Option(min=1, help="At most so many epochs.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Out = Annotated[Path, typer.Option(metavar="DIR", help="Folder in which runs have their folders.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, nothing else.")]


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


@app.command("build")
def build_command(
    spec: SpecName,
    without: Without = "",
    set_: Set = None,
    save: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the resolved spec and initial weights there."),
    ] = None,
    json: Json = False,
) -> None:
    """Assemble a spec and describe it: pipeline, parameters, wiring, cost."""
    from bionic_core.describe import describe

    loaded = _load(spec, without=without, set_=set_)
    document, network = describe(loaded)
    if save is not None:
        from bionic_core.runs import save_model

        save_model(save, loaded, network)
    _show(document, json, lambda report: report.built(document))


@app.command("train")
def train_command(
    spec: SpecName,
    data: Data = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 0,
    epochs: Epochs = None,
    device: Device = "auto",
    out: Out = Path("runs"),
    without: Without = "",
    set_: Set = None,
    json: Json = False,
) -> None:
    """Train one run; an interrupted one goes on where it stopped."""
    loaded = _load(spec, without=without, set_=set_, data=data, epochs=epochs)
    from bionic_core.progress import Display
    from bionic_core.runs import train

    with _resumable(), Display(_console(sys.stderr)) as display:
        display.begin(f"{loaded.name}, seed {seed}")
        run = train(
            loaded,
            seed=seed,
            root=out,
            device=device,
            watch=display.watch,
            epochs=display.epoch,
        )
    document = run.result
    _show(document, json, lambda report: report.trained(document))


@app.command("evaluate")
def evaluate_command(
    run: RunFolder,
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
    data: Data = None,
    json: Json = False,
) -> None:
    """Compute a trained run's figures on a split."""
    from bionic_core.runs import Run, evaluate_run

    document = evaluate_run(Run.open(run), split, data)
    _show(document, json, lambda report: report.evaluated(document))


@app.command("factorial")
def factorial_command(
    spec: Annotated[
        str, typer.Argument(metavar="[SPEC]", help="A TOML file or a shipped spec's name.")
    ] = "demo",
    mechanisms: Annotated[
        str, typer.Option(metavar="NAME,…", help="Mechanisms to switch on and off.")
    ] = "",
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each cell, seeds 0, 1, ….")] = 3,
    data: Data = None,
    epochs: Epochs = None,
    device: Device = "auto",
    out: Out = Path("runs"),
    without: Without = "",
    set_: Set = None,
    plan: Annotated[bool, typer.Option("--plan", help="Train nothing; show the design.")] = False,
    json: Json = False,
) -> None:
    """Train every combination of mechanisms, on and off, and estimate their effects."""
    loaded = _load(spec, without=without, set_=set_, data=data, epochs=epochs)
    from bionic_core import experiment as study
    from bionic_core.progress import Display
    from bionic_core.registry import Registry

    names = [name.strip() for name in mechanisms.split(",") if name.strip()]
    experiment = study.plan_factorial(loaded, names, range(seeds), Registry.installed())
    if plan:
        document = {"name": loaded.name, "design": experiment.design.to_json()}
        _show(document, json, lambda report: report.planned(document))
        return
    runs = experiment.design.runs

    def line(number: int, cell: study.Cell) -> None:
        words = ", ".join(f"{name} {'on' if on else 'off'}" for name, on in cell.levels.items())
        figure = f"accuracy {cell.accuracy:.2%}" if cell.run else f"FAILED: {cell.error}"
        figure += " (done before)" if cell.run and cell.run.reused else ""
        display.end(f"run {number + 1}/{runs}  {words}, seed {cell.seed}: {figure}")

    with _resumable(), Display(_console(sys.stderr), runs=runs) as display:
        cells = study.run_experiment(
            experiment,
            root=out,
            device=device,
            started=lambda number, levels, seed: display.begin(f"run {number + 1}"),
            ended=line,
            watch=display.watch,
        )
        display.say("estimating effects")
    results = study.results(experiment, cells, study.analyse(experiment, cells))
    path = study.save_results(out, experiment, results)
    results["file"] = str(path)
    _show(results, json, lambda report: report.studied(results))
    failed = sum(cell.run is None for cell in cells)
    if failed:
        raise BionicError(f"{failed} of {runs} runs failed; the effects are of the others")


@app.command("plugins")
def plugins_command(json: Json = False) -> None:
    """List what is installed, failed plugins included."""
    from bionic_core.registry import Registry

    document = {"plugins": [listed.to_json() for listed in Registry.installed().listing()]}
    _show(document, json, lambda report: report.plugins(document))


@data_app.command("info")
def data_info_command(
    source: Annotated[str, typer.Argument(metavar="SRC", help="A registered source, or a path.")],
    json: Json = False,
) -> None:
    """Count the images of each class in each split."""
    from bionic_core.data import split
    from bionic_core.data_summary import summarise
    from bionic_core.sections import DataChoice
    from bionic_core.spec import open_data

    dataset = open_data(source).read((1, 48, 48))
    choice = DataChoice()
    document = summarise(dataset, split(dataset, choice.protocol, choice.split_seed))
    _show(document, json, lambda report: report.data(document))


@connectome_app.command("info")
def connectome_info_command(
    source: Annotated[
        str, typer.Argument(metavar="[SRC]", help="A registered source, or an .npz file.")
    ] = "column",
    json: Json = False,
) -> None:
    """Count cells, connections and synapses, by type."""
    from bionic_core.connectome_summary import summarise
    from bionic_core.spec import open_connectome

    document = summarise(open_connectome(source).read())
    _show(document, json, lambda report: report.connectome(document))


def _load(
    spec: str,
    *,
    without: str = "",
    set_: list[str] | None = None,
    data: str | None = None,
    epochs: int | None = None,
) -> Spec:
    from bionic_core.spec import load

    assignments = list(set_ or [])
    if epochs is not None:
        assignments.append(f"training.max_epochs={epochs}")
    names = [name.strip() for name in without.split(",") if name.strip()]
    return load(spec, set=assignments, without=names, data=data)


@contextmanager
def _resumable() -> Iterator[None]:
    """Say what Ctrl-C leaves behind."""
    try:
        yield
    except KeyboardInterrupt:
        raise BionicError(
            "stopped; finished epochs are kept, and the same command goes on after them"
        ) from None


def _console(stream: Any) -> Any:
    from rich.console import Console

    return Console(file=stream, stderr=stream is sys.stderr)


def _show(document: Mapping[str, Any], json: bool, render: Callable[[Any], RenderableType]) -> None:
    if json:
        typer.echo(jsonlib.dumps(document, indent=1))
        return
    from bionic_core import report

    _console(sys.stdout).print(render(report))


def main() -> None:
    """Run the command line: 0 done, 1 failed at run time, 2 the request is wrong."""
    # Idle threads that spin cost more than they save where cores are shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    shows = "--traceback" in sys.argv[1:]
    sys.argv[1:] = [word for word in sys.argv[1:] if word != "--traceback"]
    try:
        app()
    except BionicError as error:
        if shows:
            traceback.print_exc()
        typer.echo(f"bionic: {error}", err=True)
        sys.exit(error.exit_code)
