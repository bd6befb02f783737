//! A value for every job type: one for all, and exceptions.

use super::JobType;

/// A value for every job type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerType<T>([T; JobType::ALL.len()]);

impl<T: Copy> PerType<T> {
    /// The same for all.
    pub fn all(value: T) -> Self {
        Self([value; JobType::ALL.len()])
    }

    /// With this value for one of them.
    #[must_use]
    pub fn with(self, exception: JobType, value: T) -> Self {
        let mut values = self.0;
        for (job_type, slot) in JobType::ALL.iter().zip(&mut values) {
            if *job_type == exception {
                *slot = value;
            }
        }
        Self(values)
    }

    /// What holds for a type.
    pub fn of(&self, job_type: JobType) -> T {
        let mut all = self.iter();
        let own = all.find(|(each, _)| *each == job_type);
        own.map_or(self.0[0], |(_, value)| value)
    }

    /// What holds for each.
    pub fn iter(&self) -> impl Iterator<Item = (JobType, T)> + '_ {
        JobType::ALL.iter().copied().zip(self.0.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_is_one_types_own() {
        let values = PerType::all(1).with(JobType::CreateTask, 2);
        for (job_type, value) in values.iter() {
            let expected = if job_type == JobType::CreateTask {
                2
            } else {
                1
            };
            assert_eq!((value, values.of(job_type)), (expected, expected));
        }
    }
}
