//! What quota reckons with, kept up to date as things change hands, so that a run looks at no agent for it.
//!
//! ```text
//!   consumed = held below the role and kept for nobody before + all that is kept for it, held or not
//!   missing  = guarantee − consumed                      headroom = idle − missing of all roles
//!   may take = min(limit − consumed, missing + headroom)  per scalar that is kept for nobody
//! ```
//! What is revocable counts nowhere. Roles below the top count for the one at the top, and only that has quota.
//!
//! Source: Mesos hierarchical allocator.

use std::collections::{BTreeMap, BTreeSet};

use model::{Quantities, Quota, Resource, Resources, Role, Scalar, Value};
use smallvec::SmallVec;

use super::slab::Slab;
use crate::allocator::sorter::{Class, Names, Tally};

/// The accounts of all roles at the top.
#[derive(Debug)]
pub(super) struct Ledger {
    places: BTreeMap<Role, u32>,
    accounts: Slab<Account>,
    /// How many of them have quota.
    quotas: usize,
    /// Idle and kept for nobody, on agents that may be offered.
    free: Tally,
    /// What is missing to all roles.
    missing: Tally,
    /// What an offer must hold one of, by position. Shape: any of these → all of these.
    minimums: Vec<Vec<(usize, i64)>>,
    /// Roles that may take more than when they were kept back.
    eased: BTreeSet<u32>,
    /// Whether somebody was kept back for want of headroom.
    scarce: bool,
    /// Headroom after the last run.
    rested: Tally,
    /// Whose class is another than the tree knows.
    reclassed: BTreeSet<u32>,
    /// Frameworks that say themselves what an offer must hold, over all roles.
    picky: usize,
}

/// What one role at the top is promised, may have and has.
#[derive(Debug)]
struct Account {
    role: Role,
    /// Frameworks in the role or below it.
    members: usize,
    /// Those of them that say themselves what an offer must hold.
    picky: usize,
    guarantee: Tally,
    limit: SmallVec<[(usize, i64); 4]>,
    has_quota: bool,
    consumed: Tally,
    missing: Tally,
    class: Class,
    /// Whether it was offered less than there was, or nothing.
    kept_back: bool,
}

/// Whether quota looks at it when it is given away.
pub(super) fn counts(resource: &Resource) -> bool {
    resource.is_unreserved() && !resource.revocable && matches!(resource.value, Value::Scalar(_))
}

/// The scalars that quota looks at when they are given away.
pub(super) fn counted(resources: &Resources, names: &mut Names) -> Tally {
    let mut tally = Tally::default();
    for resource in resources.iter().filter(|resource| counts(resource)) {
        if let Value::Scalar(amount) = resource.value {
            tally.add(names.position(&resource.name), amount);
        }
    }
    tally
}

/// What of an agent's total counts for roles already. Shape: role at the top → scalars kept for it.
pub(super) fn kept(total: &Resources, names: &mut Names) -> BTreeMap<Role, Tally> {
    let mut kept: BTreeMap<Role, Tally> = BTreeMap::new();
    for resource in total.iter().filter(|resource| !resource.revocable) {
        let (Some(role), Value::Scalar(amount)) = (resource.reserved_to(), &resource.value) else { continue };
        let position = names.position(&resource.name);
        match kept.get_mut(role.top()) {
            Some(tally) => tally.add(position, *amount),
            None => kept.entry(Role::new(role.top())).or_default().add(position, *amount),
        }
    }
    kept
}

impl Ledger {
    pub(super) fn new(min_allocatable: &[Quantities], names: &mut Names) -> Ledger {
        let mut place =
            |(name, amount): (&std::sync::Arc<str>, Scalar)| (names.position(name), amount.thousandths());
        Ledger {
            places: BTreeMap::new(),
            accounts: Slab::default(),
            quotas: 0,
            free: Tally::default(),
            missing: Tally::default(),
            minimums: min_allocatable.iter().map(|one| one.iter().map(&mut place).collect()).collect(),
            eased: BTreeSet::new(),
            scarce: false,
            rested: Tally::default(),
            reclassed: BTreeSet::new(),
            picky: 0,
        }
    }

    /// Whether no role has quota.
    pub(super) fn is_idle(&self) -> bool {
        self.quotas == 0
    }

    fn account(&self, role: &Role) -> Option<u32> {
        self.places.get(role.top()).copied()
    }

    pub(super) fn class(&self, account: u32) -> Class {
        self.accounts[account].class
    }

    /// Whether all frameworks have the same idea of what is worth an offer.
    pub(super) fn is_anybody_picky(&self) -> bool {
        self.picky > 0
    }

    /// A framework joins a role.
    pub(super) fn join(&mut self, role: &Role, picky: bool) -> u32 {
        let id = self.open(role.top());
        let account = &mut self.accounts[id];
        account.members += 1;
        account.picky += usize::from(picky);
        self.picky += usize::from(picky);
        self.judge(id);
        id
    }

    /// A framework leaves a role.
    pub(super) fn leave(&mut self, id: u32, picky: bool) {
        let account = &mut self.accounts[id];
        account.members -= 1;
        account.picky -= usize::from(picky);
        self.picky -= usize::from(picky);
        self.judge(id);
        self.tidy(id);
    }

    /// Replaces a role's quota.
    pub(super) fn set_quota(&mut self, quota: &Quota, names: &mut Names) {
        let id = self.open(quota.role.as_str());
        let account = &mut self.accounts[id];
        let has_quota = !(quota.guarantees.is_empty() && quota.limits.is_empty());
        self.quotas = self.quotas + usize::from(has_quota) - usize::from(account.has_quota);
        account.has_quota = has_quota;
        account.guarantee = Tally::default();
        for (name, amount) in quota.guarantees.iter() {
            account.guarantee.add(names.position(name), amount);
        }
        let limit =
            |(name, amount): (&std::sync::Arc<str>, Scalar)| (names.position(name), amount.thousandths());
        account.limit = quota.limits.iter().map(limit).collect();
        self.settle(id);
        self.judge(id);
        self.tidy(id);
    }

    /// A role, or one below it, holds more of what was kept for nobody, or more is kept for it.
    pub(super) fn consume(&mut self, role: &Role, amounts: &Tally) {
        if !amounts.is_zero() {
            let id = self.open(role.top());
            self.consume_in(id, amounts);
        }
    }

    /// The same by account.
    pub(super) fn consume_in(&mut self, id: u32, amounts: &Tally) {
        self.accounts[id].consumed.plus(amounts);
        self.settle(id);
    }

    /// The same the other way round.
    pub(super) fn restore(&mut self, role: &Role, amounts: &Tally) {
        if let Some(id) = self.account(role).filter(|_| !amounts.is_zero()) {
            self.restore_in(id, amounts);
        }
    }

    /// The same by account.
    pub(super) fn restore_in(&mut self, id: u32, amounts: &Tally) {
        let account = &mut self.accounts[id];
        account.consumed.minus(amounts);
        if account.kept_back {
            self.eased.insert(id);
        }
        self.settle(id);
        self.tidy(id);
    }

    /// What one agent has idle for everybody changed.
    pub(super) fn refill(&mut self, before: &Tally, after: &Tally) {
        self.free.minus(before);
        self.free.plus(after);
    }

    /// Somebody in the role was given less than there was.
    pub(super) fn keep_back(&mut self, account: u32) {
        self.accounts[account].kept_back = true;
        self.scarce = true;
    }

    /// Only roles that miss something were asked, since there is no headroom.
    pub(super) fn note_scarcity(&mut self) {
        self.scarce = true;
    }

    /// A run is over.
    pub(super) fn rest(&mut self) {
        if self.scarce {
            self.rested = self.headroom();
        }
    }

    /// Whether somebody was kept back for want of headroom and there is more now. The answer is given once.
    pub(super) fn take_relief(&mut self) -> bool {
        let now = self.headroom();
        let more = self.scarce && (0..now.len()).any(|at| now.at(at) > self.rested.at(at));
        self.scarce &= !more;
        more
    }

    pub(super) fn is_anybody_eased(&self) -> bool {
        !self.eased.is_empty()
    }

    /// Roles that may take more than when they were kept back. Each is named once.
    pub(super) fn take_eased(&mut self) -> Vec<Role> {
        let mut roles = Vec::new();
        for id in std::mem::take(&mut self.eased) {
            let account = &mut self.accounts[id];
            account.kept_back = account.class == Class::Sated;
            if !account.kept_back {
                roles.push(account.role.clone());
            }
        }
        roles
    }

    /// Roles whose class changed, with the new one. Each is named once.
    pub(super) fn take_reclassed(&mut self) -> Option<(Role, Class)> {
        let account = &self.accounts[self.reclassed.pop_first()?];
        Some((account.role.clone(), account.class))
    }

    /// Whether what everybody may take of what is promised to nobody is worth an offer.
    pub(super) fn has_headroom(&self) -> bool {
        self.missing.is_zero() || self.worth(|at| self.free.at(at) - self.missing.at(at))
    }

    /// What a role has of its quota.
    fn consumed(&self, account: u32) -> &Tally {
        &self.accounts[account].consumed
    }

    /// What a role may have at most, if that is limited. Unit: thousandths.
    fn limit(&self, account: u32, position: usize) -> Option<i64> {
        self.accounts[account].limit.iter().find(|(at, _)| *at == position).map(|(_, limit)| *limit)
    }

    /// Whether a role has all it may have of something.
    pub(super) fn is_at_limit(&self, account: u32) -> bool {
        let Account { limit, consumed, .. } = &self.accounts[account];
        limit.iter().any(|(at, limit)| consumed.at(*at) >= *limit)
    }

    fn missing(&self, account: u32) -> &Tally {
        &self.accounts[account].missing
    }

    /// Idle, kept for nobody and promised to nobody.
    fn headroom(&self) -> Tally {
        let mut headroom = self.free.clone();
        headroom.minus(&self.missing);
        headroom
    }

    /// States that what was kept up to date is what would be counted anew.
    pub(super) fn check(&self, free: &Tally, consumed: &BTreeMap<Role, Tally>) {
        let same =
            |one: &Tally, other: &Tally| (0..one.len().max(other.len())).all(|at| one.at(at) == other.at(at));
        assert!(same(&self.free, free), "idle: {:?} is kept, {free:?} is counted", self.free);
        let nothing = Tally::default();
        for (_, account) in self.accounts.iter() {
            let counted = consumed.get(&account.role).unwrap_or(&nothing);
            let kept = &account.consumed;
            assert!(same(kept, counted), "{} has {kept:?}, {counted:?} is counted", account.role);
        }
    }

    fn open(&mut self, role: &str) -> u32 {
        if let Some(id) = self.places.get(role) {
            return *id;
        }
        let role = Role::new(role);
        let id = self.accounts.insert(Account::new(role.clone()));
        self.places.insert(role, id);
        id
    }

    /// After what it has changed.
    fn settle(&mut self, id: u32) {
        let account = &mut self.accounts[id];
        if !account.has_quota && account.missing.is_zero() {
            return;
        }
        let mut missing = account.guarantee.clone();
        missing.lack(&account.consumed);
        self.missing.minus(&account.missing);
        self.missing.plus(&missing);
        account.missing = missing;
        self.judge(id);
    }

    fn judge(&mut self, id: u32) {
        let account = &self.accounts[id];
        let left = |at: usize| {
            let limit = account.limit.iter().find(|(position, _)| *position == at);
            limit.map_or(i64::MAX, |(_, limit)| limit - account.consumed.at(at))
        };
        let class = match account {
            account if !account.missing.is_zero() => Class::Hungry,
            account if account.limit.is_empty() || account.picky > 0 || self.worth(left) => Class::Open,
            _ => Class::Sated,
        };
        let before = std::mem::replace(&mut self.accounts[id].class, class);
        if before != class {
            self.reclassed.insert(id);
        }
        match (before, class) {
            (Class::Sated, Class::Hungry | Class::Open) => drop(self.eased.insert(id)),
            (_, Class::Sated) => self.accounts[id].kept_back = true,
            _ => {}
        }
    }

    /// Whether amounts are worth an offer to those who say nothing else.
    pub(super) fn is_worth(&self, amounts: &Tally) -> bool {
        self.worth(|at| amounts.at(at))
    }

    /// Whether amounts hold one of the minimums.
    fn worth(&self, amount: impl Fn(usize) -> i64) -> bool {
        self.minimums.is_empty()
            || self.minimums.iter().any(|one| one.iter().all(|(at, least)| amount(*at) >= *least))
    }

    /// Forgets an account that says nothing.
    fn tidy(&mut self, id: u32) {
        let account = &self.accounts[id];
        if account.members == 0 && !account.has_quota && account.consumed.is_zero() {
            let account = self.accounts.remove(id);
            self.places.remove(&account.role);
            self.eased.remove(&id);
            self.reclassed.remove(&id);
        }
    }
}

impl Account {
    fn new(role: Role) -> Account {
        Account {
            role,
            members: 0,
            picky: 0,
            guarantee: Tally::default(),
            limit: SmallVec::new(),
            has_quota: false,
            consumed: Tally::default(),
            missing: Tally::default(),
            class: Class::default(),
            kept_back: false,
        }
    }
}

/// The ledger, and what one agent has given while it is not booked yet.
pub(super) struct Draft<'a> {
    ledger: &'a Ledger,
    names: &'a Names,
    given: SmallVec<[(u32, Tally); 2]>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(ledger: &'a Ledger, names: &'a Names) -> Draft<'a> {
        Draft { ledger, names, given: SmallVec::new() }
    }

    /// A role was given something.
    pub(super) fn give(&mut self, account: u32, part: &Resources) {
        let mut tally = Tally::default();
        for resource in part.iter().filter(|resource| counts(resource)) {
            if let (Value::Scalar(amount), Some(at)) = (&resource.value, self.names.find(&resource.name)) {
                tally.add(at, *amount);
            }
        }
        match self.given.iter_mut().find(|(known, _)| *known == account) {
            Some((_, given)) => given.plus(&tally),
            None => self.given.push((account, tally)),
        }
    }

    /// The part a role may be given, and whether it is less than there is.
    pub(super) fn shrink(&self, account: u32, part: Resources) -> (Resources, bool) {
        let mut left: SmallVec<[(usize, Option<i64>); 4]> = SmallVec::new();
        let mut less = false;
        let shrunk = part
            .iter()
            .filter_map(|resource| {
                let Value::Scalar(amount) = resource.value else { return Some(resource.clone()) };
                let Some(at) = self.names.find(&resource.name).filter(|_| counts(resource)) else {
                    return Some(resource.clone());
                };
                let slot = left.iter().position(|(known, _)| *known == at).unwrap_or_else(|| {
                    left.push((at, self.may_take(account, at)));
                    left.len() - 1
                });
                let Some(may) = &mut left[slot].1 else { return Some(resource.clone()) };
                let mut given = amount.thousandths().min(*may).max(0);
                if &*resource.name == "gpus" {
                    given -= given % 1000;
                }
                less |= given < amount.thousandths();
                if given == 0 || (resource.is_indivisible() && given < amount.thousandths()) {
                    return None;
                }
                *may -= given;
                Some(Resource { value: Scalar::from_thousandths(given).into(), ..resource.clone() })
            })
            .collect();
        (shrunk, less)
    }

    /// What a role may still be given of a scalar; `None` is all there is. Unit: thousandths.
    fn may_take(&self, account: u32, at: usize) -> Option<i64> {
        let drafted = |id: u32| self.ledger.missing(id).at(at) - self.missing(id, at);
        let filled: i64 = self.given.iter().map(|(id, _)| drafted(*id)).sum();
        let promised = self.ledger.missing.at(at) - filled;
        let free = self.ledger.free.at(at) - self.given.iter().map(|(_, given)| given.at(at)).sum::<i64>();
        let share = self.missing(account, at) + (free - promised).max(0);
        let limit = self
            .ledger
            .limit(account, at)
            .map(|limit| (limit - self.ledger.consumed(account).at(at) - self.given(account, at)).max(0));
        match limit {
            Some(limit) => Some(limit.min(share)),
            None if promised == 0 => None,
            None => Some(share),
        }
    }

    fn missing(&self, account: u32, at: usize) -> i64 {
        (self.ledger.missing(account).at(at) - self.given(account, at)).max(0)
    }

    fn given(&self, account: u32, at: usize) -> i64 {
        self.given.iter().find(|(known, _)| *known == account).map_or(0, |(_, given)| given.at(at))
    }
}
