"""Where the time of one action goes, without the network, as a flame graph.

``python benchmarks/flame.py MeterValues --system file --out docs/profiles/metervalues.svg``; prints CPU µs per request.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.posts import ACTIONS, exchange  # noqa: E402

WIDTH, HEIGHT, NARROWEST = 1200, 17, 0.4
Stacks = Counter[tuple[str, ...]]


@contextmanager
def application(system: str) -> Iterator[Callable[..., Any]]:
    """The WSGI application of a system, its store in a folder that goes away."""
    if system == "ceiling":
        from benchmarks.ceiling import application as ceiling  # noqa: PLC0415 - only one of them is wanted

        yield ceiling
    elif system == "spyne":
        from benchmarks.stock_spyne import application as spyne  # noqa: PLC0415

        yield spyne
    else:
        from ocpp_soap import config, log  # noqa: PLC0415
        from ocpp_soap.web.app import central_system_application  # noqa: PLC0415

        (ROOT / ".run").mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=ROOT / ".run") as folder:
            settings = config.load(
                None,
                {
                    "OCPP_SOAP__STORAGE__FILE__PATH": f"{folder}/flame.sqlite",
                    "OCPP_SOAP__AUTHORIZATION__UNKNOWN_TAGS": "accept",
                    "OCPP_SOAP__LOG__LEVEL": "warning",
                },
            )
            log.configure(settings.log)
            ours = central_system_application(settings)
            yield ours
            ours.close()


@contextmanager
def sampled(stacks: Stacks) -> Iterator[None]:
    """Count the stacks of this thread, in which the requests are answered, by processor time."""

    def sample(_signal: int, frame: FrameType | None) -> None:
        names = []
        while frame is not None:
            names.append(f"{_module(frame.f_code.co_filename)}.{frame.f_code.co_name}")
            frame = frame.f_back
        stacks[tuple(reversed(names))] += 1

    signal.signal(signal.SIGPROF, sample)
    signal.setitimer(signal.ITIMER_PROF, 0.001, 0.001)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _module(file: str) -> str:
    path = Path(file)
    if "site-packages" in path.parts:
        return "/".join(path.parts[path.parts.index("site-packages") + 1 :]).removesuffix(".py")
    if path.is_relative_to(ROOT):
        return str(path.relative_to(ROOT)).removeprefix("ocpp_soap/").removesuffix(".py")
    return path.stem if path.stem != "__init__" else path.parent.name


def svg(stacks: Stacks, title: str) -> str:
    """The flame graph of stacks: width is time, a box stands on its caller."""
    boxes: list[tuple[int, float, float, str]] = []

    def place(rows: list[tuple[tuple[str, ...], int]], depth: int, left: float, width: float) -> None:
        groups: dict[str, list[tuple[tuple[str, ...], int]]] = {}
        for stack, count in rows:
            if len(stack) > depth:
                groups.setdefault(stack[depth], []).append((stack, count))
        total = sum(count for _, count in rows)
        for name, group in groups.items():
            share = sum(count for _, count in group) / total * width
            if share >= NARROWEST:
                boxes.append((depth, left, share, name))
                place(group, depth + 1, left, share)
            left += share

    place(list(stacks.items()), 0, 0, WIDTH)
    levels = max(depth for depth, *_ in boxes) + 1
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {(levels + 2) * HEIGHT}" '
        'font-family="monospace" font-size="11">',
        f'<text x="4" y="{HEIGHT - 4}">{escape(title)}</text>',
    ]
    lines += [_box(levels - depth + 1, left, width, name) for depth, left, width, name in boxes]
    return "\n".join([*lines, "</svg>\n"])


def _box(row: int, left: float, width: float, name: str) -> str:
    shown = name[-int(width / 6.7) :] if width > 20 else ""
    hue = 15 + sum(name.encode()) % 40
    return (
        f'<g><title>{escape(name)} {width / WIDTH:.1%}</title><rect x="{left:.1f}" y="{row * HEIGHT}" '
        f'width="{width:.1f}" height="{HEIGHT - 1}" fill="hsl({hue},80%,70%)"/>'
        f'<text x="{left + 2:.1f}" y="{row * HEIGHT + 12}">{escape(shown)}</text></g>'
    )


def main() -> None:
    """Read the command line, run, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("--system", choices=("ceiling", "spyne", "file"), default="file")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    stacks: Stacks = Counter()
    with application(options.system) as wsgi:
        for number in range(400):
            exchange(wsgi, options.action, number)
        half = 400 + options.requests // 4 * 2
        began = time.process_time()
        for number in range(400, half):
            exchange(wsgi, options.action, number)
        each = (time.process_time() - began) / (half - 400) * 1e6
        with sampled(stacks):
            for number in range(half, half + options.requests // 2):
                exchange(wsgi, options.action, number)
    answering = Counter({stack: count for stack, count in stacks.items() if "benchmarks/posts.post" in stack})
    options.out.parent.mkdir(parents=True, exist_ok=True)
    title = f"{options.action}, {options.system}: {each:.0f} µs of processor time a request, without the network"
    options.out.write_text(svg(answering, title))
    print(title)


if __name__ == "__main__":
    main()
