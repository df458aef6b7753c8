#include "proxy/audit/index.h"

#include "proxy/audit/index_schema.h"
#include "proxy/audit/index_values.h"
#include "proxy/audit/tallies.h"
#include "proxy/audit/text.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace stepgate::proxy::audit
{

namespace
{

constexpr std::int64_t run_window_ns = 10'000'000'000; // a row never stands for more time than this
constexpr std::size_t runs_per_session = 128;          // shapes: applications have dozens
constexpr std::size_t unanswered_per_session = 4096;
constexpr std::string_view succeeded = "00000";

/// Allowed executions of one shape that share a row.
struct Run {
    std::int64_t first = 0, last = 0, first_ns = 0, last_ns = 0;
    std::int64_t count = 0, errors = 0, rows = 0, duration_ns = 0;
    std::int64_t text = 0; // its id, of the first
    bool rows_known = false, answered = false, stored = false, dirty = false;
    std::string kinds, labels, rules, tables;
    std::string sqlstate; // of the newest failure, "00000" if there was none; empty: no answer yet
};

/// A statement whose outcome is still to come, and the row that it is for.
struct Unanswered {
    std::int64_t statement = 0;
    std::int64_t row = 0;   // its first sequence number
    std::int64_t shape = 0; // of the run with that row, if any
};

struct Session {
    std::int64_t id = 0;
    std::unordered_map<std::int64_t, Run> runs; // by their shape, or by the id of their text if that has none
    std::vector<Unanswered> unanswered;
};

void count(Run& run, std::int64_t sequence, std::int64_t at_ns)
{
    run.last = sequence;
    run.last_ns = at_ns;
    ++run.count;
    run.dirty = true;
}

void answer(Run& run, std::int64_t rows, std::int64_t duration_ns, std::string_view sqlstate)
{
    const bool failed = sqlstate != succeeded;
    run.errors += failed;
    run.rows += std::max<std::int64_t>(rows, 0);
    run.rows_known = run.rows_known || rows >= 0;
    run.duration_ns += duration_ns;
    if (failed || run.sqlstate.empty())
        run.sqlstate = sqlstate;
    run.answered = run.dirty = true;
}

bool goes_on(const Run& run, std::int64_t at_ns)
{
    return at_ns - run.first_ns <= run_window_ns;
}

/// An answer is expected for this one.
void expect(Session& session, const Unanswered& statement)
{
    if (session.unanswered.size() == unanswered_per_session)
        session.unanswered.erase(session.unanswered.begin());
    session.unanswered.push_back(statement);
}

std::string bare(std::string_view table)
{
    const auto words_end = table.find(' '); // "public.customers (ssn)", as people read it
    table = table.substr(0, words_end);
    return std::string{table};
}

void bind_text(SQLite::Statement& statement, int index, std::string_view text)
{
    if (text.empty())
        statement.bind(index);
    else
        statement.bind(index, std::string{text});
}

/// SQLite keeps a copy of what is bound until something else is: of a statement of megabytes until the next one.
void forget(SQLite::Statement& statement)
{
    statement.reset();
    statement.clearBindings();
}

std::string statement_text(const RecordView& record)
{
    std::string text{record.text("text")};
    if (record.type == Type::release) // its "statements" are their numbers in the session
        return text;
    for (const auto sql : record.list("statements")) {
        if (!text.empty())
            text += ";\n";
        text += sql;
    }
    return text;
}

} // namespace

struct Index::Impl {
    explicit Impl(const std::filesystem::path& directory) : db(open_index_for_writing(Index::file(directory)))
    {
        load_sessions();
    }

    void load_sessions();
    std::int64_t text_id(std::string_view text);
    Session* session_of(const RecordView& record);
    void session_start(const RecordView& record);
    void end_sessions();
    void statement(const RecordView& record);
    void outcome(const RecordView& record);
    void full_row(const RecordView& record, Session* session);
    void tags(std::int64_t sequence, const RecordView& record);
    void challenge_event(const RecordView& record);
    void tag(std::string_view kind, std::string_view value, std::int64_t sequence);
    void close_runs(Session& session);
    void store(const Session& session, Run& run);
    void store_runs(Session& session);

    SQLite::Database db;
    Tallies tallies;
    std::optional<SQLite::Transaction> transaction;
    std::int64_t newest_ns = 0; // time of the newest record
    std::unordered_map<std::uint64_t, Session> by_number;
    std::map<std::string, std::uint64_t, std::less<>> number_of; // session id to number

    SQLite::Statement find_text{db, "SELECT id FROM texts WHERE hash = ?"};
    SQLite::Statement insert_text{db, "INSERT INTO texts (hash, text) VALUES (?, ?)"};
    SQLite::Statement insert_words{db, "INSERT INTO words (rowid, text) VALUES (?, ?)"};
    SQLite::Statement insert_entry{
        db, "INSERT INTO entries (sequence, last_sequence, time, last_time, type, session_id, session, user, "
            "text, action, rules, labels, kinds, tables, count, errors, rows, duration_ns, sqlstate, challenge, "
            "details) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
    SQLite::Statement update_run{
        db, "UPDATE entries SET last_sequence = ?, last_time = ?, count = ?, errors = ?, rows = ?, duration_ns = ?, "
            "sqlstate = ? WHERE sequence = ?"};
    SQLite::Statement add_outcome{
        db, "UPDATE entries SET errors = errors + ?1, rows = CASE WHEN ?2 < 0 THEN rows ELSE coalesce(rows, 0) + ?2 "
            "END, duration_ns = coalesce(duration_ns, 0) + ?3, sqlstate = CASE WHEN ?1 > 0 OR sqlstate IS NULL "
            "THEN ?4 ELSE sqlstate END "
            "WHERE sequence = ?5"};
    SQLite::Statement insert_tag{db, "INSERT OR IGNORE INTO tags (tag, sequence) VALUES (?, ?)"};
    SQLite::Statement find_opened{
        db, "SELECT sequence, rules FROM entries WHERE challenge = ? AND type = 'challenge_opened'"};
    SQLite::Statement insert_session{
        db, "INSERT INTO sessions (name, number, user, listener, database, client_address, started) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)"};
    SQLite::Statement end_session{db, "UPDATE sessions SET ended = ? WHERE id = ?"};
};

Index::Index(const std::filesystem::path& directory) : impl_(std::make_unique<Impl>(directory))
{
}
Index::~Index() = default;

std::uint64_t Index::cursor() const
{
    return static_cast<std::uint64_t>(impl_->db.execAndGet("SELECT cursor FROM state").getInt64());
}

Hash Index::cursor_hash() const
{
    const std::string hex = impl_->db.execAndGet("SELECT cursor_hash FROM state").getString();
    Hash hash{};
    if (const auto bytes = from_hex(hex); bytes && bytes->size() == hash.size())
        std::copy(bytes->begin(), bytes->end(), hash.begin());
    return hash;
}

void Index::begin()
{
    impl_->transaction.emplace(impl_->db, SQLite::TransactionBehavior::IMMEDIATE);
}

void Index::commit(std::uint64_t cursor, const Hash& hash)
{
    for (auto& [number, session] : impl_->by_number)
        impl_->store_runs(session);
    impl_->tallies.store(impl_->db);
    SQLite::Statement update{impl_->db, "UPDATE state SET cursor = ?, cursor_hash = ?"};
    update.bind(1, static_cast<std::int64_t>(cursor));
    update.bind(2, to_hex(hash));
    update.exec();
    impl_->transaction->commit();
    impl_->transaction.reset();
}

bool Index::repeat(const Execution& execution)
{
    const auto session = impl_->by_number.find(execution.session);
    if (session == impl_->by_number.end() || execution.shape == 0)
        return false;
    const auto run = session->second.runs.find(execution.shape);
    if (run == session->second.runs.end() || !goes_on(run->second, execution.at_ns))
        return false;
    impl_->newest_ns = execution.at_ns;
    count(run->second, static_cast<std::int64_t>(execution.sequence), execution.at_ns);
    if (execution.answered)
        answer(run->second, execution.rows, execution.duration_ns, execution.sqlstate);
    else
        expect(session->second, {execution.statement, run->second.first, execution.shape});
    return true;
}

void Index::apply(const RecordView& record)
{
    impl_->newest_ns = record.at_ns;
    switch (record.type) {
    case Type::statement:
        for (const auto rule : record.list("rules"))
            impl_->tallies.count(rule, Tallies::What::matched, record.at_ns);
        impl_->statement(record);
        if (record.find("sqlstate"))
            impl_->outcome(record); // it was known when the statement was written
        return;
    case Type::outcome:
        impl_->outcome(record);
        return;
    case Type::start:
        impl_->end_sessions();
        break;
    case Type::session_start:
        for (const auto rule : record.list("startup_rules"))
            impl_->tallies.count(rule, Tallies::What::matched, record.at_ns);
        impl_->session_start(record);
        break;
    default:
        break;
    }
    Session* session = impl_->session_of(record);
    if (session)
        impl_->close_runs(*session); // so that rows stay in the order of what happened
    impl_->full_row(record, session);
    impl_->challenge_event(record);
    if (record.type != Type::session_end || !session)
        return;
    impl_->end_session.reset();
    impl_->end_session.bind(1, record.at_ns);
    impl_->end_session.bind(2, session->id);
    impl_->end_session.exec();
    if (const auto known = impl_->number_of.find(record.session); known != impl_->number_of.end()) {
        impl_->by_number.erase(known->second);
        impl_->number_of.erase(known);
    }
}

/// Sessions that are still open in a journal that is followed from the middle.
void Index::Impl::load_sessions()
{
    SQLite::Statement open{db, "SELECT id, name, number FROM sessions WHERE ended IS NULL ORDER BY id"};
    while (open.executeStep()) {
        const auto number = static_cast<std::uint64_t>(open.getColumn(2).getInt64());
        by_number[number].id = open.getColumn(0).getInt64();
        number_of[open.getColumn(1).getString()] = number;
    }
}

/// The proxy started: what an earlier one left open ended with it, and its session numbers may come again.
void Index::Impl::end_sessions()
{
    for (auto& [number, session] : by_number)
        close_runs(session);
    by_number.clear();
    number_of.clear();
    db.exec("UPDATE sessions SET ended = started WHERE ended IS NULL");
}

void Index::Impl::session_start(const RecordView& record)
{
    const std::int64_t number = record.number("number");
    insert_session.reset();
    insert_session.bind(1, std::string{record.session});
    insert_session.bind(2, number);
    insert_session.bind(3, std::string{record.user});
    int column = 4;
    for (const char* key : {"listener", "database", "client_address"})
        insert_session.bind(column++, std::string{record.text(key)});
    insert_session.bind(7, record.at_ns);
    insert_session.exec();
    Session& session = by_number[static_cast<std::uint64_t>(number)];
    session = {};
    session.id = db.getLastInsertRowid();
    number_of[std::string{record.session}] = static_cast<std::uint64_t>(number);
}

Session* Index::Impl::session_of(const RecordView& record)
{
    std::uint64_t number = record.session_number;
    if (!record.session.empty()) {
        const auto known = number_of.find(record.session);
        if (known == number_of.end())
            return nullptr;
        number = known->second;
    }
    const auto session = by_number.find(number);
    return session == by_number.end() ? nullptr : &session->second;
}

std::int64_t Index::Impl::text_id(std::string_view text)
{
    const Hash hash = Hasher{}(as_bytes(text));
    find_text.reset();
    find_text.bind(1, hash.data(), static_cast<int>(hash.size()));
    if (find_text.executeStep())
        return find_text.getColumn(0).getInt64();
    insert_text.reset();
    insert_text.bind(1, hash.data(), static_cast<int>(hash.size()));
    insert_text.bind(2, std::string{text});
    insert_text.exec();
    forget(insert_text);
    const std::int64_t id = db.getLastInsertRowid();
    insert_words.reset();
    insert_words.bind(1, id);
    insert_words.bind(2, std::string{text});
    insert_words.exec();
    forget(insert_words);
    return id;
}

/// Allowed executions of one shape go into one run, which shows the text of its first; others are told by their text.
void Index::Impl::statement(const RecordView& record)
{
    Session* session = session_of(record);
    const auto sequence = static_cast<std::int64_t>(record.sequence);
    if (!session || record.text("action") != "allow") {
        if (session) {
            close_runs(*session);
            expect(*session, {record.number("statement"), sequence, 0});
        }
        full_row(record, session);
        return;
    }
    const std::int64_t known = record.number("shape");
    const std::int64_t shape = known != 0 ? known : text_id(record.text("text"));
    auto run = session->runs.find(shape);
    if (run != session->runs.end() && !goes_on(run->second, record.at_ns)) {
        store(*session, run->second);
        session->runs.erase(run);
        run = session->runs.end();
    }
    if (run == session->runs.end()) {
        if (session->runs.size() == runs_per_session)
            close_runs(*session);
        Run fresh;
        fresh.first = sequence;
        fresh.first_ns = record.at_ns;
        fresh.text = known != 0 ? text_id(record.text("text")) : shape;
        fresh.kinds = join(record.list("kinds"));
        fresh.labels = join(record.list("labels"));
        fresh.rules = join(record.list("rules"));
        fresh.tables = join(record.list("tables"));
        run = session->runs.emplace(shape, std::move(fresh)).first;
        tags(sequence, record);
    }
    count(run->second, sequence, record.at_ns);
    expect(*session, {record.number("statement"), run->second.first, shape});
}

void Index::Impl::outcome(const RecordView& record)
{
    Session* session = session_of(record);
    if (!session)
        return;
    const std::int64_t number = record.number("statement");
    const auto asked = std::find_if(session->unanswered.begin(), session->unanswered.end(),
                                    [&](const Unanswered& one) { return one.statement == number; });
    if (asked == session->unanswered.end())
        return;
    const auto [statement, row, shape] = *asked;
    session->unanswered.erase(asked);
    const std::int64_t rows = record.number("rows", -1);
    const std::string_view sqlstate = record.text("sqlstate");
    if (const auto found = session->runs.find(shape); found != session->runs.end() && found->second.first == row) {
        answer(found->second, rows, record.number("duration_ns"), sqlstate);
        return;
    }
    add_outcome.reset();
    add_outcome.bind(1, sqlstate == succeeded ? 0 : 1);
    add_outcome.bind(2, rows);
    add_outcome.bind(3, record.number("duration_ns"));
    add_outcome.bind(4, std::string{sqlstate});
    add_outcome.bind(5, row);
    add_outcome.exec();
}

void Index::Impl::close_runs(Session& session)
{
    store_runs(session);
    session.runs.clear();
}

/// What nothing can be added to any more is forgotten: a session that is idle keeps none.
void Index::Impl::store_runs(Session& session)
{
    for (auto& [shape, run] : session.runs)
        store(session, run);
    std::erase_if(session.runs, [this](const auto& run) { return newest_ns - run.second.first_ns > run_window_ns; });
}

void Index::Impl::store(const Session& session, Run& run)
{
    if (!run.dirty)
        return;
    run.dirty = false;
    SQLite::Statement& statement = run.stored ? update_run : insert_entry;
    statement.reset();
    statement.clearBindings();
    const auto bind_answers = [&](int errors, int rows, int duration, int sqlstate) {
        statement.bind(errors, run.errors);
        if (run.rows_known)
            statement.bind(rows, run.rows);
        if (run.answered)
            statement.bind(duration, run.duration_ns);
        bind_text(statement, sqlstate, run.sqlstate);
    };
    if (run.stored) {
        statement.bind(1, run.last);
        statement.bind(2, run.last_ns);
        statement.bind(3, run.count);
        bind_answers(4, 5, 6, 7);
        statement.bind(8, run.first);
        statement.exec();
        return;
    }
    run.stored = true;
    statement.bind(1, run.first);
    statement.bind(2, run.last);
    statement.bind(3, run.first_ns);
    statement.bind(4, run.last_ns);
    statement.bind(5, "statement");
    statement.bind(6, session.id);
    statement.bind(9, run.text);
    statement.bind(10, "allow");
    bind_text(statement, 11, run.rules);
    bind_text(statement, 12, run.labels);
    bind_text(statement, 13, run.kinds);
    bind_text(statement, 14, run.tables);
    statement.bind(15, run.count);
    bind_answers(16, 17, 18, 19);
    statement.exec();
}

void Index::Impl::full_row(const RecordView& record, Session* session)
{
    if (record.type == Type::checkpoint)
        return;
    const auto sequence = static_cast<std::int64_t>(record.sequence);
    const std::string text = statement_text(record);
    SQLite::Statement& entry = insert_entry;
    // text_id uses other statements only, so the entry may be bound around it.
    entry.reset();
    entry.clearBindings();
    entry.bind(1, sequence);
    entry.bind(2, sequence);
    entry.bind(3, record.at_ns);
    entry.bind(4, record.at_ns);
    entry.bind(5, std::string{to_string(record.type)});
    if (session)
        entry.bind(6, session->id);
    else
        bind_text(entry, 7,
                  record.session_number ? std::to_string(record.session_number) : std::string{record.session});
    bind_text(entry, 8, record.user);
    if (!text.empty())
        entry.bind(9, text_id(text));
    bind_text(entry, 10, record.text("action"));
    int column = 11;
    for (const char* key : {"rules", "labels", "kinds", "tables"})
        bind_text(entry, column++, join(record.list(key)));
    entry.bind(15, 1);
    entry.bind(16, 0);
    if (const auto* rows = record.find("rows"); rows && rows->kind == FieldView::Kind::integer)
        entry.bind(17, rows->number);
    const bool again = record.type == Type::release && record.find("ordinal"); // belongs to the first one's challenge
    bind_text(entry, 20, record.text(again ? "elevation" : "challenge"));
    entry.bind(21, fields_json(record, {"text", "action", "rules", "labels", "kinds", "tables", "challenge", "shape"}));
    entry.exec();
    forget(entry);
    tags(sequence, record);
}

void Index::Impl::tag(std::string_view kind, std::string_view value, std::int64_t sequence)
{
    insert_tag.reset();
    insert_tag.bind(1, std::string{kind} + std::string{value});
    insert_tag.bind(2, sequence);
    insert_tag.exec();
}

void Index::Impl::tags(std::int64_t sequence, const RecordView& record)
{
    for (const auto label : record.list("labels"))
        tag("label:", label, sequence);
    for (const auto rule : record.list("rules"))
        tag("rule:", rule, sequence);
    for (const auto table : record.list("tables")) {
        const std::string name = bare(table);
        tag("table:", name, sequence);
        if (const auto dot = name.rfind('.'); dot != std::string::npos)
            tag("table:", std::string_view{name}.substr(dot + 1), sequence);
    }
}

/// Whose history a challenge belongs to (theirs who asked, and theirs who decided), and what its rules have done.
void Index::Impl::challenge_event(const RecordView& record)
{
    std::optional<Tallies::What> what;
    std::string_view person;
    switch (record.type) {
    case Type::challenge_opened:
        what = Tallies::What::held;
        person = record.user;
        break;
    case Type::proof_accepted:
        person = record.text("proof_user");
        break;
    case Type::challenge_approved:
        what = Tallies::What::approved;
        break;
    case Type::challenge_denied:
        what = Tallies::What::denied;
        person = record.text("by");
        break;
    case Type::challenge_expired:
        what = Tallies::What::expired;
        break;
    default:
        return;
    }
    find_opened.reset();
    find_opened.bind(1, std::string{record.text("challenge")});
    if (!find_opened.executeStep())
        return;
    if (!person.empty())
        tag("person:", person, find_opened.getColumn(0).getInt64());
    if (what)
        for (const auto& rule : split(text_of(find_opened.getColumn(1))))
            tallies.count(rule, *what, record.at_ns);
    find_opened.reset();
}

} // namespace stepgate::proxy::audit
