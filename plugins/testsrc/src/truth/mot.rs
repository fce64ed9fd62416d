//! Truth as a file in MOTChallenge's format: a line for each object on each frame,
//! `frame,id,left,top,width,height,1,class,visible`.
//!
//! Frames and identities count from 1; boxes are in pixels, counted from 0, and clipped to the
//! frame. Lines are formatted and written by a thread of their own, so that whoever draws the
//! frames never waits for a disk that is merely busy.

use super::{clip, whole};
use crate::scene::{Class, Object};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Frames that may wait for the disk.
const QUEUE: usize = 1024;

/// Why there is no file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot write {path}: {error}")]
pub struct WriteError {
    path: String,
    error: String,
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It will be written.
    Yes,
    /// The queue is full, or was interrupted.
    No,
}

/// Number of a class in MOTChallenge's list (MOT16 and later).
///
/// The list has no trucks and no dogs: a truck counts as a car, the class of motor vehicles with
/// four wheels, a dog as a distractor, which evaluations count neither for nor against.
pub fn class_number(class: Class) -> u32 {
    match class {
        Class::Person => 1,
        Class::Car | Class::Truck => 3,
        Class::Bicycle => 4,
        Class::Dog => 8,
    }
}

/// Objects of a frame on their way into the file.
#[derive(Default)]
struct Frame {
    number: u64,
    size: (u32, u32),
    objects: Vec<Object>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Frame>,
    /// Used up, for their memory.
    spare: Vec<Frame>,
    /// The writer holds frames that are not in the file yet.
    writing: bool,
    closed: bool,
    interrupted: bool,
    error: Option<String>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while<'a>(
        &self,
        guard: MutexGuard<'a, State>,
        condition: impl FnMut(&mut State) -> bool,
    ) -> MutexGuard<'a, State> {
        self.changed
            .wait_while(guard, condition)
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a file of truth. Dropping it waits until all is written.
pub struct MotWriter {
    path: PathBuf,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl MotWriter {
    /// Begins a file, in place of one of that name.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn create(path: &Path) -> Result<Self, WriteError> {
        let failed = |error: std::io::Error| WriteError {
            path: path.display().to_string(),
            error: error.to_string(),
        };
        refuse_pipe(path).map_err(failed)?;
        let file = File::create(path).map_err(failed)?;
        Self::over(file, path).map_err(failed)
    }

    /// Begins in a file that is open; `path` is what errors call it.
    fn over(file: File, path: &Path) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let thread = std::thread::Builder::new()
            .name("vigiltestsrc-gt".into())
            .spawn({
                let shared = shared.clone();
                move || write_all(&shared, file)
            })?;
        Ok(Self {
            path: path.to_path_buf(),
            shared,
            thread: Some(thread),
        })
    }

    /// Adds the objects of a frame. Where the disk is too slow it waits if `patient`, else, or
    /// when it is interrupted, the frame is not written.
    ///
    /// # Errors
    /// A frame before this one could not be written.
    pub fn push(
        &self,
        number: u64,
        size: (u32, u32),
        objects: &[Object],
        patient: bool,
    ) -> Result<Pushed, WriteError> {
        let mut state = self.shared.lock();
        if patient {
            state = self.shared.wait_while(state, |state| {
                state.waiting.len() >= QUEUE && !state.interrupted && state.error.is_none()
            });
        }
        self.check(&state)?;
        if state.waiting.len() >= QUEUE {
            return Ok(Pushed::No);
        }
        let mut frame = state.spare.pop().unwrap_or_default();
        frame.number = number;
        frame.size = size;
        frame.objects.clear();
        frame.objects.extend_from_slice(objects);
        state.waiting.push_back(frame);
        drop(state);
        self.shared.changed.notify_all();
        Ok(Pushed::Yes)
    }

    /// Waits until everything is in the file.
    ///
    /// # Errors
    /// Something could not be written.
    pub fn flush(&self) -> Result<(), WriteError> {
        let state = self.shared.wait_while(self.shared.lock(), |state| {
            (state.writing || !state.waiting.is_empty())
                && !state.interrupted
                && state.error.is_none()
        });
        self.check(&state)
    }

    /// Ends waiting in [`push`](Self::push) and [`flush`](Self::flush), and lets nobody wait until
    /// it is taken back.
    pub fn interrupt(&self, interrupted: bool) {
        self.shared.lock().interrupted = interrupted;
        self.shared.changed.notify_all();
    }

    fn check(&self, state: &State) -> Result<(), WriteError> {
        match &state.error {
            None => Ok(()),
            Some(error) => Err(WriteError {
                path: self.path.display().to_string(),
                error: error.clone(),
            }),
        }
    }
}

impl Drop for MotWriter {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A pipe that nobody reads would be waited for when it is opened.
fn refuse_pipe(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if std::fs::metadata(path).is_ok_and(|known| known.file_type().is_fifo()) {
            return Err(std::io::Error::other(
                "it is a pipe: give the path of a file",
            ));
        }
    }
    Ok(())
}

/// The thread's work.
fn write_all(shared: &Shared, file: File) {
    let mut file = BufWriter::new(file);
    let mut taken: Vec<Frame> = Vec::new();
    loop {
        {
            let mut state = shared.lock();
            state.writing = false;
            state.spare.append(&mut taken);
            shared.changed.notify_all();
            let mut state =
                shared.wait_while(state, |state| state.waiting.is_empty() && !state.closed);
            if state.waiting.is_empty() {
                return;
            }
            state.writing = true;
            taken.extend(state.waiting.drain(..));
        }
        let written = taken
            .iter()
            .try_for_each(|frame| write_frame(&mut file, frame))
            .and_then(|()| file.flush());
        if let Err(error) = written {
            let mut state = shared.lock();
            state.error = Some(error.to_string());
            state.writing = false;
            drop(state);
            shared.changed.notify_all();
            return;
        }
    }
}

fn write_frame(file: &mut impl Write, frame: &Frame) -> std::io::Result<()> {
    for object in &frame.objects {
        let Some(bbox) = clip(whole(object), frame.size.0, frame.size.1) else {
            continue;
        };
        writeln!(
            file,
            "{},{},{:.2},{:.2},{:.2},{:.2},1,{},{:.3}",
            frame.number,
            object.id,
            bbox.x,
            bbox.y,
            bbox.w,
            bbox.h,
            class_number(object.class),
            object.visible
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(id: u64, class: Class, x: f32) -> Object {
        Object {
            id,
            class,
            x,
            y: 20.0,
            w: 30.456,
            h: 60.0,
            visible: 0.5,
            appeared: 0.0,
        }
    }

    #[test]
    fn lines_are_motchallenges() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gt.txt");
        let writer = MotWriter::create(&path).unwrap();
        let objects = [
            object(7, Class::Person, 10.25),
            object(8, Class::Dog, -10.0),
            object(9, Class::Truck, 200.0),
        ];
        writer.push(1, (100, 50), &objects, true).unwrap();
        writer.push(2, (100, 50), &[], true).unwrap();
        writer.push(3, (100, 50), &objects[..1], false).unwrap();
        writer.flush().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            "1,7,10.25,20.00,30.46,30.00,1,1,0.500\n\
             1,8,0.00,20.00,20.46,30.00,1,8,0.500\n\
             3,7,10.25,20.00,30.46,30.00,1,1,0.500\n"
        );
    }

    #[test]
    fn every_frame_is_in_the_file_when_the_writer_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gt.txt");
        let writer = MotWriter::create(&path).unwrap();
        let frames = 3 * QUEUE as u64;
        for number in 1..=frames {
            let objects = [object(number, Class::Car, 1.0)];
            let pushed = writer.push(number, (100, 50), &objects, true).unwrap();
            assert_eq!(pushed, Pushed::Yes);
        }
        drop(writer);
        let text = std::fs::read_to_string(&path).unwrap();
        for (line, number) in text.lines().zip(1..) {
            assert!(line.starts_with(&format!("{number},{number},")), "{line}");
        }
        assert_eq!(text.lines().count() as u64, frames);
    }

    #[test]
    fn a_file_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none/gt.txt");
        let error = MotWriter::create(&path).err().unwrap().to_string();
        assert!(error.contains(path.to_str().unwrap()), "{error}");
        assert!(error.contains("No such file"), "{error}");
    }

    #[test]
    fn a_full_disk_is_told_and_nobody_waits() {
        let path = Path::new("/dev/full");
        if !path.exists() {
            println!("skipped: there is no {}", path.display());
            return;
        }
        let writer = MotWriter::create(path).unwrap();
        let objects = [object(1, Class::Car, 1.0)];
        // Sooner or later it is told; the queue's end is not waited for.
        let error = (0..)
            .find_map(|i| writer.push(1 + i, (100, 50), &objects, true).err())
            .unwrap();
        assert!(error.to_string().contains("No space left"), "{error}");
        assert!(writer.flush().is_err());
    }

    #[test]
    fn nobody_waits_once_it_is_interrupted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gt.txt");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        if !made.is_ok_and(|status| status.success()) {
            println!("skipped: there is no mkfifo");
            return;
        }
        let refused = MotWriter::create(&path).err().unwrap().to_string();
        assert!(refused.contains("it is a pipe"), "{refused}");
        // A pipe that is opened but not read is a disk that has stopped.
        let mut pipe = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        let writer = MotWriter::over(pipe.try_clone().unwrap(), &path).unwrap();
        // More than a pipe holds: the writer does not get over its first frame.
        let many = vec![object(1, Class::Car, 1.0); 10_000];
        writer.push(1, (100, 50), &many, false).unwrap();
        while !writer.shared.lock().writing {
            std::thread::yield_now();
        }
        let objects = [object(1, Class::Car, 1.0)];
        let pushed = (0..=QUEUE).map(|_| writer.push(2, (100, 50), &objects, false).unwrap());
        assert_eq!(pushed.filter(|pushed| *pushed == Pushed::No).count(), 1);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| writer.push(1, (100, 50), &objects, true));
            writer.interrupt(true);
            assert_eq!(waiting.join().unwrap(), Ok(Pushed::No));
        });
        // Somebody reads after all, so that the writer can end; the pipe itself never does.
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while std::io::Read::read(&mut pipe, &mut bytes).is_ok() {}
        });
        drop(writer);
    }
}
