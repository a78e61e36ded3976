use std::collections::HashSet;

use super::*;

fn fleet(meters: u32, dcus: u32) -> Fleet {
    Fleet::new(7, meters, dcus, 5, 1800, 3, true, false).expect("the arguments are in range")
}

#[test]
fn concentrators_share_the_meters_and_each_meter_has_one() {
    for (meters, dcus) in [(10, 1), (10, 3), (10, 7), (10, 10), (1_000, 17)] {
        let fleet = fleet(meters, dcus);
        let mut next = 5;
        for dcu in 1..=dcus {
            let range = fleet.range_of(dcu).expect("it is one of the fleet's");
            assert_eq!(range.start, next);
            assert!(!range.is_empty());
            assert!(range.clone().all(|meter| fleet.dcu_of(meter) == dcu));
            next = range.end;
        }
        assert_eq!(next, meters + 5);
        assert_eq!((fleet.dcu_of(4), fleet.dcu_of(next)), (0, 0));
    }
}

#[test]
fn titles_are_unique_and_counters_rise_by_one() {
    let fleet = fleet(5_000, 2);
    let titles = fleet.fleet().map(|id| fleet.recipe.traits(id).title(7));
    assert_eq!(titles.collect::<HashSet<_>>().len(), 5_000);
    let counters: Vec<_> = (0..3).map(|_| fleet.next_counter(9)).collect();
    assert_eq!(counters, [3, 4, 5]);
    assert_eq!((fleet.next_counter(8), fleet.next_counter(1)), (3, 1));
}

#[test]
fn slots_stand_on_the_local_grid() {
    let fleet = Fleet::new(7, 1, 1, 1, 3600, 1, true, false).expect("in range");
    // 2026-11-20 00:00 in India is 18:30 UTC the day before.
    let midnight_s = 1_795_113_000;
    let slot = fleet.recipe.slot_at(midnight_s);
    assert_eq!(fleet.recipe.start_s(slot), midnight_s);
    assert_eq!(fleet.recipe.slot_at(midnight_s + 3599), slot);
    assert_eq!(fleet.recipe.slot_at(midnight_s - 1), slot - 1);
}

#[test]
fn bulk_frames_are_the_single_ones_and_sum_to_the_truth() {
    let (bulk, single) = (fleet(300, 1), fleet(300, 1));
    let job = Job {
        meters: bulk.fleet(),
        first_slot: 1_000_000,
        pushes: 2,
        per_push: 3,
    };
    let encoded = bulk.encode(&job).expect("three intervals fit");
    assert_eq!(encoded.ends.len(), 600);
    let run = Slots {
        first: 1_000_000,
        count: 6,
    };
    assert_eq!(encoded.sums, bulk.sum(bulk.fleet(), run));
    let mut octets = Vec::new();
    let mut pusher = Pusher::new(single.recipe);
    for first in [1_000_000, 1_000_003] {
        for id in single.fleet() {
            let slots = Slots { first, count: 3 };
            let traits = single.recipe.traits(id);
            let counter = single.next_counter(id);
            let mut sums = Sums::default();
            pusher
                .push(
                    &traits,
                    slots,
                    counter,
                    Lie::default(),
                    &mut octets,
                    &mut sums,
                )
                .expect("three intervals fit");
        }
    }
    assert_eq!(octets, encoded.octets);
}
