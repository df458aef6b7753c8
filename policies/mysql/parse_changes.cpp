#include "policies/mysql/parser.h"
#include "policies/statement/ascii.h"

#include <algorithm>

namespace stepgate::policies::mysql
{

using statement::Where;

void Parser::insert(bool replace)
{
    is(Kind::insert, replace ? "replace" : "");
    changing_.insert = true;
    changing_.delete_rows = replace;
    advance();
    while (accept_any(Word::k_low_priority, Word::k_delayed, Word::k_high_priority, Word::k_ignore)) {
    }
    accept(Word::k_into);
    const TableName target = table_name();
    write_table(target);
    partition();
    const std::size_t items = items_.size();
    bool all_of_it = false;
    if (accept(Word::k_set)) {
        const std::size_t references = references_.size();
        items_.push_back(item_of(target, {}));
        do
            assignment(items);
        while (accept(','));
        drop_references(references); // columns here are those of the new row
    } else {
        all_of_it = insert_source(target, items);
    }
    if (accept(Word::k_as)) { // the new row, named
        Item row;
        row.alias = name();
        alias_columns(row.begin, row.end);
        items_.push_back(std::move(row));
    }
    if (at(Word::k_on))
        on_duplicate_key(target);
    if (all_of_it && (replace || changing_.update))
        weaken_where(Where::always_true);
    items_.resize(items);
    items_.push_back(item_of(target, {}));
    returning(items);
}

/// [(columns)] VALUES …, or a query. True if that is one of all rows of the target.
bool Parser::insert_source(const TableName& target, std::size_t items)
{
    bool columns = false;
    if (at('(') && !at_query_start(1) && !next_is(1, '(')) {
        advance();
        columns = true;
        if (!at(')')) {
            do
                written_column(target);
            while (accept(','));
        }
        expect(')');
    }
    if (!columns)
        write_column(target, "*");
    if (at(Word::k_value) || (at(Word::k_values) && !next_is(1, Word::k_row))) {
        items_.push_back(item_of(target, {}));
        insert_rows();
        items_.resize(items);
        return false;
    }
    bool known = false;
    const Query source = query();
    return source.where.always && std::ranges::find(reads_, full_name(target, known), &Access::table) != reads_.end();
}

void Parser::insert_rows()
{
    const std::size_t references = references_.size();
    advance();
    do {
        expect('(');
        if (!at(')'))
            expressions();
        expect(')');
        references_.resize(references); // columns here are those of the new row
    } while (accept(','));
}

/// Columns of the target are read here, as are those of the query that the rows come from.
void Parser::on_duplicate_key(const TableName& target)
{
    const std::size_t references = references_.size();
    const std::size_t items = items_.size();
    expect(Word::k_on);
    expect(Word::k_duplicate);
    expect(Word::k_key);
    expect(Word::k_update);
    changing_.update = true;
    write_table(target);
    items_.push_back(item_of(target, {}));
    on_duplicate_ = true;
    do
        assignment(items);
    while (accept(','));
    on_duplicate_ = false;
    reach_less(references); // tables of a query with GROUP BY, DISTINCT or UNION are not in reach
    resolve(references, 0);
}

/// [[database .] table .] column = expression. The tables that it may write are those since `items`.
void Parser::assignment(std::size_t items)
{
    std::string_view parts[3];
    std::size_t count = 0;
    if (at('.'))
        advance();
    parts[count++] = name();
    while (count < 3 && accept('.'))
        parts[count++] = name();
    if (!accept('=') && !accept(Symbol::assign))
        return unexpected();
    write_assigned(count > 1 ? parts[count - 2] : std::string_view{}, parts[count - 1], items);
    if (at(Word::k_default) && !next_is(1, '('))
        advance();
    else if (mariadb() && at(Word::k_ignore))
        advance();
    else
        expression();
}

void Parser::write_assigned(std::string_view table, std::string_view column, std::size_t items)
{
    if (!spend(items_.size() - items))
        return;
    for (std::size_t i = items; i < items_.size(); ++i) {
        Item& item = items_[i];
        if (item.table.empty() || (!table.empty() && !same_word(item.alias, table)))
            continue;
        write_of(item.table, item.known).columns.push_back(column);
        item.written = item.written || !table.empty() || has_column(item, column) == Has::yes;
    }
}

void Parser::update()
{
    is(Kind::update);
    changing_.update = true;
    advance();
    while (accept_any(Word::k_low_priority, Word::k_ignore)) {
    }
    const std::size_t items = items_.size();
    const std::size_t references = references_.size();
    begin_targets(items);
    table_references();
    naming_targets_ = false;
    portion();
    expect(Word::k_set);
    do
        assignment(items);
    while (accept(','));
    read_unwritten(items);
    where_of_change(items);
    change_tail(items);
    resolve(references, items);
    returning(items);
}

/// Of several tables: what ON says of them is judged as WHERE is.
void Parser::begin_targets(std::size_t items)
{
    naming_targets_ = true;
    target_alias_ = {};
    block_ = change_begin_ = change_end_ = items;
    block_joined_ = false;
}

/// Tables that a change names and does not write are read.
void Parser::read_unwritten(std::size_t items)
{
    if (!spend((items_.size() - items) * (writes_.size() + 1)))
        return;
    for (std::size_t i = items; i < items_.size(); ++i) {
        bool written = false;
        for (const Access& access : writes_)
            written = written || access.table == items_[i].table;
        if (!written)
            read_column(items_[i], {});
    }
}

/// MariaDB: FOR PORTION OF period FROM a TO b, which changes part of a row's time.
void Parser::portion()
{
    if (!mariadb() || !at(Word::k_for) || !next_is(1, Word::k_portion))
        return;
    advance();
    advance();
    expect(Word::k_of);
    reference({}, name());
    expect(Word::k_from);
    expression();
    expect(Word::k_to);
    expression();
}

void Parser::where_of_change(std::size_t items)
{
    if (!accept(Word::k_where))
        return weaken_where(Where::missing);
    const bool one = items_.size() == items + 1;
    target_alias_ = one ? items_[items].alias : std::string_view{};
    judged_table_ = one ? items_[items].table : std::string{};
    block_ = change_begin_ = items;
    change_end_ = items_.size();
    if (one)
        items_[items].written = true;
    judging_ = true;
    const Expression predicate = expression();
    judging_ = false;
    // WHERE id, of a column that is numbered from 1 on
    const bool all = predicate.always || (predicate.reads && predicate.span.never_zero()) || spares_no_row(predicate);
    weaken_where(all ? Where::always_true : Where::present);
    change_begin_ = change_end_ = items;
}

/// A condition of the change at hand names a column: notes whose it may be. Of a query inside, only what it cannot have
/// itself may be of the tables of the change. What none is known to have, outside of bodies, is newer than the catalog.
void Parser::note_condition(std::string_view table, std::string_view column)
{
    if (change_begin_ == change_end_ || (table.empty() && column == "*")) // a star is of the query it stands in
        return;
    const auto has = [&](const Item& item) {
        if (!table.empty())
            return same_word(item.alias, table) ? Has::yes : Has::no;
        return column.empty() ? Has::maybe : has_column(item, column);
    };
    bool counted = spend(items_.size() - change_begin_);
    for (std::size_t i = items_.size(); counted && i > change_end_; --i)
        if (has(items_[i - 1]) == Has::yes)
            return;
    const auto begin = items_.begin() + static_cast<std::ptrdiff_t>(change_begin_);
    const bool newer = table.empty() && blocks_ == 0 && items_.size() == change_end_ &&
                       std::none_of(begin, items_.end(), [&](const Item& one) { return has(one) != Has::no; });
    bool touches = !counted;
    for (std::size_t i = change_begin_; counted && i < change_end_; ++i) {
        if (has(items_[i]) == Has::no && !newer)
            continue;
        items_[i].named = true;
        touches = touches || items_[i].written;
    }
    touch_count_ += touches;
}

/// A condition that leaves no pair of rows out says nothing of those that it names.
void Parser::end_condition_of_join(bool leaves_out)
{
    if (!spend(change_end_ - change_begin_))
        return;
    for (std::size_t i = change_begin_; i < change_end_; ++i) {
        items_[i].joined = items_[i].joined || (leaves_out && items_[i].named);
        items_[i].named = false;
    }
}

/// A table whose rows change is joined with others whatever its rows are, and the WHERE is the same for each of them:
/// it looks at others only.
bool Parser::spares_no_row(const Expression& predicate)
{
    const auto begin = items_.begin() + static_cast<std::ptrdiff_t>(change_begin_);
    const auto end = items_.begin() + static_cast<std::ptrdiff_t>(change_end_);
    return std::any_of(begin, end, [&](const Item& item) {
        return item.written && !item.joined && (is_all_or_none(predicate) || !item.named);
    });
}

void Parser::change_tail(std::size_t)
{
    if (at(Word::k_order))
        order_by(nullptr);
    limit();
}

void Parser::returning(std::size_t items)
{
    if (!accept(Word::k_returning))
        return;
    const std::size_t references = references_.size();
    Query list;
    select_list(list);
    resolve(references, items);
}

TableName Parser::delete_target()
{
    TableName table;
    table.name = name();
    while (accept('.')) {
        if (accept('*'))
            break;
        table.database = table.name;
        table.name = name();
    }
    return table;
}

void Parser::delete_rows()
{
    is(Kind::delete_rows);
    changing_.delete_rows = true;
    advance();
    if (mariadb() && at(Word::k_history)) { // rows that are past
        advance();
        facts_.destructive = true;
    }
    while (accept_any(Word::k_low_priority, Word::k_quick, Word::k_ignore)) {
    }
    std::vector<TableName> targets;
    const bool from_first = accept(Word::k_from);
    do
        targets.push_back(delete_target());
    while (accept(','));
    if (from_first && !at(Word::k_using)) {
        if (targets.size() != 1)
            return unexpected();
        return delete_from_one(targets.front());
    }
    if (!accept(Word::k_using))
        expect(Word::k_from);
    delete_from_many(targets);
}

void Parser::delete_from_one(const TableName& table)
{
    const std::size_t items = items_.size();
    const std::size_t references = references_.size();
    partition();
    portion();
    const std::string_view given = alias();
    block_joined_ = false;
    write_table(table);
    items_.push_back(item_of(table, given));
    index_hints();
    if (accept(Word::k_before)) { // of DELETE HISTORY
        expect(Word::k_system_time);
        if (!accept(Word::k_transaction) && at(Word::k_timestamp) && peek(1).kind != TokenKind::string)
            advance();
        expression();
        return;
    }
    where_of_change(items);
    change_tail(items);
    resolve(references, items);
    returning(items);
}

void Parser::delete_from_many(const std::vector<TableName>& targets)
{
    const std::size_t items = items_.size();
    const std::size_t references = references_.size();
    begin_targets(items);
    table_references();
    naming_targets_ = false;
    if (!spend(targets.size() * (items_.size() - items)))
        return;
    for (const TableName& target : targets) {
        bool found = false;
        for (std::size_t i = items; i < items_.size(); ++i) {
            Item& item = items_[i];
            if (item.table.empty() || !same_word(item.alias, target.name))
                continue;
            write_of(item.table, item.known);
            item.written = true;
            found = true;
        }
        if (!found)
            write_table(target);
    }
    read_unwritten(items);
    where_of_change(items);
    change_tail(items);
    resolve(references, items);
    returning(items);
}

/// LOAD DATA and LOAD XML. With LOCAL the client sends the file; without it the server reads one of its own.
void Parser::load_data()
{
    advance();
    if (!accept_any(Word::k_data, Word::k_xml))
        return unexpected();
    while (accept_any(Word::k_low_priority, Word::k_concurrent)) {
    }
    const bool local = accept(Word::k_local);
    is(Kind::copy_from, local ? "local file" : "server file");
    changing_.insert = changing_.delete_rows = true; // REPLACE is read later
    if (!local)
        opaque("reads a file of the server");
    expect(Word::k_infile);
    string_value();
    if (!accept(Word::k_replace))
        accept(Word::k_ignore);
    expect(Word::k_into);
    expect(Word::k_table);
    const TableName target = table_name();
    write_table(target);
    partition();
    const std::size_t items = items_.size();
    const std::size_t references = references_.size();
    items_.push_back(item_of(target, {}));
    file_format();
    if (accept(Word::k_rows)) {
        expect(Word::k_identified);
        expect(Word::k_by);
        string_value();
    }
    if (accept(Word::k_ignore)) {
        integer_value();
        if (!accept(Word::k_rows))
            expect(Word::k_lines);
    }
    if (!at('('))
        write_column(target, "*");
    if (accept('(') && !accept(')')) {
        do {
            if (at(TokenKind::user_variable)) {
                set_effect("@" + unescaped(cur(), reading_), std::nullopt);
                advance();
            } else {
                written_column(target);
            }
        } while (accept(','));
        expect(')');
    }
    if (accept(Word::k_set)) {
        do
            assignment(items);
        while (accept(','));
    }
    drop_references(references); // columns here are those of the new row
}

void Parser::truncate()
{
    is(Kind::truncate, "table");
    advance();
    accept(Word::k_table);
    write_table(table_name());
    facts_.destructive = true;
    wait_or_skip();
}

} // namespace stepgate::policies::mysql
