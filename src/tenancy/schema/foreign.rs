//! Foreign keys, from both sides.

use crate::db::{DbError, Tx};
use crate::model::table::{Action, Dependent, ForeignKey, Step, Table};

/// Chains of cascading keys are followed this far to say who stands against a delete.
const LONGEST_CHAIN: usize = 4;
/// And no more of them are kept than this.
const MOST_CHAINS: usize = 64;

/// Reads the foreign keys of all tables and enters them on both sides.
pub(super) fn connect(tx: &Tx<'_>, tables: &mut [Table]) -> Result<(), DbError> {
    for index in 0..tables.len() {
        let keys = read(tx, tables, index)?;
        let table = &mut tables[index];
        for key in &keys {
            table.has_triggers |= key.parent == table.name;
            for (column, parent_column) in key.columns.iter().zip(&key.parent_columns) {
                let known = &mut table.columns[*column].references;
                // A key of one column says more about that column than its part in a longer one.
                if !key.parent.starts_with('_') && (known.is_none() || key.columns.len() == 1) {
                    *known = Some((key.parent.clone(), parent_column.clone()));
                }
            }
        }
        table.foreign_keys = keys;
    }
    for index in 0..tables.len() {
        let mut found = Vec::new();
        follow(tables, &tables[index].name, &mut Vec::new(), &mut found);
        tables[index].dependents = found;
    }
    Ok(())
}

fn read(tx: &Tx<'_>, tables: &[Table], index: usize) -> Result<Vec<ForeignKey>, DbError> {
    let table = &tables[index];
    let mut keys: Vec<(i64, ForeignKey)> = Vec::new();
    tx.query(
        "SELECT id, \"table\", \"from\", \"to\", on_delete, on_update FROM pragma_foreign_key_list(?1)
         ORDER BY id, seq",
        crate::params![&table.name],
        |row| {
            let id: i64 = row.get(0)?;
            let Some(column) = table.column_in_sql(&row.get::<String>(2)?) else { return Ok(()) };
            if keys.last().is_none_or(|(last, _)| *last != id) {
                let parent: String = row.get(1)?;
                let known = tables.iter().find(|table| table.name.eq_ignore_ascii_case(&parent));
                let parent = known.map_or(parent, |table| table.name.clone());
                let (on_delete, on_update) = (action(&row.get::<String>(4)?), action(&row.get::<String>(5)?));
                let (columns, parent_columns) = (Vec::new(), Vec::new());
                let is_hidden = false;
                keys.push((
                    id,
                    ForeignKey { columns, parent, parent_columns, on_delete, on_update, is_hidden },
                ));
            }
            let Some((_, key)) = keys.last_mut() else { return Ok(()) };
            let parent = tables.iter().find(|table| table.name == key.parent);
            let to: Option<String> = row.get(3)?;
            // Left out, it means the parent's key.
            let to = to.or_else(|| {
                let parent = parent?;
                Some(parent.columns[*parent.key.get(key.columns.len())?].name.clone())
            });
            let to = to.unwrap_or_default();
            let spelled =
                parent.and_then(|parent| Some(parent.columns[parent.column_in_sql(&to)?].name.clone()));
            key.parent_columns.push(spelled.unwrap_or(to));
            key.columns.push(column);
            Ok(())
        },
    )?;
    Ok(keys.into_iter().map(|(_, key)| key).collect())
}

fn action(text: &str) -> Action {
    match text {
        "CASCADE" => Action::Cascade,
        "SET NULL" => Action::SetNull,
        "SET DEFAULT" => Action::SetDefault,
        _ => Action::Refuse,
    }
}

/// Collects who stands against a delete in `parent`, `steps` away from where the question was asked.
fn follow(tables: &[Table], parent: &str, steps: &mut Vec<Step>, found: &mut Vec<Dependent>) {
    for child in tables {
        for key in child.foreign_keys.iter().filter(|key| key.parent == parent) {
            if found.len() >= MOST_CHAINS {
                return;
            }
            let names = key.columns.iter().map(|column| child.columns[*column].name.clone());
            let pairs = key.parent_columns.iter().cloned().zip(names).collect();
            steps.push(Step { child: child.name.clone(), pairs, is_hidden: false });
            let on_update = (steps.len() == 1).then_some(key.on_update);
            let refuses = |action| matches!(action, Action::Refuse | Action::SetDefault);
            if refuses(key.on_delete) || on_update.is_some_and(refuses) {
                found.push(Dependent { steps: steps.clone(), on_delete: key.on_delete, on_update });
            }
            if key.on_delete == Action::Cascade && steps.len() < LONGEST_CHAIN {
                follow(tables, &child.name, steps, found);
            }
            steps.pop();
        }
    }
}
