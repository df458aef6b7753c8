#include "proxy/audit/search.h"

#include "proxy/audit/head.h"
#include "proxy/audit/index.h"
#include "proxy/audit/index_values.h"
#include "proxy/audit/reader.h"
#include "proxy/audit/text.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <boost/json.hpp>

#include <algorithm>
#include <mutex>

namespace stepgate::proxy::audit
{

namespace
{

constexpr int busy_ms = 5000;
constexpr int most_rows = 500;

/// Words of a person as an FTS5 query: each must occur, as the beginning of a word. Quoted, so nothing in them is
/// syntax.
std::string match_expression(const std::string& text, bool prefix)
{
    std::string expression;
    std::string word;
    const auto flush = [&] {
        if (!word.empty())
            expression += (expression.empty() ? "\"" : " \"") + word + (prefix ? "\"*" : "\"");
        word.clear();
    };
    for (const char c : text) {
        const bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\0';
        if (space)
            flush();
        else
            word += c == '"' ? std::string{"\"\""} : std::string(1, c);
    }
    flush();
    return expression;
}

/// A WHERE clause and its values, grown condition by condition.
class Conditions
{
  public:
    void add(const std::string& condition, std::string value)
    {
        where_ += where_.empty() ? " WHERE " : " AND ";
        values_.emplace_back(std::move(value));
        where_ += replace(condition, "?" + std::to_string(values_.size()));
    }
    void add(const std::string& condition, std::int64_t value)
    {
        where_ += where_.empty() ? " WHERE " : " AND ";
        values_.emplace_back(value);
        where_ += replace(condition, "?" + std::to_string(values_.size()));
    }
    [[nodiscard]] const std::string& where() const { return where_; }
    void bind(SQLite::Statement& statement) const
    {
        for (std::size_t i = 0; i < values_.size(); ++i)
            std::visit([&](const auto& value) { statement.bind(static_cast<int>(i) + 1, value); }, values_[i]);
    }

  private:
    static std::string replace(std::string condition, const std::string& with)
    {
        for (std::size_t at = 0; (at = condition.find('$', at)) != std::string::npos; at += with.size())
            condition.replace(at, 1, with);
        return condition;
    }

    std::string where_;
    std::vector<std::variant<std::int64_t, std::string>> values_;
};

/// What a record is about stands in it where the statement does. Who asks for those that follow, by their type (a
/// release, a proof), means the ones of challenges about it.
std::string also_of_its_challenge(const Query& query, const std::string& condition)
{
    if (query.type.empty() || query.type == "statement" || query.type == "challenge_opened")
        return condition;
    std::string opened = condition;
    for (std::size_t at = 0; (at = opened.find("e.", at)) != std::string::npos;)
        opened.replace(at, 2, "o.");
    return "(" + condition +
           " OR e.challenge IN (SELECT o.challenge FROM entries o WHERE o.type = 'challenge_opened' AND " + opened +
           "))";
}

Conditions conditions_of(const Query& query)
{
    Conditions conditions;
    const auto text = [&](const char* condition, const std::string& value) {
        if (!value.empty())
            conditions.add(condition, value);
    };
    // Whose doing it was, or who answered: what others asked.
    text("(e.user = $ OR e.session_id IN (SELECT id FROM sessions WHERE user = $) OR (e.type IN ('proof_accepted', "
         "'proof_rejected', 'challenge_denied') AND $ IN (e.details ->> 'proof_user', e.details ->> 'by')))",
         query.user);
    text("(e.session = $ OR e.session_id IN (SELECT id FROM sessions WHERE name = $))", query.session);
    text("e.type = $", query.type);
    text("e.action IN ($, 'observe:' || $)", query.action); // what would have been held is what people look for
    text("(e.challenge = $ OR e.challenge IN (SELECT challenge FROM entries WHERE type = 'challenge_opened' AND "
         "details ->> 'code' = upper($)))",
         query.challenge);
    const auto about = [&query](const std::string& condition) { return also_of_its_challenge(query, condition); };
    const std::string tagged = about("e.sequence IN (SELECT sequence FROM tags WHERE tag = $)");
    if (!query.label.empty())
        conditions.add(tagged, "label:" + query.label);
    if (!query.rule.empty())
        conditions.add(tagged, "rule:" + query.rule);
    const std::string matching = about("e.text IN (SELECT rowid FROM words WHERE words MATCH $)");
    if (!query.table.empty()) {
        // Either recorded as touched, or named by the text.
        conditions.add(
            about("(e.sequence IN (SELECT sequence FROM tags WHERE tag = 'table:' || $) OR "
                  "e.text IN (SELECT rowid FROM words WHERE words MATCH '\"' || replace($, '\"', '\"\"') || '\"'))"),
            query.table);
    }
    if (const std::string words = match_expression(query.text, true); !words.empty())
        conditions.add(matching, words);
    if (query.from)
        conditions.add("e.last_time >= $", to_ns(*query.from));
    if (query.to)
        conditions.add("e.time < $", to_ns(*query.to));
    if (query.before)
        conditions.add("e.sequence < $", *query.before);
    return conditions;
}

Row read_row(SQLite::Statement& row)
{
    Row r;
    r.sequence = row.getColumn(0).getInt64();
    r.last_sequence = row.getColumn(1).getInt64();
    r.at = from_ns(row.getColumn(2).getInt64());
    r.last_at = from_ns(row.getColumn(3).getInt64());
    r.type = text_of(row.getColumn(4));
    r.session = text_of(row.getColumn(5));
    r.user = text_of(row.getColumn(6));
    r.listener = text_of(row.getColumn(7));
    r.database = text_of(row.getColumn(8));
    r.client_address = text_of(row.getColumn(9));
    r.text = text_of(row.getColumn(10));
    r.action = text_of(row.getColumn(11));
    r.rules = split(text_of(row.getColumn(12)));
    r.labels = split(text_of(row.getColumn(13)));
    r.kinds = split(text_of(row.getColumn(14)));
    r.tables = split(text_of(row.getColumn(15)));
    r.count = row.getColumn(16).getInt64();
    r.errors = row.getColumn(17).getInt64();
    if (!row.getColumn(18).isNull())
        r.rows = row.getColumn(18).getInt64();
    if (!row.getColumn(19).isNull())
        r.duration_ns = row.getColumn(19).getInt64();
    r.sqlstate = text_of(row.getColumn(20));
    r.challenge = text_of(row.getColumn(21));
    r.details = text_of(row.getColumn(22));
    return r;
}

constexpr const char* select =
    "SELECT e.sequence, e.last_sequence, e.time, e.last_time, e.type, coalesce(s.name, e.session), "
    "coalesce(e.user, s.user), s.listener, s.database, s.client_address, h.text, e.action, e.rules, e.labels, "
    "e.kinds, e.tables, e.count, e.errors, e.rows, e.duration_ns, e.sqlstate, e.challenge, e.details "
    "FROM entries e LEFT JOIN sessions s ON s.id = e.session_id LEFT JOIN texts h ON h.id = e.text";

Problem unreadable(const SQLite::Exception& error)
{
    return {errc::index_unavailable, std::string{"the audit index cannot be read: "} + error.what()};
}

} // namespace

struct Search::Impl {
    explicit Impl(const std::filesystem::path& given)
        : directory(given), db((given / "index.db").string(), SQLite::OPEN_READONLY, busy_ms)
    {
        if (db.execAndGet("PRAGMA user_version").getInt() != Index::version)
            throw SQLite::Exception("it is of another version");
    }

    std::optional<Row> row(std::int64_t sequence)
    {
        one.reset();
        one.bind(1, sequence);
        auto found = one.executeStep() ? std::optional{read_row(one)} : std::nullopt;
        one.reset(); // what is being read keeps the log of changes from being cut
        return found;
    }

    std::filesystem::path directory;
    std::mutex mutex;
    SQLite::Database db;
    SQLite::Statement one{db, std::string{select} + " WHERE e.sequence = ?"};
};

boost::system::result<std::unique_ptr<Search>, Problem> Search::open(const std::filesystem::path& directory)
{
    try {
        return std::unique_ptr<Search>{new Search{std::make_unique<Impl>(directory)}};
    } catch (const SQLite::Exception& error) {
        return Problem{errc::index_unavailable, "cannot open the audit index " + (directory / "index.db").string() +
                                                    ": " + error.what() +
                                                    "; `stepgate audit reindex` makes it from the journal"};
    }
}

Search::Search(std::unique_ptr<Impl> impl) : impl_(std::move(impl))
{
}
Search::~Search() = default;

boost::system::result<std::vector<Row>, Problem> Search::search(const Query& query)
{
    const std::lock_guard lock{impl_->mutex};
    try {
        const Conditions conditions = conditions_of(query);
        const int limit = std::clamp(query.limit, 1, most_rows);
        SQLite::Statement statement{impl_->db, select + conditions.where() + " ORDER BY e.sequence DESC LIMIT " +
                                                   std::to_string(limit)};
        conditions.bind(statement);
        std::vector<Row> rows;
        while (statement.executeStep())
            rows.push_back(read_row(statement));
        return rows;
    } catch (const SQLite::Exception& error) {
        return unreadable(error);
    }
}

boost::system::result<std::vector<std::int64_t>, Problem> Search::find(const Query& query)
{
    const std::lock_guard lock{impl_->mutex};
    try {
        const Conditions conditions = conditions_of(query);
        SQLite::Statement statement{impl_->db, "SELECT e.sequence FROM entries e" + conditions.where() +
                                                   " ORDER BY e.sequence DESC LIMIT " + std::to_string(query.limit)};
        conditions.bind(statement);
        std::vector<std::int64_t> found;
        while (statement.executeStep())
            found.push_back(statement.getColumn(0).getInt64());
        return found;
    } catch (const SQLite::Exception& error) {
        return unreadable(error);
    }
}

boost::system::result<std::optional<Row>, Problem> Search::row(std::int64_t sequence)
{
    const std::lock_guard lock{impl_->mutex};
    try {
        return impl_->row(sequence);
    } catch (const SQLite::Exception& error) {
        return unreadable(error);
    }
}

boost::system::result<std::string, Problem> Search::record(std::int64_t sequence)
{
    const Problem absent{errc::not_found, "there is no audit record " + std::to_string(sequence)};
    if (sequence <= 0)
        return absent;
    JournalReader reader{impl_->directory, static_cast<std::uint64_t>(sequence)};
    RecordView record;
    std::span<const std::byte> bytes;
    const auto status = reader.next(record, bytes);
    if (status == JournalReader::Status::failed)
        return reader.problem();
    if (status == JournalReader::Status::end || record.sequence != static_cast<std::uint64_t>(sequence))
        return absent;
    Row row;
    {
        // The index adds what the record itself does not repeat: whose session, and the outcome.
        const std::lock_guard lock{impl_->mutex};
        try {
            row = impl_->row(sequence).value_or(Row{});
        } catch (const SQLite::Exception& error) {
            return unreadable(error);
        }
    }
    row.sequence = sequence;
    row.last_sequence = std::max(row.last_sequence, sequence);
    row.at = from_ns(record.at_ns);
    row.last_at = std::max(row.last_at, row.at);
    row.type = to_string(record.type);
    if (row.session.empty())
        row.session = record.session;
    if (row.user.empty())
        row.user = record.user;
    if (record.find("text"))
        row.text = record.text("text");
    if (row.action.empty())
        row.action = record.text("action");
    boost::system::error_code ignored;
    auto object = boost::json::parse(to_json(row), ignored).as_object();
    object["details"] = boost::json::parse(fields_json(record), ignored);
    object["hash"] = to_hex(Hasher{}(bytes));
    object["previous_hash"] = to_hex(record.previous);
    return boost::json::serialize(object);
}

std::string Search::status()
{
    boost::json::object status;
    try {
        const std::lock_guard lock{impl_->mutex};
        status["indexed"] = impl_->db.execAndGet("SELECT cursor FROM state").getInt64();
    } catch (const SQLite::Exception&) {
        status["indexed"] = nullptr;
    }
    const auto segments = list_segments(impl_->directory);
    status["segments"] = segments ? segments->size() : 0;
    status["checkpoint"] = nullptr;
    const auto key = PublicKey::load(impl_->directory / "audit.pub");
    if (!key)
        return boost::json::serialize(status);
    const auto head = load_head(impl_->directory, *key);
    if (head && *head)
        status["checkpoint"] = {{"sequence", (*head)->head.sequence},
                                {"time", rfc3339(from_ns((*head)->head.at_ns))},
                                {"key", (*head)->head.key},
                                {"signature_good", (*head)->signature_good}};
    return boost::json::serialize(status);
}

} // namespace stepgate::proxy::audit
