//! Between the words of the domain and their v1 spelling.
//!
//! Inwards conversions can refuse (`TryFrom`): behind them nothing is optional that must be there. Outwards they cannot
//! fail (`From<&T>`, and `From<T>` for what is sent whole).
//!
//! Read in this order:
//! 1. [`error`]: how a refusal says where and why;
//! 2. `simple`, [`resources`]: ids, times, labels; the three spellings of a resource;
//! 3. `command`, `container`, `check`, `executor`, `task`, `status`: what is run;
//! 4. `framework`, `agent`, `master`, `offer`, `operation`, `constraint`, `shown`: who shares what;
//! 5. [`call`], [`event`], [`executor_api`]: whole calls and events, and for whom an event is spelled.

pub mod call;
pub mod error;
pub mod event;
pub mod executor_api;
pub mod resources;

mod agent;
mod check;
mod command;
mod constraint;
mod container;
mod executor;
mod framework;
mod master;
mod offer;
mod operation;
mod shown;
mod simple;
mod status;
mod task;
mod volume;

pub use agent::agent_capabilities;
pub use error::{CallError, ConvertError};
pub use offer::inverse_offer;
pub use resources::{Format, Spelling};
pub(crate) use shown::drain_start;
pub use simple::fault_domain;
pub(crate) use simple::labels_out;
pub use task::{limits, limits_out};

/// Pairs the values of a v1 enum with those of the domain; what has no pair is refused.
macro_rules! same_enum {
    ($v1:ty, $model:ty { $($spelled:ident = $meant:ident),* $(,)? }) => {
        impl From<$model> for $v1 {
            fn from(value: $model) -> Self {
                match value {
                    $(<$model>::$meant => <$v1>::$spelled,)*
                }
            }
        }

        impl TryFrom<$v1> for $model {
            type Error = $crate::convert::ConvertError;

            #[allow(unreachable_patterns, reason = "some enums have no value that means nothing")]
            fn try_from(value: $v1) -> Result<Self, $crate::convert::ConvertError> {
                match value {
                    $(<$v1>::$spelled => Ok(<$model>::$meant),)*
                    other => Err($crate::convert::ConvertError::new(format!("{} is not supported", other.as_str_name()))),
                }
            }
        }
    };
}

/// Lets a value be converted without keeping it, where the conversion needs only a look.
macro_rules! owned {
    ($($model:ty => $v1:ty),* $(,)?) => {$(
        impl From<$model> for $v1 {
            fn from(value: $model) -> Self {
                Self::from(&value)
            }
        }
    )*};
}

use {owned, same_enum};

/// The value of an optional v1 enum: absent when it is not there or not one we know.
fn optional<V1, M>(number: Option<i32>) -> Result<Option<M>, ConvertError>
where
    V1: TryFrom<i32>,
    M: TryFrom<V1, Error = ConvertError>,
{
    number.and_then(|number| V1::try_from(number).ok()).map(M::try_from).transpose()
}

/// The value of a v1 enum that must be there.
fn required<V1, M>(number: i32) -> Result<M, ConvertError>
where
    V1: TryFrom<i32>,
    M: TryFrom<V1, Error = ConvertError>,
{
    V1::try_from(number).map_err(|_| ConvertError::new(format!("{number} is not supported")))?.try_into()
}

/// Converts each; an error names the place.
fn each<A, B>(items: Vec<A>, field: &str) -> Result<Vec<B>, ConvertError>
where
    B: TryFrom<A, Error = ConvertError>,
{
    items
        .into_iter()
        .enumerate()
        .map(|(index, item)| B::try_from(item).map_err(|error| error.at(&format!("{field}[{index}]"))))
        .collect()
}

/// Converts what may be there.
fn maybe<A, B>(item: Option<A>, field: &str) -> Result<Option<B>, ConvertError>
where
    B: TryFrom<A, Error = ConvertError>,
{
    item.map(|item| B::try_from(item).map_err(|error| error.at(field))).transpose()
}

/// Spells each.
fn all<'a, A: 'a, B: From<&'a A>>(items: impl IntoIterator<Item = &'a A>) -> Vec<B> {
    items.into_iter().map(B::from).collect()
}

/// Bytes that are absent when there are none.
fn bytes(data: &[u8]) -> Option<Vec<u8>> {
    (!data.is_empty()).then(|| data.to_vec())
}
