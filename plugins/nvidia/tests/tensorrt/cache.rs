//! Plans that are kept.

use crate::fake::{Fake, Session, each, folder};
use crate::model::net;
use std::sync::atomic::{AtomicUsize, Ordering};
use vigil_nvidia::tensorrt::abi::Family;
use vigil_nvidia::tensorrt::{
    Batches, BuildOptions, Cache, Cancel, Engine, Key, Precision, TensorRtError,
};

/// An engine from a cache, with how often it was built.
fn engine(
    session: &Session,
    cache: &Cache,
    onnx: &[u8],
    builds: &AtomicUsize,
) -> Result<Engine, TensorRtError> {
    let options = BuildOptions::default();
    let key = Key::new(&session.library, &session.context, onnx, &options);
    cache.engine(
        &session.library,
        &session.context,
        &key,
        &Cancel::default(),
        || {
            builds.fetch_add(1, Ordering::Relaxed);
            session.build(onnx, &options)
        },
    )
}

fn key(session: &Session, onnx: &[u8]) -> Key {
    Key::new(
        &session.library,
        &session.context,
        onnx,
        &BuildOptions::default(),
    )
}

#[test]
fn a_plan_is_built_once_and_read_afterwards() {
    each("", |_, session| {
        let (_folder, path) = folder();
        let (cache, builds) = (Cache::at(path.join("not/there")), AtomicUsize::new(0));
        for _ in 0..3 {
            engine(&session, &cache, &net(1, 0.0), &builds).unwrap();
        }
        assert_eq!(builds.load(Ordering::Relaxed), 1);
        engine(&session, &cache, &net(1, 0.25), &builds).unwrap();
        assert_eq!(builds.load(Ordering::Relaxed), 2);
    });
}

#[test]
fn a_key_says_all_that_a_plan_depends_on() {
    let fake = Fake::new(Family::V10, "");
    let session = fake.session();
    let of = |change: fn(&mut BuildOptions)| {
        let mut options = BuildOptions::default();
        change(&mut options);
        Key::new(&session.library, &session.context, b"model", &options)
    };
    let keys = [
        of(|_| {}),
        of(|o| o.precision = Precision::Fp16),
        of(|o| o.batches = Batches::up_to(8)),
        of(|o| o.size = Some((320, 320))),
        of(|o| o.workspace = Some(1 << 30)),
        of(|o| o.level = Some(5)),
        of(|o| o.version_compatible = true),
        key(&session, b"other model"),
    ];
    let cache = Cache::at("/x");
    for (i, one) in keys.iter().enumerate() {
        for other in &keys[..i] {
            assert_ne!(cache.path(one), cache.path(other), "{}", one.text());
        }
    }
    // Where the measurements are kept is no property of the plan.
    assert_eq!(of(|o| o.timing_cache = Some("y".into())), keys[0]);
    for part in [
        "tensorrt 10.16.0",
        "gpu Fake GPU 0 sm_90",
        "precision file",
        "batches 1 1 1",
    ] {
        assert!(keys[0].text().contains(part), "{}", keys[0].text());
    }
}

#[test]
fn a_file_that_is_not_the_plan_is_built_again_and_the_log_says_why() {
    each("", |fake, session| {
        let (_folder, path) = folder();
        let (cache, builds) = (Cache::at(&path), AtomicUsize::new(0));
        let onnx = net(1, 0.0);
        engine(&session, &cache, &onnx, &builds).unwrap();
        let file = cache.path(&key(&session, &onnx));
        let good = std::fs::read(&file).unwrap();
        let other = {
            engine(&session, &cache, &net(1, 0.75), &AtomicUsize::new(0)).unwrap();
            std::fs::read(cache.path(&key(&session, &net(1, 0.75)))).unwrap()
        };
        let bad: [(&[u8], &str); 4] = [
            (b"", "it is not a file of this cache"),
            (b"ftrt", "it is not a file of this cache"),
            (&good[..good.len() - 5], "cut off or damaged"),
            (&other, "of another model, GPU or TensorRT"),
        ];
        for (index, (bytes, reason)) in bad.into_iter().enumerate() {
            std::fs::write(&file, bytes).unwrap();
            fake.log.lock().unwrap().clear();
            engine(&session, &cache, &onnx, &builds).unwrap();
            assert_eq!(builds.load(Ordering::Relaxed), index + 2);
            assert!(fake.logged("building ") && fake.logged(reason), "{reason}");
            assert_eq!(std::fs::read(&file).unwrap(), good);
        }
    });
}

#[test]
fn a_plan_that_tensorrt_refuses_is_built_again() {
    each("", |fake, session| {
        let (_folder, path) = folder();
        let (cache, builds) = (Cache::at(&path), AtomicUsize::new(0));
        engine(&session, &cache, &net(1, 0.0), &builds).unwrap();
        // As if another GPU had the same name.
        fake.set("sm=86");
        engine(&session, &cache, &net(1, 0.0), &builds).unwrap();
        assert_eq!(builds.load(Ordering::Relaxed), 2);
        assert!(fake.logged("compute capability 90, this is 86"));
    });
}

#[test]
fn several_at_once_build_once_and_those_who_wait_say_so() {
    each("build-ms=300", |fake, session| {
        let (_folder, path) = folder();
        let (cache, builds) = (Cache::at(&path), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| engine(&session, &cache, &net(1, 0.0), &builds).unwrap());
            }
        });
        assert_eq!(builds.load(Ordering::Relaxed), 1);
        assert!(fake.logged("another process builds"));
    });
}

#[test]
fn a_failed_build_leaves_nothing_and_the_next_tries_again() {
    each("fail=buildSerializedNetwork:1", |_, session| {
        let (_folder, path) = folder();
        let (cache, builds) = (Cache::at(&path), AtomicUsize::new(0));
        engine(&session, &cache, &net(1, 0.0), &builds).unwrap_err();
        let files = |path: &std::path::Path| {
            let entries = std::fs::read_dir(path).unwrap().flatten();
            entries
                .filter(|e| e.path().extension().is_some_and(|e| e == "plan"))
                .count()
        };
        assert_eq!(files(&path), 0);
        engine(&session, &cache, &net(1, 0.0), &builds).unwrap();
        assert_eq!((files(&path), builds.load(Ordering::Relaxed)), (1, 2));
    });
}

#[test]
fn a_folder_that_cannot_be_written_costs_the_cache_and_not_the_engine() {
    each("", |fake, session| {
        let (_folder, path) = folder();
        let file = path.join("file");
        std::fs::write(&file, "").unwrap();
        let (cache, builds) = (Cache::at(file.join("below a file")), AtomicUsize::new(0));
        engine(&session, &cache, &net(1, 0.0), &builds).unwrap();
        engine(&session, &cache, &net(1, 0.0), &builds).unwrap();
        assert_eq!(builds.load(Ordering::Relaxed), 2);
        assert!(fake.logged("the plan is not kept"));
    });
}

#[test]
fn who_waits_can_give_up() {
    let fake = Fake::new(Family::V11, "");
    let session = fake.session();
    let (_folder, path) = folder();
    let cache = Cache::at(&path);
    let key = key(&session, &net(1, 0.0));
    let lock = std::fs::File::create(format!("{}.lock", cache.path(&key).display())).unwrap();
    lock.lock().unwrap();
    let cancel = Cancel::default();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            cache.engine(&session.library, &session.context, &key, &cancel, || {
                panic!("not ours to build")
            })
        });
        while !fake.logged("another process builds") {
            std::thread::yield_now();
        }
        cancel.cancel();
        let error = waiting.join().unwrap().unwrap_err();
        assert!(matches!(error, TensorRtError::Cancelled { .. }), "{error}");
    });
}

#[test]
fn gpus_and_versions_have_measurements_of_their_own() {
    let fake = Fake::new(Family::V10, "");
    let session = fake.session();
    let path = Cache::at("/x").timing_path(&session.library, &session.context);
    assert_eq!(path.to_str(), Some("/x/timing-10.16.0-sm_90.cache"));
}

/// Tells the child of the test below which folder it is to build in.
const CHILD: &str = "VIGIL_TEST_CACHE";

#[test]
fn another_process_is_waited_for_and_when_it_dies_the_build_is_ours() {
    let fake = Fake::new(Family::V10, "");
    let session = fake.session();
    let onnx = net(1, 0.0);
    let key = key(&session, &onnx);
    if let Some(folder) = std::env::var_os(CHILD) {
        let folder = std::path::PathBuf::from(folder);
        let cancel = Cancel::default();
        let (library, context) = (&session.library, &session.context);
        let _ = Cache::at(&folder).engine(library, context, &key, &cancel, || {
            std::fs::write(folder.join("building"), "").unwrap();
            loop {
                std::thread::park();
            }
        });
        unreachable!("the parent ends this process");
    }
    let (_folder, path) = folder();
    let test = "cache::another_process_is_waited_for_and_when_it_dies_the_build_is_ours";
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(CHILD, &path)
        .spawn()
        .unwrap();
    while !path.join("building").exists() {
        assert!(child.try_wait().unwrap().is_none(), "the child has ended");
        std::thread::yield_now();
    }
    let (cache, builds) = (Cache::at(&path), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| engine(&session, &cache, &onnx, &builds));
        while !fake.logged("another process builds") {
            std::thread::yield_now();
        }
        assert_eq!(builds.load(Ordering::Relaxed), 0);
        child.kill().unwrap();
        child.wait().unwrap();
        waiting.join().unwrap().unwrap();
    });
    assert_eq!(builds.load(Ordering::Relaxed), 1);
}
