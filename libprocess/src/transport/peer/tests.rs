use super::*;

#[wire::message(name = "test.peer", version = 1)]
struct Said {}

#[test]
fn a_trace_goes_where_it_is_wanted_and_costs_nothing_elsewhere() {
    let peer = Peer::new("127.0.0.1:1".parse().unwrap(), Channel::Control, &Limits::default(), 0, false);
    let from: Upid = "a@127.0.0.1:2".parse().unwrap();
    let to = Upid::new("b", peer.address);
    let _inside = span::enter(span::Part { trace: Trace { id: 7, cause: 8 }, from: from.clone() });
    let carried = || {
        assert!(peer.tell(|| Duration::ZERO, &from, &to, &Said {}).is_ok());
        let mut bytes = Vec::new();
        peer.take_outgoing(&mut bytes);
        let mut unread = &bytes[..];
        let mut last = None;
        while let Ok(Some((frame, length))) = frame::Frame::first(unread) {
            last = frame.trace;
            unread = &unread[length..];
        }
        last.map(|trace| trace.id)
    };
    assert_eq!(carried(), Some(7), "nothing was said yet");
    peer.wants(false);
    assert_eq!(carried(), None);
    peer.wants(true);
    assert_eq!(carried(), Some(7));
}

#[test]
fn a_ping_is_spared_while_the_other_end_speaks_and_answers_but_never_twice_in_a_row() {
    let peer = Peer::new("127.0.0.1:1".parse().unwrap(), Channel::Control, &Limits::default(), 0, false);
    let due = |spoke: bool, answered: bool| {
        if spoke {
            peer.speaks_up();
        }
        let due = peer.ping(Duration::ZERO);
        if answered && due == Due::Sent {
            peer.ponged(Duration::ZERO);
        }
        due
    };
    assert_eq!(due(true, true), Due::Spared, "it has just been greeted");
    assert_eq!(due(true, true), Due::Sent);
    assert_eq!(due(false, true), Due::Sent, "it says nothing");
    assert_eq!(due(true, true), Due::Spared);
    assert_eq!(due(true, false), Due::Sent);
    assert_eq!([due(true, false), due(true, false)], [Due::Sent, Due::Sent], "it does not answer");
}

#[test]
fn who_is_not_there_is_dialled_ever_more_rarely_and_not_by_all_at_once() {
    let peer = Peer::new("127.0.0.1:1".parse().unwrap(), Channel::Control, &Limits::default(), 0, false);
    let rest = |chance: f64| {
        drop(peer.broke(Duration::ZERO, false, chance));
        peer.state.lock().rest_until
    };
    assert_eq!([rest(1.0), rest(1.0), rest(0.0)], [20, 40, 40].map(Duration::from_millis));
    assert_eq!((0..60).map(|_| rest(1.0)).max(), Some(BACKOFF.max));
    let ping = |now: Duration| peer.plain(|| now, Kind::Ping, |_| {});
    assert_eq!(ping(BACKOFF.max / 2), Err(SendError::LinkDown));
    assert_eq!(ping(BACKOFF.max), Ok(Then::Dial));
    assert_eq!(ping(BACKOFF.max), Ok(Then::Nothing));
    peer.greeted(1);
    assert_eq!(rest(1.0), Duration::from_millis(20));
}
