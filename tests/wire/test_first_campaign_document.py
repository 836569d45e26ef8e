"""docs/first-campaign.md, command by command, against the sample of `mailloft up`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from peers.appliance import Appliance
from peers.document import blocks
from peers.loopback import wait_until

DOCUMENT = Path(__file__).parents[2] / "docs/first-campaign.md"
_RUNS = f'mailloft() {{ {sys.executable} -m admin.cli "$@"; }}\n'


def test_its_commands_send_a_campaign_and_show_what_became_of_it(
    appliance: Callable[..., Appliance], tmp_path: Path
) -> None:
    made = appliance("", "--sample")
    told: list[str] = []

    def give(commands: str) -> None:
        # It has no folder of its own to name: MAILLOFT_DIR stands for the DIR that `make run` and a server have.
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", _RUNS + commands], cwd=tmp_path,
            env={**os.environ, "MAILLOFT_DIR": str(made.folder), "COLUMNS": "200"},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
        told.append(done.stdout)

    with made.api(made.ready["sample"]["api_key"]) as api:

        def settled() -> bool:
            counts = api.get("/campaigns/1").json()["counts"]
            return (counts["delivered"], counts["failed"]) == (2, 1)

        for block in blocks(DOCUMENT, {}):
            if block.kind != "sh":
                (tmp_path / block.where).write_text(block.text)
            elif block.where != "setup":
                if block.where == "later":
                    wait_until(settled, "the campaign is settled", 60)
                give(block.text)
    assert "errors: 1" in told[1]
    assert "userunknown" in told[-2]
    assert "delivered" in told[-2]
    assert "nobody@sample.test: 1" in told[-1]
