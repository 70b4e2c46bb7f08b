//! Who speaks on a plain link, and what it may do.

use std::collections::BTreeMap;

use libprocess::{Acl, AskError, Config, Credential, Exit, Lane, Principal, Reason, Secret, Security, Upid};

use crate::probe::{Event, Input, Node, Probe, next, until};

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes())
}

/// A node that introduces itself, and knows some others.
fn node(as_whom: Option<(&str, &str)>, known: &[(&str, &str)], change: impl FnOnce(&mut Security)) -> Node {
    let credential = as_whom.map(|(name, key)| {
        let (principal, secret) = (Principal::new(name), secret(key));
        Credential { principal, secret }
    });
    let secrets: BTreeMap<_, _> =
        known.iter().map(|(name, key)| (Principal::new(*name), secret(key))).collect();
    let mut security = Security { credential, secrets, ..Security::default() };
    change(&mut security);
    Node::with(Config { http_workers: 0, security, ..Config::default() })
}

fn asks(from: &Node, to: &Node, name: &str) -> Result<u64, AskError> {
    let (a, events) = from.probe(&format!("asker of {name}"));
    let (b, _) = to.probe(name);
    a.tell(Input::AskDouble(b.upid().clone(), 4)).unwrap();
    match next(&events) {
        Event::Answered(answer) => answer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_principal_proves_itself_with_its_secret_and_is_known_by_its_name() {
    let all = [("one", "1"), ("two", "2")];
    let strict = |security: &mut Security| security.anonymous = false;
    let (one, two) = (node(Some(("one", "1")), &all, strict), node(Some(("two", "2")), &all, strict));
    assert_eq!(asks(&one, &two, "b"), Ok(8));
    let (a, _) = one.probe("a");
    let (c, events) = two.probe("c");
    a.tell(Input::Send(c.upid().clone(), "principal".into())).unwrap();
    assert_eq!(next(&events), Event::Noted("one".into(), "principal".into()));

    let wrong = node(Some(("one", "guessed")), &all, |_| {});
    assert_eq!(asks(&wrong, &two, "wrong"), Err(AskError::LinkBroken));
    let unknown = node(Some(("three", "3")), &all, |_| {});
    assert_eq!(asks(&unknown, &two, "unknown"), Err(AskError::LinkBroken));
    let nobody = node(None, &all, |_| {});
    assert_eq!(asks(&nobody, &two, "nobody"), Err(AskError::LinkBroken));
    until(|| {
        two.count("libprocess/links/refused/proof") + two.count("libprocess/links/refused/greeting") == 3.0
    });
    assert_eq!(asks(&one, &two, "after"), Ok(8));
    assert_eq!(one.count("libprocess/links/broken"), 0.0);
}

#[test]
fn who_lets_many_in_is_known_to_each_by_its_own_secret() {
    let all = [("one", "1"), ("two", "2")];
    let hub = node(None, &all, |security| {
        (security.anonymous, security.by_their_secret) = (false, true);
    });
    for (name, key) in all {
        let strict = node(Some((name, key)), &[(name, key)], |security| security.anonymous = false);
        assert_eq!(asks(&strict, &hub, name), Ok(8), "the answer comes on a link that the hub dials");
    }
}

#[test]
fn who_proves_itself_wants_the_other_end_to_know_its_secret_too() {
    let (one, stranger) = (node(Some(("one", "1")), &[], |_| {}), node(None, &[("one", "not 1")], |_| {}));
    assert_eq!(asks(&one, &stranger, "b"), Err(AskError::LinkBroken));
    assert_eq!(one.count("libprocess/links/connected"), 0.0);
}

#[test]
fn an_acl_lets_through_what_it_allows_and_says_no_to_the_rest() {
    let one = node(Some(("one", "1")), &[("two", "2")], |_| {});
    let two = node(Some(("two", "2")), &[("one", "1")], |security| {
        security.acl = Some(Acl::new(|principal, target, name| {
            target == "open" || name == "test.note" && principal.is_some_and(|who| who.as_str() == "one")
        }));
    });
    assert_eq!(asks(&one, &two, "open"), Ok(8));
    assert_eq!(asks(&one, &two, "shut"), Err(AskError::Forbidden));
    let (a, _) = one.probe("a");
    let (c, events) = two.probe("c");
    a.tell(Input::Send(c.upid().clone(), "may".into())).unwrap();
    assert_eq!(next(&events), Event::Noted("a".into(), "may".into()));
    assert_eq!(two.count("libprocess/links/refused/forbidden"), 1.0);

    // Whom it may not send to, it may not watch: it hears what it would of nobody.
    let (linker, heard) = one.probe("linker");
    let (d, _) = two.probe("d");
    linker.tell(Input::Link(d.upid().clone())).unwrap();
    assert_eq!(next(&heard), Event::Exited("d".into(), Exit::NoSuchProcess));
    assert_eq!(two.count("libprocess/links/refused/forbidden"), 2.0);
    let open: Upid = format!("open@{}", two.runtime.address()).parse().unwrap();
    linker.tell(Input::Link(open.clone())).unwrap();
    // In order behind the link, so that it is there.
    linker.tell(Input::AskDouble(open.clone(), 4)).unwrap();
    assert_eq!(next(&heard), Event::Answered(Ok(8)));
    let open = two.runtime.pid::<Probe>("open").unwrap();
    open.terminate(Lane::System);
    assert_eq!(next(&heard), Event::Exited("open".into(), Exit::Ended(Reason::Terminated)));
}

#[test]
fn a_node_lives_where_its_connection_comes_from_where_that_is_asked_for() {
    let strict = node(None, &[], |security| security.require_peer_address = true);
    let honest = Node::listening();
    assert_eq!(asks(&honest, &strict, "b"), Ok(8));
    let elsewhere = Node::with(Config {
        http_workers: 0,
        advertise: Some("192.0.2.7:1".parse().unwrap()),
        ..Config::default()
    });
    assert_eq!(asks(&elsewhere, &strict, "c"), Err(AskError::LinkBroken));
    until(|| strict.count("libprocess/links/refused/peer_address") == 1.0);
}

#[test]
fn two_principals_do_not_speak_for_one_node_at_a_time() {
    let one = node(Some(("one", "1")), &[("there", "0")], |_| {});
    let there = node(Some(("there", "0")), &[("one", "1"), ("two", "2")], |_| {});
    assert_eq!(asks(&one, &there, "b"), Ok(8));
    // It proves to be `two`, and says that it lives where `one` does.
    let advertise = Some(one.runtime.address());
    let credential = Some(Credential { principal: Principal::new("two"), secret: secret("2") });
    let security = Security { credential, ..Security::default() };
    let two = Node::with(Config { http_workers: 0, advertise, security, ..Config::default() });
    assert_eq!(asks(&two, &there, "c"), Err(AskError::LinkBroken));
    until(|| there.count("libprocess/links/refused/peer_address") == 1.0);
    assert_eq!(asks(&one, &there, "after"), Ok(8));
}
