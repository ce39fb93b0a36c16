"""Who is suppressed, by a definition that shares no code with the project."""

from dataclasses import dataclass, field

from publish.suppressions.entries import START, STOP


@dataclass
class Naive:
    """The ledger by its definition: what was said, and what was taken back when.

    Each stop or start is said by sources; a source's word, or all words, can be taken
    back, and stay so when they are said again.
    """

    said: dict[tuple[str, str, str], dict[str, bool]] = field(default_factory=dict)
    void: set[tuple[str, str, str]] = field(default_factory=set)

    def counts(self, key: tuple[str, str, str]) -> bool:
        return key not in self.void and any(self.said.get(key, {}).values())

    def stopped_at(self, who: str) -> str | None:
        stops = [k[2] for k in self.said if k[:2] == (who, STOP) and self.counts(k)]
        starts = [k[2] for k in self.said if k[:2] == (who, START) and self.counts(k)]
        held = [s for s in stops if not any(start > s for start in starts)]
        return max(held, default=None)

    def say(self, who: str, action: str, time: str, source: str) -> None:
        if time:
            key = who, action, time
            if key not in self.void and not self.counts(key):
                self.said.setdefault(key, {}).setdefault(source, True)

    def stop_undated(self, who: str, now: str, source: str) -> None:
        withdrawn = any(
            key[:2] == (who, STOP)
            and source in words
            and (key in self.void or not words[source])
            for key, words in self.said.items()
        )
        if self.stopped_at(who) is None and not withdrawn:
            self.said.setdefault((who, STOP, now), {})[source] = True

    def take_back(self, who: str, time: str) -> None:
        for key in self.said:
            if key[0] == who and time in ("", key[2]) and self.counts(key):
                self.void.add(key)

    def take_back_source(self, source: str) -> None:
        for key, words in self.said.items():
            if source in words and key not in self.void:
                words[source] = False
