//! Secrets: `environment_secret` in the environment of the child alone, `volume/secret` in a file that is on no disk.

use agent_launch::isolation::{Mount, Namespace};
use model::Secret;
use model::container::VolumeSource;

use super::isolator::{Isolator, Plan, Subject};
use super::namespaces::own;
use super::volumes::{target, volumes};

/// The secret itself. Without a resolver only those that carry their value have one.
///
/// Source: Mesos' default secret resolver.
fn resolve(secret: &Secret) -> Result<&[u8], String> {
    match secret {
        Secret::Value(bytes) => Ok(bytes),
        Secret::Reference { name, .. } => {
            Err(format!("the secret '{name}' is a reference, and only secrets of type VALUE can be resolved"))
        }
    }
}

/// `environment_secret`.
#[derive(Debug)]
pub(super) struct EnvironmentSecrets;

impl Isolator for EnvironmentSecrets {
    fn name(&self) -> &'static str {
        "environment_secret"
    }

    fn prepare(&self, subject: &Subject<'_>, plan: &mut Plan) -> Result<(), String> {
        for (name, secret) in &subject.config.secrets {
            let bytes = resolve(secret).map_err(|why| format!("variable '{name}': {why}"))?;
            let value = std::str::from_utf8(bytes)
                .map_err(|_| format!("variable '{name}': the secret is not text"))?;
            plan.environment.push((name.clone(), value.to_owned()));
        }
        Ok(())
    }
}

/// `volume/secret`.
#[derive(Debug)]
pub(super) struct SecretVolumes;

impl Isolator for SecretVolumes {
    fn name(&self) -> &'static str {
        "volume/secret"
    }

    fn namespaces(&self) -> bool {
        true
    }

    fn prepare(&self, subject: &Subject<'_>, plan: &mut Plan) -> Result<(), String> {
        for volume in volumes(subject) {
            let Some(VolumeSource::Secret(secret)) = &volume.source else { continue };
            let content = resolve(secret)?.to_owned();
            own(plan, Namespace::Mount);
            let target = target(&volume.container_path, subject)?;
            plan.isolation.mounts.push(Mount::Secret { target, content });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{config, plan_of};
    use super::*;

    #[test]
    fn a_secret_goes_into_the_childs_environment_and_a_reference_is_refused() {
        let mut config = config();
        config.secrets = vec![("PASSWORD".into(), Secret::Value(b"sesame".to_vec()))];
        let plan = plan_of(&EnvironmentSecrets, &config).unwrap();
        assert_eq!(plan.environment, [("PASSWORD".to_owned(), "sesame".to_owned())]);
        config.secrets = vec![("PASSWORD".into(), Secret::Reference { name: "vault".into(), key: None })];
        assert_eq!(
            plan_of(&EnvironmentSecrets, &config).unwrap_err(),
            "variable 'PASSWORD': the secret 'vault' is a reference, and only secrets of type VALUE can be resolved"
        );
    }
}
