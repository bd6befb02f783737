//! How often each type of job is drawn.

use penstock_shared::job::JobType;
use rand::RngExt;
use rand::rngs::StdRng;

/// Which jobs there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mix {
    /// All kinds.
    Whole,
    /// Those that delete nothing.
    Lasting,
}

/// Of a hundred jobs of a contact: mostly the four main ones, as it is with those that use the API.
const SHARES: [(JobType, u32); 20] = [
    (JobType::UpsertContact, 18),
    (JobType::CreateTask, 18),
    (JobType::AttachNote, 17),
    (JobType::AddTags, 16),
    (JobType::UpdateContact, 3),
    (JobType::UpdateTask, 3),
    (JobType::CompleteTask, 2),
    (JobType::DeleteTask, 2),
    (JobType::UpdateNote, 2),
    (JobType::DeleteNote, 2),
    (JobType::RemoveTags, 2),
    (JobType::BulkTags, 2),
    (JobType::AddFollowers, 2),
    (JobType::RemoveFollowers, 1),
    (JobType::AddToCampaign, 2),
    (JobType::RemoveFromCampaign, 1),
    (JobType::RemoveFromAllCampaigns, 1),
    (JobType::AddToWorkflow, 2),
    (JobType::RemoveFromWorkflow, 2),
    (JobType::SetBusiness, 2),
];

impl Mix {
    pub(super) fn draw(self, dice: &mut StdRng) -> JobType {
        let all = SHARES.iter().map(|(_, share)| share).sum();
        let mut left: u32 = dice.random_range(0..all);
        for (job_type, share) in SHARES {
            if left < share {
                return self.instead(job_type);
            }
            left -= share;
        }
        JobType::AddTags
    }

    fn instead(self, job_type: JobType) -> JobType {
        match (self, job_type) {
            (Self::Lasting, JobType::DeleteTask) => JobType::CreateTask,
            (Self::Lasting, JobType::DeleteNote) => JobType::AttachNote,
            _ => job_type,
        }
    }
}
