"""Databases as they refuse: a PostgreSQL that does not take the password, DuckDB files of another program or time."""

import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

PASSWORD = "hidden-password"
_HOLDER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""
_HEADER = slice(8, 4096)  # what the checksum in the first eight bytes is made of
_VERSION = slice(12, 20)
_NEXT_CENTURY = 9_999


@contextmanager
def postgres_that_refuses_the_password() -> Iterator[str]:
    """The URL of a server that asks everybody for the password, and takes none."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_refuse_all, args=(listener,), daemon=True).start()
        port = listener.getsockname()[1]
        yield f"postgresql://me:{PASSWORD}@127.0.0.1:{port}/db?sslmode=disable&gssencmode=disable"
        listener.shutdown(socket.SHUT_RDWR)  # wakes the thread


def _refuse_all(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.recv(1024)  # the greeting
            connection.sendall(b"R\x00\x00\x00\x08\x00\x00\x00\x03")  # the password, please
            given = connection.recv(1024)
            fields = b'SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user "me"\0\0'
            assert PASSWORD.encode() in given
            connection.sendall(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)


@contextmanager
def held_by_another_program(file: Path) -> Iterator["subprocess.Popen[str]"]:
    """While the block lasts, another process has a DuckDB file open."""
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        yield holder
    finally:
        holder.kill()
        holder.communicate()


def make_newer(file: Path) -> None:
    """A DuckDB file as a DuckDB of the next century writes it: the version in its header is one that nobody knows."""
    duckdb.connect(file).close()
    content = bytearray(file.read_bytes())
    assert struct.pack("<Q", _checksum(content[_HEADER])) == content[:8]
    content[_VERSION] = struct.pack("<Q", _NEXT_CENTURY)
    content[:8] = struct.pack("<Q", _checksum(content[_HEADER]))
    file.write_bytes(content)


def _checksum(block: bytes) -> int:
    """DuckDB's own."""
    found = 5381
    for (word,) in struct.iter_unpack("<Q", block):
        found ^= word * 0xBF58476D1CE4E5B9 & (1 << 64) - 1
    return found
