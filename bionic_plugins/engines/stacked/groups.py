"""Which runs of a study can train as one model, and why the others cannot.

Runs share a model if they read the same images and wiring and have the same layers, batch size and
precision. What differs between them may be: the seed; which mechanisms there are, as far as those
can sit behind gates without changing a shape; which pairs exist (a mask for each member); and all
of the recipe but the batch size and the precision, for each member has its own optimiser, schedule,
loss and views. A key of a mechanism that acts in the forward pass is part of the model, as it may
be anything there: runs that differ in one train in different groups.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import attrs

from bionic_core import Network, Spec, build
from bionic_core.errors import RequestError
from bionic_core.runs import Plans, Task, hooks_of
from bionic_core.training import CLOSED, SoftSplit, recipe_of
from bionic_plugins.engines.stacked.stack import misfit
from bionic_plugins.engines.stacked.streams import StackedStream

DATA_ONLY = frozenset({"recipe", "wiring"})
"""Hooks whose answers are data, which members can have of their own."""

LOSS = frozenset({"weight", "label_smoothing", "by_image"})
"""Options of the loss that members can have of their own."""

SINGLE = "no other run has its shapes"


@attrs.frozen(eq=False)
class Variant:
    """What runs that differ in nothing but seed and recipe have in common.

    Attributes:
        base: what all members of a group must share.
        modules: tables of the mechanisms that act in the model, by name.
        network: built with the seed of the first run.
    """

    base: str
    spec: Spec
    modules: Mapping[str, Any]
    network: Network


@attrs.define(eq=False)
class Group:
    """Runs that train as one model.

    Attributes:
        spec: with every mechanism that a member has.
        gated: those that not all members have.
        frame: built of it.
    """

    spec: Spec
    gated: frozenset[str]
    frame: Network
    variants: list[Variant] = attrs.field(factory=list)
    tasks: list[Task] = attrs.field(factory=list)


@attrs.define(eq=False)
class Grouping:
    """How a study's runs are to train.

    Attributes:
        groups: each of at least two runs.
        alone: the other runs, and why.
    """

    groups: list[Group]
    alone: list[tuple[Task, str]]


def group(tasks: Sequence[Task], plans: Plans) -> Grouping:
    """Group the runs that can train as one model.

    Raises:
        RequestError: a spec cannot be built, or its data cannot be read.
    """
    groups: list[Group] = []
    alone: list[tuple[Task, str]] = []
    variants: dict[str, tuple[Variant, Group]] = {}
    reasons: dict[int, str] = {}
    for task in tasks:
        soft = isinstance(plans.inputs.get(task.spec).splits.train, SoftSplit)
        if why := _unlike_stacks(task.spec) or soft * "a stack's loss takes labels, not shares":
            alone.append((task, why))
            continue
        key, base, modules = _of(task, plans)
        if key not in variants:
            connectome = plans.inputs.get(task.spec).connectome
            network = build(task.spec, seed=task.seed, connectome=connectome)
            if kept := [n for n, p in network.named_parameters() if not p.requires_grad]:
                alone.append((task, f"its {kept[0]} is not trained, as all of a stack are"))
                continue
            variant = Variant(base, task.spec, modules, network)
            why = ""
            for there in groups:
                if not (why := _join(there, variant, plans)):
                    variants[key] = variant, there
                    break
            else:
                groups.append(_found(variant, plans))
                variants[key] = variant, groups[-1]
                reasons[id(groups[-1])] = why
        variants[key][1].tasks.append(task)
    for single in [one for one in groups if len(one.tasks) == 1]:
        groups.remove(single)
        why = reasons[id(single)]
        alone.append((single.tasks[0], f"{SINGLE} ({why})" if why else SINGLE))
    return Grouping(groups, alone)


def _unlike_stacks(spec: Spec) -> str:
    """Say what a stack cannot do of a spec's recipe; an empty string if nothing."""
    recipe = recipe_of(spec)
    if spec.training.optimizer == CLOSED:
        return "a stack takes steps, and its readout is solved at once"
    if spec.training.compile is not False:
        return "a stack's steps are not compiled, as training.compile asks"
    if options := sorted(set(recipe.loss) - LOSS):
        return f"a stack's loss has no {', '.join(options)}"
    if follow := [name for name, follows in recipe.scheduled.items() if follows]:
        return f"a stack's local rules follow no schedule, as {', '.join(follow)} does"
    return ""


def _of(task: Task, plans: Plans) -> tuple[str, str, dict[str, Any]]:
    """Return a variant's key, its base and the tables of the mechanisms that act in its model."""
    decides = plans.of(task.spec, task.seed).identity
    training = task.spec.training
    shared = [decides["model"], decides["data"], decides["connectome"]]
    base = _key([*shared, training.batch_size, training.precision])
    hooks = hooks_of(task.spec)
    tables = {
        name: table for name, table in decides["mechanisms"].items() if hooks[name] - {"recipe"}
    }
    modules = {name: table for name, table in tables.items() if hooks[name] - DATA_ONLY}
    return _key([base, tables]), base, modules


def _key(document: object) -> str:
    return json.dumps(document, sort_keys=True)


def _found(variant: Variant, plans: Plans) -> Group:
    frame = _frame(variant.spec, (), plans)
    return Group(variant.spec, frozenset(), frame, [variant])


def _join(there: Group, variant: Variant, plans: Plans) -> str:
    """Take a variant into a group, or say what keeps it out."""
    if there.variants[0].base != variant.base:
        return "others read other data or wiring, or differ in [model], batch size or precision"
    for known in there.variants:
        for name in sorted(known.modules.keys() & variant.modules.keys()):
            if known.modules[name] != variant.modules[name]:
                return f"others have other keys of {name}"
    members = [*there.variants, variant]
    everything = dict(variant.spec.mechanisms) | dict(there.spec.mechanisms)
    spec = attrs.evolve(there.spec, mechanisms=dict(sorted(everything.items())))
    acting = {name for member in members for name in member.modules}
    gated = frozenset(n for n in acting if not all(n in member.modules for member in members))
    if gated == there.gated and set(spec.mechanisms) == set(there.spec.mechanisms):
        frame = there.frame
    else:
        try:
            frame = _frame(spec, gated, plans)
        except RequestError as error:
            return error.problems[0]
    for member in members:
        if why := misfit(frame, member.network):
            return why
    there.spec, there.gated, there.frame, there.variants = spec, gated, frame, members
    return ""


def _frame(spec: Spec, gated: Collection[str], plans: Plans) -> Network:
    connectome = plans.inputs.get(spec).connectome
    return build(spec, connectome=connectome, gated=gated, streams=StackedStream, tried=False)
