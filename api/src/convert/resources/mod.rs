//! Resources, which have three spellings.
//!
//! | spelling | reservations as | for |
//! |---|---|---|
//! | refined | `reservations[]` | frameworks with RESERVATION_REFINEMENT, executors |
//! | legacy | `role` and `reservation` | frameworks without |
//! | endpoint | both, as far as the old one reaches | operators, of totals and sums |
//!
//! Inwards all three are understood.

use model::framework::FrameworkCapabilities;

mod disk;
mod quantities;
mod read;
mod write;

pub use quantities::{read_quantities, write_quantities};
pub use read::{amount, read};
pub use write::{write, write_one};

/// How reservations are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Refined,
    Legacy,
    Endpoint,
}

/// How resources are spelled for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spelling {
    pub format: Format,
    /// Whether they see to which role it is allocated.
    pub allocation: bool,
}

impl Spelling {
    /// All there is, in the new form.
    pub const FULL: Spelling = Spelling { format: Format::Refined, allocation: true };

    /// How operators read totals and sums; tasks, executors and offers are shown to them in full.
    pub const ENDPOINT: Spelling = Spelling { format: Format::Endpoint, allocation: true };

    /// What a scheduler with these capabilities expects.
    pub fn for_scheduler(capabilities: &FrameworkCapabilities) -> Self {
        let format = if capabilities.reservation_refinement() { Format::Refined } else { Format::Legacy };
        Self { format, allocation: capabilities.multi_role() }
    }

    /// What an executor of a framework with these capabilities expects.
    pub fn for_executor(capabilities: &FrameworkCapabilities) -> Self {
        Self { format: Format::Refined, allocation: capabilities.multi_role() }
    }
}

#[cfg(test)]
mod tests {
    use model::{Reservation, Resource};

    use super::*;
    use crate::v1;
    use crate::v1::resource::{AllocationInfo, ReservationInfo};

    fn spelled(name: &str, amount: f64) -> v1::Resource {
        v1::Resource {
            name: name.into(),
            r#type: v1::value::Type::Scalar as i32,
            scalar: Some(v1::value::Scalar { value: amount }),
            ..Default::default()
        }
    }

    fn refusal(resource: v1::Resource) -> String {
        Resource::try_from(resource).unwrap_err().to_string()
    }

    #[test]
    fn the_old_and_the_new_spelling_mean_the_same() {
        let mut old = spelled("disk", 64.0);
        old.role = Some("web".into());
        old.reservation = Some(ReservationInfo { principal: Some("me".into()), ..Default::default() });
        let meant = Resource::try_from(old.clone()).unwrap();
        assert_eq!(meant.reservations, [Reservation::dynamic("web", Some("me"))]);
        assert_eq!(write_one(&meant, Spelling { format: Format::Legacy, allocation: false }), old);
        let both = write_one(&meant, Spelling::ENDPOINT);
        assert_eq!((both.role.as_deref(), both.reservations.len()), (Some("web"), 1));
        assert_eq!(Resource::try_from(both).as_ref(), Ok(&meant));
        assert_eq!(Resource::try_from(write_one(&meant, Spelling::FULL)), Ok(meant));
    }

    #[test]
    fn spellings_that_contradict_each_other_are_refused() {
        let mut mixed = spelled("cpus", 1.0);
        mixed.role = Some("a".into());
        mixed.reservations = vec![ReservationInfo::from(&Reservation::fixed("b"))];
        assert!(refusal(mixed).contains("must not be set with"));
        let mut free = spelled("cpus", 1.0);
        free.reservation = Some(ReservationInfo::default());
        assert!(refusal(free).contains("cannot be reserved"));
    }

    #[test]
    fn what_is_no_amount_is_refused_with_its_name() {
        let mut negative = spelled("cpus", -1.0);
        negative.allocation_info = Some(AllocationInfo { role: Some("roleA".into()) });
        assert_eq!(
            refusal(negative),
            "Resource 'cpus(allocated: roleA):-1' is invalid: Invalid scalar resource: value <= 0"
        );
        assert!(refusal(spelled("cpus", f64::NAN)).contains("not a finite number"));
        assert!(refusal(spelled("cpus", f64::INFINITY)).contains("not a finite number"));
        assert_eq!(
            refusal(spelled("cpus", 1e308)),
            "Resource 'cpus:1e308' is invalid: Invalid scalar resource: value is out of range"
        );
        let mut typed = spelled("ports", 1.0);
        typed.r#type = v1::value::Type::Ranges as i32;
        assert!(refusal(typed).contains("Invalid ranges resource"));
    }

    #[test]
    fn a_list_that_claims_a_port_twice_or_never_ends_is_refused() {
        let ports = |begin, end| v1::Resource {
            name: "ports".into(),
            r#type: v1::value::Type::Ranges as i32,
            ranges: Some(v1::value::Ranges { range: vec![v1::value::Range { begin, end }] }),
            ..Default::default()
        };
        assert!(read(vec![ports(1, 5), ports(6, 9)]).is_ok());
        assert!(read(vec![ports(1, 5), ports(5, 9)]).unwrap_err().to_string().contains("overlap"));
        assert!(read(vec![spelled("cpus", 1.0); 1025]).is_err());
    }
}
