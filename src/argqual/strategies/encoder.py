"""A transformer encoder, fine-tuned to predict quality: a regression head on it, trained in a plain PyTorch loop.

AdamW with a warm-up and a linear decay (Devlin et al. 2019), mean squared error on standardised labels, early stopping
by Spearman's correlation on held-out groups. With one seed, training on a CPU gives the same weights again on the same
machine; on CUDA it runs in bfloat16 and is repeated nearly, not bit for bit. No other random state is touched.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from argqual.argument import Argument
from argqual.errors import StrategyError
from argqual.models.encoders import DEFAULT_ENCODER, find_encoder
from argqual.models.encoding import (
    LoadedEncoder,
    Reading,
    batches,
    device_for,
    load_encoder,
    pooled,
    require_tokens,
    save_encoder,
    tokenised,
    warn_of_cuts,
)
from argqual.stats.regression import rank_correlation
from argqual.strategies.base import Array, Predictions, Seen, Strategy, tell
from argqual.strategies.registry import needs

HeldOut = Literal["groups", "rows", "none"]
_LEAST_TO_HOLD_OUT_FROM = 10
_WARM_UP = 0.1  # of all steps
_WEIGHT_DECAY = 0.01  # of matrices; not of biases and norms
_LONGEST_GRADIENT = 1.0
_FOLDER = "encoder"


@dataclass(eq=False, repr=False)
class FineTuned(Strategy):
    """Base of strategies that train an encoder; see the module for how.

    A subclass says what is read, and trains with `_train`. The parameters are documented at `Encoder`.
    """

    _: KW_ONLY
    model: str | Path
    epochs: int = 5
    learning_rate: float = 5e-5
    batch_size: int = 32
    max_tokens: int = 256
    patience: int = 2
    validation: float = 0.15
    device: str = "auto"
    fetch: bool = True
    seed: int = 0

    def _check(self) -> None:
        ranges = {
            "epochs": (self.epochs >= 1, "1 or more"),
            "learning_rate": (self.learning_rate > 0, "above 0"),
            "batch_size": (self.batch_size >= 1, "1 or more"),
            "max_tokens": (self.max_tokens >= 8, "8 or more"),
            "patience": (self.patience >= 1, "1 or more"),
            "validation": (0 <= self.validation <= 0.5, "from 0 to 0.5"),
        }
        for name, (fits, wanted) in ranges.items():
            if not fits:
                raise StrategyError(f"{name}={getattr(self, name)}: it is {wanted}.")

    def _connect(self) -> None:
        needs("encoder")
        device_for(self.device)
        find_encoder(self.model, fetch=self.fetch)

    def _loaded(self) -> LoadedEncoder:
        encoder = load_encoder(find_encoder(self.model, fetch=self.fetch).folder)
        require_tokens(encoder, self.max_tokens)
        return encoder

    def _train(
        self,
        encoder: LoadedEncoder,
        draw: Callable[[np.random.Generator], Sequence[Reading]],
        targets: Array,
        held: Sequence[Reading],
        held_targets: Array,
    ) -> None:
        """Train, and set `encoder_`, `head_`, `history_` and `best_epoch_`.

        What is read in an epoch is drawn, as many readings as `targets`, in the same order; all targets are
        standardised. Training is stopped by `held`; without any, all epochs are run and the last is kept.
        """
        import torch

        device = device_for(self.device)
        rng = np.random.default_rng(self.seed)
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(self.seed)
            head = torch.nn.Linear(encoder.width, 1)
            torch.nn.init.normal_(head.weight, std=0.02)
            torch.nn.init.zeros_(head.bias)
            self.encoder_, self.head_ = encoder, head
            network = torch.nn.ModuleList([encoder.network, head]).to(device)
            steps = self.epochs * math.ceil(len(targets) / self.batch_size)
            optimiser, schedule = _optimiser(network, self.learning_rate, steps)
            self.history_: list[dict[str, Any]] = []
            best: tuple[tuple[float, float], int, dict[str, Any]] | None = None
            for epoch in range(1, self.epochs + 1):
                started = time.perf_counter()
                so_far = f"epoch {epoch} of {self.epochs} at most"
                if best and best[0][0] > -1:
                    so_far += f", held-out Spearman {best[0][0]:.2f}"
                loss = self._epoch(network, optimiser, schedule, draw(rng), targets, rng, device, so_far)
                told: dict[str, Any] = {"epoch": epoch, "loss": loss}
                if len(held):
                    outputs = self._outputs(held)
                    rank = rank_correlation(outputs, held_targets)
                    held_loss = float(np.mean((outputs - held_targets) ** 2))
                    told |= {"held_out_loss": held_loss, "held_out_spearman": rank if math.isfinite(rank) else None}
                    key = (rank if math.isfinite(rank) else -1.0, -held_loss)
                    if best is None or key > best[0]:
                        best = (key, epoch, deepcopy(network.state_dict()))
                self.history_.append(told | {"seconds": time.perf_counter() - started})
                if best and epoch - best[1] >= self.patience:
                    break
        self.best_epoch_ = best[1] if best else self.epochs
        if best:
            network.load_state_dict(best[2])
        network.to("cpu").eval()

    def _epoch(
        self,
        network: Any,
        optimiser: Any,
        schedule: Any,
        readings: Sequence[Reading],
        targets: Array,
        rng: np.random.Generator,
        device: Any,
        so_far: str,
    ) -> float:
        """The mean loss over an epoch."""
        import torch

        network.train()
        mixed = device.type == "cuda" and torch.cuda.is_bf16_supported()
        total, done = 0.0, 0
        for chosen in batches(readings, self.batch_size, rng):
            batch = tokenised(self.encoder_, [readings[index] for index in chosen], self.max_tokens, device)
            wanted = torch.tensor(targets[chosen], dtype=torch.float32, device=device)
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=mixed):
                found = self.head_(pooled(self.encoder_, batch)).squeeze(-1)
            loss: Any = torch.nn.functional.mse_loss(found.float(), wanted)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), _LONGEST_GRADIENT)
            optimiser.step()
            schedule.step()
            optimiser.zero_grad(set_to_none=True)
            total += loss.item() * len(chosen)
            done += len(chosen)
            tell(f"{so_far}: {done:,} of {len(targets):,} texts")
        if not math.isfinite(total):
            raise StrategyError("Training went astray: the loss is not finite.", hint="Lower learning_rate.")
        return total / len(targets)

    def _outputs(self, readings: Sequence[Reading]) -> Array:
        """What the head says, on the standardised scale, shape (n_readings,)."""
        import torch

        device = device_for(self.device)
        self.encoder_.network.to(device).eval()
        self.head_.to(device)
        outputs = np.empty(len(readings))
        with torch.inference_mode():
            for chosen in batches(readings, self.batch_size):
                batch = tokenised(self.encoder_, [readings[index] for index in chosen], self.max_tokens, device)
                outputs[chosen] = self.head_(pooled(self.encoder_, batch)).squeeze(-1).cpu().numpy()
        return outputs

    def _seen(self) -> Seen:
        return Seen(model=str(self.model))

    def state(self, folder: Path) -> dict[str, Any]:
        save_encoder(self.encoder_, folder / _FOLDER)
        state: dict[str, Any] = super().state(folder)
        del state["encoder_"], state["head_"]
        return state | {f"head_{name}_": own.cpu().numpy() for name, own in self.head_.state_dict().items()}

    def restore(self, state: Mapping[str, Any], folder: Path) -> None:
        needs("encoder")
        import torch

        rest = dict(state)
        weight, bias = (torch.from_numpy(rest.pop(name)) for name in ("head_weight_", "head_bias_"))
        super().restore(rest, folder)
        self.encoder_ = load_encoder(folder / _FOLDER)
        self.head_ = torch.nn.Linear(weight.shape[1], 1)
        self.head_.load_state_dict({"weight": weight, "bias": bias})


@dataclass(eq=False, repr=False)
class Encoder(FineTuned):
    """Full fine-tuning of an encoder with a linear regression head on its pooled output.

    The mean squared error on standardised labels is minimised with AdamW, a warm-up over a tenth of the steps and a
    linear decay. After each epoch Spearman's correlation on held-out groups is taken (where it is not defined, the loss
    decides); training stops when it has not risen for `patience` epochs, and the best epoch's weights are kept. When
    all arguments are of one group, rows are held out; of fewer than ten arguments nothing is, and all epochs are run.

    Parameters
    ----------
    model : str or Path, default="all-minilm-l6-v2"
        As for `Embedding`.
    issue : bool, default=False
        Read the issue too, as "issue [SEP] text" (BERT-FT-TOPIC of Gretz et al. 2020).
    epochs : int, default=5
        Most passes over the training arguments.
    learning_rate : float, default=5e-5
        The highest, at the end of the warm-up.
    batch_size, max_tokens
        As for `Embedding`.
    patience : int, default=2
        Epochs without a rise after which training stops.
    validation : float, default=0.15
        Share of the arguments that is held out to stop by, 0 to 0.5; 0 runs all epochs.
    device, fetch
        As for `Embedding`.
    seed : int, default=0
        Of the head, the dropout, the order of training, and what is held out.

    Attributes
    ----------
    history_ : list of dict
        For each epoch: its number, `loss`, `held_out_loss` and `held_out_spearman` where anything is
        held out, and `seconds`.
    best_epoch_ : int
        The epoch whose weights are kept, from 1.
    held_out_ : {"groups", "rows", "none"}
        What was held out.
    mean_, scale_ : float
        Of the training labels; predictions are on the labels' own scale.

    References
    ----------
    Gretz, S. et al. (2020). A large-scale dataset for argument quality ranking. AAAI, 7805-7813.
    """

    model: str | Path = DEFAULT_ENCODER
    _: KW_ONLY
    issue: bool = False

    def _fit(self, arguments: list[Argument], labels: Array, groups: list[Any]) -> None:
        encoder = self._loaded()
        readings = self._readings(arguments)
        warn_of_cuts(encoder, readings, self.max_tokens)
        self.mean_, self.scale_ = float(labels.mean()), float(labels.std())
        targets = (labels - self.mean_) / self.scale_
        held, self.held_out_ = hold_out(groups, self.validation, self.seed)
        train = [readings[index] for index in np.flatnonzero(~held)]
        stop_by = [readings[index] for index in np.flatnonzero(held)]
        self._train(encoder, lambda rng: train, targets[~held], stop_by, targets[held])

    def _predict(self, arguments: list[Argument]) -> Predictions:
        readings = self._readings(arguments)
        warn_of_cuts(self.encoder_, readings, self.max_tokens)
        return Predictions(self._outputs(readings) * self.scale_ + self.mean_)

    def _readings(self, arguments: list[Argument]) -> list[Reading]:
        return [(each.issue or "", each.text) if self.issue else (each.text, None) for each in arguments]


def hold_out(groups: Sequence[Any], share: float, seed: int) -> tuple[npt.NDArray[np.bool_], HeldOut]:
    """Which rows are held out of training, and as what.

    Whole groups in random order until they are at least `share` of the rows, none that alone is more
    than half of them; rows when there is only one group; nothing of fewer than ten rows.
    """
    held = np.zeros(len(groups), dtype=bool)
    if share == 0 or len(groups) < _LEAST_TO_HOLD_OUT_FROM:
        return held, "none"
    rng = np.random.default_rng(seed)
    places = {name: place for place, name in enumerate(dict.fromkeys(groups))}
    if len(places) == 1:
        held[rng.permutation(len(groups))[: math.ceil(share * len(groups))]] = True
        return held, "rows"
    codes = np.array([places[name] for name in groups])
    for code in rng.permutation(len(places)):
        rows = codes == code
        if held.sum() >= share * len(groups):
            break
        if (held | rows).sum() <= len(groups) / 2:
            held |= rows
    return held, "groups"


def _optimiser(network: Any, learning_rate: float, steps: int) -> tuple[Any, Any]:
    import torch

    matrices = [each for each in network.parameters() if each.ndim > 1]
    others = [each for each in network.parameters() if each.ndim <= 1]
    decaying = [{"params": matrices, "weight_decay": _WEIGHT_DECAY}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(decaying, lr=learning_rate)
    warm_up = max(round(_WARM_UP * steps), 1)

    def factor(step: int) -> float:
        return (step + 1) / warm_up if step < warm_up else max((steps - step) / max(steps - warm_up, 1), 0.0)

    return optimiser, torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
