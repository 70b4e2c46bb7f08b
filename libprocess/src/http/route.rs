//! Where a handler is found, and by which methods.

use ::http::Method;

/// A path of a process, relative to its id, and the methods it takes.
///
/// Help text is shown at `/help`.
#[derive(Clone, Debug)]
pub struct Route {
    pub(super) path: String,
    /// Empty means any.
    pub(super) methods: Vec<Method>,
    pub(super) help: String,
}

impl Route {
    /// A route that takes every method; the handler may check for itself.
    pub fn any(path: &str) -> Route {
        Route::of(&[], path)
    }

    /// A route for GET; anything else is answered 405.
    pub fn get(path: &str) -> Route {
        Route::of(&[Method::GET], path)
    }

    /// A route for POST; anything else is answered 405.
    pub fn post(path: &str) -> Route {
        Route::of(&[Method::POST], path)
    }

    /// A route for these methods; anything else is answered 405. None means all.
    pub fn of(methods: &[Method], path: &str) -> Route {
        Route { path: path.trim_matches('/').to_owned(), methods: methods.to_vec(), help: String::new() }
    }

    /// The same with a text for `/help`.
    pub fn help(mut self, text: &str) -> Route {
        self.help = text.to_owned();
        self
    }

    /// A HEAD is a GET without its content.
    pub(super) fn takes(&self, method: &Method) -> bool {
        self.methods.is_empty()
            || self.methods.contains(method)
            || (*method == Method::HEAD && self.methods.contains(&Method::GET))
    }
}
