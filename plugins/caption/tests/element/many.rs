//! Several elements, one server.

use crate::common::*;
use crate::mock::{self, Mock};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[test]
fn elements_that_ask_one_server_share_its_budget() {
    // Now, and the most at any time.
    let counts = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let counting = counts.clone();
    let mock = Mock::new(move |_, _, stream| {
        let now = counting[0].fetch_add(1, Ordering::SeqCst) + 1;
        counting[1].fetch_max(now, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(30));
        counting[0].fetch_sub(1, Ordering::SeqCst);
        mock::say(stream, &["x"]);
    });
    let rigs: Vec<_> = (0..6)
        .map(|_| {
            let mut rig = Rig::at(
                &mock.url,
                &[("trigger", "interval"), ("max-in-flight", "2")],
            );
            rig.push(solid(0, RED));
            rig
        })
        .collect();
    rigs.iter().for_each(|rig| drop(rig.caption()));
    assert_eq!(counts[1].load(Ordering::SeqCst), 2);
    // What the server is was asked for once or, by two workers at once, twice.
    assert!(mock.probes() <= 2, "{}", mock.probes());
}

#[test]
fn of_a_hundred_streams_all_are_answered_in_their_turn() {
    let mock = Mock::saying("x");
    let mut rigs: Vec<_> = (0..100)
        .map(|stream| {
            let name = format!("cam-{stream}");
            Rig::of(element(&[
                ("base-url", mock.url.as_str()),
                ("stream-id", &name),
                ("trigger", "manual"),
                ("prompt", "{stream}"),
                ("max-age", "3600000000000"),
                ("max-in-flight", "1"),
            ]))
        })
        .collect();
    for _ in 0..3 {
        for rig in &mut rigs {
            rig.act("trigger", &[&None::<String>]).unwrap();
        }
    }
    for rig in &mut rigs {
        rig.push(solid(0, RED));
    }
    for rig in &rigs {
        for _ in 0..3 {
            rig.caption();
        }
    }
    let requests = mock.requests();
    assert_eq!(requests.len(), 300);
    // When the last stream had asked, all were served alike: nobody got a second answer more.
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut worst = 0;
    for request in requests.iter().rev().take(150) {
        let text = request.text();
        let stream = text.rsplit('|').next().unwrap().to_string();
        let count = counts.entry(stream).or_default();
        *count += 1;
        worst = worst.max(*count);
    }
    assert!(counts.len() >= 50 && worst <= 3, "{} {worst}", counts.len());
}
