"""What stacked members see of the training images: each its own, and made once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bionic_core.training import Member, ahead, unit_range
from bionic_plugins.engines.stacked.streams import Rows


class Feed:
    """The members' batches of an epoch: what several members see is made once."""

    def __init__(self, members: Sequence[Member]) -> None:
        course = members[0].course
        self.images, self.labels = course.images, course.labels
        self.size = course.recipe.training.batch_size
        self._members = members
        self._ahead: list[Tensor] = []
        self._order, self._view = Rows(), Rows()
        courses = {(m.course.order.seed, m.state.epoch): m.course for m in members}
        self._orders = {key: course.rows(key[1]) for key, course in courses.items()}

    def batch(self, index: int) -> tuple[Tensor, Tensor]:
        """Return batch ``index`` of each member: images NBCHW in [0, 1], varied, and labels NB.

        Batches come in order.
        """
        orders = [(m.course.order.seed, m.state.epoch) for m in self._members]
        part = slice(index * self.size, (index + 1) * self.size)
        labels = [self.labels[self._orders[key][part]] for key in self._order.find(orders)]
        if index % ahead(self.size) == 0:
            self._ahead = list(torch.split(self._views(orders, index), self.size, dim=1))
        return self._ahead.pop(0), self._order.spread(labels)

    def _views(self, orders: Sequence[tuple[int, int]], index: int) -> Tensor:
        """Return the views of this batch and those that are made with it, NBCHW."""
        part = slice(index * self.size, (index + ahead(self.size)) * self.size)
        plain = {key: unit_range(self.images[rows[part]]) for key, rows in self._orders.items()}
        # Draws are the same from equal seeds, and no view of an image as it is draws any.
        draws = {}
        wanted = []
        for key, member in zip(orders, self._members, strict=True):
            course, views = member.course, member.course.recipe.views
            step = member.state.epoch * course.steps + index
            wanted.append((key, views, None if views.identity else course.views.seed, step))
            draws[wanted[-1]] = course
        varied = [draws[one].varied(plain[one[0]], one[3]) for one in self._view.find(wanted)]
        return self._view.spread(varied)
