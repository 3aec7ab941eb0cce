"""The container image without a container engine: its steps in a folder, its entrypoint as a user who owns nothing."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.dockerfile import ImageFolder, Step, read_stages, the_step
from tests.support.instances import RunningDiStreamer, free_port, running_command
from tests.support.other_user import other_user, python_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

REPOSITORY = Path(__file__).parents[2]
BUILD, IMAGE = read_stages((REPOSITORY / "Dockerfile").read_text(encoding="utf-8"))
VENV, MEMORY = "/opt/distreamer", "/dev/shm"


@dataclass(frozen=True)
class Image:
    """What was built, and how a container of it would be started."""

    user: tuple[str, ...]
    entrypoint: Path
    health: list[str]
    environ: dict[str, str]
    workdir: Path

    def answer(self, *command: str, **variables: str) -> tuple[int, str]:
        """The exit code of a command in the container, and all that it says."""
        done = subprocess.run(
            [*self.user, *command],
            env=self.environ | variables,
            cwd=self.workdir,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout

    @contextlib.asynccontextmanager
    async def container(self, *arguments: str, **variables: str) -> AsyncIterator[RunningDiStreamer]:
        """``docker run image arguments``"""
        command = [*self.user, str(self.entrypoint), *arguments]
        async with running_command(command, self.environ | variables, self.workdir) as running:
            yield running

    async def is_healthy(self) -> str:
        """Waits until HEALTHCHECK is content; gives what it says."""
        for _ in range(600):
            code, said = await asyncio.to_thread(self.answer, *self.health)
            if code == 0:
                return said
            await asyncio.sleep(0.1)
        raise AssertionError(f"not healthy: {said}")


@pytest.fixture(scope="module")
def built() -> Iterator[Image]:
    """Not in pytest's folder, which is closed to other users."""
    user = other_user()
    python = python_for(user)
    with tempfile.TemporaryDirectory(prefix="distreamer-image-") as name:
        root = Path(name)
        root.chmod(0o755)
        folder = ImageFolder(root, REPOSITORY)
        subprocess.run([python, "-m", "venv", root / "python"], check=True, timeout=300)
        folder.build(BUILD, root / "python" / "bin")
        for step in IMAGE:
            if step.name == "COPY" and "--from" not in step.rest:
                folder.copy(step, root)
        folder.at(MEMORY).mkdir(parents=True)
        folder.at(MEMORY).chmod(0o1777)
        workdir = folder.at(the_step(IMAGE, "WORKDIR").rest)
        (workdir / "conf").mkdir(parents=True)
        entrypoint = folder.at(*the_step(IMAGE, "ENTRYPOINT").words)
        health = Step("CMD", the_step(IMAGE, "HEALTHCHECK").rest.partition(" CMD ")[2]).words
        yield Image(user, entrypoint, health, folder.environment(IMAGE, VENV, MEMORY), workdir)


@pytest.fixture
def image(built: Image) -> Image:
    """With nothing mounted, nothing in memory."""
    for file in (*(built.workdir / "conf").iterdir(), *Path(built.environ["DISTREAMER_HEARTBEAT"]).parent.iterdir()):
        file.unlink()
    return built


def variables(port: int) -> dict[str, str]:
    """A whole instance."""
    return {
        "DS_INPUT_MODE": "ShoutcastClient",
        "DS_INPUT_STREAMURL": f"http://127.0.0.1:{free_port()}/",
        "DS_OUTPUT_MODE": "ShoutcastServer",
        "DS_OUTPUT_HOSTNAME": "127.0.0.1",
        "DS_OUTPUT_PORT": str(port),
    }


def mount(image: Image, port: int, name: str = "distreamer.conf") -> None:
    """As if a folder with this file were mounted at /distreamer/conf."""
    said = variables(port)
    lines = ["[INPUT]", *(f"{key[9:]} = {value}" for key, value in said.items() if key.startswith("DS_INPUT_"))]
    lines += ["[OUTPUT]", *(f"{key[10:]} = {value}" for key, value in said.items() if key.startswith("DS_OUTPUT_"))]
    (image.workdir / "conf" / name).write_text("\n".join(lines), encoding="utf-8")


async def answers(port: int) -> bool:
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True
    return False


async def test_variables_alone_make_an_instance(image: Image) -> None:
    port = free_port()
    async with image.container(**variables(port)) as running:
        await running.said(f"listening for players url=http://127.0.0.1:{port}/")
        assert await answers(port)
        assert (await image.is_healthy()).startswith("distreamer: nothing has arrived yet (")
    assert running.process.returncode == 0
    assert any("distreamer: starting config=environment" in line for line in running.lines)


async def test_a_mounted_file_is_run_and_variables_go_over_it(image: Image) -> None:
    mount(image, port=1)
    port = free_port()
    async with image.container(DS_OUTPUT_PORT=str(port)) as running:
        await running.said("starting config=conf/distreamer.conf")
        await running.said(f"listening for players url=http://127.0.0.1:{port}/")
        assert await answers(port)
        await image.is_healthy()


async def test_arguments_may_be_files(image: Image) -> None:
    mount(image, port=1)
    port = free_port()
    mount(image, port, "studio.conf")
    async with image.container("conf/studio.conf") as running:
        await running.said("studio: starting config=conf/studio.conf")
        await running.said(f"listening for players url=http://127.0.0.1:{port}/")


def test_arguments_may_be_commands(image: Image) -> None:
    entrypoint = str(image.entrypoint)
    assert image.answer(entrypoint, "--version")[0] == 0
    code, said = image.answer(entrypoint, "health")
    assert code == 1
    assert "there is no heartbeat file" in said
    code, said = image.answer(entrypoint, "check", **variables(1))
    assert (code, said.startswith("the environment is in order")) == (0, True)
    mount(image, port=1)
    code, said = image.answer(entrypoint, "check")
    assert (code, said.startswith("conf/distreamer.conf is in order")) == (0, True)


def test_without_anything_it_says_so(image: Image) -> None:
    code, said = image.answer(str(image.entrypoint))
    assert code == 2
    assert "there is no distreamer.conf here" in said


def test_a_folder_that_the_user_may_not_enter_is_told(image: Image) -> None:
    folder = image.workdir / "conf"
    folder.chmod(0o600)
    try:
        code, said = image.answer(str(image.entrypoint), **variables(1))
    finally:
        folder.chmod(0o755)
    assert (code, said.splitlines()[0]) == (2, "conf/distreamer.conf: cannot be read: Permission denied")


def test_the_extras_are_there(image: Image) -> None:
    assert image.answer("python", "-c", "import av, numpy, uvloop, distreamer")[0] == 0


def test_the_image_does_what_is_promised() -> None:
    assert BUILD[0].rest.partition(" AS ")[0] == IMAGE[0].rest, "the venv must find its Python"
    assert f"COPY --from=build {VENV} {VENV}" in [f"{step.name} {step.rest}" for step in IMAGE]
    user = the_step(IMAGE, "USER").rest
    assert user == "distreamer"
    assert "useradd" in the_step(IMAGE, "RUN").rest
    assert the_step(IMAGE, "RUN").rest.endswith(f"mkdir -p {the_step(IMAGE, 'WORKDIR').rest}/conf")
    assert the_step(IMAGE, "EXPOSE").words == ["8080", "7080", "7080/udp"]
    assert the_step(IMAGE, "STOPSIGNAL").rest == "SIGTERM"
    assert not [step for step in IMAGE if step.name == "VOLUME"]
    names = [step.name for step in IMAGE]
    assert names.index("USER") > max(place for place, name in enumerate(names) if name in {"RUN", "COPY"})


def test_what_is_copied_is_not_ignored() -> None:
    ignored = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    copied = [step for step in (*BUILD, *IMAGE) if step.name == "COPY" and "--from" not in step.rest]
    assert {source for step in copied for source in step.words[:-1]} == allowed
    assert "*" in ignored
