"""What counts as found, as false, and as neither."""

import unittest

import numpy as np

from vigilnet.metrics import (
    FALSE, NEITHER, RIGHT, Detections, Tally, at_threshold, average_precision, best_threshold,
    detections, judge, report, suppress,
)  # fmt: skip


def objects(*rows):
    """Rows of class, x, y, width, height, visible share."""
    return np.array([[0, *row, row[4]] for row in rows], np.float32).reshape(-1, 8)


def found(*rows):
    """Detections of class, x, y, width, height, score."""
    table = np.array(rows, np.float64).reshape(-1, 6)
    box = np.concatenate([table[:, 1:3], table[:, 1:3] + table[:, 3:5]], 1)
    return Detections(box, table[:, 0].astype(int), table[:, 5])


class Judgement(unittest.TestCase):
    def test_verdicts(self):
        clear = (0, 10, 10, 20, 40, 1.0)
        hidden = (0, 100, 10, 20, 40, 0.3)
        small = (0, 200, 10, 3, 6, 1.0)
        cases = [
            ("it lies on the object", (0, 11, 10, 20, 40, 0.9), RIGHT),
            ("it is of another class", (1, 10, 10, 20, 40, 0.9), FALSE),
            ("it overlaps by less than half", (0, 22, 10, 20, 40, 0.9), FALSE),
            ("it lies on nothing", (0, 250, 250, 20, 40, 0.9), FALSE),
            ("it lies on a hidden object", (0, 101, 10, 20, 40, 0.9), NEITHER),
            ("it is a part of a hidden object", (0, 100, 10, 20, 10, 0.9), NEITHER),
            ("a hidden object is of another class", (1, 100, 10, 20, 40, 0.9), FALSE),
            ("it lies on a small object", (0, 200, 10, 3, 6, 0.9), NEITHER),
        ]
        for name, detection, expected in cases:
            with self.subTest(name):
                verdict, counts, _ = judge(found(detection), objects(clear, hidden, small), 10)
                self.assertEqual(verdict.tolist(), [expected])
                self.assertEqual(counts.tolist(), [True, False, False])

    def test_an_object_is_found_once(self):
        rows = objects((0, 10, 10, 20, 40, 1.0))
        verdict, _, by = judge(
            found((0, 10, 10, 20, 40, 0.9), (0, 11, 10, 20, 40, 0.8)), rows, 0
        )
        self.assertEqual(verdict.tolist(), [RIGHT, FALSE])
        self.assertEqual(by.tolist(), [0.9])

    def test_the_second_detection_takes_the_object_that_is_left(self):
        rows = objects((0, 10, 10, 20, 40, 1.0), (0, 14, 10, 20, 40, 1.0))
        verdict, _, by = judge(
            found((0, 12, 10, 20, 40, 0.9), (0, 12, 10, 20, 40, 0.8)), rows, 0
        )
        self.assertEqual(verdict.tolist(), [RIGHT, RIGHT])
        self.assertEqual(sorted(by.tolist()), [0.8, 0.9])

    def test_a_picture_without_objects_has_false_boxes_only(self):
        verdict, counts, _ = judge(found((0, 1, 1, 9, 9, 0.9)), objects(), 0)
        self.assertEqual((verdict.tolist(), counts.tolist()), ([FALSE], []))


class Precision(unittest.TestCase):
    def test_tables(self):
        cases = [
            ("all right", [0.9, 0.8], [1, 1], 2, 1.0),
            ("none", [], [], 3, 0.0),
            # 51 of the 101 recalls (0 to 0.5) are reached with precision 1, none beyond.
            ("half found", [0.9], [1], 2, 51 / 101),
            # Up to 0.5 precision 1; to 1.0 it is 2/3.
            ("a false one between", [0.9, 0.8, 0.7], [1, 0, 1], 2, (51 + 50 * 2 / 3) / 101),
            ("a better false one", [0.9, 0.8], [0, 1], 1, 0.5),
        ]
        for name, score, right, number, expected in cases:
            with self.subTest(name):
                ap = average_precision(np.array(score), np.array(right, bool), number)
                self.assertAlmostEqual(ap, expected, places=9)

    def test_no_objects_is_no_number(self):
        self.assertTrue(np.isnan(average_precision(np.array([0.5]), np.array([False]), 0)))


class Thresholds(unittest.TestCase):
    def tally(self, verdicts):
        tally = Tally()
        rows, boxes = [], []
        for index, (score, right) in enumerate(verdicts):
            x = 20 * index
            boxes.append((0, x, 10, 10, 10, score))
            if right:
                rows.append((0, x, 10, 10, 10, 1.0))
        tally.add(found(*boxes), objects(*rows), 0)
        return tally

    def test_the_lowest_threshold_with_few_false_boxes_is_found(self):
        verdicts = [(0.9, 1), (0.8, 1), (0.7, 0), (0.6, 1), (0.5, 0)]
        for most, expected in [(0.0, 0.8), (0.25, 0.6), (0.5, 0.5)]:
            with self.subTest(most):
                self.assertAlmostEqual(best_threshold(self.tally(verdicts), most), expected)

    def test_equal_scores_are_not_told_apart(self):
        verdicts = [(0.9, 1), (0.8, 1), (0.8, 0)]
        self.assertAlmostEqual(best_threshold(self.tally(verdicts), 0.1), 0.9)

    def test_recall_and_false_share_are_of_the_boxes_above(self):
        point = at_threshold(self.tally([(0.9, 1), (0.8, 0), (0.3, 1)]), 0.5)
        self.assertEqual((point["recall"], point["false_share"]), (0.5, 0.5))

    def test_the_report_averages_over_the_classes_that_are_there(self):
        result = report(self.tally([(0.9, 1), (0.8, 1)]), 0.5)
        self.assertEqual(result["ap50"], 1.0)
        self.assertTrue(np.isnan(result["classes"]["car"]["ap50"]))


class Suppression(unittest.TestCase):
    def test_only_overlapping_boxes_of_one_class_suppress(self):
        box = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [1, 0, 11, 10], [20, 0, 30, 10]], float)
        keep = suppress(box, np.array([0, 0, 1, 0]), 0.45)
        self.assertEqual(keep.tolist(), [0, 2, 3])

    def test_an_output_is_read_as_vigildetect_reads_it(self):
        output = np.zeros((9, 3), np.float32)
        output[:4] = np.array([[20, 30, 10, 20], [20, 30, 10, 20], [310, 10, 40, 40]]).T
        output[4:, 0], output[4:, 1], output[4:, 2] = (
            [0.1, 0.7, 0, 0, 0], [0.1, 0.8, 0, 0, 0], [0.3, 0, 0, 0, 0],
        )  # fmt: skip
        result = detections(output)
        self.assertEqual(result.label.tolist(), [1, 0])
        np.testing.assert_allclose(result.score, [0.8, 0.3])
        np.testing.assert_allclose(result.box, [[15, 20, 25, 40], [290, 0, 320, 30]])


if __name__ == "__main__":
    unittest.main()
