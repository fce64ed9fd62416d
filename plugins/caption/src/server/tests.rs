use super::*;
use std::sync::mpsc::{self, Receiver, Sender};

/// What the tests hear of a job.
#[derive(Debug, PartialEq, Eq, Clone)]
enum News {
    Started(u32),
    Stopped(u32, Why),
    Done(u32),
    GivenUp(u32, Why),
    Probed,
    Closed,
}

/// Each task waits for a word from the test, or for its cancel.
struct Manual {
    news: Sender<News>,
    go: Mutex<Receiver<Health>>,
    up: std::sync::atomic::AtomicBool,
}

impl Backend for Manual {
    type Task = u32;

    fn serve(&self, _: Ulid, task: u32, cancel: &Cancel) -> Health {
        let _ = self.news.send(News::Started(task));
        loop {
            let next = self.go.lock().unwrap().try_recv();
            if let Ok(health) = next {
                let _ = self.news.send(News::Done(task));
                return health;
            }
            if let Err(why) = cancel.sleep(Duration::from_millis(1)) {
                let _ = self.news.send(News::Stopped(task, why));
                return Health::Unknown;
            }
        }
    }

    fn give_up(&self, _: Ulid, task: u32, why: Why) {
        let _ = self.news.send(News::GivenUp(task, why));
    }

    fn probe(&self) -> bool {
        let up = self.up.load(std::sync::atomic::Ordering::SeqCst);
        let _ = self.news.send(News::Probed);
        up
    }

    fn stop(&self) {
        let _ = self.news.send(News::Closed);
    }
}

struct Rig {
    server: Arc<Server<Manual>>,
    news: Receiver<News>,
    go: Sender<Health>,
}

fn rig(failures: u32) -> Rig {
    let (news_in, news) = mpsc::channel();
    let (go, go_out) = mpsc::channel();
    let backend = Manual {
        news: news_in,
        go: Mutex::new(go_out),
        up: false.into(),
    };
    Rig {
        server: Server::new(backend, failures),
        news,
        go,
    }
}

impl Rig {
    fn lane(&self, budget: usize) -> Lane<Manual> {
        self.listening(budget, Arc::new(|_| {}))
    }

    fn listening(&self, budget: usize, listener: Listener) -> Lane<Manual> {
        let terms = Terms {
            budget,
            size: 9,
            max_age: Duration::from_secs(3600),
            listener,
        };
        self.server.join(terms).unwrap().unwrap()
    }

    #[track_caller]
    fn hear(&self) -> News {
        self.news.recv_timeout(Duration::from_secs(30)).unwrap()
    }

    #[track_caller]
    fn finish(&self, task: u32) {
        self.go.send(Health::Up).unwrap();
        assert_eq!(self.hear(), News::Done(task));
    }
}

fn job(task: u32, key: Key, priority: Priority) -> Job<u32> {
    Job {
        id: Ulid::generate(),
        key,
        priority,
        made: Instant::now(),
        task,
    }
}

fn event(task: u32) -> Job<u32> {
    job(task, Key::Event(task.to_string()), Priority::Event)
}

#[test]
fn elements_share_one_budget_and_take_turns() {
    let rig = rig(9);
    let (one, other) = (rig.lane(1), rig.lane(1));
    for task in 1..=3 {
        one.push(event(task));
        if task == 1 {
            assert_eq!(rig.hear(), News::Started(1));
        }
    }
    other.push(event(11));
    other.push(event(12));
    let mut order = Vec::new();
    for task in [1, 11, 2, 12, 3] {
        rig.finish(task);
        order.push(task);
        if task != 3 {
            assert!(matches!(rig.hear(), News::Started(_)));
        }
    }
    assert!(rig.news.try_recv().is_err());
}

#[test]
fn the_most_generous_element_says_how_much_is_on_its_way() {
    let rig = rig(9);
    let one = rig.lane(1);
    let two = rig.lane(2);
    for task in 1..=3 {
        one.push(event(task));
    }
    assert_eq!(
        (rig.hear(), rig.hear()),
        (News::Started(1), News::Started(2))
    );
    assert_eq!(one.load(), (1, 2));
    drop(two);
    // With one left, the third waits for both.
    rig.finish_any();
    assert!(rig.news.recv_timeout(Duration::from_millis(50)).is_err());
    rig.finish_any();
    assert_eq!(rig.hear(), News::Started(3));
}

impl Rig {
    #[track_caller]
    fn finish_any(&self) {
        self.go.send(Health::Up).unwrap();
        assert!(matches!(self.hear(), News::Done(_)));
    }
}

#[test]
fn a_newer_request_about_a_track_ends_the_one_on_its_way() {
    let rig = rig(9);
    let lane = rig.lane(1);
    lane.push(job(1, Key::Track(7), Priority::Track));
    assert_eq!(rig.hear(), News::Started(1));
    lane.push(job(2, Key::Track(7), Priority::Track));
    assert_eq!(rig.hear(), News::Stopped(1, Why::Superseded));
    assert_eq!(rig.hear(), News::Started(2));
    // From time to time is not the same: it would never be answered.
    let other = rig.lane(2);
    other.push(job(3, Key::Interval, Priority::Interval));
    assert_eq!(rig.hear(), News::Started(3));
    other.push(job(4, Key::Interval, Priority::Interval));
    assert!(rig.news.recv_timeout(Duration::from_millis(50)).is_err());
}

#[test]
fn questions_of_a_chat_are_asked_one_after_the_other() {
    let rig = rig(9);
    let lane = rig.lane(3);
    lane.push(job(1, Key::Chat, Priority::Person));
    assert_eq!(rig.hear(), News::Started(1));
    lane.push(job(2, Key::Chat, Priority::Person));
    lane.push(event(3));
    assert_eq!(rig.hear(), News::Started(3));
    let mut heard = Vec::new();
    for _ in 0..2 {
        rig.go.send(Health::Up).unwrap();
    }
    while heard.last() != Some(&News::Started(2)) {
        heard.push(rig.hear());
    }
    assert!(heard.contains(&News::Done(1)), "{heard:?}");
}

#[test]
fn a_job_can_be_given_up_wherever_it_is() {
    let rig = rig(9);
    let lane = rig.lane(1);
    let jobs = [event(1), event(2), event(3)];
    let ids = jobs.each_ref().map(|job| job.id);
    jobs.into_iter().for_each(|job| lane.push(job));
    assert_eq!(rig.hear(), News::Started(1));
    assert!(lane.cancel(ids[1], Why::Cancelled));
    assert_eq!(rig.hear(), News::GivenUp(2, Why::Cancelled));
    assert!(lane.cancel(ids[0], Why::Cancelled));
    assert_eq!(rig.hear(), News::Stopped(1, Why::Cancelled));
    assert_eq!(rig.hear(), News::Started(3));
    assert!(!lane.cancel(ids[0], Why::Cancelled));
    lane.push(event(4));
    lane.cancel_all(Why::Flush);
    let mut heard = [rig.hear(), rig.hear()];
    heard.sort_by_key(|news| matches!(news, News::Stopped(..)));
    assert_eq!(
        heard,
        [News::GivenUp(4, Why::Flush), News::Stopped(3, Why::Flush)]
    );
}

#[test]
fn leaving_takes_everything_back_and_the_last_one_closes() {
    let rig = rig(9);
    let (one, other) = (rig.lane(1), rig.lane(1));
    one.push(event(1));
    assert_eq!(rig.hear(), News::Started(1));
    drop(one);
    assert_eq!(rig.hear(), News::Stopped(1, Why::Shutdown));
    other.push(event(2));
    assert_eq!(rig.hear(), News::Started(2));
    drop(other);
    let mut heard = [rig.hear(), rig.hear()];
    heard.sort_by_key(|news| *news == News::Closed);
    assert_eq!(heard, [News::Stopped(2, Why::Shutdown), News::Closed]);
    let terms = Terms {
        budget: 1,
        size: 1,
        max_age: Duration::ZERO,
        listener: Arc::new(|_| {}),
    };
    assert!(rig.server.join(terms).unwrap().is_none());
}

#[test]
fn jobs_wait_while_the_server_is_down_and_go_on_when_it_is_back() {
    let rig = rig(1);
    let (told, heard) = mpsc::channel();
    let lane = rig.listening(
        1,
        Arc::new(move |health| {
            let _ = told.send(health.clone());
        }),
    );
    lane.push(event(1));
    assert_eq!(rig.hear(), News::Started(1));
    lane.push(event(2));
    rig.go.send(Health::Down("gone".into())).unwrap();
    assert_eq!(rig.hear(), News::Done(1));
    assert_eq!(heard.recv().unwrap(), Health::Down("gone".into()));
    assert!(!lane.is_up());
    assert_eq!(rig.hear(), News::Probed);
    rig.server
        .backend()
        .up
        .store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(rig.hear(), News::Probed);
    assert_eq!(heard.recv().unwrap(), Health::Up);
    assert_eq!(rig.hear(), News::Started(2));
}

#[test]
fn an_alarm_ends_a_request() {
    let rig = rig(9);
    let lane = rig.lane(1);
    lane.push(event(1));
    assert_eq!(rig.hear(), News::Started(1));
    let cancel = rig.server.lock().running[0].cancel.clone();
    cancel.alarm(Instant::now(), Why::FirstToken);
    assert_eq!(rig.hear(), News::Stopped(1, Why::FirstToken));
}

#[test]
fn of_a_hundred_streams_none_starves() {
    let rig = rig(9);
    let lanes: Vec<_> = (0..100).map(|_| rig.lane(1)).collect();
    lanes[0].push(event(9999));
    assert_eq!(rig.hear(), News::Started(9999));
    for (i, lane) in lanes.iter().enumerate() {
        for _ in 0..3 {
            lane.push(job(
                i as u32,
                Key::Request(Ulid::generate()),
                Priority::Event,
            ));
        }
    }
    rig.finish(9999);
    let mut counts = vec![0; 100];
    for _ in 0..100 {
        let News::Started(lane) = rig.hear() else {
            panic!("not started")
        };
        counts[lane as usize] += 1;
        rig.finish(lane);
    }
    assert!(counts.iter().all(|&n| n == 1), "{counts:?}");
}
