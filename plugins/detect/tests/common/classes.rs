//! What classifiers said of a frame that left the element.

use super::Seen;

impl Seen {
    /// The classes of the object with this id: label and percent.
    pub fn classes_of(&self, object: u32) -> Vec<(&'static str, i32)> {
        self.classes.of(object).map(label_and_percent).collect()
    }

    /// The classes of the frame: label and percent.
    pub fn classes_of_frame(&self) -> Vec<(&'static str, i32)> {
        let classes = self.classes.of_frame().iter();
        classes.map(|class| label_and_percent(*class)).collect()
    }
}

fn label_and_percent(class: vigil_analytics::Class) -> (&'static str, i32) {
    (class.label_str(), (class.confidence * 100.0).round() as i32)
}
