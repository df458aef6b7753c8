#pragma once

#include "protocols/mysql/statements.h"
#include "protocols/wire/ring.h"

#include <utility>

namespace stepgate::protocols::mysql
{

/// All that one session's messages say about its state: what is outstanding (Replies) and what the ids of prepared
/// statements mean. Sans-I/O: call the method of each command that goes to the server, and received() for each packet
/// that comes from it. One session, one thread.
///
/// An execution that is judged and then not sent leaves the server behind: it has not seen the types that the execution
/// brought, and it keeps the long data that was sent ahead of it. Call withheld() for it; later executions that leave
/// the types out must then go as encode_execute_with_types writes them, and COM_STMT_RESET must go before the next one
/// of a statement with long data. The same goes for one that fails: MySQL keeps the long data where it did not come to
/// read the values, and MariaDB has taken some of the types and not others. Then `server_has_types` is false, and where
/// `keeps_long_data` is set COM_STMT_RESET must go before anything else of that statement.
template <class T>
class Tracker : private Replies
{
  public:
    /// `agreed` and `status` as Replies; the limits as Statements.
    explicit Tracker(Capabilities agreed, StatusFlags status = {}, std::size_t long_data_limit = 64 * 1024 * 1024,
                     std::size_t description_limit = 16 * 1024 * 1024)
        : Replies{agreed, status}, statements_{long_data_limit, description_limit}
    {
    }

    using Statement = typename Statements<T>::Statement;

    using Replies::answering;
    using Replies::answering_tag;
    using Replies::at_result;
    using Replies::auth_answered;
    using Replies::capabilities;
    using Replies::columns_follow;
    using Replies::infile_end;
    using Replies::is_amid;
    using Replies::outstanding;
    using Replies::passed;
    using Replies::quiet;
    using Replies::received;
    using Replies::release;
    using Replies::rows_follow;
    using Replies::status;
    using Replies::wants_auth;
    using Replies::wants_infile;

    /// Any command but those below.
    std::uint64_t send(Command command, Tag tag = 0, Origin origin = Origin::client)
    {
        if (command == Command::reset_connection || command == Command::change_user)
            statements_.clear();
        return Replies::send(command, tag, origin);
    }

    std::uint64_t prepare(T value, Origin origin = Origin::client)
    {
        const std::uint64_t number = Replies::send(Command::stmt_prepare, 0, origin);
        statements_.prepare(number, std::move(value));
        return number;
    }

    /// An execution with the statement that it runs, whose long data it uses up. `brought_types`: the packet that goes
    /// to the server has types in it.
    std::uint64_t execute(Statement& statement, bool brought_types, Tag tag, Command command = Command::stmt_execute,
                          Origin origin = Origin::client)
    {
        const bool long_data = !statement.binding.long_data.empty();
        statement.binding.long_data.clear();
        statement.server_has_types = statement.server_has_types || brought_types;
        const std::uint64_t number = Replies::send(command, tag, origin, statement.binding.opens_cursor);
        executions_.push({number, statement.id, long_data});
        return number;
    }

    /// The same execution, but it does not go to the server. True: send COM_STMT_RESET, with reset(id, Origin::proxy).
    [[nodiscard]] bool withheld(Statement& statement, bool brought_types)
    {
        statement.server_has_types = statement.server_has_types && !brought_types;
        return !statement.binding.long_data.empty();
    }

    /// COM_STMT_RESET.
    std::uint64_t reset(std::uint32_t id, Origin origin = Origin::client)
    {
        if (const auto found = statements_.find(id); found.statement != nullptr) {
            found.statement->binding.long_data.clear();
            found.statement->keeps_long_data = false;
        }
        return Replies::send(Command::stmt_reset, 0, origin);
    }

    /// COM_STMT_CLOSE.
    void close(std::uint32_t id) { statements_.close(id); }

    [[nodiscard]] Statements<T>& statements() { return statements_; }
    /// The statement whose execution is answered now; null: another command is, or it was closed.
    [[nodiscard]] Statement* answering_execution()
    {
        return executions_.empty() ? nullptr : statements_.find(executions_.front().statement).statement;
    }

  private:
    struct Execution {
        std::uint64_t number = 0;
        std::uint32_t statement = 0;
        bool long_data = false;
    };

    void prepared(std::uint64_t number, const Prepared& prepared) override { statements_.prepared(number, prepared); }

    void described(std::uint64_t number, wire::View definition, bool first, unsigned result) override
    {
        if (executions_.empty() || executions_.front().number != number)
            return statements_.described(definition, first);
        if (auto* const statement = answering_execution(); statement != nullptr)
            statements_.describe(statement->description, definition, first, result);
    }

    [[nodiscard]] std::size_t described_columns() override
    {
        const auto* const statement = answering_execution();
        return statement == nullptr || statement->description.several ? 0 : statement->description.columns.size();
    }

    void settled(std::uint64_t number, Fate fate) override
    {
        statements_.settled(number);
        if (executions_.empty() || executions_.front().number != number)
            return;
        const Execution execution = executions_.pop();
        auto* const statement = statements_.find(execution.statement).statement;
        if (fate != Fate::failed || statement == nullptr)
            return;
        statement->server_has_types = false;
        statement->keeps_long_data = statement->keeps_long_data || execution.long_data;
    }

    Statements<T> statements_;
    wire::Ring<Execution> executions_; // outstanding
};

} // namespace stepgate::protocols::mysql
