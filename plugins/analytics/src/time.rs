//! Wall-clock time of a buffer.

use gst::prelude::*;
pub use jiff::Timestamp;

/// What a live pipeline's position means in wall-clock time: sampled once for each buffer, since
/// the two clocks drift.
#[derive(Debug, Clone)]
pub struct LiveClock {
    /// The pipeline's clock.
    pub clock: gst::Clock,
    /// Clock time at which the running time was 0.
    pub base_time: gst::ClockTime,
}

impl LiveClock {
    /// The clock of an element in a live pipeline; `None` while it has none.
    pub fn of(element: &gst::Element) -> Option<Self> {
        Some(Self {
            clock: element.clock()?,
            base_time: element.base_time()?,
        })
    }

    fn wall_time(&self, running_time: gst::ClockTime) -> Option<Timestamp> {
        let at = self.base_time + running_time;
        let now = self.clock.time();
        let ago = i128::from(now.nseconds()) - i128::from(at.nseconds());
        Timestamp::from_nanosecond(Timestamp::now().as_nanosecond() - ago).ok()
    }
}

/// Seconds from the NTP epoch (1900) to the Unix epoch (1970).
const NTP_TO_UNIX_S: u64 = 2_208_988_800;

/// Wall-clock time of `buffer`: from its `GstReferenceTimestampMeta` (a camera's NTP or Unix time)
/// where it has one, else, with `live`, from the pipeline's clock and the buffer's running time.
pub fn wall_time(
    buffer: &gst::BufferRef,
    running_time: Option<gst::ClockTime>,
    live: Option<&LiveClock>,
) -> Option<Timestamp> {
    reference_time(buffer).or_else(|| live?.wall_time(running_time?))
}

fn reference_time(buffer: &gst::BufferRef) -> Option<Timestamp> {
    buffer
        .iter_meta::<gst::ReferenceTimestampMeta>()
        .find_map(|meta| {
            let ns = meta.timestamp().nseconds();
            let ns = match meta.reference().structure(0)?.name().as_str() {
                "timestamp/x-ntp" => ns.checked_sub(NTP_TO_UNIX_S * 1_000_000_000)?,
                "timestamp/x-unix" => ns,
                _ => return None,
            };
            Timestamp::from_nanosecond(i128::from(ns)).ok()
        })
}

/// RFC 3339 in UTC with milliseconds: `2026-01-01T12:00:00.123Z`.
pub fn to_rfc3339(time: Timestamp) -> String {
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer_with(reference: &str, ns: u64) -> gst::Buffer {
        gst::init().unwrap();
        let mut buffer = gst::Buffer::new();
        gst::ReferenceTimestampMeta::add(
            buffer.get_mut().unwrap(),
            &gst::Caps::new_empty_simple(reference),
            gst::ClockTime::from_nseconds(ns),
            gst::ClockTime::NONE,
        );
        buffer
    }

    #[test]
    fn camera_time_is_taken_from_the_buffer() {
        let unix = 1_767_268_800_123_000_000; // 2026-01-01T12:00:00.123Z
        for (reference, ns) in [
            ("timestamp/x-unix", unix),
            ("timestamp/x-ntp", unix + NTP_TO_UNIX_S * 1_000_000_000),
        ] {
            let time = wall_time(&buffer_with(reference, ns), None, None).unwrap();
            assert_eq!(to_rfc3339(time), "2026-01-01T12:00:00.123Z");
        }
        assert_eq!(
            wall_time(&buffer_with("timestamp/x-sensor", 5), None, None),
            None
        );
    }

    #[test]
    fn a_live_position_becomes_a_time_of_day() {
        gst::init().unwrap();
        let clock = gst::SystemClock::obtain();
        let live = LiveClock {
            base_time: clock.time() - gst::ClockTime::from_seconds(10),
            clock,
        };
        let buffer = gst::Buffer::new();
        let time = wall_time(&buffer, Some(gst::ClockTime::from_seconds(4)), Some(&live)).unwrap();
        let ago = Timestamp::now().as_millisecond() - time.as_millisecond();
        assert!((5_900..8_000).contains(&ago), "{ago} ms ago");
    }
}
