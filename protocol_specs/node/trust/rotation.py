"""A change of a node's keys: where it stands, kept in a file, and what is to be done next.

The steps: make a key pair; publish it beside the current one (POST /subscribe, signed with the
current key); see that the registry shows it; wait until no cache can still hold that it is unknown;
switch, so that everything sent from then on is signed with it; and when the last signature of the
old key has expired, retire that one at the registry. The file is written before each step takes
effect, and each step may be done twice, so that a node that was killed anywhere goes on from there.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from protocol_specs.node import files
from protocol_specs.node.settings import SettingsError

if TYPE_CHECKING:
    from protocol_specs.node.settings import NodeSettings, RotationSettings

NAME = "rotation.json"
ASKED = "rotation.asked"
SKEW_S = 5
EXPIRES_SOON_S = 7 * 86_400


class Step(StrEnum):
    """What is to be done next."""

    REST = "rest"
    MAKE = "make"
    PUBLISH = "publish"
    LOOK = "look"
    SWITCH = "switch"
    RETIRE = "retire"


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """A key id and the two files with its private halves."""

    unique_key_id: str
    signing_key: str
    encryption_key: str


@dataclass(frozen=True, slots=True)
class Old:
    """A key that signs nothing any more. `until`: when the last of its signatures expires."""

    unique_key_id: str
    until: int


@dataclass(frozen=True, slots=True)
class Rotation:
    """Where a node's keys stand. Times in seconds UTC.

    `since`: when `current` began to sign; None for the key of the settings. `past`: the ids that
    signed before it, one of which the settings may still name. `published_at`: when the registry
    took the application of `next`; `shown_at`: when it showed it first. `says`: what is in the way.
    """

    current: KeyFiles
    since: int | None = None
    past: tuple[str, ...] = ()
    next: KeyFiles | None = None
    published_at: int | None = None
    shown_at: int | None = None
    old: Old | None = None
    says: str = ""

    @property
    def is_under_way(self) -> bool:
        """Whether a rotation began and has not ended."""
        return self.next is not None or self.old is not None

    def begun(self, next: KeyFiles) -> Rotation:
        """A next pair will be made: its files may not be there yet."""
        return replace(self, next=next, published_at=None, shown_at=None, says="")

    def switched(self, *, signed_until: int, now: int) -> Rotation:
        """The next pair is the current one; the old one's last signature expires then."""
        if self.next is None:
            raise ValueError("no next key to switch to")
        old = Old(self.current.unique_key_id, signed_until)
        past = (*self.past, self.current.unique_key_id)
        return Rotation(self.next, since=now, past=past, old=old)


def next_step(rotation: Rotation, settings: RotationSettings, *, now: int, is_wanted: bool) -> Step:
    """The one thing to do now; REST when there is nothing, or not yet.

    A key that is to be retired goes first, so that there are never more than two.
    """
    if rotation.old is not None:
        return Step.RETIRE if now > rotation.old.until + SKEW_S else Step.REST
    if rotation.next is None:
        return Step.MAKE if is_wanted else Step.REST
    if rotation.published_at is None:
        return Step.PUBLISH
    if rotation.shown_at is None:
        return Step.LOOK
    return Step.SWITCH if now >= rotation.shown_at + settings.caches_s else Step.REST


def is_due(settings: RotationSettings, *, signs_since: int, valid_until: int, now: int) -> bool:
    """Whether the schedule asks for a new key: its age is reached, or it would expire soon."""
    if settings.rotate_every_days is None:
        return False
    age_s = now - signs_since
    return age_s >= settings.rotate_every_days * 86_400 or valid_until - now < EXPIRES_SOON_S


def describe(rotation: Rotation, settings: RotationSettings) -> str:
    """Where it stands, in a sentence for a person."""
    current = rotation.current.unique_key_id
    if rotation.old is not None:
        said = f"{current} signs; {rotation.old.unique_key_id} will be retired"
    elif rotation.next is None:
        said = f"{current} signs; no rotation is under way"
    elif rotation.published_at is None:
        said = f"{current} signs; {rotation.next.unique_key_id} is made and not yet published"
    elif rotation.shown_at is None:
        said = f"{current} signs; {rotation.next.unique_key_id} is published, not yet shown"
    else:
        said = (
            f"{current} signs; {rotation.next.unique_key_id} is shown and will sign when "
            f"{settings.caches_s} s have passed"
        )
    return f"{said}: {rotation.says}" if rotation.says else said


# The file


def of_settings(settings: NodeSettings) -> Rotation:
    """The rotation of a node that has never rotated: the keys are those of its settings."""
    names = (str(settings.signing_key), str(settings.encryption_key))
    return Rotation(KeyFiles(settings.unique_key_id, *names))


def load(settings: NodeSettings) -> Rotation:
    """Where the node's keys stand: by its file, or by its settings where that does not exist or
    where the settings name a key of their own since. Raises SettingsError."""
    path = settings.data_dir / NAME
    try:
        found = _read(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return of_settings(settings)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SettingsError(
            f"{path} (below setting 'data_dir') cannot be read: {error}. It says which key of this "
            "node is the current one; without it the keys of the settings are used"
        ) from None
    is_ours = settings.unique_key_id in (*found.past, found.current.unique_key_id)
    return found if is_ours else of_settings(settings)


def save(folder: Path, rotation: Rotation) -> None:
    """Put it on disk, whole. Raises OSError."""
    files.replace(folder / NAME, json.dumps(asdict(rotation), indent=1).encode())


def _read(document: dict[str, Any]) -> Rotation:
    next, old = document["next"], document["old"]
    return Rotation(
        **document
        | {
            "current": KeyFiles(**document["current"]),
            "past": tuple(document["past"]),
            "next": None if next is None else KeyFiles(**next),
            "old": None if old is None else Old(**old),
        }
    )
