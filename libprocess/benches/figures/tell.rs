//! One process tells another on the same shard, 8 bytes at a time.

use crate::fan_in::compared;
use crate::measure::Figure;

pub(crate) fn figures() -> Vec<Figure> {
    vec![compared(1, 1_000, "same shard, 8 bytes", Some(1.3))]
}
