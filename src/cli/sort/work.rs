//! Sequences judged by several threads, each camera by one of them and in order, since what is learnt of a scene
//! carries over from one sequence to the next. So the results do not depend on the number of threads.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::judging::SequenceJudge;
use crate::photos::{Photo, Sequence};
use crate::vision::Judgement;

/// Longest file read, bytes: several times the largest JPEG a trail camera writes (24 megapixels, about 15 MB).
/// It keeps a film with the wrong name out of memory.
const FILE_MAX: u64 = 128 << 20;

/// One sequence to judge.
#[derive(Debug)]
pub struct Job {
    /// Its place in the output.
    pub index: usize,
    /// Its photos.
    pub sequence: Sequence,
    /// What its result depends on, for the journal.
    pub source: String,
    /// The lane's name, for the journal.
    pub lane: String,
}

/// The sequences of one camera, in order.
#[derive(Debug, Default)]
pub struct Lane {
    /// What was learnt of the scene before; `None` to begin anew.
    pub learnt: Option<Vec<u8>>,
    /// What is to be judged.
    pub jobs: Vec<Job>,
}

/// One sequence, judged.
#[derive(Debug)]
pub struct Judged {
    /// What was to be judged.
    pub job: Job,
    /// The verdict.
    pub judgement: Judgement,
    /// What is known of the scene after it.
    pub learnt: Option<Vec<u8>>,
    /// SHA-256 of every photo that could be read, in order.
    pub hashes: Vec<Option<[u8; 32]>>,
    /// From the first byte read to the verdict.
    pub spent: Duration,
}

/// Judges `lanes`, one per camera, with one thread per judge, and hands every result to `each` on this thread as
/// it comes. When `stop` is set, or `each` fails, the sequences in hand are finished, still handed over, and no
/// new one is begun; the first error is returned.
pub fn run<E>(
    lanes: Vec<Lane>,
    judges: Vec<SequenceJudge>,
    stop: &AtomicBool,
    mut each: impl FnMut(Judged) -> Result<(), E>,
) -> Result<(), E> {
    let lanes = Mutex::new(VecDeque::from(lanes));
    let (send, receive) = mpsc::channel();
    thread::scope(|scope| {
        for mut judge in judges {
            let (lanes, send) = (&lanes, send.clone());
            scope.spawn(move || {
                while let Some(lane) = lanes.lock().unwrap_or_else(PoisonError::into_inner).pop_front() {
                    judge.new_scene(lane.learnt.as_deref());
                    for job in lane.jobs {
                        if stop.load(Ordering::Relaxed) || send.send(judge_one(&mut judge, job)).is_err() {
                            return;
                        }
                    }
                }
            });
        }
        drop(send);
        let mut first_error = Ok(());
        for judged in receive {
            if let Err(error) = each(judged) {
                stop.store(true, Ordering::Relaxed);
                first_error = first_error.and(Err(error));
            }
        }
        first_error
    })
}

/// Reads and judges one sequence, burst by burst.
fn judge_one(judge: &mut SequenceJudge, job: Job) -> Judged {
    let began = Instant::now();
    let mut hashes = Vec::with_capacity(job.sequence.len());
    let bursts: Vec<Judgement> = job
        .sequence
        .bursts
        .iter()
        .map(|burst| {
            let files: Vec<Result<Vec<u8>, String>> = burst.iter().map(read).collect();
            hashes.extend(
                files.iter().map(|file| file.as_ref().ok().map(|bytes| Sha256::digest(bytes).into())),
            );
            // A fault in a decoder must not take the other photos with it, nor stand in the way at every new start.
            catch_unwind(AssertUnwindSafe(|| judge.burst(&files)))
                .unwrap_or_else(|_| Judgement::failed(burst.len(), "the program failed on this burst"))
        })
        .collect();
    let judgement = catch_unwind(AssertUnwindSafe(|| judge.merge(&bursts)))
        .unwrap_or_else(|_| Judgement::failed(job.sequence.len(), "the program failed on this sequence"));
    Judged { judgement, hashes, learnt: judge.learnt(), spent: began.elapsed(), job }
}

/// The bytes of a photo, or why there are none.
fn read(photo: &Photo) -> Result<Vec<u8>, String> {
    if let Some(reason) = &photo.unreadable {
        return Err(reason.clone());
    }
    let mut bytes = Vec::new();
    let read = File::open(&photo.path).and_then(|f| f.take(FILE_MAX + 1).read_to_end(&mut bytes));
    match read {
        Err(error) => Err(error.to_string()),
        Ok(n) if n as u64 > FILE_MAX => Err(format!("longer than {} MiB, which no photo is", FILE_MAX >> 20)),
        Ok(_) => Ok(bytes),
    }
}
