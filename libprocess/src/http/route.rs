//! Where a handler is found, by which methods, and what is said of it at `/help`.

use std::borrow::Cow;

use ::http::Method;

/// A path of a process, relative to its id, and the methods it takes.
#[derive(Clone, Debug)]
pub struct Route {
    pub(super) path: String,
    /// Empty means any.
    pub(super) methods: Vec<Method>,
    /// Nearly always a text of the program: borrowed, it is the same for all nodes of a simulation.
    pub(super) help: Cow<'static, str>,
    /// Names and what they mean.
    pub(super) parameters: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    pub(super) realm: Option<Cow<'static, str>>,
    pub(super) streams: Streams,
}

/// Which bodies of a route may take their time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Streams {
    None,
    All,
    /// Those of this media type.
    Of(&'static str),
}

impl Streams {
    pub(super) fn takes(self, content_type: Option<&str>) -> bool {
        match self {
            Streams::None => false,
            Streams::All => true,
            Streams::Of(media) => content_type == Some(media),
        }
    }
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
        Route {
            path: path.trim_matches('/').to_owned(),
            methods: methods.to_vec(),
            help: Cow::Borrowed(""),
            parameters: Vec::new(),
            realm: None,
            streams: Streams::None,
        }
    }

    /// The same with a text for `/help`: what it is for, in a sentence.
    pub fn help(mut self, text: impl Into<Cow<'static, str>>) -> Route {
        self.help = text.into();
        self
    }

    /// The same with one more parameter explained at `/help`.
    pub fn parameter(
        mut self,
        name: impl Into<Cow<'static, str>>,
        meaning: impl Into<Cow<'static, str>>,
    ) -> Route {
        self.parameters.reserve_exact(1);
        self.parameters.push((name.into(), meaning.into()));
        self
    }

    /// The same for those only whom the realm's authenticator knows; everybody, while none is set.
    pub fn realm(mut self, realm: impl Into<Cow<'static, str>>) -> Route {
        self.realm = Some(realm.into());
        self
    }

    /// The same for bodies that go on for as long as their sender likes. Other bodies have to be
    /// whole in [`body_time`](super::Limits::body_time), and are unpacked if they are gzipped.
    pub fn streams(mut self) -> Route {
        self.streams = Streams::All;
        self
    }

    /// The same for bodies of one media type.
    pub fn streams_of(mut self, media_type: &'static str) -> Route {
        self.streams = Streams::Of(media_type);
        self
    }

    /// A HEAD is a GET without its content.
    pub(super) fn takes(&self, method: &Method) -> bool {
        self.methods.is_empty()
            || self.methods.contains(method)
            || (*method == Method::HEAD && self.methods.contains(&Method::GET))
    }
}
