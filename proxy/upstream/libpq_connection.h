#pragma once

#include <libpq-fe.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <poll.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stepgate::proxy::upstream
{

/// A row of a text result, valid within the callback that gets it.
class Row
{
  public:
    /// `missing` becomes true when a column is asked for that the answer does not have.
    Row(const PGresult* result, int row, bool& missing) : result_{result}, row_{row}, missing_{missing} {}

    [[nodiscard]] bool null(int column) const { return PQgetisnull(result_, row_, column) != 0; }
    /// "" for null.
    [[nodiscard]] std::string_view view(int column) const
    {
        if (column >= PQnfields(result_)) {
            missing_ = true;
            return {};
        }
        return {PQgetvalue(result_, row_, column), static_cast<std::size_t>(PQgetlength(result_, row_, column))};
    }
    [[nodiscard]] std::string text(int column) const { return std::string{view(column)}; }
    [[nodiscard]] bool flag(int column) const { return view(column) == "t"; }
    [[nodiscard]] char letter(int column) const { return view(column).empty() ? '\0' : view(column).front(); }
    /// 0 for null.
    template <class Integer>
    [[nodiscard]] Integer number(int column) const
    {
        Integer value = 0;
        const auto digits = view(column);
        std::from_chars(digits.data(), digits.data() + digits.size(), value);
        return value;
    }

  private:
    const PGresult* result_;
    int row_;
    bool& missing_;
};

/// How long to wait for an answer. A server that hangs may keep its connection open, and its own timeouts do not ring.
struct Patience {
    std::chrono::milliseconds at_most{60'000};
    const std::atomic<bool>* stopping = nullptr; // set: waiting ends soon after it has become true
};

/// A blocking connection. After the first failure it asks nothing more, and `error` says what failed.
class LibpqConnection
{
  public:
    using Options = std::vector<std::pair<const char*, std::string>>;

    explicit LibpqConnection(const Options& options, Patience patience = {})
        : connection_{nullptr, PQfinish}, patience_{patience}
    {
        std::vector<const char*> keys, values;
        for (const auto& [key, value] : options) {
            keys.push_back(key);
            values.push_back(value.c_str());
        }
        keys.push_back(nullptr);
        values.push_back(nullptr);
        connection_.reset(PQconnectdbParams(keys.data(), values.data(), 0));
        if (!connection_)
            error_ = "out of memory";
        else if (PQstatus(connection_.get()) != CONNECTION_OK)
            fail();
        else // warnings are for nobody
            PQsetNoticeProcessor(
                connection_.get(), [](void*, const char*) {}, nullptr);
    }

    /// Borrows a connection, which must outlive this.
    explicit LibpqConnection(PGconn* lent) : connection_{lent, [](PGconn*) {}}
    {
        if (PQstatus(lent) != CONNECTION_OK)
            fail();
    }

    [[nodiscard]] bool failed() const { return !error_.empty(); }
    [[nodiscard]] const std::string& error() const { return error_; }
    /// Gives the error and goes on with the next statement.
    [[nodiscard]] std::string take_error() { return late_ ? error_ : std::exchange(error_, {}); }
    [[nodiscard]] bool alive() const { return connection_ && !late_ && PQstatus(connection_.get()) == CONNECTION_OK; }
    [[nodiscard]] int server_version() const { return PQserverVersion(connection_.get()); }

    /// Calls `row` with each row of the last statement's result.
    template <class OnRow>
    void query(const std::string& sql, OnRow on_row)
    {
        if (failed())
            return;
        const auto answer = wait(PQsendQuery(connection_.get(), sql.c_str()));
        const auto status = PQresultStatus(answer.get());
        if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
            fail();
            return;
        }
        each_row(answer.get(), on_row);
    }
    /// One statement with values, text or binary; nothing: NULL. Type 0: the server's choice.
    struct Value {
        std::optional<std::string> bytes;
        bool binary = false;
        std::uint32_t type = 0;
    };
    template <class OnRow>
    void query(const std::string& sql, const std::vector<Value>& values, OnRow on_row)
    {
        if (failed())
            return;
        std::vector<const char*> pointers;
        std::vector<int> lengths, formats;
        std::vector<Oid> types;
        for (const auto& value : values) {
            pointers.push_back(value.bytes ? value.bytes->data() : nullptr);
            lengths.push_back(value.bytes ? static_cast<int>(value.bytes->size()) : 0);
            formats.push_back(value.binary ? 1 : 0);
            types.push_back(value.type);
        }
        const auto answer = wait(PQsendQueryParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()),
                                                   types.data(), pointers.data(), lengths.data(), formats.data(), 0));
        if (PQresultStatus(answer.get()) != PGRES_TUPLES_OK) {
            fail();
            return;
        }
        each_row(answer.get(), on_row);
    }
    void run(const std::string& sql)
    {
        query(sql, [](const Row&) {});
    }

  private:
    using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

    /// The last result of what was sent; null where none came.
    Result wait(int sent)
    {
        Result last{nullptr, PQclear};
        const auto latest = std::chrono::steady_clock::now() + patience_.at_most;
        while (sent == 1 && arrived(latest)) {
            Result next{PQgetResult(connection_.get()), PQclear};
            if (!next)
                break;
            last = std::move(next);
        }
        return late_ ? Result{nullptr, PQclear} : std::move(last);
    }
    /// PQgetResult would not wait. Or would in vain.
    bool arrived(std::chrono::steady_clock::time_point latest)
    {
        constexpr int look_every = 250; // milliseconds
        while (PQisBusy(connection_.get()) == 1) {
            late_ = std::chrono::steady_clock::now() > latest || (patience_.stopping && patience_.stopping->load());
            if (late_)
                return false;
            pollfd socket{PQsocket(connection_.get()), POLLIN, 0};
            const int ready = ::poll(&socket, 1, look_every);
            if (ready > 0 && PQconsumeInput(connection_.get()) != 1)
                return true; // the connection is lost, and PQgetResult says so
        }
        return true;
    }

    template <class OnRow>
    void each_row(const PGresult* answer, OnRow& on_row)
    {
        bool missing = false;
        for (int row = 0; row < PQntuples(answer); ++row)
            on_row(Row{answer, row, missing});
        if (missing)
            error_ = "the server answered with other columns than were asked for";
    }
    void fail()
    {
        if (late_) {
            error_ = "the server did not answer in time";
            return;
        }
        error_ = PQerrorMessage(connection_.get());
        while (error_.ends_with('\n'))
            error_.pop_back();
        if (error_.empty())
            error_ = "failed without a reason";
    }

    std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
    Patience patience_;
    std::string error_;
    bool late_ = false; // what still comes is nobody's: nothing more may be asked
};

} // namespace stepgate::proxy::upstream
