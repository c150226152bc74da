"""A change of keys: its steps in order, whatever crashes, and no signature that peers refuse."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from protocol_specs.node import files
from protocol_specs.node.client.client import Undelivered
from protocol_specs.node.settings import NodeSettings, RotationSettings, SettingsError
from protocol_specs.node.startup import load_pair
from protocol_specs.node.trust import rotation
from protocol_specs.node.trust.keyring import Keyring
from protocol_specs.node.trust.membership import Membership
from protocol_specs.node.trust.rotation import KeyFiles, Old, Rotation, Step, is_due, next_step
from protocol_specs.node.trust.rotator import Rotator
from protocol_specs.wire import keys
from protocol_specs.wire.parties import Receiver, Subscriber, SubscriberType
from tests.support import peers
from tests.support.nodes import listening_socket, settings_of
from tests.support.peers import NOW, Clock, Peer
from tests.support.queues import quiet
from tests.support.standin_registry import record

DAY_S = 86_400
SETTINGS = RotationSettings(caches_s=90)
CURRENT = KeyFiles("k1", "signing.key", "encryption.key")
NEXT = KeyFiles("k2", "signing-k2.key", "encryption-k2.key")
RESTING = Rotation(CURRENT)
PUBLISHED = replace(RESTING.begun(NEXT), published_at=NOW)
SHOWN = replace(PUBLISHED, shown_at=NOW)
SWITCHED = SHOWN.switched(signed_until=NOW + 60, now=NOW)


@pytest.mark.parametrize(
    ("stands", "now", "is_wanted", "step"),
    [
        (RESTING, NOW, False, Step.REST),
        (RESTING, NOW, True, Step.MAKE),
        (RESTING.begun(NEXT), NOW, False, Step.PUBLISH),
        (PUBLISHED, NOW, False, Step.LOOK),
        (SHOWN, NOW + 89, False, Step.REST),
        (SHOWN, NOW + 90, False, Step.SWITCH),
        (SWITCHED, NOW + 65, True, Step.REST),
        (SWITCHED, NOW + 66, True, Step.RETIRE),
        (replace(SWITCHED, old=None), NOW, True, Step.MAKE),
    ],
)
def test_each_step_waits_for_its_time(
    stands: Rotation, now: int, is_wanted: bool, step: Step
) -> None:
    assert next_step(stands, SETTINGS, now=now, is_wanted=is_wanted) is step


@pytest.mark.parametrize(
    ("every_days", "age_days", "left_days", "due"),
    [(None, 999, 1, False), (30, 29, 300, False), (30, 30, 300, True), (30, 1, 6, True)],
)
def test_the_schedule_asks_for_a_key_of_its_age_or_before_it_expires(
    every_days: int | None, age_days: int, left_days: int, due: bool
) -> None:
    settings = RotationSettings(rotate_every_days=every_days)
    since, until = NOW - age_days * DAY_S, NOW + left_days * DAY_S
    assert is_due(settings, signs_since=since, valid_until=until, now=NOW) is due


class Killed(BaseException):
    """The process ends here."""


class FakeRegistry:
    """The registry as a rotation meets it: which of our keys it vouches for, and until when."""

    def __init__(self, clock: Clock, own: Peer) -> None:
        [held] = own.records(valid_until=NOW + 100 * DAY_S)
        self.clock, self.valid = clock, {own.unique_key_id: held}
        self.node: Membership | None = None
        self.is_down = False
        self.refuses = ""
        self.asked: list[tuple[str, dict[str, Any]]] = []

    @property
    def client(self) -> Any:
        assert self.node is not None
        return self.node.client

    async def call(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        if self.is_down:
            raise Undelivered("no answer", True)
        if self.refuses:
            raise Undelivered(self.refuses, False, status=403)
        assert self.client.key_id.unique_key_id in self.valid, "signed with a key that is no more"
        self.asked.append((path, document))
        if path == "/retire":
            assert document["action"] == "retire"
            assert document["key_id"] != self.client.key_id.unique_key_id
            self.valid.pop(document["key_id"], None)
            return {}
        self._challenge(document)
        first = next(iter(self.valid.values()))
        known = self.valid.get(document["key_id"])
        if known is not None:
            public = keys.b64encode(known.signing_public_key)
            assert public == document["signing_public_key"], "an id stands for one key"
        self.valid[document["key_id"]] = replace(
            first,
            unique_key_id=document["key_id"],
            signing_public_key=keys.public_key(document["signing_public_key"]),
        )
        return {"status": "UNDER_SUBSCRIPTION"}

    def _challenge(self, document: dict[str, Any]) -> None:
        """The node must know the key it published."""
        assert self.node is not None
        assert self.node.on_subscribe is not None
        assert document["signing_public_key"] in self.node.on_subscribe._own

    async def look_up(self, question: dict[str, Any]) -> list[object]:
        if self.is_down:
            raise Undelivered("no answer", True)
        asked = question.get("key_id")
        return [record(r) for r in self.valid.values() if asked in (None, r.unique_key_id)]

    async def find(self, question: dict[str, Any]) -> list[Subscriber]:
        await self.look_up(question)
        return list(self.valid.values())


class World:
    """One node's keys, its registry, and the seconds that go by; the node can be killed."""

    def __init__(self, folder: Path, **more: Any) -> None:
        self.clock = Clock()
        with listening_socket() as sock:
            self.settings = settings_of(
                NodeSettings, folder, sock, subscriber_id="bpp.example.org", **more
            )
        self.settings.data_dir.mkdir(parents=True, exist_ok=True)
        own = load_pair(rotation.of_settings(self.settings).current)
        peer = peers.bpp(key=own.signing, encryption=own.encryption)
        self.registry = FakeRegistry(self.clock, peer)
        self.signed: list[tuple[str, int]] = []
        self.start()

    def start(self) -> None:
        """A new process."""
        settings = self.settings
        receiver = Receiver(
            settings.subscriber_id, SubscriberType.BPP, settings.url, frozenset(settings.domains)
        )
        pinned = Peer("registry.example.org", SubscriberType.REGISTRY, "http://127.0.0.1:1")
        pins = {
            "url": pinned.url,
            "subscriber_id": pinned.subscriber_id,
            "unique_key_id": "k1",
            "signing_public_key": keys.b64encode(pinned.key.public),
            "encryption_public_key": keys.b64encode(pinned.encryption.public),
        }
        self.settings = NodeSettings.model_validate(settings.model_dump() | {"registry": pins})
        registry: Any = self.registry
        node = Membership(
            self.settings,
            receiver,
            clock=self.clock,
            telemetry=quiet(),
            directory=self.registry.find,
        )
        self.registry.node = node
        assert node.on_subscribe is not None
        self.node = node
        self.rotator = Rotator(
            self.settings,
            rotation.load(self.settings),
            type=SubscriberType.BPP,
            registry=registry,
            keyring=Keyring(self.registry.find, clock=self.clock),
            on_subscribe=node.on_subscribe,
            telemetry=quiet(),
            clock=self.clock,
        )

    async def second(self) -> None:
        """What happens within one: a message is sent, and the loop takes what steps it can."""
        now = int(self.clock())
        self.node.client.authorization(b"{}", ttl_s=300)
        self.signed.append((self.node.client.key_id.unique_key_id, now + 300))
        self.check()
        while await self.rotator.turn_next(now):
            self.check()
        self.clock.at += 1

    def check(self) -> None:
        """No signature that is still good is by a key that the registry does not vouch for."""
        now = int(self.clock())
        self.signed = [(key, until) for key, until in self.signed if until >= now]
        assert {key for key, _ in self.signed} <= self.registry.valid.keys()
        assert len(self.registry.valid) <= 2

    def ask(self) -> None:
        (self.settings.data_dir / rotation.ASKED).touch()

    @property
    def stands(self) -> Rotation:
        return rotation.load(self.settings)

    async def until_published(self) -> None:
        """One step further the registry would be asked whether it shows the key."""
        self.ask()
        while self.stands.published_at is None:
            await self.rotator.turn_next(int(self.clock()))

    async def until_done(self, seconds: int = 1_000) -> None:
        for _ in range(seconds):
            await self.second()
            asked = (self.settings.data_dir / rotation.ASKED).exists()
            if not asked and not self.stands.is_under_way:
                return
        raise AssertionError(f"not done: {self.stands}")


async def test_a_rotation_ends_with_one_new_key_that_has_signed_no_message_too_early(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    world.ask()
    await world.until_done()
    [key_id] = world.registry.valid
    assert key_id != "k1"
    assert world.node.client.key_id.unique_key_id == key_id
    switched = world.stands.since
    assert switched is not None
    assert switched - NOW >= SETTINGS.caches_s
    assert int(world.clock()) - switched >= 300, "the old key's last signature had expired"
    current = world.stands.current
    assert world.stands.past == ("k1",)
    assert Path(current.signing_key).parent == world.settings.signing_key.parent
    shown = world.registry.valid[key_id].signing_public_key
    assert load_pair(current).signing.public == shown


async def test_a_second_rotation_follows_the_first_and_the_settings_stay_as_they_were(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    for _ in range(2):
        world.ask()
        await world.until_done()
        world.start()
    assert len(world.stands.past) == 2
    assert world.node.client.key_id.unique_key_id == world.stands.current.unique_key_id
    assert list(world.registry.valid) == [world.stands.current.unique_key_id]


@pytest.fixture
def kill_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Ends the process before or after the n-th thing that anybody but it can see."""
    left = [0]

    def effect(do: Callable[..., Any]) -> Callable[..., Any]:
        def done(*args: Any, **kw: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise Killed
            result = do(*args, **kw)
            left[0] -= 1
            if left[0] == 0:
                raise Killed
            return result

        return done

    async def call(self: FakeRegistry, path: str, document: dict[str, Any]) -> dict[str, Any]:
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        answer = await called(self, path, document)
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        return answer

    called = FakeRegistry.call
    monkeypatch.setattr(files, "replace", effect(files.replace))
    monkeypatch.setattr(FakeRegistry, "call", call)

    def at(number: int) -> None:
        left[0] = number

    return at


async def test_a_node_that_is_killed_anywhere_goes_on_and_nothing_is_refused(
    tmp_path: Path, kill_at: Callable[[int], None]
) -> None:
    kills = 0
    for number in range(1, 100):
        world = World(tmp_path / str(number))
        world.ask()
        kill_at(number)
        try:
            await world.until_done()
        except Killed:
            kills += 1
            kill_at(0)
            world.start()
            await world.until_done()
        assert len(world.registry.valid) == 1, number
        assert list(world.registry.valid) == [world.node.client.key_id.unique_key_id]
        if kills < number:
            break
    assert kills >= 16, (
        "two of each: state, two files, publish, state, state, switch, retire, state"
    )


async def test_what_a_process_signed_before_this_one_counts_for_the_old_keys_end(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    world.ask()
    for _ in range(SETTINGS.caches_s):
        await world.second()
    world.start()
    assert await world.rotator.turn_next(int(world.clock()))
    assert world.stands.old is not None
    assert world.stands.old.until >= max(until for _, until in world.signed)
    await world.until_done()


async def test_while_the_registry_is_down_no_step_is_taken_and_the_old_key_signs(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    world.ask()
    for _ in range(60):
        await world.second()
    assert world.stands.shown_at is not None
    world.registry.is_down = True
    for _ in range(120):
        await world.second()
    assert world.stands.says == "no answer"
    assert world.node.client.key_id.unique_key_id == "k1"
    world.registry.is_down = False
    await world.until_done()
    assert world.stands.says == ""


async def test_what_the_registry_says_against_it_is_shown_and_it_is_asked_again_each_minute(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    world.registry.refuses = "8 keys are valid already"
    world.ask()
    for _ in range(30):
        await world.second()
    assert world.stands.says == "8 keys are valid already"
    assert "8 keys are valid already" in rotation.describe(world.stands, SETTINGS)
    assert world.registry.asked == []
    world.registry.refuses = ""
    await world.until_done()


async def test_key_files_that_cannot_be_made_are_named_and_nothing_is_published(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    folder = world.settings.signing_key.parent
    world.ask()
    await world.rotator.turn_next(int(world.clock()))
    folder.rename(tmp_path / "elsewhere")
    await world.rotator.turn_next(int(world.clock()))
    assert str(folder) in world.stands.says
    assert world.registry.asked == []
    (tmp_path / "elsewhere").rename(folder)
    await world.until_done()


async def test_an_application_that_the_registry_lost_is_sent_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.until_published()
    [lost] = world.registry.valid.keys() - {"k1"}
    del world.registry.valid[lost]
    await world.until_done()
    assert [path for path, _ in world.registry.asked] == ["/subscribe", "/subscribe", "/retire"]
    assert list(world.registry.valid) == [lost]


async def test_a_next_key_that_the_registry_drops_is_not_switched_to(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.ask()
    for _ in range(60):
        await world.second()
    [dropped] = world.registry.valid.keys() - {"k1"}
    held = world.registry.valid.pop(dropped)
    for _ in range(60):
        await world.second()
    assert world.node.client.key_id.unique_key_id == "k1"
    world.registry.valid[dropped] = held
    await world.until_done()


async def test_a_node_with_a_schedule_rotates_by_itself(tmp_path: Path) -> None:
    world = World(tmp_path, rotation=RotationSettings(rotate_every_days=30))
    await world.second()
    assert not world.stands.is_under_way
    world.clock.at += 29 * DAY_S
    await world.second()
    assert world.stands.is_under_way
    await world.until_done()
    world.clock.at += 29 * DAY_S
    await world.second()
    assert not world.stands.is_under_way
    world.clock.at += DAY_S
    await world.second()
    assert world.stands.is_under_way


def test_the_settings_may_name_any_key_of_the_past_or_one_of_their_own(tmp_path: Path) -> None:
    world = World(tmp_path)
    saved = replace(SWITCHED, past=("k0", "k1"), old=Old("k1", NOW))
    rotation.save(world.settings.data_dir, saved)
    for key_id in ("k0", "k1", "k2"):
        assert rotation.load(world.settings.model_copy(update={"unique_key_id": key_id})) == saved
    other = world.settings.model_copy(update={"unique_key_id": "k9"})
    assert rotation.load(other) == rotation.of_settings(other)


def test_a_note_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    """Without it a node would sign with a key that was retired."""
    world = World(tmp_path)
    (world.settings.data_dir / rotation.NAME).write_text('{"current":')
    with pytest.raises(SettingsError, match=r"rotation\.json"):
        rotation.load(world.settings)
