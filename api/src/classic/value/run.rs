//! What is run: commands, containers, networks.

use model::{CommandInfo, ContainerId, NetworkInfo};

use super::names::some;
use super::object::{List, object, write_object};
use crate::classic::fields;
use crate::json::write::Value;
use crate::v1;

/// A command in its old form.
pub(in crate::classic) struct Command<'a>(pub(in crate::classic) Option<&'a CommandInfo>);

impl Value for Command<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let command = self.0;
        let uris = command.map_or(&[][..], |command| &command.uris);
        let arguments = command.map_or(&[][..], |command| &command.arguments);
        write_object(out, |out| {
            let shell = command.map(|command| command.shell).filter(|shell| !shell);
            let value = command.and_then(|command| command.value.as_ref());
            let environment = command.map(|command| &command.environment).filter(|all| !all.is_empty());
            fields! { out;
                "shell"?: shell,
                "value"?: value,
                "argv": List(arguments.iter()),
                "environment"?: environment.map(v1::Environment::from),
                "uris": List(uris.iter().map(|uri| object(|out| {
                    fields! { out; "value": uri.value, "executable": uri.executable }
                }))),
            }
        });
    }
}

/// A nested container names the one it lives in, and so on outwards.
impl Value for ContainerId {
    fn write(&self, out: &mut Vec<u8>) {
        let path = self.path();
        for (depth, value) in path.iter().rev().enumerate() {
            out.extend_from_slice(if depth == 0 { b"{\"value\":" } else { b",\"parent\":{\"value\":" });
            value.write(out);
        }
        out.extend(path.iter().map(|_| b'}'));
    }
}

impl Value for NetworkInfo {
    fn write(&self, out: &mut Vec<u8>) {
        let groups = (!self.groups.is_empty()).then(|| List(self.groups.iter()));
        let addresses = (!self.ip_addresses.is_empty())
            .then(|| List(self.ip_addresses.iter().map(v1::network_info::IpAddress::from)));
        let spelled = (!self.port_mappings.is_empty()).then(|| v1::NetworkInfo::from(self).port_mappings);
        write_object(out, |out| {
            fields! { out;
                "groups"?: groups,
                "labels"?: some(&self.labels),
                "ip_addresses"?: addresses,
                "name"?: self.name,
                "port_mappings"?: spelled.as_ref().map(|mappings| List(mappings.iter())),
            }
        });
    }
}
