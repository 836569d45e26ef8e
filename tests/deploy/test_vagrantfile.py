"""The Vagrantfile as Vagrant itself reads it; a machine of it needs virtualisation and is booted at acceptance."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from peers.need import program

ANSIBLE = Path(__file__).parents[2] / "ansible"


def test_vagrant_finds_nothing_wrong(tmp_path: Path) -> None:
    vagrant = program("vagrant", "vagrant")
    places = {"VAGRANT_HOME": str(tmp_path / "home"), "VAGRANT_DOTFILE_PATH": str(tmp_path / "dot")}
    judged = subprocess.run(
        [vagrant, "validate", "--ignore-provider"],
        env={**os.environ, **places, "VAGRANT_CHECKPOINT_DISABLE": "1"},
        cwd=ANSIBLE, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert judged.returncode == 0, judged.stdout + judged.stderr
