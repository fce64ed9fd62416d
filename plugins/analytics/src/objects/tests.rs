use super::*;

fn detection(x: f32, confidence: f32) -> Detection {
    Detection {
        label: gst::glib::Quark::from_str("person"),
        bbox: BBox {
            x,
            y: 2.25,
            w: 10.5,
            h: 20.75,
        },
        confidence,
    }
}

fn buffer(pts: u64) -> gst::Buffer {
    gst::init().unwrap();
    let mut buffer = gst::Buffer::new();
    buffer
        .get_mut()
        .unwrap()
        .set_pts(gst::ClockTime::from_mseconds(pts));
    buffer
}

#[test]
fn exact_boxes_survive_a_round_trip_and_a_copy() {
    let mut buffer = buffer(0);
    let detections: Vec<_> = (0..40)
        .map(|i| detection(i as f32 * 3.3, 0.5 + i as f32 / 100.0))
        .collect();
    write_detections(buffer.get_mut().unwrap(), &detections).unwrap();
    let copy = buffer.copy();
    let mut objects = Vec::new();
    assert_eq!(read(&copy, &mut objects), Look::Inferred);
    assert_eq!(objects.len(), 40);
    for (object, detection) in objects.iter().zip(&detections) {
        assert_eq!(object.bbox, detection.bbox);
        assert_eq!(object.confidence, detection.confidence);
        assert_eq!(object.label_str(), "person");
        assert_eq!(object.track, None);
    }
}

#[test]
fn whole_pixels_win_over_exact_boxes_that_disagree() {
    let mut buffer = buffer(0);
    write_detections(buffer.get_mut().unwrap(), &[detection(5.3, 0.5)]).unwrap();
    {
        // Somebody's element scaled the boxes, and knows only the standard meta.
        let buffer = buffer.get_mut().unwrap();
        let mut exact = gst::meta::CustomMeta::from_mut_buffer(buffer, SUBPIXEL_META).unwrap();
        let moved = [0f32, 80.0, 40.0, 10.0, 10.0].map(|v| v.to_send_value());
        exact
            .mut_structure()
            .set("boxes", gst::Array::from_values(moved));
    }
    let mut objects = Vec::new();
    read(&buffer, &mut objects);
    assert_eq!(objects[0].bbox.to_pixels(), (5, 2, 11, 21));
    assert_eq!(objects[0].bbox.x, 5.0);
}

#[test]
fn nothing_there_differs_from_not_looked() {
    let mut looked = buffer(0);
    let mut objects = vec![];
    assert_eq!(read(&looked, &mut objects), Look::Skipped);
    write_detections(looked.get_mut().unwrap(), &[]).unwrap();
    assert_eq!(read(&looked, &mut objects), Look::Inferred);
    assert!(objects.is_empty());
}

#[test]
fn a_look_at_the_last_use_of_a_pooled_buffer_is_no_look_at_this_one() {
    gst::init().unwrap();
    let pool = gst::BufferPool::new();
    let mut config = pool.config();
    config.set_params(None, 64, 1, 1);
    pool.set_config(config).unwrap();
    pool.set_active(true).unwrap();
    let mut objects = vec![];
    for _ in 0..3 {
        let mut buffer = pool.acquire_buffer(None).unwrap();
        mark_skipped(&mut buffer);
        assert_eq!(read(&buffer, &mut objects), Look::Skipped);
        write_detections(buffer.make_mut(), &[detection(0.0, 0.5)]).unwrap();
        mark_skipped(&mut buffer);
        assert_eq!(read(&buffer, &mut objects), Look::Inferred);
        assert_eq!(objects.len(), 1);
    }
    pool.set_active(false).unwrap();
}

#[test]
fn coasted_objects_do_not_make_a_buffer_inferred() {
    let mut buffer = buffer(200);
    let track = Track {
        id: 7,
        first_seen: gst::ClockTime::ZERO,
        last_seen: gst::ClockTime::from_mseconds(100),
        lost: false,
    };
    write_coasted(buffer.get_mut().unwrap(), &[(detection(1.5, 0.9), track)]).unwrap();
    let mut objects = vec![];
    assert_eq!(read(&buffer, &mut objects), Look::Skipped);
    assert_eq!(objects[0].track, Some(track));
    assert_eq!(objects[0].bbox.x, 1.5);
}

#[test]
fn tracks_are_found_from_their_objects() {
    let mut buffer = buffer(100);
    let detections: Vec<_> = (0..30).map(|i| detection(i as f32, 0.5)).collect();
    write_detections(buffer.get_mut().unwrap(), &detections).unwrap();
    let mut objects = vec![];
    read(&buffer, &mut objects);
    let pts = gst::ClockTime::from_mseconds(100);
    let tracks: Vec<_> = objects
        .iter()
        .map(|object| {
            let track = Track {
                id: 1000 + u64::from(object.id),
                first_seen: pts,
                last_seen: pts,
                lost: object.id == 3,
            };
            (object.id, track)
        })
        .collect();
    write_tracks(buffer.get_mut().unwrap(), &tracks).unwrap();
    assert_eq!(read(&buffer, &mut objects), Look::Inferred);
    for (object, (id, track)) in objects.iter().zip(&tracks) {
        assert_eq!((object.id, object.track), (*id, Some(*track)));
    }
}
