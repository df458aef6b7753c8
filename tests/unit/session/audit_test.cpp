#include "relay.h"

#include "proxy/audit/files.h"
#include "proxy/audit/reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

namespace stepgate::test
{
namespace audit_test
{

using proxy::audit::Type;

/// A disk that is full, or takes its time, from the moment somebody says so.
class FullDisk final : public proxy::audit::Files
{
    using Result = boost::system::result<std::unique_ptr<proxy::audit::OutFile>>;

    class File final : public proxy::audit::OutFile
    {
      public:
        File(const FullDisk& disk, std::unique_ptr<proxy::audit::OutFile> file) : disk_{disk}, file_{std::move(file)} {}
        boost::system::error_code write(std::span<const std::byte> bytes, std::size_t& written) override
        {
            disk_.slow.wait(true);
            written = 0;
            return disk_.full ? no_space() : file_->write(bytes, written);
        }
        boost::system::error_code sync() override { return disk_.full ? no_space() : file_->sync(); }
        boost::system::error_code still_at(const std::filesystem::path& path) const override
        {
            return file_->still_at(path);
        }

      private:
        const FullDisk& disk_;
        std::unique_ptr<proxy::audit::OutFile> file_;
    };

  public:
    static boost::system::error_code no_space()
    {
        return boost::system::errc::make_error_code(boost::system::errc::no_space_on_device);
    }
    Result wrap(Result file)
    {
        if (!file)
            return file;
        return std::unique_ptr<proxy::audit::OutFile>{std::make_unique<File>(*this, std::move(*file))};
    }
    Result create(const std::filesystem::path& path) override { return wrap(real_->create(path)); }
    Result append_to(const std::filesystem::path& path) override { return wrap(real_->append_to(path)); }
    boost::system::error_code truncate(const std::filesystem::path& path, std::uint64_t size) override
    {
        return real_->truncate(path, size);
    }
    boost::system::error_code rename(const std::filesystem::path& from, const std::filesystem::path& to) override
    {
        return real_->rename(from, to);
    }
    boost::system::error_code remove(const std::filesystem::path& path) override { return real_->remove(path); }
    boost::system::error_code sync_directory(const std::filesystem::path& directory) override
    {
        return real_->sync_directory(directory);
    }

    std::atomic<bool> full{false}, slow{false};

  private:
    std::shared_ptr<proxy::audit::Files> real_ = proxy::audit::posix_files();
};

struct Read {
    Type type{};
    std::string action, text, sqlstate;
    std::int64_t rows = 0;
    bool redacted = false;
    std::chrono::system_clock::time_point at{};
};

std::vector<Read> journal(const Relay& relay)
{
    std::vector<Read> all;
    proxy::audit::JournalReader reader{relay.directory / "journal", 1};
    proxy::audit::RecordView record;
    std::span<const std::byte> bytes;
    while (reader.next(record, bytes) == proxy::audit::JournalReader::Status::record) {
        if (record.type == Type::start || record.type == Type::stop || record.type == Type::checkpoint)
            continue;
        all.push_back({record.type, std::string{record.text("action")}, std::string{record.text("text")},
                       std::string{record.text("sqlstate")}, record.number("rows", -1),
                       record.find("redacted") != nullptr, proxy::audit::from_ns(record.at_ns)});
    }
    return all;
}

std::vector<Type> types(const std::vector<Read>& all)
{
    std::vector<Type> out;
    for (const auto& one : all)
        out.push_back(one.type);
    return out;
}

TEST(Journal, AHeldStatementsWholeStory)
{
    Relay relay;
    {
        auto session = relay.session();
        session.client.send(query("delete from orders"));
        EXPECT_EQ(session.client.receive().type, 'N');
        relay.approve();
        EXPECT_EQ(session.client.receive().type, 'N');
        EXPECT_EQ(session.server.receive().type, 'Q');
        session.server.send({complete("DELETE 3"), ready()});
        EXPECT_EQ(session.client.receive_types(2), "CZ");
        session.client.send(raw('X'));
        EXPECT_TRUE(session.client.closed());
    }
    relay.stop();
    const auto all = journal(relay);
    ASSERT_EQ(types(all), (std::vector<Type>{Type::session_start, Type::statement, Type::release, Type::outcome,
                                             Type::session_end}));
    EXPECT_EQ(all[1].action, "challenge");
    EXPECT_EQ(all[1].text, "delete from orders");
    EXPECT_EQ(all[3].rows, 3);
    EXPECT_EQ(all[3].sqlstate, "00000");
}

TEST(Journal, OutcomesOfSimpleAndExtendedStatements)
{
    Relay relay;
    auto session = relay.session();
    session.client.send(query("select 1; select 2"));
    EXPECT_EQ(session.server.receive().type, 'Q');
    session.server.send({complete("SELECT 1"), complete("SELECT 2"), ready()});
    EXPECT_EQ(session.client.receive_types(3), "CCZ");
    session.client.send({parse("", "select 3"), bind("", ""), execute(), sync()});
    EXPECT_EQ(session.server.receive_types(4), "PBES");
    session.server.send({raw('1'), raw('2'), error("22012"), ready()});
    EXPECT_EQ(session.client.receive_types(4), "12EZ");
    session.client.close();
    EXPECT_TRUE(session.server.closed());
    relay.stop();
    // An answer stands in the statement's record or in one of its own, as the writer came by before it or after.
    std::vector<Read> answers;
    for (const auto& one : journal(relay))
        if (!one.sqlstate.empty())
            answers.push_back(one);
    ASSERT_EQ(answers.size(), 2U);
    EXPECT_EQ(answers[0].rows, 3);
    EXPECT_EQ(answers[1].sqlstate, "22012");
}

TEST(Journal, LiteralsOfLabelledTablesAreNotInIt)
{
    Relay::Setup setup;
    setup.policy = R"(
[[label]]
table = "public.customers"
columns = {ssn = ["pii"]}
[[rule]]
id = "no-pii"
when = {reads = {labels = ["pii"]}}
then = "deny"
)";
    Relay relay{std::move(setup)};
    auto session = relay.session();
    session.client.send(query("select name from customers where ssn = '123-45-6789'"));
    EXPECT_EQ(session.client.receive().code(), "42501");
    EXPECT_EQ(session.client.receive().type, 'Z');
    session.client.close();
    EXPECT_TRUE(session.server.closed());
    relay.stop();
    const auto all = journal(relay);
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all[1].action, "deny");
    EXPECT_TRUE(all[1].redacted);
    EXPECT_EQ(all[1].text.find("123-45"), std::string::npos);
    EXPECT_NE(all[1].text.find("select name from customers where ssn ="), std::string::npos);
}

TEST(Journal, ObservedStatementsRunAndAreMarked)
{
    Relay::Setup setup;
    setup.listener.mode = proxy::session::Mode::observe;
    Relay relay{std::move(setup)};
    auto session = relay.session();
    session.client.send({query("delete from orders"), query("truncate orders"), query("comment on table t is 'x'")});
    EXPECT_EQ(session.server.receive_types(3), "QQQ");
    session.server.send(
        {complete("DELETE 3"), ready(), complete("TRUNCATE TABLE"), ready(), complete("COMMENT"), ready()});
    EXPECT_EQ(session.client.receive_types(6), "CZCZCZ"); // and no notice
    session.client.close();
    EXPECT_TRUE(session.server.closed());
    relay.stop();
    std::vector<std::string> actions;
    for (const auto& one : journal(relay))
        if (one.type == Type::statement)
            actions.push_back(one.action);
    EXPECT_EQ(actions, (std::vector<std::string>{"observe:challenge", "observe:deny", "notify"}));
}

TEST(Journal, ThatCannotBeWrittenRefusesEveryStatement)
{
    auto disk = std::make_shared<FullDisk>();
    Relay::Setup setup;
    setup.files = disk;
    Relay relay{std::move(setup)};
    auto session = relay.session();
    disk->full = true;
    // The first may still be taken by the queue; once the writer has seen the disk, nothing passes.
    while (relay.writer->healthy())
        (void)relay.writer->submit({Type::web_sign_in, std::chrono::system_clock::now(), "", "", {}});
    session.client.send(query("select 1"));
    const auto refused = session.client.receive();
    EXPECT_EQ(refused.code(), "58030");
    EXPECT_NE(refused.text().find("the audit journal cannot be written"), std::string::npos);
    EXPECT_EQ(session.client.receive().type, 'Z');
    EXPECT_TRUE(session.server.nothing());
    EXPECT_GE(relay.proxy->metrics().statements_refused_audit, 1U);

    // A new session is refused too.
    auto client = relay.connect();
    relay.log_in(client, "bob", "correct horse");
    EXPECT_EQ(client.receive().type, 'R');
    auto server = relay.accept();
    relay.greet(server);
    EXPECT_EQ(client.receive().code(), "58030");
    disk->full = false;
}

TEST(Journal, AReleaseThatCannotBeWrittenReleasesNothing)
{
    auto disk = std::make_shared<FullDisk>();
    Relay::Setup setup;
    setup.files = disk;
    Relay relay{std::move(setup)};
    auto session = relay.session();
    session.client.send(query("delete from orders"));
    EXPECT_EQ(session.client.receive().type, 'N');
    disk->full = true;
    relay.approve();
    EXPECT_EQ(session.client.receive().code(), "58030");
    EXPECT_EQ(session.client.receive().type, 'Z');
    EXPECT_TRUE(session.server.nothing());
    disk->full = false;
}

// `stepgate audit verify` compares it with the times of its challenge and of what runs under its elevation.
TEST(Journal, AReleaseIsDatedByTheClockOfItsChallenge)
{
    const auto ahead = std::chrono::system_clock::now() + std::chrono::hours{1};
    Relay relay;
    relay.challenges.tick(ahead); // then the clock was set back
    {
        auto session = relay.session();
        session.client.send(query("delete from orders"));
        EXPECT_EQ(session.client.receive().type, 'N');
        relay.approve();
        EXPECT_EQ(session.client.receive().type, 'N');
        EXPECT_EQ(session.server.receive().type, 'Q');
    }
    relay.stop();
    const auto all = journal(relay);
    const auto release = std::ranges::find(all, Type::release, &Read::type);
    ASSERT_NE(release, all.end());
    EXPECT_GE(release->at, ahead);
}

// `stepgate audit verify` counts the executions: the next one would not be the one that it says it is.
TEST(Journal, AnElevationEndsWithAReleaseThatCannotBeWritten)
{
    auto disk = std::make_shared<FullDisk>();
    Relay::Setup setup;
    setup.policy = R"(
[[rule]]
id = "again"
when = {statement = ["delete"]}
then = {challenge = {level = 1, elevation = {for = "10m", scope = "statement", count = 5}}}
)";
    setup.files = disk;
    setup.submit_bytes = 4096;
    Relay relay{std::move(setup)};
    auto session = relay.session();
    session.client.send(query("delete from orders where id = 1"));
    EXPECT_EQ(session.client.receive().type, 'N');
    relay.approve();
    EXPECT_EQ(session.client.receive().type, 'N');
    EXPECT_EQ(session.server.receive().type, 'Q');
    session.server.send({complete("DELETE 1"), ready()});
    EXPECT_EQ(session.client.receive_types(2), "CZ");

    disk->slow = true;
    const auto other = [&] {
        return relay.writer->submit({Type::web_sign_in, std::chrono::system_clock::now(), "", "", {}});
    };
    for (int refused = 0; refused < 20;) { // until the writer has taken what it can
        refused = other() ? 0 : refused + 1;
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    session.client.send(query("delete from orders where id = 1"));
    EXPECT_EQ(session.client.receive().code(), "58030");
    EXPECT_EQ(session.client.receive().type, 'Z');
    disk->slow = false;
    disk->slow.notify_all();
    while (!other())
        std::this_thread::yield();

    session.client.send(query("delete from orders where id = 1"));
    EXPECT_EQ(session.client.receive().type, 'N') << "asked again";
    EXPECT_EQ(relay.pending().size(), 1U);
    EXPECT_TRUE(session.server.nothing());
}

} // namespace audit_test
} // namespace stepgate::test
