"""Sources that are fetched once, kept for this user, and read by their name from then on."""

from __future__ import annotations

import json
import math
import os
import re
import sys
from pathlib import Path
from typing import Any, ClassVar

import attrs

from bionic_core.base.locks import Claim
from bionic_core.base.words import printable
from bionic_core.connectome import Connectome
from bionic_core.connectomes.fetch import fetch_connectome
from bionic_core.connectomes.roles import ConnectomeFetcher
from bionic_core.errors import RequestError
from bionic_core.markers import SPEC_ONLY
from bionic_core.plugin import ConnectomeSource

PLACE_VARIABLE = "BIONIC_DATA"
"""Environment variable that names the folder for what is fetched, in place of the user's own."""


def data_folder() -> Path:
    """Return the folder of this user for what is fetched; it need not be there yet."""
    from platformdirs import user_data_path

    named = os.environ.get(PLACE_VARIABLE)
    return Path(named).expanduser() if named else user_data_path("bionic", appauthor=False)


@attrs.frozen(eq=False)
class FetchedSource(ConnectomeSource, ConnectomeFetcher):
    """Published wiring: a source of specs by its name, once ``connectome fetch`` has been there.

    A subclass says by :meth:`fetch` where it comes from, and writes :attr:`settings` into its
    provenance under ``query``.

    Attributes:
        at_need: in a spec, ``fetch = true`` downloads it where it is not there yet.
    """

    role: ClassVar[str] = "connectome source"

    at_need: bool = attrs.field(
        default=False, alias="fetch", kw_only=True, metadata={SPEC_ONLY: True}
    )

    @property
    def settings(self) -> dict[str, Any]:
        """The fields that say what is asked for, JSON-ready."""
        return {
            item.name: getattr(self, item.name)
            for item in attrs.fields(type(self))
            if not item.metadata.get(SPEC_ONLY)
        }

    @property
    def kept(self) -> Path:
        """Where it is kept: a file for each choice of settings."""
        asked = {item.name: item.default for item in attrs.fields(type(self))}
        others = [str(value) for key, value in self.settings.items() if value != asked[key]]
        name = re.sub(r"[^A-Za-z0-9.-]+", "-", "-".join([self.name, *others]))
        return data_folder() / "connectomes" / f"{name}.npz"

    @property
    def command(self) -> str:
        """The command that fetches it."""
        asked = {item.name: item.default for item in attrs.fields(type(self))}
        options = [
            f" --{key.replace('_', '-')} {value}"
            for key, value in self.settings.items()
            if value != asked[key]
        ]
        return f"bionic connectome fetch {self.name}{''.join(options)}"

    def read(self) -> Connectome:
        """Return the connectome that is kept here, fetched before if the spec says so.

        Raises:
            RequestError: it is not here yet, or the file holds something else.
            BionicError: the download failed.
        """
        if not self.kept.exists():
            if not self.at_need:
                raise RequestError(
                    f"'{self.name}' is not on this machine yet. Fetch it once: {self.command} — or "
                    "let the spec do it: fetch = true in [connectome]",
                    where="connectome.source",
                )
            with Claim(self.kept.with_suffix(".lock")).take(math.inf):
                if not self.kept.exists():  # another process may have fetched it meanwhile
                    return fetch_connectome(self, self.kept, watch=Spoken())
        return self._checked(Connectome.load(self.kept))

    def _checked(self, connectome: Connectome) -> Connectome:
        asked = json.loads(json.dumps(self.settings))
        found = (connectome.provenance.get("fetched"), connectome.provenance.get("query"))
        if found != (self.name, asked):
            raise RequestError(
                f"is not what '{self.name}' asks for here. {self.command} --overwrite writes it "
                "anew",
                where=str(self.kept),
            )
        return connectome


class Spoken:
    """A watch that says on stderr what is begun: a spec's fetch must not be silent."""

    def step(self, title: str, done: int, total: int) -> None:
        """Say what begins."""
        if done == 0:
            self.say(title)

    def say(self, line: str) -> None:
        """Say it."""
        print(f"bionic: {printable(line)}", file=sys.stderr, flush=True)
