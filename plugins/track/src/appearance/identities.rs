//! Which identity a track has.

use super::feature::distance;
use super::gallery::Gallery;
use super::strangers::Strangers;
use super::{Rules, Sight, sight};
use crate::geometry::Rect;
use crate::track::{Detection, Ended, Time, TrackedObject};

/// A track that is found again after such a time may be somebody else: its looks are compared before
/// its identity is told again.
const RECHECK_AFTER: Time = 500_000_000;
/// At so many times the threshold two appearances are of different objects, whatever the boxes say.
const UNLIKE: f32 = 2.0;
/// Unless fewer than this share of strangers are as near.
const USUAL: f32 = 0.5;
/// Who is seen in part and has so many strangers as near need not be waited for.
const UNLIKELY: f32 = 0.5;
/// By so much nearer is who was expected: a track's own identity, where it is found again.
const EXPECTED: f32 = 0.1;
/// At most so many crops of a frame are of objects whose identity is not known, and so many of others.
const MOST_URGENT: usize = 16;
const MOST_OTHERS: usize = 4;

/// An identity is taken up only if so few strangers would be as near to any of those who may have
/// come back.
const DOUBT: f32 = 0.01;
/// So many strangers of a look are compared at most.
const MOST_COMPARED: usize = 32;

/// A crop that is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Request {
    /// Of this track, as the tracker numbers it.
    pub track: u64,
    /// Where, in pixels of the frame.
    pub bbox: Rect,
    /// An identity waits for it.
    pub urgent: bool,
    /// How well the object can be seen.
    pub sight: Sight,
}

/// What the vectors of a track's crops are to decide.
#[derive(Debug, Clone, Copy)]
struct Question {
    /// When the object came to be where it is.
    since: Time,
    /// Until when there is time.
    deadline: Time,
    /// Who it should be, by its boxes.
    expected: Option<u64>,
    /// What the last vector was of; `None` before there is one.
    answered: Option<Sight>,
}

/// A track of the tracker's, and who it is.
#[derive(Debug, Default)]
struct Link {
    track: u64,
    class: u32,
    bbox: Rect,
    first_seen: Time,
    last_seen: Time,
    /// Its identity; `None` while that is open, and where another track took it up.
    identity: Option<u64>,
    question: Option<Question>,
    /// The last vector of one whose identity is open.
    feature: Vec<f32>,
    /// When a crop was last asked for.
    asked: Option<Time>,
    /// Crops on their way.
    waiting: u32,
    /// The track ended, and crops are still on their way.
    ended: bool,
    /// Something is known, or soon will be, of what it looks like.
    is_known: bool,
}

/// Says which identity each track has. Told of each look: [`see`](Self::see), then
/// [`wanted`](Self::wanted), [`answer`](Self::answer) for each vector that came meanwhile,
/// [`settle`](Self::settle), [`publish`](Self::publish).
///
/// What it decides follows from these calls alone. Identities count from 1; no two tracks have one
/// at a time.
#[derive(Debug)]
pub struct Identities {
    rules: Rules,
    /// In order of track.
    links: Vec<Link>,
    /// Of tracks that ended; their memory is used again.
    free: Vec<Link>,
    gallery: Gallery,
    strangers: Strangers,
    /// Time of the last look.
    looked: Option<Time>,
    /// Distance, link, identity: who could be who.
    pairs: Vec<(f32, usize, u64)>,
    /// What is due: whether urgent, when last asked, which of the tracked objects.
    due: Vec<(bool, Option<Time>, usize, Sight)>,
    /// Identities that a track was told apart from.
    left: Vec<u64>,
    taken_up: u64,
    told_apart: u64,
    too_late: u64,
}

impl Identities {
    /// Nobody is known.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            links: Vec::new(),
            free: Vec::new(),
            gallery: Gallery::default(),
            strangers: Strangers::default(),
            looked: None,
            pairs: Vec::new(),
            due: Vec::new(),
            left: Vec::new(),
            taken_up: 0,
            told_apart: 0,
            too_late: 0,
        }
    }

    /// Changes the rules from the next look on.
    pub fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// How many identities were given.
    pub fn given(&self) -> u64 {
        self.gallery.given()
    }

    /// How often an identity went on with another track.
    pub fn taken_up(&self) -> u64 {
        self.taken_up
    }

    /// How often a track that was found again turned out to be somebody else.
    pub fn told_apart(&self) -> u64 {
        self.told_apart
    }

    /// How often an identity was decided without a vector, as none came in time.
    pub fn too_late(&self) -> u64 {
        self.too_late
    }

    /// The tracks that this look found.
    pub fn see(&mut self, time: Time, tracked: &[TrackedObject]) {
        let before = self.looked.replace(time);
        let deadline = time.saturating_add(self.rules.wait);
        for object in tracked {
            let place = self.links.binary_search_by_key(&object.id, |l| l.track);
            let question = |since, expected| {
                Some(Question {
                    since,
                    deadline,
                    expected,
                    answered: None,
                })
            };
            let place = match place {
                Ok(place) => place,
                Err(place) => {
                    let mut link = self.free.pop().unwrap_or_default();
                    link.feature.clear();
                    let link = Link {
                        track: object.id,
                        first_seen: object.first_seen,
                        last_seen: time,
                        question: question(object.first_seen, None),
                        feature: link.feature,
                        ..Link::default()
                    };
                    self.links.insert(place, link);
                    place
                }
            };
            let link = &mut self.links[place];
            let was_missed = before.is_some_and(|before| link.last_seen < before);
            let away = time.saturating_sub(link.last_seen);
            match (link.question, link.identity) {
                (None, None) => {
                    // Somebody took its identity up while it was lost.
                    link.first_seen = time;
                    link.question = question(time, None);
                }
                (None, Some(id)) if was_missed && away >= RECHECK_AFTER => {
                    let known = self.gallery.get(id);
                    if known.is_some_and(|identity| !identity.feature.is_empty()) {
                        link.question = question(time, Some(id));
                    }
                }
                // It was hidden before the question was settled: it is another one now.
                (Some(open), _) if was_missed && away >= RECHECK_AFTER => {
                    link.question = question(time, open.expected);
                    link.feature.clear();
                }
                _ => {}
            }
            (link.class, link.bbox, link.last_seen) = (object.class, object.bbox, time);
            // Who is here now is nobody else.
            let settled = link.identity.filter(|_| link.question.is_none());
            if let Some(identity) = settled.and_then(|id| self.gallery.get_mut(id)) {
                (identity.bbox, identity.last_seen) = (object.bbox, time);
            }
        }
    }

    /// Lists the crops that are wanted of this look into `out` (cleared first): the tracked objects,
    /// all that was detected, and the size of the picture. Crops that are on their way are not asked
    /// for again where `patient`.
    pub fn wanted(
        &mut self,
        time: Time,
        (tracked, detections): (&[TrackedObject], &[Detection]),
        size: (f32, f32),
        patient: bool,
        out: &mut Vec<Request>,
    ) {
        out.clear();
        self.due.clear();
        self.gallery.set_size(size);
        for (index, object) in tracked.iter().enumerate() {
            let Some(place) = self.place(object.id) else {
                continue;
            };
            let link = &self.links[place];
            let asked_since = |question: Question| link.asked >= Some(question.since);
            let is_on_its_way =
                link.waiting > 0 && patient && link.question.is_none_or(asked_since);
            let age = link.asked.map(|asked| time.saturating_sub(asked));
            let rests = age.is_some_and(|age| age < self.rules.interval || age == 0);
            let urgent = link.question.is_some();
            if is_on_its_way || rests && !urgent {
                continue;
            }
            let Some(found) = object.detection.filter(|at| *at < detections.len()) else {
                continue;
            };
            let boxes = detections.iter().map(|detection| detection.bbox);
            let sight = sight(found, boxes, detections[found].bbox, size);
            // What is seen in part teaches the wrong thing, but is better than nothing.
            let least = match urgent || !link.is_known {
                true => Sight::Partly,
                false => Sight::Clear,
            };
            if sight >= least {
                self.due.push((!urgent, link.asked, index, sight));
            }
        }
        self.due.sort_unstable();
        let (mut urgent, mut others) = (MOST_URGENT, MOST_OTHERS);
        for &(is_other, _, index, sight) in &self.due {
            let left = if is_other { &mut others } else { &mut urgent };
            if *left == 0 {
                continue;
            }
            *left -= 1;
            let object = &tracked[index];
            let bbox = object
                .detection
                .map_or(object.bbox, |at| detections[at].bbox);
            out.push(Request {
                track: object.id,
                bbox,
                urgent: !is_other,
                sight,
            });
        }
    }

    /// A crop that was wanted is on its way.
    pub fn asked(&mut self, time: Time, request: &Request) {
        if let Some(place) = self.place(request.track) {
            let link = &mut self.links[place];
            link.asked = Some(time);
            link.waiting += 1;
            link.is_known = true;
        }
    }

    /// A crop that was on its way was not looked at: there were too many.
    pub fn dropped(&mut self, track: u64) {
        if let Some(place) = self.place(track) {
            self.links[place].asked = None;
            self.arrived(place);
        }
    }

    /// One crop less is on its way. The link of a track that ended goes with the last one.
    fn arrived(&mut self, place: usize) {
        let link = &mut self.links[place];
        link.waiting = link.waiting.saturating_sub(1);
        if link.ended && link.waiting == 0 {
            self.free.push(self.links.remove(place));
        }
    }

    /// The vector of a crop of a frame of this time, of unit length; `None` where there is none for it.
    pub fn answer(&mut self, track: u64, time: Time, sight: Sight, feature: Option<&[f32]>) {
        // There may have been a cut meanwhile.
        let Some(place) = self.place(track) else {
            return;
        };
        let link = &mut self.links[place];
        match (&mut link.question, link.identity, feature) {
            // What was seen before the question came up may be of somebody else.
            (Some(question), _, Some(feature)) if time >= question.since => {
                question.answered = Some(sight);
                link.feature.clear();
                link.feature.extend_from_slice(feature);
            }
            (None, Some(id), Some(feature)) => {
                if sight == Sight::Clear {
                    self.compare(id, feature);
                }
                self.gallery.learn(id, feature);
            }
            _ => {}
        }
        self.arrived(place);
    }

    /// Learns how far apart different objects are, from this one and those that are seen beside it.
    fn compare(&mut self, id: u64, feature: &[f32]) {
        let Some(identity) = self.gallery.get(id) else {
            return;
        };
        let others = self.gallery.seen_since(identity.class, identity.last_seen);
        for other in others.filter(|other| other.id != id).take(MOST_COMPARED) {
            self.strangers.add(distance(&other.feature, feature));
        }
    }

    /// Whether vectors that are on their way could decide something now.
    pub fn is_waiting(&self) -> bool {
        let could_be = |link: &Link, question: &Question| {
            question.expected.is_some() || self.has_candidates(link, question)
        };
        self.links
            .iter()
            .any(|link| link.question.is_some_and(|q| could_be(link, &q)))
    }

    /// Whether there is anybody that the track could be, as far as is known now or soon will be.
    fn has_candidates(&self, link: &Link, question: &Question) -> bool {
        let here = (question.since, link.bbox);
        (self.gallery)
            .candidates(&self.rules, link.class, here)
            .any(|identity| {
                let is_of_it = |link: &Link| link.identity == Some(identity.id);
                let is_soon_known = |link: &Link| link.waiting > 0 && is_of_it(link);
                !identity.feature.is_empty() || self.links.iter().any(is_soon_known)
            })
    }

    /// Decides what can be decided, or must be now.
    pub fn settle(&mut self, time: Time) {
        if self.links.iter().all(|link| link.question.is_none()) {
            self.gallery.forget(time, self.rules.max_age);
            return;
        }
        self.list_pairs(time);
        // The nearest first; no identity and no track twice.
        for i in 0..self.pairs.len() {
            let (_, place, id) = self.pairs[i];
            let is_free = (self.gallery.get(id)).is_some_and(|who| who.last_seen < time);
            if self.links[place].question.is_some() && is_free {
                self.taken_up += u64::from(self.links[place].identity != Some(id));
                self.give(place, id);
            }
        }
        for place in 0..self.links.len() {
            self.settle_alone(place, time);
        }
        self.gallery.forget(time, self.rules.max_age);
    }

    /// Lists who could be who by what they look like.
    fn list_pairs(&mut self, time: Time) {
        self.pairs.clear();
        for (place, link) in self.links.iter().enumerate() {
            let Some(question) = link.question.filter(|question| question.answered.is_some())
            else {
                continue;
            };
            // Who is not there now is decided on when it is.
            if link.last_seen < time {
                continue;
            }
            let here = (question.since, link.bbox);
            let candidates = || self.gallery.candidates(&self.rules, link.class, here);
            let beside = self.gallery.seen_since(link.class, question.since);
            let nearest = beside
                .map(|other| distance(&other.feature, &link.feature))
                .fold(f32::INFINITY, f32::min);
            let doubt = DOUBT / candidates().count().max(1) as f32;
            for identity in candidates() {
                if identity.feature.len() != link.feature.len() {
                    continue;
                }
                let distance = distance(&identity.feature, &link.feature);
                if question.expected == Some(identity.id) {
                    let strangers = self.strangers.as_near(distance);
                    let is_near = strangers.is_some_and(|share| share < USUAL);
                    if distance <= self.rules.threshold * UNLIKE || is_near {
                        self.pairs.push((distance - EXPECTED, place, identity.id));
                    }
                } else if distance <= self.rules.threshold
                    // Nobody who certainly is somebody else may be nearer, and few in general.
                    && distance <= nearest
                    && (self.strangers.as_near(distance)).is_none_or(|share| share <= doubt)
                {
                    self.pairs.push((distance, place, identity.id));
                }
            }
        }
        self.pairs.sort_unstable_by(|a, b| {
            let order = a.0.total_cmp(&b.0);
            order.then((a.2, a.1).cmp(&(b.2, b.1)))
        });
    }

    /// Decides on one track that is like nobody, if that is certain or there is no time left.
    fn settle_alone(&mut self, place: usize, time: Time) {
        let link = &self.links[place];
        let Some(question) = link.question.filter(|_| link.last_seen == time) else {
            return;
        };
        let expected = question.expected.filter(|id| {
            let track = self.gallery.get(*id).and_then(|identity| identity.track);
            track == Some(link.track)
        });
        let is_sure = match question.answered {
            Some(Sight::Clear) => true,
            Some(_) => expected.is_none() && self.is_like_nobody(link, &question),
            None => false,
        };
        let is_over = time >= question.deadline;
        match expected {
            Some(_) if is_sure => {
                self.told_apart += 1;
                self.links[place].first_seen = question.since;
                self.give_new(place);
            }
            // Nothing speaks against what the boxes say, nor will soon.
            Some(id) if is_over || question.answered.is_some() || link.waiting == 0 => {
                self.give(place, id);
            }
            None if is_sure || is_over || !self.has_candidates(link, &question) => {
                let was_asked = question.answered.is_none() && is_over;
                self.too_late += u64::from(was_asked && self.has_candidates(link, &question));
                if question.expected.is_some() {
                    self.links[place].first_seen = question.since;
                }
                self.give_new(place);
            }
            _ => {}
        }
    }

    /// Whether what is seen of it in part is as far from all that it could be as strangers are.
    fn is_like_nobody(&self, link: &Link, question: &Question) -> bool {
        let here = (question.since, link.bbox);
        let mut candidates = self.gallery.candidates(&self.rules, link.class, here);
        candidates.all(|identity| {
            let distance = distance(&identity.feature, &link.feature);
            let is_unlike = distance > self.rules.threshold * UNLIKE;
            let strangers = self.strangers.as_near(distance);
            is_unlike || strangers.is_some_and(|share| share > UNLIKELY)
        })
    }

    fn give_new(&mut self, place: usize) {
        let link = &mut self.links[place];
        let before = link.identity.take();
        if let Some(identity) = before.and_then(|id| self.gallery.get_mut(id)) {
            // Whoever that was is still out there.
            identity.track = None;
            self.left.push(identity.id);
        }
        let id = (self.gallery).add(link.track, link.class, link.first_seen);
        self.give(place, id);
    }

    /// A track gets an identity, and what is known of its looks is known of that one.
    fn give(&mut self, place: usize, id: u64) {
        let track = self.links[place].track;
        let Some(identity) = self.gallery.get_mut(id) else {
            return;
        };
        let other = identity
            .track
            .replace(track)
            .filter(|other| *other != track);
        if let Some(other) = other.and_then(|other| self.place(other)) {
            self.links[other].identity = None;
        }
        let link = &mut self.links[place];
        if let Some(before) = link.identity.replace(id).filter(|before| *before != id)
            && let Some(before) = self.gallery.get_mut(before)
        {
            before.track = None;
            self.left.push(before.id);
        }
        if !link.feature.is_empty() {
            let mut feature = std::mem::take(&mut link.feature);
            self.gallery.learn(id, &feature);
            feature.clear();
            self.links[place].feature = feature;
        }
        let link = &mut self.links[place];
        link.question = None;
        let (bbox, seen) = (link.bbox, link.last_seen);
        if let Some(identity) = self.gallery.get_mut(id) {
            identity.bbox = bbox;
            identity.last_seen = seen;
        }
    }

    /// Puts identities in place of tracks, and leaves out those of which it is not known yet.
    pub fn publish(&self, tracked: &mut Vec<TrackedObject>) {
        tracked.retain_mut(|object| {
            let link = self.place(object.id).map(|place| &self.links[place]);
            let settled = link.filter(|link| link.question.is_none());
            let id = settled.and_then(|link| link.identity);
            let Some(identity) = id.and_then(|id| self.gallery.get(id)) else {
                return false;
            };
            object.id = identity.id;
            object.first_seen = identity.first_seen;
            true
        });
        tracked.sort_unstable_by_key(|object| object.id);
    }

    /// A track ended. As which identity it is to be told of; `None` if it had none.
    pub fn end(&mut self, ended: &Ended) -> Option<Ended> {
        let place = self.place(ended.id)?;
        let link = &mut self.links[place];
        // What is still on its way of one that was to be looked at again may be of somebody else.
        let id = match link.question.take() {
            Some(_) => link.identity.take(),
            None => link.identity,
        };
        link.ended = link.waiting > 0 && id.is_some();
        if !link.ended {
            self.free.push(self.links.remove(place));
        }
        let identity = self.gallery.get_mut(id?)?;
        identity.track = None;
        Some(Ended {
            id: identity.id,
            first_seen: identity.first_seen,
            last_seen: identity.last_seen,
        })
    }

    /// An identity that was told of and that no track has any more, though none ended; each once.
    pub fn take_left(&mut self) -> Option<Ended> {
        while let Some(id) = self.left.pop() {
            let identity = self.gallery.get(id).filter(|who| who.track.is_none());
            if let Some(identity) = identity {
                return Some(Ended {
                    id,
                    first_seen: identity.first_seen,
                    last_seen: identity.last_seen,
                });
            }
        }
        None
    }

    /// Everything is over, as at a cut in the stream: nobody is remembered. Ids go on counting.
    pub fn end_all(&mut self) {
        self.free.append(&mut self.links);
        self.gallery.clear();
        self.looked = None;
    }

    /// The frame size changed by these factors and shows the same scene.
    pub fn rescale(&mut self, sx: f32, sy: f32) {
        self.gallery.rescale(sx, sy);
    }

    fn place(&self, track: u64) -> Option<usize> {
        self.links.binary_search_by_key(&track, |l| l.track).ok()
    }
}
