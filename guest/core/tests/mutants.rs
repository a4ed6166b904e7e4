//! Checks that the simulation finds what it is made for. Each known way to lose a record without a warning is written into a copy
//! of the tap's source, and the simulation of that copy must fail. Where the simulation cannot see it, a test in virtual time
//! must fail.
//!
//! A mutant is a replacement of text: if the source changes, its `find` must follow. Each mutant needs a build, so they run in
//! `.ci/full`.

#![allow(clippy::unwrap_used, reason = "a test that cannot continue fails")]

#[path = "mutants/workspace.rs"]
mod workspace;

use workspace::{caught, edit, fails};

#[test]
#[ignore = "in .ci/full"]
fn page_numbers_over_a_date_sort() {
    caught(
        &["Lost", "Stale"],
        &[
            edit("streams/orders.rs", r#"("sort", "id:asc")"#, r#"("sort", "date_modified:asc")"#),
            edit("streams/products.rs", r#"fixed: &[("sort", "id")"#, r#"fixed: &[("sort", "date_modified")"#),
            edit("walk.rs", "    warned_of_old: bool,\n", "    warned_of_old: bool,\n    pages: u64,\n"),
            edit("walk.rs", "            warned_of_old: false,\n", "            warned_of_old: false,\n            pages: 0,\n"),
            edit("walk.rs", "        self.seen = seen;\n", "        self.seen = seen;\n        self.pages += 1;\n"),
            edit(
                "walk.rs",
                "Paging::Id { after } => self.last_id.map(|id| (after, id.to_string())),",
                "Paging::Id { .. } => None,",
            ),
            edit(
                "walk.rs",
                "page: self.pass.page };\n        request.page",
                "page: if self.list.paging == Paging::Page { self.pass.page } else { self.pages + 1 } };\n        request.page",
            ),
            // Ids come in any order now, and nothing is known of the end but that a page is empty.
            edit(
                "walk/sift.rs",
                "let by_id = matches!(self.list.paging, Paging::Id { .. });\n        let has_number",
                "let by_id = false;\n        let has_number",
            ),
            edit("walk.rs", "known > usize::from(self.last_id.is_some()) =>", "known == usize::MAX =>"),
            edit(
                "walk.rs",
                "Follows::Nothing => (true, self.doubt_of_end(",
                "Follows::Nothing if seen < u64::MAX => (true, None),\n            Follows::Nothing => (true, self.doubt_of_end(",
            ),
        ],
    );
}

#[test]
#[ignore = "in .ci/full"]
fn a_strict_lower_bound() {
    caught(&["Lost"], &[edit("walk.rs", "    let since = since.map(|since| since - SECOND);\n", "")]);
}

#[test]
#[ignore = "in .ci/full"]
fn a_bookmark_per_record_in_an_unsorted_walk() {
    caught(
        &["Lost", "Stale", "Bookmark"],
        &[edit(
            "sync/checkpoint.rs",
            "self.state.set_walk(member.stream, &stage.progress);",
            "self.state.complete(member.stream, stage.progress.newest.max(stage.progress.since), &member.fields, self.config.channels.of(member.stream.list().channels));",
        )],
    );
}

#[test]
#[ignore = "in .ci/full"]
fn an_unpaged_nested_list() {
    caught(
        &["Torn", "Lost", "Stale"],
        &[edit(
            "api/list.rs",
            "!may_be_cut && has_all.unwrap_or(came < limit.min(LEAST_CAP))",
            "has_all.is_some() || may_be_cut || came <= limit.max(LEAST_CAP)",
        )],
    );
}

#[test]
#[ignore = "in .ci/full"]
fn a_swallowed_error() {
    caught(&["Lost", "Stale"], &[edit("rows.rs", "Ok(false) => Err(Lost::Down(failure)),", "Ok(false) => Err(Lost::Gone),")]);
}

#[test]
#[ignore = "in .ci/full"]
fn the_local_clock() {
    caught(
        &["Lost", "Stale"],
        &[
            edit(
                "walk/time.rs",
                "self.started = match date {\n            Some(date) => Some(date - took),",
                "self.started = match date {\n            _ if took < Duration::MAX => Some(self.gate.clock().date() - took),\n            Some(date) => Some(date - took),",
            ),
            // Without the customers' own count, which would make it an error.
            edit(
                "walk/end.rs",
                "(None, End::CoveredSeen) => (self.covered().await?, seen),",
                "(None, End::CoveredSeen) => (Some(0), seen),",
            ),
        ],
    );
}

#[test]
#[ignore = "in .ci/full"]
fn one_beyond_the_last_id_against_an_exclusive_bound() {
    // Not for coupons: a count checks their end, so this would be an error and not silent.
    caught(
        &["Lost", "Stale"],
        &[edit(
            "walk.rs",
            "Paging::Id { after } => self.last_id.map(|id| (after, id.to_string())),",
            "Paging::Id { after } => self.last_id.map(|id| (after, (id + u64::from(self.list.end != End::AllSeen)).to_string())),",
        )],
    );
}

#[test]
#[ignore = "in .ci/full"]
fn a_forgotten_overlap() {
    caught(
        &["Lost", "Stale"],
        &[
            edit("walk.rs", "const MARGIN: TimeDelta = TimeDelta::seconds(120);", "const MARGIN: TimeDelta = TimeDelta::zero();"),
            // Without the customers' own count, which would make it an error.
            edit(
                "walk/end.rs",
                "(None, End::CoveredSeen) => (self.covered().await?, seen),",
                "(None, End::CoveredSeen) => (Some(0), seen),",
            ),
        ],
    );
}

#[test]
#[ignore = "in .ci/full"]
fn a_position_ahead_of_its_record() {
    // Not for coupons: a count checks their end, so it would be an error and not silent.
    caught(
        &["Lost", "Stale"],
        &[edit(
            "sync/read.rs",
            "(stage.progress.position, stage.progress.seen) = (Some(Position::Id { id: row.id }), row.seen);",
            "let counted = stage.group.list.end == crate::streams::End::AllSeen;\n                (stage.progress.position, stage.progress.seen) = (Some(Position::Id { id: row.id + u64::from(!counted) }), row.seen);",
        )],
    );
}

#[test]
#[ignore = "in .ci/full"]
fn a_resumed_walk_that_is_not_walked_once_more() {
    caught(
        &["Lost", "Stale"],
        &[edit("sync.rs", "if !std::mem::take(&mut resumed)", "if !std::mem::take(&mut resumed) || last_id.is_some()")],
    );
}

#[test]
#[ignore = "in .ci/full"]
fn archived_orders_that_nobody_asks_for() {
    caught(
        &["Lost", "Stale"],
        &[edit(
            "progress.rs",
            "let has_next = list.hidden_in(self.pass + 1).is_some();",
            "let has_next = list.hidden_in(self.pass + 9).is_some();",
        )],
    );
}

#[test]
#[ignore = "in .ci/full"]
fn a_quota_that_is_not_heeded() {
    caught(
        &["Quota"],
        &[edit(
            "api/limiter.rs",
            "Some((left, end)) if now < end && state.in_flight as u64 >= left =>",
            "Some((left, end)) if now < end && left == u64::MAX =>",
        )],
    );
}

#[test]
#[ignore = "in .ci/full"]
fn a_limiter_that_probes_forever() {
    caught(
        &["Serial"],
        &[edit(
            "api/limiter.rs",
            "Some((_, end)) if now < end => false,",
            "Some((_, end)) if now < end && end.is_zero() => false,",
        )],
    );
}

#[test]
#[ignore = "in .ci/full"]
fn a_cross_check_that_is_believed_unproven() {
    caught(
        &["Ending", "Stuck"],
        &[edit(
            "walk/end.rs",
            "async fn counts_are_proven(&self) -> Result<bool> {\n",
            "async fn counts_are_proven(&self) -> Result<bool> {\n        if self.page_size > 0 { return Ok(true); }\n",
        )],
    );
}

#[test]
#[ignore = "in .ci/full"]
fn an_upper_end_that_is_believed_unchecked() {
    caught(
        &["Lost", "Stale"],
        &[edit(
            "walk/end.rs",
            "if !was_there\n            && matches!(self.highest(None).await?, Highest::Row(id, _) if id >= last)",
            "if (was_there || last >= end)",
        )],
    );
}

#[test]
#[ignore = "in .ci/full"]
fn a_record_that_is_set_aside_and_forgotten() {
    caught(&["Lost", "Stale", "Torn"], &[edit("takers.rs", "entries.join(new)", "entries.clone().join(new)")]);
}

#[test]
#[ignore = "in .ci/full"]
fn a_record_that_is_not_found_among_nothing_at_all() {
    caught(
        &["Lost", "Stale", "Torn"],
        &[edit(
            "rows/deleted.rs",
            "gate.get(&mut first, |body| list.form.decode(body)).await.map(|_| true)",
            "drop(first.page.take());\n            Ok(true)",
        )],
    );
}

#[test]
#[ignore = "in .ci/full"]
fn an_outage_that_is_set_aside() {
    caught(
        &["Aside"],
        &[edit(
            "rows.rs",
            "Err(refused) if refused.may_be_of_one_record() => {}",
            "Err(refused) if refused.may_be_of_one_record() => return Ok(true),",
        )],
    );
}

#[test]
#[ignore = "in .ci/full"]
fn a_bookmark_beyond_the_end_date() {
    caught(
        &["Bookmark", "Lost", "Stale"],
        &[edit("sync/checkpoint.rs", "let safe = safe.map(|safe| self.config.end_date.map_or(safe, |end| safe.min(end)));", "")],
    );
}

#[test]
#[ignore = "in .ci/full"]
fn a_walk_that_resumes_although_its_start_has_changed() {
    caught(
        &["Lost", "Stale"],
        &[edit(
            "start.rs",
            "false => walks.iter().any(|(name, own)| *own != Ok(None) && walk.members.get(*name) != starts.get(*name)),",
            "false => false,",
        )],
    );
}

#[test]
#[ignore = "in .ci/full"]
fn a_stream_that_starts_where_another_does() {
    caught(
        &["Lost", "Stale"],
        &[edit(
            "takers.rs",
            "let since = names().map(|name| own(name).flatten().map(|since| since - SECOND)).collect();",
            "let latest = names().filter_map(|name| own(name).flatten()).max();\n        let since = names().map(|_| latest).collect();",
        )],
    );
}

#[test]
#[ignore = "in .ci/full"]
fn a_failed_stream_whose_bookmark_moves_with_the_others() {
    caught(
        &["Lost", "Stale", "Bookmark"],
        &[edit(
            "sync/checkpoint.rs",
            "in members.filter(|(place, _)| stage.takers.reads_for(*place)) {\n            let own",
            "in members.filter(|_| true) {\n            let own",
        )],
    );
}

#[test]
#[ignore = "in .ci/full"]
fn records_without_rows_that_are_believed_at_once() {
    caught(
        &["Lost", "Stale"],
        &[edit("rows/batch.rs", "} else if part.are_missing {", "} else if part.are_missing || lists.len() < usize::MAX {")],
    );
}

#[test]
#[ignore = "in .ci/full"]
fn a_small_list_that_is_read_once() {
    caught(
        &["Lost"],
        &[edit(
            "walk/numbered.rs",
            "if is_whole && (pass.is_resumed || is_limited || pass.page == 1 || !pass.has_news) {",
            "if pass.page > 0 || is_limited {",
        )],
    );
}

#[test]
#[ignore = "in .ci/full"]
fn a_bookmark_that_passes_what_cannot_be_asked_for() {
    caught(
        &["Lost", "Stale"],
        &[edit("sync/checkpoint.rs", "Some(date) => own.max(safe.min(date)),", "Some(_) => own.max(safe),")],
    );
}

#[test]
#[ignore = "in .ci/full"]
fn what_a_new_walk_has_read_again_and_stays_aside() {
    caught(&["Stuck"], &[edit("aside.rs", "self.0.retain(|entry| !matches!(entry, Aside::Again { .. }));", "")]);
}

#[test]
#[ignore = "in .ci/full"]
fn a_version_that_is_activated_although_a_row_may_be_missing() {
    fails(
        "versions::a_version_is_not_activated_while_a_row_may_be_missing",
        &[edit(
            "certainty.rs",
            "let lasting = all().find(|uncertain| !uncertain.is_of_no_rows());",
            "let lasting = all().find(|_| news.len() == usize::MAX);",
        )],
    );
}

#[test]
#[ignore = "in .ci/full"]
fn a_version_that_is_not_kept_when_its_walk_resumes() {
    fails(
        "versions::a_version_is_kept_through_a_resumption_and_activated_after_the_second_walk",
        &[edit("sync/tables.rs", "let version = if is_kept { last }", "let version = if is_kept && last == 0 { last }")],
    );
}

#[test]
#[ignore = "in .ci/full"]
fn embedded_lines_without_a_guard() {
    caught(
        &["Lost", "Torn"],
        &[
            edit(
                "streams/consigned.rs",
                "if consignment.has_been_cut() || inside.peek().is_none() {",
                "if consignment.has_been_cut() {",
            ),
            edit(
                "streams/consigned.rs",
                "let is_whole = (1..CUT_AT).contains(&lines.len()) && quantity == order.count(\"items_total\")?;",
                "let is_whole = quantity < u64::MAX;",
            ),
        ],
    );
}

/// The test of the setting `child_refresh_days`.
const REFRESH: &str = "refresh::once_a_day_rows_of_orders_before_the_bookmark_come_again_and_the_orders_do_not";

#[test]
#[ignore = "in .ci/full"]
fn a_refresh_that_brings_the_orders_again() {
    fails(
        REFRESH,
        &[edit(
            "progress.rs",
            "let further = self.refresh.as_ref().and_then(|refresh| refresh.since.get(stream));",
            "let further = self.refresh.as_ref().and_then(|refresh| refresh.since.values().next());",
        )],
    );
}

#[test]
#[ignore = "in .ci/full"]
fn a_refresh_that_does_not_happen() {
    fails(REFRESH, &[edit("start.rs", "now - last < REFRESH)", "now - last < REFRESH || last <= now)")]);
}
