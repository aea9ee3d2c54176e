//! `admin pool`: how full the pools are, and how to move one past codes that may have been issued.

use std::{fs::File, io::BufReader, path::PathBuf};

use clap::{ArgGroup, Args, Subcommand};
use common::{
    backoff::pause,
    code::{CharacterSet, Namespace, PoolSpec, grouped, pool_number},
    context::Context,
    operations::directory::Author,
    reservation::invariants::Breach,
    store::{Burned, Pool, PoolEntry},
};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use crate::{
    check,
    connection::Connection,
    failure::Failure,
    issued,
    output::{Output, confirm, fields, table},
    progress::Progress,
    usage::Usage,
};

/// Maximum number of pages of ranges that a list reads of each pool (1 MB each, some 5,000 ranges).
const PAGES_OF_A_LIST: usize = 20;
/// The same for one pool.
const PAGES_OF_ONE: usize = 10_000;
/// Pools of one page.
const PAGE: usize = 100;
/// Pools whose ranges are read at once.
const AT_ONCE: usize = 8;
/// Maximum number of tries to move a pool that others allocate from.
const MAX_TRIES: u32 = 20;

/// What to do with pools.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List pools: how full they are, codes a day over the last 30 days, and when they are used up
    List(List),
    /// Show one pool
    Show {
        /// The pool's namespace: type, key and length, for example sscc#0614141#18
        namespace: Namespace,
    },
    /// Move a pool past indexes that may have been issued; they are given up for ever
    ///
    /// After a restore, or for codes that another system issued. Indexes below the next one cannot be given back.
    Advance(Advance),
    /// Check that the ranges of pools are disjoint, without gaps, and as many as the pool counts
    Verify {
        /// The pool; without it, all
        namespace: Option<Namespace>,
    },
}

/// What `list` shows.
#[derive(Args, Debug)]
pub struct List {
    /// Only namespaces that begin with this text, for example sscc#
    #[arg(long, default_value = "", value_name = "TEXT")]
    begins: String,
    /// Only namespaces after this one, for the next page
    #[arg(long, value_name = "NAMESPACE")]
    after: Option<Namespace>,
    /// Maximum number of pools
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
}

/// What `advance` does.
#[derive(Args, Debug)]
#[command(group(ArgGroup::new("target").required(true).args(["to", "issued"])))]
pub struct Advance {
    /// The pool's namespace; a pool of sscc or gsrn that does not exist is made, one of another type with --characters
    namespace: Namespace,
    /// The next index to be allocated
    #[arg(long, value_name = "N")]
    to: Option<u64>,
    /// A file with the codes that another system issued, one a line; only for sscc and gsrn, which count up
    #[arg(long, value_name = "FILE")]
    issued: Option<PathBuf>,
    /// The characters of a pool that does not exist, for example alphanumeric
    #[arg(long, value_name = "SET")]
    characters: Option<CharacterSet>,
    /// Do it without being asked
    #[arg(long)]
    yes: bool,
}

/// Runs a command of this group.
///
/// # Errors
/// [`Failure`] with the reason and the exit code.
pub async fn run(command: Command, connection: &Connection, output: &mut Output<'_>) -> Result<(), Failure> {
    let context = connection.context();
    match command {
        Command::List(options) => list(context, &options, output).await,
        Command::Show { namespace } => show(context, &namespace, output).await,
        Command::Advance(options) => advance(connection, &options, output).await,
        Command::Verify { namespace } => verify(context, namespace, output).await,
    }
}

async fn list(context: &Context, options: &List, output: &mut Output<'_>) -> Result<(), Failure> {
    let (store, now) = (context.store(), context.now());
    let progress = Progress::new("pools", None);
    let mut all = Vec::new();
    let mut after = options.after.clone();
    let limit = usize::try_from(options.limit).unwrap_or(usize::MAX);
    while all.len() < limit {
        let namespaces = store.pool_namespaces(&options.begins, after.as_ref(), PAGE.min(limit - all.len())).await?;
        let Some(last) = namespaces.last() else { break };
        after = Some(last.clone());
        let mut pools = store.pools(&namespaces).await?;
        pools.sort_by_cached_key(|pool| pool.namespace.to_string());
        let usages = stream::iter(&pools).map(|pool| Usage::of(store, pool, now, PAGES_OF_A_LIST));
        let usages: Vec<Usage> = usages.buffered(AT_ONCE).try_collect().await?;
        progress.add(usages.len() as u64);
        all.extend(usages);
    }
    drop(progress);
    output.show(&all, |all| {
        let row = |usage: &Usage| {
            [
                usage.namespace.to_string(),
                grouped(usage.next),
                grouped(usage.capacity),
                usage.percent(),
                usage.rate(),
                usage.used_up_on.clone().unwrap_or_else(|| "-".to_owned()),
            ]
        };
        let headings = ["pool", "next", "capacity", "used", "codes a day", "used up on"];
        table(headings, all.iter().map(row).collect(), "There are no pools.")
    })
}

/// A pool with everything that its row says.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    usage: Usage,
    code_type: &'static str,
    character_set: &'static str,
    /// The number in the ids of its codes.
    number: u64,
    /// The organisation that all its ranges belong to; null if it is shared.
    only_organisation: Option<String>,
    /// The company prefix that its codes are built from, and whether it is claimed.
    company_prefix: Option<String>,
    prefix_claimed: Option<bool>,
    /// Whether the deployment's secret is the one with which the pool was made.
    secret_fits: bool,
}

async fn show(context: &Context, namespace: &Namespace, output: &mut Output<'_>) -> Result<(), Failure> {
    let store = context.store();
    let pool = existing(context, namespace).await?;
    let usage = Usage::of(store, &pool, context.now(), PAGES_OF_ONE).await?;
    let prefix = namespace.company_prefix().map(str::to_owned);
    let shown = Shown {
        usage,
        code_type: namespace.code_type.as_str(),
        character_set: pool.character_set.as_str(),
        number: pool.number,
        only_organisation: pool.owner().map(str::to_owned),
        prefix_claimed: prefix.as_ref().map(|_| pool.claimed),
        company_prefix: prefix,
        secret_fits: context.secret().await?.pool_key(namespace).check_value() == pool.check,
    };
    output.show(&shown, |shown| {
        let usage = &shown.usage;
        let yes = |yes: bool| if yes { "yes" } else { "NO" }.to_owned();
        let mut rows = vec![
            ("pool", usage.namespace.to_string()),
            ("type", shown.code_type.to_owned()),
            ("characters", shown.character_set.to_owned()),
            ("next index", grouped(usage.next)),
            ("capacity", grouped(usage.capacity)),
            ("used", usage.percent()),
            ("codes a day", usage.rate()),
            ("used up on", usage.used_up_on.clone().unwrap_or_else(|| "-".to_owned())),
            ("only organisation", shown.only_organisation.clone().unwrap_or_else(|| "- (shared)".to_owned())),
            ("number", shown.number.to_string()),
            ("secret fits", yes(shown.secret_fits)),
        ];
        if let Some(claimed) = shown.prefix_claimed {
            rows.push(("prefix claimed", yes(claimed)));
        }
        fields(&rows)
    })
}

async fn existing(context: &Context, namespace: &Namespace) -> Result<Pool, Failure> {
    let pool = context.store().pool(namespace).await?;
    pool.ok_or_else(|| Failure::Refused(format!("There is no pool {namespace}.")))
}

/// The pool to advance: a stored one, or a new one whose characters are known, because its type counts up or the
/// operator says so.
async fn entry(
    context: &Context,
    namespace: &Namespace,
    characters: Option<CharacterSet>,
) -> Result<PoolEntry, Failure> {
    if let Some(pool) = context.store().pool(namespace).await? {
        if let Some(other) = characters.filter(|characters| *characters != pool.character_set) {
            let own = pool.character_set;
            return Err(Failure::Refused(format!("{namespace} exists and has the characters {own}, not {other}.")));
        }
        return Ok(PoolEntry::Known(pool));
    }
    let spec = match characters {
        Some(characters) => PoolSpec::from_pool(namespace.clone(), characters)
            .map_err(|error| Failure::Refused(format!("{namespace} cannot have characters {characters}: {error}")))?,
        None => issued::counted(namespace).ok_or_else(|| {
            Failure::Refused(format!(
                "There is no pool {namespace}. Its first reservation makes it. Add --characters to make it before; only \
                 pools of sscc and gsrn need none."
            ))
        })?,
    };
    Ok(PoolEntry::Fresh(fresh(context, &spec, pool_number(random())).await?))
}

/// A pool that does not exist yet.
pub(super) async fn fresh(context: &Context, spec: &PoolSpec, number: u64) -> Result<Pool, Failure> {
    Ok(Pool::new(spec, number, context.secret().await?.pool_key(&spec.namespace).check_value()))
}

/// A random number. A UUID of version 4 has 122 random bits.
pub(super) fn random() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().1
}

/// What `advance` did.
#[derive(Debug, Serialize)]
pub(super) struct Advanced {
    pub(super) namespace: Namespace,
    /// The next index before.
    pub(super) from: u64,
    /// The next index now.
    pub(super) to: u64,
    /// Indexes that are given up.
    pub(super) burned: u64,
}

async fn advance(connection: &Connection, options: &Advance, output: &mut Output<'_>) -> Result<(), Failure> {
    let context = connection.context();
    let namespace = &options.namespace;
    let entry = entry(context, namespace, options.characters).await?;
    let pool = entry.pool();
    let to = match (&options.to, &options.issued) {
        (Some(to), _) => *to,
        (None, Some(path)) => {
            let spec = PoolSpec::from_pool(namespace.clone(), pool.character_set)
                .map_err(|error| Failure::Refused(error.to_string()))?;
            let file = File::open(path)
                .map_err(|error| Failure::WrongUse(format!("{} cannot be read: {error}", path.display())))?;
            let key = context.secret().await?.pool_key(namespace);
            // Codes below the next index need nothing: the pool is past them.
            issued::end_of(&spec, &key, BufReader::new(file))?.max(pool.next)
        }
        (None, None) => return Err(Failure::WrongUse("Give --to or --issued.".to_owned())),
    };
    check_target(pool, to)?;
    if to > pool.next {
        let question = format!(
            "Move {namespace} from {} to {}? {} codes are given up for ever.",
            grouped(pool.next),
            grouped(to),
            grouped(to - pool.next)
        );
        confirm(output, &question, options.yes)?;
    }
    let done = burn(context, &connection.author().await?, entry, to).await?;
    output.show(&done, |done| {
        if done.burned == 0 {
            return format!("{} is at {} already; nothing was changed.", done.namespace, grouped(done.to));
        }
        format!("{} goes on at {}; {} codes are given up.", done.namespace, grouped(done.to), grouped(done.burned))
    })
}

/// Whether a pool can be moved to an index.
///
/// # Errors
/// [`Failure::Refused`] below its next index or beyond its capacity.
fn check_target(pool: &Pool, to: u64) -> Result<(), Failure> {
    let Pool { namespace, next, capacity, .. } = pool;
    if to < *next {
        return Err(Failure::Refused(format!(
            "{namespace} is at {} already. It cannot go back to {}: the codes between may have been issued.",
            grouped(*next),
            grouped(to)
        )));
    }
    if to > *capacity {
        let (capacity, to) = (grouped(*capacity), grouped(to));
        return Err(Failure::Refused(format!("{namespace} has {capacity} codes at most; {to} is beyond them.")));
    }
    Ok(())
}

/// Moves a pool, also while others allocate from it. If it has come past the wanted index meanwhile, that is enough.
pub(super) async fn burn(
    context: &Context,
    author: &Author,
    mut entry: PoolEntry,
    to: u64,
) -> Result<Advanced, Failure> {
    let namespace = entry.pool().namespace.clone();
    let from = entry.pool().next;
    for attempt in 1..=MAX_TRIES {
        let next = entry.pool().next;
        if next >= to {
            return Ok(Advanced { namespace, from, to: next, burned: 0 });
        }
        let audit = author.audit("pool.advance", "pool", &namespace.to_string());
        let audit = audit.with("next", Some(next.into()), Some(to.into()));
        match context.store().burn(&entry, to, context.now(), &audit).await? {
            Burned::Done => return Ok(Advanced { namespace, from: next, to, burned: to - next }),
            Burned::Overtaken => pause(attempt).await,
            Burned::PrefixTaken => {
                return Err(Failure::Refused(format!(
                    "The company prefix of {namespace} begins or continues one that codes were made with, so the same code \
                     could be issued twice."
                )));
            }
        }
        entry = match context.store().pool(&namespace).await? {
            Some(pool) => PoolEntry::Known(pool),
            None => entry,
        };
    }
    Err(Failure::NotReachable(format!("{namespace} was written by others {MAX_TRIES} times; try again.")))
}

/// What `verify` found.
#[derive(Debug, Serialize)]
struct Verified {
    pools: u64,
    ranges: u64,
    breaches: Vec<Found>,
}

/// A breach for the report.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    pub(super) invariant: &'static str,
    pub(super) found: String,
}

impl From<Breach> for Found {
    fn from(Breach { id, found }: Breach) -> Self {
        Self { invariant: id, found }
    }
}

async fn verify(context: &Context, namespace: Option<Namespace>, output: &mut Output<'_>) -> Result<(), Failure> {
    let store = context.store();
    let progress = Progress::new("ranges", None);
    let (mut pools, mut ranges, mut breaches) = (0, 0, Vec::new());
    let mut after = None;
    loop {
        let namespaces = match &namespace {
            Some(one) => vec![existing(context, one).await?.namespace],
            None => store.pool_namespaces("", after.as_ref(), PAGE).await?,
        };
        let Some(last) = namespaces.last().cloned() else { break };
        for one in namespaces {
            pools += 1;
            ranges += check::pools::check(context, &one, &progress, &mut breaches).await?;
        }
        if namespace.is_some() {
            break;
        }
        after = Some(last);
    }
    drop(progress);
    let number = breaches.len();
    let verified = Verified { pools, ranges, breaches: breaches.into_iter().map(Found::from).collect() };
    output.show(&verified, |verified| {
        let lines = verified.breaches.iter().map(|breach| format!("{} {}", breach.invariant, breach.found));
        let sum =
            format!("{} pools with {} ranges, {number} faults", grouped(verified.pools), grouped(verified.ranges));
        lines.chain([sum]).collect::<Vec<_>>().join("\n")
    })?;
    if number > 0 { Err(Failure::Refused(format!("{number} faults were found."))) } else { Ok(()) }
}
