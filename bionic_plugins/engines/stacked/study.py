"""The runs of a study as few stacked models: run folders in, run folders out.

Each member is a run like any other: claimed, taken up where it stopped, checkpointed in its own
folder, completed when its patience or its epochs are over. It then leaves the stack, which goes on
with the others. What cannot be stacked is trained one run after another, and says why.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial

import attrs
import torch

from bionic_core import WriteError
from bionic_core.errors import BionicError, BusyError, DamagedError, RequestError
from bionic_core.runs import (
    LOCK,
    TELLS_EVERY,
    Claim,
    Files,
    Inputs,
    Outcome,
    Run,
    Task,
    Work,
    complete,
    device_of,
    keep_wiring,
    machine_memory,
    of_the_machine,
    one_by_one,
    out_of_memory,
    prepare,
    reason,
    record_failure,
    reused,
    save_state,
    take_up,
    texts_of,
    told,
    write_texts,
)
from bionic_core.training import (
    Ended,
    Member,
    Progress,
    TrainingData,
    finished,
    recipe_of,
    train_members,
    training_memory,
    unit_range,
)
from bionic_plugins.engines.stacked.groups import Group, group
from bionic_plugins.engines.stacked.recorded import steps_of
from bionic_plugins.engines.stacked.stack import Stack

SAVES_EVERY = 60.0
"""Seconds, at least, between two checkpoints of a stack: dozens of runs are written at a time."""

AGREES = 1e-3
"""Greatest difference, relative, of a member's logits from those that it gives by itself."""

PROBED = 4
"""Images on which they are compared."""

ENGINE = {"engine": "stacked"}
"""What manifests say of runs that trained in a stack."""

SHARE = 0.5
"""Of the device's memory, what the members' weights, optimisers and copies may take."""


@attrs.define(eq=False)
class Trainee(Member):
    """A member, and the run that it is."""

    task: Task
    run: Run
    claim: Claim
    inputs: Inputs
    texts: Mapping[str, str]
    sums: Files


@attrs.frozen(eq=False)
class Study:
    """What the groups of a study share.

    Attributes:
        work: the study's runs, and who is told.
        most: members of a stack, at most; 0 for as many as memory holds.
    """

    work: Work
    place: torch.device
    most: int


def train_stacked(work: Work, *, most: int = 0) -> Iterator[Outcome]:
    """Train the tasks as few models, and give each outcome when it is there.

    A task that another process trains is given as busy, and again when it is done.

    Args:
        work: the runs.
        most: members of a stack, at most; 0 for as many as memory holds.

    Raises:
        RequestError: what was asked cannot be done.
        WriteError: nothing can be written.
    """
    if work.jobs > 1:
        raise RequestError(
            f"--jobs {work.jobs}: the stacked engine trains all runs at once in one process. Leave "
            "--jobs out, or take --engine local"
        )
    study = Study(work, device_of(work.device), most)
    later = [task for task in work.tasks if _run(task, study).done]
    done = {task.number for task in later}
    found = group([task for task in work.tasks if task.number not in done], work.plans)
    for task, why in found.alone:
        work.say(task, f"trains by itself: {why}")
        later.append(task)
    for one in found.groups:
        for outcome in _train_group(one, one.tasks, study):
            if outcome.busy:
                later.append(outcome.task)
            yield outcome
    yield from _apart(later, study)


def _run(task: Task, study: Study) -> Run:
    return Run(study.work.plans.of(task.spec, task.seed).folder)


def _apart(tasks: Sequence[Task], study: Study) -> Iterator[Outcome]:
    """Train tasks one after another, as without stacks."""
    return one_by_one(attrs.evolve(study.work, tasks=tasks))


def _train_group(one: Group, tasks: Sequence[Task], study: Study) -> Iterator[Outcome]:
    """Train tasks of a group: as one model, as several where memory is short, or apart."""
    most = study.most or _fitting(one, study.place)
    if len(tasks) == 1:
        study.work.say(tasks[0], "trains by itself: it is the last of its stack")
        yield from _apart(tasks, study)
        return
    if len(tasks) > most:
        yield from _in_parts(one, tasks, -(-len(tasks) // most), study)
        return
    done: set[int] = set()
    try:
        for outcome in _train_stack(one, tasks, study):
            done.add(outcome.task.number)
            yield outcome
        return
    except (RequestError, WriteError):
        raise
    except Exception as error:
        why, short = reason(error), out_of_memory(error)
    gc.collect()
    if study.place.type == "cuda":
        torch.cuda.empty_cache()
    rest = [task for task in tasks if task.number not in done]
    study.work.say(
        rest[0], f"{'in two parts' if short else 'one after another'} from here on: {why}"
    )
    if short and len(rest) > 1:
        yield from _in_parts(one, rest, 2, study)
    else:
        yield from _apart(rest, study)


def _in_parts(one: Group, tasks: Sequence[Task], parts: int, study: Study) -> Iterator[Outcome]:
    size = -(-len(tasks) // parts)
    for first in range(0, len(tasks), size):
        yield from _train_group(one, tasks[first : first + size], study)


def _fitting(one: Group, place: torch.device) -> int:
    """Return how many members of a group fit into memory, activity aside."""
    each = max(training_memory(one.frame, recipe_of(task.spec)) for task in one.tasks)
    there = torch.cuda.mem_get_info(place)[0] if place.type == "cuda" else machine_memory()
    return max(1, int(SHARE * there) // each)


class ApartError(BionicError):
    """Members would not train in a stack as they do by themselves, though their shapes agree."""


def _train_stack(one: Group, tasks: Sequence[Task], study: Study) -> Iterator[Outcome]:
    """Train tasks as one model, from their claims to their complete folders."""
    with ExitStack() as claims:
        members: list[Trainee] = []
        for task in tasks:
            entered = _enter(task, study, members[0].course if members else None, claims)
            if isinstance(entered, Outcome):
                yield entered
            else:
                members.append(entered)
        if not members:
            return
        one.frame.to(study.place)
        stack = _stack(one, members)
        _check(stack, members)
        others = "1 other run" if len(members) == 2 else f"{len(members) - 1} other runs"
        study.work.say(members[0].task, f"trains as one model with {others} of the study")
        say = partial(study.work.say, members[0].task)
        steps = steps_of(stack, members, study.place, say)
        tell, saved = _teller(study), time.monotonic()
        while members:
            for member in [m for m in members if finished(m.state, m.course.recipe)]:
                members.remove(member)
                yield _complete(member)
            if not members:
                return
            if len(steps.members) != len(members):
                steps = steps_of(_stack(one, members), members, study.place, say)
            yield from _close_epoch(train_members(steps, tell), members, study.work)
            if time.monotonic() - saved >= SAVES_EVERY:
                for member in members:
                    save_state(member.run, member.state, member.sums)
                    study.work.saved(member.task, member.run.folder)
                saved = time.monotonic()


def _close_epoch(ended: Sequence[Ended], members: list[Trainee], work: Work) -> Iterator[Outcome]:
    """Tell what an epoch brought, and let those go that it ended."""
    for end in ended:
        (member,) = (m for m in members if m is end.member)
        if end.record is not None:
            work.epoch(member.task, end.record)
        if end.error is not None:
            members.remove(member)
            yield _failed(member, end.error)


def _enter(
    task: Task, study: Study, like: TrainingData | None, claims: ExitStack
) -> Trainee | Outcome:
    """Claim a task's run and go to where it stopped; an outcome where there is nothing to train.

    ``like`` is the course of another member.
    """
    say = partial(study.work.say, task)
    plans = study.work.plans
    inputs, planned = plans.inputs.get(task.spec), plans.of(task.spec, task.seed)
    run = Run(planned.folder)
    study.work.started(task)
    state, course = prepare(task.spec, task.seed, inputs, study.place, like)
    claim = Claim(run.folder / LOCK, say)
    try:
        with ExitStack() as mine:
            mine.enter_context(claim).take(0)
            if run.done:
                claim.remove()
                return Outcome(task, reused(run).folder, reused=True)
            study.work.claimed(task, run.folder)
            checkpoint = take_up(run, state)
            more = ENGINE | told(task.spec, state.network, inputs, say)
            texts = texts_of(planned, inputs, study.place, more)
            sums = write_texts(run, state, checkpoint, texts, course, ENGINE)
            claims.push(mine.pop_all())
            study.work.saved(task, run.folder)
    except BusyError:
        return Outcome(task, busy=True)
    except DamagedError as error:
        return Outcome(task, error=str(error))
    return Trainee(state, course, task, run, claim, inputs, texts, sums)


def _stack(one: Group, members: Sequence[Trainee]) -> Stack:
    networks = [member.state.network for member in members]
    return Stack(one.frame, networks, [set(member.task.spec.mechanisms) for member in members])


@torch.no_grad()
def _check(stack: Stack, members: Sequence[Trainee]) -> None:
    """Check that each member gives in the stack what it gives by itself, in training.

    Raises:
        ApartError: one does not, or the stack cannot run at all.
    """
    images = unit_range(members[0].course.images[:PROBED])
    kept = {name: buffer.clone() for name, buffer in stack.buffers.items()}
    try:
        stack.frame.train()
        stack.seek([0] * len(members))
        together, _ = stack(images.expand(len(members), *images.shape))
    except Exception as error:
        if of_the_machine(error):
            raise
        raise ApartError(f"they cannot be stacked ({reason(error)})") from error
    for member, found in zip(members, together, strict=True):
        network = member.state.network.train()
        network.seek(0)
        alone = network(images)
        if not (found - alone).norm() <= AGREES * (alone.norm() + 1e-6):
            raise ApartError(
                f"run {member.task.number + 1} would give other numbers in a stack than by itself, "
                "so a mechanism of it keeps something that the core cannot see"
            )
    for name, buffer in stack.buffers.items():
        buffer.copy_(kept[name])


def _teller(study: Study) -> Callable[[Member, Progress], None]:
    """Return what tells where members are: dozens of them, so now and then only."""
    told: dict[int, float] = {}

    def tell(member: Member, moment: Progress) -> None:
        assert isinstance(member, Trainee)
        number, now = member.task.number, time.monotonic()
        if now - told.get(number, -TELLS_EVERY) >= TELLS_EVERY:
            told[number] = now
            study.work.watch(member.task, moment)

    return tell


def _complete(member: Trainee) -> Outcome:
    """Write what a run leaves behind."""
    try:
        keep_wiring(member.run.folder, member.task.spec, member.inputs.connectome)
        smoothing = member.course.recipe.smoothing
        complete(member.run, member.state, member.inputs, member.texts, smoothing)
    except (RequestError, WriteError):
        raise
    except Exception as error:
        return _failed(member, error)
    member.claim.remove()
    return Outcome(member.task, member.run.folder)


def _failed(member: Trainee, error: Exception) -> Outcome:
    words = reason(error)
    record_failure(member.run.folder, words, error)
    return Outcome(member.task, error=words)
