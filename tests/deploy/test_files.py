"""What deploy/ says agrees with the code: settings, paths, ports, deadlines, rights, metrics."""

from __future__ import annotations

import json
import os
import re
import runpy
import shlex
import subprocess
import sys
import tomllib
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from protocol_specs.node import commands
from protocol_specs.node.nats.bus import Bus
from protocol_specs.node.nats.place import NatsPlace
from protocol_specs.node.settings import NodeSettings
from protocol_specs.node.store import Store
from protocol_specs.node.telemetry.telemetry import Telemetry
from tests.deploy.files import (
    DEPLOY,
    MODELS,
    ROOT,
    compose,
    documents,
    metrics_named,
    seconds,
    settings,
    unit,
)
from tests.house.migrations import schema_of
from tests.protocol_specs.node.trust.test_registry_outage import Place, place

__all__ = ["place"]  # a fixture
BY_FOLDER = {"registry": "registry", "gateway": "gateway", "rides": "bpp", "citizens": "bap"}
FOLDERS = {role: folder for folder, role in BY_FOLDER.items()}
UID = "10001"
YAML = sorted(DEPLOY.rglob("*.yaml"))
EVERY_ROLE = pytest.mark.parametrize("role", MODELS)


def of_role(role: str) -> NodeSettings:
    return settings(DEPLOY / "settings" / f"{role}.toml", role)


@pytest.mark.parametrize("path", YAML, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_yaml_file_can_be_read(path: Path) -> None:
    assert all(isinstance(document, dict) for document in documents(path))


@EVERY_ROLE
def test_settings_are_of_a_production_node_whose_things_lie_on_volumes(role: str) -> None:
    read = of_role(role)
    assert (read.role, read.network) == (role, "production")
    assert read.url.startswith("https://")
    assert (read.port, read.ops_port) == (8600, 9600)
    state = Path("/var/lib/wayfare")
    assert read.data_dir == state / "data"
    assert read.signing_key.parent == read.encryption_key.parent == state / "keys"
    if role != "registry":
        assert read.registry is not None
        assert read.registry.url == of_role("registry").url
        assert read.registry.subscriber_id == of_role("registry").subscriber_id


@EVERY_ROLE
def test_the_cluster_has_the_same_settings_but_for_its_proxies(role: str) -> None:
    folder = DEPLOY / "kubernetes" / FOLDERS[role]
    read = settings(folder / "node.toml", role)
    ours = read.model_copy(update={"limits": of_role(role).limits})
    assert ours == of_role(role)
    assert read.limits.proxies == ("10.42.0.0/16",)
    text = (folder / "kustomization.yaml").read_text()
    assert f"value: {role} }}" in text, "the role that `serve` gets"
    assert f"value: {read.url.removeprefix('https://')} }}" in text, "the name of the ingress"


@pytest.mark.parametrize("name", ["network.yaml", "cooperative.yaml"])
def test_containers_have_no_more_rights_than_they_need(name: str) -> None:
    services = compose(name)
    for service, says in services.items():
        assert says["read_only"] is True, service
        assert says["cap_drop"] == ["ALL"], service
        assert says["security_opt"] == ["no-new-privileges:true"], service
        assert ("ports" in says) is (service == "proxy"), "only the proxy is published"
    for service in services.keys() - {"proxy"}:
        says = services[service]
        role = BY_FOLDER[service]
        assert says["user"] == f"{UID}:{UID}"
        assert says["command"] == ["serve", role, "--config", "/etc/wayfare/node.toml"]
        mounted = dict(each.split(":")[:2] for each in says["volumes"])
        assert (DEPLOY / "container" / f"../settings/{role}.toml").exists()
        assert mounted[f"../settings/{role}.toml"] == "/etc/wayfare/node.toml"
        assert "/var/lib/wayfare" in mounted.values()
        assert ("/var/lib/wayfare-witness" in mounted.values()) is (role == "bpp")
        assert ":9600/health" in says["healthcheck"]["test"][-1]
        assert seconds(says["stop_grace_period"]) > of_role(role).limits.stop_deadline_s + 10
    proxy = services["proxy"]["networks"]["inside"]["ipv4_address"]
    assert of_role("bpp").limits.proxies == (proxy,)
    [network] = documents(DEPLOY / "container" / name)[0]["networks"]["inside"]["ipam"]["config"]
    given_to_others = ip_network(network["ip_range"])
    assert ip_address(proxy) in ip_network(network["subnet"])
    assert ip_address(proxy) not in given_to_others, "a node that starts first would take it"


def test_a_pod_brings_its_tables_over_before_its_node_starts(tmp_path: Path) -> None:
    [found] = documents(DEPLOY / "kubernetes" / "node" / "stateful-set.yaml")
    containers = found["spec"]["template"]["spec"]["initContainers"]
    [tables] = [one for one in containers if one["name"] == "tables"]
    text = (DEPLOY / "kubernetes" / "gateway" / "node.toml").read_text()
    (tmp_path / "node.toml").write_text(text.replace(tables["workingDir"], str(tmp_path)))
    [line] = tables["args"]
    words = [*tables["command"], line.replace("/etc/wayfare/", "")]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    def started() -> str:
        env = {**os.environ, "PATH": path}
        return subprocess.run(
            words, cwd=tmp_path, env=env, capture_output=True, text=True, check=True
        ).stdout

    assert started() == "", "on an empty volume the node makes its tables itself"
    metadata, triggers = schema_of("gateway")
    Store.open(tmp_path / "data", metadata, triggers=triggers).close()
    assert "the schema is 0001" in started()


def test_a_pod_has_no_more_rights_than_it_needs_and_is_asked_at_the_operators_port() -> None:
    [found] = documents(DEPLOY / "kubernetes" / "node" / "stateful-set.yaml")
    pod = found["spec"]["template"]["spec"]
    assert found["spec"]["replicas"] == 1, "SQLite has one process"
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == int(UID)
    assert pod["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"
    assert pod["terminationGracePeriodSeconds"] > of_role("bpp").limits.stop_deadline_s + 10
    for container in (*pod["containers"], *pod["initContainers"]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "memory" in container["resources"]["limits"]
    [node] = pod["containers"]
    assert node["args"] == ["serve", "$(ROLE)", "--config", "/etc/wayfare/node.toml"]
    assert {port["name"]: port["containerPort"] for port in node["ports"]} == {
        "public": 8600,
        "ops": 9600,
    }
    probes = {name: node[name]["httpGet"] for name in node if name.endswith("Probe")}
    assert probes == {
        "startupProbe": {"path": "/health", "port": "ops"},
        "livenessProbe": {"path": "/health", "port": "ops"},
        "readinessProbe": {"path": "/ready", "port": "ops"},
    }


@pytest.mark.parametrize("folder", ["settings/bpp.toml", "kubernetes/rides/node.toml"])
def test_with_the_marks_taken_out_a_cooperative_is_on_postgresql(
    folder: str, tmp_path: Path
) -> None:
    guide = (ROOT / "docs" / "postgres.md").read_text()
    [edit] = re.findall(r"^sed -i ('s.*') \.\./settings/bpp\.toml$", guide, re.MULTILINE)
    path = tmp_path / "node.toml"
    words = ["sed", *shlex.split(edit), str(DEPLOY / folder)]
    path.write_bytes(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
    read = settings(path, "bpp")
    assert read.workers == 2
    assert (read.store.url or "").startswith("postgresql://wayfare_app@postgres")
    assert read.model_copy(update={"workers": 1, "store": of_role("bpp").store}) == settings(
        DEPLOY / folder, "bpp"
    )


@EVERY_ROLE
@pytest.mark.parametrize("in_cluster", [False, True])
def test_with_the_marks_taken_out_a_node_has_pages(
    role: str, in_cluster: bool, tmp_path: Path
) -> None:
    guide = (ROOT / "docs" / "operate.md").read_text()
    [edit] = re.findall(r"`sed -i ('s/\^#web.*?')`", guide)
    name = f"kubernetes/{FOLDERS[role]}/node.toml" if in_cluster else f"settings/{role}.toml"
    path = tmp_path / "node.toml"
    words = ["sed", *shlex.split(edit), str(DEPLOY / name)]
    path.write_bytes(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
    read = settings(path, role)
    without = settings(DEPLOY / name, role)
    web: Any = read.web  # type: ignore[attr-defined]
    assert read.model_copy(update={"web": without.web}) == without  # type: ignore[attr-defined]
    assert (web.codes.by == "webhook") is (role in ("bpp", "bap")), "who signs in by phone"


def test_the_database_beside_a_cooperative_has_no_more_rights_than_it_needs() -> None:
    [found] = documents(DEPLOY / "container" / "postgres.yaml")
    services, common = found["services"], compose("cooperative.yaml")
    server, migrate, rides = (services[name] for name in ("postgres", "migrate", "rides"))
    assert rides.keys().isdisjoint({"command", "volumes", "user"}), "those of the cooperative's"
    assert server["read_only"] is True
    assert server["cap_drop"] == ["ALL"]
    assert "ports" not in server
    assert server["environment"]["POSTGRES_DB"] == "wayfare_bpp"
    node = common["rides"]["volumes"][0]
    assert migrate["volumes"] == [node]
    parsed = commands._parser(migrate["command"]).parse_args(migrate["command"])
    assert parsed.user == server["environment"]["POSTGRES_USER"]
    for service in (rides, migrate, server):
        for name in service["secrets"]:
            assert name in found["secrets"]
            assert f"/run/secrets/{name}" in service["environment"].values()
    assert rides["secrets"] != migrate["secrets"], "the node does not know the migrator's"


NATS = """
[nats]
url = "tls://nats:4222"
user = "rides"
password_file = "{own}"
ca = "{ca}"

[feed]
url = "tls://nats:4222"
user = "rides-feed"
password_file = "{feed}"
ca = "{ca}"
"""


def test_the_nats_server_beside_a_node_has_no_more_rights_than_it_needs(tmp_path: Path) -> None:
    [found] = documents(DEPLOY / "container" / "nats.yaml")
    server, rides = found["services"]["nats"], found["services"]["rides"]
    assert rides.keys() == {"secrets"}, "all else is the cooperative's"
    assert server["read_only"] is True
    assert server["cap_drop"] == ["ALL"]
    assert server["security_opt"] == ["no-new-privileges:true"]
    assert server["user"] not in ("0", "root", f"{UID}:{UID}")
    assert "ports" not in server
    assert set(rides["secrets"]) == found["secrets"].keys()
    mounted = dict(each.split(":")[:2] for each in server["volumes"])
    conf = (DEPLOY / "container" / "../nats/nats.conf").read_text()
    assert mounted["../nats/nats.conf"] == server["command"][1]
    for named in re.findall(r'(?:cert|key)_file: "([^"]+)"', conf):
        assert named in mounted.values()
    [kept] = re.findall(r'store_dir: "([^"]+)"', conf)
    assert server["tmpfs"][0].startswith(f"{kept}:")


def test_the_nats_servers_file_is_the_guides_which_a_real_server_was_given() -> None:
    guide = (ROOT / "docs" / "nats.md").read_text()
    [conf] = re.findall(r"^```conf\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    assert (DEPLOY / "nats" / "nats.conf").read_text().split("\n", 1)[1] == conf


@pytest.mark.parametrize("told", ["Compose", "Kubernetes"])
def test_settings_may_name_the_nats_server_as_the_guide_says(told: str, tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "nats.md").read_text()
    [part] = re.findall(rf"^- \*{told}\*: (.*?)(?=^- |^##)", guide, re.MULTILINE | re.DOTALL)
    own, feed = re.findall(r'"(/\S+(?:nats_rides\w*|-password))"', part)
    [ca] = re.findall(r'ca = "([^"]+)"', part)
    path = tmp_path / "node.toml"
    given = NATS.format(own=own, feed=feed, ca=ca)
    path.write_text((DEPLOY / "settings" / "bpp.toml").read_text() + given)
    read = settings(path, "bpp")
    for server in (read.nats, read.feed):
        assert server is not None
        assert server.has_tls
    if told == "Compose":
        secrets = documents(DEPLOY / "container" / "nats.yaml")[0]["secrets"]
        assert {Path(each).name for each in (own, feed, ca)} == secrets.keys()
        assert {Path(each).parent for each in (own, feed, ca)} == {Path("/run/secrets")}
        return
    assert Path(ca).parent == Path("/run/nats")
    component = (DEPLOY / "kubernetes" / "nats" / "kustomization.yaml").read_text()
    [copied] = re.findall(r'command: \[sh, -ec, "(.+)"\]', component)
    secret, scratch = tmp_path / "secret", tmp_path / "scratch"
    secret.mkdir()
    scratch.mkdir()
    for each in (own, feed):
        (secret / Path(each).name).write_text("a long one")
    where = {"/run/nats": str(secret), "/tmp": str(scratch)}  # noqa: S108 - the container's
    there = re.sub("/run/nats|/tmp", lambda found: where[found[0]], copied)
    subprocess.run(["sh", "-ec", there], check=True)
    for each in (own, feed):
        assert where[str(Path(each).parent)] == str(scratch)
        assert (scratch / Path(each).name).stat().st_mode & 0o777 == 0o600


def test_the_image_holds_the_package_and_nothing_else_and_is_not_roots() -> None:
    text = (DEPLOY / "container" / "Containerfile").read_text()
    steps = re.findall(r"^([A-Z]+) ((?:.*\\\n)*.*)$", text, re.MULTILINE)
    copied = [
        name
        for step, words in steps
        if step == "COPY" and not words.startswith("--from")
        for name in words.split()[:-1]
    ]
    assert all((ROOT / name).exists() for name in copied)
    allowed = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    assert set(copied) == allowed
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {name.rstrip("*") for name in packages} <= set(copied)
    installs = [words for step, words in steps if "pip install" in words]
    assert "--require-hashes --only-binary :all:" in installs[0]
    assert all("--no-deps" in words for words in installs[1:])
    users = [words for step, words in steps if step == "USER"]
    assert users == [f"{UID}:{UID}"]
    assert "index-url" not in text
    assert [words for step, words in steps if step == "ENTRYPOINT"] == ['["wayfare"]']


def test_units_type_commands_that_exist_and_confine_them() -> None:
    node, copy = unit("wayfare@.service")["Service"], unit("wayfare-backup@.service")["Service"]
    for line in (node["ExecStart"], node["ExecStartPre"]):
        words = shlex.split(line.replace("%i", "bpp"))
        assert words[0] == "/opt/wayfare/bin/wayfare"
        parsed = commands._parser(words[1:]).parse_args(words[1:])
        assert parsed.config == Path("/etc/wayfare/bpp.toml")
    script = shlex.split(copy["ExecStart"])[0]
    assert (ROOT / script.removeprefix("/opt/wayfare/")).stat().st_mode & 0o111
    assert float(node["TimeoutStopSec"]) > of_role("bpp").limits.stop_deadline_s + 10
    assert node["MemoryMax"] == "512M"
    states = [f"/var/lib/{name}" for name in node["StateDirectory"].split()]
    insured = of_role("bpp").insurance  # type: ignore[attr-defined]
    for path in (of_role("bpp").data_dir, insured.ledger_key, insured.witness):
        assert any(path.is_relative_to(state) for state in states), path
    for each in (node, copy):
        assert each["User"] == "wayfare"
        assert each["NoNewPrivileges"] == "yes"
        assert each["ProtectSystem"] == "strict"
        assert each["CapabilityBoundingSet"] == ""


@EVERY_ROLE
def test_on_a_machine_without_containers_only_its_proxy_reaches_a_node(
    role: str, tmp_path: Path
) -> None:
    """As the guide installs the settings: a wildcard would open /metrics to the internet."""
    guide = (ROOT / "docs" / "operate.md").read_text()
    [line] = re.findall(r"^(sed .*) deploy/settings/bpp.toml \| install .*$", guide, re.MULTILINE)
    words = [*shlex.split(line), str(DEPLOY / "settings" / f"{role}.toml")]
    installed = tmp_path / "node.toml"
    installed.write_bytes(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
    read = settings(installed, role)
    assert (read.host, read.ops.host, read.limits.proxies) == ("127.0.0.1",) * 2 + (("127.0.0.1",),)


def test_units_that_share_a_folder_agree_who_may_read_it() -> None:
    for name in ("wayfare@.service", "wayfare-backup@.service"):
        service = unit(name)["Service"]
        assert service["StateDirectory"] == "wayfare wayfare-witness"
        assert service["StateDirectoryMode"] == "0700", "systemd sets it anew at each start"


def test_who_operates_is_let_in_from_named_networks_at_every_proxy() -> None:
    caddy = (DEPLOY / "proxy" / "Caddyfile").read_text()
    sites = dict(re.findall(r"^(\w+)\.example\.org \{\n(.*?)^\}", caddy, re.MULTILINE | re.DOTALL))
    assert {name for name, says in sites.items() if "import operator" in says} == {
        "registry",
        "gateway",
    }
    [inside] = documents(DEPLOY / "container" / "network.yaml")[0]["networks"].values()
    compose_network = ip_network(inside["ipam"]["config"][0]["subnet"])
    [allowed] = re.findall(r"not remote_ip (.*)", caddy)
    for network in map(ip_network, allowed.split()):
        if network.version == compose_network.version:
            assert not network.overlaps(compose_network), "IPv6 callers come from its gateway"


def test_proxies_let_through_what_a_node_takes_and_wait_no_longer_than_it_does() -> None:
    text, limits = (DEPLOY / "proxy" / "nginx.conf").read_text(), of_role("bpp").limits

    def said(name: str) -> list[str]:
        return re.findall(rf"^\s*{name} (\S+);", text, re.MULTILINE)

    assert said("client_max_body_size") == ["2m"]
    assert limits.body_bytes_ceiling <= 2 * 1024 * 1024
    assert seconds(said("client_header_timeout")[0]) <= limits.header_deadline_s
    assert seconds(said("client_body_timeout")[0]) <= limits.body_deadline_s
    outside, to_the_node = said("keepalive_timeout")
    assert seconds(outside) <= limits.idle_deadline_s
    assert seconds(to_the_node) < limits.idle_deadline_s, "else a reused connection is closed"
    assert said("proxy_next_upstream") == ["off"]
    assert "X-Forwarded-For $proxy_add_x_forwarded_for" in text
    for name in ("Caddyfile", "Caddyfile.cooperative"):
        caddy = (DEPLOY / "proxy" / name).read_text()
        assert "read_header 10s" in caddy
        assert "read_body 30s" in caddy
        upstreams = re.findall(r"import node (\w+):(\d+)", caddy)
        assert {port for _, port in upstreams} == {"8600"}
        file = "network.yaml" if name == "Caddyfile" else "cooperative.yaml"
        assert {service for service, _ in upstreams} == set(compose(file)) - {"proxy"}


def alarms() -> list[dict[str, Any]]:
    [rules] = documents(DEPLOY / "prometheus" / "rules.yaml")
    return [rule for group in rules["groups"] for rule in group["rules"]]


def dashboard() -> list[str]:
    found = json.loads((DEPLOY / "grafana" / "wayfare.json").read_text())
    return [target["expr"] for panel in found["panels"] for target in panel["targets"]]


async def test_every_metric_that_rules_and_dashboard_name_is_shown_by_a_node(place: Place) -> None:
    async with place.node_runs() as node:
        assert (await place.confirm()).is_ack
        await place.poll()
        await place.ready()
        shown = set(re.findall(r"^# TYPE (\S+) ", node.telemetry.metrics().decode(), re.MULTILINE))
    insured = (ROOT / "bpp" / "insurance" / "wiring.py").read_text()  # a provider's with books
    shown |= set(re.findall(r'"(wayfare_\w+)"', insured))
    shown |= shown_of_nats()
    named = [rule["expr"] for rule in alarms()] + dashboard()
    assert set().union(*map(metrics_named, named)) - shown == set()
    assert len(alarms()) >= 15
    assert len(dashboard()) >= 15


def shown_of_nats() -> set[str]:
    """Metrics of a node whose settings name both servers."""
    telemetry = Telemetry("rides.example.org")
    for name in ("hints", "feed"):
        Bus(NatsPlace(url=("nats://127.0.0.1",)), None, name=name, inbox="_I", telemetry=telemetry)
    return set(re.findall(r"^# TYPE (\S+) ", telemetry.metrics().decode(), re.MULTILINE))


def test_each_alarm_has_its_paragraph_in_the_guide() -> None:
    guide = (ROOT / "docs" / "operate.md").read_text()
    told = set(re.findall(r"^\| `(Wayfare\w+)` \|", guide, re.MULTILINE))
    assert told == {rule["alert"] for rule in alarms()}


def test_the_guide_names_every_kind_of_alarm() -> None:
    [row] = re.findall(
        r"^\| `WayfareAlarm` \| (.*?) \|", (ROOT / "docs" / "operate.md").read_text(), re.MULTILINE
    )
    source = "\n".join(path.read_text() for path in (ROOT / "bpp").rglob("*.py"))
    kinds = set(re.findall(r'log\(\s*(?:"alarm"|event),[^)]*?\bwhat="(\w+)"', source))
    assert len(kinds) >= 5
    assert kinds <= set(re.findall(r"`(\w+)`", row))


def test_what_is_looked_up_for_known_faults_is_all_that_is_deployed() -> None:
    asked = runpy.run_path(str(ROOT / ".ci" / "check_dependencies.py"))["locked"]()
    for extra in ("", "-nats", "-otel", "-postgres"):
        name = f"requirements{extra}.lock"
        pins = re.findall(r"^([A-Za-z][^ ]*==\S+)", (ROOT / name).read_text(), re.MULTILINE)
        assert len(pins) > 20
        assert set(pins) <= set(asked)


def test_prometheus_asks_the_operators_port_of_each_service() -> None:
    [config] = documents(DEPLOY / "prometheus" / "prometheus.yaml")
    [job] = config["scrape_configs"]
    assert job["job_name"] == "wayfare", "the rules name it"
    assert job["static_configs"][0]["targets"] == [f"{name}:9600" for name in BY_FOLDER]
    assert all((DEPLOY / "prometheus" / name).exists() for name in config["rule_files"])
