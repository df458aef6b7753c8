#pragma once

#include "protocols/mysql/parameters.h"
#include "protocols/mysql/replies.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

namespace stepgate::protocols::mysql
{

/// The prepared statements of one session by the ids that the server gave them. T is what the caller wants to find, for
/// example a pointer to its own record of the text.
///
/// The id comes with the server's answer, but MariaDB's clients may use "the last one" before: then it is known which
/// statement that will be, not yet how many parameters it has.
template <class T>
class Statements
{
  public:
    /// What the server said last of the columns of its results; only with cache_metadata, where it says so once.
    struct Description {
        std::vector<wire::Bytes> columns; // decode_column
        bool several = false;             // it has more than one result: these are nobody's
        std::uint32_t version = 0;        // differs from description to description
        std::size_t bytes = 0;            // that it takes
        bool dropped = false;             // there was no room for it: the server may not say it again
    };
    struct Statement {
        T value{};
        Description description;
        std::uint16_t columns = 0;
        Binding binding;
        std::uint32_t id = 0;
        bool server_has_types = true; // false: an execution that brought types was not sent, or failed; see below
        bool keeps_long_data = false; // the server may, of an execution that failed
    };
    struct Found {
        Statement* statement = nullptr; // null: none, or not answered yet
        bool is_pending = false;
    };

    /// Most bytes of all statements together: of long data, and of descriptions.
    explicit Statements(std::size_t long_data_limit = 64 * 1024 * 1024,
                        std::size_t description_limit = 16 * 1024 * 1024)
        : budget_{std::make_shared<std::size_t>(long_data_limit)}, room_{description_limit}
    {
    }

    /// `id` may be last_prepared. The pointer is valid until the next call that is not const.
    [[nodiscard]] Found find(std::uint32_t id)
    {
        if (id == last_prepared) {
            if (!pending_.empty())
                return {nullptr, true};
            if (!has_last_)
                return {};
            id = last_;
        }
        const auto known = statements_.find(id);
        return known == statements_.end() ? Found{} : Found{&known->second, false};
    }

    /// COM_STMT_PREPARE number `number` goes to the server.
    void prepare(std::uint64_t number, T value) { pending_.push_back({number, std::move(value), true}); }

    /// COM_STMT_CLOSE. MariaDB closes the last one with last_prepared too; MySQL does not, and has one more than is
    /// known.
    void close(std::uint32_t id)
    {
        if (id == last_prepared && !pending_.empty()) {
            pending_.back().survives = false;
            return;
        }
        if (id == last_prepared && has_last_)
            id = last_;
        erase(id);
        if (has_last_ && id == last_)
            has_last_ = false;
    }

    /// COM_RESET_CONNECTION or COM_CHANGE_USER goes to the server: whatever becomes of it, no statement of before is
    /// certain to live.
    void clear()
    {
        while (!statements_.empty())
            erase(statements_.begin()->first);
        for (auto& pending : pending_)
            pending.survives = false;
        has_last_ = false;
    }

    void prepared(std::uint64_t number, const Prepared& prepared)
    {
        if (pending_.empty() || pending_.front().number != number)
            return;
        Pending begun = std::move(pending_.front());
        pending_.pop_front();
        has_last_ = begun.survives;
        if (!begun.survives)
            return;
        erase(prepared.statement);
        Binding binding{prepared.parameters, {}, LongData{budget_}};
        statements_.emplace(
            prepared.statement,
            Statement{std::move(begun.value), {}, prepared.columns, std::move(binding), prepared.statement});
        last_ = prepared.statement;
    }

    /// A column of what is being prepared.
    void described(wire::View definition, bool first)
    {
        if (const auto found = statements_.find(last_); has_last_ && found != statements_.end())
            describe(found->second.description, definition, first, 0);
    }

    void describe(Description& description, wire::View definition, bool first, unsigned result)
    {
        if (first) {
            forget(description);
            description.dropped = false;
            ++description.version;
        }
        description.several = description.several || result > 0;
        constexpr std::size_t around = sizeof(wire::Bytes) + 2 * sizeof(std::size_t); // it, and its allocation
        const std::size_t bytes = definition.size() + around;
        if (description.dropped)
            return;
        if (bytes > room_) {
            forget(description);
            description.dropped = true;
            return;
        }
        room_ -= bytes;
        description.bytes += bytes;
        description.columns.emplace_back(definition.begin(), definition.end());
    }

    /// The command of this number came to its end: a preparation that is still pending failed, and after it MariaDB
    /// knows no last one.
    void settled(std::uint64_t number)
    {
        if (pending_.empty() || pending_.front().number != number)
            return;
        pending_.pop_front();
        has_last_ = false;
    }

    [[nodiscard]] std::size_t size() const { return statements_.size(); }
    [[nodiscard]] bool is_pending() const { return !pending_.empty(); }

  private:
    void forget(Description& description)
    {
        room_ += std::exchange(description.bytes, 0);
        std::vector<wire::Bytes>{}.swap(description.columns);
    }
    void erase(std::uint32_t id)
    {
        const auto found = statements_.find(id);
        if (found == statements_.end())
            return;
        forget(found->second.description);
        statements_.erase(found);
    }

    struct Pending {
        std::uint64_t number;
        T value;
        bool survives;
    };
    LongData::Budget budget_;
    std::size_t room_; // bytes for descriptions
    std::unordered_map<std::uint32_t, Statement> statements_;
    std::deque<Pending> pending_;
    std::uint32_t last_ = 0;
    bool has_last_ = false;
};

} // namespace stepgate::protocols::mysql
