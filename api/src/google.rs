//! The one type the API takes from Google's.

/// A length of time, as `google.protobuf.Duration` spells it; in JSON the plain object, not the canonical `"1.5s"`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct Duration {
    #[prost(int64, optional, tag = "1")]
    pub seconds: Option<i64>,
    #[prost(int32, optional, tag = "2")]
    pub nanos: Option<i32>,
}
