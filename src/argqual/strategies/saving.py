"""Strategies in folders: JSON, safetensors and skops, never pickle.

`strategy.json` says what it is, what it was trained on, under which licences, with which versions, and the SHA-256 of
each other file; a folder that was tampered with or torn is refused.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file
from sklearn.base import BaseEstimator

from argqual._plugins import versions_of
from argqual._version import __version__
from argqual.argument import Argument
from argqual.assessment import Usage
from argqual.downloads.files import sha256_of
from argqual.errors import FingerprintMismatch, StrategyError
from argqual.frameworks.framework import Framework
from argqual.strategies.base import Seen, Strategy
from argqual.strategies.registry import known_strategies, load_class

SCHEMA = "argqual/strategy@1"
_MAIN = "strategy.json"
_ARRAYS = "arrays.safetensors"
_KEYS = {"strategy", "created", "argqual", "versions", "training", "depends_on", "seen", "params", "state", "files"}
_PACKAGES = ("scikit-learn", "numpy", "scipy", "dspy", "xllamacpp", "torch", "transformers", "safetensors", "skops")
_TRUSTED = (
    "sklearn._loss.link.IdentityLink",
    "sklearn._loss.link.Interval",
    "sklearn._loss.loss.HalfSquaredError",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)
"""What gradient boosting (`surface`) consists of; which of it skops vouches for itself depends on its version."""


@dataclass(frozen=True)
class Training:
    """What a strategy was trained on."""

    corpora: Mapping[str, str] = field(default_factory=dict)  # corpus ids, each with the SHA-256 of its card
    target: str | None = None  # the label learnt
    licences: tuple[str, ...] = ()  # what the corpora's licences ask of whoever passes the strategy on


def save_strategy(strategy: Strategy, folder: str | Path, *, training: Training | None = None) -> Path:
    """Write a fitted strategy into a new folder.

    Raises
    ------
    StrategyError
        It is not fitted, the folder is there already, or it cannot be written.
    """
    target = Path(folder)
    if not hasattr(strategy, "seen_"):
        raise StrategyError(f"This {type(strategy).__name__} is not fitted, so there is nothing to save.")
    if target.exists():
        raise StrategyError(f"{target} is there already.", hint="Name another folder, or delete it first.")
    scratch = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        scratch.mkdir(parents=True)
        _write(strategy, scratch, training or Training())
        scratch.replace(target)
    except OSError as error:
        raise StrategyError(f"{target} cannot be written: {error.strerror or error}.") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target


def load_strategy(folder: str | Path) -> Strategy:
    """A strategy that `save_strategy` wrote, ready to predict.

    Raises
    ------
    StrategyError
        The folder holds none, is damaged, or was made by a newer argqual.
    FingerprintMismatch
        What its predictions depend on (a framework, a model) is not what it was.
    """
    path = Path(folder)
    content = describe_saved(path)
    for name, digest in content["files"].items():
        if not (path / name).is_file() or sha256_of(path / name) != digest:
            raise StrategyError(f"{path / name} is missing or has been changed.", hint="Fit the strategy anew.")
    for name in _referred([content["params"], content["state"]]):
        if name not in content["files"]:
            raise StrategyError(f"{path / _MAIN} refers to {name}, which is no file of it.", hint="Fit it anew.")
    try:
        kind = load_class(content["strategy"])
        strategy = kind(**_decoded(content["params"], path, {}))
        arrays = load_file(path / _ARRAYS) if (path / _ARRAYS).is_file() else {}
        state = {name: _decoded(value, path, arrays) for name, value in content["state"].items()}
        strategy.seen_ = Seen(**(content["seen"] | {"usage": Usage(**content["seen"]["usage"])}))
        strategy.restore(state, path)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StrategyError(f"{path / _MAIN} cannot be used: {error!r}.", hint="Fit the strategy anew.") from None
    now = strategy.depends_on()
    for name, was in content["depends_on"].items():
        if now.get(name) != was:
            raise FingerprintMismatch(
                f"{path} depends on {name} {was}, which is now {now.get(name)}.",
                hint="Use what it was fitted with, or fit it anew.",
            )
    return strategy


def describe_saved(folder: str | Path) -> dict[str, Any]:
    """What `strategy.json` says, without loading anything else."""
    path = Path(folder) / _MAIN
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StrategyError(f"{folder} holds no strategy (no {_MAIN}).", hint="argqual fit makes one.") from None
    except (OSError, ValueError) as error:
        raise StrategyError(f"{path} cannot be read: {error}.") from None
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        found = content.get("schema") if isinstance(content, dict) else None
        raise StrategyError(f"{path} is not of the schema {SCHEMA} (found: {found}).", hint="Fit the strategy anew.")
    if missing := _KEYS - content.keys():
        raise StrategyError(f"{path} is torn: it lacks {', '.join(sorted(missing))}.", hint="Fit the strategy anew.")
    return content


def saved_models(content: Mapping[str, Any]) -> Iterator[str]:
    """The language models that a saved strategy's parameters name, and those of strategies within it.

    A StrategyError where it is of a kind that is not known here.
    """
    own = load_class(str(content.get("$strategy") or content["strategy"])).models
    for name, value in content["params"].items():
        if name in own and isinstance(value, str):
            yield value
        for inner in value if isinstance(value, list) else [["", value]]:
            if isinstance(inner, list) and isinstance(inner[-1], dict) and "$strategy" in inner[-1]:
                yield from saved_models(inner[-1])


def strategy_name(strategy: Strategy) -> str:
    """The name under which a strategy is known; a StrategyError where there is none, so that it could not be loaded."""
    target = f"{type(strategy).__module__}:{type(strategy).__qualname__}"
    for name, known in known_strategies().items():
        if known.target == target:
            return name
    raise StrategyError(
        f"{target} has no name, so it could not be loaded again.",
        hint="Give it an entry point of the group argqual.strategies.",
    )


def _write(strategy: Strategy, folder: Path, training: Training) -> None:
    arrays: dict[str, Any] = {}
    state = {name: value for name, value in strategy.state(folder).items() if name != "seen_"}
    content = {
        "schema": SCHEMA,
        "strategy": strategy_name(strategy),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "argqual": __version__,
        "versions": versions_of(_PACKAGES),
        "training": asdict(training),
        "depends_on": strategy.depends_on(),
        "seen": asdict(strategy.seen_) | {"usage": strategy.seen_.usage.model_dump()},
        "params": _params(strategy, "param", folder),
        "state": {name: _encoded(value, name, folder, arrays) for name, value in state.items()},
    }
    if arrays:
        save_file(arrays, folder / _ARRAYS)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    content["files"] = {path.relative_to(folder).as_posix(): sha256_of(path) for path in files}
    (folder / _MAIN).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _params(strategy: Strategy, place: str, folder: Path) -> dict[str, Any]:
    params = strategy.get_params(deep=False)
    return {name: _encoded(value, f"{place}-{name}", folder, {}) for name, value in params.items()}


def _encoded(value: Any, place: str, folder: Path, arrays: dict[str, Any]) -> Any:
    """A value as JSON; what does not fit goes into files beside it, and leaves a `$` mark.

    So does a fitted strategy, into a folder of its own; of one that is not, the name and the parameters are kept.
    """
    from argqual.models.connect import Model

    if isinstance(value, Strategy):
        if not hasattr(value, "seen_"):
            return {"$strategy": strategy_name(value), "params": _params(value, place, folder)}
        (folder / place).mkdir()
        _write(value, folder / place, Training())
        return {"$fitted": place}
    if isinstance(value, np.ndarray):
        arrays[place] = np.ascontiguousarray(value)
        return {"$array": place}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, BaseEstimator):
        import skops.io

        skops.io.dump(value, folder / f"{place}.skops")
        if strange := _strange(folder / f"{place}.skops"):
            raise StrategyError(f"{place} holds {', '.join(strange)}, which would not be brought to life again.")
        return {"$skops": f"{place}.skops"}
    if isinstance(value, Argument):
        return {"$argument": asdict(value)}
    if isinstance(value, Framework):
        return {"$framework": value.model_dump(mode="json", by_alias=True)}
    if isinstance(value, Model):
        return value.name
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _encoded(item, f"{place}-{key}", folder, arrays) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_encoded(item, f"{place}-{number}", folder, arrays) for number, item in enumerate(value)]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise StrategyError(f"{place} is {type(value).__name__}, which cannot be saved.")


def _decoded(value: Any, folder: Path, arrays: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_decoded(item, folder, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if "$array" in value:
        return arrays[value["$array"]]
    if "$skops" in value:
        return _estimator(folder / value["$skops"])
    if "$argument" in value:
        return Argument(**value["$argument"])
    if "$framework" in value:
        return Framework.model_validate(value["$framework"])
    if "$fitted" in value:
        return load_strategy(folder / value["$fitted"])
    if "$strategy" in value:
        return load_class(value["$strategy"])(**_decoded(value["params"], folder, arrays))
    return {key: _decoded(item, folder, arrays) for key, item in value.items()}


def _referred(value: Any) -> Iterator[str]:
    """The files that a saved value refers to, as paths in the folder."""
    if isinstance(value, dict):
        if "$skops" in value:
            yield value["$skops"]
        if "$fitted" in value:
            yield f"{value['$fitted']}/{_MAIN}"
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _referred(item)


def _estimator(path: Path) -> Any:
    """A scikit-learn estimator; only types that skops vouches for, and those of `_TRUSTED`, are brought to life."""
    import skops.io

    if strange := _strange(path):
        raise StrategyError(f"{path} holds {', '.join(strange)}, which is nothing that argqual saves.")
    return skops.io.load(path, trusted=list(_TRUSTED))


def _strange(path: Path) -> list[str]:
    """The types in a file of skops that are not trusted."""
    import skops.io

    return sorted(set(skops.io.get_untrusted_types(file=path)) - set(_TRUSTED))
