"""Debian's rspamd with one scanning process on loopback, its own rules, no Redis and no controller."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from peers import need
from peers.loopback import answers, free_port, wait_until

_CONFIGURATION = """\
.include "$CONFDIR/common.conf"
options {{
    .include "$CONFDIR/options.inc"
    pidfile = "{folder}/pid";
    control_socket = "{folder}/control.sock mode=0600";
    cache_file = "{folder}/cache";
    dynamic_conf = "{folder}/dynamic";
    history_file = "{folder}/history";
    rrd = "{folder}/rrd";
    stats_file = "{folder}/stats";
    tempdir = "{folder}";
    dns {{ nameserver = ["{host}:{dns}"]; timeout = 0.5s; retransmits = 1; }}
    enable_test_patterns = true;
}}
logging {{ type = "file"; filename = "{folder}/log"; level = "warning"; }}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; mime = true; }}
"""


@contextmanager
def scanning(folder: Path, name_server: str) -> Iterator[str]:
    """Its URL."""
    program = need.program("rspamd", "rspamd")
    folder.mkdir()
    folder.chmod(0o777)
    port = free_port()
    host, _, dns = name_server.rpartition(":")
    file = folder / "rspamd.conf"
    file.write_text(_CONFIGURATION.format(folder=folder, port=port, host=host, dns=dns))
    variables = [word for name in ("DBDIR", "RUNDIR", "LOGDIR") for word in ("--var", f"{name}={folder}")]
    command = [program, "-f", "-i", "-c", file, *variables]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: answers("127.0.0.1", port), "rspamd answers", 150)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
