use super::*;

/// Across the middle, from left to right: forward is downwards.
const RULES: &str = "[[line]]\nname='gate'\nfrom=[0.2,0.5]\nto=[0.8,0.5]\n";

fn walk(world: &mut World, ys: &[f32]) {
    for y in ys {
        world.look(&[person(1, 50.0, *y)]);
    }
}

fn directions(world: &World) -> Vec<&str> {
    (world.events.iter())
        .map(|e| e["data"]["direction"].as_str().unwrap())
        .collect()
}

#[test]
fn crossing_counts_by_direction() {
    let mut world = World::new(RULES);
    walk(
        &mut world,
        &[40.0, 45.0, 55.0, 60.0, 55.0, 45.0, 40.0, 60.0],
    );
    assert_eq!(directions(&world), ["forward", "backward", "forward"]);
    let last = &world.events[2];
    assert_eq!(last["phase"], "instant");
    assert_eq!(last["line"], "gate");
    assert_eq!(last["data"]["counts"]["forward"], 2);
    assert_eq!(last["data"]["counts"]["backward"], 1);
}

#[test]
fn jumping_over_in_one_step_counts() {
    let mut world = World::new(RULES);
    walk(&mut world, &[1.0, 99.0]);
    assert_eq!(directions(&world), ["forward"]);
}

#[test]
fn an_object_hidden_while_it_crosses_counts_when_it_is_seen_again() {
    let mut world = World::new(RULES);
    walk(&mut world, &[40.0, 45.0]);
    world.looks(50, &[]);
    walk(&mut world, &[60.0]);
    assert_eq!(directions(&world), ["forward"]);
}

#[test]
fn an_object_that_was_given_up_while_it_crossed_counts_once_when_it_is_back() {
    let mut world = World::new(RULES);
    walk(&mut world, &[40.0, 45.0]);
    let mut out = Vec::new();
    world.engine.lose(1, &mut out);
    assert!(out.is_empty());
    world.looks(20, &[]);
    walk(&mut world, &[60.0, 65.0]);
    assert_eq!(directions(&world), ["forward"]);
    assert_eq!(world.events[0]["data"]["counts"]["forward"], 1);
}

#[test]
fn trembling_on_the_line_does_not_count() {
    let mut world = World::new(RULES);
    walk(&mut world, &[40.0, 45.0]);
    for i in 0..50 {
        walk(&mut world, &[if i % 2 == 0 { 50.3 } else { 49.7 }]);
    }
    assert_eq!(directions(&world), [""; 0]);
    walk(&mut world, &[52.0]);
    assert_eq!(directions(&world), ["forward"]);
}

#[test]
fn without_a_margin_the_first_point_beyond_counts() {
    let mut world = World::new(&format!("{RULES}margin = 0\n"));
    walk(&mut world, &[40.0, 50.25, 49.75]);
    assert_eq!(directions(&world), ["forward", "backward"]);
}

#[test]
fn a_crossing_before_the_object_is_sure_counts_later() {
    let mut world = World::new(&format!("{RULES}min-sightings = 4\n"));
    walk(&mut world, &[40.0, 60.0]);
    assert_eq!(directions(&world), [""; 0]);
    walk(&mut world, &[65.0, 70.0]);
    assert_eq!(directions(&world), ["forward"]);
}

#[test]
fn one_direction_can_be_chosen_and_both_are_counted() {
    let mut world = World::new(&format!("{RULES}direction = 'backward'\n"));
    walk(&mut world, &[40.0, 60.0, 40.0, 60.0, 40.0]);
    assert_eq!(directions(&world), ["backward", "backward"]);
    assert_eq!(world.events[1]["data"]["counts"]["forward"], 2);
}

#[test]
fn counts_outlive_other_rules_and_begin_anew_with_another_stream() {
    let mut world = World::new(RULES);
    walk(&mut world, &[40.0, 60.0]);
    world.replace(&format!("{RULES}[[object]]\nname='o'\n"));
    walk(&mut world, &[40.0]);
    assert_eq!(world.events.last().unwrap()["data"]["counts"]["forward"], 1);
    world.end_all(Reason::StreamChanged);
    world.events.clear();
    walk(&mut world, &[40.0, 60.0]);
    let crossed = world.events.last().unwrap();
    assert_eq!(crossed["data"]["counts"]["forward"], 1);
    assert_eq!(crossed["data"]["counts"]["backward"], 0);
}

#[test]
fn tracks_do_not_mix() {
    let mut world = World::new(RULES);
    for _ in 0..10 {
        world.look(&[person(1, 50.0, 40.0), person(2, 50.0, 60.0)]);
    }
    assert_eq!(world.happened(), [""; 0]);
}
