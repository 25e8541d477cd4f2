"""A checkpoint is one safetensors file with everything a run needs to go on as if it had never stopped.

Tensors: the networks that learn, their optimisers' state, the moving average. Counters ride in the file's
JSON header, so that one atomic rename replaces the whole checkpoint and no pickle is ever read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from streamseg.errors import TrainingError


def save(path: Path, tensors: Mapping[str, Tensor], counters: Mapping[str, Any]) -> None:
    """Write atomically: a reader sees the old file or the new one, never half of either.

    Raises:
        TrainingError: The disk is full or not writable; the previous checkpoint is untouched.
    """
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        copies = {name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}
        save_file(copies, part, metadata={"counters": json.dumps(dict(counters))})
        part.replace(path)
    except (OSError, SafetensorError) as error:
        part.unlink(missing_ok=True)
        raise TrainingError(
            f"checkpoint {path}: cannot write ({error}); the last good one is kept"
        ) from error


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read tensors and counters.

    Raises:
        TrainingError: The file is missing, cut short or of another kind.
    """
    try:
        with safe_open(path, framework="pt") as file:
            counters = json.loads((file.metadata() or {}).get("counters", "{}"))
            return {name: file.get_tensor(name) for name in file.keys()}, counters  # noqa: SIM118 not a dict
    except (OSError, SafetensorError, json.JSONDecodeError) as error:
        raise TrainingError(f"checkpoint {path}: cannot read ({error}); delete it to start again") from error


def load_counters(path: Path) -> dict[str, Any]:
    """Read the counters alone; empty where the file cannot be read."""
    try:
        with safe_open(path, framework="pt") as file:
            counters: dict[str, Any] = json.loads((file.metadata() or {}).get("counters", "{}"))
            return counters
    except (OSError, SafetensorError, json.JSONDecodeError):
        return {}


def pack(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Prefix the names of a state dict."""
    return {f"{prefix}.{name}": tensor for name, tensor in state.items()}


def unpack(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The part of `tensors` under `prefix`, names as before `pack`."""
    head = f"{prefix}."
    return {name.removeprefix(head): tensor for name, tensor in tensors.items() if name.startswith(head)}


def pack_optimiser(optimiser: torch.optim.Optimizer, prefix: str) -> dict[str, Tensor]:
    """Per-parameter state as `<prefix>.<index>.<name>`; the options come from the recipe anyway."""
    state = optimiser.state_dict()["state"]
    return {
        f"{prefix}.{index}.{name}": value for index, entry in state.items() for name, value in entry.items()
    }


def unpack_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor], prefix: str) -> None:
    """Put state written by `pack_optimiser` back."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in unpack(prefix, tensors).items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})


def load_model(model: nn.Module, tensors: Mapping[str, Tensor], prefix: str, path: Path) -> None:
    """Put weights under `prefix` into `model`.

    Raises:
        TrainingError: They belong to another network.
    """
    try:
        model.load_state_dict(unpack(prefix, tensors))
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise TrainingError(f"checkpoint {path}: made by another recipe ({reason})") from error
