//! The rules of the Mesos JSON mapping, one by one.

use api::google::Duration;
use api::json::{self, JsonError, MAX_DEPTH, Message};
use api::v1::{
    AgentInfo, ContainerId, Environment, Filters, FrameworkInfo, HealthCheck, Offer, OfferFilters, Resource,
    TaskInfo, TaskStatus, Value, executor, master, resource, value,
};

fn read<M: Message>(text: &str) -> M {
    json::from_slice(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn fault<M: Message>(text: &str) -> String {
    json::from_slice::<M>(text.as_bytes()).expect_err(text).to_string()
}

fn print<M: Message>(message: &M) -> String {
    String::from_utf8(json::to_vec(message)).expect("JSON is text")
}

#[test]
fn doubles_are_written_with_a_fraction() {
    let print = |value| print(&value::Scalar { value });
    assert_eq!(print(1.0), r#"{"value":1.0}"#);
    assert_eq!(print(0.1), r#"{"value":0.1}"#);
    assert_eq!(print(f64::INFINITY), r#"{"value":"Infinity"}"#);
    assert_eq!(print(f64::NEG_INFINITY), r#"{"value":"-Infinity"}"#);
}

#[test]
fn doubles_are_read_from_numbers_and_from_strings() {
    let read = |text| read::<value::Scalar>(text).value;
    assert_eq!(read(r#"{"value":1}"#), 1.0);
    assert_eq!(read(r#"{"value":-2.5e3}"#), -2500.0);
    assert_eq!(read(r#"{"value":"2.5"}"#), 2.5);
    assert_eq!(read(r#"{"value":"Infinity"}"#), f64::INFINITY);
    assert_eq!(read(r#"{"value":"-Infinity"}"#), f64::NEG_INFINITY);
    let text = fault::<value::Scalar>(r#"{"value":"NaN"}"#);
    assert!(text.starts_with("Failed to parse 'NaN' as a JSON number for field 'value'"), "{text}");
}

#[test]
fn integers_are_numbers_and_are_read_from_strings_too() {
    let range = value::Range { begin: 1, end: u64::MAX };
    let text = r#"{"begin":1,"end":18446744073709551615}"#;
    assert_eq!(print(&range), text);
    assert_eq!(read::<value::Range>(text), range);
    assert_eq!(read::<value::Range>(r#"{"begin":"1","end":"18446744073709551615"}"#), range);
    assert_eq!(read::<value::Range>(r#"{"begin":1.0,"end":2.50e1}"#), value::Range { begin: 1, end: 25 });
    assert_eq!(
        read::<value::Range>(r#"{"begin":-0.0,"end":18446744073709551614.00}"#).end,
        18_446_744_073_709_551_614
    );
    assert_eq!(
        fault::<value::Range>(r#"{"begin":true,"end":2}"#),
        "Not expecting a JSON boolean for field 'begin'"
    );
}

#[test]
fn a_number_its_field_cannot_hold_is_refused() {
    let begin = |number: &str| fault::<value::Range>(&format!(r#"{{"begin":{number},"end":2}}"#));
    for number in ["-1", "18446744073709551616", "1e30", "1e99999999999999999999", "-1e300"] {
        let refused = format!("Number {number} is out of range for field 'begin'");
        assert_eq!(begin(number), refused);
        assert_eq!(begin(&format!("\"{number}\"")), refused);
    }
    for number in ["1.5", "-0.1", "15e-1", "1e-400", "1.25e1", "1e-99999999999999999999"] {
        assert_eq!(begin(number), format!("Number {number} is not an integer, as field 'begin' expects"));
    }
    for text in ["Infinity", "NaN", "", "-", "0x1", " 1"] {
        let whole = begin(&format!("\"{text}\""));
        let refused = format!("Failed to parse '{text}' as a JSON number for field 'begin'");
        assert!(whole.starts_with(&refused), "{whole}");
    }
    for (level, refused) in [("4294967296", true), ("4294967295", false), ("-1", true)] {
        let text = format!(r#"{{"level":{level},"duration":{{"nanoseconds":1}}}}"#);
        let read = json::from_slice::<master::call::SetLoggingLevel>(text.as_bytes());
        assert_eq!(read.is_err(), refused, "{read:?}");
    }
    assert_eq!(
        fault::<AgentInfo>(r#"{"hostname":"h","port":2147483648}"#),
        "Number 2147483648 is out of range for field 'port'"
    );
    assert_eq!(
        fault::<value::Scalar>(r#"{"value":1e309}"#),
        "Number 1e309 is out of range for field 'value'"
    );
    let long = "9".repeat(1_000_000);
    assert_eq!(begin(&long), format!("Number {}… is out of range for field 'begin'", "9".repeat(128)));
}

#[test]
fn a_list_is_refused_for_the_element_that_is_wrong() {
    let list = |text: &str| {
        json::list_from_slice::<value::Range>(text.as_bytes()).map_err(|error| error.to_string())
    };
    assert_eq!(list(r#" [ {"begin":1,"end":2} ] "#), Ok(vec![value::Range { begin: 1, end: 2 }]));
    assert_eq!(list("{}"), Err("Expecting a JSON array".to_owned()));
    assert_eq!(
        list(r#"[{"begin":1,"end":2},{"begin":1,"end":1e400}]"#),
        Err("Number 1e400 is out of range for field 'end'".to_owned())
    );
}

#[test]
fn truth_is_read_from_strings_too() {
    assert_eq!(read::<Filters>(r#"{"refuse_seconds":3}"#).refuse_seconds, Some(3.0));
    let read = |text| read::<TaskStatus>(text).healthy;
    assert_eq!(read(r#"{"task_id":{"value":"t"},"state":"TASK_LOST","healthy":"true"}"#), Some(true));
    assert_eq!(read(r#"{"task_id":{"value":"t"},"state":"TASK_LOST","healthy":false}"#), Some(false));
    assert_eq!(
        fault::<TaskStatus>(r#"{"task_id":{"value":"t"},"state":"TASK_LOST","healthy":"yes"}"#),
        "Not expecting a JSON string for field 'healthy'"
    );
}

#[test]
fn bytes_are_base64() {
    let message = executor::call::Message { data: b"from executor".to_vec() };
    assert_eq!(print(&message), r#"{"data":"ZnJvbSBleGVjdXRvcg=="}"#);
    assert_eq!(read::<executor::call::Message>(&print(&message)), message);
    assert_eq!(
        fault::<executor::call::Message>(r#"{"data":"%"}"#),
        "Failed to base64 decode bytes field 'data'"
    );
}

#[test]
fn an_enum_is_known_by_name_alone() {
    let value = r#""scalar":{"value":1}"#;
    assert_eq!(read::<Value>(&format!(r#"{{"type":"SCALAR",{value}}}"#)).r#type(), value::Type::Scalar);
    assert_eq!(
        fault::<Value>(&format!(r#"{{"type":0,{value}}}"#)),
        "Not expecting a JSON number for field 'type'"
    );
}

#[test]
fn an_unknown_name_of_an_enum_is_unset() {
    assert_eq!(read::<master::Call>(r#"{"type":"FOO_BAR"}"#), master::Call::default());
    let missing = |text| fault::<Value>(text);
    assert_eq!(missing(r#"{"type":"FOO"}"#), "Missing required fields: type");
}

#[test]
fn defaults_are_written_unless_they_are_deprecated() {
    let framework = FrameworkInfo { user: "root".into(), name: "f".into(), ..FrameworkInfo::default() };
    assert_eq!(print(&framework), r#"{"user":"root","name":"f","failover_timeout":0.0,"checkpoint":false}"#);
    assert_eq!(
        print(&HealthCheck::default()),
        r#"{"delay_seconds":15.0,"interval_seconds":10.0,"timeout_seconds":20.0,"consecutive_failures":3,"grace_period_seconds":10.0}"#
    );
    assert_eq!(
        print(&AgentInfo { hostname: "h".into(), ..Default::default() }),
        r#"{"hostname":"h","port":5051}"#
    );
}

#[test]
fn what_is_unset_is_not_written() {
    assert_eq!(print(&master::Call::default()), "{}");
    assert_eq!(print(&Environment::default()), "{}");
}

#[test]
fn answers_of_operators_write_empty_lists() {
    assert_eq!(print(&master::response::GetAgents::default()), r#"{"agents":[],"recovered_agents":[]}"#);
    assert_eq!(
        print(&master::response::GetTasks::default()),
        r#"{"tasks":[],"unreachable_tasks":[],"completed_tasks":[]}"#
    );
    assert_eq!(print(&master::response::GetRoles::default()), "{}");
}

#[test]
fn null_means_unset_everywhere() {
    assert_eq!(
        read::<FrameworkInfo>(r#"{"user":"u","name":"n","id":null,"roles":null,"checkpoint":null}"#),
        { FrameworkInfo { user: "u".into(), name: "n".into(), ..Default::default() } }
    );
    assert_eq!(fault::<FrameworkInfo>(r#"{"user":null,"name":"n"}"#), "Missing required fields: user");
    assert_eq!(read::<FrameworkInfo>(r#"{"user":"u","name":"n","roles":[null,"r"]}"#).roles, ["r"]);
}

#[test]
fn a_bare_element_stands_for_a_list() {
    assert_eq!(read::<FrameworkInfo>(r#"{"user":"u","name":"n","roles":"r"}"#).roles, ["r"]);
    assert_eq!(read::<value::Ranges>(r#"{"range":{"begin":1,"end":2}}"#).range.len(), 1);
}

#[test]
fn maps_are_objects() {
    let text = r#"{"quantities":{"cpus":{"value":1.0},"mem":{"value":2.0}}}"#;
    let quantities: api::v1::offer_filters::ResourceQuantities = read(text);
    assert_eq!(quantities.quantities["mem"].value, 2.0);
    assert_eq!(print(&quantities), text);
    assert_eq!(read::<OfferFilters>("{}"), OfferFilters::default());
}

#[test]
fn unknown_fields_are_passed_over_whatever_they_hold() {
    let text = r#"{"a":[1,{"b":[true,null,"\u00e9\n"]}],"value":2,"c":{}}"#;
    assert_eq!(read::<value::Scalar>(text).value, 2.0);
}

#[test]
fn the_last_of_two_values_counts() {
    assert_eq!(read::<value::Scalar>(r#"{"value":1,"value":2}"#).value, 2.0);
}

#[test]
fn the_wrong_kind_of_value_is_named() {
    assert_eq!(fault::<Offer>(r#"{"id":"o"}"#), "Not expecting a JSON string for field 'id'");
    assert_eq!(fault::<Offer>(r#"{"id":[]}"#), "Not expecting a JSON array for field 'id'");
    assert_eq!(fault::<TaskInfo>(r#"{"name":{}}"#), "Not expecting a JSON object for field 'name'");
    assert_eq!(fault::<Resource>("5"), "Expecting a JSON object");
}

#[test]
fn strings_are_escaped_and_read_back() {
    let text = "quote \" backslash \\ slash / tab \t bell \u{7} umlaut ü emoji 🌱";
    let task = TaskInfo { name: text.into(), ..Default::default() };
    let printed = print(&task);
    assert!(
        printed.contains(r#"quote \" backslash \\ slash / tab \t bell \u0007 umlaut ü emoji 🌱"#),
        "{printed}"
    );
    assert_eq!(read::<resource::AllocationInfo>(r#"{"role":"\ud83c\udf31\/\u00fc\b"}"#).role(), "🌱/ü\u{8}");
    for bad in [r#"{"role":"\ud83c"}"#, r#"{"role":"\x"}"#, "{\"role\":\"\n\"}", r#"{"role":"open"#] {
        assert!(matches!(
            json::from_slice::<resource::AllocationInfo>(bad.as_bytes()),
            Err(JsonError::Syntax { .. })
        ));
    }
}

#[test]
fn nesting_has_a_bound() {
    let nested = |depth: usize| {
        let unknown = format!(r#"{{"a":{}{}}}"#, "[".repeat(depth - 1), "]".repeat(depth - 1));
        json::from_slice::<master::Call>(unknown.as_bytes())
    };
    assert!(nested(MAX_DEPTH).is_ok());
    let deep = |field: &str| Some(JsonError::Nested { field: Some(field.to_owned()) });
    assert_eq!(nested(MAX_DEPTH + 1).err(), deep("a"));
    assert_eq!(nested(100_000).err(), deep("a"));

    let parents = |depth: usize| {
        let text = format!(
            r#"{}{{"value":"c"}}{}"#,
            r#"{"value":"c","parent":"#.repeat(depth - 1),
            "}".repeat(depth - 1)
        );
        json::from_slice::<ContainerId>(text.as_bytes())
    };
    assert!(parents(MAX_DEPTH).is_ok());
    assert_eq!(parents(MAX_DEPTH + 1).err(), deep("parent"));
    let named = format!(r#"{{"x":[{{"y":1}},{}"#, "[".repeat(1000));
    assert_eq!(fault::<master::Call>(&named), "nested deeper than 200 levels at field 'x'");
    let long = format!(r#"{{"{}":{}"#, "n".repeat(5000), "[".repeat(1000));
    assert!(fault::<master::Call>(&long).len() < 200);
    assert_eq!(fault::<master::Call>(&"[".repeat(1000)), "nested deeper than 200 levels");
}

#[test]
fn a_length_of_time_is_the_plain_object() {
    let text = r#"{"seconds":2,"nanos":5}"#;
    assert_eq!(read::<Duration>(text), Duration { seconds: Some(2), nanos: Some(5) });
    assert_eq!(print(&read::<Duration>(text)), text);
}

#[test]
fn serde_goes_through_the_same_mapping() {
    let text = r#"{"id":{"value":"o"},"framework_id":{"value":"f"},"agent_id":{"value":"a"},"hostname":"h"}"#;
    let offer: Offer = serde_json::from_str(text).expect("an offer");
    assert_eq!(serde_json::to_string(&offer).expect("an offer prints"), text);
    let error = serde_json::from_str::<Offer>("{}").expect_err("nothing is there");
    assert_eq!(error.to_string(), "Missing required fields: id, framework_id, agent_id, hostname");
}
