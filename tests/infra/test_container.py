"""The steps of the streamer's Dockerfile, run as written, produce a healthy streamer."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.ports import free_ports

from .dockerfile import ROOT, Dockerfile, at, inside

# Packages are downloaded and installed.
pytestmark = pytest.mark.timeout(400)

UNPACKED_MEGABYTES = 120


@pytest.fixture(scope="module")
def dockerfile() -> Dockerfile:
    return Dockerfile.read()


@pytest.fixture(scope="module")
def image(dockerfile: Dockerfile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image's root. Its Python is this one instead of the base image's."""
    root = dockerfile.build(tmp_path_factory.mktemp("stages"), python=sys.executable)
    inside(root, "/spool").mkdir(mode=0o700)
    return root


@pytest.fixture
def environment(dockerfile: Dockerfile, image: Path, storage: str) -> dict[str, str]:
    """The environment of the container's processes: nothing but what Azure would also set."""
    settings = {name: at(image, value) for name, value in dockerfile.environment.items()}
    (port,) = free_ports(1)
    return settings | {
        "PORT": str(port),
        "AUDIO_STORAGE_CONNECTION_STRING": storage,
        "ACS_TOKEN_AUDIENCE": "00000000-0000-4000-8000-000000000acs",
    }


@pytest.fixture
def running(
    dockerfile: Dockerfile, image: Path, environment: dict[str, str]
) -> Iterator[subprocess.Popen[str]]:
    (entrypoint,) = dockerfile.of("ENTRYPOINT")
    process = subprocess.Popen(
        [at(image, part) for part in entrypoint.parts],
        cwd=inside(image, dockerfile.of("WORKDIR")[-1].rest),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def is_healthy(dockerfile: Dockerfile, image: Path, environment: dict[str, str]) -> bool:
    """Run the HEALTHCHECK as written."""
    (check,) = dockerfile.of("HEALTHCHECK")
    command = check._replace(rest=check.rest.removeprefix("CMD ")).parts
    return not subprocess.run(
        [at(image, part) for part in command], env=environment, capture_output=True, timeout=120
    ).returncode


def list_modified(image: Path) -> set[tuple[str, int]]:
    """Return all files outside the spool, each with the time of its last change."""
    spool = inside(image, "/spool")
    return {
        (str(path), path.lstat().st_mtime_ns)
        for path in image.rglob("*")
        if spool not in (path, *path.parents)
    }


def test_container_starts_becomes_healthy_and_drains_on_sigterm(
    dockerfile: Dockerfile,
    image: Path,
    environment: dict[str, str],
    running: subprocess.Popen[str],
) -> None:
    before = list_modified(image)
    assert running.stdout is not None
    assert running.stdout.readline().startswith("streamer ready"), running.communicate()
    assert is_healthy(dockerfile, image, environment)
    with urllib.request.urlopen(f"http://127.0.0.1:{environment['PORT']}/readyz") as ready:
        assert ready.status == 200
    running.send_signal(signal.SIGTERM)
    _, log = running.communicate(timeout=60)
    assert running.returncode == 0, log
    assert "drain_started" in log
    assert not is_healthy(dockerfile, image, environment)
    assert list_modified(image) == before, "it must run with a read-only root"


def test_image_contains_only_what_the_streamer_imports(image: Path) -> None:
    app = inside(image, "/app")
    assert {path.name for path in app.iterdir()} == {
        "configuration.py",
        "event_log.py",
        "acs",
        "contract",
        "streamer",
    }
    size = sum(p.stat().st_size for p in image.rglob("*") if p.is_file() and not p.is_symlink())
    print(f"image without its base: {size / 1e6:.1f} MB")
    assert size < UNPACKED_MEGABYTES * 1e6


def test_image_has_no_pip(image: Path) -> None:
    assert not inside(image, "/opt/venv/bin/pip").exists()


def test_user_is_not_root_and_owns_only_the_spool(dockerfile: Dockerfile) -> None:
    (user,) = dockerfile.of("USER")
    uid, _, gid = user.rest.partition(":")
    assert uid == gid != "0"
    (run,) = dockerfile.of("RUN")
    assert f"--uid {uid}" in run.rest
    assert f"--owner={uid} --group={gid} --mode=0700 /spool" in run.rest
    words = [step.word for step in dockerfile.image]
    assert words.index("USER") > max(i for i, word in enumerate(words) if word in ("COPY", "RUN"))
    assert not any("chown" in step.options for step in dockerfile.of("COPY"))


def test_base_image_is_pinned_and_has_the_project_s_python(dockerfile: Dockerfile) -> None:
    bases = {dockerfile.base(stage) for stage in dockerfile.stages}
    (base,) = bases
    version = (ROOT / ".python-version").read_text().strip()
    assert base.startswith(f"python:{version}-slim")
    digest = base.partition("@sha256:")[2]
    assert len(digest) == 64


def test_every_stage_can_begin_with_an_image_of_another_registry(dockerfile: Dockerfile) -> None:
    """ACR Tasks pull from Docker Hub anonymously, which is limited."""
    assert dockerfile.arguments.keys() == {"BASE_IMAGE"}
    for steps in dockerfile.stages.values():
        assert steps[0].parts[0] == "${BASE_IMAGE}"


def test_build_context_is_what_is_copied(dockerfile: Dockerfile) -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines.index("*") < min(i for i, line in enumerate(lines) if line.startswith("!"))
    included = {line[1:].rstrip("/") for line in lines if line.startswith("!")}
    copies = [s for steps in dockerfile.stages.values() for s in steps if s.word == "COPY"]
    sources = {part for s in copies if "from" not in s.options for part in s.parts[:-1]}
    assert {source.split("/")[0] for source in sources} == included
