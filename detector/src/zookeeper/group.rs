//! The nodes masters publish: `json.info_` and a number that grows, each holding a `MasterInfo` as JSON.
//!
//! Source: Mesos high availability, "leader election": the node with the least number is the leader's.

use std::net::{IpAddr, SocketAddr};

use serde_json::Value;

use super::jute::Reader;
use super::session::{CREATE, DELETE, EXISTS, GET_CHILDREN, GET_DATA, NO_AUTH, NO_NODE, NODE_EXISTS};
use super::{Ensemble, Session, SessionError};

/// What the name of a node begins with.
const LABEL: &str = "json.info_";

/// It ends with its session, and its name with a number.
const EPHEMERAL_SEQUENTIAL: i32 = 3;
const PERSISTENT: i32 = 0;

/// A node below the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) name: String,
    /// The number in its name.
    pub(crate) sequence: i64,
    /// The session that made it.
    pub(crate) owner: i64,
    pub(crate) data: Vec<u8>,
}

impl Node {
    /// Where the master listens that this node is of.
    pub(crate) fn master(&self) -> Option<SocketAddr> {
        let info: Value = serde_json::from_slice(&self.data).ok()?;
        let address = &info["address"];
        let ip: IpAddr = match address["ip"].as_str() {
            Some(ip) => ip.parse().ok()?,
            // Before 0.24: a number, as the address lies in memory in network order.
            None => u32::try_from(info["ip"].as_u64()?).ok()?.to_le_bytes().into(),
        };
        let port = address["port"].as_u64().or_else(|| info["port"].as_u64())?;
        Some(SocketAddr::new(ip, u16::try_from(port).ok()?))
    }
}

/// The nodes below the path of an ensemble, seen through a session.
pub(crate) struct Group<'a> {
    pub(crate) session: &'a mut Session,
    pub(crate) ensemble: &'a Ensemble,
}

impl Group<'_> {
    /// All nodes masters have published, the least first. A watch fires when that changes.
    pub(crate) async fn nodes(&mut self) -> Result<Vec<Node>, SessionError> {
        let mut nodes = Vec::new();
        for (sequence, name) in self.names().await? {
            // One that is gone meanwhile has fired the watch.
            if let Some(node) = self.read(sequence, name).await? {
                nodes.push(node);
            }
        }
        Ok(nodes)
    }

    /// The least of them, without reading the others.
    pub(crate) async fn first(&mut self) -> Result<Option<Node>, SessionError> {
        for (sequence, name) in self.names().await? {
            if let Some(node) = self.read(sequence, name).await? {
                return Ok(Some(node));
            }
        }
        Ok(None)
    }

    /// Publishes a node, and makes the path if there is none yet.
    pub(crate) async fn publish(&mut self, data: &[u8]) -> Result<(), SessionError> {
        let name = format!("{}/{LABEL}", self.ensemble.path);
        match self.create(&name, data, EPHEMERAL_SEQUENTIAL).await {
            Err(SessionError::Refused(NO_NODE)) => {
                self.make_path().await?;
                self.create(&name, data, EPHEMERAL_SEQUENTIAL).await
            }
            done => done,
        }
    }

    /// Deletes a node, if it is still there; gives whether that was allowed.
    pub(crate) async fn delete(&mut self, name: &str) -> Result<bool, SessionError> {
        const ANY_VERSION: i32 = -1;
        let path = format!("{}/{name}", self.ensemble.path);
        match self.session.request(DELETE, |body| body.string(&path).int(ANY_VERSION)).await {
            Ok(_) | Err(SessionError::Refused(NO_NODE)) => Ok(true),
            Err(SessionError::Refused(NO_AUTH)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Number and name of each node, the least number first.
    async fn names(&mut self) -> Result<Vec<(i64, String)>, SessionError> {
        const WATCH: bool = true;
        let path = self.ensemble.path.clone();
        let names = match self.session.request(GET_CHILDREN, |body| body.string(&path).bool(WATCH)).await {
            Ok(mut answer) => answer.strings()?,
            // Nobody has published anything yet; a watch fires when the path is made.
            Err(SessionError::Refused(NO_NODE)) => {
                match self.session.request(EXISTS, |body| body.string(&path).bool(WATCH)).await {
                    Err(SessionError::Refused(NO_NODE)) => Vec::new(),
                    // Made between the two questions.
                    Ok(_) => self
                        .session
                        .request(GET_CHILDREN, |body| body.string(&path).bool(WATCH))
                        .await?
                        .strings()?,
                    Err(error) => return Err(error),
                }
            }
            Err(error) => return Err(error),
        };
        let mut names: Vec<(i64, String)> = names
            .into_iter()
            .filter_map(|name| Some((name.strip_prefix(LABEL)?.parse().ok()?, name)))
            .collect();
        names.sort();
        Ok(names)
    }

    async fn read(&mut self, sequence: i64, name: String) -> Result<Option<Node>, SessionError> {
        let path = format!("{}/{name}", self.ensemble.path);
        match self.session.request(GET_DATA, |body| body.string(&path).bool(false)).await {
            Ok(mut answer) => {
                let data = answer.buffer()?;
                Ok(Some(Node { name, sequence, owner: owner(answer)?, data }))
            }
            Err(SessionError::Refused(NO_NODE)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn make_path(&mut self) -> Result<(), SessionError> {
        let path = self.ensemble.path.clone();
        let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
        for end in ends.collect::<Vec<_>>() {
            match self.create(&path[..end], &[], PERSISTENT).await {
                Ok(()) | Err(SessionError::Refused(NODE_EXISTS)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// With credentials everybody may read and their owner may do anything; without, everybody may.
    async fn create(&mut self, path: &str, data: &[u8], flags: i32) -> Result<(), SessionError> {
        const READ: i32 = 1;
        const ALL: i32 = 31;
        let rules: &[(i32, &str, &str)] = match self.ensemble.credentials {
            Some(_) => &[(ALL, "auth", ""), (READ, "world", "anyone")],
            None => &[(ALL, "world", "anyone")],
        };
        let body = |body: super::jute::Writer| {
            let mut body = body.string(path).buffer(data).int(rules.len() as i32);
            for (rights, scheme, who) in rules {
                body = body.int(*rights).string(scheme).string(who);
            }
            body.int(flags)
        };
        self.session.request(CREATE, body).await.map(drop)
    }
}

/// The owner in what is told of a node: four longs and three ints stand before it.
fn owner(mut stat: Reader) -> Result<i64, SessionError> {
    for _ in 0..4 {
        stat.long()?;
    }
    for _ in 0..3 {
        stat.int()?;
    }
    Ok(stat.long()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master(json: &str) -> Option<SocketAddr> {
        let name = "json.info_0000000001".to_owned();
        Node { name, sequence: 1, owner: 1, data: json.as_bytes().to_vec() }.master()
    }

    #[test]
    fn a_master_is_where_its_node_says() {
        let whole = r#"{"address":{"hostname":"h","ip":"10.0.0.1","port":5050},"id":"m","ip":1,"port":1}"#;
        assert_eq!(master(whole), Some(([10, 0, 0, 1], 5050).into()));
        assert_eq!(master(r#"{"id":"m","ip":16777343,"port":5050}"#), Some(([127, 0, 0, 1], 5050).into()));
        assert_eq!(master(r#"{"address":{"ip":"::1","port":5050}}"#), Some("[::1]:5050".parse().unwrap()));
    }

    #[test]
    fn what_is_no_description_of_a_master_is_none() {
        for json in
            ["", "{}", "[]", r#"{"address":{"ip":"x","port":1}}"#, r#"{"address":{"ip":"::1","port":65536}}"#]
        {
            assert_eq!(master(json), None, "{json}");
        }
    }
}
