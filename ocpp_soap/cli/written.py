"""Files that commands write for their user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click


@contextmanager
def written(path: Path, mode: str) -> Iterator[IO[Any]]:
    """The file of ``--output``, opened in that mode: of what broke off nothing is left, as a part looks like all of it.

    Raises ClickException, naming the file, if it cannot be written, or is there although the mode has an ``x``.
    """
    encoding, newline = (None, None) if "b" in mode else ("utf-8", "")
    try:
        file = path.open(mode, encoding=encoding, newline=newline)
    except FileExistsError:
        raise click.ClickException(f"{path} is there already: name the file to write with --output") from None
    except OSError as error:
        raise click.FileError(str(path), error.strerror) from error
    try:
        with file:
            yield file
    except OSError as error:
        _remove_part(path)
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error
    except BaseException:
        _remove_part(path)
        raise


def _remove_part(path: Path) -> None:
    if path.is_file():
        path.resolve().unlink()
