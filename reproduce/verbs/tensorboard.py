"""`reproduce tensorboard`: opens TensorBoard on the runs of tables, under the names in the tables."""

import os
import socket
import sys

from reports.tensorboard.view import build_view
from reproduce.options import DONE, TensorBoard
from reproduce.selection import reports_of, store_of
from reproduce.variants import variants_of


def execute(options: TensorBoard) -> int:
    if not options.no_serve:
        check_port(options.port)
    store = store_of(options)
    by_variant = [reports_of(options, store, variant.overrides) for variant in variants_of(options)]
    view = build_view([report for of_table in zip(*by_variant, strict=True) for report in of_table], store)
    print(view, flush=True)
    if options.no_serve:
        return DONE
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(view), "--port", str(options.port)]
    sys.stdout.flush()
    os.execv(sys.executable, command)  # replaces this process, so that ending it ends the server


def check_port(port: int) -> None:
    """Refuse a port that another process uses. 0 is any free one.

    Raises:
        OSError: with the remedy.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("localhost", port))
        except OSError as error:
            raise OSError(f"--port {port}: {error.strerror}; name another one, or 0 for any that is free") from None
