"""What can go wrong with CAVE, in words: what happened, and what to do about it."""

from __future__ import annotations

import json
from typing import Any

import attrs

from bionic_core.errors import BionicError, RequestError
from bionic_plugins.connectomes.microns.limits import TooLargeError, TooLateError
from bionic_plugins.connectomes.microns.retry import Passing

HIDDEN = "(hidden)"


class DegradedError(Exception):
    """The client was made, but from a guess, because the server did not answer a question."""


@attrs.frozen
class Judge:
    """Says of an exception of caveclient's whether it may pass, and if not, what to do.

    Attributes:
        datastack: what is asked for.
        version: the materialization.
        server: the server that says who may enter.
        token: hidden wherever a server quotes it; None if there is none.
    """

    datastack: str
    version: int
    server: str
    token: str | None = attrs.field(repr=False)

    def __call__(self, error: Exception) -> Passing | BionicError:
        """Return the verdict; it quotes no header and no token."""
        import requests
        from caveclient.base import AuthException, ServerIncompatibilityError

        if isinstance(error, BionicError):
            return error
        if isinstance(error, requests.HTTPError) and error.response is not None:
            return self._status(error.response)
        if isinstance(error, DegradedError):
            return Passing(str(error))
        if isinstance(error, AuthException):
            return self._refused("the server asks to log in")
        if isinstance(error, ServerIncompatibilityError):
            return BionicError(self.hide(f"{self.server}: {' '.join(str(error).split())}"))
        if isinstance(error, requests.JSONDecodeError):
            return self._no_data("something that is no JSON")
        if isinstance(error, ValueError) and str(error).startswith("Unknown response type"):
            return self._no_data(f"the content type {str(error).partition(': ')[2]}")
        if isinstance(error, (TooLateError, requests.Timeout)):
            return Passing(
                "the server did not answer in time, or too slowly; a larger --timeout waits longer"
            )
        if isinstance(error, TooLargeError):
            return BionicError(
                f"{self.server}: an answer {error}: nothing is taken from it. A smaller --chunk "
                "or a narrower --cell-type-source asks for less at once"
            )
        if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema)):
            return RequestError(
                f"--server {self.server}: no address of a server; give one like "
                "https://global.daf-apis.com"
            )
        if isinstance(error, requests.RequestException):
            return Passing(self._connection(error))
        if type(error).__name__ in ("ArrowInvalid", "OSError"):
            return Passing("the answer ends too early")
        if isinstance(error, (AttributeError, UnicodeDecodeError)):
            # caveclient expects a table in a failing server's message, and stumbles otherwise.
            return Passing("the server failed, and says so in a way that caveclient cannot read")
        kind = type(error).__name__
        return BionicError(
            self.hide(f"caveclient failed on what {self.server} sent ({kind}: {error})")
        )

    def hide(self, text: str) -> str:
        """Return the text without the token."""
        return text.replace(self.token, HIDDEN) if self.token else text

    def _connection(self, error: Exception) -> str:
        import requests

        if isinstance(error, (requests.exceptions.ChunkedEncodingError,)):
            return "the connection was cut in the middle of an answer"
        if isinstance(error, requests.exceptions.SSLError):
            return "no secure connection to the server"
        return f"no connection to {self.server}"

    def _status(self, response: Any) -> Passing | BionicError:
        status, said = response.status_code, self.hide(_said(response))
        if status == 504:  # a query that takes the server too long always will
            said += "; a smaller --chunk asks for less at once"
        if status == 429 or status >= 500:
            return Passing(f"the server answered {status}{said}", _seconds(response))
        if status == 401:
            return self._refused(f"the server answered 401{said}")
        if status == 403:
            terms = _terms(response)
            if terms:
                return RequestError(
                    f"{self.datastack}: the terms of use are not accepted yet. Accept them once, "
                    f"in a browser, with the account of your token, at {self.hide(terms)} and give "
                    "the same command again"
                )
            return RequestError(
                f"{self.datastack}: the account of your token may not read this datastack (the "
                f"server answered 403{said}). minnie65_public is open to every account; ask the "
                "owners of another one, or check --datastack"
            )
        if status == 410:
            return expired(self.datastack, self.version, ())
        if status == 404:
            what = response.url.partition("?")[0]
            if "/info/" in what:
                return RequestError(
                    f"--datastack {self.datastack}: {self.server} has no such datastack. "
                    "The public one of MICrONS is minnie65_public; another deployment needs "
                    "its own --server"
                )
            return RequestError(
                f"{self.datastack} at materialization {self.version} has no "
                f"{what.rpartition('/version/')[2] or what}{said}. Check --view and --version"
            )
        return BionicError(
            f"{self.server} refused the query (the server answered {status}{said}). If it says "
            "that the query is too large, a smaller --chunk makes it smaller"
        )

    def _refused(self, what: str) -> RequestError:
        return RequestError(
            f"{self.datastack}: the token is refused ({what}): it is mistyped, or a newer one "
            f"replaced it. {remedy(self.server)}"
        )

    def _no_data(self, what: str) -> BionicError:
        return BionicError(
            f"{self.server} sent {self.hide(what)} where data were expected: a page to log in, a "
            "proxy's page or another program answers at that address. Check --server and the "
            f"token. {remedy(self.server)}"
        )


def remedy(server: str) -> str:
    """Return how a token is made and where it is put."""
    return (
        f"Copy the token of your account from {server}/sticky_auth/settings/tokens, or make one, "
        f"free, at {server}/auth/api/v1/create_token (it ends the older one), and put "
        '{"token": "…"} into ~/.cloudvolume/secrets/cave-secret.json, or into another file that '
        "--token-file names. microns-dump needs no token"
    )


def missing(datastack: str, server: str, where: str) -> RequestError:
    """Return what to say where there is no token."""
    return RequestError(
        f"{datastack}: there is no token in {where}; CAVE wants one for public data too. "
        f"{remedy(server)}"
    )


def expired(datastack: str, version: int, available: tuple[int, ...]) -> RequestError:
    """Return what to say of a materialization that existed once."""
    return RequestError(
        f"--version {version}: this materialization of {datastack} has expired and is no longer "
        f"served. {_available(available)}"
    )


def unknown(datastack: str, version: int, available: tuple[int, ...]) -> RequestError:
    """Return what to say of a materialization that never existed."""
    return RequestError(
        f"--version {version}: {datastack} has no such materialization. {_available(available)}"
    )


def _available(available: tuple[int, ...]) -> str:
    served = ", ".join(str(version) for version in sorted(available))
    return (f"Served are {served}. " if served else "") + (
        "117, 943 and 1300 of minnie65_public are kept for good; others go after some months"
    )


def _said(response: Any) -> str:
    """Return the server's own message, shortened, as the end of a clause; or nothing."""
    try:
        content = json.loads(response.content)
    except ValueError:
        return ""
    if not isinstance(content, dict):
        return ""
    words = content.get("message") or content.get("error") or ""
    return f": {' '.join(str(words).split())[:200]}" if words else ""


def _terms(response: Any) -> str:
    try:
        content = json.loads(response.content)
        if content["error"] == "missing_tos":
            return str(content["data"]["tos_form_url"])
    except (ValueError, KeyError, TypeError):
        pass
    return ""


def _seconds(response: Any) -> float | None:
    """Return Retry-After where it is a number of seconds; its other form, a date, is rare."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else None
