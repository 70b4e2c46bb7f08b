//! Commands, environments, secrets.

use model::{CommandInfo, Environment, Secret, Uri, Variable, VariableValue};

use super::{ConvertError, all, each, maybe};
use crate::v1;

impl TryFrom<v1::CommandInfo> for CommandInfo {
    type Error = ConvertError;

    fn try_from(command: v1::CommandInfo) -> Result<Self, ConvertError> {
        Ok(CommandInfo {
            uris: command.uris.into_iter().map(Uri::from).collect(),
            environment: maybe(command.environment, "environment")?.unwrap_or_default(),
            shell: command.shell.unwrap_or(true),
            value: command.value,
            arguments: command.arguments,
            user: command.user,
        })
    }
}

impl From<&CommandInfo> for v1::CommandInfo {
    fn from(command: &CommandInfo) -> Self {
        v1::CommandInfo {
            uris: all(&command.uris),
            environment: (!command.environment.is_empty()).then(|| (&command.environment).into()),
            shell: Some(command.shell),
            value: command.value.clone(),
            arguments: command.arguments.clone(),
            user: command.user.clone(),
        }
    }
}

impl From<v1::command_info::Uri> for Uri {
    fn from(uri: v1::command_info::Uri) -> Self {
        Uri {
            value: uri.value,
            executable: uri.executable.unwrap_or(false),
            extract: uri.extract.unwrap_or(true),
            cache: uri.cache.unwrap_or(false),
            output_file: uri.output_file,
        }
    }
}

impl From<&Uri> for v1::command_info::Uri {
    fn from(uri: &Uri) -> Self {
        v1::command_info::Uri {
            value: uri.value.clone(),
            executable: uri.executable.then_some(true),
            extract: Some(uri.extract),
            cache: uri.cache.then_some(true),
            output_file: uri.output_file.clone(),
        }
    }
}

impl TryFrom<v1::Environment> for Environment {
    type Error = ConvertError;

    fn try_from(environment: v1::Environment) -> Result<Self, ConvertError> {
        each(environment.variables, "variables").map(Environment)
    }
}

impl From<&Environment> for v1::Environment {
    fn from(environment: &Environment) -> Self {
        v1::Environment { variables: all(environment.iter()) }
    }
}

impl TryFrom<v1::environment::Variable> for Variable {
    type Error = ConvertError;

    fn try_from(variable: v1::environment::Variable) -> Result<Self, ConvertError> {
        use v1::environment::variable::Type;
        let name = variable.name;
        let lacks = |kind: &str, what: &str| {
            ConvertError::new(format!(
                "Environment variable '{name}' of type '{kind}' must have a {what} set"
            ))
        };
        let value = match variable.r#type.map_or(Ok(Type::Value), Type::try_from) {
            Ok(Type::Value) => VariableValue::Value(variable.value.ok_or_else(|| lacks("VALUE", "value"))?),
            Ok(Type::Secret) => {
                let secret = variable.secret.ok_or_else(|| lacks("SECRET", "secret"))?;
                VariableValue::Secret(Secret::try_from(secret).map_err(|error| error.at("secret"))?)
            }
            Ok(Type::Unknown) | Err(_) => {
                return Err(ConvertError::new(format!("Environment variable '{name}' has an unknown type")));
            }
        };
        Ok(Variable { name, value })
    }
}

impl From<&Variable> for v1::environment::Variable {
    fn from(variable: &Variable) -> Self {
        use v1::environment::variable::Type;
        let (ty, value, secret) = match &variable.value {
            VariableValue::Value(value) => (Type::Value, Some(value.clone()), None),
            VariableValue::Secret(secret) => (Type::Secret, None, Some(v1::Secret::from(secret))),
        };
        v1::environment::Variable { name: variable.name.clone(), r#type: Some(ty as i32), value, secret }
    }
}

impl TryFrom<v1::Secret> for Secret {
    type Error = ConvertError;

    fn try_from(secret: v1::Secret) -> Result<Self, ConvertError> {
        use v1::secret::Type;
        match (secret.r#type.and_then(|ty| Type::try_from(ty).ok()), secret.reference, secret.value) {
            (Some(Type::Reference), Some(reference), None) => {
                Ok(Secret::Reference { name: reference.name, key: reference.key })
            }
            (Some(Type::Value), None, Some(value)) => Ok(Secret::Value(value.data)),
            (Some(Type::Reference), ..) => {
                Err(ConvertError::new("Secret of type REFERENCE must have 'reference' set, and nothing else"))
            }
            (Some(Type::Value), ..) => {
                Err(ConvertError::new("Secret of type VALUE must have 'value' set, and nothing else"))
            }
            _ => Err(ConvertError::new("Secret must have a known 'type'")),
        }
    }
}

impl From<&Secret> for v1::Secret {
    fn from(secret: &Secret) -> Self {
        use v1::secret::{Reference, Type, Value};
        match secret {
            Secret::Reference { name, key } => v1::Secret {
                r#type: Some(Type::Reference as i32),
                reference: Some(Reference { name: name.clone(), key: key.clone() }),
                value: None,
            },
            Secret::Value(data) => v1::Secret {
                r#type: Some(Type::Value as i32),
                reference: None,
                value: Some(Value { data: data.clone() }),
            },
        }
    }
}
