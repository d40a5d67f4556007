//! Who guessed wrong too often, by name and address. Follows CouchDB's `[chttpd_auth_lockout]`.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// Wrong guesses that are taken.
const THRESHOLD: u32 = 5;
/// How long a count lasts, from the first wrong guess.
const LIFETIME: Duration = Duration::from_secs(5 * 60);
/// Pairs of name and address that are remembered.
const REMEMBERED_MAX: usize = 10_000;

/// Counts wrong guesses.
#[derive(Debug, Default)]
pub struct Lockout {
    guesses: HashMap<(String, IpAddr), (Duration, u32)>,
}

impl Lockout {
    /// Whether this name may not be tried from this address now.
    pub fn is_locked(&self, name: &str, from: IpAddr, now: Duration) -> bool {
        let guesses = self.guesses.get(&(name.to_owned(), from));
        guesses.is_some_and(|(first, count)| *count >= THRESHOLD && fresh(*first, now))
    }

    /// Notes a wrong guess.
    pub fn note(&mut self, name: &str, from: IpAddr, now: Duration) {
        if self.guesses.len() >= REMEMBERED_MAX {
            self.guesses.retain(|_, (first, _)| fresh(*first, now));
        }
        if self.guesses.len() >= REMEMBERED_MAX {
            self.forget_one();
        }
        let entry = self.guesses.entry((name.to_owned(), from)).or_insert((now, 0));
        if !fresh(entry.0, now) {
            *entry = (now, 0);
        }
        entry.1 = entry.1.saturating_add(1);
    }

    /// Makes room: who fills the list with names must not keep others from being counted. A name that is locked stays while there
    /// is one that is not.
    fn forget_one(&mut self) {
        let oldest =
            self.guesses.iter().min_by_key(|(_, (first, count))| (*count >= THRESHOLD, *first));
        if let Some(oldest) = oldest.map(|(pair, _)| pair.clone()) {
            self.guesses.remove(&oldest);
        }
    }

    /// Forgets the wrong guesses before a right one.
    pub fn forgive(&mut self, name: &str, from: IpAddr) {
        self.guesses.remove(&(name.to_owned(), from));
    }
}

fn fresh(first: Duration, now: Duration) -> bool {
    now.saturating_sub(first) < LIFETIME
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

    #[test]
    fn five_wrong_guesses_lock_one_name_at_one_address_for_five_minutes() {
        let mut lockout = Lockout::default();
        for _ in 0..THRESHOLD {
            assert!(!lockout.is_locked("ann", HOME, Duration::ZERO));
            lockout.note("ann", HOME, Duration::ZERO);
        }
        assert!(lockout.is_locked("ann", HOME, Duration::from_secs(299)));
        assert!(!lockout.is_locked("ann", OTHER, Duration::ZERO));
        assert!(!lockout.is_locked("bob", HOME, Duration::ZERO));
        assert!(!lockout.is_locked("ann", HOME, LIFETIME));
    }

    #[test]
    fn many_names_neither_free_a_locked_one_nor_keep_a_new_one_from_being_counted() {
        let mut lockout = Lockout::default();
        for _ in 0..THRESHOLD {
            lockout.note("ann", HOME, Duration::ZERO);
        }
        for number in 0..REMEMBERED_MAX + 10 {
            lockout.note(&format!("n{number}"), HOME, Duration::from_secs(1));
        }
        assert!(lockout.is_locked("ann", HOME, Duration::from_secs(1)));
        assert_eq!(lockout.guesses.len(), REMEMBERED_MAX);
        for _ in 0..THRESHOLD {
            lockout.note("bob", HOME, Duration::from_secs(2));
        }
        assert!(lockout.is_locked("bob", HOME, Duration::from_secs(2)));
    }

    #[test]
    fn a_right_guess_forgives() {
        let mut lockout = Lockout::default();
        for _ in 0..THRESHOLD {
            lockout.note("ann", HOME, Duration::ZERO);
        }
        lockout.forgive("ann", HOME);
        assert!(!lockout.is_locked("ann", HOME, Duration::ZERO));
    }
}
