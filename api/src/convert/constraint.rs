//! Offer constraints.

use model::constraint::{
    AttributeConstraint, ConstraintGroup, OfferConstraints, Predicate, RoleConstraints, Selector,
};

use super::{ConvertError, all, each};
use crate::v1::scheduler as v1;
use crate::v1::scheduler::attribute_constraint::{predicate, selector};
use crate::v1::scheduler::offer_constraints::{self, role_constraints};

impl TryFrom<v1::OfferConstraints> for OfferConstraints {
    type Error = ConvertError;

    fn try_from(constraints: v1::OfferConstraints) -> Result<Self, ConvertError> {
        constraints
            .role_constraints
            .into_iter()
            .map(|(role, constraints)| match each(constraints.groups, "groups") {
                Ok(groups) => Ok((role.into(), RoleConstraints { groups })),
                Err(error) => Err(error.at(&format!("role_constraints[{role}]"))),
            })
            .collect::<Result<_, _>>()
            .map(OfferConstraints)
    }
}

impl From<&OfferConstraints> for v1::OfferConstraints {
    fn from(constraints: &OfferConstraints) -> Self {
        v1::OfferConstraints {
            role_constraints: constraints
                .0
                .iter()
                .map(|(role, constraints)| {
                    let groups = all(&constraints.groups);
                    (role.to_string(), offer_constraints::RoleConstraints { groups })
                })
                .collect(),
        }
    }
}

impl TryFrom<role_constraints::Group> for ConstraintGroup {
    type Error = ConvertError;

    fn try_from(group: role_constraints::Group) -> Result<Self, ConvertError> {
        Ok(ConstraintGroup { constraints: each(group.attribute_constraints, "attribute_constraints")? })
    }
}

impl From<&ConstraintGroup> for role_constraints::Group {
    fn from(group: &ConstraintGroup) -> Self {
        role_constraints::Group { attribute_constraints: all(&group.constraints) }
    }
}

impl TryFrom<v1::AttributeConstraint> for AttributeConstraint {
    type Error = ConvertError;

    fn try_from(constraint: v1::AttributeConstraint) -> Result<Self, ConvertError> {
        use selector::PseudoattributeType;
        let selector = match constraint.selector.selector {
            Some(selector::Selector::AttributeName(name)) => Selector::Attribute(name.into()),
            Some(selector::Selector::PseudoattributeType(number)) => {
                match PseudoattributeType::try_from(number) {
                    Ok(PseudoattributeType::Hostname) => Selector::Hostname,
                    Ok(PseudoattributeType::Region) => Selector::Region,
                    Ok(PseudoattributeType::Zone) => Selector::Zone,
                    Ok(PseudoattributeType::Unknown) | Err(_) => {
                        return Err(ConvertError::new("Unknown pseudoattribute type").at("selector"));
                    }
                }
            }
            None => {
                return Err(ConvertError::new("Exactly one of selector fields must be set").at("selector"));
            }
        };
        let predicate = match constraint.predicate.predicate {
            Some(predicate::Predicate::Exists(_)) => Predicate::Exists,
            Some(predicate::Predicate::NotExists(_)) => Predicate::NotExists,
            Some(predicate::Predicate::TextEquals(text)) => Predicate::Equals(text.value.into()),
            Some(predicate::Predicate::TextNotEquals(text)) => Predicate::NotEquals(text.value.into()),
            Some(predicate::Predicate::TextMatches(text)) => Predicate::Matches(text.regex.into()),
            Some(predicate::Predicate::TextNotMatches(text)) => Predicate::NotMatches(text.regex.into()),
            None => return Err(ConvertError::new("Unknown predicate type").at("predicate")),
        };
        Ok(AttributeConstraint { selector, predicate })
    }
}

impl From<&AttributeConstraint> for v1::AttributeConstraint {
    fn from(constraint: &AttributeConstraint) -> Self {
        use selector::PseudoattributeType;
        let pseudo = |ty: PseudoattributeType| selector::Selector::PseudoattributeType(ty as i32);
        let selector = match &constraint.selector {
            Selector::Attribute(name) => selector::Selector::AttributeName(name.to_string()),
            Selector::Hostname => pseudo(PseudoattributeType::Hostname),
            Selector::Region => pseudo(PseudoattributeType::Region),
            Selector::Zone => pseudo(PseudoattributeType::Zone),
        };
        let predicate = match &constraint.predicate {
            Predicate::Exists => predicate::Predicate::Exists(predicate::Exists {}),
            Predicate::NotExists => predicate::Predicate::NotExists(predicate::NotExists {}),
            Predicate::Equals(text) => {
                predicate::Predicate::TextEquals(predicate::TextEquals { value: text.to_string() })
            }
            Predicate::NotEquals(text) => {
                predicate::Predicate::TextNotEquals(predicate::TextNotEquals { value: text.to_string() })
            }
            Predicate::Matches(regex) => {
                predicate::Predicate::TextMatches(predicate::TextMatches { regex: regex.to_string() })
            }
            Predicate::NotMatches(regex) => {
                predicate::Predicate::TextNotMatches(predicate::TextNotMatches { regex: regex.to_string() })
            }
        };
        v1::AttributeConstraint {
            selector: v1::attribute_constraint::Selector { selector: Some(selector) },
            predicate: v1::attribute_constraint::Predicate { predicate: Some(predicate) },
        }
    }
}
