//! Who says what a box shows: one classifier or several as one, and second heads that are asked where these see a
//! certain taxon.

use std::sync::Arc;
use std::time::Duration;

use super::classify::Classifier;
use super::ensemble::{Joint, Outputs};
use super::prepare::Cut;
use crate::engine::EngineError;
use crate::engine::labels::Label;
use crate::engine::pack::Mean;
use crate::image::Pixels;
use crate::units::BBox;

/// The classifiers of a site.
#[derive(Debug)]
pub struct Namer {
    members: Vec<Classifier>,
    /// Of several members.
    joint: Option<Joint>,
    pub(super) seconds: Vec<Classifier>,
}

/// What a box shows, at the size of every member's network; members that take the same share it.
#[derive(Debug)]
pub(super) struct Crop(Vec<Arc<Cut>>);

impl From<Classifier> for Namer {
    fn from(classifier: Classifier) -> Self {
        Namer { members: vec![classifier], joint: None, seconds: Vec::new() }
    }
}

impl Namer {
    /// Of one classifier or several, averaged as `mean` says; `None` of none.
    pub fn new(members: Vec<Classifier>, mean: Mean) -> Option<Namer> {
        let outputs = |member: &'_ Classifier| -> (Vec<Label>, f32, Option<Vec<String>>) {
            (member.labels().to_vec(), member.temperature(), member.allowed().map(<[String]>::to_vec))
        };
        let joint = (members.len() > 1).then(|| {
            let known: Vec<_> = members.iter().map(outputs).collect();
            let known: Vec<Outputs<'_>> = known
                .iter()
                .map(|(labels, temperature, allowed)| Outputs {
                    labels,
                    temperature: *temperature,
                    allowed: allowed.as_deref(),
                })
                .collect();
            Joint::new(&known, mean)
        });
        (!members.is_empty()).then_some(Namer { members, joint, seconds: Vec::new() })
    }

    /// The same with classifiers that are asked where it sees what [`super::second::Head`] says, in the order of the
    /// taxonomy's heads, and behind them one for attributes if there is one.
    pub fn with_seconds(self, seconds: Vec<Classifier>) -> Namer {
        Namer { seconds, ..self }
    }

    /// One label per logit.
    pub fn labels(&self) -> &[Label] {
        match (&self.joint, self.members.first()) {
            (Some(joint), _) => joint.labels(),
            (None, Some(only)) => only.labels(),
            (None, None) => &[],
        }
    }

    /// What logits are divided by before the softmax, > 0: joint ones are divided already.
    pub fn temperature(&self) -> f32 {
        self.alone().map_or(1.0, Classifier::temperature)
    }

    /// The only labels that may win; `None` for all, and for several classifiers, whose lists were heeded before.
    pub fn allowed(&self) -> Option<&[String]> {
        self.alone().and_then(Classifier::allowed)
    }

    /// Networks that run for one box, second heads left out.
    pub(super) fn runs(&self) -> u32 {
        self.members.iter().map(Classifier::runs).sum()
    }

    /// Time spent in the networks so far.
    pub(super) fn busy(&self) -> Duration {
        self.members.iter().chain(&self.seconds).map(|c| c.model().busy()).sum()
    }

    fn alone(&self) -> Option<&Classifier> {
        self.members.first().filter(|_| self.joint.is_none())
    }

    /// What `bbox` shows on `picture`, at the sizes the networks take: for [`Namer::logits_of`].
    pub(super) fn cut(&self, picture: &impl Pixels, bbox: &BBox) -> Result<Crop, EngineError> {
        let mut cuts: Vec<Arc<Cut>> = Vec::with_capacity(self.members.len());
        for (at, member) in self.members.iter().enumerate() {
            let same = self.members.iter().take(at).position(|other| other.cuts_like(member));
            let cut = match same.and_then(|earlier| cuts.get(earlier)) {
                Some(cut) => Arc::clone(cut),
                None => Arc::new(member.cut(picture, bbox)?),
            };
            cuts.push(cut);
        }
        Ok(Crop(cuts))
    }

    /// The logits of what was cut before, one per label.
    pub(super) fn logits_of(&mut self, crop: &Crop) -> Result<Arc<[f32]>, EngineError> {
        let each = self.members.iter_mut().zip(&crop.0).map(|(member, cut)| member.logits_of(cut));
        let mut each = each.collect::<Result<Vec<_>, _>>()?;
        match &self.joint {
            Some(joint) => Ok(joint.logits(&each).into()),
            None => each.pop().ok_or_else(|| EngineError::Output("there is no classifier".into())),
        }
    }

    /// What the second head numbered `head` would take of a crop, if a member takes the same.
    pub(super) fn for_second<'a>(&self, head: usize, crop: &'a Crop) -> Option<&'a Cut> {
        let second = self.seconds.get(head)?;
        let same = self.members.iter().position(|member| member.cuts_like(second))?;
        crop.0.get(same).map(Arc::as_ref)
    }
}
