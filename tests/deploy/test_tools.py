"""The files of deploy/ in the programs that read them: nginx, Caddy, Prometheus, systemd, pip.

The continuous check installs those that Debian has; kubectl is asked where there is one.
"""

from __future__ import annotations

import asyncio
import io
import re
import shutil
import socket
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from protocol_specs.node.door.shell import expected_already
from protocol_specs.node.server import Node
from tests.deploy.files import DEPLOY, ROOT
from tests.protocol_specs.node.plain_node import a_node
from tests.support.nodes import free_port, listening_socket, running
from tests.wall.world import certificate

pytestmark = [pytest.mark.slow, pytest.mark.processes]
OUTSIDE = "127.0.0.2"  # a caller that is no proxy of the node's


def run(*words: str | Path, cwd: Path = ROOT) -> str:
    """What the program said; it has to be content."""
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


@pytest.mark.parametrize("name", ["Caddyfile", "Caddyfile.cooperative"])
def test_caddy_takes_its_file(name: str, tmp_path: Path) -> None:
    words = ("validate", "--adapter", "caddyfile", "--config", DEPLOY / "proxy" / name)
    assert "Valid configuration" in run("caddy", *words, cwd=tmp_path)


def test_prometheus_takes_the_rules_and_they_sound_when_they_should() -> None:
    folder = DEPLOY / "prometheus"
    run("promtool", "check", "config", folder / "prometheus.yaml")
    run("promtool", "test", "rules", folder / "rules_test.yaml")


def test_systemd_takes_the_units_and_finds_them_confined(tmp_path: Path) -> None:
    for path in (DEPLOY / "systemd").glob("wayfare*@.*"):
        text = path.read_text().replace("/opt/wayfare/bin/wayfare ", "/bin/true ")
        text = text.replace("/opt/wayfare/deploy/backup/drill.sh ", "/bin/true ")
        (tmp_path / path.name).write_text(text)
    for name in ("wayfare@bpp.service", "wayfare-backup@bpp.service", "wayfare-backup@bpp.timer"):
        words = ("systemd-analyze", "verify", "--man=no", tmp_path / name)
        said = run(*words)
        assert str(tmp_path) not in said, said
    said = run("systemd-analyze", "security", "--offline=yes", tmp_path / "wayfare@.service")
    exposure = re.search(r"Overall exposure level for .*: (\S+)", said)
    assert exposure is not None
    assert float(exposure[1]) <= 2.0


@pytest.mark.parametrize(("name", "kinds"), [("network", 23), ("cooperative", 6)])
def test_kustomize_makes_of_each_folder_what_it_says(name: str, kinds: int) -> None:
    if shutil.which("kubectl") is None:  # not in Debian; test_files reads these files as data
        return
    made = run("kubectl", "kustomize", DEPLOY / "kubernetes" / name)
    assert len(re.findall(r"^kind: ", made, re.MULTILINE)) == kinds
    assert "set-by-the-folder" not in made
    assert "node.example.org" not in made
    assert not re.search(r"image: wayfare$", made, re.MULTILINE)
    narrow = [each for each in made.split("\n---\n") if "path: /operator" in each]
    assert {re.findall(r"host: (\w+)\.", each)[0] for each in narrow} == (
        {"registry", "gateway"} if name == "network" else set()
    )
    assert all("whitelist-source-range" in each for each in narrow)
    assert all(re.search(r"name: (\w+)-node\n", each) for each in narrow), "the renamed service"


def test_a_cooperative_may_have_both_components(tmp_path: Path) -> None:
    if shutil.which("kubectl") is None:
        return
    folder = tmp_path / "kubernetes"
    shutil.copytree(DEPLOY / "kubernetes", folder)
    with (folder / "rides" / "kustomization.yaml").open("a") as file:
        file.write("components: [../postgres, ../nats]\n")
    made = run("kubectl", "kustomize", folder / "cooperative")
    for said in ("port: 5432", "port: 4222", "/run/nats/*-password", "secretName: wayfare-nats"):
        assert made.count(said) == 1, said


def test_what_the_image_copies_is_the_whole_package(tmp_path: Path) -> None:
    """The Containerfile's last install, from only the files that it copies."""
    text = (DEPLOY / "container" / "Containerfile").read_text()
    for words in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE):
        for name in words.split()[:-1]:
            source, target = ROOT / name, tmp_path / "src" / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                target.parent.mkdir(exist_ok=True)
                shutil.copy(source, target)
    wheel = ("wheel", "--no-index", "--no-deps", "--no-build-isolation", "-w", tmp_path)
    run(sys.executable, "-m", "pip", *wheel, ".", cwd=tmp_path / "src")
    [made] = tmp_path.glob("wayfare-*.whl")
    names = set(zipfile.ZipFile(made).namelist())
    data = {".toml", ".json", ".html", ".css", ".js", ".svg", ".po", ".ttf", ".png", ".sql"}
    for package in ("protocol_specs", "registry", "gateway", "bap", "bpp", "examples"):
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and path.suffix in {".py", *data} and "__pycache__" not in path.parts:
                assert str(path.relative_to(ROOT)) in names


# nginx before a real node


@contextmanager
def nginx(folder: Path, node_port: int) -> Iterator[tuple[int, int]]:
    """Running with our file, but for ports, names of files and the upstream: its two ports."""
    certificate(folder)
    plain, tls = free_port(), free_port()
    text = (DEPLOY / "proxy" / "nginx.conf").read_text()
    for old, new in (
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ssl http2;", f"listen 127.0.0.1:{tls} ssl http2;"),
        ("/etc/ssl/wayfare/fullchain.pem", f"{folder}/server.pem"),
        ("/etc/ssl/wayfare/privkey.pem", f"{folder}/server.pem"),
        ("127.0.0.1:8600", f"127.0.0.1:{node_port}"),
        ("/run/nginx.pid", f"{folder}/pid"),
        ("/var/log/nginx", str(folder)),
        ("worker_rlimit_nofile 65536;", "daemon off;"),
        ("worker_connections 4096", "worker_connections 256"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    text = re.sub(r"^\s*listen \[::\].*$", "", text, flags=re.MULTILINE)
    (folder / "nginx.conf").write_text(text)
    run("nginx", "-t", "-c", folder / "nginx.conf")
    process = subprocess.Popen(["nginx", "-c", str(folder / "nginx.conf")])
    try:
        yield plain, tls
    finally:
        process.terminate()
        process.wait(timeout=60)


async def test_nginx_redirects_caps_tells_whose_address_it_is_and_streams(tmp_path: Path) -> None:
    sock, release = listening_socket(), asyncio.Event()
    node = a_node(tmp_path / "node", sock, limits={"proxies": ("127.0.0.1",)})

    async def whose(request: web.Request) -> web.StreamResponse:
        await request.read()
        return web.Response(text=node.address_of(request))

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"X-Accel-Buffering": "no"})
        await response.prepare(request)
        await response.write(b"data: 1\n\n")
        await release.wait()
        return response

    node.app.router.add_post("/whose", whose, expect_handler=expected_already)
    node.serve_route("GET", "/operator/x", whose)
    node.serve_route("GET", "/stream", stream)
    async with running(node, sock), _through(tmp_path, node) as (ask, plain, tls):
        async with ask.get(f"{plain}/confirm", allow_redirects=False) as said:
            assert said.status == 301
            assert said.headers["Location"].startswith("https://")
        for lie in ({}, {"X-Forwarded-For": "203.0.113.9"}, {"X-Forwarded-For": "127.0.0.1"}):
            async with ask.post(f"{tls}/whose", headers=lie) as said:
                assert await said.text() == OUTSIDE
                assert "nginx/" not in said.headers["Server"]
                assert "max-age" in said.headers["Strict-Transport-Security"]
        async with ask.post(f"{tls}/whose", data=io.BytesIO(bytes(2_200_000))) as said:
            assert said.status == 413
        for path, status in (("/health", 200), ("/ready", 404), ("/operator/x", 403)):
            async with ask.get(f"{tls}{path}") as said:
                assert said.status == status, path
        async with ask.get(f"{tls}/stream") as said, asyncio.timeout(60):
            assert await said.content.readany() == b"data: 1\n\n"  # while the answer goes on
            release.set()


async def _wait_for(port: int) -> None:
    deadline = asyncio.get_running_loop().time() + 60
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert asyncio.get_running_loop().time() < deadline, "nginx does not listen"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def _through(
    tmp_path: Path, node: Node
) -> AsyncIterator[tuple[aiohttp.ClientSession, str, str]]:
    folder = tmp_path / "nginx"
    folder.mkdir()
    folder.chmod(0o755)
    with nginx(folder, node.port) as (plain, tls):
        await _wait_for(tls)
        connector = aiohttp.TCPConnector(ssl=False, local_addr=(OUTSIDE, 0))
        async with aiohttp.ClientSession(connector=connector) as session:
            yield session, f"http://127.0.0.1:{plain}", f"https://127.0.0.1:{tls}"
