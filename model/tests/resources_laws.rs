//! What is true of every bag of resources.

use libprocess_wire as wire;
use model::testing::{Side, bags, quantities, ranges, resource, roles, sets};
use model::{Quantities, Ranges, Reservation, Resource, Resources};
use proptest::prelude::*;

/// A part of the bag: every resource in whole, in part or not at all.
fn part_of(bag: &Resources, choices: &[u8]) -> Resources {
    bag.iter()
        .zip(choices.iter().chain(std::iter::repeat(&1)))
        .filter_map(|(resource, choice)| match choice % 3 {
            0 => None,
            1 => Some(resource.clone()),
            _ => Some(halved(resource)),
        })
        .collect()
}

/// Half of a resource that can be cut, or all of it.
fn halved(resource: &Resource) -> Resource {
    let mut half = resource.clone();
    if let model::Value::Scalar(amount) = &mut half.value
        && !resource.is_indivisible()
        && amount.thousandths() > 1
        && &*resource.name != "gpus"
    {
        *amount = model::Scalar::from_thousandths(amount.thousandths() / 2);
    }
    half
}

/// Each resource in very many reservations: the same laws hold where an index finds what is looked for.
fn many(bag: &Resources) -> Resources {
    let reserved = bag.iter().flat_map(|resource| {
        (0..40).map(move |number| {
            let mut resource = resource.clone();
            resource.reservations.push(Reservation::dynamic(format!("role-{number}"), None));
            resource
        })
    });
    reserved.collect()
}

proptest! {
    #[test]
    fn many_are_added_and_taken_away_as_few_are(a in bags(Side::Left), b in bags(Side::Right), choices in prop::collection::vec(any::<u8>(), 64)) {
        let (a, b) = (many(&a), many(&b));
        prop_assert_eq!((&a + &b).checked_sub(&b), Some(a.clone()));
        prop_assert_eq!(&(&a + &b) - &b, a.clone());
        prop_assert_eq!(&a + &b, &b + &a);
        let part = part_of(&a, &choices);
        prop_assert!(a.contains(&part));
        let rest = a.checked_sub(&part).expect("it contains the part");
        prop_assert_eq!(&rest + &part, a.clone());
        prop_assert_eq!(&a - &part, rest);
        let owned = a.non_shared();
        prop_assert_eq!(owned.to_unreserved().scalar_quantities(), owned.scalar_quantities());
    }

    #[test]
    fn what_is_added_can_be_taken_away(a in bags(Side::Left), b in bags(Side::Right)) {
        prop_assert_eq!((&a + &b).checked_sub(&b), Some(a.clone()));
        prop_assert_eq!(&(&a + &b) - &b, a);
    }

    #[test]
    fn addition_has_no_order(a in bags(Side::Left), b in bags(Side::Right), c in bags(Side::Left)) {
        prop_assert_eq!(&a + &b, &b + &a);
        prop_assert_eq!(&(&a + &b) + &c, &a + &(&b + &c));
        prop_assert_eq!(&a + &Resources::new(), a);
    }

    #[test]
    fn a_bag_contains_what_can_be_taken_out_and_nothing_else(a in bags(Side::Left), b in bags(Side::Left)) {
        prop_assert_eq!(a.contains(&b), a.checked_sub(&b).is_some());
        prop_assert!(a.contains(&a));
        prop_assert!((&a + &b).contains(&a));
    }

    #[test]
    fn what_is_taken_out_can_be_put_back(bag in bags(Side::Left), choices in prop::collection::vec(any::<u8>(), 8)) {
        let part = part_of(&bag, &choices);
        prop_assert!(bag.contains(&part));
        let rest = bag.checked_sub(&part).expect("it contains the part");
        prop_assert_eq!(&rest + &part, bag.clone());
        prop_assert_eq!(&bag - &part, rest);
    }

    #[test]
    fn taking_all_leaves_nothing(bag in bags(Side::Left)) {
        prop_assert_eq!(bag.checked_sub(&bag), Some(Resources::new()));
        prop_assert!((&bag - &bag).is_empty());
    }

    #[test]
    fn a_bag_holds_each_kind_of_thing_once(resources in prop::collection::vec(resource(Side::Left), 0..12)) {
        let bag: Resources = resources.iter().cloned().collect();
        let again: Resources = bag.iter().cloned().collect();
        prop_assert_eq!(bag.len(), again.len());
        prop_assert!(bag.iter().all(|resource| !resource.is_empty()));
    }

    #[test]
    fn what_prints_is_read_again(bag in bags(Side::Left)) {
        // Disks and sharing have no text form.
        let bag = bag.filter(|resource| resource.disk.is_none());
        prop_assert_eq!(bag.to_string().parse::<Resources>(), Ok(bag));
    }

    #[test]
    fn a_bag_survives_the_wire(bag in bags(Side::Left)) {
        prop_assert_eq!(wire::decode::<Resources>(&wire::encode(&bag)).ok(), Some(bag));
    }

    #[test]
    fn every_generated_resource_may_exist(resource in resource(Side::Left)) {
        if !resource.is_empty() {
            prop_assert_eq!(resource.check(), Ok(()));
        }
    }

    #[test]
    fn allocation_and_reservation_are_undone(bag in bags(Side::Left), role in roles()) {
        let free = bag.unallocate();
        prop_assert_eq!(free.allocate(&role).unallocate(), free.clone());
        prop_assert_eq!(free.allocate(&role).allocated_to(&role).len(), free.len());
        let reservation = Reservation::dynamic("web/api/v1/x", None);
        prop_assert_eq!(bag.push_reservation(&reservation).pop_reservation(), bag);
    }

    #[test]
    fn the_parts_by_role_make_up_the_whole(bag in bags(Side::Left)) {
        let allocated: Resources = bag.allocations().into_values().sum();
        prop_assert_eq!(allocated + bag.unallocated(), bag.clone());
        let reserved: Resources = bag.reservations().into_values().sum();
        prop_assert_eq!(reserved + bag.unreserved(), bag);
    }

    #[test]
    fn numbers_add_up_as_their_things_do(a in bags(Side::Left), b in bags(Side::Right)) {
        let (a, b) = (a.non_shared(), b.non_shared());
        let mut sum = a.quantities();
        sum += &b.quantities();
        prop_assert_eq!((&a + &b).quantities(), sum);
    }

    #[test]
    fn quantities_are_taken_and_put_back(a in quantities(), b in quantities()) {
        let mut sum = a.clone();
        sum += &b;
        prop_assert!(sum.contains(&a) && sum.contains(&b));
        sum -= &b;
        prop_assert_eq!(sum, a);
    }

    #[test]
    fn ranges_behave_as_sets_of_numbers(a in ranges(Side::Left), b in ranges(Side::Left)) {
        let numbers = |ranges: &Ranges| ranges.numbers().collect::<std::collections::BTreeSet<_>>();
        prop_assert_eq!(numbers(&a.union(&b)), &numbers(&a) | &numbers(&b));
        prop_assert_eq!(numbers(&a.difference(&b)), &numbers(&a) - &numbers(&b));
        prop_assert_eq!(a.contains(&b), numbers(&a).is_superset(&numbers(&b)));
        prop_assert_eq!(a.overlaps(&b), !numbers(&a).is_disjoint(&numbers(&b)));
        prop_assert_eq!(a.count(), numbers(&a).len() as u64);
        prop_assert_eq!(a.to_string().parse::<Ranges>(), Ok(a));
    }

    #[test]
    fn intervals_are_apart(a in ranges(Side::Left), b in ranges(Side::Left)) {
        let all: Vec<_> = a.union(&b).iter().collect();
        prop_assert!(all.windows(2).all(|pair| pair[0].end + 1 < pair[1].begin));
    }

    #[test]
    fn sets_are_taken_and_put_back(a in sets(Side::Left), b in sets(Side::Right)) {
        prop_assert_eq!(a.union(&b).difference(&b), a);
    }
}

#[test]
fn a_shared_volume_is_counted_and_everything_else_is_not() {
    let mut volume: Resource = Resource::new("disk", model::Scalar::whole(8));
    volume.reservations = vec![Reservation::dynamic("web", None)];
    volume.disk = Some(std::sync::Arc::new(model::Disk {
        persistence: Some(model::Persistence { id: "v".into(), principal: None }),
        volume: Some(model::Volume::writable("data")),
        source: None,
    }));
    let mut shared = volume.clone();
    shared.shared = true;

    let mut bag = Resources::from_iter([shared.clone(), shared.clone()]);
    assert_eq!((bag.len(), bag.copies(&shared)), (1, 2));
    let one = Resources::from(shared.clone());
    bag = bag.checked_sub(&one).expect("two hold it");
    assert!(bag.contains_one(&shared));
    bag = bag.checked_sub(&one).expect("one holds it still");
    assert!(bag.is_empty() && bag.checked_sub(&one).is_none());

    let bag = Resources::from_iter([volume.clone(), volume]);
    assert_eq!(bag.len(), 2, "two of an indivisible thing stay two");
    assert_eq!(bag.quantities(), Quantities::from_iter([("disk", model::Scalar::whole(16))]));
}

#[test]
fn what_is_claimed_twice_is_found() {
    let bag: Resources = "cpus:1;ports:[1-10];devices:{a, b}".parse().unwrap();
    let overlap = |text: &str| bag.overlap(&text.parse().unwrap()).map(|name| name.to_string());
    assert_eq!(overlap("cpus:1;ports:[11-20]"), None);
    assert_eq!(overlap("ports(allocated: web):[10-20]").as_deref(), Some("ports"));
    assert_eq!(overlap("devices:{b, c}").as_deref(), Some("devices"));
}
