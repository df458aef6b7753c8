#pragma once

#include "protocols/postgres/names.h"
#include "protocols/postgres/parameters.h"
#include "protocols/postgres/replies.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stepgate::protocols::postgres
{

/// All that one session's messages say about its state: what is outstanding (Replies), the reported parameters, and
/// what the names of prepared statements and portals mean. Sans-I/O: call the method of each message that goes to the
/// server, and received() for each that comes from it. One session, one thread.
///
/// Statement and Portal are what the caller wants to find under a name, for example a pointer to its own record.
template <class Statement, class Portal>
class Tracker : private Replies
{
  public:
    using Replies::answering;
    using Replies::answering_tag;
    using Replies::copy;
    using Replies::copy_data;
    using Replies::copy_end;
    using Replies::execute;
    using Replies::flush;
    using Replies::function_call;
    using Replies::group;
    using Replies::next_discarded;
    using Replies::outstanding;
    using Replies::quiet;
    using Replies::release;
    using Replies::skipping;
    using Replies::startup;
    using Replies::sync;
    using Replies::transaction;

    /// A Query also drops the unnamed statement and the unnamed portal, before it is parsed. The number is for SQL that
    /// defines names: statements().define(name, value, number, Names::By::sql).
    std::optional<std::uint64_t> query(Tag tag, Origin origin = Origin::client)
    {
        const auto number = Replies::query(tag, origin);
        if (number) {
            statements_.close({}, *number, Names<Statement>::By::sql);
            portals_.close({}, *number, Names<Portal>::By::sql);
        }
        return number;
    }

    std::optional<std::uint64_t> parse(std::string_view name, Statement statement, Origin origin = Origin::client)
    {
        const auto number = Replies::parse(origin);
        if (number)
            statements_.define(name, std::move(statement), *number);
        return number;
    }

    std::optional<std::uint64_t> bind(std::string_view name, Portal portal, Origin origin = Origin::client)
    {
        const auto number = Replies::bind(origin);
        if (number)
            portals_.define(name, std::move(portal), *number);
        return number;
    }

    std::optional<std::uint64_t> describe(Named what, Origin origin = Origin::client)
    {
        return Replies::describe(what, origin);
    }

    std::optional<std::uint64_t> close(Named what, std::string_view name, Origin origin = Origin::client)
    {
        const auto number = Replies::close(origin);
        if (number && what == Named::statement)
            statements_.close(name, *number);
        if (number && what == Named::portal)
            portals_.close(name, *number);
        return number;
    }

    /// As Replies::received(); also keeps parameters and lets portals die with their transaction.
    [[nodiscard]] result<Event> received(const Frame& frame)
    {
        if (frame.is(Backend::parameter_status)) {
            const auto parameter = decode_parameter_status(frame);
            if (!parameter)
                return parameter.error();
            parameters_.set(parameter->name, parameter->value);
            return Event{};
        }
        const auto event = Replies::received(frame);
        if (event && event->kind == Event::Kind::ready && event->transaction == Transaction::idle)
            portals_.end_transaction();
        return event;
    }

    /// A name got or lost its meaning on the server: Parse, Bind or Close of it succeeded. In the server's order.
    struct Renamed {
        Named what;
        std::string name;
        bool defined;
    };
    /// Since the last call.
    [[nodiscard]] std::vector<Renamed> renamed() { return std::exchange(renamed_, {}); }
    /// Messages are outstanding that define or close names that SQL can see.
    [[nodiscard]] bool is_renaming() const { return statements_.is_unsettled() || portals_.is_unsettled(); }

    [[nodiscard]] Names<Statement>& statements() { return statements_; }
    [[nodiscard]] const Names<Statement>& statements() const { return statements_; }
    [[nodiscard]] Names<Portal>& portals() { return portals_; }
    [[nodiscard]] const Names<Portal>& portals() const { return portals_; }
    [[nodiscard]] const Parameters& parameters() const { return parameters_; }

  private:
    void settled(std::uint64_t number, Fate fate) override
    {
        const auto note = [this](Named what) {
            return [this, what](std::string_view name, bool defined) {
                renamed_.push_back({what, std::string{name}, defined});
            };
        };
        statements_.settle(number, fate, note(Named::statement));
        portals_.settle(number, fate, note(Named::portal));
    }

    Names<Statement> statements_;
    Names<Portal> portals_;
    Parameters parameters_;
    std::vector<Renamed> renamed_;
};

} // namespace stepgate::protocols::postgres
