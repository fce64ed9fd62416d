//! What of a frame is asked about, and which pictures are taken of it. Runs on the streaming thread,
//! with the frame mapped.

use ulid::Ulid;
use vigil_analytics::BBox;
use vigil_analytics::event::ObjectRecord;
use vigil_analytics::frame::FrameView;
use vigil_analytics::objects::Look;

use super::super::TriggerFlags;
use super::super::frame::Whole;
use super::super::happening::{Happening, sane};
use super::{State, Wanted};
use crate::picture::Scaler;
use crate::prompt::Template;
use crate::select::{Shown, Sighting};
use crate::triggers::Trigger;
use crate::triggers::tracks::Change;

/// The box of a record, in pixels of the frame.
fn of_record(object: &ObjectRecord) -> BBox {
    let bbox = object.bbox;
    BBox {
        x: bbox.x as f32,
        y: bbox.y as f32,
        w: bbox.w as f32,
        h: bbox.h as f32,
    }
}

impl State {
    /// Keeps, samples and asks; whether a picture was taken.
    pub(super) fn ask_about(
        &mut self,
        view: &FrameView<'_>,
        pts: Option<gst::ClockTime>,
        look: Look,
        happenings: &[Happening],
        scaler: &mut Scaler,
    ) -> bool {
        let mut whole = Whole::new(view, self.plan.settings.max_side as usize);
        let kept = self.keep(view, pts, look, scaler, &mut whole);
        if self.plan.settings.window > 0 && self.window.is_due(self.clock) {
            let stamp = self.scene.stamp;
            let picture = whole.get(scaler);
            self.window.push(Shown { picture, stamp });
        }
        for happening in happenings {
            match happening.ask {
                Some(_) => self.verify(happening, view, scaler, &mut whole),
                None => self.ask_event(view, happening, scaler, &mut whole),
            }
        }
        self.ask_tracks();
        let cut = self.plan.has(TriggerFlags::SCENE_CHANGE) && self.cuts.look(view);
        if cut {
            self.ask_scene(Trigger::SceneChange, scaler, &mut whole, None);
        }
        if self.interval_is_due() {
            let interval = self.plan.settings.interval.max(1);
            // The first caption comes at once where there is no window to fill.
            let first = self.next_interval.is_none();
            self.next_interval = Some(self.clock.saturating_add(interval));
            if !first || self.plan.settings.window == 0 {
                self.ask_scene(Trigger::Interval, scaler, &mut whole, None);
            }
        }
        self.serve_pending(scaler, &mut whole);
        kept || whole.is_made()
    }

    /// Keeps the best views of objects; whether a picture was taken.
    fn keep(
        &mut self,
        view: &FrameView<'_>,
        pts: Option<gst::ClockTime>,
        look: Look,
        scaler: &mut Scaler,
        whole: &mut Whole<'_, '_>,
    ) -> bool {
        if !self.plan.keeps_tracks() || look != Look::Inferred {
            return false;
        }
        let (plan, found) = (self.plan.clone(), &self.found);
        let any_event = plan.has(TriggerFlags::EVENT);
        self.sightings.clear();
        self.sightings.extend(found.iter().map(|object| Sighting {
            track: object.track.map_or(0, |track| track.id),
            bbox: object.bbox,
            confidence: object.confidence,
            wanted: object.track.is_some()
                && !object.is_coasted(pts)
                && (any_event || plan.wants_class(object.label_str())),
        }));
        let mut taken = false;
        self.keeper.look(
            view,
            self.scene.stamp,
            &self.sightings,
            scaler,
            &mut |scaler| {
                taken = true;
                whole.get(scaler)
            },
            &|i| sane(ObjectRecord::new(&found[i], pts)),
        );
        taken
    }

    fn ask_event(
        &mut self,
        view: &FrameView<'_>,
        happening: &Happening,
        scaler: &mut Scaler,
        whole: &mut Whole<'_, '_>,
    ) {
        let track = happening.object.as_ref().and_then(|object| object.track);
        let asked = track.map(|track| self.tracks.asked(track));
        // What is to be verified is worth more than a limit for talkative tracks.
        let asked = asked.filter(|_| !self.plan.verifies(happening));
        if let Err(limited) = self.limits.allow(self.clock, asked) {
            return self.asker.outbox.limit(limited.as_str());
        }
        if let Some(track) = track {
            self.tracks.ask(track);
        }
        if happening.judged {
            // It happened a while ago: this frame does not show it.
            if let Some(shot) = track.and_then(|track| self.keeper.best(track)) {
                self.asker.event_of(&self.scene, happening, shot);
            }
            return;
        }
        self.show_event(view, happening, scaler, whole);
    }

    /// Asks about an event that upstream holds back until it knows whether it is true: of all that
    /// limits questions only `per-minute` counts.
    fn verify(
        &mut self,
        happening: &Happening,
        view: &FrameView<'_>,
        scaler: &mut Scaler,
        whole: &mut Whole<'_, '_>,
    ) {
        if let Err(limited) = self.limits.allow_urgent(self.clock) {
            let outbox = &self.asker.outbox;
            outbox.limit(limited.as_str());
            return outbox.unanswered(&happening.parent.id, limited.as_str());
        }
        self.show_event(view, happening, scaler, whole);
    }

    /// Asks about an event of this frame: shown is the object as it was seen best, or as it is here
    /// where nothing was kept of it yet, and this frame. What is to be verified is shown as it is here
    /// where nothing else shows this frame.
    fn show_event(
        &self,
        view: &FrameView<'_>,
        happening: &Happening,
        scaler: &mut Scaler,
        whole: &mut Whole<'_, '_>,
    ) {
        let stamp = self.scene.stamp;
        let object = happening.object.as_ref();
        let best = object.and_then(|object| self.keeper.best(object.track?));
        let best = best.filter(|_| self.plan.view.frame || !self.plan.verifies(happening));
        let wants_now = best.is_none() && self.plan.view.crop;
        let now = object.filter(|_| wants_now).map(|object| {
            let mut get = |scaler: &mut Scaler| whole.get(scaler);
            let record = object.clone();
            self.keeper
                .shoot(view, stamp, of_record(object), scaler, &mut get, record)
        });
        let shot = best.or(now.as_ref());
        let wants_whole = self.plan.view.frame || shot.is_none_or(|shot| shot.crop.is_none());
        let shown = wants_whole.then(|| Shown {
            picture: whole.get(scaler),
            stamp,
        });
        self.asker.event(&self.scene, happening, shot, shown);
    }

    fn ask_tracks(&mut self) {
        for change in &self.changes {
            let (track, asked, trigger, flag) = match *change {
                Change::New(track) => {
                    let asked = self.tracks.asked(track);
                    (track, asked, Trigger::NewTrack, TriggerFlags::NEW_TRACK)
                }
                Change::Gone(track, asked) => {
                    (track, asked, Trigger::TrackEnd, TriggerFlags::TRACK_END)
                }
                Change::Dropped(_) => continue,
            };
            let Some(shot) = self.keeper.best(track).filter(|_| self.plan.has(flag)) else {
                continue;
            };
            if !self.plan.wants_class(&shot.object.label) {
                continue;
            }
            match self.limits.allow(self.clock, Some(asked)) {
                Ok(()) => {
                    let first = shot.object.first_seen;
                    self.asker.object(&self.scene, trigger, track, shot, first);
                    self.tracks.ask(track);
                }
                Err(limited) => self.asker.outbox.limit(limited.as_str()),
            }
        }
    }

    /// Tracks that are over need no views any more.
    pub(super) fn forget_gone(&mut self) {
        for change in &self.changes {
            if let Change::Gone(track, _) | Change::Dropped(track) = change {
                self.keeper.forget(*track);
            }
        }
    }

    fn ask_scene(
        &mut self,
        trigger: Trigger,
        scaler: &mut Scaler,
        whole: &mut Whole<'_, '_>,
        own: Option<(Ulid, Option<Template>)>,
    ) {
        if own.is_none()
            && let Err(limited) = self.limits.allow(self.clock, None)
        {
            return self.asker.outbox.limit(limited.as_str());
        }
        if trigger == Trigger::Interval && !self.window.epoch().is_empty() {
            self.window_asked = self.window.epoch().last().map(|last| last.stamp.number);
            self.asker
                .scene(&self.scene, trigger, self.window.epoch(), own);
            return;
        }
        // Everything else is about this very frame.
        let mut frames = match trigger {
            Trigger::SceneChange => Vec::new(),
            _ => self.window.epoch().to_vec(),
        };
        let stamp = self.scene.stamp;
        if frames.last().is_none_or(|last| last.stamp != stamp) {
            let picture = whole.get(scaler);
            frames.push(Shown { picture, stamp });
        }
        self.asker.scene(&self.scene, trigger, &frames, own);
    }

    fn serve_pending(&mut self, scaler: &mut Scaler, whole: &mut Whole<'_, '_>) {
        for wanted in std::mem::take(&mut self.pending) {
            match wanted {
                Wanted::Caption(id, template) => {
                    self.ask_scene(Trigger::Manual, scaler, whole, Some((id, template)));
                }
                Wanted::Answer(id, question) => {
                    let stamp = self.scene.stamp;
                    let picture = whole.get(scaler);
                    let frames = vec![Shown { picture, stamp }];
                    self.asker
                        .question(&self.scene, id, &question, frames, &self.history);
                }
            }
        }
    }
}
