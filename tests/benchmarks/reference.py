"""The full model as a competent reader of the paper writes it in an afternoon, in plain PyTorch.

PIL images through torchvision's transforms in a DataLoader, ``nn.Linear`` weights times a mask,
``AvgPool2d``, ``torch.optim.Adam``, batches of 32 in float32. It uses nothing of this package: the
wiring comes as arrays. ``tests/test_reference.py`` proves that it is the model of ``full.toml``.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

Array = npt.NDArray[np.generic]

LAYERS = {
    "A": ["4P"],
    "B": ["23P"],
    "C": ["5P-ET", "5P-IT", "5P-NP"],
    "D": ["6P-CT", "6P-IT", "6P-U", "WM-P"],
}


@attrs.frozen(eq=False)
class Column:
    """Cells and their synapses: types (N,), and the number of synapses pre × post (N, N)."""

    cell_type: Array
    inhibitory: npt.NDArray[np.bool_]
    synapses: npt.NDArray[np.int64]

    @classmethod
    def of(cls, cell_type: Array, broad_type: Array, pre: Array, post: Array, n: Array) -> Column:
        """Return the column of a list of connections."""
        synapses = np.zeros((len(cell_type), len(cell_type)), np.int64)
        synapses[pre, post] = n
        return cls(cell_type, broad_type == "inhibitory", synapses)

    def cells(self, types: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return the indices of the cells of some types, type by type."""
        return np.concatenate([np.flatnonzero(self.cell_type == name) for name in types])


class MaskedLinear(nn.Linear):
    """A linear layer of which only the wired weights act; mask post × pre."""

    mask: Tensor

    def __init__(self, mask: npt.NDArray[np.bool_]) -> None:
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", torch.as_tensor(mask, dtype=torch.float32))
        with torch.no_grad():  # the usual ±1/√(inputs), with the inputs that a neuron has
            self.weight *= torch.sqrt(mask.shape[1] / self.mask.sum(1, keepdim=True).clamp(min=1))

    def forward(self, x: Tensor) -> Tensor:
        """Return x · (W ⊙ M)ᵀ + b."""
        return F.linear(x, self.weight * self.mask, self.bias)


class LateralInhibition(nn.Module):
    """h − α · AvgPool(h)."""

    def __init__(self, alpha: float = 0.5, kernel: int = 5) -> None:
        super().__init__()
        self.alpha = alpha
        self.pool = nn.AvgPool2d(kernel, stride=1, padding=kernel // 2)

    def forward(self, h: Tensor) -> Tensor:
        """Return the inhibited features."""
        inhibited: Tensor = h - self.alpha * self.pool(h)
        return inhibited


class Attention(nn.Module):
    """Channel attention 16 → 2 → 16, then spatial attention."""

    def __init__(self, channels: int = 16, hidden: int = 2) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, hidden, bias=False)
        self.excite = nn.Linear(hidden, channels, bias=False)
        self.place = nn.Conv2d(channels, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the attended features."""
        s = torch.sigmoid(self.excite(F.relu(self.squeeze(x.mean((2, 3))))))
        x = x * s[:, :, None, None]
        return x * torch.sigmoid(self.place(x))


class Layer(nn.Module):
    """A layer of neurons: what it receives, connections within it, inhibition, noise, norm."""

    inhibition: Tensor

    def __init__(self, column: Column, types: Sequence[str], before: Sequence[str] | None) -> None:
        super().__init__()
        cells = column.cells(types)
        wired = column.synapses > 0
        self.inputs = None
        if before is not None:
            self.inputs = MaskedLinear(wired[np.ix_(column.cells(before), cells)].T)
        within = wired[np.ix_(cells, cells)].T.copy()
        np.fill_diagonal(within, False)
        self.intra = MaskedLinear(within)
        received = column.synapses[column.inhibitory][:, cells].sum(0)
        received = received / (received.max() + 1e-8)
        self.register_buffer("inhibition", torch.as_tensor(received, dtype=torch.float32))
        self.alpha = nn.Parameter(torch.tensor(0.0))  # through a sigmoid: 0.5
        self.norm = nn.LayerNorm(len(cells))
        self.activity: list[tuple[MaskedLinear, Tensor, Tensor]] = []

    def forward(self, x: Tensor, noise: float) -> Tensor:
        """Return the layer's output; keep what its projections saw, for the Hebbian rule."""
        h = x if self.inputs is None else F.relu(self.inputs(x))
        combined = h + self.intra(h)
        rate = F.relu(combined * (1 - torch.sigmoid(self.alpha) * self.inhibition))
        if self.training:
            self.activity = [(self.intra, h.detach(), rate.detach())]
            if self.inputs is not None:
                self.activity.append((self.inputs, x.detach(), rate.detach()))
            rate = rate + noise * torch.randn_like(rate)
        output: Tensor = self.norm(rate)
        return output


class BioNIC(nn.Module):
    """Images (B, 1, 48, 48), normalised to −1 … 1, to logits (B, 7)."""

    def __init__(self, column: Column, noise: float = 0.06) -> None:
        super().__init__()
        self.noise = noise
        self.conv1 = nn.Conv2d(1, 8, 5, padding=2)
        self.lateral = LateralInhibition()
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.attention = Attention()
        types = list(LAYERS.values())
        self.bridge = nn.Linear(16 * 12 * 12, len(column.cells(types[0])))
        self.bridge_norm = nn.LayerNorm(self.bridge.out_features)
        before = [None, *types[:-1]]
        self.layers = nn.ModuleList(
            Layer(column, own, pre) for own, pre in zip(types, before, strict=True)
        )
        last = len(column.cells(types[-1]))
        self.readout_norm = nn.LayerNorm(last)
        self.readout = nn.Linear(last, 7)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        x = self.pool(F.relu(self.lateral(self.conv1(x))))
        x = self.pool(F.relu(self.conv2(x)))
        x = self.attention(x).flatten(1)
        h = F.relu(self.bridge_norm(self.bridge(x)))
        for layer in self.layers:
            h = layer(h, self.noise)
        logits: Tensor = self.readout(self.readout_norm(h))
        return logits

    @torch.no_grad()
    def learn_locally(self, hebb: float = 5e-4, home: float = 5e-4, target: float = 0.35) -> None:
        """Change every projection by the Hebbian rule with homeostasis."""
        activity = [seen for layer in self.layers for seen in layer.activity]  # type: ignore[union-attr]
        for linear, pre, post in activity:
            before, after = normalised(pre), normalised(post)
            change = hebb * after.T @ before / len(before)
            change -= home * (after.mean(0) - target)[:, None]
            linear.weight += change * linear.mask


def normalised(rates: Tensor) -> Tensor:
    """Return rates in [0, 1]: divided by the greatest of each image."""
    rates = rates.relu()
    return rates / rates.amax(1, keepdim=True).clamp(min=1e-12)


class Faces(Dataset[tuple[Tensor, int]]):
    """Grey images (N, 48, 48) and their labels, each through a transform."""

    def __init__(self, images: Array, labels: Array, transform: transforms.Compose) -> None:
        self.images = images
        self.labels = labels
        self.transform = transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self.images[index])
        return self.transform(image), int(self.labels[index])


TRAIN = transforms.Compose(
    [
        transforms.RandomResizedCrop(48, scale=(0.8, 1.0)),
        transforms.RandomRotation(15),
        transforms.RandomHorizontalFlip(),
        transforms.ColorJitter(brightness=0.15, contrast=0.15),
        transforms.ToTensor(),
        transforms.Normalize(0.5, 0.5),
    ]
)
TEST = transforms.Compose([transforms.ToTensor(), transforms.Normalize(0.5, 0.5)])


class Training:
    """The paper's recipe, an epoch at a time; images (N, 48, 48) uint8.

    Attributes:
        train_loss, train_accuracy: of the last epoch, as seen; the loss has class weights and
            label smoothing.
        loss, accuracy: after it, on the validation images; plain cross entropy.
    """

    def __init__(
        self,
        column: Column,
        train: tuple[Array, Array],
        validation: tuple[Array, Array],
        *,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        torch.manual_seed(seed)
        self.model = BioNIC(column)
        self.loader = DataLoader(
            Faces(*train, TRAIN),
            batch_size=32,
            shuffle=True,
            num_workers=workers,
            persistent_workers=workers > 0,
        )
        self.validation = DataLoader(Faces(*validation, TEST), batch_size=256)
        counts = torch.bincount(torch.as_tensor(train[1]))
        self.criterion = nn.CrossEntropyLoss(
            weight=counts.sum() / (len(counts) * counts), label_smoothing=0.1
        )
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=6e-4, weight_decay=1e-4)
        self.scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(self.optimizer, mode="max")

    def step(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Take one step; return the loss and the logits."""
        logits = self.model(images)
        loss: Tensor = self.criterion(logits, labels)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.model.learn_locally()
        return loss, logits

    def epoch(self) -> None:
        """Train for an epoch, and evaluate."""
        self.model.train()
        total, right = 0.0, 0
        for images, labels in self.loader:
            loss, logits = self.step(images, labels)
            total += loss.item() * len(labels)
            right += int((logits.argmax(1) == labels).sum())
        count = len(self.loader.dataset)  # type: ignore[arg-type]
        self.train_loss, self.train_accuracy = total / count, right / count
        self.evaluate()
        self.scheduler.step(self.accuracy)

    @torch.no_grad()
    def evaluate(self) -> None:
        """Measure loss and accuracy on the validation images."""
        self.model.eval()
        total, right, count = 0.0, 0, 0
        for images, labels in self.validation:
            logits = self.model(images)
            total += F.cross_entropy(logits, labels, reduction="sum").item()
            right += int((logits.argmax(1) == labels).sum())
            count += len(labels)
        self.loss, self.accuracy = total / count, right / count
