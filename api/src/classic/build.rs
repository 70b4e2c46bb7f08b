//! `/version` and `/flags`: what runs, and how it was started.

use std::collections::BTreeMap;

use super::fields;
use super::value::{Map, write_object};
use crate::json::write;

/// Which build is running.
#[derive(Clone, Copy, Debug)]
pub struct Build<'a> {
    /// The Mesos version whose API is served: clients cut it at the dots.
    pub version: &'a str,
    pub date: &'a str,
    /// Unit: seconds since the epoch.
    pub time: f64,
    pub user: &'a str,
    pub git_sha: Option<&'a str>,
    pub git_branch: Option<&'a str>,
    pub git_tag: Option<&'a str>,
    /// Our own version; in `/version` alone.
    pub hectare_version: Option<&'a str>,
}

/// The Mesos version whose API we serve.
pub const API_VERSION: &str = "1.11.0";

impl Build<'static> {
    /// This build. Two builds of one source are equal, so its date is that of the source, not of the compiler's run.
    pub const OURS: Build<'static> = Build {
        version: API_VERSION,
        date: "2026-11-21 00:00:00 UTC",
        time: 1_795_219_200.0,
        user: "hectare",
        git_sha: None,
        git_branch: None,
        git_tag: None,
        hectare_version: Some(env!("CARGO_PKG_VERSION")),
    };
}

impl Build<'_> {
    /// The first fields of every `/state`.
    pub(super) fn write_fields(&self, out: &mut Vec<u8>) {
        fields! { out;
            "version": self.version,
            "git_sha"?: self.git_sha,
            "git_branch"?: self.git_branch,
            "git_tag"?: self.git_tag,
            "build_date": self.date,
            "build_time": self.time,
            "build_user": self.user,
        }
    }
}

/// `/version`, its keys in order.
pub fn version(build: &Build<'_>) -> Vec<u8> {
    body(|out| {
        fields! { out;
            "build_date": build.date,
            "build_time": build.time,
            "build_user": build.user,
            "git_branch"?: build.git_branch,
            "git_sha"?: build.git_sha,
            "git_tag"?: build.git_tag,
            "hectare_version"?: build.hectare_version,
            "version": build.version,
        }
    })
}

/// `/flags`.
pub fn flags(flags: &BTreeMap<String, String>) -> Vec<u8> {
    body(|out| write::one(out, "\"flags\":", &Map(flags.iter())))
}

pub(super) fn body(fields: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write_object(&mut out, fields);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_numbers_and_dots() {
        let text = String::from_utf8(version(&Build::OURS)).expect("JSON is text");
        assert!(text.ends_with(r#""version":"1.11.0"}"#), "{text}");
        assert!(
            text.starts_with(r#"{"build_date":"2026-11-21 00:00:00 UTC","build_time":1795219200.0,"#),
            "{text}"
        );
    }

    #[test]
    fn flags_are_texts_by_name() {
        let set = BTreeMap::from([
            ("port".to_owned(), "5050".to_owned()),
            ("quiet".to_owned(), "false".to_owned()),
        ]);
        assert_eq!(flags(&set), br#"{"flags":{"port":"5050","quiet":"false"}}"#);
        assert_eq!(flags(&BTreeMap::new()), br#"{"flags":{}}"#);
    }
}
