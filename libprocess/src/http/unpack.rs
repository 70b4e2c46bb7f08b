//! A request's body that was gzipped: read as what it holds, within the bound of bodies.

use std::io::Write;
use std::task::{Poll, ready};

use ::http::{StatusCode, header};
use bytes::Bytes;
use flate2::write::GzDecoder;
use futures_util::stream::poll_fn as stream_of;
use libprocess_wire::brief;

use super::body::{Body, BodyError, Chunks};
use super::request::Request;
use super::response::Response;

/// Unit: bytes unpacked before it is looked how much has come out.
const SLICE: usize = 4 * 1024;

/// Lets a gzipped body be read as what it holds, of which at most `limit` bytes.
///
/// Errors: when the encoding is none that is understood.
pub(super) fn unpack(request: &mut Request, limit: u64) -> Result<(), UnknownEncoding> {
    let encoding = request.text_of(header::CONTENT_ENCODING).unwrap_or("identity").trim();
    if encoding.eq_ignore_ascii_case("identity") {
        return Ok(());
    }
    if !encoding.eq_ignore_ascii_case("gzip") && !encoding.eq_ignore_ascii_case("x-gzip") {
        return Err(UnknownEncoding(encoding.to_owned()));
    }
    if request.body.is_empty() {
        return Ok(());
    }
    request.headers.remove(header::CONTENT_ENCODING);
    request.headers.remove(header::CONTENT_LENGTH);
    let packed = std::mem::take(&mut request.body);
    request.body = Chunks::new(stream_of({
        let mut unpacking = Unpacking { packed, decoder: Some(GzDecoder::new(Vec::new())), out: 0, limit };
        move |cx| unpacking.poll_next(cx)
    }))
    .into();
    Ok(())
}

/// A body came in an encoding that is not understood.
#[derive(Debug, thiserror::Error)]
#[error("Expecting 'Content-Encoding' to be 'gzip' or 'identity', not '{}'", brief(.0))]
pub(super) struct UnknownEncoding(String);

impl From<UnknownEncoding> for Response {
    fn from(unknown: UnknownEncoding) -> Response {
        Response::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, unknown.to_string())
            .header(header::ACCEPT_ENCODING, "gzip")
    }
}

struct Unpacking {
    packed: Body,
    /// Gone at the end, whichever it was.
    decoder: Option<GzDecoder<Vec<u8>>>,
    out: u64,
    limit: u64,
}

impl Unpacking {
    fn poll_next(&mut self, cx: &mut std::task::Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            let Some(decoder) = &mut self.decoder else { return Poll::Ready(None) };
            let unpacked = match ready!(self.packed.poll_next(cx)) {
                Some(Ok(piece)) => unpack_piece(decoder, &piece, self.limit - self.out, self.limit),
                Some(Err(error)) => Err(error),
                None => {
                    let end = self.decoder.take().expect("looked a line ago").finish();
                    return Poll::Ready(match end {
                        Ok(rest) if rest.is_empty() => None,
                        Ok(rest) if rest.len() as u64 > self.limit - self.out => {
                            Some(Err(BodyError::TooLarge { limit: self.limit }))
                        }
                        Ok(rest) => Some(Ok(rest.into())),
                        Err(error) => Some(Err(BodyError::Broken(format!("not gzip: {error}")))),
                    });
                }
            };
            match unpacked {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => {
                    self.out += bytes.len() as u64;
                    return Poll::Ready(Some(Ok(bytes)));
                }
                Err(error) => {
                    self.decoder = None;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}

/// What comes out of one piece; little by little, since a small piece may hold a great deal.
fn unpack_piece(
    decoder: &mut GzDecoder<Vec<u8>>,
    piece: &[u8],
    room: u64,
    limit: u64,
) -> Result<Bytes, BodyError> {
    for slice in piece.chunks(SLICE) {
        decoder.write_all(slice).map_err(|error| BodyError::Broken(format!("not gzip: {error}")))?;
        if decoder.get_ref().len() as u64 > room {
            return Err(BodyError::TooLarge { limit });
        }
    }
    Ok(std::mem::take(decoder.get_mut()).into())
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use futures_util::FutureExt;
    use proptest::prelude::*;

    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    /// What a handler reads of `packed`, sent in pieces of `step` bytes.
    fn read(packed: &[u8], step: usize, limit: u64) -> Result<Bytes, BodyError> {
        let pieces: Vec<_> = packed.chunks(step).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let body = Chunks::new(futures_util::stream::iter(pieces));
        let mut request = Request::post("/").header("content-encoding", "GZIP").body(body);
        unpack(&mut request, limit).unwrap();
        assert_eq!(request.text_of(header::CONTENT_ENCODING), None);
        request.bytes(usize::MAX).now_or_never().expect("all is there")
    }

    #[test]
    fn what_unfolds_beyond_the_bound_is_too_large() {
        let bomb = gzip(&vec![0; 50_000_000]);
        assert!(bomb.len() < 60_000);
        assert_eq!(read(&bomb, bomb.len(), 1 << 20), Err(BodyError::TooLarge { limit: 1 << 20 }));
        assert_eq!(read(&gzip(&[7; 1000]), 10, 999), Err(BodyError::TooLarge { limit: 999 }));
        assert_eq!(read(&gzip(&[7; 1000]), 10, 1000).unwrap().len(), 1000);
    }

    #[test]
    fn what_is_not_gzip_or_not_whole_is_broken() {
        let whole = gzip(b"hectare");
        for bytes in
            [&b"plain text"[..], &whole[..whole.len() - 1], &whole[..5], &[&whole[..], b"x"].concat()]
        {
            assert!(matches!(read(bytes, 100, 100), Err(BodyError::Broken(_))), "{bytes:?}");
        }
    }

    #[test]
    fn other_encodings_are_refused_and_none_is_no_encoding() {
        let mut odd = Request::post("/").header("content-encoding", "br").body("x");
        let answer = Response::from(unpack(&mut odd, 100).unwrap_err());
        assert_eq!((answer.status.as_u16(), answer.text_of(header::ACCEPT_ENCODING)), (415, Some("gzip")));
        let mut plain = Request::post("/").header("content-encoding", "identity").body("x");
        unpack(&mut plain, 100).unwrap();
        assert_eq!(plain.bytes(9).now_or_never().unwrap().unwrap(), "x");
        let mut empty = Request::get("/").header("content-encoding", "gzip");
        unpack(&mut empty, 100).unwrap();
        assert!(empty.body.is_empty());
    }

    proptest! {
        #[test]
        fn a_body_reads_the_same_however_it_is_packed_and_cut(
            plain in proptest::collection::vec(any::<u8>(), 0..5_000),
            step in 1usize..3_000,
        ) {
            prop_assert_eq!(&read(&gzip(&plain), step, 1 << 20).unwrap()[..], &plain[..]);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 1..200), step in 1usize..50) {
            let _ = read(&bytes, step, 1 << 20);
        }
    }
}
