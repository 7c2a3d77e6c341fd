use super::*;
use crate::clock::Timestamp;
use crate::error::Kind;
use crate::model::hex::hex;
use sha2::{Digest as _, Sha256};

struct House {
    contents: Arc<Contents>,
    tenant: TenantId,
    _directory: tempfile::TempDir,
}

fn house() -> House {
    let directory = tempfile::TempDir::new().unwrap();
    let layout = Layout::create(directory.path()).unwrap();
    let tenant = TenantId::new(Timestamp(1));
    make_directory(&layout.tenant(tenant)).unwrap();
    House { contents: Arc::new(Contents::new(layout, Arc::default())), tenant, _directory: directory }
}

impl House {
    fn begin(&self) -> NewContent {
        self.contents.create(self.tenant, ContentId::new(Timestamp(2))).unwrap()
    }

    fn on_disk(&self) -> usize {
        self.contents.list(self.tenant).unwrap().len()
    }

    async fn store(&self, text: &'static str) -> Sealed {
        let mut content = self.begin();
        content.write(vec![text]).await.unwrap();
        content.keep();
        content.seal().await.unwrap()
    }
}

/// Until what a drop gave to another thread is done.
async fn eventually(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn what_was_written_is_what_is_read_and_what_was_not_kept_goes() {
    let house = house();
    let mut content = house.begin();
    content.write(vec!["ab", "", "c"]).await.unwrap();
    content.write(vec!["de"]).await.unwrap();
    let sealed = content.seal().await.unwrap();
    let abcde = hex(&Sha256::digest(b"abcde"));
    assert_eq!((sealed.size, sealed.sha256, sealed.content_type), (5, abcde, "text/plain; charset=utf-8"));
    assert!(content.write(vec!["f"]).await.is_err(), "sealed is sealed");
    let read = house.contents.open(house.tenant, sealed.id).unwrap().unwrap();
    drop(content);
    eventually(|| house.on_disk() == 0).await;
    assert_eq!(read.read_at(1, 3).unwrap(), b"bcd", "a reader goes on");
    assert_eq!(read.read_at(4, 9).unwrap(), b"e");
    assert!(house.contents.open(house.tenant, sealed.id).unwrap().is_none());
}

#[tokio::test]
async fn a_sweep_removes_what_no_row_names_and_nothing_else() {
    let house = house();
    let (named, left) = (house.store("named").await, house.store("left over").await);
    std::fs::write(house.contents.layout.content(house.tenant, left.id).with_file_name("odd"), "x").unwrap();
    assert_eq!(house.contents.sweep(house.tenant, &HashSet::from([named.id])).unwrap(), 2);
    assert!(house.contents.open(house.tenant, named.id).unwrap().is_some());
    assert!(house.contents.open(house.tenant, left.id).unwrap().is_none());
}

#[tokio::test]
async fn behind_a_fence_nothing_is_begun_nor_gone_on_with_nor_read() {
    let house = house();
    let sealed = house.store("text").await;
    let (mut one, mut other) = (house.begin(), house.begin());
    let reading = house.contents.open(house.tenant, sealed.id).unwrap().unwrap();
    house.contents.fences.lower(house.tenant);
    std::fs::remove_dir_all(house.contents.layout.tenant(house.tenant)).unwrap();
    let not_found = |error: Option<Error>| error.map(|error| error.kind()) == Some(Kind::NotFound);
    assert!(not_found(one.write(vec!["x"]).await.err()));
    assert!(not_found(other.seal().await.err()));
    assert!(not_found(reading.read_at(0, 4).err()));
    assert!(not_found(house.contents.open(house.tenant, sealed.id).err()));
    assert!(not_found(house.contents.create(house.tenant, ContentId::new(Timestamp(3))).err()));
    assert!(!house.contents.layout.tenant(house.tenant).exists(), "and nothing is made again");
}

#[test]
fn a_link_is_not_followed() {
    let house = house();
    let id = ContentId::new(Timestamp(2));
    let path = house.contents.layout.content(house.tenant, id);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
    assert!(house.contents.open(house.tenant, id).is_err());
}

#[test]
fn a_full_disk_is_told_as_such() {
    let file = File::options().write(true).open("/dev/full").unwrap();
    let mut writing = writing::Writing::to(file);
    let error = writing.append(b"x").unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Unavailable, "storage_unavailable"));
}
