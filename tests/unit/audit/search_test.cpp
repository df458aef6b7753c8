#include "tests/unit/audit/support.h"

#include "proxy/app/command_audit.h"
#include "proxy/audit/feeder.h"
#include "proxy/audit/files.h"
#include "proxy/audit/search.h"
#include "tests/unit/audit/asked.h"

#include <boost/json.hpp>

#include <sstream>
#include <thread>

namespace stepgate::proxy::audit
{
namespace search_test
{

class SearchTest : public AuditTest
{
  protected:
    Record start_session(std::int64_t number, const std::string& name, const std::string& user)
    {
        return event(Type::session_start,
                     {{"number", number},
                      {"listener", std::string{"shop-pg"}},
                      {"database", std::string{"shop"}},
                      {"client_address", std::string{"10.0.0.7"}}},
                     name, user);
    }
    static StatementEvent statement(std::uint64_t session, std::uint64_t number, std::string_view text,
                                    std::string_view action, std::uint64_t shape)
    {
        StatementEvent made;
        made.at_ns = 1'700'000'000'000'000'000 + static_cast<std::int64_t>(number) * 1'000'000;
        made.session = session;
        made.statement = number;
        made.text = text;
        made.action = action;
        made.kinds = "select";
        made.shape = shape;
        return made;
    }
    static OutcomeEvent outcome(std::uint64_t session, std::uint64_t number, std::int64_t rows,
                                const char* sqlstate = "00000")
    {
        OutcomeEvent made;
        made.session = session;
        made.statement = number;
        made.answer.rows = rows;
        made.answer.duration_ns = 2'000'000;
        std::copy_n(sqlstate, 6, made.answer.sqlstate);
        return made;
    }
    static constexpr int records = 18; // of one make_journal
    /// Ann: 5 selects of one shape (one fails), a held delete that ran; bob: a denied one; a web sign-in.
    void make_journal()
    {
        WriterOptions once = options();
        once.flush_every =
            std::chrono::hours{1}; // all in one round: which answers stand in the statements' records is known
        auto writer = open(std::move(once));
        auto lane = writer->make_lane();
        ASSERT_TRUE(writer->submit(start_session(1, "s-1", "ann")));
        for (std::uint64_t i = 1; i <= 5; ++i) {
            ASSERT_TRUE(lane->statement(statement(1, i, "select ssn from customers where id = 1", "allow", 77)));
            ASSERT_TRUE(lane->outcome(outcome(1, i, i == 3 ? -1 : 2, i == 3 ? "42501" : "00000")));
        }
        auto held = statement(1, 6, "delete from orders -- \x1b[2J", "challenge", 78);
        held.rules = "delete-without-where,other";
        held.labels = "pii";
        held.tables = "public.orders";
        ASSERT_TRUE(lane->statement(held));
        challenges::Question question;
        question.user = "ann";
        question.session = "s-1";
        question.recorded.statements = {"delete from orders"};
        ASSERT_TRUE(writer->submit(Asked{question, "chal-1"}.shown({{"code", std::string{"KX4-7PM"}}})));
        ASSERT_TRUE(lane->outcome(outcome(1, 6, 42)));
        ASSERT_TRUE(lane->statement(statement(1, 7, "select ssn from customers where id = 9", "allow", 77)));
        ASSERT_TRUE(writer->submit(start_session(2, "s-2", "bob")));
        ASSERT_TRUE(lane->statement(statement(2, 1, "=cmd()", "deny", 0)));
        ASSERT_TRUE(writer->submit(event(Type::session_end, {{"number", std::int64_t{2}}}, "s-2", "bob")));
        ASSERT_TRUE(
            writer->submit(event(Type::web_sign_in, {{"client_address", std::string{"10.0.0.9"}}}, "", "carol")));
    }
    std::vector<Row> search(const Query& query)
    {
        auto opened = Search::open(directory_);
        EXPECT_TRUE(opened) << (opened ? "" : opened.error().message);
        auto rows = (*opened)->search(query);
        EXPECT_TRUE(rows) << (rows ? "" : rows.error().message);
        return rows ? *rows : std::vector<Row>{};
    }
    static std::string types(const std::vector<Row>& rows)
    {
        std::string text;
        for (const auto& row : rows)
            text += (text.empty() ? "" : " ") + row.type + (row.count > 1 ? "*" + std::to_string(row.count) : "");
        return text;
    }
};

TEST_F(SearchTest, GroupsWhatIsAllowedAndKeepsTheRestWhole)
{
    make_journal();
    ASSERT_TRUE(reindex(directory_));
    const auto rows = search({});
    EXPECT_EQ(types(rows), "stop web_sign_in session_end statement session_start statement challenge_opened statement "
                           "statement*5 session_start start");
    const Row& run = rows[8];
    EXPECT_EQ(run.user, "ann");
    EXPECT_EQ(run.session, "s-1");
    EXPECT_EQ(run.listener, "shop-pg");
    EXPECT_EQ(run.database, "shop");
    EXPECT_EQ(run.client_address, "10.0.0.7");
    EXPECT_EQ(run.text, "select ssn from customers where id = 1");
    EXPECT_EQ(run.errors, 1);
    EXPECT_EQ(run.rows, 8);
    EXPECT_EQ(run.duration_ns, 10'000'000);
    EXPECT_GT(run.last_sequence, run.sequence);
    const Row& held = rows[7];
    EXPECT_EQ(held.action, "challenge");
    EXPECT_EQ(held.rules, (std::vector<std::string>{"delete-without-where", "other"}));
    EXPECT_EQ(held.rows, 42);
    EXPECT_EQ(held.sqlstate, "00000");
    EXPECT_EQ(rows[6].challenge, "chal-1");
    EXPECT_NE(rows[6].details.find("KX4-7PM"), std::string::npos);
}

/// "Who read of this table, who approved it, and did it run?"
TEST_F(SearchTest, WhatFollowsAChallengeIsFoundByWhatItIsAbout)
{
    {
        auto writer = open(options());
        ASSERT_TRUE(writer->submit(start_session(1, "s-1", "ann")));
        for (const std::string table : {"customers", "orders"}) {
            challenges::Question question;
            question.user = "ann";
            question.session = "s-1";
            question.recorded.statements = {"select ssn from " + table};
            const std::string id = "chal-" + table;
            ASSERT_TRUE(writer->submit(
                Asked{question, id}.shown({{"labels", std::vector<std::string>{"about-" + table}},
                                           {"rules", std::vector<std::string>{"read-" + table}},
                                           {"tables", std::vector<std::string>{"public." + table + " (ssn)"}}})));
            for (const auto type : {Type::proof_accepted, Type::challenge_approved, Type::release})
                ASSERT_TRUE(
                    writer->submit(event(type, {{"challenge", id}, {"proof_user", std::string{"bob"}}}, "s-1", "ann")));
        }
    }
    ASSERT_TRUE(reindex(directory_));
    const auto found = [this](auto set) {
        Query query;
        set(query);
        std::string text;
        for (const auto& row : search(query))
            text += (text.empty() ? "" : " ") + row.type + ":" + row.challenge;
        return text;
    };
    EXPECT_EQ(found([](Query& q) { q.type = "release", q.table = "customers"; }), "release:chal-customers");
    EXPECT_EQ(found([](Query& q) { q.type = "release", q.table = "public.orders"; }), "release:chal-orders");
    EXPECT_EQ(found([](Query& q) { q.type = "challenge_approved", q.label = "about-orders"; }),
              "challenge_approved:chal-orders");
    EXPECT_EQ(found([](Query& q) { q.type = "proof_accepted", q.rule = "read-customers"; }),
              "proof_accepted:chal-customers");
    EXPECT_EQ(found([](Query& q) { q.type = "release", q.text = "ssn ord"; }), "release:chal-orders");
    EXPECT_EQ(found([](Query& q) { q.type = "release", q.table = "payments"; }), "");
    EXPECT_EQ(found([](Query& q) { q.label = "about-orders"; }), "challenge_opened:chal-orders")
        << "no type, no others";
    EXPECT_EQ(found([](Query& q) { q.user = "bob"; }), "proof_accepted:chal-orders proof_accepted:chal-customers");
}

/// What an application does in a loop: one row a shape, not one a statement.
TEST_F(SearchTest, ShapesThatTakeTurnsShareTheirRows)
{
    constexpr std::uint64_t shapes = 40, turns = 5;
    {
        auto writer = open(options());
        auto lane = writer->make_lane();
        ASSERT_TRUE(writer->submit(start_session(1, "s-1", "ann")));
        for (std::uint64_t i = 0; i < shapes * turns; ++i) {
            const std::string text = "select " + std::to_string(i % shapes);
            ASSERT_TRUE(lane->statement(statement(1, i + 1, text, "allow", 100 + i % shapes)));
            ASSERT_TRUE(lane->outcome(outcome(1, i + 1, 2)));
        }
    }
    ASSERT_TRUE(reindex(directory_));
    Query statements;
    statements.type = "statement";
    statements.limit = 500;
    const auto rows = search(statements);
    EXPECT_EQ(rows.size(), shapes);
    for (const auto& row : rows) {
        EXPECT_EQ(row.count, turns);
        EXPECT_EQ(row.rows, 2 * turns);
    }
}

TEST_F(SearchTest, Filters)
{
    make_journal();
    ASSERT_TRUE(reindex(directory_));
    struct Case {
        const char* name;
        Query query;
        const char* types;
    };
    const auto query = [](auto set) {
        Query made;
        set(made);
        return made;
    };
    const Case cases[] = {
        {"user", query([](Query& q) { q.user = "bob"; }), "session_end statement session_start"},
        {"web user", query([](Query& q) { q.user = "carol"; }), "web_sign_in"},
        {"session", query([](Query& q) { q.session = "s-2"; }), "session_end statement session_start"},
        {"type", query([](Query& q) { q.type = "challenge_opened"; }), "challenge_opened"},
        {"action", query([](Query& q) { q.action = "deny"; }), "statement"},
        {"label", query([](Query& q) { q.label = "pii"; }), "statement"},
        {"rule", query([](Query& q) { q.rule = "other"; }), "statement"},
        {"table recorded", query([](Query& q) { q.table = "public.orders"; }), "statement"},
        {"table named in a text", query([](Query& q) { q.table = "customers"; }), "statement statement*5"},
        {"bare table", query([](Query& q) { q.table = "orders"; }), "challenge_opened statement"},
        {"words", query([](Query& q) { q.text = "ssn cust"; }), "statement statement*5"},
        {"no such words", query([](Query& q) { q.text = "ssn orders"; }), ""},
        {"words are not syntax", query([](Query& q) { q.text = "\" OR * NEAR( -x:"; }), ""},
        {"challenge", query([](Query& q) { q.challenge = "chal-1"; }), "challenge_opened"},
        {"its code, as it was read out", query([](Query& q) { q.challenge = "kx4-7pm"; }), "challenge_opened"},
        {"another code", query([](Query& q) { q.challenge = "KX4-7PN"; }), ""},
        {"limit", query([](Query& q) { q.limit = 2; }), "stop web_sign_in"},
        {"both", query([](Query& q) { q.user = "ann", q.action = "challenge"; }), "statement"},
        {"from", query([](Query& q) { q.from = TimePoint{std::chrono::seconds{1'750'000'000}}; }), "stop start"},
        {"to", query([](Query& q) { q.to = TimePoint{std::chrono::seconds{1'600'000'000}}; }), ""},
        {"not syntax either", query([](Query& q) { q.user = "' OR 1=1 --"; }), ""},
    };
    for (const auto& test : cases)
        EXPECT_EQ(types(search(test.query)), test.types) << test.name;
    // Paging meets every row once.
    std::vector<std::int64_t> seen;
    Query page;
    page.limit = 3;
    for (auto rows = search(page); !rows.empty(); rows = search(page)) {
        for (const auto& row : rows)
            seen.push_back(row.sequence);
        page.before = rows.back().sequence;
    }
    EXPECT_EQ(seen.size(), 11U);
    EXPECT_TRUE(std::is_sorted(seen.rbegin(), seen.rend()));
}

TEST_F(SearchTest, OneRecordInFull)
{
    make_journal();
    ASSERT_TRUE(reindex(directory_));
    auto opened = *Search::open(directory_);
    Query held;
    held.action = "challenge";
    const auto sequence = search(held)[0].sequence;
    const auto text = opened->record(sequence);
    ASSERT_TRUE(text);
    const auto record = boost::json::parse(*text).as_object();
    EXPECT_EQ(record.at("user").as_string(), "ann");
    EXPECT_EQ(record.at("rows").as_int64(), 42);
    EXPECT_EQ(record.at("hash").as_string().size(), 64U);
    EXPECT_EQ(record.at("previous_hash").as_string().size(), 64U);
    EXPECT_EQ(record.at("details").as_object().at("statement").as_int64(), 6);
    // One of a group: the index has a row for the group only, the journal has the record.
    const auto inner = boost::json::parse(*opened->record(6)).as_object();
    EXPECT_EQ(inner.at("text").as_string(), "select ssn from customers where id = 1");
    for (const std::int64_t absent : {0, -1, 1000})
        EXPECT_EQ(opened->record(absent).error().code, errc::not_found);
    const auto status = boost::json::parse(opened->status()).as_object();
    EXPECT_EQ(status.at("indexed").as_int64(), records);
    EXPECT_TRUE(status.at("checkpoint").as_object().at("signature_good").as_bool());
}

TEST_F(SearchTest, TheFeederFollowsAndGoesOnWhereItWas)
{
    FeederOptions feeding{directory_, std::chrono::milliseconds{1},
                          [](const std::string& line) { ADD_FAILURE() << line; }};
    std::uint64_t last = 0;
    for (int run = 0; run < 3; ++run) {
        make_journal();
        auto feeder = Feeder::start(feeding);
        ASSERT_TRUE(feeder) << feeder.error().message;
        last += records;
        while ((*feeder)->indexed() < last)
            std::this_thread::yield();
        EXPECT_EQ((*feeder)->indexed(), last);
    }
    EXPECT_EQ(search({}).size(), 33U);
    // Fed in parts or at once: the same rows.
    const auto fed = search({});
    ASSERT_TRUE(reindex(directory_));
    const auto rebuilt = search({});
    ASSERT_EQ(fed.size(), rebuilt.size());
    for (std::size_t i = 0; i < fed.size(); ++i)
        EXPECT_EQ(to_json(fed[i]), to_json(rebuilt[i]));
}

TEST_F(SearchTest, AnIndexOfAnotherJournalIsMadeAnew)
{
    make_journal();
    ASSERT_TRUE(reindex(directory_));
    std::filesystem::rename(directory_ / "index.db", root_ / "index.db");
    std::filesystem::remove_all(directory_);
    { // another journal, longer than the index
        auto writer = open(options());
        for (int i = 0; i < 40; ++i)
            ASSERT_TRUE(writer->submit(event(Type::audit_read, {}, "", "dora")));
    }
    std::filesystem::rename(root_ / "index.db", directory_ / "index.db");
    *Feeder::start({directory_, std::chrono::milliseconds{1}, {}});
    EXPECT_EQ(search({}).size(), 42U);
    spill(directory_ / "index.db", "damaged beyond recognition");
    *Feeder::start({directory_, std::chrono::milliseconds{1}, {}});
    EXPECT_EQ(search({}).size(), 42U);
}

TEST_F(SearchTest, Commands)
{
    make_journal();
    std::ostringstream out, err;
    const auto reset = [&] {
        out.str("");
        err.str("");
    };
    app::AuditFilter filter;
    EXPECT_EQ(app::run_audit_search(directory_, filter, false, out, err), 2);
    EXPECT_NE(err.str().find("stepgate audit reindex"), std::string::npos);
    reset();
    EXPECT_EQ(app::run_audit_reindex(directory_, out, err), 0);
    EXPECT_EQ(out.str(), "indexed " + std::to_string(records) + " records\n");
    reset();
    filter.action = "challenge";
    EXPECT_EQ(app::run_audit_search(directory_, filter, false, out, err), 0);
    EXPECT_NE(out.str().find("statement action=challenge user=ann session=s-1"), std::string::npos);
    EXPECT_NE(out.str().find("delete from orders -- \\x1b[2J\n"), std::string::npos);
    reset();
    filter = {};
    filter.limit = 0;
    EXPECT_EQ(app::run_audit_export(directory_, filter, "csv", out, err), 0);
    EXPECT_NE(out.str().find(",'=cmd(),"), std::string::npos);
    EXPECT_EQ(out.str().substr(0, 9), "sequence,");
    reset();
    EXPECT_EQ(app::run_audit_export(directory_, filter, "jsonl", out, err), 0);
    std::istringstream lines{out.str()};
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count)
        EXPECT_TRUE(boost::json::parse(line).is_object());
    EXPECT_EQ(count, 11);
    reset();
    EXPECT_EQ(app::run_audit_export(directory_, filter, "xml", out, err), 2);
    filter.from = "yesterday";
    EXPECT_EQ(app::run_audit_search(directory_, filter, false, out, err), 2);
    reset();
    EXPECT_EQ(app::run_audit_tail(
                  directory_, 3, false, [] { return true; }, out, err),
              0);
    const std::string tail = out.str();
    EXPECT_EQ(std::count(tail.begin(), tail.end(), '\n'), 3);
    EXPECT_NE(out.str().find(" stop "), std::string::npos);
    reset();
    EXPECT_EQ(app::run_audit_verify(directory_, {}, out, err), 0) << out.str();
    EXPECT_NE(out.str().find("the journal is intact"), std::string::npos);
    std::filesystem::remove(directory_ / "head.json");
    reset();
    EXPECT_EQ(app::run_audit_verify(directory_, {}, out, err), 1);
    EXPECT_EQ(app::run_audit_verify(root_ / "nowhere", {}, out, err), 2);
}

} // namespace search_test
} // namespace stepgate::proxy::audit
