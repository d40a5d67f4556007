//! Tries passwords. Deriving a key is slow on purpose, so right answers are remembered for a while, wrong ones are counted,
//! and few keys are derived at a time.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::lockout::Lockout;
use super::password::PasswordHash;
use crate::clock::Clock;

/// Keys that are derived at the same time: guessing must not take every processor.
const DERIVING_MAX: usize = 2;
/// Who waits for that, at most: guessing must not take every thread either.
const WAITING_MAX: usize = 32;
/// Right answers that are remembered.
const REMEMBERED_MAX: usize = 1_000;
/// How long a right answer is remembered after its last use.
const REMEMBERED: Duration = Duration::from_secs(10 * 60);

/// Why a password was not taken. The texts are CouchDB's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No such name, or another password. Which of the two is not told, by words or by time.
    #[error("Name or password is incorrect.")]
    Wrong,
    /// Too many wrong guesses.
    #[error("Account is temporarily locked due to multiple authentication failures")]
    Locked,
    /// Too many sign in at the same time.
    #[error("Too many sign in at the same time; try again.")]
    Busy,
}

/// Tells credentials apart without keeping them.
type Mark = [u8; 32];

/// The keys that are being derived.
#[derive(Debug, Default)]
struct Deriving {
    /// For whom.
    marks: HashSet<Mark>,
    /// How many wait.
    waiting: usize,
}

/// Tries passwords; shared by all requests.
#[derive(Debug)]
pub struct Verifier {
    clock: Arc<dyn Clock>,
    /// Of this process: what is remembered is of no use to anybody else.
    key: [u8; 16],
    /// Stands in for the hash of a name that does not exist, so that finding that out takes as long.
    decoy: PasswordHash,
    known: Mutex<HashMap<Mark, Duration>>,
    lockout: Mutex<Lockout>,
    deriving: Mutex<Deriving>,
    derived: Condvar,
}

impl Verifier {
    /// `iterations` is what passwords are usually derived with here.
    pub fn new(clock: Arc<dyn Clock>, iterations: u32) -> Self {
        let key = clock.unique_id().to_be_bytes();
        let decoy = PasswordHash::parse_line(&format!(
            "-pbkdf2:sha256-{},decoy,{}",
            "00".repeat(32),
            iterations.max(1)
        ));
        let decoy = decoy.unwrap_or_else(|| PasswordHash::derive("", "decoy".to_owned(), 1));
        Self {
            clock,
            key,
            decoy,
            known: Mutex::default(),
            lockout: Mutex::default(),
            deriving: Mutex::default(),
            derived: Condvar::new(),
        }
    }

    /// Tries a password against the hash of `name`; `None` when nobody has the name. Blocks while a key is derived.
    pub fn check(
        &self,
        name: &str,
        hash: Option<&PasswordHash>,
        password: &str,
        from: IpAddr,
    ) -> Result<(), Refused> {
        let now = self.clock.monotonic();
        if lock(&self.lockout).is_locked(name, from, now) {
            return Err(Refused::Locked);
        }
        let mark = self.mark(name, hash.unwrap_or(&self.decoy), password);
        if hash.is_some() && self.remembers(&mark, now) {
            return Ok(());
        }
        if !self.take_turn(mark, now)? {
            return Ok(());
        }
        let is_right = hash.unwrap_or(&self.decoy).matches(password) && hash.is_some();
        if is_right {
            lock(&self.lockout).forgive(name, from);
            self.remember(mark, now);
        } else {
            lock(&self.lockout).note(name, from, now);
        }
        lock(&self.deriving).marks.remove(&mark);
        self.derived.notify_all();
        if is_right { Ok(()) } else { Err(Refused::Wrong) }
    }

    /// Waits until a key may be derived; `false` when somebody else did it meanwhile and it was right. Programs open several
    /// connections at once, with the same credentials on each: they are derived once.
    fn take_turn(&self, mark: Mark, now: Duration) -> Result<bool, Refused> {
        let mut deriving = lock(&self.deriving);
        while deriving.marks.len() >= DERIVING_MAX || deriving.marks.contains(&mark) {
            if deriving.waiting >= WAITING_MAX {
                return Err(Refused::Busy);
            }
            deriving.waiting += 1;
            deriving = self.derived.wait(deriving).unwrap_or_else(PoisonError::into_inner);
            deriving.waiting -= 1;
            if self.remembers(&mark, now) {
                return Ok(false);
            }
        }
        deriving.marks.insert(mark);
        Ok(true)
    }

    fn mark(&self, name: &str, hash: &PasswordHash, password: &str) -> Mark {
        // HMAC takes keys of every length.
        Hmac::<Sha256>::new_from_slice(&self.key).map_or([0; 32], |mac| {
            let mac = mac.chain_update(hash.line()).chain_update([0]).chain_update(name);
            mac.chain_update([0]).chain_update(password).finalize().into_bytes().into()
        })
    }

    fn remembers(&self, mark: &Mark, now: Duration) -> bool {
        let mut known = lock(&self.known);
        match known.get_mut(mark) {
            Some(used) if now.saturating_sub(*used) < REMEMBERED => {
                *used = now;
                true
            }
            _ => false,
        }
    }

    fn remember(&self, mark: Mark, now: Duration) {
        let mut known = lock(&self.known);
        if known.len() >= REMEMBERED_MAX {
            known.retain(|_, used| now.saturating_sub(*used) < REMEMBERED);
        }
        if known.len() < REMEMBERED_MAX {
            known.insert(mark, now);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn a_right_password_is_remembered_but_not_for_another_hash() {
        let clock = Arc::new(ManualClock::starting_at(0));
        let verifier = Verifier::new(clock.clone(), 1);
        let hash = PasswordHash::derive("pass", "a".to_owned(), 1);
        assert_eq!(verifier.check("ann", Some(&hash), "pass", HOME), Ok(()));
        assert_eq!(verifier.check("ann", Some(&hash), "pass", HOME), Ok(()));
        let changed = PasswordHash::derive("other", "a".to_owned(), 1);
        assert_eq!(verifier.check("ann", Some(&changed), "pass", HOME), Err(Refused::Wrong));
    }

    #[test]
    fn guessing_locks_even_the_right_password_out_for_a_while() {
        let clock = Arc::new(ManualClock::starting_at(0));
        let verifier = Verifier::new(clock.clone(), 1);
        let hash = PasswordHash::derive("pass", "a".to_owned(), 1);
        for _ in 0..5 {
            assert_eq!(verifier.check("ann", Some(&hash), "guess", HOME), Err(Refused::Wrong));
        }
        assert_eq!(verifier.check("ann", Some(&hash), "pass", HOME), Err(Refused::Locked));
        clock.advance(Duration::from_secs(5 * 60));
        assert_eq!(verifier.check("ann", Some(&hash), "pass", HOME), Ok(()));
    }

    #[test]
    fn the_same_credentials_at_the_same_time_are_all_taken_and_a_flood_of_others_is_not_waited_for()
    {
        let verifier = Verifier::new(Arc::new(ManualClock::starting_at(0)), 1);
        let hash = PasswordHash::derive("pass", "a".to_owned(), 20_000);
        let check = |password: &str| verifier.check("ann", Some(&hash), password, HOME);
        std::thread::scope(|scope| {
            let good: Vec<_> = (0..20).map(|_| scope.spawn(|| check("pass"))).collect();
            for good in good {
                assert_eq!(good.join().unwrap(), Ok(()));
            }
        });
        let marks = [[1; 32], [2; 32]];
        lock(&verifier.deriving).marks.extend(marks);
        lock(&verifier.deriving).waiting = WAITING_MAX;
        assert_eq!(verifier.check("bob", None, "guess", HOME), Err(Refused::Busy));
        assert_eq!(check("pass"), Ok(()));
    }

    #[test]
    fn a_name_that_nobody_has_is_refused_like_a_wrong_password() {
        let verifier = Verifier::new(Arc::new(ManualClock::starting_at(0)), 1);
        assert_eq!(verifier.check("nobody", None, "", HOME), Err(Refused::Wrong));
    }
}
