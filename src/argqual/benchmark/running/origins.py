"""The installed packages that a cell's parts come from, with their versions: they belong to what it depends on.

argqual's own parts come with argqual, whose version a cell's key has anyway: of those there is nothing here.
"""

from collections.abc import Iterator

from argqual._plugins import added, package_of
from argqual.benchmark.spec.schema import Benchmark
from argqual.benchmark.spec.systems import System
from argqual.corpora.cards import load_card
from argqual.corpora.readers import registry as readers
from argqual.frameworks.catalogue import framework_package
from argqual.judging.readouts import registry as readouts
from argqual.models import names as models
from argqual.strategies import registry as strategies


def packages_of(system: System) -> dict[str, str]:
    """Name to version of the packages that bring a system's strategies, frameworks, models and read-outs."""
    return dict(sorted(item for found in _packages(system) for item in found.items()))


def reader_packages(benchmark: Benchmark) -> dict[str, dict[str, str]]:
    """The same of each corpus' reader, by the corpus' id; only of those that a package brings."""
    known = added(readers.GROUP)
    cards = [load_card(name)[0] for name in benchmark.corpora] if known else []
    found = {card.id: package_of(known.get(card.reader or "")) for card in cards}
    return {corpus: packages for corpus, packages in found.items() if packages}


def _packages(system: System) -> Iterator[dict[str, str]]:
    built = system.build()
    for _, part in built.parts():
        modules = {kind.__module__.partition(".")[0] for kind in type(part).__mro__} - {"argqual"}
        points = added(strategies.GROUP).values()
        yield from (package_of(point) for point in points if point.module.partition(".")[0] in modules)
        if isinstance(readout := getattr(part, "readout", None), str):
            yield package_of(added(readouts.GROUP).get(readout.partition(":")[0]))
    for name in built.model_names():
        prefix, separator, _ = name.partition("/")
        yield package_of(added(models.GROUP).get(prefix) if separator else None)
    for _, framework in system.frameworks():
        yield framework_package(framework)
