#include "protocols/mysql/command.h"
#include "proxy/session/misspelt.h"
#include "proxy/session/mysql_session.h"

#include <algorithm>
#include <array>

namespace stepgate::proxy::session
{

namespace my = protocols::mysql;
using policies::rules::Action;
using policies::rules::Verdict;

namespace
{

/// A text or a name that means nothing, or is not for this account: executing it would end alike.
/// ER_DBACCESS_DENIED_ERROR, ER_BAD_DB_ERROR, ER_BAD_FIELD_ERROR, ER_PARSE_ERROR, ER_UNKNOWN_TABLE,
/// ER_TABLEACCESS_DENIED_ERROR, ER_COLUMNACCESS_DENIED_ERROR, ER_NO_SUCH_TABLE, ER_SP_DOES_NOT_EXIST,
/// ER_PROCACCESS_DENIED_ERROR. Others may be of preparing alone.
constexpr std::array<std::uint16_t, 10> slips = {1044, 1049, 1054, 1064, 1109, 1142, 1143, 1146, 1305, 1370};

} // namespace

/// A COM_QUERY, which may be misspelt. Of several statements the first would run.
bool MySqlSession::may_be_misspelt() const
{
    return inspected_.command == my::Command::query && !unsure_ &&
           session::may_be_misspelt(*inspected_.facts->facts, inspected_.sql) && is_one_statement(inspected_.sql);
}

/// Lets the server prepare it, as it does for clients, for whom that is not held either.
net::Task<bool> MySqlSession::answer_if_misspelt(bool& answered)
{
    if (!may_be_misspelt())
        co_return true;
    const auto begun = worker_.now.time_since_epoch().count();
    wire::Bytes prepare;
    my::encode_prepare(prepare, inspected_.sql);
    answer_.reset();
    parsed_.emplace();
    tracker_->prepare({}, my::Origin::proxy);
    const auto failed = co_await server_.write_all(prepare);
    if (failed)
        co_return false;
    const bool alive = co_await quiet();
    const auto parsed = *std::exchange(parsed_, std::nullopt);
    if (!alive)
        co_return false;
    if (parsed.error == 0) {
        wire::Bytes close;
        my::encode_statement_id(close, my::Command::stmt_close, parsed.statement);
        tracker_->close(parsed.statement);
        const auto lost = co_await server_.write_all(close);
        co_return !lost;
    }
    if (std::ranges::find(slips, parsed.error) == slips.end())
        co_return true;
    std::function<bool()> write = [this] {
        return report_late() &&
               audit_statement(statements_ + 1, inspected_.sql, *inspected_.facts, Verdict{}, to_string(Action::allow));
    };
    const bool written = co_await wait_to_write(std::move(write));
    if (!written) {
        co_return co_await refuse_unaudited();
    }
    report_outcome(++statements_, begun, -1, parsed.sqlstate);
    count(Verdict{});
    error_to_client(parsed.error, parsed.sqlstate, parsed.message);
    forget_command();
    answered = true;
    co_return true;
}

} // namespace stepgate::proxy::session
