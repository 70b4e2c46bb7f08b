//! A resource in JSON without the message in between. What few are is spelled by its message.

use model::{Resource, Resources, Value as Amount};

use super::write::{self, Value, each};
use crate::convert::Format;
use crate::convert::resources::{Spelling, write_one};

/// A list that is not written when it is empty.
pub(super) fn list(out: &mut Vec<u8>, key: &str, resources: &Resources, spelling: Spelling) {
    if !resources.is_empty() {
        each(out, key, resources.iter(), |one, out| resource(one, spelling, out));
    }
}

fn resource(resource: &Resource, spelling: Spelling, out: &mut Vec<u8>) {
    let Resource { name, value, reservations, disk, provider_id, .. } = resource;
    let plain = reservations.is_empty() && disk.is_none() && provider_id.is_none();
    let plain = plain && !resource.revocable && !resource.shared;
    let from = out.len();
    out.extend_from_slice(b"{\"name\":");
    name.write(out);
    match value {
        Amount::Scalar(amount) if plain => {
            out.extend_from_slice(b",\"type\":\"SCALAR\",\"scalar\":{\"value\":");
            amount.write(out);
        }
        Amount::Ranges(ranges) if plain && !ranges.is_empty() => {
            out.extend_from_slice(b",\"type\":\"RANGES\",\"ranges\":{\"range\":[");
            for range in ranges.iter() {
                out.push(b'{');
                write::one(out, "\"begin\":", &range.begin);
                write::one(out, "\"end\":", &range.end);
                write::close(out, b'}');
                out.push(b',');
            }
            write::close(out, b']');
        }
        _ => {
            out.truncate(from);
            return write_one(resource, spelling).write(out);
        }
    }
    out.push(b'}');
    if spelling.format != Format::Refined {
        out.extend_from_slice(b",\"role\":\"*\"");
    }
    if let Some(role) = resource.allocation.as_ref().filter(|_| spelling.allocation) {
        out.extend_from_slice(b",\"allocation_info\":{\"role\":");
        role.as_str().write(out);
        out.push(b'}');
    }
    out.push(b'}');
}
