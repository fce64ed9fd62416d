"""From data to the exported file, on toy scenes."""

import json
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import torch

from vigilnet import CLASSES, SIZE
from vigilnet.augment import Augment, Strength
from vigilnet.data import DataError, Objects, Scenes, order
from vigilnet.network import Detector, multiply_adds
from vigilnet.onnx_file import Calibration, Exported, export
from vigilnet.runtime import session
from vigilnet.tests import toy
from vigilnet.worker import Worker


class Data(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        toy.write(self.folder.name, "val", 3, 1)

    def test_objects_belong_to_their_pictures(self):
        scenes = Scenes(self.folder.name, "val")
        images, objects = scenes.batch([0, 2])
        self.assertEqual(tuple(images.shape), (2, 3, SIZE, SIZE))
        self.assertEqual(len(objects), len(scenes.objects(0)) + len(scenes.objects(2)))
        self.assertEqual(set(objects.picture.tolist()), {0, 1})

    def test_what_is_wrong_with_data_is_said(self):
        path = Path(self.folder.name)
        boxes = (path / "val.boxes").read_bytes()
        info = json.loads((path / "val.json").read_text())
        row = np.array([0, 9, 1, 1, 5, 5, 1, 5], "<f4").tobytes()
        cases = [
            ("val.boxes", boxes[:-4], "expected"),
            ("val.boxes", row + boxes[32:], "no objects"),
            ("val.json", b"{", "no description"),
            ("val.json", json.dumps(info | {"classes": ["cat"]}).encode(), "cat"),
            ("val.json", json.dumps(info | {"scenes": []}).encode(), "0 scenes"),
        ]
        for name, content, expected in cases:
            with self.subTest(expected):
                before = (path / name).read_bytes()
                (path / name).write_bytes(content)
                with self.assertRaisesRegex(DataError, f"{name}.*{expected}"):
                    Scenes(self.folder.name, "val")
                (path / name).write_bytes(before)
        with self.assertRaisesRegex(DataError, "train.json"):
            Scenes(self.folder.name, "train")

    def test_every_picture_comes_once_in_an_epoch(self):
        for epoch in (0, 1):
            seen = np.concatenate([order(20, 4 * epoch + i, 5, 1) for i in range(4)])
            self.assertEqual(sorted(seen.tolist()), list(range(20)))
        self.assertNotEqual(order(20, 0, 5, 1).tolist(), order(20, 4, 5, 1).tolist())


class Augmentation(unittest.TestCase):
    def test_boxes_stay_on_their_objects(self):
        # A white box on black, whatever is done with its place and size.
        strength = Strength(scale=1.0, colour=0, grey=0, noise=0, blur=0, blocks=0)
        generator = torch.Generator().manual_seed(3)
        augment = Augment(strength)
        for _ in range(20):
            images = torch.zeros(1, 3, SIZE, SIZE, dtype=torch.uint8)
            images[:, :, 130:190, 150:180] = 255
            objects = Objects(
                torch.tensor([0]), torch.tensor([1]),
                torch.tensor([[150.0, 130.0, 180.0, 190.0]]), torch.tensor([1.0]),
            )  # fmt: skip
            pictures, moved = augment(images, objects, generator)
            self.assertEqual(tuple(pictures.shape), (1, 3, SIZE, SIZE))
            white = (pictures[0, 0] > 0.5 * (1 + 114 / 255)).nonzero()
            if len(moved) == 0:
                self.assertLess(len(white), 80)
                continue
            seen = torch.cat([white.min(0)[0].flip(0), white.max(0)[0].flip(0) + 1])
            self.assertLess((seen - moved.box[0]).abs().max(), 2.0)

    def test_none_changes_nothing(self):
        images = torch.randint(0, 256, (2, 3, SIZE, SIZE), dtype=torch.uint8)
        objects = Objects(
            torch.tensor([1]), torch.tensor([0]), torch.tensor([[5.0, 6, 70, 80]]), torch.ones(1)
        )
        pictures, same = Augment(Strength.none())(images, objects, torch.Generator())
        torch.testing.assert_close(pictures, images.float() / 255)
        torch.testing.assert_close(same.box, objects.box)

    def test_everything_at_once_stays_in_range(self):
        augment = Augment(Strength(1, 1, 0.5, 2, 0.2, 1, 0.5, 1, 0.1, 1, 1))
        images = torch.randint(0, 256, (4, 3, SIZE, SIZE), dtype=torch.uint8)
        objects = Objects(
            torch.tensor([0, 3]), torch.tensor([0, 1]),
            torch.tensor([[5.0, 6, 70, 80], [0, 0, 320, 320]]), torch.ones(2),
        )  # fmt: skip
        pictures, moved = augment(images, objects, torch.Generator().manual_seed(1))
        self.assertTrue(((pictures >= 0) & (pictures <= 1)).all())
        self.assertTrue((moved.box >= 0).all() and (moved.box[:, 2:] <= SIZE).all())
        self.assertTrue((moved.visible <= 1 + 1e-5).all())


def settled():
    """A network whose normalisations are not those of a new one."""
    torch.manual_seed(4)
    network = Detector().train()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.1)
    with torch.no_grad():
        for _ in range(3):
            network(torch.rand(2, 3, SIZE, SIZE))
    return network.eval()


class Export(unittest.TestCase):
    def test_the_file_computes_what_the_network_does(self):
        network, calibration = settled(), Calibration(1.3, -0.4)
        runner = session(export(network, calibration))
        images = torch.rand(1, 3, SIZE, SIZE)
        with torch.no_grad():
            raw = network(images)
            raw[:, 4:] = 1.3 * raw[:, 4:] - 0.4
            expected = network.decode(raw).numpy()
            fused = Exported(network, calibration)(images).numpy()
        result = runner.run(None, {"images": images.numpy()})[0]
        self.assertEqual(result.shape, (1, 4 + len(CLASSES), 2100))
        np.testing.assert_allclose(fused, expected, atol=2e-3)
        np.testing.assert_allclose(result, expected, atol=2e-3)

    def test_a_batch_gives_what_single_pictures_give(self):
        import onnxruntime as ort

        runner = ort.InferenceSession(export(settled(), Calibration()))
        images = np.random.default_rng(0).random((3, 3, SIZE, SIZE), np.float32)
        batch = runner.run(None, {"images": images})[0]
        single = [runner.run(None, {"images": images[i : i + 1]})[0][0] for i in range(3)]
        np.testing.assert_allclose(batch, np.stack(single), atol=2e-3)

    def test_the_file_says_what_it_is(self):
        data = export(settled(), Calibration())
        model = onnx.load_from_string(data)
        self.assertLessEqual(len(data), 3_000_000)
        self.assertLessEqual(model.opset_import[0].version, 17)
        said = {p.key: p.value for p in model.metadata_props}
        self.assertEqual(said["names"].count(":"), len(CLASSES))
        self.assertEqual((said["task"], said["imgsz"]), ("detect", "[320, 320]"))
        plain = {
            "Conv", "Relu", "Add", "Concat", "Resize", "Reshape", "Sigmoid", "Exp", "Mul", "Slice",
            "Constant", "Clip", "Min", "Cast", "Identity", "Shape", "Gather", "Unsqueeze",
        }  # fmt: skip
        self.assertLessEqual({node.op_type for node in model.graph.node}, plain)

    def test_it_is_small_enough_for_one_core(self):
        self.assertLess(sum(cost for cost, _ in multiply_adds(settled()).values()), 240)


class Training(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        toy.write(self.folder.name, "train", 24, 1)
        toy.write(self.folder.name, "val", 4, 2)
        torch.set_num_threads(1)

    def args(self, **other):
        return SimpleNamespace(**({
            "data": self.folder.name, "work": self.folder.name, "steps": 8, "minutes": None,
            "batch": 4, "seed": 1, "rate": 2e-3, "decay": 0.02, "bf16": True, "resume": False,
            "weights": None,
            "least_height": 0.0,
        } | other))  # fmt: skip

    def test_a_stopped_run_ends_as_one_that_was_not(self):
        whole = Worker(0, 1, self.args())
        for _ in range(4):
            whole.step()
        parted = Worker(0, 1, self.args())
        for _ in range(2):
            parted.step()
        parted.save()
        parted = Worker(0, 1, self.args(resume=True))
        for _ in range(2):
            parted.step()
        for a, b in zip(
            whole.averaged.state_dict().values(), parted.averaged.state_dict().values(), strict=True
        ):
            torch.testing.assert_close(a, b, rtol=0, atol=0)

    def test_the_loss_falls(self):
        worker = Worker(0, 1, self.args(steps=40))
        losses = [worker.step().total.item() for _ in range(40)]
        self.assertLess(np.mean(losses[-5:]), 0.7 * np.mean(losses[:5]))


if __name__ == "__main__":
    unittest.main()
