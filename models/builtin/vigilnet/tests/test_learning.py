"""Assignment, loss, schedule and optimiser."""

import math
import time
import unittest

import torch

from vigilnet.assign import assign, candidates, overlap
from vigilnet.data import Objects
from vigilnet.loss import complete_iou, detection_loss
from vigilnet.muon import orthogonalised
from vigilnet.network import Detector, grid
from vigilnet.schedule import Schedule, rate


def objects(*rows):
    """Rows of picture, class, x1, y1, x2, y2, visible share."""
    table = torch.tensor(rows, dtype=torch.float32).reshape(-1, 7)
    return Objects(table[:, 0].long(), table[:, 1].long(), table[:, 2:6], table[:, 6])


def raw_for(box, label, confidence=8.0):
    """A raw output of one picture in which every cell predicts this box and class."""
    cells = grid()
    raw = torch.full((1, 9, cells.shape[1]), -confidence)
    x1, y1, x2, y2 = box
    raw[0, 0] = ((x1 + x2) / 2 - cells[0]) / cells[2]
    raw[0, 1] = ((y1 + y2) / 2 - cells[1]) / cells[2]
    raw[0, 2] = torch.log((x2 - x1) / cells[2])
    raw[0, 3] = torch.log((y2 - y1) / cells[2])
    inside = candidates(torch.tensor([box]), cells)[0]
    raw[0, 4 + label, inside] = confidence
    return raw


class Assignment(unittest.TestCase):
    def test_every_object_has_cells_however_small_or_large(self):
        for box in [
            (100, 100, 103, 108), (0, 0, 3, 8), (317, 312, 320, 320), (0, 0, 320, 320),
            (90, 90, 96, 110), (3, 100, 6, 300), (0, 60, 310, 80),
        ]:  # fmt: skip
            with self.subTest(box):
                number = candidates(torch.tensor([box], dtype=torch.float32), grid()).sum()
                self.assertGreaterEqual(number, 1)

    def test_the_best_cell_is_to_score_its_overlap(self):
        cells = grid()
        truth = torch.tensor([[100.0, 100.0, 140.0, 160.0]])
        boxes = torch.tensor([104.0, 100.0, 144.0, 160.0]).expand(1, cells.shape[1], 4)
        scores = torch.full((1, 5, cells.shape[1]), 0.1)
        result = assign(scores, boxes, torch.tensor([0]), torch.tensor([2]), truth, cells)
        self.assertEqual(len(result.cell), 10)
        self.assertAlmostEqual(result.target.max().item(), overlap(truth, boxes[0, :1]).item(), 5)

    def test_a_cell_goes_to_the_object_that_it_fits_best(self):
        cells = grid()
        truth = torch.tensor([[100.0, 100.0, 130.0, 160.0], [110.0, 100.0, 140.0, 160.0]])
        boxes = truth[1].expand(1, cells.shape[1], 4)
        scores = torch.full((1, 5, cells.shape[1]), 0.1)
        zero = torch.tensor([0, 0])
        result = assign(scores, boxes, zero, zero, truth, cells)
        both = candidates(truth, cells).all(0)
        owners = result.object[both[result.cell]]
        self.assertGreater(len(owners), 0)
        self.assertEqual(set(owners.tolist()), {1})
        self.assertEqual(len(set(result.cell.tolist())), len(result.cell))

    def test_objects_of_other_pictures_do_not_matter(self):
        cells = grid()
        torch.manual_seed(0)
        boxes = torch.rand(2, cells.shape[1], 4) * 100
        boxes[..., 2:] += boxes[..., :2]
        scores = torch.rand(2, 5, cells.shape[1])
        truth = torch.tensor([[50.0, 50.0, 90.0, 120.0], [60.0, 50.0, 100.0, 120.0]])
        label = torch.tensor([1, 1])
        apart = assign(scores, boxes, torch.tensor([0, 1]), label, truth, cells)
        alone = assign(scores, boxes, torch.tensor([0]), label[:1], truth[:1], cells)
        first = apart.picture == 0
        torch.testing.assert_close(apart.cell[first], alone.cell)
        torch.testing.assert_close(apart.target[first], alone.target)


class Losses(unittest.TestCase):
    def setUp(self):
        self.network = Detector()

    def test_the_truth_costs_nearly_nothing(self):
        box = (100.0, 90.0, 140.0, 170.0)
        loss = detection_loss(self.network, raw_for(box, 1), objects((0, 1, *box, 1.0)))
        self.assertLess(loss.boxes, 1e-3)
        wrong = detection_loss(self.network, raw_for(box, 1), objects((0, 2, *box, 1.0)))
        self.assertGreater(wrong.classes, loss.classes + 10)

    def test_hidden_objects_teach_nothing(self):
        raw = torch.zeros(1, 9, self.network.grid.shape[1], requires_grad=True)
        hidden = objects((0, 3, 100, 100, 200, 200, 0.2))
        detection_loss(self.network, raw, hidden).total.backward()
        x, y, _ = self.network.grid
        inside = (x > 100) & (x < 200) & (y > 100) & (y < 200)
        self.assertEqual(raw.grad[0, 4 + 3, inside].abs().sum(), 0)
        self.assertGreater(raw.grad[0, 4 + 2, inside].abs().min(), 0)
        self.assertGreater(raw.grad[0, 4 + 3, ~inside].abs().sum(), 0)
        self.assertEqual(raw.grad[0, :4].abs().sum(), 0)

    def test_a_batch_without_objects_has_a_loss(self):
        raw = torch.zeros(2, 9, self.network.grid.shape[1], requires_grad=True)
        loss = detection_loss(self.network, raw, objects())
        loss.total.backward()
        self.assertTrue(math.isfinite(loss.total.item()))

    def test_complete_iou_is_one_only_for_the_same_box(self):
        a = torch.tensor([[10.0, 10, 20, 40]])
        self.assertAlmostEqual(complete_iou(a, a).item(), 1.0, 5)
        for other in ([11.0, 10, 21, 40], [10.0, 10, 20, 30], [100.0, 100, 110, 130]):
            self.assertLess(complete_iou(a, torch.tensor([other])).item(), 0.95)


class Schedules(unittest.TestCase):
    def test_the_rate_rises_and_falls(self):
        rates = [rate(p / 100) for p in range(101)]
        top = rates.index(max(rates))
        self.assertEqual(rates[: top + 1], sorted(rates[: top + 1]))
        self.assertEqual(rates[top:], sorted(rates[top:], reverse=True))
        self.assertAlmostEqual(max(rates), 1.0)
        self.assertAlmostEqual(rates[-1], 0.01)

    def test_steps_are_counted_exactly(self):
        schedule = Schedule(steps=7)
        for done in range(7):
            self.assertFalse(schedule.finished, done)
            schedule.step()
        self.assertTrue(schedule.finished)

    def test_time_runs_out_even_when_steps_get_slower(self):
        schedule = Schedule(minutes=(5 + 1.0) / 60)
        steps = 0
        while not schedule.finished:
            time.sleep(0.002 if schedule.progress < 0.3 else 0.01)
            schedule.step()
            steps += 1
            self.assertLess(steps, 2000)
        self.assertGreater(steps, 50)

    def test_a_stopped_run_goes_on_where_it_was(self):
        schedule = Schedule(steps=10)
        for _ in range(4):
            schedule.step()
        other = Schedule(steps=10)
        other.restore(schedule.state())
        self.assertEqual((other.done, other.progress), (4, 0.4))


class Optimiser(unittest.TestCase):
    def test_all_directions_become_about_equally_strong(self):
        torch.manual_seed(0)
        for shape in [(16, 144), (64, 16), (32, 32)]:
            values = torch.linalg.svdvals(orthogonalised(torch.randn(shape)))
            self.assertLess(values.max(), 1.3)
            self.assertGreater(values.min(), 0.3)


if __name__ == "__main__":
    unittest.main()
