//! How a Docker image is named.

use std::fmt;
use std::str::FromStr;

/// Shape: `[registry/]repository[:tag][@algorithm:digest]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// With the registry, if one was named.
    pub repository: String,
    pub tag: Option<String>,
    /// As in `sha256:…`.
    pub digest: Option<String>,
}

/// The tag of whoever names none.
const LATEST: &str = "latest";

/// The longest name. Unit: bytes.
const LONGEST: usize = 255;

impl Reference {
    /// The names under which one may have saved it, the likeliest first.
    pub(crate) fn file_names(&self) -> Vec<String> {
        let given = self.to_string();
        let other = match (&self.tag, &self.digest) {
            (None, None) => Some(format!("{}:{LATEST}", self.repository)),
            (Some(tag), None) if tag == LATEST => Some(self.repository.clone()),
            _ => None,
        };
        [given].into_iter().chain(other).map(|name| format!("{name}.tar")).collect()
    }

    /// Whether an archive that calls an image so means this one. What everybody leaves out may be left out.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        let short = |name: &str| {
            let name = name.strip_prefix("docker.io/").unwrap_or(name);
            name.strip_prefix("library/").unwrap_or(name).to_owned()
        };
        let Ok(other) = name.parse::<Self>() else { return false };
        let tag = |reference: &Self| reference.tag.clone().unwrap_or_else(|| LATEST.to_owned());
        short(&self.repository) == short(&other.repository) && tag(self) == tag(&other)
    }
}

impl FromStr for Reference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("'{text}' is no name of an image: {why}");
        if text.is_empty() || text.len() > LONGEST {
            return Err(wrong("it must have 1 to 255 characters"));
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        if let Some(digest) = digest {
            let hex = digest.strip_prefix("sha256:").ok_or_else(|| wrong("its digest is not a sha256"))?;
            if !is_hex(hex) {
                return Err(wrong("its digest is not 64 hexadecimal digits"));
            }
        }
        // A colon before the last slash is that of a registry's port.
        let (repository, tag) = match rest.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
            _ => (rest, None),
        };
        let plain = |part: &str, also: &str| {
            let good = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c) || also.contains(c);
            !part.is_empty() && !part.starts_with(['.', '-']) && part.chars().all(good)
        };
        let mut parts = repository.split('/');
        let first = parts.next().unwrap_or_default();
        if !plain(first, ":") || !parts.all(|part| plain(part, "")) || repository.ends_with(':') {
            return Err(wrong("the parts between slashes are letters, digits, '.', '_' and '-'"));
        }
        if tag.is_some_and(|tag| !plain(tag, "")) {
            return Err(wrong("its tag is letters, digits, '.', '_' and '-'"));
        }
        Ok(Self {
            repository: repository.to_owned(),
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repository)?;
        self.tag.as_ref().map_or(Ok(()), |tag| write!(f, ":{tag}"))?;
        self.digest.as_ref().map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

/// Whether a text is a sha256 in lower hexadecimal digits.
pub(crate) fn is_hex(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Reference, String> {
        text.parse()
    }

    #[test]
    fn a_name_has_a_registry_a_tag_and_a_digest_or_not() {
        let reference = parse("localhost:5000/team/app:1.2").unwrap();
        assert_eq!(
            (reference.repository.as_str(), reference.tag.as_deref()),
            ("localhost:5000/team/app", Some("1.2"))
        );
        let reference = parse("localhost:5000/app").unwrap();
        assert_eq!((reference.repository.as_str(), reference.tag), ("localhost:5000/app", None));
        let digest = format!("app@sha256:{}", "0a".repeat(32));
        assert_eq!(parse(&digest).unwrap().to_string(), digest);
    }

    #[test]
    fn a_name_never_leads_elsewhere() {
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a//b",
            "a:",
            "a b",
            "a@md5:00",
            "a@sha256:0",
            ".x",
            "a:t/../x",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn latest_and_library_go_without_saying() {
        assert_eq!(parse("app").unwrap().file_names(), ["app.tar", "app:latest.tar"]);
        assert_eq!(parse("app:latest").unwrap().file_names(), ["app:latest.tar", "app.tar"]);
        assert_eq!(parse("app:2").unwrap().file_names(), ["app:2.tar"]);
        assert!(parse("app").unwrap().is_called("docker.io/library/app:latest"));
        assert!(!parse("app:2").unwrap().is_called("app:3"));
    }
}
