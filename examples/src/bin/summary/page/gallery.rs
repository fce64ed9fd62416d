//! Pictures of moments.

use gst::glib;
use maud::{Markup, html};
use vigil_analytics::Event;

use super::text::coordinate;
use super::timeline::class_name;
use crate::figures::Figures;
use crate::moments::Moment;
use crate::video::Picture;

/// Events that a caption names; of more it says how many.
const NAMED: usize = 3;

/// The section's content.
pub fn render(figures: &Figures, moments: &[Moment]) -> Markup {
    html! {
        @if moments.is_empty() {
            p.note { "No pictures: --video gives the video that the events are of." }
        }
        div.gallery {
            @for moment in moments {
                @if let Some(picture) = &moment.picture {
                    figure.moment data-name=(words(moment)) {
                        (framed(picture, moment))
                        (caption(figures, moment))
                    }
                }
            }
        }
    }
}

/// What the search field searches.
fn words(moment: &Moment) -> String {
    let events = moment.events.iter();
    let words: Vec<_> = events
        .map(|e| format!("{} {} {}", e.event, who(e), place(e)))
        .collect();
    words.join(" ")
}

fn framed(picture: &Picture, moment: &Moment) -> Markup {
    let source = format!(
        "data:image/jpeg;base64,{}",
        glib::base64_encode(&picture.jpeg)
    );
    let first = moment.events.first();
    let text = first
        .map(|e| format!("{} {}", e.event, who(e)))
        .unwrap_or_default();
    html! {
        div.frame {
            img src=(source) width=(picture.width) height=(picture.height) loading="lazy" alt=(text);
            @if let Some(event) = first { (outline(event)) }
        }
    }
}

/// The object that the picture is about, as a part of the frame. Of an object that is gone it is
/// where it was last.
fn outline(event: &Event) -> Markup {
    let (width, height) = (f64::from(event.frame.width), f64::from(event.frame.height));
    let Some(object) = event
        .object
        .as_ref()
        .filter(|_| width > 0.0 && height > 0.0)
    else {
        return html! {};
    };
    let part = |value: f64, of: f64| coordinate((100.0 * value / of).clamp(0.0, 100.0));
    let b = &object.bbox;
    let right = part(width - b.x - b.w, width);
    let bottom = part(height - b.y - b.h, height);
    let reason = event.data.get("reason").and_then(|r| r.as_str());
    let gone = reason
        .is_some_and(|reason| reason != "outside")
        .then_some("gone");
    html! {
        i class={ "outline " (gone.unwrap_or_default()) }
            style={ "left:" (part(b.x, width)) "%;top:" (part(b.y, height)) "%;right:" (right) "%;bottom:" (bottom) "%" } {}
    }
}

fn caption(figures: &Figures, moment: &Moment) -> Markup {
    let timeline = &figures.timeline;
    let time = timeline.at(moment.stamp).map(|t| timeline.axis.exact(t));
    let named = moment.events.iter().take(NAMED);
    let more = moment.events.len().saturating_sub(NAMED);
    html! {
        figcaption {
            time { (time.unwrap_or_default()) }
            @for event in named {
                div { b { (event.event) } span { (detail(event)) } }
            }
            @if more > 0 { div { span { "and " (more) " more" } } }
        }
    }
}

/// `person 7 · door · forward`.
fn detail(event: &Event) -> String {
    let direction = event.data.get("direction").and_then(|d| d.as_str());
    let parts = [
        who(event),
        place(event),
        direction.unwrap_or_default().to_owned(),
    ];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(" · ")
}

fn who(event: &Event) -> String {
    match &event.object {
        None => String::new(),
        Some(object) => match object.track {
            Some(track) => format!("{} {track}", class_name(&object.label)),
            None => class_name(&object.label).to_owned(),
        },
    }
}

fn place(event: &Event) -> String {
    let place = event.zone.as_ref().or(event.line.as_ref());
    place.cloned().unwrap_or_default()
}
