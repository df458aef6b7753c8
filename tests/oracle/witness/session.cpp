#include "tests/oracle/witness/session.h"

#include "policies/statement/kind.h"
#include "proxy/upstream/catalog_queries.h"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <poll.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <thread>

namespace stepgate::oracle
{
namespace
{

namespace json = boost::json;
using policies::statement::Facts;
using policies::statement::Kind;
using policies::statement::StatementFacts;
using policies::statement::TableAccess;

constexpr std::array<const char*, 10> reported_parameters{
    "server_version", "server_encoding", "client_encoding", "is_superuser",      "session_authorization",
    "DateStyle",      "IntervalStyle",   "TimeZone",        "integer_datetimes", "standard_conforming_strings"};

/// Zero-terminated strings one after the other.
std::vector<std::string> c_strings(std::string_view body)
{
    std::vector<std::string> strings;
    while (!body.empty()) {
        const auto end = std::min(body.find('\0'), body.size());
        strings.emplace_back(body.substr(0, end));
        body.remove_prefix(std::min(end + 1, body.size()));
    }
    return strings;
}

std::string field(std::string_view body, char wanted)
{
    for (const std::string& field : c_strings(body))
        if (!field.empty() && field.front() == wanted)
            return field.substr(1);
    return {};
}

/// Text for JSON: bytes that are not ASCII may not be UTF-8 here, and only people read them.
json::string ascii(std::string_view text)
{
    json::string result{text.data(), text.size()};
    std::ranges::replace_if(
        result, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
    return result;
}

template <typename Range>
json::array strings(const Range& range)
{
    json::array array;
    for (const std::string& text : range)
        array.emplace_back(ascii(text));
    return array;
}

json::array accesses(const std::vector<TableAccess>& list)
{
    json::array array;
    for (const TableAccess& access : list)
        array.emplace_back(json::object{
            {"table", ascii(access.table)}, {"known", access.schema_known}, {"columns", strings(access.columns)}});
    return array;
}

json::array statements(const Facts& facts)
{
    json::array array;
    for (const StatementFacts& each : facts.statements)
        array.emplace_back(json::object{{"kind", json::string(policies::statement::to_string(each.kind))},
                                        {"reads", accesses(each.reads)},
                                        {"writes", accesses(each.writes)},
                                        {"calls", strings(each.calls)},
                                        {"destructive", each.destructive}});
    return array;
}

json::object to_json(const Access& access)
{
    return {{"table", ascii(access.table)},
            {"oid", access.relation},
            {"kind", json::string(1, access.kind)},
            {"system", access.system},
            {"read", access.read},
            {"written", access.written},
            {"child", access.child},
            {"columns", strings(access.columns)},
            {"by", strings(access.source)}};
}

bool leaves_catalogs_alone(const StatementFacts& facts)
{
    static constexpr std::array harmless{
        Kind::select,          Kind::insert,     Kind::update,       Kind::delete_rows, Kind::merge,   Kind::copy_to,
        Kind::copy_from,       Kind::role,       Kind::explain,      Kind::prepare,     Kind::execute, Kind::deallocate,
        Kind::declare_cursor,  Kind::fetch,      Kind::close_cursor, Kind::begin,       Kind::commit,  Kind::savepoint,
        Kind::set_transaction, Kind::set,        Kind::show,         Kind::lock,        Kind::listen,  Kind::notify,
        Kind::analyze,         Kind::checkpoint, Kind::empty};
    const auto is_harmless = [](Kind kind) { return std::ranges::find(harmless, kind) != harmless.end(); };
    return is_harmless(facts.kind) &&
           std::ranges::all_of(facts.inner, is_harmless, &policies::statement::Inner::kind) &&
           std::ranges::all_of(facts.calls, [](const std::string& call) { return call.starts_with("pg_catalog."); });
}

} // namespace

Session::Session(int client, const Options& options, std::ostream& out)
    : options_(options), out_(out), client_(client, Connection::Ownership::owned), log_(options.server_log)
{
}

void Session::run()
{
    if (!greet())
        return;
    look_at_catalogs();
    while (true) {
        const auto message = client_.next();
        if (!message) {
            if (!client_.receive())
                return;
            continue;
        }
        if (message->type == 'Q') {
            if (!statement(*message))
                return;
            continue;
        }
        if (!wire_->send(message->bytes) || message->type == 'X')
            return;
        if (message->type == 'S' || message->type == 'F') {
            // \gdesc describes without running; a function call does what is not SQL. Neither is judged here.
            const Reply reply = relay(nullptr);
            transaction_ = reply.transaction;
            if (!reply.alive)
                return;
        }
    }
}

bool Session::greet()
{
    constexpr std::uint32_t ssl_request = 80877103, gss_request = 80877104, protocol = 196608;
    while (true) {
        const auto packet = client_.startup_packet();
        if (!packet || packet->size() < 4)
            return false;
        std::uint32_t code = 0;
        for (std::size_t at = 0; at < 4; ++at)
            code = code << 8U | static_cast<unsigned char>((*packet)[at]);
        if (code == ssl_request || code == gss_request) {
            client_.send("N");
            continue;
        }
        if (code != protocol)
            return false;
        const auto words = c_strings(std::string_view(*packet).substr(4));
        std::map<std::string, std::string> parameters;
        for (std::size_t at = 0; at + 1 < words.size(); at += 2)
            parameters[words[at]] = words[at + 1];
        return log_in(parameters);
    }
}

bool Session::log_in(const std::map<std::string, std::string>& parameters)
{
    const auto connect = [&](const std::map<std::string, std::string>& settings) {
        std::vector<const char*> keys{"dbname"}, values{options_.server.c_str()};
        for (const auto& [key, value] : settings) {
            keys.push_back(key == "database" ? "dbname" : key.c_str());
            values.push_back(value.c_str());
        }
        keys.push_back(nullptr);
        values.push_back(nullptr);
        return ServerConnection{PQconnectdbParams(keys.data(), values.data(), 1), &PQfinish};
    };
    std::map<std::string, std::string> kept;
    for (const char* key : {"user", "database", "options", "application_name", "client_encoding"})
        if (const auto found = parameters.find(key); found != parameters.end())
            kept.insert(*found);
    file_ = kept["application_name"];
    server_ = connect(kept);
    if (PQstatus(server_.get()) != CONNECTION_OK) {
        std::string why = PQerrorMessage(server_.get());
        why = why.substr(0, why.find_last_not_of('\n') + 1);
        client_.send(message('E', std::string("SFATAL") + '\0' + "C08006" + '\0' + "M" + why + '\0' + '\0'));
        return false;
    }
    onlooker_ = connect({{"database", PQdb(server_.get())}});
    wire_ = std::make_unique<Connection>(PQsocket(server_.get()), Connection::Ownership::lent);
    std::string hello = message('R', std::string_view("\0\0\0\0", 4));
    for (const char* parameter : reported_parameters)
        if (const char* value = PQparameterStatus(server_.get(), parameter))
            hello += message('S', std::string(parameter) + '\0' + value + '\0');
    return client_.send(hello + message('K', std::string(8, '\0')) + message('Z', "I"));
}

bool Session::may_change_catalogs(const Facts& facts) const
{
    return facts.opaque || !std::ranges::all_of(facts.statements, leaves_catalogs_alone);
}

bool Session::statement(const Message& query)
{
    const std::string sql = query.body.substr(0, query.body.find('\0'));
    if (stale_)
        look_at_catalogs();
    relations_.settle();
    const Facts facts = analyzer_.analyze(sql, state_, catalog_.get());
    const std::uint64_t offset = log_.size();
    if (!wire_->send(query.bytes))
        return false;
    const Reply reply = relay(&facts);
    // Before the session is asked for its catalogs, which leaves lines in the log too.
    std::vector<Access> logged = log_.accesses(offset, PQbackendPID(server_.get()));
    const bool was_open = transaction_ != 'I';
    transaction_ = reply.transaction;
    const bool changes = reply.answers > 0 && may_change_catalogs(facts); // what failed changed nothing
    changed_in_transaction_ |= changes;
    // A rollback takes back what a transaction changed, wholly or to a savepoint; a commit drops temporary tables.
    const bool ends = std::ranges::any_of(facts.statements, [](const StatementFacts& each) {
        return each.kind == Kind::rollback || each.kind == Kind::commit || each.object == "rollback to";
    });
    stale_ |= changes || (changed_in_transaction_ && was_open && (ends || transaction_ == 'I'));
    if (transaction_ == 'I')
        changed_in_transaction_ = false;
    if (reply.alive && stale_)
        look_at_catalogs();
    write(sql, facts, reply, truth(std::move(logged), reply, changes && !ends));
    return reply.alive;
}

/// Passes messages in both directions until the server is ready for the next query.
Session::Reply Session::relay(const Facts* facts)
{
    Reply reply;
    while (true) {
        while (auto message = wire_->next()) {
            if (!client_.send(message->bytes))
                reply.alive = false;
            if (message->type == 'E' && reply.sqlstate.empty())
                reply.sqlstate = field(message->body, 'C');
            reply.answers += message->type == 'C' ? 1 : 0;
            if (message->type == 'C' && facts != nullptr)
                on_complete(reply, *facts, message->body.c_str());
            else if (message->type == 'N') {
                const std::string text = field(message->body, 'M');
                constexpr std::string_view cascade = "truncate cascades to table \"";
                if (text.starts_with(cascade))
                    reply.truncated.push_back(text.substr(cascade.size(), text.size() - cascade.size() - 1));
            } else if (message->type == 'S') {
                const auto words = c_strings(message->body);
                if (words.size() == 2)
                    reply.reported.emplace_back(words[0], words[1]);
            } else if (message->type == 'Z') {
                reply.transaction = message->body.front();
                if (reply.transaction == 'I')
                    state_.transaction_ended(reply.sqlstate.empty());
                for (const auto& [name, value] : reply.reported)
                    state_.server_reported(name, value);
                return reply;
            }
        }
        std::array<pollfd, 2> waits{pollfd{.fd = wire_->socket(), .events = POLLIN, .revents = 0},
                                    pollfd{.fd = client_.socket(), .events = POLLIN, .revents = 0}};
        if (::poll(waits.data(), waits.size(), -1) < 0)
            continue;
        // While a statement runs, psql sends nothing but the rows of a COPY.
        if (waits[1].revents != 0 && client_.receive())
            while (const auto message = client_.next())
                wire_->send(message->bytes);
        if (waits[0].revents != 0 && !wire_->receive()) {
            reply.alive = false;
            return reply;
        }
    }
}

void Session::on_complete(Reply& reply, const Facts& facts, std::string_view tag)
{
    if (reply.completed >= facts.statements.size())
        return;
    const StatementFacts& done = facts.statements[reply.completed++];
    if (done.kind == Kind::commit && tag == "ROLLBACK")
        state_.transaction_ended(false);
    else
        state_.apply(done);
}

void Session::look_at_catalogs()
{
    if (transaction_ == 'E')
        return; // it answers nothing now; what is known stays until it ends
    // As a proxy would have it: what is committed, fresh after every statement that may have changed it.
    if (options_.catalog && transaction_ == 'I')
        read_snapshot();
    PGconn* connection = transaction_ == 'T' ? server_.get() : onlooker_.get();
    if (relations_.refresh(connection))
        stale_ = false;
}

/// A session that has just ended may still be dropping its temporary tables, which fails the queries: again then.
void Session::read_snapshot()
{
    constexpr int most_tries = 10;
    for (int tries = 0; tries < most_tries; ++tries) {
        proxy::upstream::LibpqConnection server{onlooker_.get()};
        policies::catalog::Contents contents;
        if (proxy::upstream::CatalogQueries{server, contents}.read(std::chrono::seconds{30})) {
            catalog_ = std::make_shared<const policies::catalog::Catalog>(std::move(contents));
            state_.catalog_read();
            return;
        }
        std::cerr << "snapshot: " << server.error() << '\n';
        if (PQstatus(onlooker_.get()) == CONNECTION_OK)
            PQclear(PQexec(onlooker_.get(), "ROLLBACK"));
        else
            PQreset(onlooker_.get());
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
    }
}

std::vector<Access> Session::truth(std::vector<Access> logged, const Reply& reply, bool definitions_changed) const
{
    std::map<std::string, Access> merged;
    const auto add = [&](Access access) {
        relations_.name(access);
        // A rewritten tree says what was meant, the rest what was run: PREPARE has a tree, but runs nothing.
        Access& into = merged[(access.source.contains("tree") ? "tree " : "") +
                              (access.table.empty() ? std::to_string(access.relation) : access.table)];
        const bool seen = !into.source.empty();
        access.read |= into.read;
        access.written |= into.written;
        access.child = access.child && (!seen || into.child);
        access.columns.insert(into.columns.begin(), into.columns.end());
        access.source.insert(into.source.begin(), into.source.end());
        if (access.kind == '?')
            access.kind = into.kind;
        into = std::move(access);
    };
    // pgaudit takes locked rows for updated ones, so it is asked only for what the trees do not show.
    std::ranges::stable_partition(logged, [](const Access& access) { return access.relation != 0; });
    std::set<std::string> shown;
    for (Access& access : logged) {
        relations_.name(access);
        if (access.relation == 0 && shown.contains(access.table))
            continue;
        if (access.relation != 0 && !access.child)
            shown.insert(access.table);
        add(std::move(access));
    }
    if (definitions_changed)
        for (Access& access : relations_.changed())
            add(std::move(access));
    for (const std::string& name : reply.truncated) {
        Access access;
        access.table = "?." + name; // the notice gives no schema
        access.written = true;
        access.source = {"notice"};
        add(std::move(access));
    }
    std::vector<Access> list;
    for (auto& [name, access] : merged)
        list.push_back(std::move(access));
    return list;
}

void Session::write(std::string_view sql, const Facts& facts, const Reply& reply,
                    const std::vector<Access>& truth) const
{
    json::array touched;
    for (const Access& access : truth)
        touched.emplace_back(to_json(access));
    const json::object line{{"file", ascii(file_)},
                            {"session", PQbackendPID(server_.get())},
                            {"transaction", json::string(1, reply.transaction)},
                            {"sql", ascii(sql)},
                            {"accepted", reply.sqlstate.empty() && reply.alive},
                            {"sqlstate", ascii(reply.sqlstate)},
                            {"parsed", facts.parsed},
                            {"opaque", facts.opaque},
                            {"opaque_reasons", strings(facts.opaque_reasons)},
                            {"statements", statements(facts)},
                            {"truth", std::move(touched)}};
    out_ << json::serialize(line) << '\n' << std::flush;
}

} // namespace stepgate::oracle
