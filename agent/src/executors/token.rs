//! By what executors prove which they are: a token that says so, signed by their agent.
//!
//! | claim | names |
//! |---|---|
//! | `fid` | the framework |
//! | `eid` | the executor |
//! | `cid` | its container |
//!
//! Source: Mesos executor authentication.

use std::fmt;

use libprocess::Secret;
use libprocess::http::{Jwt, Principal};

use crate::state::Executor;

/// Makes tokens.
#[derive(Clone)]
pub(crate) struct Tokens(Jwt);

impl Tokens {
    pub(crate) fn signed_with(key: &Secret) -> Tokens {
        Tokens(Jwt::new(key))
    }

    /// A token for one run of an executor. It does not expire: it is worth nothing once its container is gone.
    pub(crate) fn issue(&self, executor: &Executor) -> String {
        let claims = expected(executor).map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.0.issue(&claims.into(), None)
    }
}

/// Whether whoever proved these claims is that executor, in that container.
pub(crate) fn proves(principal: &Principal, executor: &Executor) -> bool {
    expected(executor)
        .iter()
        .all(|(name, value)| principal.claims.get(*name).is_some_and(|said| said == value))
}

fn expected(executor: &Executor) -> [(&'static str, &str); 3] {
    [("fid", executor.framework.as_str()), ("eid", executor.id.as_str()), ("cid", executor.container.value())]
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::testing::{World, custom_task, key};

    #[test]
    fn a_token_is_for_one_run_of_one_executor() {
        let mut world = World::registered();
        world.run(custom_task("t"), true);
        let secret = Secret::new(*b"key");
        let mut executor = world.state.executor(&key("e")).unwrap().clone();
        let token = Tokens::signed_with(&secret).issue(&executor);

        let principal = Jwt::new(&secret).verify(&token, SystemTime::UNIX_EPOCH).unwrap();

        assert!(proves(&principal, &executor));
        assert!(!proves(&Principal::named("e"), &executor));
        executor.container = model::ContainerId::new("another");
        assert!(!proves(&principal, &executor), "it has been launched anew");
    }
}
