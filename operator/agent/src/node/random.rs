//! More nodes and more trouble than can be searched: some of the ways, drawn at random.

use proptest::prelude::*;

use super::check::{check_always, check_end, ends};
use super::world::{Budget, World};

/// Draws until nothing more happens.
fn wander(nodes: usize, budget: Budget, draws: &[u16]) {
    let mut world = World::new(nodes, budget);
    for draw in draws.iter().cycle().zip(0_u16..).map(|(draw, step)| draw.wrapping_add(step)) {
        let choices = world.choices();
        if ends(&choices) {
            return check_end(&world);
        }
        world.choose(choices[usize::from(draw) % choices.len()]);
        check_always(&world);
    }
    panic!("has not ended: {world:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn many_nodes_in_some_order(
        nodes in 1_usize..9,
        (failures, deaths) in (0_u8..3, 0_u8..4),
        (breaks, late) in (0_u8..6, 0_u8..3),
        draws in proptest::collection::vec(any::<u16>(), 50..400),
    ) {
        wander(nodes, Budget { failures, deaths, breaks, late }, &draws);
    }
}

#[test]
fn nothing_happens_to_sixty_four_nodes() {
    let draws: Vec<u16> = (0..997).map(|i: u16| i.wrapping_mul(40_503)).collect();
    wander(64, Budget { failures: 0, deaths: 0, breaks: 0, late: 0 }, &draws);
}
