#include "proxy/upstream/catalog_service.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

namespace stepgate::proxy::upstream
{
namespace catalog_service_test
{

using namespace std::chrono_literals;
using policies::catalog::Contents;
using policies::catalog::Relation;

Contents contents_of(std::vector<std::string> tables)
{
    Contents contents;
    policies::catalog::Oid oid = 100;
    for (auto& name : tables) {
        Relation relation;
        relation.oid = ++oid;
        relation.schema = "public";
        relation.name = std::move(name);
        contents.relations.push_back(std::move(relation));
    }
    return contents;
}

/// A server whose readings the test lets pass one by one, and a store.
class Service : public testing::Test
{
  protected:
    ~Service() override
    {
        let(1000);
        service.reset();
    }

    void start(CatalogListener listener = {"l", true, 1h}, CatalogOptions options = {1, 1ms, 1ms, 1ms})
    {
        CatalogServices services;
        services.read = [this](const std::string&, const std::string&, const std::vector<std::int32_t>& backends) {
            std::unique_lock lock{mutex};
            ++asked;
            changed.notify_all();
            changed.wait(lock, [this] { return allowed > 0; });
            --allowed;
            asked_backends = backends;
            if (answers.empty())
                return CatalogRead{Contents{last}, backends.empty() || backends_gone};
            auto answer = std::move(answers.front());
            answers.pop_front();
            return CatalogRead{std::move(answer), backends.empty() || backends_gone};
        };
        services.load = [this](const std::string& name, const std::string& database) {
            const std::lock_guard lock{mutex};
            return saved[name + "/" + database];
        };
        services.save = [this](const std::string& name, const std::string& database, const std::string& json) {
            const std::lock_guard lock{mutex};
            saved[name + "/" + database] = json;
            changed.notify_all();
            return true;
        };
        services.labelled = [](std::string_view, std::string_view, std::string_view table, std::string_view) {
            return table == "customers";
        };
        services.log = [this](bool problem, const std::string& text) {
            const std::lock_guard lock{mutex};
            log.push_back((problem ? "! " : "") + text);
        };
        service = std::make_unique<CatalogService>(std::move(services), std::vector{std::move(listener)}, options);
    }

    void let(int readings)
    {
        const std::lock_guard lock{mutex};
        allowed += readings;
        changed.notify_all();
    }
    /// Until `count` readings were begun in all.
    void wait_asked(int count)
    {
        std::unique_lock lock{mutex};
        ASSERT_TRUE(changed.wait_for(lock, 30s, [&] { return asked >= count; }));
    }
    template <class Condition>
    void wait_until(Condition condition)
    {
        const auto end = std::chrono::steady_clock::now() + 30s;
        while (!condition() && std::chrono::steady_clock::now() < end)
            std::this_thread::yield();
        ASSERT_TRUE(condition());
    }

    std::mutex mutex;
    std::condition_variable changed;
    std::atomic<int> asked = 0;
    int allowed = 0;
    bool backends_gone = true;
    std::vector<std::int32_t> asked_backends;
    std::deque<std::variant<Contents, std::string>> answers;
    Contents last = contents_of({"customers"});
    std::map<std::string, std::string> saved;
    std::vector<std::string> log;
    std::unique_ptr<CatalogService> service;
};

TEST_F(Service, NothingCanBeLookedUpBeforeTheFirstSnapshot)
{
    start();
    const auto database = service->attach("l", "d");
    wait_asked(1);
    EXPECT_TRUE(database->now().touched->all);
    EXPECT_FALSE(database->now().view.catalog);
    const auto before = database->revision();
    let(1);
    wait_until([&] { return database->now().view.catalog != nullptr; });
    EXPECT_EQ(database->now().touched, nullptr);
    EXPECT_NE(database->revision(), before);
    EXPECT_EQ(service->attach("l", "d"), database);                     // shared
    wait_until([&] { return service->status().at(0).relations == 1; }); // told after the sessions
}

/// The window of a change: from its announcement until a snapshot that was begun after its end.
TEST_F(Service, AChangeIsUnknownUntilASnapshotBegunAfterItsEnd)
{
    start();
    const auto database = service->attach("l", "d");
    let(1);
    wait_until([&] { return database->now().touched == nullptr; });
    const auto change = database->begin_change({false, {"customers"}});
    ASSERT_NE(database->now().touched, nullptr);
    EXPECT_TRUE(database->now().touched->names.contains("customers"));
    const auto other = database->begin_change({false, {"orders"}});
    database->end_change(other);
    wait_asked(2);                // a reading has begun
    database->end_change(change); // and this ends while it runs
    let(1);
    wait_asked(3);
    ASSERT_NE(database->now().touched, nullptr);
    EXPECT_TRUE(database->now().touched->names.contains("customers"));
    EXPECT_FALSE(database->now().touched->names.contains("orders"));
    let(1);
    wait_until([&] { return database->now().touched == nullptr; });
}

TEST_F(Service, ASnapshotThatASessionWaitsForIsNotPutOff)
{
    start({"l", true, 1h}, {1, 1h, 1h, 1h});
    const auto database = service->attach("l", "d");
    let(1);
    wait_until([&] { return service->status().at(0).reads == 1; });
    const auto change = database->begin_change({false, {"customers"}});
    database->want_snapshot(); // which would not show it
    database->end_change(change);
    EXPECT_EQ(asked, 1);
    let(1);
    wait_until([&] { // as sessions do, since one that comes while the service is busy is not heard
        database->want_snapshot();
        return database->now().touched == nullptr;
    });
    EXPECT_EQ(asked, 2);
}

TEST_F(Service, AServerThatFailsIsAskedNoMoreOftenForWhoWaits)
{
    start({"l", true, 1h}, {1, 1h, 1h, 1h});
    const auto database = service->attach("l", "d");
    let(1);
    wait_until([&] { return service->status().at(0).reads == 1; });
    answers.emplace_back("it says no");
    database->end_change(database->begin_change({false, {"customers"}}));
    let(2);
    wait_until([&] {
        database->want_snapshot();
        return service->status().at(0).failures == 1;
    });
    for (int i = 0; i < 20; ++i) {
        database->want_snapshot();
        std::this_thread::sleep_for(1ms);
    }
    EXPECT_EQ(asked, 2);
}

TEST_F(Service, AServerProcessThatNobodyListensToKeepsTheChangeOpen)
{
    start();
    const auto database = service->attach("l", "d");
    let(1);
    wait_until([&] { return database->now().touched == nullptr; });
    backends_gone = false;
    database->end_change(database->begin_change({true, {}}), 4711);
    wait_asked(2);
    let(1);
    wait_asked(3); // asks again
    ASSERT_NE(database->now().touched, nullptr);
    {
        const std::lock_guard lock{mutex};
        EXPECT_EQ(asked_backends, std::vector{4711});
        backends_gone = true;
    }
    let(1);
    wait_until([&] { return database->now().touched == nullptr; });
}

TEST_F(Service, AFirstSnapshotThatCannotBeReadIsMissing)
{
    start();
    answers.push_back("no such account");
    const auto database = service->attach("l", "d");
    EXPECT_FALSE(database->now().missing); // so far
    wait_asked(1);
    let(1);
    wait_until([&] { return database->now().touched == nullptr; });
    EXPECT_FALSE(database->now().view.catalog);
    EXPECT_TRUE(database->now().missing);
    database->end_change(database->begin_change({true, {}}));
    EXPECT_EQ(database->now().touched, nullptr); // nothing is out of date
    wait_asked(2);                               // and it is tried again
    const std::lock_guard lock{mutex};
    ASSERT_EQ(log.size(), 1U);
    EXPECT_TRUE(log[0].starts_with("! the catalogs of database d (listener l) cannot be read: no such account"))
        << log[0];
}

/// Whom the server has just let in need not wait until the time of the next try.
TEST_F(Service, ALoginAsksAgainForAMissingSnapshot)
{
    start({"l", true, 1h}, {1, 1ms, 1h, 1ms});
    answers.push_back("no such account");
    const auto database = service->attach("l", "d");
    let(1);
    wait_until([&] { return database->now().missing; });
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (asked < 2 && std::chrono::steady_clock::now() < end) { // while it is busy, a login changes nothing
        (void)service->attach("l", "d");
        std::this_thread::yield();
    }
    EXPECT_EQ(asked, 2);
    let(1);
    wait_until([&] { return !database->now().missing; });
    EXPECT_TRUE(database->now().view.catalog);
}

TEST_F(Service, AFailureKeepsTheOldSnapshotAndTheDoubt)
{
    start();
    const auto database = service->attach("l", "d");
    let(1);
    wait_until([&] { return database->now().touched == nullptr; });
    answers.push_back("gone");
    database->end_change(database->begin_change({false, {"customers"}}));
    wait_asked(2);
    let(1);
    wait_until([&] { return service->status().at(0).failures == 1; });
    EXPECT_TRUE(database->now().view.catalog);
    EXPECT_NE(database->now().touched, nullptr);
    let(1);
    wait_until([&] { return database->now().touched == nullptr; });
}

TEST_F(Service, AnUnchangedSnapshotStaysTheSame)
{
    start();
    const auto database = service->attach("l", "d");
    let(1);
    wait_until([&] { return database->now().touched == nullptr; });
    const auto view = database->now().view;
    last.taken += 1s;
    database->end_change(database->begin_change({true, {}}));
    let(1);
    wait_until([&] { return database->now().touched == nullptr; });
    EXPECT_EQ(database->now().view.catalog, view.catalog);
    EXPECT_EQ(database->now().view.revision, view.revision);
}

TEST_F(Service, LineageIsKeptInTheStore)
{
    start();
    {
        const auto database = service->attach("l", "d");
        let(1);
        wait_until([&] { return database->now().touched == nullptr; });
        ASSERT_TRUE(database->lineage());
        EXPECT_EQ(database->lineage()->names().at(0).table, "customers");
        database->record_copies({{0, "public.copy", "pii", 1'000'000'000'000}});
        const auto revision = database->revision();
        database->record_copies({{0, "public.copy", "pii", 1'000'000'000'000}}); // known
        EXPECT_EQ(database->revision(), revision);
    }
    let(1000);
    service.reset(); // whatever was not saved yet is saved now
    start();
    const auto database = service->attach("l", "d");
    wait_until([&] { return database->now().touched == nullptr; });
    ASSERT_TRUE(database->lineage());
    EXPECT_EQ(database->lineage()->names().size(), 1U);
    EXPECT_EQ(database->lineage()->copies().at(0).table, "public.copy");
}

TEST_F(Service, ListenerWithoutAnAccountHasLineageOnly)
{
    start({"l", false, 1h});
    saved["l/d"] = policies::sensitivity::Lineage{{}, {{0, "copy", "pii", 7}}}.to_json();
    const auto database = service->attach("l", "d");
    wait_until([&] { return database->now().touched == nullptr; });
    EXPECT_EQ(database->lineage()->copies().size(), 1U);
    EXPECT_EQ(asked, 0);
}

} // namespace catalog_service_test
} // namespace stepgate::proxy::upstream
