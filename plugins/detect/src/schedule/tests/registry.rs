use crate::schedule::Registry;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

#[test]
fn who_wants_the_same_shares_it_and_the_last_one_frees_it() {
    let registry = Registry::new();
    let get =
        |key: &'static str, value: u32| registry.get_or_make(key, || Ok::<_, ()>(value)).unwrap();
    let (first, second, other) = (get("a", 1), get("a", 2), get("b", 3));
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!((*first, *other), (1, 3));
    assert_eq!(registry.len(), 2);
    drop(first);
    assert_eq!(registry.len(), 2);
    let weak = Arc::downgrade(&second);
    drop(second);
    assert!(weak.upgrade().is_none());
    assert_eq!(registry.len(), 1);
    assert_eq!(*get("a", 4), 4, "made anew");
    drop(other);
    assert!(registry.is_empty());
}

#[test]
fn what_many_ask_for_at_once_is_made_once() {
    let registry = Registry::new();
    let made = AtomicUsize::new(0);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let make = || {
                        thread::sleep(std::time::Duration::from_millis(20));
                        Ok::<_, ()>(made.fetch_add(1, Ordering::SeqCst))
                    };
                    registry.get_or_make(1, make).unwrap()
                })
            })
            .collect();
        // All hold theirs until the last one has it.
        let values: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        assert!(values.iter().all(|value| Arc::ptr_eq(value, &values[0])));
    });
    assert_eq!(made.load(Ordering::SeqCst), 1);
}

#[test]
fn who_wants_something_else_does_not_wait() {
    let registry = Registry::new();
    let (go, wait) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let slow = scope.spawn(|| {
            let make = move || wait.recv().map(|()| 1).map_err(|_| ());
            registry.get_or_make("slow", make).unwrap()
        });
        while registry.is_empty() {
            thread::yield_now();
        }
        let fast = registry.get_or_make("fast", || Ok::<_, ()>(2)).unwrap();
        go.send(()).unwrap();
        assert_eq!((*fast, *slow.join().unwrap()), (2, 1));
    });
}

#[test]
fn what_could_not_be_made_is_tried_again() {
    let registry = Registry::<_, u32>::new();
    assert_eq!(registry.get_or_make("a", || Err("no")), Err("no"));
    assert!(registry.is_empty());
    assert_eq!(*registry.get_or_make("a", || Ok::<_, ()>(1)).unwrap(), 1);
}
