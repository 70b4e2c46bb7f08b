//! Ids, and roles by name.

use model::{
    AgentId, ContainerId, ExecutorId, FrameworkId, OfferId, OperationId, ResourceProviderId, Role, TaskId,
    UpdateId,
};

use super::super::ConvertError;
use crate::v1;

macro_rules! ids {
    ($($name:ident = $v1:ident),* $(,)?) => {$(
        impl From<v1::$v1> for $name {
            fn from(id: v1::$v1) -> Self {
                $name::from(id.value)
            }
        }

        impl From<&$name> for v1::$v1 {
            fn from(id: &$name) -> Self {
                v1::$v1 { value: id.to_string() }
            }
        }

        impl From<$name> for v1::$v1 {
            fn from(id: $name) -> Self {
                Self::from(&id)
            }
        }
    )*};
}

ids! {
    FrameworkId = FrameworkId,
    AgentId = AgentId,
    OfferId = OfferId,
    TaskId = TaskId,
    ExecutorId = ExecutorId,
    OperationId = OperationId,
    ResourceProviderId = ResourceProviderId,
}

impl From<v1::ContainerId> for ContainerId {
    fn from(id: v1::ContainerId) -> Self {
        let mut names = vec![id.value];
        let mut parent = id.parent;
        while let Some(id) = parent {
            names.push(id.value);
            parent = id.parent;
        }
        let outermost = names.pop().expect("it begins with the container's own name");
        names.into_iter().rev().fold(ContainerId::new(outermost), |parent, name| parent.child(name))
    }
}

impl From<&ContainerId> for v1::ContainerId {
    fn from(id: &ContainerId) -> Self {
        let mut spelled = None;
        for name in id.path() {
            spelled = Some(v1::ContainerId { value: name.to_string(), parent: spelled.map(Box::new) });
        }
        spelled.unwrap_or_default()
    }
}

/// An update's id; anything but sixteen bytes is refused with the public text.
pub(in crate::convert) fn update_id(bytes: &[u8]) -> Result<UpdateId, ConvertError> {
    UpdateId::from_slice(bytes).ok_or_else(|| ConvertError::new("Not a valid UUID"))
}

impl TryFrom<v1::Uuid> for UpdateId {
    type Error = ConvertError;

    fn try_from(uuid: v1::Uuid) -> Result<Self, ConvertError> {
        update_id(&uuid.value)
    }
}

impl From<&UpdateId> for v1::Uuid {
    fn from(id: &UpdateId) -> Self {
        v1::Uuid { value: id.as_bytes().to_vec() }
    }
}

pub(in crate::convert) fn roles(names: Vec<String>) -> Vec<Role> {
    names.into_iter().map(Role::from).collect()
}

pub(in crate::convert) fn role_names<'a>(roles: impl IntoIterator<Item = &'a Role>) -> Vec<String> {
    roles.into_iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nested_container_id_keeps_its_order() {
        let id = ContainerId::new("a").child("b").child("c");
        let spelled = v1::ContainerId::from(&id);
        assert_eq!(spelled.value, "c");
        assert_eq!(spelled.parent.as_ref().map(|id| id.value.as_str()), Some("b"));
        assert_eq!(ContainerId::from(spelled), id);
    }
}
