//! HTTP at the edge of a process, over a real socket.

use std::time::Duration;

use libprocess::http::{Request, Response, Route};
use libprocess::{Actor, Config, Context, Doors, Handler, Lane, Message, Process, Reply, Runtime, Spawn};

struct Counter {
    count: u64,
}

enum Input {
    Next(Reply<u64>),
}

impl Message for Input {
    type Result = ();
}

impl Actor for Counter {
    type Context = Context<Self>;
}

impl Process for Counter {
    const KIND: &'static str = "counter";
    type Input = Input;

    fn doors(&self, doors: &mut Doors<Self>) {
        doors.route(Route::get("/next").help("Counts."), |_, edge| async move {
            match edge.pid.call(Duration::from_secs(5), Input::Next).await {
                Ok(count) => Response::ok().body(format!("{count}")),
                Err(error) => {
                    Response::text(libprocess::http::StatusCode::SERVICE_UNAVAILABLE, error.to_string())
                }
            }
        });
    }
}

impl Handler<Input> for Counter {
    type Result = ();

    fn handle(&mut self, Input::Next(reply): Input, _: &mut Context<Self>) {
        self.count += 1;
        reply.send(self.count);
    }
}

#[test]
fn a_route_asks_its_process_and_goes_with_it() {
    let runtime = Runtime::start(Config { http_workers: 2, ..Config::default() }).unwrap();
    let counter = runtime.spawn(Spawn::named("counter"), || Counter { count: 0 }).unwrap();
    // Its routes are there once it is.
    let first = runtime.block_on(counter.call(Duration::from_secs(5), Input::Next));
    assert_eq!(first, Ok(1));
    let get = |path: &str| {
        let request = Request::get(&format!("http://{}{path}", runtime.address()));
        let client = runtime.client();
        runtime.block_on(async move {
            let mut response = client.send(request).await.unwrap();
            (response.status.as_u16(), response.bytes(1_024).await.unwrap())
        })
    };
    assert_eq!(get("/counter/next"), (200, "2".into()));
    assert_eq!(get("/next").0, 404);
    runtime.delegate("counter");
    assert_eq!(get("/next"), (200, "3".into()));
    assert_eq!(get("/nowhere").0, 404);

    counter.terminate(Lane::User);
    runtime.block_on(counter.wait());
    assert_eq!(get("/counter/next").0, 503, "it may come back: it is the delegate");
    runtime.shutdown();
}
