//! A reservation row as the models hold it: small enough for millions of copies, and convertible to the real
//! [`Reservation`], so that the models call the functions of `domain` instead of imitating them.

use std::sync::LazyLock;

use domain::{
    code::{CharacterSet, LotAndDates},
    reservation::{
        ExportKey, ExportProgress, ExportType, Range, Render, Reservation, Rules, Status, Timestamp,
        create::{Birth, Draft},
        file_id,
        update::{Editor, apply},
    },
};
use serde_json::{Value, json};
use uuid::Uuid;

/// The namespace of the only pool of a model.
pub(crate) const NAMESPACE: &str = "sgtin#19361758000003#8";

/// A reservation row. Numbers stand for ids, organisations and settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) incarnation: u8,
    pub(crate) version: u8,
    pub(crate) generation: u8,
    pub(crate) status: RowStatus,
    pub(crate) quantity: u8,
    pub(crate) organisation: u8,
    /// The first index of the range, and the number of indexes.
    pub(crate) range: Option<(u8, u8)>,
    /// The settings of the running or latest export: `Render::url_suffix`.
    pub(crate) suffix: u8,
    /// `Render::version` of the running or latest export.
    pub(crate) renderer: u8,
    pub(crate) export: Option<Progress>,
    /// The generation whose file `export_file` names.
    pub(crate) file: Option<u8>,
    pub(crate) attempts: u8,
    /// `progress_at`, in quarters of an hour.
    pub(crate) progress_at: u8,
}

/// [`Status`] with an order, which the models need to sort what is interchangeable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum RowStatus {
    New,
    InProgress,
    Complete,
    Error,
}

/// [`ExportProgress`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Progress {
    pub(crate) upload: Option<u8>,
    pub(crate) next_part: u8,
    pub(crate) restarts: u8,
}

impl RowStatus {
    fn of(status: Status) -> Self {
        match status {
            Status::New => Self::New,
            Status::InProgress => Self::InProgress,
            Status::Complete => Self::Complete,
            Status::Error => Self::Error,
        }
    }

    pub(crate) fn real(self) -> Status {
        match self {
            Self::New => Status::New,
            Self::InProgress => Status::InProgress,
            Self::Complete => Status::Complete,
            Self::Error => Status::Error,
        }
    }
}

impl Progress {
    /// [`ExportProgress::begin`].
    pub(crate) fn begin() -> Self {
        Self::of(&ExportProgress::begin())
    }

    fn of(progress: &ExportProgress) -> Self {
        let upload = progress.upload_id.as_deref().map(|id| id.parse().unwrap());
        Self { upload, next_part: small(progress.next_part), restarts: small(progress.restarts) }
    }

    fn real(self) -> ExportProgress {
        ExportProgress {
            upload_id: self.upload.map(|id| id.to_string()),
            next_part: self.next_part.into(),
            next_row: self.next_part.into(),
            crc32: 0,
            len: 0,
            restarts: self.restarts.into(),
        }
    }
}

fn small(number: impl TryInto<u8>) -> u8 {
    number.try_into().ok().expect("the numbers of a model are small")
}

pub(crate) fn id(number: u8) -> Uuid {
    Uuid::from_u128(u128::from(number) + 1)
}

fn incarnation(number: u8) -> Uuid {
    Uuid::from_u128(u128::from(number) + 1000)
}

/// A number of an incarnation, as it is stored with ranges and file rows.
pub(crate) fn incarnation_id(number: u8) -> Uuid {
    incarnation(number)
}

fn incarnation_number(id: Uuid) -> u8 {
    small(id.as_u128() - 1000)
}

pub(crate) fn organisation(number: u8) -> String {
    format!("/417/{number}")
}

/// The file id of an export.
pub(crate) fn file(incarnation_number: u8, generation: u8) -> String {
    file_id(incarnation(incarnation_number), generation.into()).to_string()
}

/// A time in quarters of an hour.
pub(crate) fn time(quarter: u8) -> Timestamp {
    let start = Timestamp::parse("2026-01-01T00:00:00Z").unwrap().time();
    Timestamp::new(start + std::time::Duration::from_secs(u64::from(quarter) * 900))
}

fn quarter(time: Timestamp) -> u8 {
    let start = Timestamp::parse("2026-01-01T00:00:00Z").unwrap().time();
    small((time.time() - start).num_seconds() / 900)
}

/// A reservation as `operations::create` writes it.
static CREATED: LazyLock<Reservation> = LazyLock::new(|| {
    let input = json!({"reserved_for": organisation(0), "code_type": "sgtin", "quantity": 1,
        "product": "/01/19361758000003"});
    let birth = Birth { id: id(0), incarnation: incarnation(0), user: "u".to_owned(), now: time(0) };
    Draft::parse(&input, &Rules::default()).unwrap().into_reservation(birth)
});

/// What `operations::freeze` gives: the settings as they are when an export begins. `suffix` is the client's.
pub(crate) fn render(suffix: u8, renderer: u8) -> Render {
    Render {
        export_type: ExportType::default().to_string(),
        url_suffix: Some(suffix.to_string()),
        digital_link_domain: String::new(),
        short_code_domain: None,
        company_prefix: None,
        lot_and_dates: LotAndDates::default(),
        profile: None,
        version: renderer.into(),
    }
}

/// The range of a pool as `store::allocation::placed` builds it.
pub(crate) fn range(start: u8, count: u8) -> Range {
    Range {
        namespace: NAMESPACE.parse().unwrap(),
        pool_number: 1,
        character_set: CharacterSet::Alphanumeric,
        check: String::new(),
        start: start.into(),
        count: count.into(),
    }
}

impl Row {
    /// A new reservation: `Draft::into_reservation`.
    pub(crate) fn created(incarnation: u8, quantity: u8, organisation: u8, now: u8) -> Self {
        let row = Self { incarnation, quantity, organisation, progress_at: now, ..Self::of(&CREATED) };
        Self { generation: 0, ..row }
    }

    /// The row of a real reservation.
    pub(crate) fn of(item: &Reservation) -> Self {
        let number = |text: &str| text.rsplit('/').next().unwrap().parse().unwrap();
        let render = item.render.as_ref();
        let files = 1..=small(item.generation);
        Self {
            incarnation: incarnation_number(item.incarnation),
            version: small(item.version),
            generation: small(item.generation),
            status: RowStatus::of(item.status),
            quantity: small(item.quantity()),
            organisation: item.reserved_for.as_deref().map_or(0, number),
            range: item.range.as_ref().map(|range| (small(range.start), small(range.count))),
            suffix: render.and_then(|render| render.url_suffix.as_deref()).map_or(0, number),
            renderer: render.map_or(0, |render| small(render.version)),
            export: item.export.as_ref().map(Progress::of),
            file: item.export_file.as_deref().map(|named| {
                let mut files = files;
                let inc = incarnation_number(item.incarnation);
                files.find(|generation| file(inc, *generation) == named).expect("a file of this incarnation")
            }),
            attempts: small(item.attempts),
            progress_at: item.progress_at.map_or(0, quarter),
        }
    }

    /// The reservation of this row, with the id of that number.
    pub(crate) fn real(&self, number: u8) -> Reservation {
        Reservation {
            id: id(number),
            incarnation: incarnation(self.incarnation),
            version: self.version.into(),
            generation: self.generation.into(),
            status: self.status.real(),
            quantity: Some(self.quantity.into()),
            reserved_for: Some(organisation(self.organisation)),
            range: self.range.map(|(start, count)| range(start, count)),
            render: self.range.map(|_| render(self.suffix, self.renderer)),
            export: self.export.map(Progress::real),
            export_file: self.file.map(|generation| file(self.incarnation, generation)),
            attempts: self.attempts.into(),
            progress_at: Some(time(self.progress_at)),
            ..CREATED.clone()
        }
    }

    /// `operations::update` on this row: [`apply`] of the domain. `None` if the contract refuses the change.
    pub(crate) fn edited(&self, change: &Value, renderer: u8, now: u8) -> Option<Self> {
        let editor = Editor { user: "u".to_owned(), now: time(now) };
        let suffix = self.suffix + 1;
        // The next export may be rendered with other settings.
        let render = |_: &Reservation| render(suffix, renderer);
        apply(&self.real(0), change, &Rules::default(), &editor, render).ok().map(|item| Self::of(&item))
    }

    /// `store::allocation::placed`: [`Reservation::allocated`].
    pub(crate) fn allocated(&self, start: u8, renderer: u8, now: u8) -> Self {
        Self::of(&self.real(0).allocated(range(start, self.quantity), render(self.suffix, renderer), time(now)))
    }

    /// `Store::restart`: [`Reservation::restart_export`], with the version that `Step::new` adds.
    pub(crate) fn restarted(&self, renderer: u8, now: u8) -> Self {
        let mut item = self.real(0);
        item.restart_export(render(self.suffix, renderer), time(now));
        Self { version: self.version + 1, ..Self::of(&item) }
    }

    /// The condition of `Store::running` (common/src/store/steps.rs) on this row, with the row that a worker read:
    /// `#status = :status_read AND incarnation = :incarnation AND generation = :generation_read`, without a range `AND
    /// version = :version_read`, and with a running export `AND #export.next_part = :part_read AND #export.upload_id =
    /// :upload_read` (or `attribute_not_exists(#export.upload_id)`).
    pub(crate) fn is_running_as(&self, read: &Self) -> bool {
        let same_export = |read: Progress| {
            self.export.is_some_and(|export| export.next_part == read.next_part && export.upload == read.upload)
        };
        self.status == read.status
            && self.incarnation == read.incarnation
            && self.generation == read.generation
            && (read.range.is_some() || self.version == read.version)
            && read.export.is_none_or(same_export)
    }

    /// What `Step::fail` writes (common/src/store/conditional_update.rs).
    pub(crate) fn failed(&self) -> Self {
        Self { status: RowStatus::Error, export: None, version: self.version + 1, ..*self }
    }

    /// What `Store::complete` writes to the reservation (common/src/store/steps.rs).
    pub(crate) fn completed(&self, now: u8) -> Self {
        Self {
            status: RowStatus::Complete,
            export: None,
            file: Some(self.generation),
            attempts: 0,
            progress_at: now,
            version: self.version + 1,
            ..*self
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.status.real().is_open()
    }
}

/// The key of the object of a generation.
pub(crate) fn key(row: &Row, generation: u8) -> String {
    let item = Reservation { generation: generation.into(), ..row.real(0) };
    ExportKey::of(&item, "csv").to_string()
}
