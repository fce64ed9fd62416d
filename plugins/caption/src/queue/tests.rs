use super::*;
use proptest::prelude::*;

fn job(task: u32, key: Key, priority: Priority, made: Instant) -> Job<u32> {
    Job {
        id: Ulid::generate(),
        key,
        priority,
        made,
        task,
    }
}

fn event(task: u32, made: Instant) -> Job<u32> {
    job(task, Key::Event(task.to_string()), Priority::Event, made)
}

fn given_up(dropped: &[Dropped<u32>]) -> Vec<(u32, Why)> {
    dropped.iter().map(|(job, why)| (job.task, *why)).collect()
}

fn all(queue: &mut Queue<u32>) -> Vec<u32> {
    std::iter::from_fn(|| queue.pop(|_| true))
        .map(|job| job.task)
        .collect()
}

const AGE: Duration = Duration::from_secs(10);

#[test]
fn what_matters_most_comes_first_and_then_what_is_oldest() {
    let now = Instant::now();
    let mut queue = Queue::new(9, AGE);
    for (task, priority) in [
        (1, Priority::Interval),
        (2, Priority::Event),
        (3, Priority::Track),
        (4, Priority::Verification),
        (5, Priority::Event),
        (6, Priority::Person),
    ] {
        let key = Key::Request(Ulid::generate());
        assert!(queue.push(job(task, key, priority, now), now).is_empty());
    }
    assert_eq!(all(&mut queue), [6, 4, 2, 5, 3, 1]);
}

#[test]
fn the_newest_of_a_key_is_enough() {
    let now = Instant::now();
    let mut queue = Queue::new(9, AGE);
    for (task, key) in [
        (1, Key::Track(7)),
        (2, Key::Interval),
        (3, Key::Track(8)),
        (4, Key::Chat),
        (5, Key::Chat),
    ] {
        assert!(
            queue
                .push(job(task, key, Priority::Track, now), now)
                .is_empty()
        );
    }
    for (task, key, expected) in [(6, Key::Track(7), 1), (7, Key::Interval, 2)] {
        let dropped = queue.push(job(task, key, Priority::Track, now), now);
        assert_eq!(given_up(&dropped), [(expected, Why::Superseded)]);
    }
    assert_eq!(all(&mut queue), [3, 4, 5, 6, 7]);
}

#[test]
fn a_full_queue_gives_up_the_oldest_of_what_matters_least() {
    let now = Instant::now();
    let mut queue = Queue::new(2, AGE);
    queue.push(event(1, now), now);
    queue.push(event(2, now), now);
    let interval = job(3, Key::Interval, Priority::Interval, now);
    assert_eq!(given_up(&queue.push(interval, now)), [(3, Why::Full)]);
    assert_eq!(given_up(&queue.push(event(4, now), now)), [(1, Why::Full)]);
    let verification = job(5, Key::Event("5".into()), Priority::Verification, now);
    assert_eq!(given_up(&queue.push(verification, now)), [(2, Why::Full)]);
    assert_eq!(all(&mut queue), [5, 4]);
}

#[test]
fn what_waited_too_long_is_not_asked() {
    let then = Instant::now();
    let mut queue = Queue::new(9, AGE);
    queue.push(event(1, then), then);
    queue.push(job(2, Key::Chat, Priority::Person, then), then);
    queue.push(event(3, then + AGE), then + AGE);
    let later = then + AGE + Duration::from_millis(1);
    assert_eq!(given_up(&queue.expire(later)), [(1, Why::Expired)]);
    assert_eq!(all(&mut queue), [2, 3]);
}

#[test]
fn jobs_that_may_not_run_are_passed_over() {
    let now = Instant::now();
    let mut queue = Queue::new(9, AGE);
    queue.push(job(1, Key::Chat, Priority::Person, now), now);
    queue.push(event(2, now), now);
    let may = |job: &Job<u32>| !job.key.is_serial();
    assert_eq!(queue.next_priority(may), Some(Priority::Event));
    assert_eq!(queue.pop(may).unwrap().task, 2);
    assert!(queue.pop(may).is_none());
    let id = queue.pop(|_| true).unwrap().id;
    assert!(queue.remove(id).is_none() && queue.is_empty());
}

proptest! {
    #[test]
    fn every_job_is_asked_or_given_up_once(
        steps in prop::collection::vec((0u8..6, 0u64..4, 0u64..8), 1..60), size in 1usize..6,
    ) {
        let start = Instant::now();
        let mut queue = Queue::new(size, AGE);
        let mut ended = Vec::new();
        let mut made = 0;
        for (i, (what, key, seconds)) in steps.iter().enumerate() {
            let now = start + Duration::from_secs(*seconds * i as u64 / 4);
            let key = match what {
                0 => Key::Interval,
                1 => Key::Track(*key),
                2 => Key::Chat,
                3 => Key::Event(key.to_string()),
                4 => Key::Request(Ulid::generate()),
                _ => {
                    ended.extend(queue.pop(|_| true).map(|job| job.task));
                    continue;
                }
            };
            let priorities = [Priority::Interval, Priority::Track, Priority::Person, Priority::Event];
            let priority = priorities[i % priorities.len()];
            made += 1;
            ended.extend(queue.push(job(made, key, priority, now), now).iter().map(|(j, _)| j.task));
            prop_assert!(queue.len() <= size);
        }
        ended.extend(queue.drain().iter().map(|job| job.task));
        ended.sort_unstable();
        prop_assert_eq!(ended, (1..=made).collect::<Vec<_>>());
    }
}
