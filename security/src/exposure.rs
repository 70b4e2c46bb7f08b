//! Whether a listener may face a network.

use std::net::IpAddr;

/// How a listener is protected.
#[derive(Clone, Debug)]
pub struct Exposure {
    /// Where it listens.
    pub ip: IpAddr,
    /// Whether nothing but TLS is understood there.
    pub tls: bool,
    /// Flags that are off, and would have to be on for everybody to prove who they are.
    pub open: Vec<&'static str>,
    /// Whether its operator has said that the network is trusted.
    pub trusted: bool,
}

/// Lets pass what is on loopback, is protected, or was said to be meant so.
///
/// Errors: it faces a network and is not; in words that say what to do.
pub fn exposure(listener: &Exposure) -> Result<(), String> {
    let Exposure { ip, tls, open, trusted } = listener;
    if ip.is_loopback() || *trusted || (*tls && open.is_empty()) {
        return Ok(());
    }
    let mut lacks = Vec::new();
    if !tls {
        lacks.push("TLS (LIBPROCESS_SSL_ENABLED=1 with certificate, key and authorities)".to_owned());
    }
    if !open.is_empty() {
        let flags: Vec<String> = open.iter().map(|flag| format!("--{flag}")).collect();
        lacks.push(format!("authentication ({})", flags.join(", ")));
    }
    Err(format!(
        "{ip} faces a network, and whoever reaches it could run tasks here: it needs {}. Or listen on loopback with \
         --ip=127.0.0.1; or, if everybody on that network is trusted, say --allow_insecure. docs/security.md shows how",
        lacks.join(" and ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(ip: &str, tls: bool, open: &[&'static str], trusted: bool) -> Result<(), String> {
        exposure(&Exposure { ip: ip.parse().unwrap(), tls, open: open.to_vec(), trusted })
    }

    #[test]
    fn loopback_is_open_and_a_network_is_not_unless_somebody_says_so() {
        let open = ["authenticate_http_readonly"];
        for ip in ["127.0.0.1", "127.0.0.2", "::1"] {
            assert_eq!(judged(ip, false, &open, false), Ok(()), "{ip}");
        }
        for ip in ["0.0.0.0", "10.0.0.1", "::", "192.168.1.1"] {
            assert!(judged(ip, false, &open, false).is_err(), "{ip}");
            assert!(judged(ip, true, &open, false).is_err(), "{ip}");
            assert!(judged(ip, false, &[], false).is_err(), "{ip}");
            assert_eq!(judged(ip, true, &[], false), Ok(()), "{ip}");
            assert_eq!(judged(ip, false, &open, true), Ok(()), "{ip}");
        }
        let why = judged("10.0.0.1", false, &open, false).unwrap_err();
        for part in ["10.0.0.1", "LIBPROCESS_SSL_ENABLED", "--authenticate_http_readonly", "--allow_insecure"]
        {
            assert!(why.contains(part), "{why}");
        }
    }
}
