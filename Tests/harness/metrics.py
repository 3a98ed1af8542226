"""The Prometheus text format, as far as a node writes it."""

import re

_COMMENT = re.compile(r"# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) \S.*")
_SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)')


class Metrics:
    """One scrape: `samples` holds (name, labels) -> value, `types` what each family is declared to be."""

    def __init__(self) -> None:
        self.samples: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
        self.types: dict[str, str] = {}

    @classmethod
    def parse(cls, text: str) -> "Metrics":
        """Reads a scrape line by line; a line that breaks the format is an assertion that fails."""
        metrics = cls()
        for line in text.splitlines():
            if line.startswith("#"):
                comment = _COMMENT.fullmatch(line)
                assert comment, f"not a HELP or TYPE line: {line!r}"
                if comment[1] == "TYPE":
                    assert comment[2] not in metrics.types, f"declared twice: {line!r}"
                    metrics.types[comment[2]] = line.split()[3]
            elif line:
                sample = _SAMPLE.fullmatch(line)
                assert sample, f"not a sample: {line!r}"
                labels = _LABEL.findall(sample[2] or "")
                assert _LABEL.sub("", sample[2] or "") == "", f"labels: {line!r}"
                key = (sample[1], frozenset(labels))
                assert key not in metrics.samples, f"twice: {line!r}"
                metrics.samples[key] = float(sample[3])
        return metrics

    @property
    def names(self) -> set[str]:
        """The metrics that have a sample or are at least declared: a counter by code has none before its first."""
        return {name for name, _ in self.samples} | set(self.types)

    def total(self, name: str, **labels: str) -> float:
        """The sum over all samples of a metric that carry these labels; 0 where there is none."""
        wanted = set(labels.items())
        return sum(value for (key, carried), value in self.samples.items() if key == name and wanted <= carried)
