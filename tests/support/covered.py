"""``python -m tests.support.covered`` prints the coverage of each room, as measured last."""

from __future__ import annotations

from collections import defaultdict

from coverage import Coverage

from tests.support.rooms import PACKAGES, module_of, room_of, sources


def by_room() -> dict[str, tuple[int, int]]:
    """Return for each room how many of its statements were run, and how many there are."""
    measured = Coverage()
    measured.load()
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for path in sources(*PACKAGES):
        _, statements, _, missing, _ = measured.analysis2(str(path))
        room = room_of(module_of(path)) or "facades"
        found[room].append((len(statements) - len(missing), len(statements)))
    return {room: (sum(r for r, _ in n), sum(s for _, s in n)) for room, n in found.items()}


if __name__ == "__main__":
    for room, (run, all_) in sorted(by_room().items()):
        print(f"{room:32}{run:6} of{all_:6}{run / max(all_, 1):8.1%}")
