//! The `Tallies` table: how many reservations there are of each organisation, product, type and status, and what each
//! reservation is counted as ([`crate::reservation::tally`] is the model).
//!
//! | item | `tally` | `key` | other attributes |
//! |---|---|---|---|
//! | mark of a row | `row#` and the id | `mark` | `number`, `kind`, `organisation`, `product`, `listed`, `apart`; of a deleted row `gone_at` |
//! | row of a list | `listed#`, its status, and `#organisation#` or `#product#` with its value | the id | none, see [`super::listed_rows`] |
//! | tally of all | `all#` and the lane | `-` | a number for each type and status, such as `sgtin.c` |
//! | tally of an organisation | `organisation#` and the lane | the organisation | the same |
//! | tally of a product | `product#` and the lane | the product | the same |
//! | tally of both | `organisation#`, the lane, `#` and the organisation | the product | the same |
//! | state | `state` | `state` | see [`super::tally_state`] |
//!
//! Each transaction writes to one *lane*, which it draws, so that transactions of different invocations seldom
//! conflict. A tally is the sum over its lanes; the number of one lane alone may be negative.

use std::collections::{BTreeMap, VecDeque};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    Store, StoreError,
    error::classify,
    index::shard,
    items::{self, Item, get_text, number, text},
    listed_rows::Listing,
    tally_state::TallyState,
};
use crate::{
    concurrency,
    reservation::{
        Timestamp,
        tally::{Counted, Kind, Mark, Tally},
    },
};

/// Items in a page of a partition at least: with fewer, what is nearly refused would take many calls.
const LEAST_PAGE: usize = 100;

/// Texts that are longer are stored as hashes: a sort key of DynamoDB has 1,024 bytes, a partition key 2,048.
const MAX_TEXT: usize = 900;

/// The attribute with the text of a key that is a hash.
pub(super) const TEXT: &str = "text";

/// The key of an item.
pub(super) fn item_key(tally: &str, key: &str) -> Item {
    Item::from([items::key("tally", tally), items::key("key", key)])
}

/// The key of the mark of a reservation.
pub(super) fn mark_key(id: Uuid) -> Item {
    item_key(&format!("{ROW}{id}"), "mark")
}

/// How the partition key of a mark begins.
pub(super) const ROW: &str = "row#";

/// The reservation of a mark; `None` for another item.
pub(super) fn row_of(item: &Item) -> Option<Uuid> {
    Uuid::try_parse(get_text(item, "tally")?.strip_prefix(ROW)?).ok()
}

/// The key of a tally in a lane.
pub(super) fn tally_key(tally: &Tally, lane: u32) -> (String, String) {
    match tally {
        Tally::All => (format!("all#{lane}"), NOTHING.to_owned()),
        Tally::Organisation(organisation) => (format!("organisation#{lane}"), part(organisation.as_deref())),
        Tally::Product(product) => (format!("product#{lane}"), part(product.as_deref())),
        Tally::Both(organisation, product) => (of_both(organisation.as_deref(), lane), part(product.as_deref())),
    }
}

fn of_both(organisation: Option<&str>, lane: u32) -> String {
    format!("organisation#{lane}#{}", part(organisation))
}

/// In place of a text that a row does not have.
const NOTHING: &str = "-";

/// A text as part of a key.
pub(super) fn part(value: Option<&str>) -> String {
    match value {
        None => NOTHING.to_owned(),
        Some(value) if value.len() <= MAX_TEXT => format!("={value}"),
        Some(value) => format!("#{}", hex::encode(Sha256::digest(value.as_bytes()))),
    }
}

/// Whether the text does not fit into a key, so that the item needs it as an attribute.
pub(super) fn is_hashed(value: Option<&str>) -> bool {
    value.is_some_and(|value| value.len() > MAX_TEXT)
}

/// The text of the sort key of a tally.
fn text_of(item: &Item) -> Option<String> {
    let key = get_text(item, "key")?;
    match key.strip_prefix('=') {
        Some(text) => Some(text.to_owned()),
        None => get_text(item, TEXT).map(str::to_owned),
    }
}

/// What a stored row is counted as. Only the members that matter are looked at, so that a row that cannot be read as a
/// whole is counted too.
pub(super) fn counted(row: &Item) -> Counted {
    let member = |name| get_text(row, name);
    Counted::new(member("reserved_for"), member("product"), member("code_type"), member("status").unwrap_or_default())
}

/// The mark of a reservation.
///
/// # Errors
/// [`StoreError::Corrupt`] when it cannot be read.
pub(super) fn read_mark(table: &str, item: &Item) -> Result<Mark, StoreError> {
    let corrupt = |reason: &str| StoreError::Corrupt {
        table: table.to_owned(),
        key: get_text(item, "tally").unwrap_or_default().to_owned(),
        reason: reason.to_owned(),
    };
    let number = get_number(item, "number").ok_or_else(|| corrupt("it has no number"))?;
    let counted = match get_text(item, "kind") {
        None => None,
        Some(kind) => Some(Counted {
            organisation: get_text(item, "organisation").map(str::to_owned),
            product: get_text(item, "product").map(str::to_owned),
            kind: Kind::parse(kind).ok_or_else(|| corrupt("its kind is unknown"))?,
        }),
    };
    Ok(Mark { number: u64::try_from(number).map_err(|_| corrupt("its number is negative"))?, counted })
}

/// The item of a mark. `shards` is the number of partitions of each status in the index.
pub(super) fn mark_item(id: Uuid, mark: &Mark, listing: &Listing, now: Timestamp, shards: u32) -> Item {
    let mut item = mark_key(id);
    item.insert("number".to_owned(), number(mark.number));
    match &mark.counted {
        None => {
            item.insert(GONE_AT.to_owned(), number(now.time().timestamp()));
        }
        Some(counted) => {
            item.insert("kind".to_owned(), text(counted.kind.to_string()));
            listing.add_to(&mut item, shard(id, shards));
            for (name, value) in [("organisation", &counted.organisation), ("product", &counted.product)] {
                if let Some(value) = value {
                    item.insert(name.to_owned(), text(value));
                }
            }
        }
    }
    item
}

/// When the row of a mark was found deleted (seconds since 1970).
pub(super) const GONE_AT: &str = "gone_at";

/// A number of an item.
pub(super) fn get_number(item: &Item, name: &str) -> Option<i64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// Which tallies a count needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Whether rows of different organisations must be told apart, and the organisations if only some matter.
    pub organisations: Spread,
    /// The same for products.
    pub products: Spread,
}

/// Which values of a member are told apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Spread {
    /// None: the member does not matter.
    #[default]
    Together,
    /// These.
    Only(Vec<String>),
    /// All.
    All,
}

/// Rows with the same values of the members that a count needs.
pub type Cell = (Counted, usize);

impl Store<'_> {
    /// The tallies that a count needs, a cell for each combination of values that some row has. Members that do not
    /// matter are `None` in them. `None` while the tallies are not complete, and if more than `most` items would have
    /// to be read. The second value is the number of items read.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn tallied(&self, wanted: &Wanted, most: usize) -> Result<Option<(Vec<Cell>, usize)>, StoreError> {
        let (state, sums) = futures::future::try_join(self.tally_state(), self.sums(wanted, most)).await?;
        if !state.is_complete() || state.lanes > self.config.shards {
            return Ok(None);
        }
        Ok(sums.map(Sums::cells))
    }

    async fn sums(&self, wanted: &Wanted, most: usize) -> Result<Option<Sums>, StoreError> {
        let mut sums = Sums::default();
        let named = match (&wanted.organisations, &wanted.products) {
            (Spread::Together, Spread::Together) => vec![Place::all()],
            (Spread::Only(organisations), Spread::Together) => Place::of_organisations(organisations),
            (Spread::Together, Spread::Only(products)) => Place::of_products(products),
            (Spread::All, Spread::Together) => {
                return self.add_partitions(self.partitions("organisation", &Sum::Organisation), most, sums).await;
            }
            (Spread::Together, Spread::All) => {
                return self.add_partitions(self.partitions("product", &Sum::Product), most, sums).await;
            }
            (organisations, products) => {
                let organisations: Vec<Option<String>> = match organisations {
                    Spread::Only(organisations) => organisations.iter().cloned().map(Some).collect(),
                    // They are found by their own tallies.
                    _ => {
                        let partitions = self.partitions("organisation", &Sum::Organisation);
                        let Some(found) = self.add_partitions(partitions, most, Sums::default()).await? else {
                            return Ok(None);
                        };
                        sums.read = found.read;
                        found.organisations()
                    }
                };
                let Spread::Only(products) = products else {
                    return self.add_products_of(&organisations, most, sums).await;
                };
                if organisations.len().saturating_mul(products.len()) > most {
                    return Ok(None);
                }
                Place::of_both(&organisations, products)
            }
        };
        let items = named.len().saturating_mul(usize::try_from(self.config.shards).unwrap_or(usize::MAX));
        if items.saturating_add(sums.read) > most {
            return Ok(None);
        }
        self.add_items(named, &mut sums).await?;
        Ok(Some(sums))
    }

    fn partitions(&self, kind: &str, sum: &Sum) -> Vec<(String, Sum)> {
        self.lanes().map(|lane| (format!("{kind}#{lane}"), sum.clone())).collect()
    }

    fn lanes(&self) -> std::ops::Range<u32> {
        0..self.config.shards
    }

    /// Adds tallies whose keys are known, with the organisation and the product of their cells.
    async fn add_items(&self, named: Vec<Place>, sums: &mut Sums) -> Result<(), StoreError> {
        let mut places = BTreeMap::new();
        for place in named {
            for lane in self.lanes() {
                places.insert(tally_key(&place.tally, lane), place.clone());
            }
        }
        sums.read += places.len();
        let keys = places.keys().map(|(tally, key)| item_key(tally, key)).collect();
        for item in self.batch_get(&self.config.tables.tallies, keys).await? {
            let key = get_text(&item, "tally").zip(get_text(&item, "key"));
            let place = key.and_then(|(tally, key)| places.get(&(tally.to_owned(), key.to_owned())));
            if let Some(place) = place {
                sums.add(place.organisation.as_deref(), place.product.as_deref(), &item);
            }
        }
        Ok(())
    }

    /// Adds the tallies of each product of some organisations.
    async fn add_products_of(
        &self,
        organisations: &[Option<String>],
        most: usize,
        sums: Sums,
    ) -> Result<Option<Sums>, StoreError> {
        let of_lanes = |one: &Option<String>| {
            let place = |lane| (of_both(one.as_deref(), lane), Sum::Both(one.clone()));
            self.lanes().map(place).collect::<Vec<_>>()
        };
        let partitions: Vec<(String, Sum)> = organisations.iter().flat_map(of_lanes).collect();
        if partitions.len().saturating_add(sums.read) > most {
            return Ok(None);
        }
        self.add_partitions(partitions, most, sums).await
    }

    /// Adds all tallies of some partitions; `None` for more than `most` items. Whatever their number, no more is held than
    /// the sums, and a page of each of a few partitions.
    async fn add_partitions(
        &self,
        partitions: Vec<(String, Sum)>,
        most: usize,
        mut sums: Sums,
    ) -> Result<Option<Sums>, StoreError> {
        let mut waiting: VecDeque<Reading> =
            partitions.into_iter().map(|(tally, sum)| Reading { tally, sum, start: None }).collect();
        // Each page but the last one of a partition counts as one item at least, so the loop ends.
        while !waiting.is_empty() {
            if sums.read > most {
                return Ok(None);
            }
            // What is refused is not read to its end: together, the pages have hardly more than what is left.
            let few: Vec<Reading> = waiting.drain(..waiting.len().min(concurrency::AT_ONCE)).collect();
            let limit = (most - sums.read).saturating_add(1).div_ceil(few.len()).max(LEAST_PAGE);
            let pages = few.iter().map(|reading| self.page_of_tallies(&reading.tally, reading.start.clone(), limit));
            let pages = concurrency::all(pages).await?;
            for (reading, (items, next)) in few.into_iter().zip(pages) {
                // An empty page after the last item costs nothing that the number of items does not say.
                sums.read += if reading.start.is_some() && next.is_none() { items.len() } else { items.len().max(1) };
                for item in items {
                    let text = text_of(&item);
                    let (organisation, product) = reading.sum.place(text.as_deref());
                    sums.add(organisation, product, &item);
                }
                if next.is_some() {
                    waiting.push_front(Reading { start: next, ..reading });
                }
            }
        }
        Ok((sums.read <= most).then_some(sums))
    }

    /// A page of a partition, of `limit` items at most, and where the next one begins.
    async fn page_of_tallies(
        &self,
        tally: &str,
        start: Option<Item>,
        limit: usize,
    ) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        let answer = self
            .client
            .query()
            .table_name(&self.config.tables.tallies)
            .key_condition_expression("tally = :tally")
            .expression_attribute_values(":tally", text(tally))
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(classify)?;
        Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key))
    }

    /// The state of the tallies.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn tally_state(&self) -> Result<TallyState, StoreError> {
        let table = &self.config.tables.tallies;
        let answer = self.get(table, TallyState::key()).send().await.map_err(classify)?;
        Ok(answer.item.as_ref().map(TallyState::read).unwrap_or_default())
    }
}

/// A tally, and the organisation and the product of its cells.
#[derive(Clone, Debug)]
struct Place {
    tally: Tally,
    organisation: Option<String>,
    product: Option<String>,
}

impl Place {
    fn all() -> Self {
        Self { tally: Tally::All, organisation: None, product: None }
    }

    fn of_organisations(organisations: &[String]) -> Vec<Self> {
        let place = |one: &String| {
            let organisation = Some(one.clone());
            Self { tally: Tally::Organisation(organisation.clone()), organisation, product: None }
        };
        organisations.iter().map(place).collect()
    }

    fn of_products(products: &[String]) -> Vec<Self> {
        let place = |one: &String| {
            let product = Some(one.clone());
            Self { tally: Tally::Product(product.clone()), organisation: None, product }
        };
        products.iter().map(place).collect()
    }

    fn of_both(organisations: &[Option<String>], products: &[String]) -> Vec<Self> {
        let mut places = Vec::with_capacity(organisations.len() * products.len());
        for organisation in organisations {
            for product in products {
                let (organisation, product) = (organisation.clone(), Some(product.clone()));
                let tally = Tally::Both(organisation.clone(), product.clone());
                places.push(Self { tally, organisation, product });
            }
        }
        places
    }
}

/// A partition that is read, and where its next page begins.
struct Reading {
    tally: String,
    sum: Sum,
    start: Option<Item>,
}

/// How the sort keys of a partition become the organisation and the product of a cell.
#[derive(Clone, Debug)]
enum Sum {
    Organisation,
    Product,
    Both(Option<String>),
}

impl Sum {
    fn place<'a>(&'a self, key: Option<&'a str>) -> (Option<&'a str>, Option<&'a str>) {
        match self {
            Self::Organisation => (key, None),
            Self::Product => (None, key),
            Self::Both(organisation) => (organisation.as_deref(), key),
        }
    }
}

/// Sums over lanes.
#[derive(Debug, Default)]
struct Sums {
    cells: BTreeMap<Counted, i64>,
    /// Items that were asked for.
    read: usize,
}

impl Sums {
    fn add(&mut self, organisation: Option<&str>, product: Option<&str>, item: &Item) {
        for name in item.keys() {
            if let Some((kind, by)) = Kind::parse(name).zip(get_number(item, name)) {
                let (organisation, product) = (organisation.map(str::to_owned), product.map(str::to_owned));
                *self.cells.entry(Counted { organisation, product, kind }).or_default() += by;
            }
        }
    }

    /// The cells with rows. Lanes are not read at one moment, so a sum may be below zero for a moment.
    fn cells(self) -> (Vec<Cell>, usize) {
        let cells = self.cells.into_iter().filter_map(|(counted, rows)| {
            let rows = usize::try_from(rows).ok().filter(|rows| *rows > 0)?;
            Some((counted, rows))
        });
        (cells.collect(), self.read)
    }

    fn organisations(&self) -> Vec<Option<String>> {
        let with_rows = self.cells.iter().filter(|(_, rows)| **rows != 0);
        let mut organisations: Vec<_> = with_rows.map(|(counted, _)| counted.organisation.clone()).collect();
        organisations.dedup();
        organisations
    }
}

#[cfg(test)]
mod tests {
    use super::{super::listed_rows::is_unlisted, *};

    #[test]
    fn no_two_values_have_one_key_and_every_key_fits() {
        let long = |last: char| "ü".repeat(600) + &last.to_string();
        let values = [None, Some(String::new()), Some("-".into()), Some("=".into()), Some(long('a')), Some(long('b'))];
        let keys: std::collections::BTreeSet<String> = values.iter().map(|value| part(value.as_deref())).collect();
        assert_eq!(keys.len(), values.len());
        for value in &values {
            let (tally, key) = tally_key(&Tally::Both(value.clone(), value.clone()), 255);
            assert!(tally.len() <= 2_048 && key.len() <= 1_024 && !key.is_empty());
        }
    }

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let now = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
        let counted = |status| Some(Counted::new(Some("/417/1"), None, Some("sgtin"), status));
        for counted in [counted("complete"), counted("error"), counted("new"), None] {
            let mark = Mark { number: 7, counted };
            for is_old in [true, false] {
                let listing = Listing::of(mark.counted.as_ref(), is_old);
                let item = mark_item(Uuid::nil(), &mark, &listing, now, 3);
                assert_eq!(read_mark("T", &item).unwrap(), mark);
                assert_eq!(row_of(&item), Some(Uuid::nil()));
                assert_eq!(item.contains_key(GONE_AT), mark.counted.is_none());
                assert_eq!(Listing::stored(&item, &mark), listing);
                assert_eq!(is_unlisted(&item, &mark), listing != Listing::of(mark.counted.as_ref(), true));
            }
        }
        assert!(read_mark("T", &mark_key(Uuid::nil())).is_err());
    }
}
