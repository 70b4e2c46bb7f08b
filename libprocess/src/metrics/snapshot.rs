//! Metrics as the one flat object Mesos' users chart, and what may be asked of it.

use std::collections::BTreeMap;

use libprocess_wire::brief;

use crate::inspect::duration;

/// `{"name":1.0,…}`, in name order. Every value has a fraction, as a double does.
pub(super) fn render(figures: &BTreeMap<String, f64>) -> String {
    let mut json = String::with_capacity(figures.len() * 48 + 2);
    json.push('{');
    for (name, value) in figures {
        if json.len() > 1 {
            json.push(',');
        }
        json.push_str(&serde_json::Value::from(name.as_str()).to_string());
        json.push(':');
        json.push_str(&format!("{value:?}"));
    }
    json.push('}');
    json
}

/// No snapshot takes time here, so a timeout only has to be one.
///
/// Errors: the text of the answer.
pub(super) fn check_timeout(timeout: Option<&str>) -> Result<(), String> {
    match timeout.map(|timeout| (timeout, duration::parse(timeout))) {
        Some((timeout, Err(why))) => Err(format!("Invalid timeout '{}': {why}.\n", brief(timeout))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_doubles_in_name_order() {
        let figures = BTreeMap::from([
            ("b/count".to_owned(), 2.0),
            ("a".to_owned(), 0.011008),
            ("frameworks/odd\"name".to_owned(), 8_589_934_592.0),
        ]);
        assert_eq!(render(&figures), r#"{"a":0.011008,"b/count":2.0,"frameworks/odd\"name":8589934592.0}"#);
        assert_eq!(render(&BTreeMap::new()), "{}");
    }

    #[test]
    fn a_timeout_is_a_number_with_a_unit() {
        assert_eq!(check_timeout(None), Ok(()));
        assert_eq!(check_timeout(Some("2.5secs")), Ok(()));
        let text = "Invalid timeout 'zzz': Failed to convert '' to number.\n";
        assert_eq!(check_timeout(Some("zzz")), Err(text.to_owned()));
        let text = "Invalid timeout '-1secs': Invalid duration '-1secs', none is negative.\n";
        assert_eq!(check_timeout(Some("-1secs")), Err(text.to_owned()));
        assert!(check_timeout(Some("5")).is_err());
        assert!(check_timeout(Some("5parsecs")).is_err());
    }
}
