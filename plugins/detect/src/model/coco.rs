//! The class names of COCO's 80 detection classes, in the order in which YOLO models number them.

/// Names by class id.
pub const NAMES: [&str; 80] = [
    "person",
    "bicycle",
    "car",
    "motorcycle",
    "airplane",
    "bus",
    "train",
    "truck",
    "boat",
    "traffic light",
    "fire hydrant",
    "stop sign",
    "parking meter",
    "bench",
    "bird",
    "cat",
    "dog",
    "horse",
    "sheep",
    "cow",
    "elephant",
    "bear",
    "zebra",
    "giraffe",
    "backpack",
    "umbrella",
    "handbag",
    "tie",
    "suitcase",
    "frisbee",
    "skis",
    "snowboard",
    "sports ball",
    "kite",
    "baseball bat",
    "baseball glove",
    "skateboard",
    "surfboard",
    "tennis racket",
    "bottle",
    "wine glass",
    "cup",
    "fork",
    "knife",
    "spoon",
    "bowl",
    "banana",
    "apple",
    "sandwich",
    "orange",
    "broccoli",
    "carrot",
    "hot dog",
    "pizza",
    "donut",
    "cake",
    "chair",
    "couch",
    "potted plant",
    "bed",
    "dining table",
    "toilet",
    "tv",
    "laptop",
    "mouse",
    "remote",
    "keyboard",
    "cell phone",
    "microwave",
    "oven",
    "toaster",
    "sink",
    "refrigerator",
    "book",
    "clock",
    "vase",
    "scissors",
    "teddy bear",
    "hair drier",
    "toothbrush",
];

/// COCO's own ids that no detection class has, up to its last one, 90.
const UNUSED_IDS: [usize; 11] = [0, 12, 26, 29, 30, 45, 66, 68, 69, 71, 83];

/// Names by COCO's own category id, 0 to 90; those that no class has are numbered.
pub fn names_by_id() -> Vec<String> {
    let mut names = NAMES.into_iter();
    (0..91)
        .map(|id| match UNUSED_IDS.contains(&id) {
            false => names.next().map(String::from),
            true => None,
        })
        .enumerate()
        .map(|(id, name)| name.unwrap_or_else(|| super::labels::numbered(id)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cocos_ids_have_gaps() {
        let names = names_by_id();
        assert_eq!(names.len(), 91);
        // As `instances_val2017.json` numbers them.
        let table = [
            (1, "person"),
            (11, "fire hydrant"),
            (13, "stop sign"),
            (27, "backpack"),
            (44, "bottle"),
            (46, "wine glass"),
            (67, "dining table"),
            (70, "toilet"),
            (72, "tv"),
            (84, "book"),
            (90, "toothbrush"),
            (12, "class 12"),
        ];
        for (id, name) in table {
            assert_eq!(names[id], name);
        }
    }
}
