//! How many log streams a user may have open.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sky_crd::User;

use crate::error::ApiError;

/// Counts the open streams of every user; cheap to clone, all clones are one.
#[derive(Clone, Debug)]
pub struct Slots {
    limit: usize,
    open: Arc<Mutex<HashMap<User, usize>>>,
}

/// One open stream, until it is dropped.
#[derive(Debug)]
pub struct Slot {
    user: User,
    open: Arc<Mutex<HashMap<User, usize>>>,
}

impl Slots {
    /// At most `limit` per user.
    pub fn new(limit: usize) -> Self {
        Self { limit, open: Arc::default() }
    }

    /// A slot for one more stream.
    ///
    /// # Errors
    /// [`ApiError::TooManyStreams`] when the user has none left.
    pub fn take(&self, user: &User) -> Result<Slot, ApiError> {
        let mut open = lock(&self.open);
        let count = open.entry(user.clone()).or_default();
        if *count >= self.limit {
            return Err(ApiError::TooManyStreams { user: user.to_string(), limit: self.limit });
        }
        *count += 1;
        Ok(Slot { user: user.clone(), open: Arc::clone(&self.open) })
    }

    /// Open streams of all users.
    pub fn open(&self) -> usize {
        lock(&self.open).values().sum()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        if let Some(count) = open.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.user);
            }
        }
    }
}

fn lock(open: &Mutex<HashMap<User, usize>>) -> MutexGuard<'_, HashMap<User, usize>> {
    // Numbers are consistent between any two statements.
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_s_limit_is_nobody_else_s_and_comes_back() {
        let slots = Slots::new(2);
        let (ann, bob): (User, User) = ("ann".parse().unwrap(), "bob".parse().unwrap());
        let held = [slots.take(&ann).unwrap(), slots.take(&ann).unwrap()];
        assert!(matches!(slots.take(&ann), Err(ApiError::TooManyStreams { limit: 2, .. })));
        let bobs = slots.take(&bob).unwrap();
        assert_eq!(slots.open(), 3);
        drop(held);
        drop(bobs);
        assert_eq!(slots.open(), 0);
        assert!(slots.take(&ann).is_ok());
    }
}
