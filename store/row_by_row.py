"""psycopg's cursor, whose statements for many rows go one by one; store/database.py gives it to each connection.

psycopg sends them as one pipeline. The server takes a client that stops amid one for a busy one, so its locks would
outlast `idle_in_transaction_session_timeout`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from psycopg import Cursor
from psycopg.abc import Params


class RowByRow(Cursor[Any]):
    def executemany(self, query: Any, params_seq: Iterable[Params], *, returning: bool = False) -> None:
        """`returning` is of no use: nobody asks for rows of several statements."""
        for params in params_seq:
            self.execute(query, params)
