"""Reads a Dockerfile, as far as ours goes, and follows its steps in a folder, without a container engine.

What it cannot do: root's steps of the last stage (its user is played by another), and the system that the image is
made from (this machine's Python takes its place).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

STEP_SECONDS = 600
"""A bound, not an expectation."""
_PATH = re.compile(r"(?<![\w./-])/[\w.-]+(?:/[\w.-]+)*")


@dataclass(frozen=True)
class Step:
    """One instruction."""

    name: str
    rest: str

    @property
    def words(self) -> list[str]:
        """The rest, which is either a JSON list or words; options (--from=…) are left out."""
        if self.rest.startswith("["):
            return [str(word) for word in json.loads(self.rest)]
        return [word for word in self.rest.split() if not word.startswith("--")]


def read_stages(text: str) -> list[list[Step]]:
    """The stages, each with its FROM first."""
    stages: list[list[Step]] = []
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            stages.append([])
        if name:
            stages[-1].append(Step(name, " ".join(rest.split())))
    return stages


def the_step(stage: list[Step], name: str) -> Step:
    """The only one of that name."""
    found = [step for step in stage if step.name == name]
    assert len(found) == 1, f"{len(found)} times {name}"
    return found[0]


@dataclass(frozen=True)
class ImageFolder:
    """The folder that stands for the image's root."""

    root: Path
    repository: Path

    def at(self, path: str) -> Path:
        """Where a path of the image is."""
        return self.root / path.lstrip("/")

    def here(self, text: str, *image_paths: str) -> str:
        """``text`` with those of the image's paths, and what is below them, as paths of this machine."""

        def moved(match: re.Match[str]) -> str:
            found = match[0]
            is_ours = any(found == path or found.startswith(path + "/") for path in image_paths)
            return str(self.at(found)) if is_ours else found

        return _PATH.sub(moved, text)

    def copy(self, step: Step, folder: Path) -> None:
        """COPY from the repository."""
        *sources, target = step.words
        for source in sources:
            place = self.at(target) if target.startswith("/") else folder / target
            if (self.repository / source).is_dir():
                shutil.copytree(self.repository / source, place, ignore=shutil.ignore_patterns("__pycache__"))
                continue
            file = place / source if target.endswith("/") else place
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.repository / source, file)

    def build(self, stage: list[Step], python_folder: Path) -> None:
        """The steps of a stage that builds, with ``python`` from that folder."""
        folder = self.root
        folders = [step.rest for step in stage if step.name == "WORKDIR"]
        for step in stage[1:]:
            if step.name == "WORKDIR":
                folder = self.at(step.rest)
                folder.mkdir(parents=True)
            elif step.name == "COPY":
                self.copy(step, folder)
            else:
                assert step.name == "RUN", f"this test does not know {step.name}"
                self._run(self.here(step.rest, "/opt/distreamer", *folders), folder, python_folder)

    def _run(self, line: str, folder: Path, python_folder: Path) -> None:
        environment = {**os.environ, "PATH": f"{python_folder}:{os.defpath}"}
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=STEP_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"

    def environment(self, stage: list[Step], *image_paths: str) -> dict[str, str]:
        """What ENV sets, beside the system's PATH."""
        path = {"PATH": os.defpath.lstrip(":")}
        values: dict[str, str] = {}
        for step in stage:
            if step.name == "ENV":
                for word in step.words:
                    name, _, value = word.partition("=")
                    values[name] = self.here(value.replace("$PATH", path["PATH"]), *image_paths)
        return path | values
