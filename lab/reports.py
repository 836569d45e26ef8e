"""Reports that hosts write: DSNs of failure and delay (RFC 3464 in RFC 6522) and complaints (ARF, RFC 5965).

Pure. lab/comebacks.py calls it. DSNs come in the manner of four families of hosts; a complaint holds the whole mail.
"""

from __future__ import annotations
